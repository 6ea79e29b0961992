"""What the pages of publications read from an address or a form, and who asks."""

from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request

from server.accounts.identity import signed_in
from server.documents import lifecycle
from server.documents.models import Document
from server.errors import DomainError, Invalid, NotFound
from server.publishing.models import Publication
from server.publishing.wall_time import zones
from server.web.times import zone_of
from server.workspaces.access import Actor, actor_for

A_PAGE: Final = 50
SENTENCES: Final = {
    "publications-planned": "Planned. It goes out by itself at its time.",
    "publications-series": "All of them are planned. Each goes out by itself at its time.",
    "publications-now": "It is on its way out; this page says what becomes of it.",
    "publications-renewed": "This one and those after it send what is approved now.",
    "publications-queued": "In the queue. It goes out by itself in the slot that it took.",
    "publications-moved": "Moved.",
    "publications-cancelled": "Cancelled. It will not go out.",
    "publications-again": "It is tried again now.",
    "publications-settled": "Noted.",
}


async def find_document(request: Request) -> tuple[Document, Actor]:
    """Return the document and the person at work in its workspace. Raises NotFound."""
    user = signed_in(request)
    document, at = await lifecycle.find(request.state.db, user, request.path_params["document_id"])
    if at.workspace_role is None:
        raise NotFound
    return document, Actor(user.id, document.workspace_id, at.workspace_role)


async def find_publication(request: Request) -> tuple[Actor, UUID]:
    """Return the person at work in the publication's workspace, and its id. Raises NotFound."""
    publication_id: UUID = request.path_params["publication_id"]
    user = signed_in(request)
    workspace_id = await request.state.db.scalar(
        select(col(Publication.workspace_id)).where(col(Publication.id) == publication_id)
    )
    if workspace_id is None:
        raise NotFound
    return await actor_for(request.state.db, user, workspace_id), publication_id


def local_time(text: str) -> datetime:
    """Read a time as a clock shows it, from a form. Raises Invalid for the field `time`."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid({"time": "Give a day and a time."}) from None
    if read.tzinfo is not None:
        raise Invalid({"time": "Give the time as the clock shows it, without an offset."})
    return read


def zone_shown(request: Request) -> ZoneInfo:
    """Return the zone of whoever looks."""
    found = zone_of(request)
    return found if isinstance(found, ZoneInfo) and found.key in zones() else ZoneInfo("UTC")


def uuid_or_none(text: str | None) -> UUID | None:
    """Return the id that a text is; None if it is none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def sentences_of(error: DomainError) -> dict[str, str]:
    """Return what a refusal says, by the field that it is about; `form` for what is about none."""
    return (error.fields if isinstance(error, Invalid) else {}) or {"form": str(error)}

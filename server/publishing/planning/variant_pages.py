"""The page of a document's variants: what it says on each account, adapted beside the text and live.

The text is written by the page's script in the shared document (`server.documents.variants` says how); what becomes of
it on an account is asked of the previews. Without script the page shows the document's text, to be read.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.documents import lifecycle, variants, ydoc
from server.documents.access import DocumentVerb
from server.documents.lifecycle import LiveDocuments
from server.documents.write_html import write_html
from server.errors import NotFound
from server.publishing.channel import Channel, Field
from server.publishing.models import ChannelAccount
from server.settings import Settings
from server.web.render import render
from server.workspaces.access import Actor, Verb, can

# For more than these a document cannot say something else anyhow.
MOST_ACCOUNTS: Final = variants.MAX_ACCOUNTS


@dataclass(frozen=True, slots=True)
class _Place:
    """An account on the page."""

    id: UUID
    name: str
    kind: str
    channel: str
    has_titles: bool
    has_replies: bool
    options: Sequence[Field]


@dataclass(frozen=True, slots=True)
class _Read:
    """A document as it was saved last. `written_for`: the accounts on which it says something else."""

    title: str
    html: Markup
    written_for: Collection[str]


async def show(request: Request) -> Response:
    """Show the variants of a document, the one of the account in the path or of the first account."""
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, at = await lifecycle.find(db, user, request.path_params["document_id"])
    if at.workspace_role is None:
        # The accounts are the workspace's, and nothing for somebody from elsewhere.
        raise NotFound
    live: LiveDocuments = request.app.state.live
    read = await asyncio.to_thread(_read, await live.read(document.id))
    places = await _places(db, document.workspace_id, request.app.state.reach.channels)
    works_here = can(Actor(user.id, document.workspace_id, at.workspace_role), Verb.CREATE, document)
    if not works_here:
        # Guests do not learn of accounts that have nothing to do with what is shared with them.
        places = [place for place in places if str(place.id) in read.written_for]
    account_id: UUID | None = request.path_params.get("account_id")
    if account_id is not None and all(place.id != account_id for place in places):
        raise NotFound
    epoch = await lifecycle.epoch_of(db, document.id)
    trashed = document.trashed_at is not None
    settings: Settings = request.app.state.settings
    return render(
        request,
        "publishing/variants.html",
        document={"id": document.id, "title": read.title, "epoch": epoch, "trashed": trashed},
        content_html=read.html,
        saved_at=document.updated_at,
        places=places,
        shown=account_id or (places[0].id if places else None),
        may_write=not trashed and can(at, DocumentVerb.EDIT, document),
        may_suggest=not trashed and can(at, DocumentVerb.SUGGEST, document),
        may_publish=request.state.publishes,
        is_guest=not works_here,
        me={"id": user.id, "name": user.name, "colour": user.colour},
        limits={"max_upload_bytes": settings.max_upload_bytes},
    )


def _read(state: bytes) -> _Read:
    doc = ydoc.load(state)
    title, node = ydoc.read_title(doc), ydoc.read_node(doc)
    return _Read(title, write_html(node), variants.resolve(doc, title, node).keys())


async def _places(db: AsyncSession, workspace_id: UUID, channels: Mapping[str, Channel]) -> list[_Place]:
    rows = await db.scalars(
        select(ChannelAccount)
        .where(col(ChannelAccount.workspace_id) == workspace_id, col(ChannelAccount.disconnected_at).is_(None))
        .order_by(col(ChannelAccount.channel), col(ChannelAccount.name), col(ChannelAccount.id))
        .limit(MOST_ACCOUNTS)
    )
    return [_place(row, channel, channels) for row in rows if (channel := channels.get(row.channel)) is not None]


def _place(row: ChannelAccount, channel: Channel, channels: Mapping[str, Channel]) -> _Place:
    # What a sandbox plays cannot do need not be written for it.
    played = channels.get(str(row.facts.get("plays", "")), channel)
    can = played.capabilities
    return _Place(row.id, row.name, played.kind, channel.name, can.titles, can.replies, tuple(channel.options))


_PAGE: Final = "/documents/{document_id:uuid}/channels"
routes: Final = [
    Route(_PAGE, show, methods=["GET"]),
    Route(_PAGE + "/{account_id:uuid}", show, methods=["GET"]),
]

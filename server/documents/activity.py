"""What happened to a document, in plain words: the workspace's ledger, as far as it is about it, for who may see it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.audit import ledger
from server.documents import lifecycle
from server.documents.access import DocumentActor, DocumentVerb, can, require
from server.documents.models import Document
from server.web.render import render
from server.web.times import zone_of

A_PAGE: Final = 50
# Who has which role, and which links lead here, concerns those who may share it.
_OF_SHARING: Final = ("document.", "link.", "guest.")


async def find_followed(db: AsyncSession, user: User, document_id: UUID) -> tuple[Document, DocumentActor]:
    """Return a document for somebody who follows what becomes of it: a member who sees it, or who may decide about it.

    Whoever only reads by a link is told nothing of how people work. Raises NotFound, Forbidden.
    """
    document, actor = await lifecycle.find(db, user, document_id)
    if actor.workspace_role is None:
        require(actor, DocumentVerb.DECIDE, document)
    return document, actor


def may_follow(actor: DocumentActor, document: Document) -> bool:
    """Whether `find_followed` lets them."""
    verb = DocumentVerb.VIEW if actor.workspace_role is not None else DocumentVerb.DECIDE
    return can(actor, verb, document)


def hidden_from(actor: DocumentActor, document: Document) -> tuple[str, ...]:
    """Return the beginnings of kinds of deeds that somebody is not told."""
    return () if can(actor, DocumentVerb.SHARE, document) else _OF_SHARING


async def show(request: Request) -> Response:
    """Show what happened to a document, the newest first."""
    db: AsyncSession = request.state.db
    document, actor = await find_followed(db, signed_in(request), request.path_params["document_id"])
    before = _number(request.query_params.get("before"))
    deeds = await ledger.of_document(db, document.id, before=before, limit=A_PAGE + 1, but=hidden_from(actor, document))
    shown = deeds[:A_PAGE]
    return render(
        request,
        "documents/activity.html",
        document={"id": document.id, "title": document.title},
        days=ledger.by_day(shown, zone_of(request)),
        before=before,
        # What has no number yet is newer than all that has: a page that ends in it has nothing to ask for.
        older=shown[-1].number if len(deeds) > A_PAGE else None,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 18 else None


routes: Final = [Route("/documents/{document_id:uuid}/activity", show, methods=["GET"])]

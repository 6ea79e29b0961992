"""The pages of documents: the list with its trash, and the page to write on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import (
    activity,
    collection_pages,
    collection_sharing,
    collections,
    content,
    exporting,
    lifecycle,
    link_pages,
    share_panel,
)
from server.documents.access import DocumentActor, DocumentVerb
from server.documents.forms import MAX_PAGES, ROWS_PER_PAGE, Back, NewForm, RenameForm, RestoreForm, WhereForm
from server.documents.lifecycle import Change, Listed, LiveDocuments, Page, View
from server.documents.models import Document
from server.documents.visiting import Visitor, visitors
from server.documents.write_html import write_html
from server.errors import Invalid, NotFound
from server.settings import Settings
from server.web.render import render, wants_fragment
from server.workspaces.access import ALLOWED, Actor, Verb, actor_for, can
from server.workspaces.forms import InviteForm
from server.workspaces.middleware import actor_here, current_actor
from server.workspaces.routes import answer_with_link


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document in the list; `updated_by` is a name."""

    id: UUID
    title: str
    excerpt: str
    updated_at: datetime
    updated_by: str | None
    trashed_at: datetime | None
    may_edit: bool
    may_share: bool
    may_move: bool
    collection: tuple[UUID, str] | None
    # Where it is on its way out, as the domain above draws it; None: a draft.
    pill: object
    visitors: Sequence[Visitor]


async def index(request: Request) -> Response:
    """Show the documents of the workspace, or those in its trash."""
    shown = request.query_params.get("workspace")
    if wants_fragment(request) and shown is not None and shown != str(current_actor(request).workspace_id):
        # Another tab switched. A list of this workspace under the name of that one would mislead: the page loads anew.
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return await _list(request, WhereForm.model_validate(dict(request.query_params)))


async def create(request: Request) -> Response:
    """Make an empty document and go to it."""
    db: AsyncSession = request.state.db
    form = await NewForm.read(request)
    document = await lifecycle.create(db, actor_here(request, form))
    if form.collection is not None:
        await collections.put(db, signed_in(request), document.id, form.collection)
    await _announce(request, document, Change.CREATED)
    return RedirectResponse(f"/documents/{document.id}", status_code=303)


async def show(request: Request) -> Response:
    """Show a document with its last saved text in the page; the editor takes over in place."""
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document_id: UUID = request.path_params["document_id"]
    try:
        document, actor = await lifecycle.find(db, user, document_id)
    except NotFound:
        if await share_panel.may_ask(db, user, document_id):
            return share_panel.asking(request, document_id)
        raise
    return await editor_page(request, document, actor, user)


async def editor_page(
    request: Request,
    document: Document,
    actor: DocumentActor,
    user: User,
    *,
    template: str = "documents/editor.html",
    pictures: str = "/assets/",
    **more: Any,  # noqa: ANN401 - whatever the template asks for
) -> Response:
    """Return the page to write on, for whoever may see the document; `more` is for a template made from it.

    `pictures`: where this page finds them.
    """
    db: AsyncSession = request.state.db
    epoch = await lifecycle.epoch_of(db, document.id)
    pills = await request.app.state.pills(db, [document.id])
    live: LiveDocuments = request.app.state.live
    state = await live.read(document.id)
    title, content_html = await asyncio.to_thread(_read, state)
    trashed = document.trashed_at is not None
    settings: Settings = request.app.state.settings
    may_invite = actor.workspace_role is not None and Verb.INVITE in ALLOWED[actor.workspace_role]
    shown = Markup(str(content_html).replace('src="/assets/', f'src="{pictures}'))  # noqa: S704 - escaped by write_html
    everything: dict[str, Any] = {
        "document": {
            "id": document.id,
            "title": title,
            "epoch": epoch,
            "trashed": trashed,
            "may_restore": trashed and can(actor, DocumentVerb.RESTORE, document),
        },
        "content_html": shown,
        "saved_at": document.updated_at,
        "may_write": not trashed and can(actor, DocumentVerb.EDIT, document),
        "has_history": can(actor, DocumentVerb.EDIT, document),
        "pill": pills.get(document.id),
        "may_decide": not trashed and can(actor, DocumentVerb.DECIDE, document),
        "may_follow": not trashed and activity.may_follow(actor, document),
        "may_suggest": not trashed and can(actor, DocumentVerb.SUGGEST, document),
        "may_share": not trashed and can(actor, DocumentVerb.SHARE, document),
        "may_move": not trashed and actor.workspace_role is not None and can(actor, DocumentVerb.MOVE, document),
        "may_invite": not trashed and may_invite and can(actor, DocumentVerb.SHARE, document),
        "me": {"id": user.id, "name": user.name, "colour": user.colour},
        "limits": {"max_upload_bytes": settings.max_upload_bytes},
    }
    return render(request, template, **{**everything, **more})


async def show_visitors(request: Request) -> Response:
    """Show who is in a document at this moment, as its row in the list does."""
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, _ = await lifecycle.find(db, user, request.path_params["document_id"])
    here = await visitors(request.app.state.visits, db, [document.id], first=user.id)
    return render(
        request, "documents/visitors.html", document_id=document.id, visitors=here.get(document.id, ()), me=user.id
    )


async def rename(request: Request) -> Response:
    """Give a document another title."""
    form = await RenameForm.read(request)
    document = await lifecycle.rename(
        request.state.db,
        request.app.state.live,
        signed_in(request),
        request.path_params["document_id"],
        form.title,
    )
    await _announce(request, document, Change.RENAMED)
    return await _back_to_list(request, form)


async def trash(request: Request) -> Response:
    """Move a document to the trash; whoever has it open is told so."""
    form = await WhereForm.read(request)
    document = await lifecycle.trash(request.state.db, signed_in(request), request.path_params["document_id"])
    await request.state.db.commit()
    live: LiveDocuments = request.app.state.live
    await live.close(document.id)
    await _announce(request, document, Change.TRASHED)
    return await _back_to_list(request, form)


async def restore(request: Request) -> Response:
    """Take a document out of the trash, and go back to the page that asked: the list, or the document itself."""
    form = await RestoreForm.read(request)
    document = await lifecycle.restore(request.state.db, signed_in(request), request.path_params["document_id"])
    await _announce(request, document, Change.RESTORED)
    if form.back is Back.DOCUMENT:
        return RedirectResponse(f"/documents/{document.id}", status_code=303)
    return await _back_to_list(request, form)


async def invite(request: Request) -> Response:
    """Make a link that leads to a document, by way of joining its workspace."""
    form = await InviteForm.read(request)
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, _ = await lifecycle.find(db, user, request.path_params["document_id"], DocumentVerb.SHARE)
    # Whoever follows the link joins the workspace: so only a member can make one.
    actor = await actor_for(db, user, document.workspace_id)
    return await answer_with_link(request, actor, form, document_id=document.id)


def _read(state: bytes) -> tuple[str, Markup]:
    read = content.load(state, suggestions=True)
    return read.title, write_html(read.node)


async def _announce(request: Request, document: Document, change: Change) -> None:
    # First the commit: whoever hears of it reads the database at once.
    await request.state.db.commit()
    await lifecycle.announce(request.app.state.events, document, change, signed_in(request).id)


async def _back_to_list(request: Request, where: WhereForm) -> Response:
    if wants_fragment(request):
        return await _list(request, where)
    return RedirectResponse(_address(where), status_code=303)


def _address(where: WhereForm, **more: str) -> str:
    """Return the address of this list, without what goes without saying."""
    wishes = {
        "view": where.view.value if where.view is View.TRASH else "",
        "collection": str(where.collection) if where.collection else "",
        "q": where.q,
        "after": where.after,
        "pages": str(where.pages) if where.pages > 1 else "",
        **more,
    }
    query = urlencode({name: value for name, value in wishes.items() if value})
    return f"/documents?{query}" if query else "/documents"


async def _list(request: Request, where: WhereForm) -> Response:
    db: AsyncSession = request.state.db
    actor = current_actor(request)
    places = await collections.listed(db, actor)
    if where.collection is not None and all(each.collection.id != where.collection for each in places):
        if wants_fragment(request):
            # It went while its list was open.
            return Response(status_code=204, headers={"HX-Redirect": "/documents"})
        raise NotFound
    page = await _rows(db, actor, where)
    if where.after and not page.rows:
        # What stood here went away or got newer, or the address is not ours: the list from its start.
        where = where.model_copy(update={"after": "", "pages": 1})
        page = await _rows(db, actor, where)
    counts = await lifecycle.counts(db, actor)
    shown = [listed.document.id for listed in page.rows] if where.view is not View.TRASH else []
    here = await visitors(request.app.state.visits, db, shown, first=actor.user_id)
    pills = await request.app.state.pills(db, shown)
    return render(
        request,
        "documents/index.html",
        block="list" if wants_fragment(request) else None,
        documents=[
            _row(listed, places, here.get(listed.document.id, ()), pill=pills.get(listed.document.id))
            for listed in page.rows
        ],
        shelf=collection_pages.shelf(places, where.collection, counts.within),
        view=where.view.value,
        query=where.q,
        counts=counts,
        may_write=can(actor, Verb.CREATE, actor),
        after=where.after,
        pages=where.pages,
        addresses=_addresses(where, page.next_cursor, actor),
    )


async def _rows(db: AsyncSession, actor: Actor, where: WhereForm) -> Page:
    try:
        return await lifecycle.page(
            db,
            actor,
            view=where.view,
            query=where.q,
            collection_id=where.collection,
            limit=where.pages * ROWS_PER_PAGE,
            cursor=where.after or None,
        )
    except Invalid:
        # The cursor of an old or mistyped address.
        return Page([], None)


def _addresses(where: WhereForm, next_cursor: str | None, actor: Actor) -> dict[str, str | None]:
    """Return where the list leads: `here` when it changes live, the `newest`, the `older` page, and `more` of it."""
    older = where.model_copy(update={"after": next_cursor, "pages": 1})
    more = where.model_copy(update={"pages": where.pages + 1})
    return {
        "here": _address(where, workspace=str(actor.workspace_id)),
        "newest": _address(where.model_copy(update={"after": "", "pages": 1})) if where.after else None,
        "older": _address(older) if next_cursor else None,
        "more": _address(more) if next_cursor and where.pages < MAX_PAGES else None,
    }


def _row(listed: Listed, places: Sequence[collections.Listed], here: Sequence[Visitor], *, pill: object) -> DocumentRow:
    document = listed.document
    place = next((each.collection for each in places if each.collection.id == document.collection_id), None)
    return DocumentRow(
        id=document.id,
        title=document.title,
        excerpt=document.excerpt,
        updated_at=document.updated_at,
        updated_by=listed.updated_by,
        trashed_at=document.trashed_at,
        may_edit=can(listed.actor, DocumentVerb.RENAME, document),
        may_share=can(listed.actor, DocumentVerb.SHARE, document),
        may_move=can(listed.actor, DocumentVerb.MOVE, document),
        collection=(place.id, place.name) if place is not None else None,
        pill=pill,
        visitors=here,
    )


routes = [
    Route("/documents", index, methods=["GET"]),
    Route("/documents", create, methods=["POST"]),
    Route("/documents/{document_id:uuid}", show, methods=["GET"]),
    Route("/documents/{document_id:uuid}/visitors", show_visitors, methods=["GET"]),
    Route("/documents/{document_id:uuid}/rename", rename, methods=["POST"]),
    Route("/documents/{document_id:uuid}/trash", trash, methods=["POST"]),
    Route("/documents/{document_id:uuid}/restore", restore, methods=["POST"]),
    Route("/documents/{document_id:uuid}/invitations", invite, methods=["POST"]),
    *exporting.routes,
    *share_panel.routes,
    *collection_pages.routes,
    *collection_sharing.routes,
    *link_pages.routes,
    *activity.routes,
]

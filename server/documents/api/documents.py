"""Listing, creating, finding, renaming, trashing and restoring documents over the API."""

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import content, lifecycle
from server.documents.api.shapes import (
    DocumentList,
    DocumentSeen,
    ListQuery,
    Me,
    NewDocument,
    Person,
    TitleChange,
    WorkspaceSeen,
)
from server.documents.api.turns import turn
from server.documents.lifecycle import Change, LiveDocuments
from server.documents.models import Document, Lineage
from server.errors import NotFound
from server.events import Events
from server.settings import Settings
from server.web.operations import Call, NoBody, NoQuery, Reply
from server.workspaces import membership
from server.workspaces.access import Verb, require
from server.workspaces.middleware import current_actor


async def me(call: Call[NoQuery, NoBody]) -> Reply[Me]:
    """Say who the token or the session belongs to, and which workspaces that person is in."""
    user = signed_in(call.request)
    seen = [
        WorkspaceSeen(id=each.workspace.id, name=each.workspace.name, role=each.actor.role)
        for each in await membership.list_for(call.request.state.db, user.id)
    ]
    current = call.request.state.workspace
    return Reply(
        Me(
            id=user.id,
            name=user.name,
            email=user.email,
            workspace=next((each for each in seen if current and each.id == current.id), None),
            workspaces=seen,
        )
    )


async def list_documents(call: Call[ListQuery, NoBody]) -> Reply[DocumentList]:
    """List the documents of your workspace, newest change first.

    Follow `next_cursor` until it is null. A document that changes meanwhile moves to the front, where the pages you
    have read already do not show it.
    """
    request, query = call.request, call.query
    page = await lifecycle.page(
        request.state.db,
        current_actor(request),
        view=query.view,
        query=query.q,
        collection_id=query.collection,
        limit=query.limit,
        cursor=query.cursor,
    )
    seen = await _seen(request, [row.document for row in page.rows])
    return Reply(DocumentList(documents=seen, next_cursor=page.next_cursor))


async def create_document(call: Call[NoQuery, NewDocument]) -> Reply[DocumentSeen]:
    """Create a document in your workspace, with a title and content if you like. `Location` is its address."""
    request = call.request
    db: AsyncSession = request.state.db
    actor = current_actor(request)
    # Before the work: whoever may not create anything is told so at once.
    require(actor, Verb.CREATE, actor)
    async with turn(request, len(call.body.content)):
        node = await asyncio.to_thread(content.parse, call.body.content, call.body.format)
        document = await lifecycle.create(db, actor, title=call.body.title, content=node)
    await _settle(request, document, Change.CREATED)
    return Reply(await one(request, document), headers={"Location": f"/api/v1/documents/{document.id}"})


async def get_document(call: Call[NoQuery, NoBody]) -> Reply[DocumentSeen]:
    """Return a document without its content. One that is in the trash can be read too."""
    request = call.request
    document, _ = await lifecycle.find(request.state.db, signed_in(request), document_id_of(request))
    return Reply(await one(request, document))


async def rename_document(call: Call[NoQuery, TitleChange]) -> Reply[DocumentSeen]:
    """Give a document another title. Whoever has it open sees the title change."""
    request = call.request
    document = await lifecycle.rename(
        request.state.db, live_of(request), signed_in(request), document_id_of(request), call.body.title
    )
    await _settle(request, document, Change.RENAMED)
    return Reply(await one(request, document))


async def trash_document(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Move a document to the trash. Whoever has it open is sent out; nothing is lost. Doing it twice is no error."""
    request = call.request
    document = await lifecycle.trash(request.state.db, signed_in(request), document_id_of(request))
    await _settle(request, document, Change.TRASHED)
    # After the commit: whoever is sent out and knocks again must find it in the trash. A second attempt repeats this,
    # should it fail.
    await live_of(request).close(document.id)
    return Reply(None)


async def restore_document(call: Call[NoQuery, NoBody]) -> Reply[DocumentSeen]:
    """Take a document out of the trash. Doing it twice is no error."""
    request = call.request
    document = await lifecycle.restore(request.state.db, signed_in(request), document_id_of(request))
    await _settle(request, document, Change.RESTORED)
    return Reply(await one(request, document))


def document_id_of(request: Request) -> UUID:
    """Return the id in the address."""
    document_id: UUID = request.path_params["document_id"]
    return document_id


def live_of(request: Request) -> LiveDocuments:
    """Return the live documents of this process."""
    live: LiveDocuments = request.app.state.live
    return live


async def _settle(request: Request, document: Document, change: Change) -> None:
    """Commit, and only then tell the lists that are open."""
    await request.state.db.commit()
    events: Events = request.app.state.events
    await lifecycle.announce(events, document, change, signed_in(request).id)


async def one(request: Request, document: Document) -> DocumentSeen:
    """Return a document as the API shows it."""
    return (await _seen(request, [document]))[0]


async def _seen(request: Request, documents: Sequence[Document]) -> list[DocumentSeen]:
    db: AsyncSession = request.state.db
    settings: Settings = request.app.state.settings
    people = await _people(db, {each for one in documents for each in (one.created_by, one.updated_by)} - {None})
    ids = [each.id for each in documents]
    lineages = select(col(Lineage.document_id), col(Lineage.epoch)).where(col(Lineage.document_id).in_(ids))
    epochs: dict[UUID, UUID] = {row[0]: row[1] for row in await db.execute(lineages)}
    if len(epochs) < len(ids):
        # Removed for good in this very moment.
        raise NotFound
    return [
        DocumentSeen(
            id=each.id,
            workspace_id=each.workspace_id,
            collection_id=each.collection_id,
            epoch=epochs[each.id],
            title=each.title,
            excerpt=each.excerpt,
            url=f"{settings.public_url}/documents/{each.id}",
            created_at=each.created_at,
            created_by=people.get(each.created_by),
            updated_at=each.updated_at,
            updated_by=people.get(each.updated_by),
            trashed_at=each.trashed_at,
        )
        for each in documents
    ]


async def _people(db: AsyncSession, ids: Iterable[UUID | None]) -> dict[UUID | None, Person]:
    rows = await db.execute(select(col(User.id), col(User.name)).where(col(User.id).in_(ids)))
    return {user_id: Person(id=user_id, name=name) for user_id, name in rows}

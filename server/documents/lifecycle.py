"""Creating, finding, renaming, trashing and restoring documents.

Every function checks what the actor may do. None commits: what changes rows belongs to the caller's transaction, and
what others must hear of is announced by the caller after the commit.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID, uuid4

from prosemirror.model import Node
from sqlalchemy import ColumnElement, Uuid, any_, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents import ydoc
from server.documents.access import (
    DocumentActor,
    DocumentRole,
    DocumentVerb,
    actor_at,
    require,
    role_of,
    shared_with,
)
from server.documents.models import (
    MAX_EXCERPT_CHARACTERS,
    Collaborator,
    Collection,
    Document,
    DocumentUpdate,
    Lineage,
    utc_now,
)
from server.documents.pairing import digest
from server.documents.plain_text import excerpt
from server.documents.schema import empty_document
from server.errors import Conflict, Invalid, NotFound
from server.events import Events
from server.workspaces.access import Actor, Verb

MAX_PAGE_SIZE: Final = 500
MAX_QUERY_CHARACTERS: Final = 200
MAX_FOLLOWED: Final = 1000
FIRST_SEQ: Final = 1

EVENT: Final = "documents"


class View(StrEnum):
    """Which documents a list shows."""

    ALL = "all"
    TRASH = "trash"


class Change(StrEnum):
    """What happened to a document, as lists hear of it."""

    CREATED = "created"
    RENAMED = "renamed"
    TRASHED = "trashed"
    RESTORED = "restored"
    UPDATED = "updated"
    SHARED = "shared"
    REVIEWED = "reviewed"


class LiveDocuments(Protocol):
    """Documents as they are now, open rooms included (server.documents.live.Live)."""

    async def read(self, document_id: UUID) -> bytes:
        """Return the whole state as one Yjs update. Raises NotFound, Unavailable."""

    async def edit(
        self,
        document_id: UUID,
        change: Callable[[ydoc.YDoc], None],
        *,
        by: UUID | None = None,
        still: Callable[[], Awaitable[None]] | None = None,
    ) -> int:
        """Make a forward edit that everybody sees; return its durable place in the log, 0 if nothing changed.

        `still` is asked when the change is worked out, and raises if it may not be made any more.
        """

    async def settle(self, document_id: UUID) -> None:
        """Bring what lists say of it up to date now."""

    async def close(self, document_id: UUID) -> None:
        """Send everybody out, in every process."""

    async def access_changed(self, document_ids: Sequence[UUID]) -> None:
        """Ask again who may do what, for everybody who has one of these open, in every process."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A document in a list, with the name of who changed it last, and with whoever asked as somebody at it."""

    document: Document
    updated_by: str | None
    actor: DocumentActor


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `next_cursor` asks for the part after it, None at the end."""

    rows: list[Listed]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many documents each view holds, and how many each collection itself, out of the trash; None: in none."""

    all: int
    trash: int
    within: Mapping[UUID | None, int]


async def find(
    db: AsyncSession, user: User, document_id: UUID, verb: DocumentVerb = DocumentVerb.VIEW
) -> tuple[Document, DocumentActor]:
    """Return a document, trashed or not, and the person as somebody at it who may do `verb`.

    Raises NotFound if there is none or it is not shared with the person, Forbidden if they may not do that with it.
    """
    document, actor = await actor_at(db, user, document_id)
    require(actor, verb, document)
    return document, actor


async def create(db: AsyncSession, actor: Actor, *, title: str = "", content: Node | None = None) -> Document:
    """Create a document with its first update, which goes into the log here and nowhere else. The actor owns it."""
    require(actor, Verb.CREATE, actor)
    node = content or empty_document()
    # A long import is seconds of work; others go on meanwhile.
    seed, words, said = await asyncio.to_thread(
        lambda: (ydoc.seed(title, node), excerpt(node, MAX_EXCERPT_CHARACTERS), digest(ydoc.clean_title(title), node))
    )
    now = utc_now()
    document = Document(
        id=uuid4(),
        workspace_id=actor.workspace_id,
        title=ydoc.clean_title(title),
        excerpt=words,
        said=said,
        created_by=actor.user_id,
        created_at=now,
        updated_at=now,
        updated_by=actor.user_id,
        projected_seq=FIRST_SEQ,
    )
    db.add(document)
    # Rows without a relationship are written in any order; the log's rows refer to this one.
    await db.flush()
    db.add(
        Collaborator(
            workspace_id=actor.workspace_id,
            document_id=document.id,
            user_id=actor.user_id,
            role=DocumentRole.OWNER.value,
            added_by=actor.user_id,
            added_at=now,
        )
    )
    db.add(Lineage(document_id=document.id, seq=FIRST_SEQ, bytes=len(seed)))
    db.add(DocumentUpdate(document_id=document.id, seq=FIRST_SEQ, data=seed, created_at=now, written_by=actor.user_id))
    await db.flush()
    return document


async def epoch_of(db: AsyncSession, document_id: UUID) -> UUID:
    """Return the name of a document's lineage. Raises NotFound."""
    epoch = await db.scalar(select(col(Lineage.epoch)).where(col(Lineage.document_id) == document_id))
    if epoch is None:
        raise NotFound
    return epoch


async def title_of(db: AsyncSession, document_id: UUID) -> str | None:
    """Return the title of a document that is not in the trash, for an invitation to it; None if there is none."""
    found = select(col(Document.title)).where(col(Document.id) == document_id, col(Document.trashed_at).is_(None))
    return await db.scalar(found)


async def rename(db: AsyncSession, live: LiveDocuments, user: User, document_id: UUID, title: str) -> Document:
    """Give a document another title: in the text that people have open, and in the lists.

    Raises Conflict if it is in the trash.
    """
    document, actor = await find(db, user, document_id, DocumentVerb.RENAME)
    _refuse_trashed(document)
    cleaned = ydoc.clean_title(title)
    still = _asked_again(db, user, document, DocumentVerb.RENAME)
    seq = await live.edit(document_id, lambda doc: ydoc.write_title(doc, cleaned), by=actor.user_id, still=still)
    document.title = cleaned
    if seq:
        document.updated_at, document.updated_by = utc_now(), actor.user_id
    await db.flush()
    return document


async def replace_content(
    db: AsyncSession, live: LiveDocuments, user: User, document_id: UUID, change: Callable[[ydoc.YDoc], None]
) -> tuple[Document, int]:
    """Apply a change to the text of a document, and return its place in the log (0 if it changed nothing).

    Raises Conflict if the document is in the trash.
    """
    document, actor = await find(db, user, document_id, DocumentVerb.EDIT)
    _refuse_trashed(document)
    still = _asked_again(db, user, document, DocumentVerb.EDIT)
    seq = await live.edit(document_id, change, by=actor.user_id, still=still)
    if seq:
        document.updated_at, document.updated_by = utc_now(), actor.user_id
        await db.flush()
    return document, seq


def _asked_again(db: AsyncSession, user: User, document: Document, verb: DocumentVerb) -> Callable[[], Awaitable[None]]:
    """Return the question whether somebody still may edit a document, for when an edit is worked out at last.

    From then until the end of the transaction nobody is removed from the document, nor is it put in the trash: either
    comes after the edit.
    """

    async def still() -> None:
        # The log's rows refer to this one; only a lock that leaves its key alone lets the edit itself be written.
        await db.refresh(document, with_for_update={"key_share": True})
        _refuse_trashed(document)
        await find(db, user, document.id, verb)

    return still


async def trash(db: AsyncSession, user: User, document_id: UUID) -> Document:
    """Move a document to the trash; nothing of it is lost. One that is there already stays as it is."""
    document, actor = await find(db, user, document_id, DocumentVerb.TRASH)
    if document.trashed_at is None:
        document.trashed_at, document.trashed_by = utc_now(), actor.user_id
        await db.flush()
    return document


async def restore(db: AsyncSession, user: User, document_id: UUID) -> Document:
    """Take a document out of the trash. One that is not there stays as it is."""
    document, _ = await find(db, user, document_id, DocumentVerb.RESTORE)
    if document.trashed_at is not None:
        document.trashed_at, document.trashed_by = None, None
        await db.flush()
    return document


async def spread_access(live: LiveDocuments, events: Events, document: Document, by: UUID | None) -> None:
    """Let open documents and lists follow a change of who may do what. Call it after the commit."""
    await live.access_changed([document.id])
    await announce(events, document, Change.SHARED, by)


async def spread_collection(
    live: LiveDocuments, events: Events, workspace_id: UUID, document_ids: Sequence[UUID]
) -> None:
    """The same for what lies in a collection; one word to the lists for all of it."""
    await live.access_changed(document_ids[:MAX_FOLLOWED])
    data = {"document_id": None, "change": Change.SHARED.value, "by": None}
    await events.publish(workspace_id, EVENT, data)


async def spread_membership(db: AsyncSession, live: LiveDocuments, events: Events, workspace_id: UUID) -> None:
    """Let a workspace's open documents and lists follow what became of one of its members. Call it after the commit.

    Documents that nobody has touched for long are left to the regular question, which comes within half a minute.
    """
    newest = (
        select(col(Document.id))
        .where(col(Document.workspace_id) == workspace_id, col(Document.trashed_at).is_(None))
        .order_by(col(Document.updated_at).desc())
        .limit(MAX_FOLLOWED)
    )
    await live.access_changed((await db.scalars(newest)).all())
    data = {"document_id": None, "change": Change.SHARED.value, "by": None}
    await events.publish(workspace_id, EVENT, data)


async def announce(events: Events, document: Document, change: Change, by: UUID | None) -> None:
    """Tell the lists that are open in the workspace, of those who see the document. Call it after the commit."""
    data = {"document_id": str(document.id), "change": change.value, "by": str(by) if by else None}
    # It goes from the lists of those who see it no more; they hear that something is shared otherwise, and not what.
    otherwise = {"document_id": None, "change": change.value, "by": None} if change is Change.SHARED else None
    await events.publish(document.workspace_id, EVENT, data, otherwise=otherwise)


async def page(
    db: AsyncSession,
    actor: Actor,
    *,
    view: View = View.ALL,
    query: str = "",
    collection_id: UUID | None = None,
    limit: int = MAX_PAGE_SIZE,
    cursor: str | None = None,
) -> Page:
    """Return what is shared with the actor in their workspace, newest change (or newest in the trash) first.

    `query` looks for documents whose title or first words hold every word of it. With `collection_id` only what lies in
    that collection itself counts; what is looked for may lie deeper. Raises Invalid for a foreign cursor.
    """
    limit = max(1, min(limit, MAX_PAGE_SIZE))
    when = col(Document.trashed_at) if view is View.TRASH else col(Document.updated_at)
    rank = shared_with(actor)
    found = (
        select(Document, col(User.name), rank)
        .outerjoin(User, col(User.id) == Document.updated_by)
        .where(*_matching(actor, view, query), rank.is_not(None))
        .order_by(when.desc(), col(Document.id).desc())
        .limit(limit + 1)
    )
    if collection_id is not None:
        found = found.where(_lies_within(collection_id) if query else col(Document.collection_id) == collection_id)
    if cursor is not None:
        found = found.where(tuple_(when, col(Document.id)) < tuple_(*_read_cursor(cursor)))
    rows = [
        Listed(
            document,
            name,
            DocumentActor(
                user_id=actor.user_id,
                workspace_id=actor.workspace_id,
                document_id=document.id,
                workspace_role=actor.role,
                role=role_of(its_rank),
            ),
        )
        for document, name, its_rank in (await db.execute(found)).all()
    ]
    shown = rows[:limit]
    last = shown[-1].document if len(rows) > limit else None
    return Page(shown, _write_cursor(last, view) if last else None)


async def counts(db: AsyncSession, actor: Actor) -> Counts:
    """Return how many documents of the workspace are shared with the actor, in and out of the trash."""
    place = col(Document.collection_id)
    trashed = func.count(col(Document.trashed_at))
    theirs = (col(Document.workspace_id) == actor.workspace_id, shared_with(actor).is_not(None))
    rows = (await db.execute(select(place, func.count() - trashed, trashed).where(*theirs).group_by(place))).all()
    within = {collection_id: number for collection_id, number, _ in rows}
    return Counts(all=sum(within.values()), trash=sum(number for _, _, number in rows), within=within)


def _matching(actor: Actor, view: View, query: str) -> list[ColumnElement[bool]]:
    trashed = col(Document.trashed_at).is_not(None)
    conditions = [col(Document.workspace_id) == actor.workspace_id, trashed if view is View.TRASH else ~trashed]
    for word in query[:MAX_QUERY_CHARACTERS].replace("\0", "").split():
        pattern = "%" + word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        conditions.append((col(Document.title) + " " + col(Document.excerpt)).ilike(pattern, escape="\\"))
    return conditions


def _lies_within(collection_id: UUID) -> ColumnElement[bool]:
    deeper = select(col(Collection.id)).where(literal(collection_id, Uuid) == any_(col(Collection.path)))
    return col(Document.collection_id).in_(deeper)


def _refuse_trashed(document: Document) -> None:
    if document.trashed_at is not None:
        raise Conflict("This document is in the trash. Restore it first.")


def _write_cursor(document: Document, view: View) -> str:
    when = document.trashed_at if view is View.TRASH else document.updated_at
    return urlsafe_b64encode(json.dumps([when.isoformat() if when else "", str(document.id)]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        when, document_id = json.loads(urlsafe_b64decode(cursor.encode()))
        written = datetime.fromisoformat(when)
        # A time of the year 1 that is earlier still in UTC cannot be sent to the database.
        read = written.astimezone(UTC), UUID(document_id)
    except (NotBase64, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Invalid({"cursor": "This cursor is not one of ours."}) from error
    if written.tzinfo is None:
        raise Invalid({"cursor": "This cursor is not one of ours."})
    return read

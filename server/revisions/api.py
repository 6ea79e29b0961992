"""Revisions for programs: `/api/v1/documents/{id}/revisions`."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from prosemirror.model import Node
from pydantic import ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from server.accounts.identity import signed_in
from server.documents import content, lifecycle, ydoc
from server.documents.access import DocumentVerb
from server.documents.api.documents import document_id_of, live_of
from server.documents.api.shapes import Person
from server.documents.api.turns import turn
from server.documents.content import Format
from server.documents.lifecycle import Change
from server.documents.models import Document
from server.revisions import comparisons, crediting, listing, recording, removing, restoring, states
from server.revisions.authorship import letters, passages
from server.revisions.comparing import Block, Kind, words
from server.revisions.crediting import Credits
from server.revisions.listing import Listed
from server.revisions.models import MAX_NAME_CHARACTERS, Reason, Revision
from server.revisions.removing import Stretch
from server.revisions.restoring import Restored
from server.revisions.writing import Author, write_block
from server.settings import Settings
from server.web.forms import Line
from server.web.operations import (
    Answer,
    AnyOperation,
    BodyInput,
    Call,
    Instant,
    NoBody,
    NoQuery,
    Operation,
    QueryInput,
    Reply,
)
from server.web.operations import routes as routes_of

_DOCUMENT: Final = "/api/v1/documents/{document_id:uuid}"
_REVISION: Final = f"{_DOCUMENT}/revisions/{{revision_id:uuid}}"

Cursor = Annotated[
    str | None,
    StringConstraints(pattern=r"^[0-9]{1,15}$"),
    Field(description="`next_cursor` of the page before this one."),
]
Name = Annotated[
    Line,
    StringConstraints(max_length=MAX_NAME_CHARACTERS),
    Field(description="One line of text that people find it by."),
]


class RevisionsQuery(QueryInput):
    """Which revisions to list."""

    limit: int = Field(default=50, ge=1, le=100, description="How many revisions to return at most.")
    cursor: Cursor = None


class RevisionQuery(QueryInput):
    """How the content is to be written."""

    format: Format = Field(default=Format.MARKDOWN, description="The form of `content`; JSON is written as text too.")


class CompareQuery(QueryInput):
    """What to compare."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_: UUID = Field(alias="from", description="The id of the older revision.")
    to: UUID | None = Field(
        default=None, description="The id of the newer one; without it, what the document says now."
    )
    limit: int = Field(default=100, ge=1, le=500, description="How many changes to return at most.")
    cursor: Cursor = None


class AuthorshipQuery(QueryInput):
    """Which part of the text to tell about."""

    limit: int = Field(default=100, ge=1, le=500, description="How many blocks to return at most.")
    cursor: Cursor = None


class NewRevision(BodyInput):
    """A name for what the document says now."""

    name: Annotated[Name, StringConstraints(min_length=1)]


class RevisionName(BodyInput):
    """A name for a revision; an empty one takes it away."""

    name: Name


class RemovalWish(BodyInput):
    """Whose changes to take back, and of which time."""

    user_id: UUID = Field(description="Who made them.")
    since: Instant | None = Field(
        default=None, description="Only what came after this moment; null: from the beginning."
    )
    until: Instant | None = Field(default=None, description="Only what came up to this moment; null: up to now.")


class RestoreWish(BodyInput):
    """What to restore."""

    block_id: str | None = Field(
        default=None,
        max_length=200,
        description="The id of one top-level block. Without it, the whole text and the title.",
    )


class RevisionSeen(Answer):
    """A revision without its content."""

    id: UUID
    document_id: UUID
    number: int = Field(
        description="Counts from 1 in each document; numbers of revisions that were thinned out are missing."
    )
    created_at: datetime
    reason: Reason = Field(description="Why it was made.")
    name: str | None
    title: str = Field(description="The document's title at that time.")
    authors: list[Person] = Field(description="Who wrote since the revision before, as far as it is known.")
    made_by: Person | None = Field(description="Who named, imported or restored; null if it came by itself.")
    restored: int | None = Field(description="Of a restore of a whole text: the number of the revision that it was.")
    added: int = Field(description="Characters that came since the revision before.")
    removed: int = Field(description="Characters that went.")
    url: str = Field(description="The page that shows it.")


class RevisionList(Answer):
    """One page of a list, newest first."""

    revisions: list[RevisionSeen]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")


class RevisionRead(Answer):
    """A revision and what the document said."""

    revision: RevisionSeen
    format: Format
    content: str


class ChangeSeen(Answer):
    """What happened to one top-level block."""

    kind: Kind
    block_id: str | None
    before: str = Field(description="What it said, as plain text; empty if it was not there.")
    after: str = Field(description="What it says; empty if it is gone.")
    html: str = Field(description="Both in one, with `ins` and `del`.")
    authors: list[Person] = Field(description="Who did it, as far as it is known.")


class CompareSeen(Answer):
    """What changed between two revisions, or between one and the present."""

    title_before: str
    title_after: str
    added: int = Field(description="Characters that came.")
    removed: int = Field(description="Characters that went.")
    authors: list[Person] = Field(description="Everybody who wrote between the two.")
    total: int = Field(description="How many blocks changed.")
    changes: list[ChangeSeen] = Field(description="The changed blocks, in the order of the text.")
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")


class PassageSeen(Answer):
    """Text that one person wrote at one time."""

    text: str = Field(description="The characters; a picture, a rule or a line break is U+FFFC.")
    author: Person | None = Field(description="Who wrote it; null if it is not known.")
    written_at: datetime | None = Field(
        description="The minute in which it came; if that is not known any more, when a revision was made of it."
    )
    revision_id: UUID | None = Field(description="The oldest revision there is that has it; null if none has it yet.")


class PassagesSeen(Answer):
    """A block that holds text itself, and who wrote it."""

    block_id: str | None
    passages: list[PassageSeen] = Field(description="In the order of the text.")


class AuthorshipSeen(Answer):
    """Who wrote what the document says now."""

    total: int = Field(description="How many blocks hold text.")
    blocks: list[PassagesSeen] = Field(description="In the order of the text; those in lists and tables one by one.")
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")


class RestoreDone(Answer):
    """What a restore did."""

    changed: bool = Field(description="False if the document said exactly this already.")
    before: RevisionSeen = Field(description="What the document said until then: restore this to take it back.")
    revision: RevisionSeen | None = Field(description="What it says now; null if nothing changed.")


async def list_revisions(call: Call[RevisionsQuery, NoBody]) -> Reply[RevisionList]:
    """List the revisions of a document, newest first.

    They are made by themselves while people write and pause, and by whoever names, imports or restores.
    """
    request, query = call.request, call.query
    db: AsyncSession = request.state.db
    document, _ = await lifecycle.find(db, signed_in(request), document_id_of(request), DocumentVerb.EDIT)
    page = await listing.page(
        db, document.id, limit=query.limit, cursor=int(query.cursor) if query.cursor is not None else None
    )
    return Reply(
        RevisionList(
            revisions=[_seen(request, each) for each in page.rows],
            next_cursor=str(page.next_cursor) if page.next_cursor is not None else None,
        )
    )


async def create_revision(call: Call[NoQuery, NewRevision]) -> Reply[RevisionSeen]:
    """Keep what the document says now under a name. If the newest revision says the same, it is given the name."""
    request = call.request
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, _ = await lifecycle.find(db, user, document_id_of(request), DocumentVerb.EDIT)
    revision = await recording.record(db, document.id, reason=Reason.NAMED, name=call.body.name, by=user.id)
    return Reply(
        await _one(request, revision),
        headers={"Location": f"/api/v1/documents/{document.id}/revisions/{revision.id}"},
    )


async def get_revision(call: Call[RevisionQuery, NoBody]) -> Reply[RevisionRead]:
    """Read what a document said."""
    request = call.request
    db: AsyncSession = request.state.db
    document, _ = await lifecycle.find(db, signed_in(request), document_id_of(request), DocumentVerb.EDIT)
    revision = await listing.find(db, document.id, _revision_id(request))
    packed = await states.read_state(db, revision)
    seen = await _one(request, revision)
    async with turn(request, sum(map(len, packed))):
        text = await asyncio.to_thread(lambda: content.write(ydoc.read_node(states.unpack(packed)), call.query.format))
    return Reply(RevisionRead(revision=seen, format=call.query.format, content=text))


async def name_revision(call: Call[NoQuery, RevisionName]) -> Reply[RevisionSeen]:
    """Give a revision another name, or take its name away. One with a name is kept for good."""
    request = call.request
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, _ = await lifecycle.find(db, user, document_id_of(request), DocumentVerb.EDIT)
    revision = await listing.find(db, document.id, _revision_id(request))
    revision.name = call.body.name or None
    await db.flush()
    return Reply(await _one(request, revision))


async def compare_revisions(call: Call[CompareQuery, NoBody]) -> Reply[CompareSeen]:
    """Say what changed between two revisions, or between a revision and the present, block by block."""
    request, query = call.request, call.query
    db: AsyncSession = request.state.db
    document, _ = await lifecycle.find(db, signed_in(request), document_id_of(request), DocumentVerb.EDIT)
    old = await listing.find(db, document.id, query.from_)
    new = await listing.find(db, document.id, query.to) if query.to is not None else None
    found = await comparisons.compared(request, document, old, new)
    comparison, changes = found.comparison, found.comparison.changes
    start = int(query.cursor or 0)
    shown = changes[start : start + query.limit]
    return Reply(
        CompareSeen(
            title_before=comparison.old_title,
            title_after=comparison.new_title,
            added=comparison.added,
            removed=comparison.removed,
            authors=[_person(author) for author in found.authors],
            total=len(changes),
            changes=await asyncio.to_thread(lambda: [_change(block, found) for block in shown]),
            next_cursor=str(start + query.limit) if start + query.limit < len(changes) else None,
        )
    )


async def read_authorship(call: Call[AuthorshipQuery, NoBody]) -> Reply[AuthorshipSeen]:
    """Say who wrote what the document says now, and when.

    Words keep their author when somebody makes a heading of them, moves them or parts a paragraph in two.
    """
    request, query = call.request, call.query
    db: AsyncSession = request.state.db
    document, _ = await lifecycle.find(db, signed_in(request), document_id_of(request), DocumentVerb.EDIT)
    credits_ = await crediting.credits_of(request, document)
    blocks = [each for each in passages(credits_.node) if letters(each)]
    start = int(query.cursor or 0)
    return Reply(
        AuthorshipSeen(
            total=len(blocks),
            blocks=[_passages(each, credits_) for each in blocks[start : start + query.limit]],
            next_cursor=str(start + query.limit) if start + query.limit < len(blocks) else None,
        )
    )


async def restore_revision(call: Call[NoQuery, RestoreWish]) -> Reply[RestoreDone]:
    """Make the document say what the revision says, as an edit like any other.

    Whoever has it open sees it happen, and what they type meanwhile is kept. What the document said until then is a
    revision too, `before`.
    """
    request = call.request
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, done = await restoring.restore(
        db,
        live_of(request),
        user,
        document_id_of(request),
        _revision_id(request),
        block_id=call.body.block_id,
    )
    return await _done(request, document, done)


async def remove_changes(call: Call[NoQuery, RemovalWish]) -> Reply[RestoreDone]:
    """Take back what one person did in a stretch of time, as an edit like any other.

    What they wrote then goes. Where they alone wrote between two revisions, what nobody has changed since is again as
    it was, with the words that they deleted. What others wrote stays. The title is left as it is.
    """
    request, body = call.request, call.body
    document, done = await removing.remove(
        request.state.db,
        live_of(request),
        signed_in(request),
        document_id_of(request),
        person_id=body.user_id,
        during=Stretch(body.since, body.until),
    )
    return await _done(request, document, done)


async def _done(request: Request, document: Document, done: Restored) -> Reply[RestoreDone]:
    answer = RestoreDone(
        changed=done.after is not None,
        before=await _one(request, done.before),
        revision=await _one(request, done.after) if done.after is not None else None,
    )
    await request.state.db.commit()
    await lifecycle.announce(request.app.state.events, document, Change.UPDATED, signed_in(request).id)
    return Reply(answer)


def _revision_id(request: Request) -> UUID:
    revision_id: UUID = request.path_params["revision_id"]
    return revision_id


async def _one(request: Request, revision: Revision) -> RevisionSeen:
    [found] = await listing.listed(request.state.db, [revision])
    return _seen(request, found)


def _seen(request: Request, listed: Listed) -> RevisionSeen:
    settings: Settings = request.app.state.settings
    revision = listed.revision
    return RevisionSeen(
        id=revision.id,
        document_id=revision.document_id,
        number=revision.number,
        created_at=revision.created_at,
        reason=Reason(revision.reason),
        name=revision.name,
        title=revision.title,
        authors=[_person(author) for author in listed.authors],
        made_by=_person(listed.made_by) if listed.made_by is not None else None,
        restored=revision.restored,
        added=revision.added,
        removed=revision.removed,
        url=f"{settings.public_url}/documents/{revision.document_id}/history?revision={revision.id}",
    )


def _change(block: Block, found: comparisons.Compared) -> ChangeSeen:
    html, authors = write_block(block, found.hands)
    before = block.node if block.kind is Kind.REMOVED else block.before
    block_id = block.node.attrs.get("id")
    return ChangeSeen(
        kind=block.kind,
        block_id=str(block_id) if block_id is not None else None,
        before=words(before) if before is not None else "",
        after=words(block.node) if block.kind is not Kind.REMOVED else "",
        html=str(html),
        authors=[_person(author) for author in authors],
    )


def _passages(block: Node, credits_: Credits) -> PassagesSeen:
    text, at = letters(block), 0
    found = []
    for length, passage in credits_.whose(block):
        found.append(
            PassageSeen(
                text=text[at : at + length],
                author=_person(passage.author) if passage.author is not None else None,
                written_at=passage.at,
                revision_id=credits_.revision_at(passage.at) if passage.at is not None else None,
            )
        )
        at += length
    block_id = block.attrs.get("id")
    return PassagesSeen(block_id=str(block_id) if block_id is not None else None, passages=found)


def _person(author: Author) -> Person:
    return Person(id=author.id, name=author.name)


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="listRevisions",
        method="GET",
        path=f"{_DOCUMENT}/revisions",
        summary="List what a document said before",
        handle=list_revisions,
        query=RevisionsQuery,
        body=NoBody,
        answer=RevisionList,
        refusals=(403, 404),
    ),
    Operation(
        name="createRevision",
        method="POST",
        path=f"{_DOCUMENT}/revisions",
        summary="Keep what a document says now under a name",
        handle=create_revision,
        query=NoQuery,
        body=NewRevision,
        answer=RevisionSeen,
        status=201,
        refusals=(404,),
        answers_with={"Location": "The address of the revision."},
    ),
    Operation(
        name="compareRevisions",
        method="GET",
        path=f"{_DOCUMENT}/compare",
        summary="Compare two revisions",
        handle=compare_revisions,
        query=CompareQuery,
        body=NoBody,
        answer=CompareSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="readAuthorship",
        method="GET",
        path=f"{_DOCUMENT}/authorship",
        summary="Read who wrote what",
        handle=read_authorship,
        query=AuthorshipQuery,
        body=NoBody,
        answer=AuthorshipSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="getRevision",
        method="GET",
        path=_REVISION,
        summary="Read what a document said",
        handle=get_revision,
        query=RevisionQuery,
        body=NoBody,
        answer=RevisionRead,
        refusals=(403, 404),
    ),
    Operation(
        name="nameRevision",
        method="PATCH",
        path=_REVISION,
        summary="Name a revision",
        handle=name_revision,
        query=NoQuery,
        body=RevisionName,
        answer=RevisionSeen,
        refusals=(404,),
    ),
    Operation(
        name="restoreRevision",
        method="POST",
        path=f"{_REVISION}/restore",
        summary="Make a document say what it said",
        handle=restore_revision,
        query=NoQuery,
        body=RestoreWish,
        answer=RestoreDone,
        refusals=(404, 409),
    ),
    Operation(
        name="removeChanges",
        method="POST",
        path=f"{_DOCUMENT}/removals",
        summary="Take back what one person did",
        handle=remove_changes,
        query=NoQuery,
        body=RemovalWish,
        answer=RestoreDone,
        refusals=(404, 409),
    ),
)

routes: Final = routes_of(OPERATIONS)

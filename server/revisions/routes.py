"""The page of a document's history: what it said, what changed, and the ways back.

It is for those who may edit: it holds what was taken out before a document was shown to others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.documents import lifecycle
from server.documents.access import DocumentActor, DocumentVerb, can
from server.documents.lifecycle import Change
from server.documents.models import Document
from server.errors import NotFound
from server.revisions import comparisons, crediting, listing, recording, removing, restoring, retention
from server.revisions.authorship import passages
from server.revisions.comparing import Block, Kind
from server.revisions.comparisons import Compared
from server.revisions.crediting import Credits
from server.revisions.forms import HistoryQuery, NameForm, RemoveForm, RestoreForm
from server.revisions.listing import Listed
from server.revisions.models import Reason, Revision
from server.revisions.removing import Stretch
from server.revisions.restoring import Restored
from server.revisions.writing import Author, Hands, write_block, write_passages
from server.web.render import render
from server.web.times import zone_of
from server.workspaces.access import Verb
from server.workspaces.models import Role

ROWS_PER_PAGE: Final = 50
# A page of so many blocks is still drawn at once; a book has several.
BLOCKS_PER_PART: Final = 300


@dataclass(frozen=True, slots=True)
class Row:
    """A revision in the list."""

    id: UUID
    number: int
    created_at: datetime
    name: str | None
    badge: str | None
    authors: tuple[Author, ...]
    added: int
    removed: int
    url: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A block of the text. `change`: its number among the changes, None if it is the same in both.

    `words` says what happened and who did it; `put_back` is the revision that has the block as it would be restored.
    """

    html: Markup
    kind: Kind = Kind.SAME
    change: int | None = None
    words: str = ""
    authors: tuple[Author, ...] = ()
    block_id: str | None = None
    put_back: UUID | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody who wrote in a block, when they last did, and the page of the revision that has it."""

    author: Author | None
    at: datetime | None
    url: str


@dataclass(frozen=True, slots=True)
class Written:
    """A block of the text with who wrote it. `repeats`: the same people and minutes as above it."""

    html: Markup
    signed: tuple[Signed, ...]
    repeats: bool


async def show(request: Request) -> Response:
    """Show a revision, or the present, with what changed since another."""
    db: AsyncSession = request.state.db
    document, actor = await lifecycle.find(
        db, signed_in(request), request.path_params["document_id"], DocumentVerb.EDIT
    )
    query = HistoryQuery.of(dict(request.query_params))
    page = await listing.page(db, document.id, limit=ROWS_PER_PAGE, cursor=query.before)
    rows = [_row(each) for each in page.rows]
    selected = await _wanted(db, document.id, query.revision)
    against = await _wanted(db, document.id, query.against)
    if against is None:
        against = await listing.before(db, selected) if selected is not None else await _newest(db, document.id)
    [*chosen] = await listing.listed(db, [each for each in (selected, against) if each is not None])
    names = {each.revision.id: _row(each) for each in chosen}
    restored = await _wanted(db, document.id, query.restored)
    size = await _size_for(db, document.id, actor)
    found = await comparisons.compared(request, document, against, selected)
    blocks = found.comparison.blocks
    part = min(query.part, max(1, -(-len(blocks) // BLOCKS_PER_PART)))
    shown = await asyncio.to_thread(_blocks, found, part, selected, against)
    return render(
        request,
        "revisions/history.html",
        document={"id": document.id, "title": found.comparison.new_title},
        old_title=found.comparison.old_title,
        days=_by_day(rows, zone_of(request)),
        rows=rows,
        selected=names[selected.id] if selected is not None else None,
        against=names[against.id] if against is not None else None,
        blocks=shown,
        changes=sum(block.kind is not Kind.SAME for block in blocks),
        added=found.comparison.added,
        removed=found.comparison.removed,
        authors=_everybody(found.authors, shown),
        is_same=found.comparison.is_empty,
        part=part,
        addresses=_addresses(document.id, query, part, len(blocks), page.next_cursor),
        may_edit=document.trashed_at is None,
        may_copy=selected is not None and _may_create(actor),
        restored=restored,
        unchanged=query.unchanged and restored is None,
        size_bytes=size,
    )


def _everybody(authors: Sequence[Author], shown: Sequence[Shown]) -> list[Author]:
    """Return who wrote between two revisions, and whose suggestions, made before, were accepted between them."""
    found = {author.id: author for author in authors}
    for block in shown:
        found |= {author.id: author for author in block.authors}
    return sorted(found.values(), key=lambda author: author.name)


async def authors(request: Request) -> Response:
    """Show the present with who wrote each passage, and when."""
    db: AsyncSession = request.state.db
    document, actor = await lifecycle.find(
        db, signed_in(request), request.path_params["document_id"], DocumentVerb.EDIT
    )
    query = HistoryQuery.of(dict(request.query_params))
    page = await listing.page(db, document.id, limit=ROWS_PER_PAGE)
    size = await _size_for(db, document.id, actor)
    credits_ = await crediting.credits_of(request, document)
    blocks = credits_.node.content.content
    part = min(query.part, max(1, -(-len(blocks) // BLOCKS_PER_PART)))
    written = await asyncio.to_thread(_written, document.id, credits_, part)
    path = f"{_address(document.id)}/authors"
    return render(
        request,
        "revisions/authors.html",
        document={"id": document.id, "title": credits_.title},
        days=_by_day([_row(each) for each in page.rows], zone_of(request)),
        rows=page.rows,
        selected=None,
        written=written,
        shares=_shares(credits_),
        addresses={
            "earlier": f"{path}?part={part - 1}" if part > 1 else None,
            "later": f"{path}?part={part + 1}" if part * BLOCKS_PER_PART < len(blocks) else None,
            "older": _address(document.id, before=page.next_cursor) if page.next_cursor is not None else None,
            "newest": None,
        },
        may_edit=False,
        size_bytes=size,
    )


async def name(request: Request) -> Response:
    """Give a revision a name; of the present, make one."""
    form = await NameForm.read(request)
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, _ = await lifecycle.find(db, user, request.path_params["document_id"], DocumentVerb.EDIT)
    if "revision_id" in request.path_params:
        revision = await listing.find(db, document.id, request.path_params["revision_id"])
        revision.name = form.name or None
        await db.flush()
    elif form.name:
        revision = await recording.record(db, document.id, reason=Reason.NAMED, name=form.name, by=user.id)
    else:
        return RedirectResponse(_address(document.id), status_code=303)
    return RedirectResponse(_address(document.id, revision=revision.id), status_code=303)


async def restore(request: Request) -> Response:
    """Make the document say what a revision says, and show what it says now, with the way back."""
    form = await RestoreForm.read(request)
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, done = await restoring.restore(
        db,
        request.app.state.live,
        user,
        request.path_params["document_id"],
        request.path_params["revision_id"],
        block_id=form.block_id or None,
    )
    return await _show_done(request, document, done)


async def remove(request: Request) -> Response:
    """Take back what one person did between two revisions, and show what the document says now, with the way back."""
    form = await RemoveForm.read(request)
    db: AsyncSession = request.state.db
    document_id = request.path_params["document_id"]
    user = signed_in(request)
    await lifecycle.find(db, user, document_id, DocumentVerb.EDIT)
    ends = [await listing.find(db, document_id, each) if each else None for each in (form.since, form.until)]
    since, until = (each.created_at if each is not None else None for each in ends)
    document, done = await removing.remove(
        db, request.app.state.live, user, document_id, person_id=form.user_id, during=Stretch(since, until)
    )
    return await _show_done(request, document, done)


async def _show_done(request: Request, document: Document, done: Restored) -> Response:
    # First the commit: whoever hears of it reads the database at once.
    await request.state.db.commit()
    if done.after is None:
        return RedirectResponse(_address(document.id, unchanged=1), status_code=303)
    await lifecycle.announce(request.app.state.events, document, Change.UPDATED, signed_in(request).id)
    return RedirectResponse(_address(document.id, revision=done.after.id, restored=done.before.id), status_code=303)


async def copy(request: Request) -> Response:
    """Make a new document of what a revision says, and go to it."""
    db: AsyncSession = request.state.db
    user = signed_in(request)
    made = await restoring.copy(db, user, request.path_params["document_id"], request.path_params["revision_id"])
    await db.commit()
    await lifecycle.announce(request.app.state.events, made, Change.CREATED, user.id)
    return RedirectResponse(f"/documents/{made.id}", status_code=303)


async def _size_for(db: AsyncSession, document_id: UUID, actor: DocumentActor) -> int | None:
    """Return what an admin sees of the history's size."""
    return await retention.size_bytes(db, document_id) if actor.workspace_role is Role.ADMIN else None


async def _wanted(db: AsyncSession, document_id: UUID, revision_id: UUID | None) -> Revision | None:
    if revision_id is None:
        return None
    try:
        return await listing.find(db, document_id, revision_id)
    except NotFound:
        # Thinned out since the address was made.
        return None


async def _newest(db: AsyncSession, document_id: UUID) -> Revision | None:
    page = await listing.page(db, document_id, limit=1)
    return page.rows[0].revision if page.rows else None


def _row(listed: Listed) -> Row:
    revision = listed.revision
    return Row(
        id=revision.id,
        number=revision.number,
        created_at=revision.created_at,
        name=revision.name,
        badge=_badge(revision),
        authors=listed.authors,
        added=revision.added,
        removed=revision.removed,
        url=_address(revision.document_id, revision=revision.id),
    )


def _badge(revision: Revision) -> str | None:
    match Reason(revision.reason):
        case Reason.IMPORT:
            return "Imported"
        case Reason.RESTORE:
            return f"Restored version {revision.restored}" if revision.restored is not None else None
        case Reason.APPROVAL:
            return "Approved"
        case Reason.PUBLICATION:
            return "Published"
        case Reason.AUTOMATIC | Reason.NAMED:
            return "Created" if revision.number == 1 else None


def _by_day(rows: Sequence[Row], zone: tzinfo) -> list[tuple[datetime, list[Row]]]:
    """Return the rows by the days on which they were made where the reader is."""
    days = groupby(rows, lambda row: row.created_at.astimezone(zone).date())
    grouped = [list(day) for _, day in days]
    return [(day[0].created_at, day) for day in grouped]


def _blocks(found: Compared, part: int, selected: Revision | None, against: Revision | None) -> list[Shown]:
    start = (part - 1) * BLOCKS_PER_PART
    shown: list[Shown] = []
    number = sum(block.kind is not Kind.SAME for block in found.comparison.blocks[:start])
    for block in found.comparison.blocks[start : start + BLOCKS_PER_PART]:
        if block.kind is Kind.SAME:
            shown.append(Shown(write_block(block, found.hands)[0]))
            continue
        number += 1
        shown.append(_change(block, number, found.hands, selected, against))
    return shown


def _change(block: Block, number: int, hands: Hands, selected: Revision | None, against: Revision | None) -> Shown:
    html, authors = write_block(block, hands)
    block_id = block.node.attrs.get("id")
    source = against if selected is None or block.kind is Kind.REMOVED else selected
    return Shown(
        html=html,
        kind=block.kind,
        change=number,
        words=_words(block.kind, authors),
        authors=authors,
        block_id=str(block_id) if block_id is not None else None,
        put_back=source.id if source is not None else None,
    )


def _written(document_id: UUID, credits_: Credits, part: int) -> list[Written]:
    start = (part - 1) * BLOCKS_PER_PART
    found: list[Written] = []
    for block in credits_.node.content.content[start : start + BLOCKS_PER_PART]:
        said: dict[Author | None, Signed] = {}
        for passage in (each for inside in passages(block) for _, each in credits_.whose(inside)):
            before = said.get(passage.author)
            # Of one person the last time counts: then it became what it is.
            if before is None or (passage.at is not None and (before.at is None or passage.at > before.at)):
                revision = credits_.revision_at(passage.at) if passage.at is not None else None
                said[passage.author] = Signed(passage.author, passage.at, _address(document_id, revision=revision))
        signed = tuple(said.values())
        repeats = bool(found) and _places(signed) == _places(found[-1].signed)
        found.append(Written(write_passages(block, credits_.whose), signed, repeats=repeats))
    return found


def _places(signed: Iterable[Signed]) -> list[tuple[Author | None, datetime | None]]:
    """Return who and when, as the page says it."""
    return [(each.author, each.at.replace(second=0, microsecond=0) if each.at is not None else None) for each in signed]


def _shares(credits_: Credits) -> list[tuple[Author | None, int]]:
    """Return of whom how many hundredths of the text are, the most first; of nobody what is not known."""
    counts: Counter[Author | None] = Counter()
    for block in passages(credits_.node):
        for length, passage in credits_.whose(block):
            counts[passage.author] += length
    total = counts.total()
    return [(author, max(1, round(100 * count / total))) for author, count in counts.most_common()]


def _words(kind: Kind, authors: Sequence[Author]) -> str:
    done = {Kind.ADDED: "added", Kind.REMOVED: "removed", Kind.EDITED: "changed", Kind.SAME: "left"}[kind]
    if not authors:
        return done.capitalize()
    names = [author.name for author in authors]
    return f"{' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)} {done} this"


def _may_create(actor: DocumentActor) -> bool:
    maker = restoring.at_work(actor)
    return maker is not None and can(maker, Verb.CREATE, maker)


def _addresses(
    document_id: UUID, query: HistoryQuery, part: int, blocks: int, next_cursor: int | None
) -> dict[str, str | None]:
    """Return where the page leads: the parts of a long text, and the older revisions."""
    here = {"revision": query.revision, "against": query.against, "before": query.before}
    return {
        "earlier": _address(document_id, **here, part=part - 1) if part > 1 else None,
        "later": _address(document_id, **here, part=part + 1) if part * BLOCKS_PER_PART < blocks else None,
        "older": _address(document_id, **{**here, "before": next_cursor}) if next_cursor is not None else None,
        "newest": _address(document_id, **{**here, "before": None}) if query.before is not None else None,
    }


def _address(document_id: UUID, **parameters: UUID | int | None) -> str:
    query = urlencode({name: str(value) for name, value in parameters.items() if value is not None})
    path = f"/documents/{document_id}/history"
    return f"{path}?{query}" if query else path


_HISTORY: Final = "/documents/{document_id:uuid}/history"
_REVISION: Final = f"{_HISTORY}/{{revision_id:uuid}}"

routes = [
    Route(_HISTORY, show, methods=["GET"]),
    Route(f"{_HISTORY}/authors", authors, methods=["GET"]),
    Route(f"{_HISTORY}/name", name, methods=["POST"]),
    Route(f"{_HISTORY}/remove", remove, methods=["POST"]),
    Route(f"{_REVISION}/name", name, methods=["POST"]),
    Route(f"{_REVISION}/restore", restore, methods=["POST"]),
    Route(f"{_REVISION}/copy", copy, methods=["POST"]),
]

"""Who wrote what a document says now, and when: what its newest revision tells, carried on to the present."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from prosemirror.model import Node
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request

from server.documents import ydoc
from server.documents.api.turns import turn
from server.documents.models import Document, utc_now
from server.documents.ydoc import YDoc
from server.revisions import attribution, authorship, listing, states
from server.revisions.authorship import Authorship, letters
from server.revisions.comparing import compare
from server.revisions.marking import counts_of, read_marks
from server.revisions.models import History, Revision
from server.revisions.returning import Gone, remember
from server.revisions.states import Logged
from server.revisions.tracing import Trace, trace_since
from server.revisions.writing import Author, Passage


class Moment(NamedTuple):
    """When a revision was made, and its id."""

    at: datetime
    revision_id: UUID


@dataclass(frozen=True, slots=True)
class Known:
    """What the newest revision tells: its state and whose that is, packed, its place, state vector and time."""

    packed: tuple[bytes, ...]
    seq: int
    state_vector: bytes
    made_at: datetime
    authorship: bytes | None

    def trace(self, logged: Logged, old: YDoc, gone: Sequence[Gone] = ()) -> Trace:
        """Return what the log tells of what is newer. Use a thread.

        `old`: the state itself; `gone`: what is remembered of what was deleted before.
        """
        since, until = self.made_at, utc_now()
        return trace_since(logged, old, self.seq, self.state_vector, since=since, until=until, gone=gone)

    def since(self, changed_at: datetime) -> datetime:
        """Return when what is newer was written. `changed_at`: when the document changed last, as lists have it."""
        # Lists follow a little later, and what is newer is not older.
        return changed_at if changed_at > self.made_at else utc_now()


@dataclass(frozen=True, slots=True)
class Credits:
    """A document as it is now, and whose it is. `moments`: its revisions, oldest first."""

    node: Node
    title: str
    authorship: Authorship
    people: Mapping[int, Author]
    moments: Sequence[Moment]

    def whose(self, block: Node) -> list[tuple[int, Passage]]:
        """Return of a block that holds letters, in order, how many are whose."""
        runs = self.authorship.get(str(block.attrs.get("id")), ())
        length = len(letters(block))
        return [
            (run.length, Passage(self.people.get(run.client) if run.client is not None else None, run.at))
            for run in authorship.cut(runs, 0, length)
        ]

    def revision_at(self, at: datetime) -> UUID | None:
        """Return the first revision that has what was written then; None if there is none yet."""
        place = bisect_left(self.moments, at, key=lambda moment: moment.at)
        return self.moments[place].revision_id if place < len(self.moments) else None


async def credits_of(request: Request, document: Document) -> Credits:
    """Return who wrote what a document says now. Commits, because it may wait for its turn without a connection."""
    db: AsyncSession = request.state.db
    known = await known_of(db, document.id)
    people = await attribution.people_of(db, document.id)
    creator = (await listing.people(db, [document.created_by] if document.created_by is not None else [])).values()
    moments = await moments_of(db, document.id)
    logged = await states.read_log(db, document.id)
    at = known.since(document.updated_at) if known is not None else document.updated_at
    async with turn(request, sum(map(len, (*logged.updates, *(known.packed if known is not None else ()))))):
        doc, whose = await asyncio.to_thread(_carry_on, known, logged, at)
    if known is None:
        # It was made a moment ago, and all that it says is in its beginning.
        people = {**{client: each for client in counts_of(doc.get_state()) for each in creator}, **people}
    return Credits(ydoc.read_node(doc), ydoc.read_title(doc), whose, people, moments)


async def moments_of(db: AsyncSession, document_id: UUID) -> list[Moment]:
    """Return the revisions of a document, oldest first."""
    rows = await db.execute(
        select(col(Revision.created_at), col(Revision.id))
        .where(col(Revision.document_id) == document_id)
        .order_by(col(Revision.number))
    )
    return [Moment(*row) for row in rows]


async def known_of(db: AsyncSession, document_id: UUID) -> Known | None:
    """Return what the newest revision of a document tells; None if there is none."""
    row = (
        await db.execute(
            select(Revision, col(History.authorship))
            .join(History, col(History.document_id) == col(Revision.document_id))
            .where(col(Revision.document_id) == document_id, col(Revision.number) == col(History.number))
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    if row is None:
        return None
    newest, whose = row
    return Known(await states.read_state(db, newest), newest.seq, newest.state_vector, newest.created_at, whose)


def present_authorship(known: Known, doc: YDoc, at: datetime, logged: Logged | None = None) -> Authorship:
    """Return whose a live document is. Use a thread.

    `at`: when what is newer than the newest revision was written, where `logged`, what the log has of it, does not say.
    """
    old = states.unpack(known.packed)
    before, memory = authorship.recollect(known.authorship, old)
    comparison = compare(ydoc.read_node(old), ydoc.read_node(doc))
    traced = known.trace(logged, old, memory.gone) if logged is not None else Trace()
    if traced.came:
        whose = authorship.whose_letters(before)
        memory = remember(memory, old, whose, gone=traced.gone, came=traced.came, times=traced.times)
    marks = read_marks(doc, known.state_vector, traced.times, memory.returned)
    return authorship.carry(before, comparison, marks, traced.formed or at)


def _carry_on(known: Known | None, logged: Logged, at: datetime) -> tuple[YDoc, Authorship]:
    doc = states.build(logged.updates)
    return doc, authorship.begin(doc, at) if known is None else present_authorship(known, doc, at, logged)

"""Making revisions: at once when somebody asks for one, and by themselves for what the log has and no revision.

The log says what is due: the time of the first change since the newest revision, of the last, and how much came. So no
change is missed because a process died, and the row of `histories`, locked while a revision is made, keeps two
processes from making the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server import db as database
from server.documents import variants, ydoc
from server.documents.lifecycle import FIRST_SEQ
from server.documents.models import Document, DocumentUpdate, utc_now
from server.documents.schema import empty_document
from server.errors import NotFound
from server.revisions import attribution, authorship
from server.revisions.authorship import Authorship, Recalled
from server.revisions.comparing import Comparison, compare
from server.revisions.marking import counts_of, read_marks
from server.revisions.models import History, Keyframe, Reason, Revision, RevisionAuthor, Writer
from server.revisions.returning import Memory, remember
from server.revisions.states import Logged, Packed, build, pack, read_log, unpack
from server.revisions.tracing import trace_since

# The worker looks every minute; so nobody writes for more than five without a revision.
LONGEST_WRITING: Final = timedelta(minutes=4)
# A pause that ends a session: what was written in it is one revision.
QUIET: Final = timedelta(seconds=90)
# A page of text and more, by its bytes in the log, is not left waiting.
SIGNIFICANT_BYTES: Final = 4096
# More updates than a log ever has.
_NEVER: Final = 2**31

_DUE: Final = text("""
WITH behind AS (
    SELECT lineages.document_id, history.seq
    FROM lineages LEFT JOIN histories AS history USING (document_id)
    WHERE history.document_id IS NULL OR history.seq < lineages.seq
)
SELECT behind.document_id
FROM behind
CROSS JOIN LATERAL (
    SELECT min(created_at) AS begun, max(created_at) AS ended, sum(length(data)) AS bytes, count(*) AS updates
    FROM document_updates AS later
    WHERE later.document_id = behind.document_id AND later.seq > behind.seq
) AS news
WHERE news.begun IS NULL OR news.begun <= :long_ago OR news.ended <= :quiet_since OR news.bytes >= :significant
    OR news.updates >= :updates
ORDER BY news.begun NULLS FIRST
LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class _Before:
    """The newest revision, its state packed, and its keyframe."""

    revision: Revision
    keyframe: bytes

    @property
    def packed(self) -> tuple[bytes, ...]:
        return (self.keyframe,) if self.revision.delta is None else (self.keyframe, self.revision.delta)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What a state says, compared with the one before; itself, packed; who wrote what in it, and who deleted what.

    `memory`: what must be known for what comes back later.
    """

    comparison: Comparison
    packed: Packed
    authorship: Authorship
    deletions: Mapping[UUID, bytes]
    memory: Memory = field(default_factory=Memory)
    is_same_on_accounts: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said otherwise than before: not in the text, and not in one for an account."""
        return self.comparison.is_empty and self.is_same_on_accounts


async def due(db: AsyncSession, *, now: datetime, most: int = 200, updates: int | None = None) -> Sequence[UUID]:
    """Return the documents of which a revision should be made, those that wait longest first.

    `updates`: those with so many rows in the log behind the newest revision are among them, however new they are.
    """
    rows = await db.scalars(
        _DUE,
        {
            "long_ago": now - LONGEST_WRITING,
            "quiet_since": now - QUIET,
            "significant": SIGNIFICANT_BYTES,
            "updates": updates if updates is not None else _NEVER,
            "most": most,
        },
    )
    return [UUID(str(row)) for row in rows]


async def record_due(sessions: database.Sessions, *, now: datetime | None = None, updates: int | None = None) -> int:
    """Make all revisions that are due. Returns how many documents were looked at. Safe to run twice at once.

    `updates`: as for `due`.
    """
    async with database.transaction(sessions) as db:
        waiting = await due(db, now=now or utc_now(), updates=updates)
    for document_id in waiting:
        async with database.transaction(sessions) as db:
            try:
                await record(db, document_id)
            except NotFound:
                # Removed for good meanwhile.
                continue
    return len(waiting)


async def record(
    db: AsyncSession,
    document_id: UUID,
    *,
    reason: Reason = Reason.AUTOMATIC,
    name: str | None = None,
    by: UUID | None = None,
    restored: int | None = None,
    back: Recalled | None = None,
) -> Revision:
    """Return the revision of what a document says now: a new one, or the newest if nothing changed since.

    A reason other than AUTOMATIC makes a new one in any case, except that a name is given to a newest revision that
    has none and says the same. `back`: whose the text is that was brought back. Holds the document's history until the
    transaction ends. Raises NotFound.
    """
    history = await _hold(db, document_id)
    logged = await read_log(db, document_id)
    before = await _newest(db, history)
    if before is None:
        before = await _keep_beginning(db, history, logged)
    if reason is Reason.AUTOMATIC and history.seq >= logged.seq:
        return before.revision
    made_at = utc_now()
    weighed = await asyncio.to_thread(_weigh, logged, before, history.authorship, made_at, back)
    history.seq = max(history.seq, logged.seq)
    if weighed.is_empty:
        # A suggestion may have been rejected, and it is remembered when the rows that say so are folded.
        history.authorship = authorship.pack(weighed.authorship, weighed.memory)
        newest = before.revision
        if reason is Reason.AUTOMATIC:
            return newest
        if reason is Reason.NAMED and newest.name is None:
            newest.name, newest.made_by = name, newest.made_by or by
            newest.authorship = authorship.without_memory(history.authorship)
            await db.flush()
            return newest
    revision = await _add(
        db,
        history,
        seq=logged.seq,
        reason=reason,
        weighed=weighed,
        keyframe_id=before.revision.keyframe_id,
        made_at=made_at,
    )
    revision.name, revision.made_by, revision.restored = name, by, restored
    if reason is not Reason.AUTOMATIC:
        revision.authorship = authorship.without_memory(history.authorship)
    await attribution.keep_deletions(db, revision, weighed.deletions)
    await _name_authors(db, revision, since=before.revision.created_at, by=by)
    return revision


async def record_before(db: AsyncSession, document_id: UUID) -> Revision:
    """Return the revision of what a document says now, made ready to be gone back to. Raises NotFound."""
    revision = await record(db, document_id)
    revision.authorship = authorship.without_memory((await _hold(db, document_id)).authorship)
    await db.flush()
    return revision


async def _hold(db: AsyncSession, document_id: UUID) -> History:
    """Return the document's history, locked until the transaction ends."""
    if await db.scalar(select(col(Document.id)).where(col(Document.id) == document_id)) is None:
        raise NotFound
    await db.execute(
        insert(History).values(document_id=document_id, number=0, seq=0).on_conflict_do_nothing(),
    )
    # What this session may have read before it had the lock is no longer true.
    held = select(History).where(col(History.document_id) == document_id).with_for_update()
    return (await db.scalars(held.execution_options(populate_existing=True))).one()


async def _newest(db: AsyncSession, history: History) -> _Before | None:
    row = (
        await db.execute(
            select(Revision, col(Keyframe.data))
            .join(Keyframe, col(Keyframe.id) == col(Revision.keyframe_id))
            .where(col(Revision.document_id) == history.document_id)
            .order_by(col(Revision.number).desc())
            .limit(1)
            # A list that was read before has left out the states.
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    return _Before(*row) if row is not None else None


async def _keep_beginning(db: AsyncSession, history: History, logged: Logged) -> _Before:
    """Keep how the document began, if the log still has it; otherwise begin with what there is."""
    document = await db.get_one(Document, history.document_id)
    seed = await db.scalar(
        select(col(DocumentUpdate.data)).where(
            col(DocumentUpdate.document_id) == document.id, col(DocumentUpdate.seq) == FIRST_SEQ
        )
    )
    seq, updates = (FIRST_SEQ, (seed,)) if seed is not None else (logged.seq, logged.updates)
    made_at = document.created_at if seed is not None else utc_now()
    weighed = await asyncio.to_thread(_begin, updates, made_at)
    revision = await _add(
        db,
        history,
        seq=seq,
        reason=Reason.IMPORT if seed is not None and weighed.comparison.added else Reason.AUTOMATIC,
        weighed=weighed,
        keyframe_id=None,
        made_at=made_at,
    )
    revision.made_by = document.created_by if seed is not None else None
    history.seq = seq
    if revision.made_by is not None:
        db.add(RevisionAuthor(revision_id=revision.id, user_id=revision.made_by))
        await attribution.claim(db, document.id, dict.fromkeys(counts_of(revision.state_vector), revision.made_by))
        await db.flush()
    assert weighed.packed.keyframe is not None, "the first state builds on nothing"  # noqa: S101 - for the type
    return _Before(revision, weighed.packed.keyframe)


async def _add(
    db: AsyncSession,
    history: History,
    *,
    seq: int,
    reason: Reason,
    weighed: _Weighed,
    keyframe_id: UUID | None,
    made_at: datetime,
) -> Revision:
    comparison, packed = weighed.comparison, weighed.packed
    if packed.keyframe is not None:
        keyframe = Keyframe(document_id=history.document_id, data=packed.keyframe)
        db.add(keyframe)
        await db.flush()
        keyframe_id = keyframe.id
    assert keyframe_id is not None, "a delta has a keyframe"  # noqa: S101 - for the type
    history.number += 1
    history.authorship = authorship.pack(weighed.authorship, weighed.memory)
    revision = Revision(
        document_id=history.document_id,
        number=history.number,
        seq=seq,
        created_at=made_at,
        reason=reason.value,
        title=comparison.new_title,
        added=comparison.added,
        removed=comparison.removed,
        keyframe_id=keyframe_id,
        delta=packed.delta,
        state_vector=packed.state_vector,
    )
    db.add(revision)
    await db.flush()
    return revision


async def _name_authors(db: AsyncSession, revision: Revision, *, since: datetime, by: UUID | None) -> None:
    """Write down who wrote since the revision before. `by` is an author only of what they did themselves."""
    writers = await db.scalars(
        delete(Writer).where(col(Writer.document_id) == revision.document_id).returning(col(Writer.user_id))
    )
    authors = set(writers)
    if revision.reason == Reason.RESTORE and by is not None:
        authors.add(by)
    if not authors:
        # Through pages and the API one edits without a connection of one's own.
        document = await db.get_one(Document, revision.document_id, populate_existing=True)
        if document.updated_by is not None and document.updated_at > since:
            authors.add(document.updated_by)
    db.add_all(RevisionAuthor(revision_id=revision.id, user_id=author) for author in authors)
    await db.flush()


def _begin(updates: tuple[bytes, ...], at: datetime) -> _Weighed:
    """Weigh the first state of a document."""
    doc = build(updates)
    comparison = compare(empty_document(), ydoc.read_node(doc), new_title=ydoc.read_title(doc))
    return _Weighed(comparison, pack(doc, None), authorship.begin(doc, at), {})


def _weigh(
    logged: Logged,
    before: _Before,
    whose: bytes | None,
    at: datetime,
    back: Recalled | None = None,
) -> _Weighed:
    """Compare a state with the one before, pack it, and carry on who wrote what. `whose`: who wrote the one before."""
    doc = build(logged.updates)
    old = unpack(before.packed)
    (old_title, old_text), (new_title, new_text) = ((ydoc.read_title(it), ydoc.read_node(it)) for it in (old, doc))
    comparison = compare(old_text, new_text, old_title=old_title, new_title=new_title)
    # What follows an edited text is otherwise, too: only where the text is the same does it matter.
    is_same = not comparison.is_empty or (
        variants.resolve(old, old_title, old_text) == variants.resolve(doc, new_title, new_text)
    )
    known, memory = authorship.recollect(whose, old)
    newest = before.revision
    since = newest.created_at
    traced = trace_since(logged, old, newest.seq, newest.state_vector, since=since, until=at, gone=memory.gone)
    letters = authorship.whose_letters(known)
    memory = remember(memory, old, letters, gone=traced.gone, came=traced.came, times=traced.times)
    marks = read_marks(doc, newest.state_vector, traced.times, memory.returned)
    carried = authorship.carry(known, comparison, marks, traced.formed or at, back)
    return _Weighed(comparison, pack(doc, before.keyframe), carried, traced.ranges, memory, is_same)

"""Threads about suggestions follow them: with a decision the thread ends, and with its undoing it is taken up again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server import db as database
from server.comments import threads
from server.comments.models import Thread
from server.documents.models import Document
from server.documents.projection import Reading, project
from server.events import Events
from server.suggestions import recording
from server.suggestions.api import announce
from server.suggestions.recording import Changes


async def settle(
    sessions: database.Sessions,
    events: Events,
    document_id: UUID,
    seq: int,
    state: bytes,
    *,
    writers: Sequence[UUID],
) -> None:
    """Write down what a document says at place `seq` of its log, in its row, its suggestions' records and its threads.

    `writers` wrote since it settled last, the last one at the end.
    """
    told: list[tuple[Document, Changes, list[UUID]]] = []

    async def keep(db: AsyncSession, document: Document, reading: Reading) -> None:
        changes = await recording.follow(
            db, document_id, reading.suggestions, reading.accepted, writers=frozenset(writers)
        )
        told.append((document, changes, await follow(db, document_id, changes)))

    await project(sessions, events, document_id, seq, state, by=writers[-1] if writers else None, keep=keep)
    if writers:
        # Also where another process was quicker: it does not know who wrote here.
        async with database.transaction(sessions) as db:
            await recording.confirm(db, document_id, writers)
    for document, changes, thread_ids in told:
        if changes.decided or changes.again:
            await announce(events, document.workspace_id, document.id)
        for thread_id in thread_ids:
            await threads.announce(events, document, thread_id)


async def follow(db: AsyncSession, document_id: UUID, changes: Changes) -> list[UUID]:
    """End the threads of suggestions that were decided, take up those of suggestions that stand again; return which.

    One that somebody had put aside before stays so, also when the decision is undone.
    """
    decided = {(each.author_id, each.mark): each for each in changes.decided}
    again = set(changes.again)
    keys: Collection[tuple[UUID, str]] = [*decided, *again]
    if not keys:
        return []
    found = await db.scalars(
        select(Thread)
        .where(
            col(Thread.document_id) == document_id,
            tuple_(col(Thread.suggestion_author), col(Thread.suggestion_mark)).in_(keys),
        )
        .with_for_update()
    )
    changed = []
    for thread in found:
        if thread.suggestion_author is None or thread.suggestion_mark is None:
            continue
        key = (thread.suggestion_author, thread.suggestion_mark)
        if key in decided and thread.resolved_at is None:
            # The very moment of the decision: by that it is known what ended it.
            thread.resolved_at, thread.resolved_by = decided[key].decided_at, decided[key].decided_by
            thread.ended_by_decision = True
            changed.append(thread.id)
        elif key in again and thread.ended_by_decision:
            thread.resolved_at = thread.resolved_by = None
            thread.ended_by_decision = False
            changed.append(thread.id)
    await db.flush()
    return changed

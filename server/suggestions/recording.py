"""The records of suggestions, kept as the document has it. Nothing here commits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from prosemirror.model import Node
from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.models import utc_now
from server.documents.suggestions import Suggestion
from server.suggestions.models import (
    MAX_MARK_CHARACTERS,
    MAX_PART_CHARACTERS,
    MAX_PARTS,
    RecordedSuggestion,
    SuggestionState,
    Verdict,
)
from server.suggestions.reading import Accepted

# More than people go through; beyond these a document's suggestions stand in its text alone.
MAX_PENDING: Final = 2000
# What somebody says they did holds so long for a document that has not settled since, or has settled just before.
TOLD_HOLDS: Final = timedelta(minutes=10)
_MARK: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_MARK_CHARACTERS}}}")

Key = tuple[UUID, str]
"""Whose a suggestion is, and its mark."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Which suggestions of a document were decided, and which stand in it again."""

    decided: Sequence[RecordedSuggestion] = ()
    again: Sequence[Key] = ()


async def follow(
    db: AsyncSession,
    document_id: UUID,
    found: Sequence[Suggestion],
    accepted: Node,
    *,
    writers: Collection[UUID] = (),
    now: datetime | None = None,
) -> Changes:
    """Let the records say what a document says: `found` is all that is suggested in it, `accepted` the rest of it.

    The caller sees to it that no older state comes after a newer one. `writers` wrote since it settled last; if that
    was one person, it is they who decided what nobody told of.
    """
    now = now or utc_now()
    present = {(each.author_id, each.id): each for each in found}
    records = await _records(db, document_id, present)
    known = {(each.author_id, each.mark): each for each in records}
    await keep_new(db, document_id, [each for key, each in present.items() if key not in known], now=now)
    again = []
    for key, suggestion in present.items():
        record = known.get(key)
        if record is None:
            continue
        if (parts := _parts(suggestion)) != record.parts:
            record.parts, record.changed_at = parts, now
        if record.state != SuggestionState.PENDING:
            record.state, record.decided_at, record.decided_by, record.decision_noted_at = (
                SuggestionState.PENDING,
                None,
                None,
                None,
            )
            again.append(key)
    gone = [each for key, each in known.items() if key not in present and each.state == SuggestionState.PENDING]
    if gone:
        stayed = await asyncio.to_thread(_stayed, accepted, [each.parts for each in gone])
        for record, has_come in zip(gone, stayed, strict=True):
            _decide(record, has_come=has_come, writers=writers, now=now)
    await db.flush()
    return Changes(gone, again)


async def keep_new(
    db: AsyncSession, document_id: UUID, found: Iterable[Suggestion], *, now: datetime | None = None
) -> None:
    """Write down suggestions that have no record yet. Those of nobody, or with a mark of no sense, get none."""
    now = now or utc_now()
    fitting = [each for each in found if _MARK.fullmatch(each.id)][:MAX_PENDING]
    if not fitting:
        return
    people = {each.author_id for each in fitting}
    real = set(await db.scalars(select(col(User.id)).where(col(User.id).in_(people))))
    rows = [
        {
            "document_id": document_id,
            "author_id": each.author_id,
            "mark": each.id,
            "parts": _parts(each),
            "suggested_at": min(each.at, now),
            "recorded_at": now,
            "changed_at": now,
            "by_author": False,
            "state": SuggestionState.PENDING.value,
        }
        for each in fitting
        if each.author_id in real
    ]
    if rows:
        await db.execute(insert(RecordedSuggestion).values(rows).on_conflict_do_nothing())


async def confirm(db: AsyncSession, document_id: UUID, writers: Collection[UUID]) -> None:
    """Note that these people wrote themselves what is new in their name."""
    if writers:
        await db.execute(
            update(RecordedSuggestion)
            .where(
                col(RecordedSuggestion.document_id) == document_id,
                col(RecordedSuggestion.author_id).in_(writers),
                col(RecordedSuggestion.state) == SuggestionState.PENDING.value,
                col(RecordedSuggestion.by_author).is_(False),
            )
            .values(by_author=True)
            .execution_options(synchronize_session=False)
        )


async def tell(
    db: AsyncSession,
    document_id: UUID,
    user_id: UUID,
    verdict: Verdict,
    keys: Collection[Key],
    *,
    now: datetime | None = None,
) -> list[RecordedSuggestion]:
    """Note that somebody says they decided so. The caller has checked that they may.

    It holds once the document says that these are gone, and for those of which it has just said so and nobody knows who
    it was: returns these.
    """
    now = now or utc_now()
    rows = await db.scalars(
        select(RecordedSuggestion)
        .where(
            col(RecordedSuggestion.document_id) == document_id,
            tuple_(col(RecordedSuggestion.author_id), col(RecordedSuggestion.mark)).in_(keys),
        )
        .order_by(col(RecordedSuggestion.author_id), col(RecordedSuggestion.mark))
        .with_for_update()
    )
    named = []
    for record in rows:
        if record.decided_at is None:
            record.told, record.told_by, record.told_at = verdict.value, user_id, now
        elif record.told_by is None and record.decided_at > now - TOLD_HOLDS:
            record.state, record.decided_by = _state(record, verdict, user_id), user_id
            record.told, record.told_by, record.told_at = verdict.value, user_id, now
            named.append(record)
    await db.flush()
    return named


async def hold(db: AsyncSession, document_id: UUID, key: Key) -> RecordedSuggestion | None:
    """Return the record of a suggestion; until the transaction ends nobody else decides about it."""
    author_id, mark = key
    record: RecordedSuggestion | None = await db.scalar(
        select(RecordedSuggestion)
        .where(
            col(RecordedSuggestion.document_id) == document_id,
            col(RecordedSuggestion.author_id) == author_id,
            col(RecordedSuggestion.mark) == mark,
        )
        .with_for_update()
    )
    return record


async def find(db: AsyncSession, document_id: UUID, keys: Collection[Key]) -> dict[Key, RecordedSuggestion]:
    """Return the records of these suggestions."""
    if not keys:
        return {}
    rows = await db.scalars(
        select(RecordedSuggestion).where(
            col(RecordedSuggestion.document_id) == document_id,
            tuple_(col(RecordedSuggestion.author_id), col(RecordedSuggestion.mark)).in_(keys),
        )
    )
    return {(each.author_id, each.mark): each for each in rows}


async def _records(db: AsyncSession, document_id: UUID, keys: Collection[Key]) -> list[RecordedSuggestion]:
    """Return the records that are pending, and those of suggestions that the document has; both may be many."""
    of_document = select(RecordedSuggestion).where(col(RecordedSuggestion.document_id) == document_id)
    pending = list(
        await db.scalars(
            of_document.where(col(RecordedSuggestion.state) == SuggestionState.PENDING.value).with_for_update()
        )
    )
    others = set(keys) - {(each.author_id, each.mark) for each in pending}
    if others:
        theirs = tuple_(col(RecordedSuggestion.author_id), col(RecordedSuggestion.mark)).in_(list(others)[:MAX_PENDING])
        pending += list(await db.scalars(of_document.where(theirs).with_for_update()))
    return list({(each.author_id, each.mark): each for each in pending}.values())


def _parts(suggestion: Suggestion) -> list[dict[str, Any]]:
    return [
        {
            "kind": part.kind.value,
            "block_id": _storable(part.block_id) if part.block_id is not None else None,
            "text": _storable(part.text),
            "into": _storable(part.into),
        }
        for part in suggestion.parts[:MAX_PARTS]
    ]


def _storable(text: str) -> str:
    return text.replace("\0", "")[:MAX_PART_CHARACTERS]


def _stayed(accepted: Node, all_parts: Sequence[Sequence[Mapping[str, Any]]]) -> list[bool]:
    read = Accepted(accepted)
    return [read.has(parts) for parts in all_parts]


def _decide(record: RecordedSuggestion, *, has_come: bool, writers: Collection[UUID], now: datetime) -> None:
    told = record.told_at is not None and record.told_at > now - TOLD_HOLDS and record.told_by is not None
    if told and record.told is not None:
        verdict, by = Verdict(record.told), record.told_by
    else:
        verdict = Verdict.ACCEPTED if has_come else Verdict.REJECTED
        by = next(iter(writers)) if len(writers) == 1 else None
        record.told = record.told_by = record.told_at = None
    record.state, record.decided_by, record.decided_at = _state(record, verdict, by), by, now


def _state(record: RecordedSuggestion, verdict: Verdict, by: UUID | None) -> SuggestionState:
    if verdict is Verdict.ACCEPTED:
        return SuggestionState.ACCEPTED
    return SuggestionState.WITHDRAWN if by == record.author_id else SuggestionState.REJECTED

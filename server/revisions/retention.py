"""How long revisions are kept: what people made for good, what came by itself the thinner the older it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server import db as database
from server.documents.models import utc_now
from server.revisions.models import Deletions, History, Keyframe, Reason, Revision

ALL_FOR: Final = timedelta(days=1)
HOURLY_FOR: Final = timedelta(days=30)

# What a revision that goes has said about the change goes on with the next one that stays.
_HAND_ON: Final = text("""
UPDATE revisions AS heir SET added = heir.added + gone.added, removed = heir.removed + gone.removed
FROM revisions AS gone WHERE heir.id = :heir AND gone.id = :gone
""")
_HAND_ON_AUTHORS: Final = text("""
INSERT INTO revision_authors (revision_id, user_id)
SELECT :heir, user_id FROM revision_authors WHERE revision_id = :gone
ON CONFLICT DO NOTHING
""")


_HAND_ON_DELETIONS: Final = text("""
WITH moved AS (
    DELETE FROM document_deletions
    WHERE document_id = :document_id AND number = (SELECT number FROM revisions WHERE id = :gone)
    RETURNING user_id, ranges
)
INSERT INTO document_deletions (document_id, user_id, number, ranges)
SELECT :document_id, user_id, (SELECT number FROM revisions WHERE id = :heir), ranges FROM moved
ON CONFLICT (document_id, user_id, number) DO UPDATE SET ranges = document_deletions.ranges || excluded.ranges
""")


class Kept(NamedTuple):
    """What thinning must know of a revision. `for_good`: it is never thinned."""

    id: UUID
    created_at: datetime
    for_good: bool


def superfluous(revisions: Sequence[Kept], now: datetime) -> list[tuple[UUID, UUID]]:
    """Return which revisions of a document go, and which later one each is a part of from then on.

    `revisions` in order of their numbers. All of the last day stay, of each hour of a month the last, and of each day
    before; the first and the newest stay.
    """
    gone: list[tuple[UUID, UUID]] = []
    for before, after in pairwise(revisions[1:]):
        if not before.for_good and (slot := _slot(before, now)) is not None and slot == _slot(after, now):
            gone.append((before.id, after.id))
    return gone


def _slot(kept: Kept, now: datetime) -> tuple[str, datetime] | None:
    """Return the stretch of time of which one revision is enough; None if all are kept."""
    age = now - kept.created_at
    if age <= ALL_FOR:
        return None
    hour = kept.created_at.replace(minute=0, second=0, microsecond=0)
    return ("hour", hour) if age <= HOURLY_FOR else ("day", hour.replace(hour=0))


async def thin(sessions: database.Sessions, *, now: datetime | None = None) -> int:
    """Remove what is superfluous in all documents. Returns how many revisions went. Safe to run at any time."""
    now = now or utc_now()
    async with database.transaction(sessions) as db:
        candidates = await db.scalars(
            select(col(Revision.document_id))
            .where(col(Revision.created_at) < now - ALL_FOR, _came_by_itself())
            .group_by(col(Revision.document_id))
            .having(func.count() > 1)
        )
    removed = 0
    for document_id in candidates:
        async with database.transaction(sessions) as db:
            removed += await _thin_one(db, document_id, now)
    return removed


async def _thin_one(db: AsyncSession, document_id: UUID, now: datetime) -> int:
    rows = await db.execute(
        select(col(Revision.id), col(Revision.created_at), _came_by_itself())
        .where(col(Revision.document_id) == document_id)
        .order_by(col(Revision.number))
        # Somebody may be naming one of them.
        .with_for_update()
    )
    gone = superfluous([Kept(row[0], row[1], not row[2]) for row in rows], now)
    for revision_id, heir_id in gone:
        await db.execute(_HAND_ON, {"heir": heir_id, "gone": revision_id})
        await db.execute(_HAND_ON_AUTHORS, {"heir": heir_id, "gone": revision_id})
        await db.execute(_HAND_ON_DELETIONS, {"document_id": document_id, "heir": heir_id, "gone": revision_id})
    await _remove(db, document_id, [revision_id for revision_id, _ in gone])
    return len(gone)


async def _remove(db: AsyncSession, document_id: UUID, revision_ids: Iterable[UUID]) -> None:
    await db.execute(delete(Revision).where(col(Revision.id).in_(list(revision_ids))))
    in_use = select(col(Revision.keyframe_id)).where(col(Revision.document_id) == document_id)
    await db.execute(delete(Keyframe).where(col(Keyframe.document_id) == document_id, col(Keyframe.id).not_in(in_use)))


def _came_by_itself() -> ColumnElement[bool]:
    return (col(Revision.reason) == Reason.AUTOMATIC.value) & col(Revision.name).is_(None)


async def size_bytes(db: AsyncSession, document_id: UUID) -> int:
    """Return how many bytes a document's revisions take in the database."""
    keyframes = select(func.coalesce(func.sum(func.length(col(Keyframe.data))), 0)).where(
        col(Keyframe.document_id) == document_id
    )
    own = func.coalesce(func.length(col(Revision.delta)), 0) + func.coalesce(func.length(col(Revision.authorship)), 0)
    deltas = select(func.coalesce(func.sum(own), 0)).where(col(Revision.document_id) == document_id)
    authorship = select(func.coalesce(func.sum(func.length(col(History.authorship))), 0)).where(
        col(History.document_id) == document_id
    )
    deletions = select(func.coalesce(func.sum(func.length(col(Deletions.ranges))), 0)).where(
        col(Deletions.document_id) == document_id
    )
    first, *others = (each.scalar_subquery() for each in (keyframes, deltas, authorship, deletions))
    return int((await db.execute(select(sum(others, first)))).scalar_one())

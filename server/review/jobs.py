"""What a worker does for reviews: deadlines. The rows say what is due; to run twice or late changes nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server import db as database
from server.db import Sessions
from server.documents.models import Document, utc_now
from server.events import Events
from server.notifications.noting import EVENT
from server.review import lifecycle, steps, telling
from server.review.models import Review, ReviewState, Standing

# Half-way to the deadline those who have not decided are reminded.
_DUE: Final = text("""
SELECT reviews.id
FROM reviews
JOIN documents ON documents.id = reviews.document_id
JOIN document_standings AS standing ON standing.document_id = reviews.document_id
CROSS JOIN LATERAL (SELECT (steps -> step ->> 'hours')::int AS hours, steps -> step ->> 'escalate_to' AS person) AS now
WHERE reviews.state = 'open' AND documents.trashed_at IS NULL AND standing.held_at IS NULL AND now.hours IS NOT NULL
    AND (
        (reviews.reminded_at IS NULL AND step_since + now.hours * interval '30 minutes' <= :now)
        OR (
            reviews.escalated_at IS NULL AND now.person IS NOT NULL
            AND step_since + now.hours * interval '1 hour' <= :now
        )
    )
ORDER BY step_since
LIMIT 200
""")


async def watch_deadlines(sessions: Sessions, events: Events, *, now: datetime | None = None) -> int:
    """Remind and escalate what is due. Returns how many people heard something."""
    now = now or utc_now()
    async with database.transaction(sessions) as db:
        due = [UUID(str(each)) for each in await db.scalars(_DUE, {"now": now})]
    told: set[UUID] = set()
    for review_id in due:
        async with database.transaction(sessions) as db:
            told |= await _watch(db, review_id, now)
    for user_id in told:
        await events.publish_to(user_id, EVENT, {})
    return len(told)


async def _watch(db: AsyncSession, review_id: UUID, now: datetime) -> frozenset[UUID]:
    document_id = await db.scalar(select(col(Review.document_id)).where(col(Review.id) == review_id))
    # Whoever decides holds this row, and comes before or after.
    held = select(Standing).where(col(Standing.document_id) == document_id).with_for_update()
    standing = (await db.scalars(held)).one_or_none()
    review = await db.get(Review, review_id, populate_existing=True)
    document = await db.get(Document, document_id)
    if standing is None or review is None or document is None or review.state != ReviewState.OPEN:
        return frozenset()
    under = await lifecycle.look(db, document, review)
    step = under.now
    hours = steps.from_json(review.steps[review.step]).hours
    if step is None or hours is None or standing.held_at is not None:
        return frozenset()
    noted: frozenset[UUID] = frozenset()
    if review.reminded_at is None and review.step_since + timedelta(hours=hours) / 2 <= now:
        review.reminded_at = now
        noted |= await telling.reminded(db, document, review, step.waits_for)
    person = step.step.escalate_to
    if person is not None and review.escalated_at is None and lifecycle.due_at(review, hours) <= now:
        review.escalated_at = now
        noted |= await telling.escalated(db, document, review, person)
    await db.flush()
    return noted

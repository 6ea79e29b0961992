"""What stands before the calendar: texts that nobody has planned yet, and those that are under review."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import DocumentActor, DocumentVerb, can, role_of, shared_with
from server.documents.models import Document
from server.errors import Invalid
from server.publishing.models import Publication
from server.publishing.states import OPEN, State
from server.review import awaiting, lifecycle, looking, steps, waiting
from server.review.looking import Pill
from server.review.models import Review, ReviewState, Standing
from server.review.states import Status
from server.workspaces.access import Actor, Verb, require

# Past this a badge says "999+": nobody counts further, and the database need not either.
MOST_COUNTED: Final = 1000
MOST_REVIEWS: Final = 200
_UNPLANNED: Final = [Status.DRAFT.value, Status.CHANGES_REQUESTED.value, Status.APPROVED.value]
_PLANNED: Final = [*sorted(OPEN), State.UNKNOWN]


@dataclass(frozen=True, slots=True)
class Drafted:
    """A document that is neither under review nor planned. `pill`: where it stands; None for a plain draft."""

    id: UUID
    title: str
    updated_at: datetime
    pill: Pill | None

    @property
    def is_approved(self) -> bool:
        """Whether it can be planned as it is."""
        return self.pill is not None and self.pill.status is Status.APPROVED and not self.pill.held


@dataclass(frozen=True, slots=True)
class Drafts:
    """A part of the drafts, what was changed last first; `next_cursor` asks for the part after it."""

    drafts: Sequence[Drafted]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class UnderReview:
    """A review that is under way. `waits_for`: names of those who may decide now; `place` of `steps`, from 1."""

    document_id: UUID
    title: str
    asked_by: str
    requested_at: datetime
    since: datetime
    step: str
    place: int
    steps: int
    waits_for: Sequence[str]
    is_mine: bool
    due_at: datetime | None
    held: bool


@dataclass(frozen=True, slots=True)
class Reviews:
    """A part of the reviews under way, those that wait for the person first; `next_cursor` as of drafts."""

    reviews: Sequence[UnderReview]
    next_cursor: str | None


async def drafts(db: AsyncSession, actor: Actor, *, limit: int, cursor: str | None = None) -> Drafts:
    """Return documents that the actor sees and that are neither under review nor planned. Raises Invalid."""
    require(actor, Verb.VIEW, actor)
    place = tuple_(col(Document.updated_at), col(Document.id))
    found = (
        select(col(Document.id), col(Document.title), col(Document.updated_at))
        .outerjoin(Standing, col(Standing.document_id) == col(Document.id))
        .where(_is_draft(actor))
        .order_by(col(Document.updated_at).desc(), col(Document.id).desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        found = found.where(place < tuple_(*_read(cursor)))
    rows = (await db.execute(found)).all()
    shown = rows[:limit]
    pills = await looking.pills(db, [row.id for row in shown])
    listed = [Drafted(row.id, row.title, row.updated_at, pills.get(row.id)) for row in shown]
    last = shown[-1] if len(rows) > limit else None
    return Drafts(listed, f"{last.updated_at.isoformat()}~{last.id}" if last is not None else None)


async def count_drafts(db: AsyncSession, actor: Actor) -> int:
    """Return how many there are, at most `MOST_COUNTED`."""
    some = (
        select(col(Document.id))
        .outerjoin(Standing, col(Standing.document_id) == col(Document.id))
        .where(_is_draft(actor))
        .limit(MOST_COUNTED)
        .subquery()
    )
    return int(await db.scalar(select(func.count()).select_from(some)) or 0)


async def reviews(db: AsyncSession, actor: Actor, *, limit: int, cursor: str | None = None) -> Reviews:
    """Return the reviews under way that the actor may see, with as many questions for fifty as for one."""
    skip = int(cursor) if cursor is not None and cursor.isdecimal() and len(cursor) < 4 else 0
    mine = {each.document_id for each in (await waiting.waiting(db, actor)).mine}
    found = [row for row in await _under_way(db, actor) if _may_see(actor, row)]
    found.sort(key=lambda row: (row.Review.document_id not in mine, row.Review.requested_at, row.Review.id))
    shown = found[skip : skip + limit]
    waits = await awaiting.waited_for(db, [row.Review.document_id for row in shown])
    listed = []
    for row in shown:
        review: Review = row.Review
        step = steps.from_json(review.steps[review.step])
        people = waits.get(review.document_id, ())
        is_mine = review.document_id in mine
        listed.append(
            UnderReview(
                document_id=review.document_id,
                title=row.title,
                asked_by=row.asked_by or "Somebody",
                requested_at=review.requested_at,
                since=review.step_since,
                step=step.name,
                place=review.step + 1,
                steps=len(review.steps),
                waits_for=[
                    *(each.name for each in people if each.id != actor.user_id),
                    *(["a guest"] if step.guests else []),
                ],
                is_mine=is_mine,
                due_at=lifecycle.due_at(review, step.hours) if step.hours is not None else None,
                held=row.held_at is not None,
            )
        )
    return Reviews(listed, str(skip + limit) if len(found) > skip + limit else None)


async def count_reviews(db: AsyncSession, actor: Actor) -> int:
    """Return how many reviews under way the actor may see, at most `MOST_REVIEWS`."""
    return sum(_may_see(actor, row) for row in await _under_way(db, actor))


async def _under_way(db: AsyncSession, actor: Actor) -> Sequence[Any]:
    require(actor, Verb.VIEW, actor)
    return (
        await db.execute(
            select(
                Review,
                col(Document.title),
                col(User.name).label("asked_by"),
                col(Standing.held_at),
                shared_with(actor).label("rank"),
            )
            .join(Document, col(Document.id) == col(Review.document_id))
            .outerjoin(User, col(User.id) == col(Review.requested_by))
            .outerjoin(Standing, col(Standing.document_id) == col(Review.document_id))
            .where(
                col(Review.workspace_id) == actor.workspace_id,
                col(Review.state) == ReviewState.OPEN.value,
                col(Document.trashed_at).is_(None),
            )
            .order_by(col(Review.requested_at), col(Review.id))
            .limit(MOST_REVIEWS)
        )
    ).all()


def _may_see(actor: Actor, row: Any) -> bool:  # noqa: ANN401 - a row of `_under_way`
    at = DocumentActor(actor.user_id, actor.workspace_id, row.Review.document_id, actor.role, role_of(row.rank))
    return can(at, DocumentVerb.DECIDE, at)


def _is_draft(actor: Actor) -> ColumnElement[bool]:
    planned = exists().where(
        col(Publication.document_id) == col(Document.id), col(Publication.state).in_([each.value for each in _PLANNED])
    )
    status = col(Standing.status)
    return and_(
        col(Document.workspace_id) == actor.workspace_id,
        col(Document.trashed_at).is_(None),
        or_(status.is_(None), status.in_(_UNPLANNED)),
        ~planned,
        shared_with(actor).is_not(None),
    )


def _read(cursor: str) -> tuple[datetime, UUID]:
    when, _, document_id = cursor.partition("~")
    try:
        return datetime.fromisoformat(when).astimezone(UTC), UUID(document_id)
    except (ValueError, OverflowError) as error:
        raise Invalid({"cursor": "This cursor is not one of ours."}) from error

"""Publications that repeat: planned together as a series, changed and cancelled one by one or from one on.

Each is a row of its own, on one account; its text is frozen when it is planned, as that of all others.
"""

import calendar
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.errors import Invalid
from server.publishing.models import Publication, Series
from server.publishing.planning import planning, scheduling
from server.publishing.planning.planning import Means, Wish
from server.publishing.planning.scheduling import Planned, When
from server.publishing.posts import Additions
from server.publishing.states import MOVABLE
from server.workspaces.access import Actor, Verb

_T = TypeVar("_T")

MOST: Final = 52
MOST_EVERY: Final = 365
_MONTHS: Final = 12


class Unit(StrEnum):
    """What is counted between two of a series."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class Reach(StrEnum):
    """How much of a series is meant."""

    ONE = "one"
    LATER = "later"  # this one and those after it


@dataclass(frozen=True, slots=True)
class Repeat:
    """Every so many days, weeks or months: so often (the first included), or up to a day (included)."""

    every: int
    unit: Unit
    count: int | None = None
    until: date | None = None


def walls(first: datetime, repeat: Repeat) -> list[datetime]:
    """Return the wall times of a series, which begins with `first`.

    A month that has no such day gives its last one, and the next month the day that was meant. Raises Invalid.
    """
    if not 1 <= repeat.every <= MOST_EVERY:
        raise Invalid({"every": f"Use 1 to {MOST_EVERY}."})
    if (repeat.count is None) == (repeat.until is None):
        raise Invalid({"count": "Say how often it goes out, or until which day; one of both."})
    if repeat.count is not None and not 1 < repeat.count <= MOST:
        raise Invalid({"count": f"Use 2 to {MOST}, the first one included."})
    if repeat.until is not None and repeat.until <= first.date():
        raise Invalid({"until": "This day does not come after the first one."})
    found = [first]
    while len(found) <= MOST:
        if len(found) == repeat.count:
            return found
        following = _after(first, repeat, len(found))
        if repeat.until is not None and following.date() > repeat.until:
            break
        found.append(following)
    if len(found) > MOST:
        raise Invalid({"until": f"These are more than {MOST}. Choose an earlier day, or a longer interval."})
    if len(found) == 1:
        raise Invalid({"until": "It would go out only once until then. Choose a later day."})
    return found


async def plan(db: AsyncSession, actor: Actor, means: Means, wish: Wish, repeat: Repeat) -> list[Planned]:
    """Plan a series on one account, all of it or nothing. Raises as `walls` and `planning.plan` do."""
    if not isinstance(wish.when, When):
        raise Invalid({"time": "Choose the day and time of the first one: what repeats needs a time of its own."})
    series = Series(
        workspace_id=actor.workspace_id, every=repeat.every, unit=repeat.unit.value, created_by=actor.user_id
    )
    times = walls(wish.when.wall_time, repeat)
    # A transaction that fails later takes it along.
    db.add(series)
    await db.flush()
    return [
        await planning.plan(
            db, actor, means, replace(wish, when=replace(wish.when, wall_time=wall)), series_id=series.id
        )
        for wall in times
    ]


async def move_later(
    db: AsyncSession, actor: Actor, publication_id: UUID, to: When, *, version: int | None
) -> list[Planned]:
    """Move a publication of a series, and those after it by as many days and to the same time of day.

    Raises as `scheduling.move` does.
    """
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    days = to.wall_time.date() - seen.publication.wall_time.date()
    time_of_day = to.wall_time.time()

    async def moved(each: Publication) -> Planned:
        wall = datetime.combine(each.wall_time.date() + days, time_of_day)
        return await scheduling.move(
            db, actor, each.id, replace(to, wall_time=wall), version=version if each.id == publication_id else None
        )

    return await _each_later(db, seen.publication, moved)


async def cancel_later(
    db: AsyncSession, actor: Actor, publication_id: UUID, *, version: int | None
) -> list[Publication]:
    """Cancel a publication of a series and those after it. Raises as `scheduling.cancel` does."""
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)

    async def cancelled(each: Publication) -> Publication:
        return await scheduling.cancel(db, actor, each.id, version=version if each.id == publication_id else None)

    return await _each_later(db, seen.publication, cancelled)


async def renew_later(
    db: AsyncSession,
    actor: Actor,
    means: Means,
    publication_id: UUID,
    *,
    version: int | None,
    additions: Additions | None = None,
) -> list[Planned]:
    """Let a publication of a series and those after it send what is approved now. Raises as `planning.renew` does."""
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)

    async def renewed(each: Publication) -> Planned:
        mine = version if each.id == publication_id else None
        return await planning.renew(db, actor, means, each.id, additions=additions, version=mine)

    return await _each_later(db, seen.publication, renewed)


async def count_later(db: AsyncSession, publication: Publication) -> int:
    """Return how many of its series can still be changed from a publication on, itself included."""
    return len(await _later(db, publication)) if publication.series_id is not None else 1


async def _each_later(
    db: AsyncSession, publication: Publication, deed: Callable[[Publication], Awaitable[_T]]
) -> list[_T]:
    later = await _later(db, publication) if publication.series_id is not None else []
    if publication.id not in {each.id for each in later}:
        # What can no longer be changed says so itself.
        later = [publication, *later]
    return [await deed(each) for each in later]


async def _later(db: AsyncSession, publication: Publication) -> Sequence[Publication]:
    found = await db.scalars(
        select(Publication)
        .where(
            col(Publication.series_id) == publication.series_id,
            col(Publication.due_at) >= publication.due_at,
            col(Publication.state).in_(sorted(MOVABLE)),
            col(Publication.called_at).is_(None),
        )
        .order_by(col(Publication.due_at), col(Publication.id))
        .limit(MOST)
    )
    return found.all()


def _after(first: datetime, repeat: Repeat, number: int) -> datetime:
    """Return the time of the one so many after the first: counted from it, so that no month's end wears a day off."""
    steps = repeat.every * number
    try:
        if repeat.unit is not Unit.MONTHS:
            return first + timedelta(days=steps * (7 if repeat.unit is Unit.WEEKS else 1))
        years, month = divmod(first.month - 1 + steps, _MONTHS)
        year = first.year + years
        return first.replace(year=year, month=month + 1, day=min(first.day, calendar.monthrange(year, month + 1)[1]))
    except (OverflowError, ValueError) as error:
        raise Invalid({"time": "This is more than five years from now."}) from error

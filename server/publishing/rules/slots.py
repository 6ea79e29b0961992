"""When an account may post, from its rules and what is planned already. It does no I/O.

A slot is a time on the account's clock. Where the clock jumps, wall_time.py says what it means: a slot in the gap comes
as much later as the clock jumps, one that comes twice is the first of both. Whether a rule allows it is asked of what
the clock really shows then.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from server.errors import Conflict
from server.publishing.channel import Problem
from server.publishing.wall_time import Kind, Moment, moment, wall_at, zone_named

FURTHEST: Final = timedelta(days=400)
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Where a Problem that comes of a rule stands.
TIME: Final = "time"
_MOST_NAMED: Final = 3
_DAY_MINUTES: Final = 24 * 60
_DAY: Final = timedelta(days=1)


class NothingFree(Conflict):
    """No slot is free for longer than anybody plans."""


@dataclass(frozen=True, slots=True, order=True)
class WeeklySlot:
    """A time of day on a weekday, 0 for Monday."""

    weekday: int
    at: time

    @property
    def minutes(self) -> int:
        """Minutes since the week began."""
        return self.weekday * _DAY_MINUTES + self.at.hour * 60 + self.at.minute

    @classmethod
    def of(cls, minutes: int) -> "WeeklySlot":
        """Return the slot so many minutes after the week began."""
        weekday, of_day = divmod(minutes, _DAY_MINUTES)
        return cls(weekday, clock(of_day))


@dataclass(frozen=True, slots=True)
class Silence:
    """A blackout: days of the account's calendar, both included."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which nothing is posted, `until` not included. If `until` is the smaller one, over midnight."""

    begins: time
    until: time

    def covers(self, at: time) -> bool:
        """Whether a time of day lies in them."""
        if self.begins < self.until:
            return self.begins <= at < self.until
        return at >= self.begins or at < self.until


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one account, with the blackouts that concern it. What is None or empty rules nothing."""

    zone: str = "UTC"
    slots: tuple[WeeklySlot, ...] = ()
    gap: timedelta = timedelta()
    quiet: Quiet | None = None
    most_a_day: int | None = None
    silences: tuple[Silence, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of one certain day: what the clock shows (naive, as the rules say it), and the instant it means."""

    wall: datetime
    zone: str
    moment: Moment

    @property
    def at(self) -> datetime:
        """The instant, aware, UTC."""
        return self.moment.at


def free_slots(rules: Rules, taken: Iterable[datetime], since: datetime, until: datetime) -> list[Slot]:
    """Return the free slots after `since` and before `until`, by time, as if each in turn were taken.

    `taken`: the instants at which something is planned on the account. All times aware.
    """
    return list(_free(rules, taken, since, until))


def next_free(rules: Rules, taken: Iterable[datetime], since: datetime, *, count: int = 1) -> list[Slot]:
    """Return the first free slots after an instant. Raises NothingFree, with what stands against it."""
    if not rules.slots:
        raise NothingFree("This account has no posting times yet. Add some, or choose a time by hand.")
    found: list[Slot] = []
    for slot in _free(rules, taken, since, since + FURTHEST):
        found.append(slot)
        if len(found) == count:
            return found
    raise NothingFree(
        f"Only {len(found)} of {count} slots are free in the next {FURTHEST.days} days. "
        "Add posting times, or choose fewer posts."
        if found
        else f"No slot is free in the next {FURTHEST.days} days: all are taken, or the rules of the account stand "
        "against them. Add posting times, or choose a time by hand."
    )


def broken(rules: Rules, taken: Iterable[datetime], at: datetime) -> list[Problem]:
    """Say which rules a time would break. None of it blocks: whoever plans may mean it."""
    wall = wall_at(at, rules.zone)
    found: list[str] = []
    if rules.quiet is not None and rules.quiet.covers(wall.time()):
        found.append(
            f"{wall:%H:%M} lies in the quiet hours of this account, {rules.quiet.begins:%H:%M} to "
            f"{rules.quiet.until:%H:%M} ({rules.zone})."
        )
    names = list(dict.fromkeys(each.name for each in rules.silences if each.first <= wall.date() <= each.last))
    if names:
        found.append(f"{_day_words(wall.date())} is in {_blackout_words(names)}.")
    others = sorted(taken)
    near = min((abs(at - each) for each in others), default=None)
    if near is not None and near < rules.gap:
        found.append(
            f"Another post goes to this account {_distance_words(near)}; its rules ask for "
            f"{_length_words(rules.gap)} between two."
        )
    if rules.most_a_day is not None:
        number = sum(wall_at(each, rules.zone).date() == wall.date() for each in others) + 1
        if number > rules.most_a_day:
            found.append(
                f"It would be post number {number} of {_day_words(wall.date())} on this account; its rules ask for at "
                f"most {rules.most_a_day} a day."
            )
    return [Problem(TIME, sentence, blocks=False) for sentence in found]


def clock(minutes: int) -> time:
    """Return a time of day from minutes since midnight."""
    return time(minutes // 60, minutes % 60)


def _free(rules: Rules, taken: Iterable[datetime], since: datetime, until: datetime) -> Iterator[Slot]:
    until = min(until, since + FURTHEST)
    if until <= since:
        return
    others = sorted(taken)
    a_day: dict[date, int] = {}
    for each in others:
        day = wall_at(each, rules.zone).date()
        a_day[day] = a_day.get(day, 0) + 1
    latest = since
    for slot in _all(rules, since, until):
        if not latest < slot.at < until:
            # Two that the clock's jump made one, or that it put in another order, are one slot.
            continue
        wall = slot.moment.wall
        day = wall.date()
        if rules.quiet is not None and rules.quiet.covers(wall.time()):
            continue
        if day != slot.wall.date() and _is_silent(rules, day):
            # Moved over midnight by the clock's jump.
            continue
        if rules.most_a_day is not None and a_day.get(day, 0) >= rules.most_a_day:
            continue
        if _is_near(others, slot.at, rules.gap):
            continue
        yield slot
        latest = slot.at
        insort(others, slot.at)
        a_day[day] = a_day.get(day, 0) + 1


def _all(rules: Rules, since: datetime, until: datetime) -> Iterator[Slot]:
    by_day: dict[int, list[time]] = {}
    for each in sorted(set(rules.slots)):
        by_day.setdefault(each.weekday, []).append(each.at)
    place = zone_named(rules.zone)
    # A day before and after: near a jump of the clock the instants of a day may lie in its neighbours.
    day, last = wall_at(since, rules.zone).date() - _DAY, wall_at(until, rules.zone).date() + _DAY
    while day <= last:
        if not _is_silent(rules, day):
            begins, ends = (datetime(each.year, each.month, each.day, tzinfo=place) for each in (day, day + _DAY))
            offset = begins.utcoffset()
            is_plain = offset == ends.utcoffset()
            for at in by_day.get(day.weekday(), ()):
                wall = datetime.combine(day, at)
                if not is_plain or offset is None:
                    yield Slot(wall, rules.zone, moment(wall, rules.zone))
                elif rules.quiet is None or not rules.quiet.covers(at):
                    # No jump on this day, as on nearly all: what wall_time finds out at ten times the cost.
                    plain = Moment((wall - offset).replace(tzinfo=UTC), wall, Kind.PLAIN)
                    yield Slot(wall, rules.zone, plain)
        day += _DAY


def _is_silent(rules: Rules, day: date) -> bool:
    return any(each.first <= day <= each.last for each in rules.silences)


def _is_near(others: Sequence[datetime], at: datetime, gap: timedelta) -> bool:
    """Whether another post is at the very same moment, or nearer than the gap."""
    if bisect_left(others, at) != bisect_right(others, at):
        return True
    place = bisect_left(others, at)
    return any(abs(at - others[near]) < gap for near in (place - 1, place) if 0 <= near < len(others))


def _day_words(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _blackout_words(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"a blackout: {names[0]}"
    more = len(names) - _MOST_NAMED
    return f"{len(names)} blackouts: {', '.join(names[:_MOST_NAMED])}" + (f" and {more} more" if more > 0 else "")


def _distance_words(distance: timedelta) -> str:
    return "at the same time" if distance < timedelta(minutes=1) else f"{_length_words(distance)} away"


def _length_words(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    hours, rest = divmod(minutes, 60)
    parts = [
        f"{number} {word}{'' if number == 1 else 's'}" for number, word in ((hours, "hour"), (rest, "minute")) if number
    ]
    return " and ".join(parts)

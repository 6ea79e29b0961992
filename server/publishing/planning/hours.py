"""The hours of a calendar's days: what stands in each, and which slots are free. It does no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from server.publishing.planning.calendar import Chip, Day
from server.publishing.rules.slots import Slot

# Earlier hours are left out as long as nothing stands in them.
FIRST_HOUR: Final = 7
MOST_GHOSTS: Final = 400
# In an hour of a week; its day shows all.
MOST_ITEMS: Final = 5
_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Ghost:
    """A time at which slots of accounts are free, in the zone of the calendar."""

    at: datetime
    accounts: Sequence[tuple[UUID, str]]

    @property
    def clock(self) -> str:
        """The time of day."""
        return f"{self.at:%H:%M}"

    @property
    def names(self) -> str:
        """Whose they are."""
        return ", ".join(name for _, name in self.accounts)

    @property
    def query(self) -> str:
        """What leads to planning there."""
        return "&".join([f"at={self.at:%Y-%m-%dT%H:%M}", *(f"account={each}" for each, _ in self.accounts)])


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of a day. `more`: how much it has besides its items.

    `now_before`: the number of its items that are over, where the present moment is in it.
    """

    hour: int
    items: Sequence[Chip | Ghost]
    more: int
    is_past: bool
    now_before: int | None

    @property
    def clock(self) -> str:
        """When it begins."""
        return f"{self.hour:02}:00"


@dataclass(frozen=True, slots=True)
class DayHours:
    """A day with its hours."""

    day: Day
    hours: Sequence[Hour]


@dataclass(frozen=True, slots=True)
class Grid:
    """Days side by side, hour by hour. `is_whole`: no hour is left out."""

    days: Sequence[DayHours]
    clocks: Sequence[str]
    is_whole: bool


def gather(free: Mapping[UUID, Sequence[Slot]], names: Mapping[UUID, str], zone: ZoneInfo) -> list[Ghost]:
    """Return the free slots of accounts by time; those of the same moment are one."""
    found: dict[datetime, list[tuple[UUID, str]]] = {}
    for account_id, slots in free.items():
        for slot in slots:
            found.setdefault(slot.at, []).append((account_id, names[account_id]))
    return [
        Ghost(at.astimezone(zone), sorted(whose, key=lambda each: each[1]))
        for at, whose in sorted(found.items())[:MOST_GHOSTS]
    ]


def by_day(ghosts: Sequence[Ghost]) -> dict[date, int]:
    """Return how many times are free on each day."""
    found: dict[date, int] = {}
    for ghost in ghosts:
        found[ghost.at.date()] = found.get(ghost.at.date(), 0) + 1
    return found


def grid_of(days: Sequence[Day], ghosts: Sequence[Ghost], now: datetime, *, whole: bool) -> Grid:
    """Return the hours of days. `now`: in the zone of the calendar. `whole`: with the early hours, also if empty."""
    items: dict[tuple[date, int], list[Chip | Ghost]] = {}
    shown_items: list[Chip | Ghost] = [*(chip for day in days for chip in day.chips), *ghosts]
    for each in shown_items:
        items.setdefault((each.at.date(), each.at.hour), []).append(each)
    earliest = min((hour for _, hour in items), default=_HOURS)
    if any(day.is_today for day in days):
        earliest = min(earliest, now.hour)
    first = 0 if whole else min(FIRST_HOUR, earliest)
    shown = range(first, _HOURS)
    most = MOST_ITEMS if len(days) > 1 else MOST_GHOSTS + sum(len(day.chips) for day in days)
    return Grid(
        [
            DayHours(day, [_hour(day, hour, items.get((day.date, hour), []), now, most) for hour in shown])
            for day in days
        ],
        [f"{hour:02}:00" for hour in shown],
        first == 0,
    )


def _hour(day: Day, hour: int, items: Sequence[Chip | Ghost], now: datetime, most: int) -> Hour:
    # By the instant: an hour that comes twice has both in it.
    ordered = sorted(items, key=lambda each: each.at.timestamp())
    shown = ordered if len(ordered) <= most else ordered[: most - 1]
    is_now = day.is_today and hour == now.hour
    over = sum(each.at <= now for each in shown) if is_now else None
    ends = datetime.combine(day.date, time(hour), now.tzinfo) + timedelta(hours=1)
    return Hour(hour, shown, len(ordered) - len(shown), ends <= now, over)

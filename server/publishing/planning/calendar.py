"""The days that a calendar shows, and which publications stand in each. It does no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from server.publishing.planning.planning import Entry

MOST_CHIPS: Final = 3
WEEK: Final = timedelta(days=7)
LIST_DAYS: Final = 30
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2199, 11, 1)


class View(StrEnum):
    """How much a calendar shows at once."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Chip:
    """A publication in the zone of the calendar. `is_past`: its time is over."""

    entry: Entry
    at: datetime
    is_past: bool

    @property
    def clock(self) -> str:
        """The time of day."""
        return f"{self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Day:
    """A day. `more`: how many publications it has besides its chips. `is_beside`: it belongs to another month."""

    date: date
    chips: Sequence[Chip]
    more: int
    is_today: bool
    is_over: bool
    is_beside: bool

    @property
    def words(self) -> str:
        """The day in words."""
        return f"{self.date:%A}, {self.date.day} {self.date:%B %Y}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is shown: weeks of days, and the days to go on to. `since` and `until` are its bounds as instants."""

    view: View
    on: date
    days: Sequence[date]
    since: datetime
    until: datetime

    @property
    def title(self) -> str:
        """What the whole of it is called."""
        first, last = self.days[0], self.days[-1]
        match self.view:
            case View.MONTH:
                return f"{self.on:%B %Y}"
            case View.DAY:
                return f"{self.on:%A}, {self.on.day} {self.on:%B %Y}"
            case View.WEEK | View.LIST:
                begins = f"{first.day} {first:%B}" if first.month != last.month else str(first.day)
                return f"{begins} to {last.day} {last:%B %Y}"

    @property
    def before(self) -> date:
        """A day of the sheet before this one."""
        if self.view is View.MONTH:
            return (self.on.replace(day=1) - timedelta(days=1)).replace(day=1)
        return self.on - timedelta(days=_STEP[self.view])

    @property
    def after(self) -> date:
        """A day of the sheet after this one."""
        if self.view is View.MONTH:
            return (self.on.replace(day=28) + timedelta(days=7)).replace(day=1)
        return self.on + timedelta(days=_STEP[self.view])


_STEP: Final[Mapping[View, int]] = {View.WEEK: 7, View.DAY: 1, View.LIST: LIST_DAYS}


def sheet_of(view: View, on: date, zone: ZoneInfo) -> Sheet:
    """Return the days of a view around a day, in whole weeks from Monday where it shows weeks."""
    on = min(max(on, EARLIEST), LATEST)
    first, count = on, _STEP.get(view, 1)
    if view is View.WEEK:
        first = on - timedelta(days=on.weekday())
    elif view is View.MONTH:
        begins = on.replace(day=1)
        first = begins - timedelta(days=begins.weekday())
        ends = (on.replace(day=28) + timedelta(days=7)).replace(day=1)
        count = -(-(ends - first).days // 7) * 7
    days = [first + timedelta(days=number) for number in range(count)]
    return Sheet(view, on, days, midnight(first, zone), midnight(days[-1] + timedelta(days=1), zone))


def fill(sheet: Sheet, entries: Sequence[Entry], now: datetime, zone: ZoneInfo) -> list[Day]:
    """Return the days of a sheet with what stands in them, by time."""
    by_day: dict[date, list[Chip]] = {}
    for entry in entries:
        at = entry.due_at.astimezone(zone)
        by_day.setdefault(at.date(), []).append(Chip(entry, at, entry.due_at < now))
    today = now.astimezone(zone).date()
    most = MOST_CHIPS if sheet.view is View.MONTH else len(entries)
    return [
        Day(
            date=day,
            chips=by_day.get(day, [])[:most],
            more=max(0, len(by_day.get(day, [])) - most),
            is_today=day == today,
            is_over=day < today,
            is_beside=sheet.view is View.MONTH and day.month != sheet.on.month,
        )
        for day in sheet.days
    ]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins in a zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)

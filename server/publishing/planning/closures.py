"""When accounts want no posts, as a calendar shows it: blackouts by day, quiet hours by hour. It does no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from server.publishing.rules.slots import Quiet, Rules
from server.publishing.wall_time import wall_at

_DAY: Final = timedelta(days=1)
_HALF_AN_HOUR: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Closure:
    """Why accounts are closed for a while. `accounts`: the names of those that are; `is_all`: of all that are shown."""

    name: str
    accounts: Sequence[str]
    is_all: bool

    @property
    def words(self) -> str:
        """It in one line."""
        return self.name if self.is_all else f"{self.name} ({', '.join(self.accounts)})"


@dataclass(frozen=True, slots=True)
class Closed:
    """When one account wants no posts, around the days of a calendar. `blackouts`: their names by day, on its clock."""

    zone: str
    quiet: Quiet | None
    blackouts: Mapping[date, Sequence[str]]

    def blackouts_at(self, at: datetime) -> Sequence[str]:
        """Return the blackouts that an instant lies in."""
        return self.blackouts.get(wall_at(at, self.zone).date(), ())

    def against(self, at: datetime) -> str | None:
        """Return why the account wants no post at an instant; None if it does not mind."""
        wall = wall_at(at, self.zone)
        if names := self.blackouts.get(wall.date()):
            return f"in a blackout: {names[0]}"
        return "in quiet hours" if self.quiet is not None and self.quiet.covers(wall.time()) else None


def around(days: Sequence[date], rules: Mapping[UUID, Rules]) -> dict[UUID, Closed]:
    """Return when accounts are closed around days that follow one another."""
    return {account_id: Closed(own.zone, own.quiet, _blackouts(days, own)) for account_id, own in rules.items()}


def by_day(
    days: Sequence[date], closed: Mapping[UUID, Closed], names: Mapping[UUID, str], zone: ZoneInfo
) -> dict[date, list[Closure]]:
    """Return the blackouts of each day of a calendar: those in which its noon lies, by the clock of the account."""
    found: dict[date, list[Closure]] = {}
    for day in days:
        noon = datetime.combine(day, time(12), zone)
        whose: dict[str, list[UUID]] = {}
        for account_id, own in closed.items():
            for name in own.blackouts_at(noon):
                whose.setdefault(name, []).append(account_id)
        if whose:
            found[day] = [_closure(name, accounts, closed, names) for name, accounts in whose.items()]
    return found


def by_hour(
    days: Sequence[date], closed: Mapping[UUID, Closed], names: Mapping[UUID, str], zone: ZoneInfo
) -> dict[tuple[date, int], Closure]:
    """Return the hours of days in whose middle accounts are closed, by quiet hours or a blackout."""
    strict = {each: own for each, own in closed.items() if own.quiet is not None or own.blackouts}
    found: dict[tuple[date, int], Closure] = {}
    for day in days if strict else ():
        for hour in range(24):
            at = datetime.combine(day, time(hour), zone) + _HALF_AN_HOUR
            accounts = [each for each, own in strict.items() if own.against(at) is not None]
            if accounts:
                found[day, hour] = _closure("No posts wanted", accounts, closed, names)
    return found


def _blackouts(days: Sequence[date], rules: Rules) -> dict[date, Sequence[str]]:
    # The clock of an account may show the day before or after.
    first, last = days[0] - _DAY, days[-1] + _DAY
    # In their order, each name once.
    found: dict[date, dict[str, None]] = {}
    for each in rules.silences:
        day = max(each.first, first)
        while day <= min(each.last, last):
            found.setdefault(day, {})[each.name] = None
            day += _DAY
    return {day: list(names) for day, names in found.items()}


def _closure(name: str, accounts: Sequence[UUID], closed: Mapping[UUID, Closed], names: Mapping[UUID, str]) -> Closure:
    return Closure(name, sorted(names[each] for each in accounts), len(accounts) == len(closed))

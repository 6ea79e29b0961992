"""When accounts want no posts, as a calendar shows it: blackouts by day, quiet hours by hour. It does no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from server.publishing.rules.slots import Rules, Silence
from server.publishing.wall_time import wall_at

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


def blackouts(
    days: Sequence[date], rules: Mapping[UUID, Rules], names: Mapping[UUID, str], zone: ZoneInfo
) -> dict[date, list[Closure]]:
    """Return the blackouts of each day of a calendar: those in which its noon lies, by the clock of the account."""
    found: dict[date, list[Closure]] = {}
    for day in days:
        noon = datetime.combine(day, time(12), zone)
        closed: dict[str, set[UUID]] = {}
        for account_id, own in rules.items():
            for silence in _silences_at(own, noon) if own.silences else ():
                closed.setdefault(silence.name, set()).add(account_id)
        if closed:
            found[day] = [_closure(name, whose, rules, names) for name, whose in closed.items()]
    return found


def hours(
    days: Sequence[date], rules: Mapping[UUID, Rules], names: Mapping[UUID, str], zone: ZoneInfo
) -> dict[tuple[date, int], Closure]:
    """Return the hours of days in whose middle accounts are closed, by quiet hours or a blackout."""
    strict = {each: own for each, own in rules.items() if own.quiet is not None or own.silences}
    found: dict[tuple[date, int], Closure] = {}
    for day in days if strict else ():
        for hour in range(24):
            at = datetime.combine(day, time(hour), zone) + _HALF_AN_HOUR
            closed = {each for each, own in strict.items() if against(own, at) is not None}
            if closed:
                found[day, hour] = _closure("No posts wanted", closed, rules, names)
    return found


def against(rules: Rules, at: datetime) -> str | None:
    """Return why an account wants no post at an instant; None if it does not mind."""
    for each in _silences_at(rules, at):
        return f"in a blackout: {each.name}"
    is_quiet = rules.quiet is not None and rules.quiet.covers(wall_at(at, rules.zone).time())
    return "in quiet hours" if is_quiet else None


def _silences_at(rules: Rules, at: datetime) -> list[Silence]:
    """Return the blackouts of an account that an instant lies in."""
    day = wall_at(at, rules.zone).date()
    return [each for each in rules.silences if each.first <= day <= each.last]


def _closure(name: str, closed: set[UUID], rules: Mapping[UUID, Rules], names: Mapping[UUID, str]) -> Closure:
    return Closure(name, sorted(names[each] for each in closed), len(closed) == len(rules))

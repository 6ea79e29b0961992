"""Times as people say them: a clock on the wall of a place, which twice a year jumps.

A plan keeps what was said (wall time and zone) beside the instant it means, so that it still says nine o'clock when the
rules of the zone change.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from server.errors import Invalid

EARLIEST_YEAR: Final = 2000
LATEST_YEAR: Final = 2200


class Kind(StrEnum):
    """How a wall time lies on the line of time."""

    PLAIN = "plain"  # it comes once
    GAP = "gap"  # the clock jumps over it
    OVERLAP = "overlap"  # it comes twice


@dataclass(frozen=True, slots=True)
class Moment:
    """What a wall time means. `rule` says, for people, how a gap or an overlap was settled; empty for a plain time."""

    at: datetime  # aware, UTC
    wall: datetime  # naive; in a gap: what the clock really shows then
    kind: Kind
    rule: str = ""


def moment(wall: datetime, zone: str, *, later: bool = False) -> Moment:
    """Return the instant of a wall time (naive) in an IANA zone.

    A time that the clock jumps over is moved on by as much as the clock jumps. Of a time that comes twice it is the
    first, or with `later` the second. Raises Invalid for an unknown zone and for a year that is no plan.
    """
    if not EARLIEST_YEAR <= wall.year < LATEST_YEAR:
        raise Invalid({"time": f"Choose a year from {EARLIEST_YEAR} to {LATEST_YEAR - 1}."})
    place = zone_named(zone)
    first, second = (wall.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    before, after = _offset(first), _offset(second)
    if before == after:
        return Moment(first.astimezone(UTC), wall, Kind.PLAIN)
    if before < after:
        # In a gap the offset from before the jump gives the moved time, as people expect who set an alarm.
        at = first.astimezone(UTC)
        shown = at.astimezone(place).replace(tzinfo=None)
        rule = f"{wall:%H:%M} does not exist on that day: the clocks go forward. It will be {shown:%H:%M}."
        return Moment(at, shown, Kind.GAP, rule)
    chosen = second if later else first
    which = "second" if later else "first"
    rule = f"{wall:%H:%M} comes twice on that day: the clocks go back. It will be the {which} one ({_name(chosen)})."
    return Moment(chosen.astimezone(UTC), wall, Kind.OVERLAP, rule)


def wall_at(at: datetime, zone: str) -> datetime:
    """Return what the clock in a zone shows at an instant, naive. Raises Invalid for an unknown zone."""
    return at.astimezone(zone_named(zone)).replace(tzinfo=None)


def zone_named(zone: str) -> ZoneInfo:
    """Return a zone by its IANA name. Raises Invalid."""
    if zone not in zones():
        raise Invalid({"zone": "Choose a time zone by its name, such as Europe/Paris."})
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:  # listed, but its file cannot be read
        raise Invalid({"zone": "This time zone cannot be read here."}) from error


@cache
def zones() -> frozenset[str]:
    """All zones that can be chosen, by name."""
    return frozenset(available_timezones()) - {"localtime", "posixrules", "Factory"}


def _name(at: datetime) -> str:
    minutes = int(_offset(at).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta()

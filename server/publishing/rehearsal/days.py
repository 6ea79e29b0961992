"""A rehearsal as a page shows it: by day, the worst first, and together what one deed mends. It does no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from server.publishing.rehearsal.rehearsing import Rehearsal
from server.publishing.rehearsal.scene import Finding, Play, Severity

# Of publications that one deed mends, so many are named; of findings, so many are shown at all.
MOST_NAMED: Final = 5
MOST_SHOWN: Final = 300
_SEVERITIES: Final = list(Severity)


@dataclass(frozen=True, slots=True)
class Named:
    """A publication in a list: with the time of day where the reader is."""

    play: Play
    clock: str


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of a day that are one thing to do. `more`: how many publications there are besides those named."""

    finding: Finding
    named: Sequence[Named]
    more: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day with what was found for it. `is_over`: it is past, and something is still not out."""

    date: date
    groups: Sequence[Group]
    is_today: bool
    is_over: bool

    @property
    def words(self) -> str:
        """The day in words."""
        return f"{self.date:%A}, {self.date.day} {self.date:%B %Y}"


@dataclass(frozen=True, slots=True)
class Timeline:
    """The days that something was found for. `left_out`: how many findings are not shown."""

    days: Sequence[Day]
    left_out: int


def timeline(rehearsal: Rehearsal, zone: ZoneInfo, severity: Severity | None = None) -> Timeline:
    """Return what was found by the days of a zone; `severity`: only that."""
    found = [each for each in rehearsal.findings if severity is None or each.severity is severity]
    by_day: dict[date, dict[tuple[str, str, str], list[Finding]]] = {}
    for finding in found[:MOST_SHOWN]:
        groups = by_day.setdefault(finding.at.astimezone(zone).date(), {})
        groups.setdefault((finding.severity, finding.rule, finding.subject), []).append(finding)
    today = rehearsal.since.astimezone(zone).date()
    days = [
        Day(day, _groups(list(groups.values()), zone), is_today=day == today, is_over=day < today)
        for day, groups in sorted(by_day.items())
    ]
    return Timeline(days, max(0, len(found) - MOST_SHOWN))


def _groups(found: Sequence[Sequence[Finding]], zone: ZoneInfo) -> list[Group]:
    """Return the groups of a day, the worst first, then by time."""
    ordered = sorted(found, key=lambda each: (_SEVERITIES.index(each[0].severity), each[0].at))
    return [
        Group(
            each[0],
            [Named(one.play, f"{one.at.astimezone(zone):%H:%M}") for one in each[:MOST_NAMED]],
            max(0, len(each) - MOST_NAMED),
        )
        for each in ordered
    ]

"""Times in the words of a page: 17:49 for what is of today, and with its day what is not.

The reader's browser says in a cookie in which zone it is, and `now` is given in that zone; until it has said so, and in
mails, times are of UTC and say so. The page's script writes the same as the reader is used to
(static/src/ui/times.ts).
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from starlette.requests import HTTPConnection

# Written by the page's script, which knows nothing of our settings: so it has one name everywhere, and no secret in it.
ZONE_COOKIE: Final = "quillroom_zone"
_LONGEST_NAME: Final = 64


def zone_of(connection: HTTPConnection) -> tzinfo:
    """Return the time zone of whoever asks, UTC if their browser has not said a known one."""
    name = connection.cookies.get(ZONE_COOKIE, "")
    if not name or len(name) > _LONGEST_NAME or not name.isascii():
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # No such zone, a path out of their folder, or one that is a folder itself.
        return UTC


def clock_words(moment: datetime, now: datetime) -> str:
    """Return a time as somebody reads it where it is `now`: "17:49" of today, "20 Nov, 17:49", "20 Nov 2025, 17:49"."""
    there = moment.astimezone(now.tzinfo)
    words = time_words(moment, now)
    if there.date() == now.date():
        return words
    year = f" {there.year}" if there.year != now.year else ""
    return f"{there.day} {there:%b}{year}, {words}"


def time_words(moment: datetime, now: datetime) -> str:
    """Return the time of day, "17:49"."""
    return f"{moment.astimezone(now.tzinfo):%H:%M}" + (" UTC" if now.tzinfo is UTC else "")


def day_words(moment: datetime, now: datetime) -> str:
    """Return a day, "20 November 2026"."""
    there = moment.astimezone(now.tzinfo)
    return f"{there.day} {there:%B %Y}"

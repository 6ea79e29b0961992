"""Times in words: of the reader's day, in the reader's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from starlette.requests import Request

from server.web.times import ZONE_COOKIE, clock_words, day_words, time_words, zone_of

MOMENT = datetime(2026, 11, 21, 22, 49, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (datetime(2026, 11, 21, 23, 0, tzinfo=UTC), "22:49 UTC"),
        (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), "21 Nov, 22:49 UTC"),
        (datetime(2027, 1, 2, 12, 0, tzinfo=UTC), "21 Nov 2026, 22:49 UTC"),
        # The same moment is of the 22nd where a day begins earlier.
        (datetime(2026, 11, 22, 12, 0, tzinfo=ZoneInfo("Asia/Tokyo")), "07:49"),
        (datetime(2026, 11, 22, 12, 0, tzinfo=ZoneInfo("Europe/Berlin")), "21 Nov, 23:49"),
    ],
)
def test_the_day_is_said_of_what_is_not_of_today(now: datetime, words: str) -> None:
    assert clock_words(MOMENT, now) == words
    assert words.endswith(time_words(MOMENT, now))


def test_a_day_is_that_of_the_reader() -> None:
    assert day_words(MOMENT, datetime.now(UTC)) == "21 November 2026"
    assert day_words(MOMENT, datetime.now(ZoneInfo("Asia/Tokyo"))) == "22 November 2026"


@pytest.mark.parametrize("said", ["", "Nowhere/Else", "Europe", "../../etc/passwd", "/etc/passwd", "x" * 100, "Zürich"])
def test_a_zone_that_is_none_is_utc(said: str) -> None:
    assert zone_of(_asking(said)) is UTC


def test_the_browser_says_its_zone() -> None:
    assert zone_of(_asking("Europe/Berlin")) == ZoneInfo("Europe/Berlin")


def _asking(zone: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", f"{ZONE_COOKIE}={zone}".encode())]})

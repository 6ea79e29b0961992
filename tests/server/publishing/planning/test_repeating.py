"""When a series goes out."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid
from server.publishing.planning.repeating import MOST, Repeat, Unit, walls

FIRST = datetime.fromisoformat("2028-01-31 09:00")


def days(repeat: Repeat, first: datetime = FIRST) -> list[str]:
    return [f"{each:%m-%d}" for each in walls(first, repeat)]


def test_days_weeks_and_months_are_counted_from_the_first() -> None:
    assert days(Repeat(3, Unit.DAYS, count=3)) == ["01-31", "02-03", "02-06"]
    assert days(Repeat(2, Unit.WEEKS, until=date(2028, 2, 28))) == ["01-31", "02-14", "02-28"]
    # A month's end wears no day off: after the short month it is the 31st again.
    assert days(Repeat(1, Unit.MONTHS, count=4)) == ["01-31", "02-29", "03-31", "04-30"]


@pytest.mark.parametrize(
    "repeat",
    [
        Repeat(0, Unit.DAYS, count=3),
        Repeat(1, Unit.DAYS),
        Repeat(1, Unit.DAYS, count=2, until=date(2029, 1, 1)),
        Repeat(1, Unit.DAYS, count=1),
        Repeat(1, Unit.DAYS, count=MOST + 1),
        Repeat(1, Unit.DAYS, until=date(2028, 1, 31)),
        Repeat(2, Unit.MONTHS, until=date(2028, 2, 20)),
        Repeat(1, Unit.DAYS, until=date(2029, 1, 1)),
        Repeat(365, Unit.MONTHS, count=MOST),
    ],
    ids=str,
)
def test_what_is_no_series_is_refused(repeat: Repeat) -> None:
    with pytest.raises(Invalid):
        walls(FIRST.replace(year=9990) if repeat.every == 365 else FIRST, repeat)


@given(
    st.datetimes(FIRST, FIRST.replace(year=2100)),
    st.integers(1, 12),
    st.sampled_from(Unit),
    st.integers(2, MOST),
)
def test_all_come_later_at_the_same_time_of_day(first: datetime, every: int, unit: Unit, count: int) -> None:
    found = walls(first, Repeat(every, unit, count=count))
    assert len(found) == count
    assert found == sorted(set(found))
    assert {each.time() for each in found} == {first.time()}

"""Times as people say them, around the days on which clocks jump."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid
from server.publishing.publisher import patience
from server.publishing.wall_time import Kind, moment, wall_at, zones

PARIS = "Europe/Paris"


def said(words: str) -> datetime:
    """Return a time without a zone, as somebody says it."""
    return datetime.fromisoformat(words)


def test_a_plain_time_comes_once() -> None:
    found = moment(said("2026-07-01 09:00"), PARIS)
    assert (found.at, found.kind, found.rule) == (datetime(2026, 7, 1, 7, tzinfo=UTC), Kind.PLAIN, "")


def test_a_time_in_the_gap_is_moved_on_by_as_much_as_the_clock_jumps() -> None:
    found = moment(said("2026-03-29 02:30"), PARIS)
    assert found.kind is Kind.GAP
    assert found.at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert found.wall == said("2026-03-29 03:30")
    assert found.rule == "02:30 does not exist on that day: the clocks go forward. It will be 03:30."


def test_of_a_time_that_comes_twice_it_is_the_first_or_as_asked_the_second() -> None:
    wall = said("2026-10-25 02:30")
    first, second = moment(wall, PARIS), moment(wall, PARIS, later=True)
    assert first.kind is second.kind is Kind.OVERLAP
    assert second.at - first.at == timedelta(hours=1)
    assert "the first one (UTC+02:00)" in first.rule
    assert "the second one (UTC+01:00)" in second.rule


def test_a_jump_of_half_an_hour_is_one_too() -> None:
    found = moment(said("2026-10-04 02:10"), "Australia/Lord_Howe")
    assert found.kind is Kind.GAP
    assert found.wall == said("2026-10-04 02:40")


@pytest.mark.parametrize("zone", ["", "Nowhere/Town", "../../etc/passwd", "localtime", "Europe/Paris\0"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(Invalid):
        moment(said("2026-07-01 09:00"), zone)


@pytest.mark.parametrize("year", [1, 1999, 2200, 9999])
def test_a_year_that_is_no_plan_is_refused(year: int) -> None:
    with pytest.raises(Invalid):
        moment(said(f"{year:04}-07-01 09:00"), PARIS)


@given(
    st.datetimes(said("2000-01-02 00:00"), said("2199-12-30 00:00")).map(lambda at: at.replace(microsecond=0)),
    st.sampled_from(sorted(zones())),
    st.sampled_from([Kind.OVERLAP, Kind.PLAIN]),
)
def test_the_clock_shows_then_what_was_said_but_in_a_gap(wall: datetime, zone: str, which: Kind) -> None:
    found = moment(wall, zone, later=which is Kind.OVERLAP)
    assert wall_at(found.at, zone) == found.wall
    assert (found.wall == wall) is (found.kind is not Kind.GAP)
    assert bool(found.rule) is (found.kind is not Kind.PLAIN)


def test_waits_grow_are_spread_and_heed_what_the_channel_asks() -> None:
    chance = random.Random(1)
    waits = [patience.wait_after(tries, chance=chance) for tries in (1, 3, 5, 7, 8)]
    assert waits == sorted(waits)
    assert len({patience.wait_after(4, chance=chance) for _ in range(10)}) > 1
    assert patience.wait_after(1, asked_seconds=600, chance=chance) == timedelta(minutes=10)
    assert patience.wait_after(1, asked_seconds=10**9, chance=chance) == patience.LONGEST_WAIT
    assert patience.wait_after(99, chance=chance) <= patience.WAITS[-1] * 1.25

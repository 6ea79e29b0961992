"""Free slots: what the rules say is kept, whatever they are, and around the days on which clocks jump."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.publishing.rules.slots import (
    FURTHEST,
    NothingFree,
    Quiet,
    Rules,
    Silence,
    Slot,
    WeeklySlot,
    broken,
    clock,
    free_slots,
    next_free,
)
from server.publishing.wall_time import moment

PARIS = "Europe/Paris"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NINE = tuple(WeeklySlot(day, time(9)) for day in range(7))


def walls(found: list[Slot]) -> list[str]:
    return [f"{each.wall:%m-%d %H:%M}" for each in found]


def test_the_next_free_one_is_after_now_and_not_taken() -> None:
    rules = Rules(PARIS, NINE)
    nine = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert walls(next_free(rules, [], nine - timedelta(seconds=1))) == ["11-23 09:00"]
    # At nine it is over; taken, it is the next one.
    assert walls(next_free(rules, [], nine)) == ["11-24 09:00"]
    assert walls(next_free(rules, [nine + timedelta(days=1)], nine, count=2)) == ["11-25 09:00", "11-26 09:00"]


def test_quiet_hours_blackouts_the_gap_and_the_most_a_day_are_kept() -> None:
    slots = tuple(WeeklySlot(0, clock(60 * hour)) for hour in (1, 9, 10, 12, 23))
    week = MONDAY + timedelta(days=7)

    def free(**more: object) -> list[str]:
        rules = Rules("UTC", slots, **more)  # type: ignore[arg-type] # one of its fields
        return walls(free_slots(rules, [MONDAY.replace(hour=11)], MONDAY, week))

    assert free() == ["11-23 01:00", "11-23 09:00", "11-23 10:00", "11-23 12:00", "11-23 23:00"]
    assert free(quiet=Quiet(time(22), time(7))) == ["11-23 09:00", "11-23 10:00", "11-23 12:00"]
    assert free(quiet=Quiet(time(9), time(12))) == ["11-23 01:00", "11-23 12:00", "11-23 23:00"]
    assert free(gap=timedelta(hours=2)) == ["11-23 01:00", "11-23 09:00", "11-23 23:00"]
    assert free(most_a_day=3) == ["11-23 01:00", "11-23 09:00"]
    assert free(silences=(Silence("Black Friday", date(2026, 11, 20), date(2026, 11, 23)),)) == []


def test_a_slot_in_the_gap_moves_on_and_one_that_comes_twice_is_taken_once() -> None:
    spring = Rules(PARIS, tuple(WeeklySlot(6, clock(minutes)) for minutes in (90, 150, 210)))
    night = datetime(2026, 3, 28, 20, tzinfo=UTC)
    # Half past two does not exist then: it is half past three, where there is a slot already.
    found = free_slots(spring, [], night, night + timedelta(days=1))
    assert [f"{each.moment.wall:%H:%M}" for each in found] == ["01:30", "03:30"]
    autumn = free_slots(spring, [], datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 20, tzinfo=UTC))
    assert [each.at.hour for each in autumn] == [23, 0, 2]


def test_when_nothing_is_free_it_says_why() -> None:
    with pytest.raises(NothingFree, match="no posting times yet"):
        next_free(Rules(PARIS), [], MONDAY)
    with pytest.raises(NothingFree, match="in the next 400 days"):
        next_free(Rules(PARIS, NINE, quiet=Quiet(time(8), time(10))), [], MONDAY)
    once_a_week = Rules(PARIS, NINE[:1])
    with pytest.raises(NothingFree, match="Only 58 of 60"):
        next_free(once_a_week, [], MONDAY, count=60)


def test_a_time_by_hand_is_told_all_that_it_breaks_and_is_not_blocked() -> None:
    rules = Rules(
        PARIS,
        gap=timedelta(minutes=90),
        quiet=Quiet(time(22), time(7)),
        most_a_day=1,
        silences=(Silence("Founders’ day", date(2026, 11, 23), date(2026, 11, 24)),),
    )
    late = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    found = broken(rules, [late - timedelta(minutes=60)], late)
    assert [each.sentence for each in found] == [
        "22:30 lies in the quiet hours of this account, 22:00 to 07:00 (Europe/Paris).",
        "Monday, 23 November 2026 is in a blackout: Founders’ day.",
        "Another post goes to this account 1 hour away; its rules ask for 1 hour and 30 minutes between two.",
        "It would be post number 2 of Monday, 23 November 2026 on this account; its rules ask for at most 1 a day.",
    ]
    assert not any(each.blocks for each in found)
    assert broken(Rules(), [late], late) == []


def test_many_blackouts_of_a_day_are_one_sentence() -> None:
    day = date(2026, 11, 23)
    many = [Silence(name, day, day) for name in ("A", "B", "B", *(f"C{number}" for number in range(500)))]
    [found] = broken(Rules(PARIS, silences=tuple(many)), [], datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert found.sentence == "Monday, 23 November 2026 is in 502 blackouts: A, B, C0 and 499 more."


_MINUTES = st.integers(0, 24 * 60 - 1)


@st.composite
def _rules(draw: st.DrawFn) -> Rules:
    quiet = draw(st.none() | st.lists(_MINUTES, min_size=2, max_size=2, unique=True))
    first = date(2026, 3, 20) + timedelta(days=draw(st.integers(0, 20)))
    return Rules(
        draw(st.sampled_from([PARIS, "UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])),
        tuple(WeeklySlot.of(each) for each in draw(st.lists(st.integers(0, 7 * 24 * 60 - 1), max_size=30))),
        timedelta(minutes=draw(st.sampled_from([0, 1, 45, 600, 4000]))),
        Quiet(clock(quiet[0]), clock(quiet[1])) if quiet else None,
        draw(st.none() | st.integers(1, 4)),
        draw(st.sampled_from([(), (Silence("Away", first, first + timedelta(days=2)),)])),
    )


@given(
    _rules(),
    st.lists(
        st.integers(-3000, 60_000).map(lambda minutes: datetime(2026, 3, 15, tzinfo=UTC) + timedelta(minutes=minutes))
    ),
    st.sampled_from([datetime(2026, 3, 20, 1, 59, tzinfo=UTC), datetime(2026, 10, 20, 0, 30, tzinfo=UTC)]),
)
def test_what_is_free_breaks_no_rule_and_comes_strictly_later(
    rules: Rules, taken: list[datetime], since: datetime
) -> None:
    until = since + timedelta(days=25)
    found = free_slots(rules, taken, since, until)
    instants = [each.at for each in found]
    assert all(since < each < until for each in instants)
    assert all(one < other for one, other in pairwise(instants))
    assert set(instants).isdisjoint(taken)
    for number, slot in enumerate(found):
        # With all that is taken, and with all that was found before it.
        assert broken(rules, [*taken, *instants[:number]], slot.at) == []
        assert slot.moment == moment(slot.wall, rules.zone)
        assert WeeklySlot(slot.wall.weekday(), slot.wall.time()) in rules.slots
    if found:
        assert next_free(rules, taken, since)[0] == found[0]


def test_nobody_looks_further_than_a_bound() -> None:
    assert (
        walls(free_slots(Rules(PARIS, NINE), [], MONDAY, MONDAY + timedelta(days=10**5)))[-1]
        == walls(free_slots(Rules(PARIS, NINE), [], MONDAY, MONDAY + FURTHEST))[-1]
    )

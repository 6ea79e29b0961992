"""When accounts want no posts, as the calendar shows it."""

from datetime import UTC, date, datetime, time
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from server.publishing.planning.closures import Closure, around, by_day, by_hour
from server.publishing.rules.slots import Quiet, Rules, Silence

PARIS = ZoneInfo("Europe/Paris")
DAYS = [date(2026, 12, day) for day in (23, 24, 25, 26)]
FEAST = Silence("Feast", date(2026, 12, 24), date(2026, 12, 25))
CLUB, SHOP = uuid4(), uuid4()
NAMES = {CLUB: "Club", SHOP: "Shop"}


def blackouts(rules: dict[UUID, Rules]) -> dict[date, list[Closure]]:
    return by_day(DAYS, around(DAYS, rules), NAMES, PARIS)


def hours(days: list[date], rules: dict[UUID, Rules]) -> dict[tuple[date, int], Closure]:
    return by_hour(days, around(days, rules), NAMES, PARIS)


def test_a_blackout_is_named_on_its_days_with_those_that_keep_it() -> None:
    all_of_them = {each: Rules("Europe/Paris", silences=(FEAST,)) for each in NAMES}
    found = blackouts(all_of_them)
    assert {day: [each.words for each in there] for day, there in found.items()} == {
        DAYS[1]: ["Feast"],
        DAYS[2]: ["Feast"],
    }
    found = blackouts({CLUB: Rules("Europe/Paris", silences=(FEAST,)), SHOP: Rules()})
    assert [each.words for each in found[DAYS[1]]] == ["Feast (Club)"]


def test_an_hour_beyond_midnight_does_not_make_a_day_of_it() -> None:
    # The clock of an account in London ends the day an hour later than the one that the calendar shows.
    found = blackouts({CLUB: Rules("Europe/London", silences=(FEAST,))})
    assert sorted(found) == [DAYS[1], DAYS[2]]


def test_hours_are_shaded_by_the_clock_of_each_account() -> None:
    rules = {
        CLUB: Rules("Europe/Paris", quiet=Quiet(time(22), time(7))),
        SHOP: Rules("America/New_York", quiet=Quiet(time(22), time(7))),
    }
    found = hours([DAYS[0]], rules)
    shop, both = found[DAYS[0], 12], found[DAYS[0], 5]
    assert (shop.accounts, shop.is_all) == (["Shop"], False)
    assert (both.accounts, both.is_all) == (["Club", "Shop"], True)
    assert sorted(hour for _, hour in found) == [*range(13), 22, 23]
    assert hours(DAYS, {CLUB: Rules()}) == {}


def test_what_stands_against_an_instant_is_told() -> None:
    rules = Rules("Europe/Paris", quiet=Quiet(time(22), time(7)), silences=(FEAST,))
    closed = around(DAYS, {CLUB: rules})[CLUB]
    assert closed.against(datetime(2026, 12, 24, 12, tzinfo=UTC)) == "in a blackout: Feast"
    assert closed.against(datetime(2026, 12, 23, 22, tzinfo=UTC)) == "in quiet hours"
    assert closed.against(datetime(2026, 12, 23, 12, tzinfo=UTC)) is None

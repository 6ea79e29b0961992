"""The hours of the calendar's days."""

from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from server.publishing.planning.calendar import Sheet, View, fill, sheet_of
from server.publishing.planning.hours import MOST_ITEMS, Ghost, Grid, gather, grid_of
from server.publishing.planning.planning import Entry
from server.publishing.rules.slots import Rules, WeeklySlot, free_slots
from server.publishing.states import State

PARIS = ZoneInfo("Europe/Paris")
CLOCKS_BACK = date(2026, 10, 25)


def entry(due_at: datetime) -> Entry:
    """Return a publication of which only the time matters."""
    nothing: dict[str, Any] = dict.fromkeys(each.name for each in fields(Entry))
    return Entry(**{**nothing, "id": uuid4(), "state": State.SCHEDULED, "due_at": due_at})


def grid(sheet: Sheet, now: datetime, *due: datetime, whole: bool = False, ghosts: list[Ghost] | None = None) -> Grid:
    days = fill(sheet, [entry(each) for each in due], now, PARIS)
    return grid_of(days, ghosts or [], now.astimezone(PARIS), whole=whole)


def test_early_hours_are_shown_if_something_stands_in_them_or_it_is_asked_for() -> None:
    week, before = sheet_of(View.WEEK, CLOCKS_BACK, PARIS), datetime(2026, 9, 1, tzinfo=UTC)
    assert grid(week, before).clocks[0] == "07:00"
    assert grid(week, before, whole=True).clocks[0] == "00:00"
    # One o'clock in the night, in Paris.
    early = grid(week, before, datetime(2026, 10, 19, 23, 10, tzinfo=UTC))
    assert (early.clocks[0], len(early.clocks), early.is_whole) == ("01:00", 23, False)


def test_an_hour_that_comes_twice_has_both_in_their_order() -> None:
    day, before = sheet_of(View.DAY, CLOCKS_BACK, PARIS), datetime(2026, 9, 1, tzinfo=UTC)
    first, second = datetime(2026, 10, 25, 0, 50, tzinfo=UTC), datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    [shown] = grid(day, before, second, first).days
    assert [f"{each.at:%H:%M}" for each in shown.hours[0].items] == ["02:50", "02:10"]


def test_now_stands_between_what_is_over_and_what_comes() -> None:
    now = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    day = sheet_of(View.DAY, now.date(), PARIS)
    [shown] = grid(day, now, now - timedelta(minutes=5), now + timedelta(minutes=5)).days
    hours = {each.hour: each for each in shown.hours}
    assert hours[10].now_before == 1
    assert [each.hour for each in shown.hours if each.is_past] == [7, 8, 9]
    assert [each.hour for each in shown.hours if each.now_before is not None] == [10]


def test_a_full_hour_of_a_week_leads_to_its_day_which_shows_all() -> None:
    many = [datetime(2026, 11, 25, 9, minute, tzinfo=UTC) for minute in range(20)]
    before = datetime(2026, 9, 1, tzinfo=UTC)
    week = grid(sheet_of(View.WEEK, many[0].date(), PARIS), before, *many)
    [full] = [hour for day in week.days for hour in day.hours if hour.items]
    assert (len(full.items), full.more) == (MOST_ITEMS - 1, 20 - MOST_ITEMS + 1)
    day = grid(sheet_of(View.DAY, many[0].date(), PARIS), before, *many)
    assert sum(len(hour.items) for hour in day.days[0].hours) == 20


def test_slots_of_one_moment_are_one_and_lead_to_all_their_accounts() -> None:
    one, other = uuid4(), uuid4()
    since = datetime(2026, 11, 23, tzinfo=UTC)
    paris = free_slots(Rules("Europe/Paris", (WeeklySlot(0, time(10)),)), [], since, since + timedelta(days=1))
    utc = free_slots(Rules("UTC", (WeeklySlot(0, time(9)),)), [], since, since + timedelta(days=1))
    [ghost] = gather({one: paris, other: utc}, {one: "Board", other: "Account"}, PARIS)
    assert (ghost.clock, ghost.names) == ("10:00", "Account, Board")
    assert ghost.query == f"at=2026-11-23T10:00&account={other}&account={one}"

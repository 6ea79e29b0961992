"""Charts as they are laid out."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.publishing.aftercare.charts import ABOVE, BELOW, BESIDE, HEIGHT, MOST_COLUMNS, WIDTH, columns, line

BEGIN = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_line_begins_and_ends_at_its_times() -> None:
    chart = line(
        "Likes", [(BEGIN, 0), (BEGIN + timedelta(hours=1), 5), (BEGIN + timedelta(hours=4), 9)], ["a", "b", "c"]
    )

    assert chart is not None
    assert chart.marks[0].y == HEIGHT - BELOW
    assert chart.marks[0].x == BESIDE
    assert (chart.first, chart.last, chart.newest) == ("a", "c", 9)
    assert [each.value for each in chart.grid] == [0, 5, 10, 15]


def test_nothing_told_is_no_chart() -> None:
    assert line("Likes", [], []) is None
    assert columns("Likes", []) is None


def test_one_value_has_no_line() -> None:
    chart = line("Likes", [(BEGIN, 7)], ["now"])

    assert chart is not None
    assert chart.path == ""


@given(st.lists(st.integers(-5, 10**12), min_size=1, max_size=60))
def test_whatever_the_values_all_of_it_is_in_the_drawing(values: list[int]) -> None:
    drawn = columns("Likes", [(str(number), value) for number, value in enumerate(values)])

    assert drawn is not None
    assert len(drawn.marks) == min(len(values), MOST_COLUMNS)
    for mark in drawn.marks:
        assert BESIDE <= mark.x <= mark.x + mark.width <= WIDTH
        assert ABOVE <= mark.y <= mark.y + mark.height <= HEIGHT - BELOW + 0.2
    assert drawn.grid[-1].value >= max(values)

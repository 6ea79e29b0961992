"""What a run came to is told right: which way is better, what is missing, where it is written."""

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from tests.bench import plot, report
from tests.bench.__main__ import PAGE
from tests.bench.capacity import Costs, People, million, people_on, sizing, walls
from tests.bench.growth import Growth, Row
from tests.bench.workloads import ALL, Measured, bisect

THEIRS = "Peer 1.0"
COSTS = Costs(
    edit_us=100,
    caret_us=50,
    edit_beside_us=20,
    edit_wal_bytes=300,
    process_commits=500,
    connection_kb=5,
    document_kb=20,
    process_mb=100,
    spread=2,
)
PEOPLE = People(writing=0.1, edits_per_second=2, in_a_document=4, renewal_seconds=10, used=0.5)


def run(*subjects: str, ours: float = 2, theirs: float = 4) -> report.Report:
    results = {}
    for number, subject in enumerate(subjects):
        value = theirs if number else ours
        for workload in ALL:
            keys = {measure.key for measure in workload.measures} | {"beside", "process"}
            results[workload.key, subject] = report.Results([Measured(dict.fromkeys(keys, value), remark="at least")])
    return report.Report(subjects, ALL, results, ["Measured somewhere."])


def growth() -> Growth:
    figures = dict.fromkeys(("rate", "p50", "p99", "cpu", "busy", "beside", "commits", "wal"), 1.5)
    rows = (Row(1, figures), Row(3, figures))
    return Growth(rows, rows, rows, rows, figures)


def test_less_is_better_for_times_and_more_for_rates() -> None:
    times = {bar.label: bar.times for bar in report.bars(run("Quillroom", THEIRS))}
    assert times["100 people: p99, ms"] == 2
    assert times["replay: edits/s"] == 0.5


def test_a_figure_that_is_zero_is_in_the_table_and_not_in_the_plot() -> None:
    made = run("Quillroom", THEIRS, ours=0, theirs=250)
    assert report.bars(made) == []
    assert "| 0 | 250 | 0.00 |" in report.figures_block(made)


def test_both_tables_say_all_figures_and_what_limits_them() -> None:
    for text in (report.terminal(run("Quillroom", THEIRS)), report.figures_block(run("Quillroom", THEIRS))):
        for workload in ALL:
            assert workload.title in text
        assert "0.50" in text
        assert "Measured somewhere." in text
        assert f"{ALL[0].title}, {THEIRS}: at least." in text


def test_ours_alone_has_no_ratio() -> None:
    text = report.terminal(run("Quillroom"))
    assert "ratio" not in text
    assert report.bars(run("Quillroom")) == []


def test_a_run_that_proves_nothing_shows_its_reason_and_no_figure() -> None:
    made = run("Quillroom", THEIRS)
    made.results[ALL[0].key, THEIRS].measured.clear()
    made.results[ALL[0].key, THEIRS].reasons.append("3 of 9 deliveries lost")
    text = report.terminal(made)
    assert "no result" in text
    assert f"{ALL[0].title}, {THEIRS}: 3 of 9 deliveries lost." in text


def test_the_plot_is_an_image_with_a_bar_for_each_figure() -> None:
    bars = [plot.Bar("fast & small", 10), plot.Bar("slow", 0.5), plot.Bar("even", 1)]
    image = ET.fromstring(plot.draw(bars, "<Peer>"))
    drawn = image.findall("{http://www.w3.org/2000/svg}rect")
    width = float(image.attrib["width"])
    assert [bar.attrib["class"] for bar in drawn] == ["ahead", "behind", "ahead"]
    for bar in drawn:
        assert 0 <= float(bar.attrib["x"]) <= float(bar.attrib["x"]) + float(bar.attrib["width"]) <= width


def test_the_page_has_a_place_for_everything_that_is_written() -> None:
    made = run("Quillroom", THEIRS)
    costs = report.costs(made, growth())
    blocks = {
        "figures": report.figures_block(made),
        "growth": report.growth_block(growth()),
        "sizing": report.sizing_block(costs, PEOPLE),
        "million": report.million_block(costs, PEOPLE),
    }
    once = report.replaced(PAGE.read_text("utf-8"), blocks)
    for text in blocks.values():
        assert text in once
    assert report.replaced(once, blocks) == once
    with pytest.raises(LookupError):
        report.replaced("an empty page", blocks)


def test_how_many_people_fit_is_plain_arithmetic() -> None:
    # A person: 0.2 edits/s of 100 µs + (0.2 + 0.1) messages/s of 50 µs = 35 µs/s of half a core.
    assert people_on(1, COSTS, PEOPLE) == pytest.approx(500_000 / 35)
    assert people_on(4, COSTS, PEOPLE) == pytest.approx(4 * 500_000 / 70)
    assert [where for where, *_ in sizing(COSTS, PEOPLE)] == ["1 core", "4 cores", "3 machines of 4 cores"]


def test_a_million_people_are_reckoned_from_the_same_costs() -> None:
    rows = {what: result for what, _, result in million(COSTS, PEOPLE)}
    assert rows["rooms"] == "250,000"
    assert rows["edits/s"] == "200,000"
    assert rows["deliveries/s"] == "1,500,000"
    assert rows["cores for web processes"] == "140"
    assert rows["Postgres: log/s"] == "60 MB"
    assert rows["Postgres: commits/s"] == "70,000"
    # Redis: 150,000 messages / 0.5 of a person. Postgres: 16 cores, half used, 0.2 edits/s of 20 µs.
    assert [round(count) for count, _ in walls(COSTS, PEOPLE)] == [300_000, 2_000_000]


@pytest.mark.parametrize(("limit", "found"), [(15, None), (16, 16), (100, 96), (300, 256)])
def test_the_search_for_the_most_closes_in_on_the_limit(limit: float, found: float | None) -> None:
    held: list[float] = []
    bisect(remembering(held, limit))
    assert max(held, default=None) == found


def remembering(held: list[float], limit: float) -> Callable[[float], bool]:
    def holds(rate: float) -> bool:
        if rate <= limit:
            held.append(rate)
        return rate <= limit

    return holds

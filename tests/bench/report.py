"""Putting results into words: a table for the terminal, and the generated parts of docs/performance.md."""

import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.capacity import (
    CORES_A_MACHINE,
    Costs,
    People,
    million,
    people_on,
    rounded,
    sizing,
    sizing_arithmetic,
    walls,
)
from tests.bench.growth import Growth, Row
from tests.bench.plot import Bar
from tests.bench.workloads import Measure, Measured, Workload


@dataclass
class Results:
    """What the rounds of one workload came to for one subject."""

    measured: list[Measured] = field(default_factory=list)
    # Why a round proves nothing.
    reasons: list[str] = field(default_factory=list)

    def figure(self, key: str) -> float | None:
        """The median over the rounds that count; None if there are none."""
        return statistics.median(each.figures[key] for each in self.measured) if self.measured else None


@dataclass(frozen=True)
class Report:
    """A whole run. `results` by workload and subject; `subjects` begins with ours."""

    subjects: Sequence[str]
    workloads: Sequence[Workload]
    results: Mapping[tuple[str, str], Results]
    # When, on what machine, how placed, how many rounds, and what else there is to say: a sentence each.
    circumstances: Sequence[str]

    def rows(self) -> Iterator[tuple[Workload, Measure, list[float | None]]]:
        """Every figure of every subject."""
        for workload in self.workloads:
            for measure in workload.measures:
                yield workload, measure, [self._of(workload, name).figure(measure.key) for name in self.subjects]

    def remarks(self) -> Iterator[str]:
        """What must be said about single results."""
        for workload in self.workloads:
            for name in self.subjects:
                results = self._of(workload, name)
                said = {*results.reasons, *(each.remark for each in results.measured if each.remark)}
                yield from (f"{workload.title}, {name}: {words}." for words in sorted(said))

    def _of(self, workload: Workload, name: str) -> Results:
        return self.results.get((workload.key, name), Results())


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Ours for one of theirs; None where that says nothing."""
    return ours / theirs if ours is not None and theirs else None


def terminal(report: Report) -> str:
    """The table, for people who ran `make bench`."""
    heads = ["", *report.subjects, *(["ratio"] if len(report.subjects) > 1 else [])]
    lines = [_columns(heads)]
    last = None
    for workload, measure, figures in report.rows():
        if workload is not last:
            lines.append(workload.title)
            last = workload
        lines.append(_columns([f"  {measure.label}", *_cells(measure, figures)]))
    return "\n".join([*lines, "", *report.circumstances, *report.remarks()])


def figures_block(report: Report) -> str:
    """The same as a table in Markdown."""
    heads = ["load", "figure", *report.subjects, *(["ours / theirs"] if len(report.subjects) > 1 else [])]
    lines = [_row(heads), _row(["---", "---", *["---:"] * (len(heads) - 2)])]
    last = None
    for workload, measure, figures in report.rows():
        lines.append(_row([workload.title if workload is not last else "", measure.label, *_cells(measure, figures)]))
        last = workload
    said = [f"- {sentence}" for sentence in (*report.circumstances, *report.remarks())]
    return "\n".join([*lines, "", *said])


def bars(report: Report) -> list[Bar]:
    """For the plot: each figure that both have, as how many times better ours is."""
    found = []
    for workload, measure, figures in report.rows():
        share = ratio(*figures[:2]) if len(figures) > 1 else None
        if share:
            label = f"{workload.short}: {measure.label}"
            found.append(Bar(label, share if measure.more_is_better else 1 / share))
    return found


def growth_block(growth: Growth) -> str:
    """The curves, a table each."""
    typing = ("deliveries/s", "p50, ms", "p99, ms", "CPU, µs a delivery", "a core is busy")

    def cells(row: Row) -> list[str]:
        of = row.figures
        return [f"{of['rate']:,.0f}", f"{of['p50']:.2f}", f"{of['p99']:.1f}", f"{of['cpu']:.2f}", f"{of['busy']:.0%}"]

    parts = [
        _table(["people, 2 edits/s each, in 1 document", *typing], growth.people, cells),
        _table(
            ["documents, 3 people each, 1 edit/s each", *typing, "commits/s"],
            growth.documents,
            lambda row: [*cells(row), f"{row.figures['commits']:,.0f}"],
        ),
        _table(["bytes of state of 1 document, 10 people, 5 edits/s each", *typing], growth.sizes, cells),
        _table(
            ["processes on one core, 30 people in 1 document, 5 edits/s each", *typing, "Postgres and Redis, µs"],
            growth.processes,
            lambda row: [*cells(row), f"{row.figures['beside']:.2f}"],
        ),
    ]
    return "\n\n".join(parts)


def costs(report: Report, growth: Growth) -> Costs:
    """What the arithmetic of sizes begins with. Raises LookupError if something of it was not measured."""
    ours = report.subjects[0]
    many, storm = (report.results[key, ours] for key in ("many", "storm"))
    cpu, beside, document = many.figure("cpu"), many.figure("beside"), storm.figure("document")
    connection, process = storm.figure("connection"), storm.figure("process")
    if cpu is None or beside is None or document is None or connection is None or process is None:
        raise LookupError("the run gave no figures for many documents or for the storm")
    others = People().in_a_document - 1
    one, *_, most = growth.processes
    widest = growth.documents[-1]
    return Costs(
        edit_us=cpu * others,
        caret_us=growth.carets["cpu"] * others,
        edit_beside_us=beside * others,
        edit_wal_bytes=widest.figures["wal"],
        process_commits=max(row.figures["commits"] for row in growth.documents),
        connection_kb=max(0.1, connection),
        document_kb=max(0.1, document),
        process_mb=process,
        spread=max(1.0, most.figures["cpu"] / one.figures["cpu"]),
    )


def sizing_block(measured: Costs, people: People) -> str:
    """How many people fit, and how that is reckoned."""
    rows = [_row(["", "people", "edits/s", "memory of the web processes"]), _row(["---", "---:", "---:", "---:"])]
    rows += [_row(list(each)) for each in sizing(measured, people)]
    return "\n".join([*rows, "", *(f"- {sentence}" for sentence in sizing_arithmetic(measured, people))])


def million_block(measured: Costs, people: People) -> str:
    """The model for a million people at once."""
    rows = [_row(["what", "arithmetic", "result"]), _row(["---", "---", "---:"])]
    rows += [_row(list(each)) for each in million(measured, people)]
    first, then = walls(measured, people)
    said = (
        f"What saturates first: {first[1]}, at {rounded(first[0])} people; then {then[1]}, at {rounded(then[0])}. "
        f"Each {CORES_A_MACHINE} cores of web processes add {rounded(people_on(CORES_A_MACHINE, measured, people))}."
    )
    return "\n".join([*rows, "", said])


def replaced(page: str, blocks: Mapping[str, str]) -> str:
    """The page with new text between the marks of each block. Raises LookupError for marks that are not there."""
    for name, text in blocks.items():
        begin, end = f"<!-- {name}: written by `make bench WRITE=1` -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(page):
            raise LookupError(f"docs/performance.md has no place for {name}")
        whole = f"{begin}\n\n{text}\n\n{end}"
        page = pattern.sub(whole.replace("\\", r"\\"), page)
    return page


def _table(heads: Sequence[str], rows: Sequence[Row], cells: Callable[[Row], list[str]]) -> str:
    lines = [_row(heads), _row(["---:"] * len(heads))]
    return "\n".join([*lines, *(_row([f"{row.at:,}", *cells(row)]) for row in rows)])


def _cells(measure: Measure, figures: Sequence[float | None]) -> list[str]:
    cells = ["no result" if figure is None else f"{figure:,.{measure.digits}f}" for figure in figures]
    if len(figures) > 1:
        share = ratio(*figures[:2])
        cells.append("–" if share is None else f"{share:.2f}")
    return cells


def _columns(cells: Sequence[str]) -> str:
    return f"{cells[0]:<46}" + "".join(f"{cell:>20}" for cell in cells[1:])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

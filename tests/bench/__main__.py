"""`make bench`: measure Quillroom and, where npm can be reached, Hocuspocus beside it, on the same machine in turns.

It prints a table and leaves nothing behind but what git ignores. `--write` puts the figures into docs/performance.md.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from server.embedded import open_servers
from tests.bench import growth, plot, report
from tests.bench.capacity import People
from tests.bench.machine import Cores, allow_many_sockets, choose_cores, description
from tests.bench.peers.install import NoPeer, install_hocuspocus
from tests.bench.subjects import ROOT, Quillroom, Subject
from tests.bench.workloads import ALL, Measured, NoResult

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "performance.svg"


def main() -> None:
    """Measure, print and, if asked to, write."""
    options = _options()
    allow_many_sockets()
    cores = choose_cores()
    workloads = [each for each in ALL if options.only in (None, each.key)]
    whole = options.only is None and options.peer
    if options.write and not whole:
        sys.exit("Only a whole run, with Hocuspocus beside ours, may be written down.")
    with (
        tempfile.TemporaryDirectory(prefix="qr-bench-", dir="/tmp") as directory,
        open_servers(Path(directory) / "data") as servers,
    ):
        # Postgres and Redis run where the system lets them: their time is told apart.
        beside = tuple(each.pid for each in psutil.Process().children() if each.name() in {"postgres", "redis-server"})
        quillroom = Quillroom(servers, beside, Path(directory), cores.server)
        subjects, remark = _subjects(quillroom, Path(directory), cores, peer=options.peer)
        found: dict[tuple[str, str], report.Results] = defaultdict(report.Results)
        for _ in range(options.rounds):
            for workload in workloads:
                for subject in subjects:
                    results = found[workload.key, subject.name]
                    _say(f"{workload.title}: {subject.name}")
                    try:
                        measured = workload.run(subject, cores.generator)
                    except NoResult as reason:
                        results.reasons.append(str(reason))
                        _say(f"  no result: {reason}")
                    else:
                        results.measured.append(measured)
                        _say(f"  the generator used {measured.generator_share:.0%} of its core")
        grown = None
        if options.only in (None, "growth"):
            _say("how cost grows: Quillroom")
            grown = growth.measure(quillroom, cores.generator)
    made = report.Report(
        [subject.name for subject in subjects],
        workloads,
        found,
        [
            f"Measured on {datetime.now(UTC):%Y-%m-%d}, on {description()}.",
            f"{cores.words} Postgres and Redis run where the system puts them.",
            "One round." if options.rounds == 1 else f"Medians of {options.rounds} rounds.",
            _of_the_generator([measured for results in found.values() for measured in results.measured]),
            *([remark] if remark else []),
        ],
    )
    print(report.terminal(made))
    if grown is not None:
        print(f"\n{report.growth_block(grown)}")
    if options.write:
        if len(subjects) == 1:
            sys.exit(f"Nothing is written: {remark}")
        assert grown is not None
        _write(made, grown)


def _subjects(quillroom: Quillroom, directory: Path, cores: Cores, *, peer: bool) -> tuple[list[Subject], str]:
    """Ours and theirs, and a sentence if theirs is missing."""
    if not peer:
        return [quillroom], "Quillroom alone, as asked for."
    try:
        return [quillroom, install_hocuspocus(directory, cores.server)], ""
    except NoPeer as reason:
        return [quillroom], f"Quillroom alone: {reason}."


def _of_the_generator(all_measured: Sequence[Measured]) -> str:
    busiest = max((each.generator_share for each in all_measured), default=0)
    latest = max((each.late_ms for each in all_measured), default=0)
    sent = f", and sent 99 % of the edits within {latest:.1f} ms of their time" if latest else ""
    return f"The generator used at most {busiest:.0%} of its core{sent}."


def _write(made: report.Report, grown: growth.Growth) -> None:
    """Put figures and plot into the documentation."""
    people, costs = People(), report.costs(made, grown)
    blocks = {
        "figures": report.figures_block(made),
        "growth": report.growth_block(grown),
        "sizing": report.sizing_block(costs, people),
        "million": report.million_block(costs, people),
    }
    PAGE.write_text(report.replaced(PAGE.read_text("utf-8"), blocks), "utf-8")
    PLOT.write_text(plot.draw(report.bars(made), made.subjects[1]), "utf-8")
    print(f"\nwrote {PAGE.relative_to(ROOT)} and {PLOT.relative_to(ROOT)}")


def _options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=1, help="how often everything is measured, for medians")
    arguments.add_argument("--only", choices=[*(each.key for each in ALL), "growth"], help="one load instead of all")
    arguments.add_argument("--no-peer", dest="peer", action="store_false", help="measure Quillroom alone")
    arguments.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    return arguments.parse_args()


_BEGAN = time.monotonic()


def _say(words: str) -> None:
    print(f"{time.monotonic() - _BEGAN:5.0f} s  {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

"""What is measured: each workload puts one kind of load on a running server and tells what came out."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.bench.generator import Outcome, generate
from tests.bench.subjects import Running, Subject

WARM_UP_SECONDS = 1.0
SECONDS = 3.0
# Of a document that is large: what a book's chapter with its history comes to.
LARGE_BYTES = 900_000
MOST_P99_MS = 100
# Beyond this the generator's own lateness is what a latency tells.
LATE_MS = 5
KB = 1024
# A store that writes some seconds after the last edit has done so.
STORED_SECONDS = 3


class NoResult(Exception):
    """A run that proves nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a workload. `more_is_better`: more deliveries, but fewer milliseconds."""

    key: str
    label: str
    more_is_better: bool = False
    digits: int = 1


@dataclass(frozen=True)
class Measured:
    """What a run of a workload came to: each measure's figure.

    `generator_share`: of its core, at most; `late_ms`: within so much of its time 99 % of what it had to send was sent.
    """

    figures: Mapping[str, float]
    generator_share: float = 0.0
    late_ms: float = 0.0
    remark: str = ""


@dataclass(frozen=True)
class Workload:
    """A kind of load. `short` names it in a plot; `run` takes a subject and the generator's core."""

    key: str
    title: str
    short: str
    measures: tuple[Measure, ...]
    run: Callable[[Subject, int | None], Measured]


P50 = Measure("p50", "p50, ms", digits=2)
P99 = Measure("p99", "p99, ms")
CPU = Measure("cpu", "server CPU, µs a delivery", digits=2)


def typing(
    subject: Subject, core: int | None, *, documents: int, clients: int, rate: float, presence: bool = False
) -> Measured:
    """So many type, or move their carets, `rate` times a second each."""
    with subject.running() as running:
        outcome = type_in(running, core, running.documents(documents), clients=clients, rate=rate, presence=presence)
    figures, result = typing_figures(sound(outcome)), outcome.result
    doubled, late = result["doubled"], result["send_lag_p99_ms"]
    remarks = []
    if doubled:
        remarks.append(f"{doubled} of {result['expected']} deliveries came twice")
    if late > LATE_MS:
        remarks.append(f"edits were sent up to {late:.0f} ms late: something else used the generator's core")
    return Measured(figures, outcome.generator_share, late, "; ".join(remarks))


def type_in(
    running: Running,
    core: int | None,
    documents: list[str],
    *,
    clients: int,
    rate: float,
    presence: bool = False,
    seconds: float = SECONDS,
    first: int = 0,
) -> Outcome:
    """Put typing on documents of a running server. `first` letters are in each already."""
    return generate(
        "typing",
        running,
        core,
        documents=documents,
        clients=clients,
        rate=rate,
        warmup=WARM_UP_SECONDS,
        seconds=seconds,
        presence=presence,
        first=first,
    )


def typing_figures(outcome: Outcome) -> dict[str, float]:
    """Latency from the scheduled time of an edit to each other person's socket, and what a delivery cost."""
    result, deliveries = outcome.result, outcome.result["measured_deliveries"]
    return {
        "p50": result["p50_ms"],
        "p99": result["p99_ms"],
        "cpu": outcome.cpu_seconds / deliveries * 1e6,
        "beside": outcome.beside_seconds / deliveries * 1e6,
        "busy": outcome.cpu_seconds / result["wall_ms"] * 1000,
        "rate": deliveries / result["wall_ms"] * 1000,
    }


def most(subject: Subject, core: int | None, *, clients: int) -> Measured:
    """The most deliveries a second of so many in one document at which 99 % of them take less than MOST_P99_MS."""
    best, remark = 0.0, ""
    busiest = 0.0

    def holds(rate: float) -> bool:
        nonlocal best, remark, busiest
        # Afresh each time: one that was overwhelmed is busy with it for long.
        with subject.running() as running:
            outcome = type_in(running, core, running.documents(1), clients=clients, rate=rate, seconds=2)
        busiest = max(busiest, outcome.generator_share)
        good = not outcome.flaws and outcome.result["p99_ms"] < MOST_P99_MS
        if good:
            best = max(best, typing_figures(outcome)["rate"])
        elif any("generator was the limit" in flaw for flaw in outcome.flaws):
            remark = "at least: the generator was the limit"
        return good

    bisect(holds)
    if best == 0:
        raise NoResult("not even the lowest rate was delivered in time")
    return Measured({"rate": best}, busiest, remark=remark)


def bisect(holds: Callable[[float], bool], *, lowest: float = 16, highest: float = 256, steps: int = 2) -> None:
    """Double the rate until it does not hold, then halve the gap so many times."""
    rate = lowest
    # Twice, because what ends the doubling decides most: a hiccup of the machine must not.
    while rate <= highest and (holds(rate) or holds(rate)):
        rate *= 2
    if rate in (lowest, highest * 2):
        return
    good, bad = rate / 2, rate
    for _ in range(steps):
        middle = round((good + bad) / 2)
        good, bad = (middle, bad) if holds(middle) else (good, middle)


def storm(subject: Subject, core: int | None, *, documents: int, connections: int) -> Measured:
    """All come at once, as after a deploy."""
    with subject.running() as running:
        outcome = sound(
            generate("storm", running, core, documents=running.documents(documents + 1), connections=connections)
        )
    empty, seeded, full = (outcome.server[mark].rss_bytes for mark in ("empty", "documents", "connections"))
    return Measured(
        {
            "seconds": outcome.result["seconds"],
            "document": (seeded - empty) / outcome.result["documents"] / KB,
            "connection": (full - seeded) / outcome.result["connections"] / KB,
            "cpu": outcome.cpu_seconds / outcome.result["connections"] * 1e3,
            "process": empty / KB / KB,
        },
        outcome.generator_share,
    )


def cold(subject: Subject, core: int | None, *, size: int = LARGE_BYTES, many: int = 50) -> Measured:
    """Open a large document that no process has in memory: one client, then so many at once."""
    with subject.running() as running:
        documents = running.documents(1)
        sound(generate("seeding", running, core, documents=documents, size=size))
        time.sleep(STORED_SECONDS)
    outcomes = []
    for clients in (1, many):
        with subject.running() as running:
            outcomes.append(sound(generate("opening", running, core, documents=documents, size=size, clients=clients)))
    one, crowd = outcomes
    return Measured({"one": one.result["p50_ms"], "crowd": crowd.result["p50_ms"]}, crowd.generator_share)


def durability(subject: Subject, core: int | None, *, letters: int) -> Measured:
    """Kill the server when a reader has so many letters, start it again, and count what is gone."""
    with subject.running() as running:
        documents = running.documents(1)
        outcome = sound(
            generate(
                "durability", running, core, documents=documents, letters=letters, rate=letters / 2, pid=running.pid
            )
        )
    with subject.running() as running:
        found = sound(generate("reading", running, core, documents=documents)).result["letters"]
    return Measured({"lost": max(0, outcome.result["relayed"] - found), "relayed": outcome.result["relayed"]})


def replay(subject: Subject, core: int | None, *, keystrokes: int, ahead: int) -> Measured:
    """One person's writing as fast as the server passes it on."""
    with subject.running() as running:
        outcome = sound(
            generate("replay", running, core, documents=running.documents(1), keystrokes=keystrokes, ahead=ahead)
        )
    return Measured(
        {
            "rate": outcome.result["per_second"],
            "cpu": outcome.cpu_seconds / outcome.result["keystrokes"] * 1e6,
        },
        outcome.generator_share,
    )


def sound(outcome: Outcome) -> Outcome:
    """The outcome, if it is one. Raises NoResult."""
    if outcome.flaws:
        raise NoResult("; ".join(outcome.flaws))
    return outcome


ALL = (
    Workload(
        "fan-out-10",
        "1 document, 10 people, 10 edits/s each",
        "10 people",
        (P50, P99, CPU),
        partial(typing, documents=1, clients=10, rate=10),
    ),
    Workload(
        "fan-out-100",
        "1 document, 100 people, 5 edits/s each",
        "100 people",
        (P50, P99, CPU),
        partial(typing, documents=1, clients=100, rate=5),
    ),
    Workload(
        "fan-out-250",
        "1 document, 250 people, 2 edits/s each",
        "250 people",
        (P50, P99, CPU),
        partial(typing, documents=1, clients=250, rate=2),
    ),
    Workload(
        "most",
        "1 document, 100 people, as much as goes",
        "as much as goes",
        (Measure("rate", "deliveries/s with p99 below 100 ms", more_is_better=True, digits=0),),
        partial(most, clients=100),
    ),
    Workload(
        "many",
        "300 documents, 3 people each, 2 edits/s each",
        "300 documents",
        (P50, P99, CPU),
        partial(typing, documents=300, clients=3, rate=2),
    ),
    Workload(
        "presence",
        "1 document, 100 people, 5 caret moves/s each",
        "100 carets",
        (P50, P99, CPU),
        partial(typing, documents=1, clients=100, rate=5, presence=True),
    ),
    Workload(
        "storm",
        "1,000 connections to 100 documents at once",
        "storm of 1,000",
        (
            Measure("seconds", "s until all are in step", digits=2),
            Measure("document", "KB of memory a document"),
            Measure("connection", "KB of memory a connection"),
        ),
        partial(storm, documents=100, connections=1000),
    ),
    Workload(
        "cold",
        "opening a document of 900 KB that is not in memory",
        "cold open",
        (Measure("one", "1 person, ms"), Measure("crowd", "50 people at once, p50, ms")),
        cold,
    ),
    Workload(
        "durability",
        "kill -9 at the moment the 250th letter is relayed",
        "kill -9",
        (Measure("lost", "relayed letters lost", digits=0),),
        partial(durability, letters=250),
    ),
    Workload(
        "replay",
        "20,000 keystrokes of one person, 200 under way at most",
        "replay",
        (
            Measure("rate", "edits/s", more_is_better=True, digits=0),
            Measure("cpu", "server CPU, µs an edit"),
        ),
        partial(replay, keystrokes=20_000, ahead=200),
    ),
)

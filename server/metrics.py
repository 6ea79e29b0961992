"""What Quillroom counts about itself, for Prometheus.

`serve` and `worker` run as several processes. Where PROMETHEUS_MULTIPROC_DIR names a directory, each process counts
into files there and any of them answers for all. A lone web process counts in memory, and answers for the worker beside
it, too, which counts into files in the directory that BESIDE names.
"""

import math
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import psutil
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
    values,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
BESIDE = "QUILLROOM_FIGURES_BESIDE"
COPY_SECONDS = 5

REQUEST_SECONDS = Histogram(
    "quillroom_request_seconds",
    "Time from a request to the end of its answer, in seconds.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SOCKETS_OPEN = Gauge("quillroom_sockets_open", "WebSockets that are open now.", ["route"], multiprocess_mode="livesum")
SOCKETS_CLOSED = Counter("quillroom_sockets_closed", "WebSockets that have ended, by close code.", ["route", "code"])
EVENTS_DROPPED = Counter(
    "quillroom_events_dropped", "Event streams that fell behind and were told to read everything again."
)
EVENTS_LOST = Counter("quillroom_events_lost", "Events that could not be sent because Redis did not answer.")
MAILS = Counter("quillroom_mails", "Mails by what became of an attempt to send them.", ["outcome"])
NUDGES_LOST = Counter("quillroom_nudges_lost", "Nudges that could not be sent because Redis did not answer.")
JOB_SECONDS = Histogram(
    "quillroom_job_seconds",
    "Time one job took, in seconds.",
    ["name", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300),
)
COMMIT_SECONDS = Histogram(
    "quillroom_commit_seconds",
    "Time that Postgres took for a group commit, in seconds, failed ones included.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LOAD_SECONDS = Histogram(
    "quillroom_load_seconds",
    "Time that Postgres took to bring a document's log, in seconds.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LOOP_LAG_SECONDS = Histogram(
    "quillroom_loop_lag_seconds",
    "By how much a web process's event loop was late for a timer, in seconds; sampled.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
RESIDENT_BYTES = Gauge(
    "quillroom_resident_bytes",
    "Memory that the processes hold, by what they are: web or worker.",
    ["process"],
    multiprocess_mode="livesum",
)
SLOW = Counter("quillroom_slow", "Operations that took longer than QUILLROOM_SLOW_MS, by what they were.", ["kind"])
COMPACTION_RUNS = Counter("quillroom_compaction_runs", "Searches for logs that have grown long.")
COMPACTION_SECONDS = Histogram(
    "quillroom_compaction_seconds",
    "Time to fold one document's log, in seconds.",
    buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60),
)
COMPACTION_UPDATES = Counter("quillroom_compaction_folded_updates", "Updates that were folded into snapshots.")
COMPACTION_FAILURES = Counter("quillroom_compaction_failures", "Logs that could not be folded; they stay as they were.")
PUBLICATIONS = Counter("quillroom_publications", "Publications that ended, by how.", ["state"])
PUBLICATIONS_OVERDUE_SECONDS = Gauge(
    "quillroom_publications_overdue_seconds",
    "For how long the publication that is latest has been due, in seconds; 0 if none is late.",
    multiprocess_mode="livemostrecent",
)
STORED_DOCUMENTS = Gauge("quillroom_stored_documents", "Documents in the database.", multiprocess_mode="livemostrecent")
STORED_BYTES = Gauge(
    "quillroom_stored_bytes",
    "Encoded documents in the database, in bytes: the log, and the snapshots it was folded into.",
    ["part"],
    multiprocess_mode="livemostrecent",
)


@asynccontextmanager
async def including(collector: Collector) -> AsyncIterator[None]:
    """Show what `collector` finds, gauges and counters, for the time of the block.

    Where several processes count, its figures are copied every few seconds to where the others find them, and a last
    time at the end. Of gauges with `largest` in their name the others' greatest counts, of others the sum.
    """
    if not _is_shared():
        REGISTRY.register(collector)
        try:
            yield
        finally:
            REGISTRY.unregister(collector)
        return
    async with anyio.create_task_group() as tasks:
        copies = _Copies()
        copies.take(collector)
        tasks.start_soon(_copy, copies, collector)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()
            copies.take(collector)


def render() -> tuple[bytes, str]:
    """Return the present numbers of all processes, and their content type."""
    beside = os.environ.get(BESIDE)
    if _is_shared():
        families: Iterable[Metric] = _of_processes(Path(os.environ[DIRECTORY]))
    elif beside is not None and Path(beside).is_dir():
        families = _added([*REGISTRY.collect(), *_of_processes(Path(beside))])
    else:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    registry.register(_Found(families))
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _is_shared() -> bool:
    return DIRECTORY in os.environ


async def _copy(copies: "_Copies", collector: Collector) -> None:
    while True:
        await anyio.sleep(COPY_SECONDS)
        copies.take(collector)


class _Copies:
    """A collector's figures, where the other processes find them.

    What is counted outlives its process, as a counter must: a process that gets the number of one that has ended adds
    to what that one has left.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[Any, float]] = {}

    def take(self, collector: Collector) -> None:
        """Copy the present figures."""
        for metric in collector.collect():
            for sample in metric.samples:
                self._set(metric, sample)

    def _set(self, metric: Metric, sample: Sample) -> None:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        if key not in self._values:
            value = values.ValueClass(
                metric.type,
                metric.name,
                sample.name,
                tuple(sample.labels),
                tuple(sample.labels.values()),
                metric.documentation,
                multiprocess_mode="livemax" if "_largest_" in metric.name else "livesum",
            )
            self._values[key] = (value, value.get() if metric.type == "counter" else 0.0)
        value, left = self._values[key]
        value.set(left + sample.value)


class _Found(Collector):
    """Families that were collected before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        return self._families


def _of_processes(directory: Path) -> Iterable[Metric]:
    """What the processes that count into a directory have counted."""
    _forget_the_dead(directory)
    found = multiprocess.MultiProcessCollector(None, path=str(directory))  # type: ignore[no-untyped-call]  # no types
    return list(found.collect())  # type: ignore[no-untyped-call]  # likewise


def _added(families: Iterable[Metric]) -> Iterable[Metric]:
    """Make one family of those with one name, and one sample of those with the same labels: their sum."""
    totals: dict[str, tuple[Metric, dict[tuple[str, tuple[tuple[str, str], ...]], Sample]]] = {}
    for family in families:
        empty = Metric(family.name, family.documentation, family.type)
        _, samples = totals.setdefault(family.name, (empty, {}))
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            before = samples[key].value if key in samples else 0.0
            samples[key] = sample._replace(value=before + sample.value)
    for metric, samples in totals.values():
        metric.samples = sorted(samples.values(), key=_in_order) if metric.type == "histogram" else [*samples.values()]
        yield metric


def _in_order(sample: Sample) -> tuple[list[tuple[str, str]], float]:
    """Sort a histogram's samples: by labels, and the buckets by their bound."""
    labels = [(name, value) for name, value in sorted(sample.labels.items()) if name != "le"]
    return labels, float(sample.labels.get("le", math.inf))


def _forget_the_dead(directory: Path) -> None:
    # What is true only now, such as open sockets, ends with its process, however that ended.
    for path in directory.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            multiprocess.mark_process_dead(int(pid), path=str(directory))  # type: ignore[no-untyped-call]  # as above

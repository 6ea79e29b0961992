"""What Quillroom counts about itself, for Prometheus.

`serve` and `worker` run as several processes. Where PROMETHEUS_MULTIPROC_DIR names a directory, each process counts
into files there and any of them answers for all.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
)
from prometheus_client.registry import Collector

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
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
NUDGES_LOST = Counter("quillroom_nudges_lost", "Nudges that could not be sent because Redis did not answer.")
JOB_SECONDS = Histogram(
    "quillroom_job_seconds",
    "Time one job took, in seconds.",
    ["job", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300),
)


@asynccontextmanager
async def including(collector: Collector) -> AsyncIterator[None]:
    """Show what `collector` finds, too, for the time of the block.

    Where several processes count, its figures are copied every few seconds to where the others find them.
    """
    if not _is_shared():
        REGISTRY.register(collector)
        try:
            yield
        finally:
            REGISTRY.unregister(collector)
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_copy, collector)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()


def render() -> tuple[bytes, str]:
    """Return the present numbers of all processes, and their content type."""
    if not _is_shared():
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    _forget_the_dead()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _is_shared() -> bool:
    return DIRECTORY in os.environ


async def _copy(collector: Collector) -> None:
    gauges: dict[str, Gauge] = {}
    while True:
        for metric in collector.collect():
            for sample in metric.samples:
                if sample.name not in gauges:
                    gauges[sample.name] = Gauge(
                        sample.name,
                        metric.documentation,
                        sorted(sample.labels),
                        registry=None,
                        multiprocess_mode="livesum",
                    )
                gauge = gauges[sample.name]
                (gauge.labels(**sample.labels) if sample.labels else gauge).set(sample.value)
        await anyio.sleep(COPY_SECONDS)


def _forget_the_dead() -> None:
    # What is true only now, such as open sockets, ends with its process, however that ended.
    for path in Path(os.environ[DIRECTORY]).glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            multiprocess.mark_process_dead(int(pid))  # type: ignore[no-untyped-call]  # as above

"""What Quillroom counts about itself, for Prometheus.

`serve` and `worker` run as several processes. Where PROMETHEUS_MULTIPROC_DIR names a directory, each process counts
into files there and any of them answers for all.
"""

import os

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

REQUEST_SECONDS = Histogram(
    "quillroom_request_seconds",
    "Time from a request to the end of its answer, in seconds.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SOCKETS_OPEN = Gauge(
    "quillroom_sockets_open", "WebSockets that are open now.", ["route"], multiprocess_mode="livesum"
)
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


def render() -> tuple[bytes, str]:
    """Return the present numbers of all processes, and their content type."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
    return generate_latest(registry), CONTENT_TYPE_LATEST

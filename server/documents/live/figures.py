"""What the hub and the endpoint count, as Prometheus figures and log lines."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from realtime.hub import Hub
from realtime.outbox import Outbox
from realtime.ports import Append, DocumentId, Stored, UpdateLog
from realtime.survey import survey
from server import metrics
from server.slow import SlowLog

log = structlog.get_logger(__name__)


class HubFigures(Collector):
    """A collector over one process's hub. Register it while the hub runs."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        counts, saving = self._hub.counts, self._hub.saving.counts
        seen = survey(self._hub, now=0.0)
        for name, meaning, value in (
            ("rooms", "Documents that are live, in each process that has them.", seen.rooms),
            ("rooms_built", "Live documents that are in the CRDT core, not only as bytes.", seen.built),
            ("peers", "Connections in rooms.", seen.peers),
            ("slow_peers", "Connections that do not read, so that their queue was dropped.", seen.slow_peers),
            ("rooms_bytes", "Encoded size of the live documents.", seen.size_bytes),
            ("rooms_largest_bytes", "Encoded size of the largest live document.", seen.largest_bytes),
            ("unsaved_bytes", "Bytes of edits that wait for Postgres.", seen.unsaved_bytes),
            ("outbox_bytes", "Bytes that wait for connections to read them.", seen.waiting_bytes),
        ):
            yield GaugeMetricFamily(f"quillroom_{name}", meaning, value=value)
        for name, meaning, number in (
            ("updates_received", "Updates that peers sent.", counts.updates_received),
            ("updates_merged", "Updates that were made of them, one a flush of a room.", counts.updates_merged),
            ("updates_committed", "Merged updates written to the log.", saving.updates),
            ("deliveries", "Merged updates queued for connections, one for each.", counts.deliveries),
            ("queues_dropped", "Queues of connections that did not read, dropped.", Outbox.dropped_by_all),
            ("commits", "Group commits.", saving.commits),
            ("commit_failures", "Group commits that Postgres did not take at once.", saving.failures),
            ("flushes", "Flushes of rooms.", counts.flushes),
            ("relayed_before_commit", "Flushes relayed while Postgres was slow.", counts.relayed_before_commit),
            ("presence_received", "Presence messages that peers sent.", counts.presence_received),
            ("rooms_opened", "Rooms loaded from the log.", counts.rooms_opened),
            ("rooms_evicted", "Idle rooms that left memory.", counts.rooms_evicted),
            ("rooms_broken", "Rooms given up because the CRDT core failed.", counts.rooms_broken),
            ("gap_refills", "Times that a room read from the log what the bus did not bring.", counts.gap_refills),
        ):
            yield CounterMetricFamily(f"quillroom_{name}", meaning, value=number)
        refusals = CounterMetricFamily(
            "quillroom_refusals", "Connections refused or ended, by close code.", labels=["code"]
        )
        for code, number in counts.refusals.items():
            refusals.add_metric([str(code)], number)
        yield refusals


def taking_stock(hub: Hub) -> Callable[[int], Mapping[str, object]]:
    """Return what describes the hub at the moment it is called, with so many of its largest rooms, as plain values.

    Source of their meaning: realtime.survey.
    """

    def take(most: int) -> Mapping[str, object]:
        # By the hub's own clock: MonotonicClock.
        return asdict(survey(hub, now=time.monotonic(), most=most))

    return take


class TimedLog:
    """See realtime.ports.UpdateLog: one whose commits and loads are counted, and warned of when they are slow."""

    def __init__(self, log: UpdateLog, slow: SlowLog) -> None:
        self._log = log
        self._slow = slow

    async def load(self, document_id: DocumentId) -> Stored | None:
        """See UpdateLog."""
        with self._timing_a_load(document_id):
            return await self._log.load(document_id)

    async def append(self, entries: Sequence[Append]) -> list[int | None]:
        """See UpdateLog."""
        begun = time.perf_counter()
        try:
            return await self._log.append(entries)
        finally:
            seconds = time.perf_counter() - begun
            metrics.COMMIT_SECONDS.observe(seconds)
            if seconds >= self._slow.threshold_seconds:
                self._slow.note("commit", seconds, **_named([entry.document_id for entry in entries]))

    async def since(self, document_id: DocumentId, seq: int) -> Stored | None:
        """See UpdateLog."""
        with self._timing_a_load(document_id):
            return await self._log.since(document_id, seq)

    @contextmanager
    def _timing_a_load(self, document_id: DocumentId) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - begun
            metrics.LOAD_SECONDS.observe(seconds)
            self._slow.note("load", seconds, **_named([document_id]))


def warn_of_slow(hub: Hub, slow: SlowLog) -> None:
    """Have the hub's slow flushes and builds warned of."""

    def tell(what: str, seconds: float, documents: Collection[DocumentId]) -> None:
        slow.note(what, seconds, **_named(documents))

    hub.counts.slow_seconds = slow.threshold_seconds
    hub.counts.when_slow = tell


def _named(documents: Collection[DocumentId]) -> dict[str, object]:
    """One document by its id; of several the number and the first, so that a line stays short."""
    first = next(iter(documents), None)
    return {"document_id": first} if len(documents) < 2 else {"document_id": first, "documents": len(documents)}


class SocketLog:
    """See realtime.endpoint.Observer. A path is named as a route: what people put into paths is not for logs."""

    def opened(self, path: str) -> None:
        """See Observer."""
        metrics.SOCKETS_OPEN.labels(path).inc()

    def closed(self, path: str, code: int, seconds: float) -> None:
        """See Observer."""
        metrics.SOCKETS_OPEN.labels(path).dec()
        metrics.SOCKETS_CLOSED.labels(path, code).inc()
        log.info("socket", route=path, code=code, seconds=round(seconds, 1))

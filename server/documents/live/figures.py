"""What the hub and the endpoint count, as Prometheus figures and log lines."""

from collections.abc import Iterable

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from realtime.hub import Hub
from server import metrics

log = structlog.get_logger(__name__)


class HubFigures(Collector):
    """A collector over one process's hub. Register it while the hub runs."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        hub, counts, saving = self._hub, self._hub.counts, self._hub.saving.counts
        for name, meaning, value in (
            ("rooms", "Documents that are live in this process.", hub.rooms),
            ("peers", "Connections in rooms of this process.", hub.peers),
            ("unsaved_bytes", "Bytes of edits that wait for Postgres.", hub.unsaved_bytes),
        ):
            yield GaugeMetricFamily(f"quillroom_{name}", meaning, value=value)
        for name, meaning, number in (
            ("updates_received", "Updates that peers sent.", counts.updates_received),
            ("updates_committed", "Merged updates written to the log.", saving.updates),
            ("commits", "Group commits.", saving.commits),
            ("commit_failures", "Group commits that Postgres did not take at once.", saving.failures),
            ("commit_seconds", "Time spent waiting for group commits, in seconds.", saving.seconds),
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

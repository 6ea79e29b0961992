"""Word of what took too long: a structured warning, and a count."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import psutil
import structlog

from server import metrics

EVERY_SECONDS = 5.0
SAMPLE_SECONDS = 0.05
SAMPLES_PER_LOOK_AT_MEMORY = 100

log = structlog.get_logger(__name__)


class SlowLog:
    """Warns of operations that took `threshold_seconds` or longer; never, if that is 0.

    A server that is slow is slow for everybody: of each kind at most one line is written in five seconds, with the
    number of those left out since the last.
    """

    def __init__(self, threshold_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.threshold_seconds = threshold_seconds or float("inf")
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._left_out: Counter[str] = Counter()

    def note(self, kind: str, seconds: float, **about: object) -> None:
        """Say that something is done. `kind`: one of few words; `about`: what the line says besides."""
        if seconds < self.threshold_seconds:
            return
        metrics.SLOW.labels(kind).inc()
        now = self._clock()
        told_at = self._told_at.get(kind)
        if told_at is not None and now - told_at < EVERY_SECONDS:
            self._left_out[kind] += 1
            return
        self._told_at[kind] = now
        log.warning("slow", kind=kind, ms=round(seconds * 1000, 1), left_out=self._left_out.pop(kind, 0), **about)


@asynccontextmanager
async def watching_loop(slow: SlowLog) -> AsyncIterator[None]:
    """Measure, while the block lasts, how late the event loop is, and how much memory this web process holds."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_watch, slow)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()


async def _watch(slow: SlowLog) -> None:
    process = psutil.Process()
    number = 0
    while True:
        if number % SAMPLES_PER_LOOK_AT_MEMORY == 0:
            metrics.RESIDENT_BYTES.labels("web").set(process.memory_info().rss)
        number += 1
        due = time.monotonic() + SAMPLE_SECONDS
        await anyio.sleep(SAMPLE_SECONDS)
        late = max(0.0, time.monotonic() - due)
        metrics.LOOP_LAG_SECONDS.observe(late)
        slow.note("stall", late)

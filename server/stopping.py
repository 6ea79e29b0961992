"""The end of a web process has a limit. uvicorn's own is for open connections: for an application it waits for ever."""

import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import structlog
from starlette.applications import Starlette

log = structlog.get_logger(__name__)

# Sending everybody away and saving what is left have limits of their own, which together come to half of this.
LIMIT_SECONDS = 30.0


class Ending:
    """The end of this process: once it has begun, it takes a bounded time.

    `clean_up` is called, on a thread, before a process is ended that does not end by itself.
    """

    def __init__(self, clean_up: Callable[[], None], *, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._clean_up = clean_up
        self._limit_seconds = limit_seconds
        self._timer: threading.Timer | None = None

    def watch(self, app: Starlette) -> Starlette:
        """Begin to count when the application is told to end."""
        lifespan = app.router.lifespan_context

        @contextlib.asynccontextmanager
        async def watched(app: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - as Starlette has it
            async with lifespan(app) as state:
                yield state
                self._begin()

        app.router.lifespan_context = watched
        return app

    @contextlib.contextmanager
    def until_here(self) -> Iterator[None]:
        """Count no further after the block: what is to end has ended."""
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _begin(self) -> None:
        self._timer = threading.Timer(self._limit_seconds, self._give_up)
        # The process may end without it.
        self._timer.daemon = True
        self._timer.start()

    def _give_up(self) -> None:
        log.error("the web process did not end; it is ended now", seconds=self._limit_seconds)
        try:
            self._clean_up()
        finally:
            # What hangs may be a task, a thread or the event loop itself: nothing in this process can be waited for.
            os._exit(1)

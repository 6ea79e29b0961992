"""Connections as uvicorn serves them, with the limits that it leaves to a proxy in front.

Quillroom also runs without one. So a client that says half a request and falls silent, sends headers without end, or
does not read what it asked for is hung up on here, below everything that knows about people and documents. Sockets have
limits of their own (realtime.endpoint).
"""

import asyncio
from typing import Any, Final

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

log = structlog.get_logger(__name__)

HEAD_SECONDS: Final = 20.0
"""For the first request to begin and its head to be complete; between requests uvicorn waits 5 seconds."""
HEAD_BYTES: Final = 64 * 1024
"""For what comes to nothing: a head that does not end, or trailers and chunk extensions behind a body."""
UNREAD_SECONDS: Final = 60.0
"""In which at least a little of what waits to be sent must be taken."""
_HEAD_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)
_NO_UPGRADE: Final = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PatientHttp(HttpToolsProtocol):
    """HTTP with an end to patience: for the head of a request, and for an answer that nobody reads."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head: asyncio.TimerHandle | None = None
        self._unheard_bytes = 0
        self._unread = _Unread(self.loop)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Expect a head."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows to what it always gets
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timers."""
        self._head_is_complete()
        self._unread.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what arrived, unless it has come to nothing for too long."""
        self._unheard_bytes += len(data)
        if self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        super().data_received(data)
        if self._unheard_bytes > HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE, "head too large")

    def on_headers_complete(self) -> None:
        """Wait no longer for the head."""
        self._unheard_bytes = 0
        self._head_is_complete()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unheard_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        self._unheard_bytes = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on; it has limits of its own from here."""
        if self.parser.get_http_version() != "1.1" or (self.cycle is not None and not self.cycle.response_complete):
            # RFC 6455, 4.1; and an answer that is still to come must not end up among the frames.
            self._refuse(_NO_UPGRADE, "upgrade out of turn")
            return
        self._head_is_complete()
        self._unread.end()
        self._unheard_bytes = 0
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """Watch whether what waits is taken."""
        super().pause_writing()
        self._unread.begin(self.transport)

    def resume_writing(self) -> None:
        """What waited was taken."""
        self._unread.end()
        super().resume_writing()

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(HEAD_SECONDS, self._refuse, _HEAD_TOO_SLOW, "head too slow")

    def _head_is_complete(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _refuse(self, answer: bytes, why: str) -> None:
        self._head_is_complete()
        if self.transport.is_closing():
            return
        log.info("connection refused", why=why)
        # Into the middle of another answer it must not be written.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(answer)
        self.transport.close()


class _Unread:
    """Cuts a connection off that takes nothing of what waits for it. State: how much waited when it was last seen."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.Transport) -> None:
        """Watch from now on."""
        self.end()
        self._watch(transport)

    def end(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self, transport: asyncio.Transport) -> None:
        self._timer = self._loop.call_later(UNREAD_SECONDS, self._look, transport, transport.get_write_buffer_size())

    def _look(self, transport: asyncio.Transport, before_bytes: int) -> None:
        if transport.get_write_buffer_size() < before_bytes:
            self._watch(transport)
            return
        log.info("connection refused", why="answer not read")
        transport.abort()

"""Finds the connections that want live documents, and hands them to the endpoint, below ASGI; all others are uvicorn's.

uvicorn makes a protocol of the class given as `http` for each connection, and one of the class given as `ws` when a
request asks for an upgrade. The first reads a handshake of ours that came whole and plainly by itself, which spares a
storm of them a parser and a second reading; every other request goes the ordinary way, where the second waits. The
endpoint is found where the application's lifespan left it, as `endpoint` in its state.
"""

import asyncio
import re
from typing import Any, ClassVar, cast
from urllib.parse import unquote

from starlette.requests import HTTPConnection
from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.server import ServerState

from realtime.connection import PATH, Socket
from realtime.endpoint import Endpoint
from realtime.websocket import BadHandshake

Header = tuple[bytes, bytes]

# Until a first byte comes; what comes then has limits of its own.
_SILENT_SECONDS = 20.0
# Longer ones are read as any other request; browsers and proxies send a thousand bytes or two.
_LONGEST_PLAIN_BYTES = 8192
# RFC 9112: a request line without anything to be decoded or guessed, and headers of tokens and visible text. Every
# repetition keeps what it took (`+`): hostile bytes must not have it try all ways to part them.
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)\r\n")
_PLAIN_REQUEST = re.compile(
    rb"GET (" + re.escape(PATH.encode()) + rb"[!$&-;=@-Z_a-z~]*+)(?:\?([!$&-;=?-Z_a-z~%]*+))?+ HTTP/1\.1\r\n"
    rb"((?:" + _HEADER.pattern.replace(b"(", b"(?:", 2) + rb")++)\r\n"
)
# With one of these, something follows or is asked for that no handshake needs.
_UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"expect"})


class Entrance(asyncio.Protocol):
    """The first to see a connection. Subclasses name the class for `ordinary` requests."""

    ordinary: ClassVar[Any]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop
        self._transport: asyncio.Transport
        self._patience: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request."""
        # uvloop's own class is one in all but name.
        self._transport = cast("asyncio.Transport", transport)
        # Where uvicorn looks for what it must end when it stops.
        self._server_state.connections.add(cast("Any", self))
        loop = self._loop or asyncio.get_running_loop()
        self._patience = loop.call_later(_SILENT_SECONDS, self.shutdown)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Nothing came."""
        self._let_go()

    def shutdown(self) -> None:
        """Close a connection on which nothing came."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Read the request if it is plainly ours, and leave it to the right protocol."""
        self._let_go()
        request = _read_plain_request(data)
        if request is not None:
            try:
                socket = _take(self._app_state, request, self._transport, self._config)
            except BadHandshake as bad:
                _refuse(self._transport, bad)
                return
            if socket is not None:
                self._transport.set_protocol(socket)
                socket.connection_made(self._transport)
                return
        ordinary = self.ordinary(self._config, self._server_state, self._app_state, self._loop)
        self._transport.set_protocol(ordinary)
        ordinary.connection_made(self._transport)
        ordinary.data_received(data)

    def _let_go(self) -> None:
        self._patience.cancel()
        self._server_state.connections.discard(cast("Any", self))


class Handover(asyncio.Protocol):
    """Reads the request that uvicorn repeats, and lets the right protocol go on.

    Subclasses name the class for `ordinary` sockets.
    """

    ordinary: ClassVar[Any]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop
        self._transport: asyncio.Transport
        self._protocol: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read the request; what comes before the transport knows its new protocol is passed on."""
        if self._protocol is not None:
            self._protocol.data_received(data)
            return
        transport = self._transport
        try:
            socket = _take(self._app_state, _read_repeated_request(data), transport, self._config)
        except BadHandshake as bad:
            _refuse(transport, bad)
            return
        if socket is None:
            ordinary = self.ordinary(self._config, self._server_state, self._app_state, self._loop)
            self._protocol = ordinary
            ordinary.connection_made(transport)
            ordinary.data_received(data)
        else:
            self._protocol = socket
            socket.connection_made(transport)
        # uvicorn sets this object as the protocol right after this call.
        asyncio.get_running_loop().call_soon(self._step_aside)

    def _step_aside(self) -> None:
        if not self._transport.is_closing():
            self._transport.set_protocol(self._protocol)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        if self._protocol is not None:
            self._protocol.connection_lost(exc)

    def eof_received(self) -> None:
        """Pass it on."""
        if self._protocol is not None:
            self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._protocol is not None:
            self._protocol.resume_writing()


_Request = tuple[bytes, bytes, bytes, list[Header]]
"""Method, path (still quoted), query, and headers by lower-case name."""


def _read_plain_request(data: bytes) -> _Request | None:
    """Read a whole handshake for one of our paths; None for anything that asks for a closer look."""
    match = _PLAIN_REQUEST.fullmatch(data) if len(data) <= _LONGEST_PLAIN_BYTES else None
    if match is None:
        return None
    path, query, lines = match.groups(b"")
    headers = [(name.lower(), value.rstrip(b" \t")) for name, value in _HEADER.findall(lines)]
    named = dict(headers)
    if named.get(b"upgrade", b"").lower() != b"websocket" or not _UNUSUAL.isdisjoint(named):
        return None
    return b"GET", path, query, headers


def _read_repeated_request(data: bytes) -> _Request:
    """Read the request that uvicorn has parsed and written down again, a line for each header."""
    first, *lines = data.rstrip(b"\r\n").split(b"\r\n")
    method, target, _ = first.split(b" ")
    path, _, query = target.partition(b"?")
    return method, path, query, [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def _take(app_state: dict[str, Any], request: _Request, transport: asyncio.Transport, config: Config) -> Socket | None:
    """Offer a request to the endpoint. Returns its socket, or None if it is not for it. Raises BadHandshake."""
    method, path, query, headers = request
    scheme = "wss" if transport.get_extra_info("sslcontext") else "ws"
    app, peer = config.loaded_app, transport.get_extra_info("peername")
    if isinstance(app, ProxyHeadersMiddleware) and peer and peer[0] in app.trusted_hosts:
        forwarded = dict(headers).get(b"x-forwarded-proto", b"").strip()
        scheme = {b"https": "wss", b"wss": "wss", b"http": "ws", b"ws": "ws"}.get(forwarded, scheme)
    endpoint: Endpoint = app_state["endpoint"]
    return endpoint.take(
        HTTPConnection(
            {
                "type": "websocket",
                "method": method.decode("ascii"),
                "scheme": scheme,
                "path": unquote(path.decode("ascii", "replace")),
                "query_string": query,
                "headers": headers,
                "server": transport.get_extra_info("sockname"),
            }
        )
    )


def _refuse(transport: asyncio.Transport, bad: BadHandshake) -> None:
    transport.write(bad.answer)
    transport.close()

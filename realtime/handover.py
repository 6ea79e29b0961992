"""Hands WebSockets over from uvicorn's HTTP parser, before ASGI: ours to the endpoint, all others to the ordinary way.

uvicorn makes a protocol of the class given as `ws` for each connection that asks for an upgrade, and repeats the
request to it. The endpoint is found where the application's lifespan left it, as `endpoint` in its state.
"""

import asyncio
from typing import Any, ClassVar, cast
from urllib.parse import unquote

from starlette.requests import HTTPConnection
from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.server import ServerState

from realtime.endpoint import Endpoint
from realtime.websocket import BadHandshake


class Handover(asyncio.Protocol):
    """Reads the request, and lets the right protocol go on. Subclasses name the class for `ordinary` sockets."""

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
        # uvloop's own class is one in all but name.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read the request; what comes before the transport knows its new protocol is passed on."""
        if self._protocol is not None:
            self._protocol.data_received(data)
            return
        transport = self._transport
        endpoint: Endpoint = self._app_state["endpoint"]
        try:
            socket = endpoint.take(_read_request(data, transport, self._config))
        except BadHandshake as bad:
            transport.write(bad.answer)
            transport.close()
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


def _read_request(data: bytes, transport: asyncio.Transport, config: Config) -> HTTPConnection:
    """Read the request that uvicorn has parsed and written down again, a line for each header."""
    first, *lines = data.rstrip(b"\r\n").split(b"\r\n")
    method, target, _ = first.split(b" ")
    path, _, query = target.partition(b"?")
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    scheme = "wss" if transport.get_extra_info("sslcontext") else "ws"
    app, peer = config.loaded_app, transport.get_extra_info("peername")
    if isinstance(app, ProxyHeadersMiddleware) and peer and peer[0] in app.trusted_hosts:
        forwarded = dict(headers).get(b"x-forwarded-proto", b"").strip()
        scheme = {b"https": "wss", b"wss": "wss", b"http": "ws", b"ws": "ws"}.get(forwarded, scheme)
    return HTTPConnection(
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

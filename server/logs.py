"""Structured logs on standard error: lines for people on a terminal, one JSON object a line elsewhere.

No log line holds a secret: a request is named by its route, never by its path or query, where tokens may stand.
"""

import logging
import sys
import time
import uuid
from collections.abc import Iterable
from typing import Literal

import structlog
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import metrics
from server.slow import SlowLog

UNKNOWN_ROUTE = "(no route)"
MAX_REQUEST_ID_CHARACTERS = 64
NO_STATUS = 0
SERVER_ERROR = 500
ABNORMAL_CLOSURE = 1006

log = structlog.get_logger(__name__)


def configure(level: str, log_format: Literal["auto", "console", "json"], *, process: str) -> None:
    """Send every log line of this process, those of libraries too, to standard error in one form."""
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        # Without the frames' variables, among which are cookies, tokens and passwords.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    )
    ending: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not console:
        ending.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    # The realtime library logs with the standard library; which document it speaks of stands beside its words.
    foreign: list[structlog.typing.Processor] = [*shared, structlog.stdlib.ExtraAdder(allow={"document_id"})]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processors=[*ending, renderer]))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Uvicorn gives its loggers handlers of their own unless it is told not to.
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # Whole addresses, in which setup links and invitations stand. RequestLog writes these lines, by route. Without a
    # handler it may reach, uvicorn does not even make them.
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
    # At info uvicorn logs the whole address of a socket, whose query may hold a token.
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, root.level))
    # These log statements with their values, or frames: people's text and hashes of secrets.
    for chatty in ("asyncio", "websockets", "httpx", "sqlalchemy.engine", "alembic", "arq"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(process=process)


class RequestLog:
    """ASGI middleware, the outermost: names each request, logs and counts how it ended.

    The id is in every log line of the request and in its `X-Request-ID` header; one from a proxy is kept.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute], slow: SlowLog) -> None:
        self._app = app
        self._slow = slow
        self._templates = dict(_templates(routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note how it ended."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _request_id(scope)
        status = NO_STATUS
        begun = heard = time.perf_counter()
        # Ours is the time from the last we heard to the first we say: an upload or a reader may be as slow as it likes.
        ours = 0.0

        async def receive_and_note() -> Message:
            nonlocal heard
            message = await receive()
            if not ours:
                heard = time.perf_counter()
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal status, ours
            if message["type"] == "http.response.start":
                ours = time.perf_counter() - heard
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode("ascii"))]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive_and_note, send_and_note)
            finally:
                seconds = time.perf_counter() - begun
                route = self._route(scope)
                metrics.REQUEST_SECONDS.labels(scope["method"], route, status).observe(seconds)
                self._slow.note("request", ours, method=scope["method"], route=route, status=status)
                write = log.info if NO_STATUS < status < SERVER_ERROR else log.error
                if not (route in QUIET_ROUTES and write == log.info):
                    write("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        code = ABNORMAL_CLOSURE
        begun = time.perf_counter()

        async def receive_and_note() -> Message:
            nonlocal code
            message = await receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code", ABNORMAL_CLOSURE)
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal code
            if message["type"] == "websocket.close":
                code = message.get("code", 1000)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=_request_id(scope)):
            # Known before routing: every socket path of ours is one of few, and the gauge must match its two ends.
            route = "/collab"
            metrics.SOCKETS_OPEN.labels(route).inc()
            try:
                await self._app(scope, receive_and_note, send_and_note)
            finally:
                metrics.SOCKETS_OPEN.labels(route).dec()
                route = self._route(scope)
                metrics.SOCKETS_CLOSED.labels(route, code).inc()
                log.info("socket", route=route, code=code, seconds=round(time.perf_counter() - begun, 1))

    def _route(self, scope: Scope) -> str:
        key = (scope.get("endpoint"), frozenset(scope.get("path_params", {})))
        return self._templates.get(key, UNKNOWN_ROUTE)


# Asked every few seconds by machines: logged only when they fail.
QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics", "/static"})


def _templates(routes: Iterable[BaseRoute]) -> Iterable[tuple[tuple[object, frozenset[str]], str]]:
    for route in routes:
        if isinstance(route, Route | WebSocketRoute):
            yield (route.endpoint, frozenset(route.param_convertors)), route.path
        elif isinstance(route, Mount):
            yield (route.app, frozenset({"path"})), route.path
            yield (route.app, frozenset()), route.path


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    if given and len(given) <= MAX_REQUEST_ID_CHARACTERS and given.isascii() and given.isalnum():
        return str(given)
    return uuid.uuid4().hex

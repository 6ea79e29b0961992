"""Log lines: one form, and no secret in any of them."""

import io
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocket

from server import logs
from server.slow import SlowLog

Lines = Callable[[], list[dict[str, object]]]
SECRET = "qr_a-secret"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What goes to standard error; the logs are put back afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    levels = {name: logging.getLogger(name).level for name in list(logging.Logger.manager.loggerDict)}
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    yield written
    root.handlers[:], root.level = before
    for name in list(logging.Logger.manager.loggerDict):
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


@pytest.fixture
def lines(written: io.StringIO) -> Lines:
    """What was logged since the last call, with logs as in a web process."""
    logs.configure("info", "json", process="web")

    def read() -> list[dict[str, object]]:
        text = written.getvalue()
        written.seek(0)
        written.truncate()
        return [json.loads(line) for line in text.splitlines()]

    return read


async def _answer(request: Request) -> Response:
    if "fail" in request.query_params:
        raise RuntimeError("it broke")
    return PlainTextResponse("fine")


async def _talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close(4403)


@pytest.fixture
def app() -> ASGIApp:
    routes = [
        Route("/join/{token}", _answer),
        Route("/healthz", _answer),
        WebSocketRoute("/collab/{document}", _talk),
    ]
    return logs.RequestLog(Starlette(routes=routes), routes=routes, slow=SlowLog(0))


@pytest.fixture
async def client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://quillroom.test") as client:
        yield client


async def test_a_request_is_named_by_its_route_and_id_never_by_its_address(
    lines: Lines, client: httpx.AsyncClient
) -> None:
    answer = await client.get(f"/join/{SECRET}?token={SECRET}", headers={"Authorization": f"Bearer {SECRET}"})
    written = lines()
    (line,) = [line for line in written if line["event"] == "request"]
    assert (line["route"], line["method"], line["status"]) == ("/join/{token}", "GET", 200)
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["process"] == "web"
    assert SECRET not in json.dumps(written)


async def test_a_slow_request_is_told_by_its_route_and_counts_neither_a_slow_upload_nor_a_slow_reader(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    async def slow_answer(request: Request) -> Response:
        await request.body()
        now[0] += 2
        return PlainTextResponse("at last")

    async def slow_upload() -> AsyncIterator[bytes]:
        yield b"some"
        now[0] += 60
        yield b"more"

    async def quick_answer(request: Request) -> Response:
        await request.body()
        return StreamingResponse(slow_upload())

    routes = [
        Route("/join/{token}", slow_answer, methods=["POST"]),
        Route("/quick/{token}", quick_answer, methods=["POST"]),
    ]
    app = logs.RequestLog(Starlette(routes=routes), routes=routes, slow=SlowLog(1))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://quillroom.test") as client:
        await client.post(f"/quick/{SECRET}", content=slow_upload())
        await client.post(f"/join/{SECRET}")
    written = lines()
    (line,) = [line for line in written if line["event"] == "slow"]
    assert (line["kind"], line["route"], line["level"]) == ("request", "/join/{token}", "warning")
    assert line["ms"] == 2000
    assert "request_id" in line
    assert SECRET not in json.dumps(written)


def test_a_line_of_the_realtime_library_names_its_document(lines: Lines) -> None:
    logging.getLogger("quillroom.realtime").error("it broke", extra={"document_id": "d1", "update": SECRET})
    (line,) = lines()
    assert (line["event"], line["document_id"], line["logger"]) == ("it broke", "d1", "quillroom.realtime")
    assert SECRET not in json.dumps(line)


async def test_an_address_that_is_nobodys_is_not_written_either(lines: Lines, client: httpx.AsyncClient) -> None:
    await client.get(f"/nowhere/{SECRET}")
    written = lines()
    assert "(no route)" in [line.get("route") for line in written]
    assert SECRET not in json.dumps(written)


async def test_a_failure_is_an_error_with_the_id_of_its_request(lines: Lines, client: httpx.AsyncClient) -> None:
    await client.get(f"/join/{SECRET}?fail=1&token={SECRET}")
    written = lines()
    (line,) = [line for line in written if line["event"] == "request"]
    assert line["level"] == "error"
    assert SECRET not in json.dumps(written)


async def test_questions_of_machines_are_quiet_unless_they_fail(lines: Lines, client: httpx.AsyncClient) -> None:
    await client.get("/healthz")
    assert lines() == []
    await client.get("/healthz?fail=1")
    assert [line["route"] for line in lines() if line["event"] == "request"] == ["/healthz"]


async def test_a_socket_is_written_when_it_ends_with_its_code_and_without_its_token(lines: Lines, app: ASGIApp) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/collab/7", "query_string": f"token={SECRET}".encode(), "headers": []}
    await app(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    written = lines()
    (line,) = [line for line in written if line["event"] == "socket"]
    assert (line["route"], line["code"]) == ("/collab/{document}", 4403)
    assert SECRET not in json.dumps(written)


@pytest.mark.parametrize("given", ["abc123", "a" * 64])
async def test_an_id_from_a_proxy_is_kept(lines: Lines, client: httpx.AsyncClient, given: str) -> None:
    assert (await client.get("/healthz", headers={"X-Request-ID": given})).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["a" * 65, "two words", "{}", '"', "\u00e9".encode().decode("latin-1")])
async def test_an_id_that_could_be_something_else_is_replaced(
    lines: Lines, client: httpx.AsyncClient, given: str
) -> None:
    headers = [(b"x-request-id", given.encode("latin-1"))]
    answered = (await client.get("/healthz", headers=headers)).headers["X-Request-ID"]
    assert answered != given
    assert answered.isalnum()


@pytest.mark.parametrize("library", ["uvicorn.error", "websockets.server", "httpx", "sqlalchemy.engine.Engine"])
def test_libraries_that_write_addresses_and_values_are_held_back(lines: Lines, library: str) -> None:
    logging.getLogger(library).info("WebSocket /collab/7?token=%s [accepted]", SECRET)
    assert lines() == []
    logging.getLogger(library).warning("something is wrong")
    assert [line["event"] for line in lines()] == ["something is wrong"]


def test_uvicorn_writes_no_addresses_of_requests(lines: Lines) -> None:
    access = logging.getLogger("uvicorn.access")
    access.info('127.0.0.1:5 - "GET /setup/%s HTTP/1.1" 200', SECRET)
    assert lines() == []


def test_one_event_is_one_line_whatever_is_in_it(lines: Lines) -> None:
    structlog.get_logger("test").info("first\nsecond", value='{"event": "forged"}\n{"event": "forged"}')
    (line,) = lines()
    assert line["event"] == "first\nsecond"


@pytest.fixture
def terminal(written: io.StringIO) -> io.StringIO:
    """What a person on a terminal sees."""
    logs.configure("info", "console", process="web")
    return written


def test_what_failed_on_a_terminal_is_told_without_what_was_in_its_hands(terminal: io.StringIO) -> None:
    def fail(cookie: str) -> None:
        assert cookie
        raise RuntimeError("it broke")

    try:
        fail(SECRET)
    except RuntimeError:
        structlog.get_logger("server.test").exception("request failed")
    assert "RuntimeError: it broke" in terminal.getvalue()
    assert SECRET not in terminal.getvalue()

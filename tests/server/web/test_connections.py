"""Hostile connections: what they get from the protocols below the application, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from server.web import connections
from server.web.connections import HEAD_BYTES, PatientHttp

HANDSHAKE = b"GET /socket HTTP/1.1\r\nHost: quillroom.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
# More than any buffer of the kernel takes.
LARGE_BYTES = 32 * 1024 * 1024


class _Site:
    """A server of a small application."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


class _Upgraded(asyncio.Protocol):
    """Says that it was given the connection."""

    def __init__(self, **_: object) -> None:
        pass

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(b"upgraded")


@pytest.fixture
async def site() -> AsyncIterator[_Site]:
    async with _serving() as site:
        yield site


@asynccontextmanager
async def _serving(ws: type[asyncio.Protocol] | Literal["none"] = "none") -> AsyncIterator[_Site]:
    site = _Site(0)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = bytes(LARGE_BYTES) if scope["path"] == "/large" else body or b"fine"
        length = str(len(answer)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": answer})

    config = uvicorn.Config(app, port=0, http=PatientHttp, ws=ws, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    site.port = server.servers[0].sockets[0].getsockname()[1]
    yield site
    server.should_exit = server.force_exit = True
    await serving


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end of the connection, which must come."""
    said = b""
    try:
        while some := await reader.read(65536):
            said += some
    except ConnectionResetError:
        pass
    return said


async def _is_well(site: _Site) -> bool:
    reader, writer = await site.connect()
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    answer = await _rest(reader)
    writer.close()
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"hello")


@pytest.mark.parametrize(
    "start", [b"", b"\r\n", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: a\r\nX-", HANDSHAKE[:-2]], ids=repr
)
async def test_who_does_not_finish_a_head_is_hung_up_on(
    site: _Site, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    reader, writer = await site.connect()
    writer.write(start)
    assert (await _rest(reader)).startswith(b"HTTP/1.1 408 ")
    writer.close()
    assert await _is_well(site)


async def test_only_a_request_of_todays_http_that_is_alone_is_upgraded() -> None:
    async with _serving(ws=_Upgraded) as site:
        for data, answer in (
            (HANDSHAKE, b"upgraded"),
            (HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0"), b"HTTP/1.1 400 Bad Request"),
        ):
            reader, writer = await site.connect()
            writer.write(data)
            assert await reader.readexactly(len(answer)) == answer
            writer.close()
        reader, writer = await site.connect()
        # In one piece, so that the first is still to be answered.
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + HANDSHAKE)
        assert b"upgraded" not in await _rest(reader)
        writer.close()


async def test_a_second_head_has_its_time_too(site: _Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    reader, writer = await site.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await reader.readuntil(b"fine")).startswith(b"HTTP/1.1 200")
    writer.write(b"GET / HTTP/1.1\r\nHo")
    assert (await _rest(reader)).startswith(b"HTTP/1.1 408 ")
    writer.close()


@pytest.mark.parametrize(
    "start",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ",
    ],
    ids=["address", "header", "trailer"],
)
async def test_a_head_without_end_is_refused(site: _Site, start: bytes) -> None:
    reader, writer = await site.connect()
    writer.write(start + b"a" * (4 * HEAD_BYTES))
    answer = await _rest(reader)
    # Beside an answer that is under way only the end can say it; a reset may overtake the words.
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 200 "))
    writer.close()
    assert await _is_well(site)


async def test_an_answer_that_is_not_read_is_not_kept(site: _Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.1)
    _, writer = await site.connect()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
    writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    with pytest.raises(ConnectionError):
        await _knock(writer)
    assert await _is_well(site)


async def test_a_large_answer_that_is_read_arrives_whole(site: _Site) -> None:
    reader, writer = await site.connect()
    writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    head, _, body = (await _rest(reader)).partition(b"\r\n\r\n")
    assert (head[:12], len(body)) == (b"HTTP/1.1 200", LARGE_BYTES)
    writer.close()


async def _knock(writer: asyncio.StreamWriter, data: bytes = b"a") -> None:
    """Write now and then until the other side is found to be gone. Raises ConnectionError."""
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.05)

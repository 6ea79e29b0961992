"""Hostile connections: what they get from the protocols below the application, over real sockets."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from server.web import connections
from server.web.connections import HEAD_BYTES, BoundedSocket, PatientHttp

HANDSHAKE = (
    b"GET /socket HTTP/1.1\r\nHost: quillroom.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PING, PONG, CONTINUATION, BINARY = 9, 10, 0, 2
# More than any buffer of the kernel takes.
LARGE_BYTES = 32 * 1024 * 1024


class _Site:
    """A server of a small application, and what sockets of it have received."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received: list[bytes] = []

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Site]:
    monkeypatch.setattr(connections, "_frames", lambda: (100.0, 100.0))
    async with _serving() as site:
        yield site


@asynccontextmanager
async def _serving() -> AsyncIterator[_Site]:
    site = _Site(0)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] == "websocket.receive":
                site.received.append(message["bytes"])
                if message["bytes"] == b"bye":
                    await send({"type": "websocket.close", "code": 4400})
                if message["bytes"] == b"flood me":
                    await send({"type": "websocket.send", "bytes": bytes(LARGE_BYTES)})
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = bytes(LARGE_BYTES) if scope["path"] == "/large" else body or b"fine"
        length = str(len(answer)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": answer})

    config = uvicorn.Config(
        app, port=0, http=PatientHttp, ws=BoundedSocket, ws_per_message_deflate=False, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    site.port = server.servers[0].sockets[0].getsockname()[1]
    yield site
    server.should_exit = server.force_exit = True
    await serving


def _frame(opcode: int, data: bytes = b"", *, last: bool = True) -> bytes:
    assert len(data) < 126
    key = os.urandom(4)
    masked = bytes(byte ^ key[at % 4] for at, byte in enumerate(data))
    return bytes([(0x80 if last else 0) | opcode, 0x80 | len(data)]) + key + masked


async def _upgraded(site: _Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await site.connect()
    writer.write(HANDSHAKE)
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


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


@pytest.mark.parametrize(
    "flood",
    [_frame(PING) * 5000, _frame(PONG) * 5000, _frame(CONTINUATION, last=False) * 5000, _frame(BINARY, b"a") * 5000],
    ids=["pings", "pongs", "continuations", "messages"],
)
async def test_frames_of_any_kind_are_counted(site: _Site, flood: bytes) -> None:
    reader, writer = await _upgraded(site)
    writer.write(_frame(BINARY, b"hello", last=False) + flood if flood[0] == CONTINUATION else flood)
    said = await _rest(reader)
    assert said == b"" or struct.pack(">H", 4529) in said
    assert len(site.received) <= 1000
    writer.close()
    assert await _is_well(site)


async def test_an_ordinary_client_may_speak_in_pieces_and_ping(site: _Site) -> None:
    reader, writer = await _upgraded(site)
    writer.write(_frame(BINARY, b"he", last=False) + _frame(PING, b"there?") + _frame(CONTINUATION, b"llo"))
    assert await reader.readuntil(b"there?") == b"\x8a\x06there?"
    await _until(lambda: site.received == [b"hello"])
    writer.close()


async def test_pongs_do_not_pile_up_for_who_does_not_read(site: _Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.2)
    _, writer = await _upgraded(site)
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
    writer.write(_frame(BINARY, b"flood me"))
    await _until(lambda: site.received == [b"flood me"])
    with pytest.raises(ConnectionError):
        await _knock(writer, _frame(PING, b"a"))
    assert await _is_well(site)


async def test_who_does_not_answer_the_end_is_cut_off(site: _Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GOODBYE_SECONDS", 0.1)
    reader, writer = await _upgraded(site)
    writer.write(_frame(BINARY, b"bye"))
    assert struct.pack(">H", 4400) in await _rest(reader)
    writer.close()


async def _knock(writer: asyncio.StreamWriter, data: bytes = b"a") -> None:
    """Write now and then until the other side is found to be gone. Raises ConnectionError."""
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.05)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)

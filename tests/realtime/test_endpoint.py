"""The endpoint on a real socket: both dialects, who is let in, and what hostile clients get."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import uvicorn
from pycrdt import Text
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from realtime import awareness, client, close, wire
from realtime.awareness import Entry
from realtime.close import Refused
from realtime.door import ConnectionLimits, Door
from realtime.endpoint import Endpoint
from realtime.handover import Entrance, Handover
from realtime.hub import Hub
from realtime.memory import MemoryBus, MemoryLog
from realtime.ports import AccessChanged, Admission, Bus, Credentials, DocumentId, Epoch, Rights

from .documents import EMPTY_UPDATE, Author, far_apart, in_turns, seed, text_of
from .test_hub import LoopClock, until

pytestmark = pytest.mark.anyio


class Tokens:
    """An Access with three tokens: `writer`, `reader` and everything else."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.asked: list[Credentials] = []
        self.revoked: set[str] = set()
        self.silenced: set[str] = set()

    async def admit(self, document_id: DocumentId, credentials: Credentials) -> Admission:
        self.asked.append(credentials)
        token = credentials.bearer or credentials.cookie
        if token not in ("writer", "reader") or token in self.revoked:
            raise Refused(close.UNAUTHENTICATED)
        stored = await self._log.load(document_id)
        if stored is None:
            raise Refused(close.NOT_FOUND)
        return Admission(
            user={"id": "1", "name": "Ada"},
            rights=Rights.WRITE if token == "writer" and token not in self.silenced else Rights.READ,
            epoch=stored.epoch,
        )


class Unobserved:
    """An Observer that looks away."""

    def opened(self, path: str) -> None:
        pass

    def closed(self, path: str, code: int, seconds: float) -> None:
        pass


class Connections(Entrance):
    ordinary = HttpToolsProtocol


class Sockets(Handover):
    ordinary = WebSocketsSansIOProtocol


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


@dataclass
class Running:
    url: str
    log: MemoryLog
    hub: Hub
    access: Tokens
    document_id: DocumentId
    start: bytes
    epoch: Epoch
    endpoint: Endpoint


@asynccontextmanager
async def serving(limits: ConnectionLimits | None = None, bus: Bus | None = None) -> AsyncIterator[Running]:
    log, start = MemoryLog(), seed()
    document_id = DocumentId(str(uuid4()))
    epoch = log.create(document_id, start)
    async with Hub(log=log, bus=bus or MemoryBus().node(), clock=LoopClock(), node="one") as hub:
        access = Tokens(log)
        door = Door(
            hub=hub,
            access=access,
            clock=LoopClock(),
            cookie=lambda request: request.cookies.get("session"),
            origins=lambda _: {"http://quillroom.test"},
            observer=Unobserved(),
            limits=limits or ConnectionLimits(),
        )

        opened: list[Endpoint] = []

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[dict[str, object]]:
            async with Endpoint(door) as endpoint:
                opened.append(endpoint)
                yield {"endpoint": endpoint}

        config = uvicorn.Config(
            Starlette(routes=[WebSocketRoute("/echo", echo)], lifespan=lifespan),
            log_config=None,
            http=Connections,
            ws=Sockets,
            lifespan="on",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            task = asyncio.create_task(server.serve(sockets=[listening]))
            await until(lambda: server.started)
            port = listening.getsockname()[1]
            try:
                yield Running(f"ws://127.0.0.1:{port}", log, hub, access, document_id, start, epoch, opened[0])
            finally:
                server.should_exit = True
                await task


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with serving() as one:
        yield one


def collab(running: Running, token: str = "writer", **query: str) -> str:
    pairs = "&".join(f"{name}={value}" for name, value in {"token": token, **query}.items())
    return f"{running.url}/collab/{running.document_id}?{pairs}"


async def code_of(connection: ClientConnection) -> int | None:
    """Read until the server ends it. Returns the close code."""
    async with asyncio.timeout(10):
        try:
            while True:
                await connection.recv()
        except ConnectionClosed:
            return connection.close_code


class Hocuspocus:
    """One document of a Hocuspocus client, by hand."""

    def __init__(self, connection: ClientConnection, name: str) -> None:
        self.connection = connection
        self.prefix = wire.routing_prefix(name)

    async def send(self, frame: bytes) -> None:
        await self.connection.send(self.prefix + frame)

    async def sign_in(self, token: str) -> None:
        await self.send(bytes((2, 0)) + wire.write_var_string(token) + wire.write_var_string("4.8.0"))

    async def hear(self) -> bytes:
        async with asyncio.timeout(5):
            frame = await self.connection.recv()
            assert isinstance(frame, bytes)
            assert frame.startswith(self.prefix)
            return frame.removeprefix(self.prefix)


async def test_two_clients_write_together_and_a_third_comes_late(running: Running) -> None:
    url = f"{running.url}/collab/{running.document_id}"
    async with client.join(url, token="writer") as ada, client.join(url, token="writer") as ben:
        ada.doc.get("text", type=Text).insert(0, "Ada ")
        ben.doc.get("text", type=Text).insert(0, "Ben ")
        for one in (ada, ben):
            await one.wait_for(lambda doc: sorted(str(doc.get("text", type=Text)).split()) == ["Ada", "Ben", "seed"])
        async with client.join(url, token="reader") as late:
            assert str(late.doc.get("text", type=Text)) == str(ada.doc.get("text", type=Text))


async def test_other_sockets_go_through_asgi_as_ever(running: Running) -> None:
    async with connect(f"{running.url}/echo") as connection:
        await connection.send("hello")
        assert await connection.recv() == "hello"


async def test_hocuspocus_two_documents_on_one_socket_each_acknowledged(running: Running) -> None:
    other = DocumentId(str(uuid4()))
    running.log.create(other, running.start)
    async with connect(f"{running.url}/collab") as connection:
        for name in (running.document_id, other + "\0session"):
            one = Hocuspocus(connection, name)
            await one.sign_in("writer")
            assert await one.hear() == wire.authenticated("read-write")
            await one.send(wire.sync_step_1(b"\x00"))
            answer = wire.decode(await one.hear())
            assert isinstance(answer, wire.Update)
            assert text_of(answer.update) == "seed "
            assert isinstance(wire.decode(await one.hear()), wire.SyncStep1)
            await one.send(wire.sync_step_2(EMPTY_UPDATE))
            assert await one.hear() == wire.sync_status(saved=True)
            await one.send(wire.sync_update(Author(running.start).write("edit")))
            assert await one.hear() == wire.sync_status(saved=True)
            stored = await running.log.load(DocumentId(name[:36]))
            assert stored is not None
            assert stored.seq == 2


async def test_hocuspocus_documents_that_do_not_fit_into_the_outbox_together_all_come() -> None:
    async with (
        serving(ConnectionLimits(outbox_bytes=50_000)) as running,
        connect(f"{running.url}/collab") as connection,
    ):
        texts = {str(uuid4()): word * 4000 for word in ("some-words ", "more-words ", "last-words ")}
        for name, text in texts.items():
            running.log.create(DocumentId(name), seed(text))
            one = Hocuspocus(connection, name)
            await one.sign_in("writer")
            assert await one.hear() == wire.authenticated("read-write")
        questions = [wire.routing_prefix(name) + wire.sync_step_1(b"\x00") for name in texts]
        # In one piece, so that all are answered before any answer is sent.
        connection.transport.write(b"".join(Frame(Opcode.BINARY, each).serialize(mask=True) for each in questions))
        answers: dict[str, str] = {}
        async with asyncio.timeout(5):
            while answers != texts:
                name, message = _read_keyed(await connection.recv())
                if isinstance(message, wire.Update):
                    answers[name] = text_of(message.update)


def _read_keyed(frame: str | bytes) -> tuple[str, wire.Message]:
    assert isinstance(frame, bytes)
    keyed = wire.decode_multiplexed(frame)
    assert not isinstance(keyed, wire.Pong)
    return keyed


async def test_hocuspocus_a_refused_document_leaves_the_socket_to_the_others(running: Running) -> None:
    async with connect(f"{running.url}/collab") as connection:
        good = Hocuspocus(connection, running.document_id)
        await good.sign_in("writer")
        await good.hear()
        for name, token, code in (
            (str(uuid4()), "writer", 4404),
            ("no uuid", "writer", 4404),
            (running.document_id + "\0two", "wrong", 4401),
            (running.document_id + "\0three", f"writer;epoch={uuid4()}", 4409),
        ):
            bad = Hocuspocus(connection, name)
            await bad.sign_in(token)
            refusal = await bad.hear()
            assert refusal[:2] == bytes((2, 1))
            assert str(code).encode() in refusal
            # What the provider sends before it hears of the refusal is no offence.
            await bad.send(wire.sync_step_1(b"\x00"))
        await good.send(wire.sync_step_1(b"\x00"))
        assert isinstance(wire.decode(await good.hear()), wire.Update)


async def test_hocuspocus_without_a_token_is_sent_away_and_no_room_is_opened(running: Running) -> None:
    async with connect(f"{running.url}/collab") as connection:
        await Hocuspocus(connection, running.document_id).send(wire.sync_step_1(b"\x00"))
        assert await code_of(connection) == 4401
    assert running.hub.rooms == 0


async def test_who_never_signs_in_is_sent_away() -> None:
    async with serving(ConnectionLimits(authentication_seconds=0.1)) as one, connect(f"{one.url}/collab") as connection:
        assert await code_of(connection) == 4408


@pytest.mark.parametrize("token", ["wrong", "", "writer%00"])
async def test_a_wrong_token_opens_no_room(running: Running, token: str) -> None:
    async with connect(collab(running, token)) as connection:
        assert await code_of(connection) == 4401
    assert running.hub.rooms == 0


async def test_a_foreign_origin_is_refused_whatever_it_brings(running: Running) -> None:
    for headers in ({"Cookie": "session=writer"}, {"Authorization": "Bearer writer"}):
        url = f"{running.url}/collab/{running.document_id}"
        async with connect(url, origin="http://evil.test", additional_headers=headers) as connection:  # type: ignore[arg-type]
            assert await code_of(connection) == 4406
    assert running.access.asked == []


async def test_a_cookie_counts_only_with_an_origin(running: Running) -> None:
    url = f"{running.url}/collab/{running.document_id}"
    headers = {"Cookie": "session=writer"}
    async with connect(url, additional_headers=headers) as connection:
        assert await code_of(connection) == 4401
    async with connect(url, origin="http://quillroom.test", additional_headers=headers) as connection:  # type: ignore[arg-type]
        await connection.send(wire.sync_step_1(b"\x00"))
        assert isinstance(wire.decode(await connection.recv()), wire.Update)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", 4400),
        (b"\x00", 4400),
        (b"\x00\x02\x7f", 4400),
        (b"\x00\x02\x01\x00\x00", 4400),
        (b"\xff" * 40, 4400),
        (wire.sync_update(b"\x01\x02\x03"), 4400),
        (wire.sync_step_1(b"\x05"), 4400),
        (wire.awareness(awareness.encode([Entry(1, 1, "{").encode()])), 4400),
        (b"\x63\x00", 4415),
        (b"\x00\x09\x00", 4415),
        ("text", 1003),
        # Its bytes are others each time, and processes that share the tests must agree on their names.
        pytest.param(wire.sync_step_2(Author(seed("elsewhere")).write("x")), 4422, id="without history"),
    ],
)
async def test_a_hostile_frame_ends_its_sender_and_the_room_does_not_notice(
    running: Running, frame: bytes | str, code: int
) -> None:
    url = f"{running.url}/collab/{running.document_id}"
    async with client.join(url, token="writer") as ada, client.join(url, token="writer") as ben:
        async with connect(collab(running)) as connection:
            await connection.send(frame)
            assert await code_of(connection) == code
        ada.doc.get("text", type=Text).insert(0, "still here ")
        await ben.wait_for(lambda doc: str(doc.get("text", type=Text)) == "still here seed ")
        assert (ada.closed, ben.closed) == (None, None)


async def test_a_frame_over_the_limit_is_refused() -> None:
    async with serving(ConnectionLimits(frame_bytes=1000)) as one, connect(collab(one)) as connection:
        await connection.send(wire.sync_update(b"x" * 2000))
        assert await code_of(connection) == 1009


async def test_a_flood_of_tiny_frames_is_refused_and_the_room_goes_on() -> None:
    async with serving(ConnectionLimits(messages_per_second=100, messages_burst=500)) as one:
        url = f"{one.url}/collab/{one.document_id}"
        async with client.join(url, token="writer") as ada, connect(collab(one)) as flood:
            try:
                for _ in range(10_000):
                    await flood.send(b"\x03")
            except ConnectionClosed:
                pass
            assert await code_of(flood) == 4529
            appends = one.log.appends
            ada.doc.get("text", type=Text).insert(0, "x")
            await until(lambda: one.log.appends > appends)
            stored = await one.log.load(one.document_id)
            assert stored is not None
            assert stored.seq == 2


@pytest.mark.parametrize("how", ["close frame", "half close"])
async def test_who_leaves_without_reading_keeps_no_memory(running: Running, how: str) -> None:
    big = DocumentId(str(uuid4()))
    running.log.create(big, seed("x" * 8_000_000))
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, ("127.0.0.1", int(running.url.rpartition(":")[2])))
        head = (
            f"GET /collab/{big}?token=writer HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await loop.sock_sendall(raw, head.encode())
        await until(lambda: running.hub.peers)
        await loop.sock_sendall(raw, Frame(Opcode.BINARY, wire.sync_step_1(b"\x00")).serialize(mask=True))
        if how == "close frame":
            await loop.sock_sendall(raw, Frame(Opcode.CLOSE, b"").serialize(mask=True))
        else:
            raw.shutdown(socket.SHUT_WR)
        await until(lambda: not running.endpoint.connections)


async def test_who_sends_on_after_it_was_refused_is_cut_off_and_nothing_is_kept(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(running.url.rpartition(":")[2]))
    writer.write(
        b"GET /collab HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionError):
            while True:
                writer.write(b"\x02unmasked" * 1000)
                await writer.drain()
    writer.close()


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CONT])
async def test_frames_that_are_no_messages_are_counted_too(opcode: Opcode) -> None:
    async with serving(ConnectionLimits(messages_per_second=100, messages_burst=500)) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(one.url.rpartition(":")[2]))
        writer.write(
            b"GET /collab HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(Frame(Opcode.BINARY, b"", fin=False).serialize(mask=True))
        writer.write(Frame(opcode, b"", fin=opcode is not Opcode.CONT).serialize(mask=True) * 2000)
        async with asyncio.timeout(10):
            # What is told before the end is left unread in part; its code stands in the last frame.
            assert (4529).to_bytes(2) in await reader.read(-1)
        writer.close()


async def test_a_client_that_never_reads_costs_bounded_memory_and_is_sent_away() -> None:
    limits = ConnectionLimits(outbox_bytes=50_000, send_seconds=1, messages_burst=10**6, messages_per_second=10**6)
    async with serving(limits) as one:
        url = f"{one.url}/collab/{one.document_id}"
        reader, writer = await asyncio.open_connection("127.0.0.1", int(one.url.rpartition(":")[2]), limit=1024)
        writer.write(
            f"GET /collab/{one.document_id}?token=writer HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        async with client.join(url, token="writer") as ada, client.join(url, token="writer") as ben:
            await until(lambda: one.hub.peers == 3)
            text = ada.doc.get("text", type=Text)
            async with asyncio.timeout(30):
                while one.hub.peers == 3:
                    text.insert(0, "0123456789" * 5000)
                    del text[0:50_000]
                    await asyncio.sleep(0.005)
            assert one.hub.counts.refusals[close.TOO_SLOW.code] == 1
            text.insert(0, "end ")
            await ben.wait_for(lambda doc: str(doc.get("text", type=Text)) == "end seed ")
        writer.close()


async def test_presence_is_passed_on_with_the_true_name_and_ends_with_the_connection(running: Running) -> None:
    url = f"{running.url}/collab/{running.document_id}"
    async with client.join(url, token="writer") as ada:
        async with client.join(url, token="writer") as ben:
            state = json.dumps({"user": {"name": "Mallory"}, "cursor": 1})
            await ben.send(wire.awareness(awareness.encode([Entry(7, 1, state).encode()])))
            await until(lambda: ada.presence)
            [entry] = awareness.decode(ada.presence[0])
            assert json.loads(entry.state) == {"user": {"id": "1", "name": "Ada"}, "cursor": 1}
        await until(lambda: len(ada.presence) == 2)
        assert awareness.decode(ada.presence[1]) == [Entry(7, 1, "null")]


async def test_a_silent_line_is_kept_alive() -> None:
    async with serving(ConnectionLimits(keepalive_seconds=0.05)) as one, connect(collab(one)) as connection:
        async with asyncio.timeout(5):
            assert await connection.recv() == wire.NO_AWARENESS


async def test_a_stopping_server_tells_clients_to_come_back() -> None:
    async with serving() as one:
        connection = await connect(collab(one))
        await connection.send(wire.sync_step_1(b"\x00"))
        await connection.recv()
        await one.hub.shut(one.document_id, close.RESTARTING)
        assert await code_of(connection) == 1012


async def test_who_connects_and_says_nothing_holds_nothing_up() -> None:
    async with serving() as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(one.url).port)
        async with connect(collab(one)) as connection:
            await connection.send(wire.sync_step_1(b"\x00"))
            await connection.recv()
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_a_handshake_that_comes_in_parts_is_taken_too(running: Running) -> None:
    address = urlsplit(collab(running))
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    head = (
        f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    writer.write(head[:60])
    await writer.drain()
    await asyncio.sleep(0)
    await until(lambda: running.endpoint.connections == set())
    writer.write(head[60:])
    async with asyncio.timeout(10):
        assert b"101 Switching Protocols" in await reader.readuntil(b"\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("hosts", ["", "Host: here\r\nHost: there\r\n"])
async def test_a_handshake_that_does_not_name_one_host_is_refused(running: Running, hosts: str) -> None:
    address = urlsplit(collab(running))
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    writer.write(
        f"GET {address.path}?{address.query} HTTP/1.1\r\n{hosts}Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    async with asyncio.timeout(10):
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_a_token_that_is_revoked_ends_the_connections_that_it_opened() -> None:
    async with serving(ConnectionLimits(recheck_seconds=0.05)) as one:
        async with connect(collab(one)) as by_writer, connect(collab(one, "reader")) as by_reader:
            one.access.revoked.add("writer")
            assert await code_of(by_writer) == 4401
            await by_reader.send(wire.sync_step_1(b"\x00"))
            assert isinstance(wire.decode(await by_reader.recv()), wire.Update)  # type: ignore[arg-type]
        async with connect(f"{one.url}/collab") as connection:
            seat = Hocuspocus(connection, one.document_id)
            await seat.sign_in("reader")
            await seat.hear()
            one.access.revoked.add("reader")
            assert await code_of(connection) == 4401


async def test_a_right_that_is_taken_away_bites_at_once_in_place() -> None:
    async with serving() as one, connect(f"{one.url}/collab") as connection, connect(collab(one)) as by_path:
        seat = Hocuspocus(connection, one.document_id)
        await seat.sign_in("writer")
        assert await seat.hear() == wire.authenticated("read-write")
        await until(lambda: one.hub.peers == 2)
        one.access.silenced.add("writer")
        await one.hub.access_changed(one.document_id)
        assert await seat.hear() == wire.authenticated("readonly")
        # Reading goes on; what is written from now on is refused, in both dialects.
        await seat.send(wire.sync_step_1(b"\x00"))
        assert isinstance(wire.decode(await seat.hear()), wire.Update)
        await seat.send(wire.sync_update(Author(one.start).write("too late")))
        assert await code_of(connection) == close.FORBIDDEN.code
        await by_path.send(wire.sync_update(Author(one.start).write("too late")))
        assert await code_of(by_path) == close.FORBIDDEN.code
        assert text_of((await one.hub.state(one.document_id))[1]) == "seed "


@pytest.mark.parametrize("by_path", [False, True])
async def test_what_was_kept_for_its_history_is_refused_once_a_right_is_taken_away(*, by_path: bool) -> None:
    async with serving() as one, connect(collab(one) if by_path else f"{one.url}/collab") as connection:
        prefix = b"" if by_path else wire.routing_prefix(one.document_id)
        if not by_path:
            await Hocuspocus(connection, one.document_id).sign_in("writer")
        await until(lambda: one.hub.peers == 1)
        (live,) = one.hub.live_rooms
        (seat,) = live.room.peers
        ada = Author(one.start)
        first, second = ada.write("first "), ada.write("second ")
        await connection.send(prefix + wire.sync_update(second))
        await until(lambda: seat.early.asked)
        await one.hub.edit(one.document_id, first)
        one.access.silenced.add("writer")
        await one.hub.access_changed(one.document_id)
        await until(lambda: seat.rights is Rights.READ)
        await connection.send(prefix + wire.sync_step_2(EMPTY_UPDATE))
        assert await code_of(connection) == close.FORBIDDEN.code
        assert text_of((await one.hub.state(one.document_id))[1]) == "seed first "


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_who_is_on_the_way_in_while_a_right_is_taken_away_is_asked_about_again(
    monkeypatch: pytest.MonkeyPatch, *, elsewhere: bool
) -> None:
    line = MemoryBus()
    other = line.node() if elsewhere else None
    async with serving(bus=line.node()) as one:
        admit, answered, given = one.access.admit, asyncio.Event(), asyncio.Event()

        async def admit_slowly(document_id: DocumentId, credentials: Credentials) -> Admission:
            admission = await admit(document_id, credentials)
            answered.set()
            await given.wait()
            return admission

        monkeypatch.setattr(one.access, "admit", admit_slowly)
        async with connect(collab(one)) as connection:
            await answered.wait()
            one.access.revoked.add("writer")
            if other is None:
                await one.hub.access_changed(one.document_id)
            else:
                # Nobody hears this: the document is not watched before somebody is admitted.
                await other.publish([AccessChanged(document_id=one.document_id)])
            given.set()
            assert await code_of(connection) == 4401
        assert one.hub.peers == 0


async def test_who_comes_while_rights_change_all_the_time_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as one:
        admit = one.access.admit

        async def admit_while_it_changes(document_id: DocumentId, credentials: Credentials) -> Admission:
            admission = await admit(document_id, credentials)
            await one.hub.access_changed(document_id)
            return admission

        monkeypatch.setattr(one.access, "admit", admit_while_it_changes)
        async with connect(collab(one)) as connection:
            assert await code_of(connection) == close.TRY_LATER.code
        assert len(one.access.asked) < 20
        assert one.hub.peers == 0


async def test_who_may_write_again_is_asked_what_they_have() -> None:
    async with serving() as one, connect(f"{one.url}/collab") as connection:
        one.access.silenced.add("writer")
        seat = Hocuspocus(connection, one.document_id)
        await seat.sign_in("writer")
        assert await seat.hear() == wire.authenticated("readonly")
        await seat.send(wire.sync_step_1(b"\x00"))
        assert isinstance(wire.decode(await seat.hear()), wire.Update)
        one.access.silenced.clear()
        await one.hub.access_changed(one.document_id)
        assert await seat.hear() == wire.authenticated("read-write")
        assert isinstance(wire.decode(await seat.hear()), wire.SyncStep1)
        author = Author(one.start)
        await seat.send(wire.sync_step_2(author.write("mine")))
        await until(lambda: author.doc.client_id in _clients(one))


async def test_who_is_shut_out_leaves_at_once_and_the_others_stay() -> None:
    async with serving() as one, connect(collab(one)) as ada, connect(collab(one, "reader")) as ben:
        await until(lambda: one.hub.peers == 2)
        one.access.revoked.add("writer")
        await one.hub.access_changed(one.document_id)
        assert await code_of(ada) == 4401
        await ben.send(wire.sync_step_1(b"\x00"))
        assert isinstance(wire.decode(await ben.recv(decode=False)), wire.Update)


async def test_who_causes_more_work_than_is_allowed_is_read_no_further_and_the_others_are() -> None:
    # Never paid back within the life of a test.
    limits = ConnectionLimits(work_burst=1e-6, work_per_second=1e-9)
    question = wire.sync_step_1(b"\x00")
    async with serving(limits) as running, connect(collab(running), ping_interval=None, close_timeout=0.1) as greedy:
        for _ in range(4000):
            await greedy.send(question)
        async with connect(collab(running), close_timeout=0.1) as modest:
            await modest.send(question)
            while not isinstance(wire.decode(await modest.recv(decode=False)), wire.Update):
                pass
        answers = 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                while True:
                    answers += isinstance(wire.decode(await greedy.recv(decode=False)), wire.Update)
        assert 1 <= answers < 4000


async def test_coming_again_is_no_way_to_cause_more_work() -> None:
    # Never paid back within the life of a test.
    limits = ConnectionLimits(person_work_burst=1e-6, person_work_per_second=1e-9)
    question = wire.sync_step_1(b"\x00")
    async with serving(limits) as running:
        async with connect(collab(running)) as first:
            await first.send(question)
            # Its answer, and not what the server says of itself: only then is it known to have been paid for.
            while not isinstance(wire.decode(await first.recv(decode=False)), wire.Update):
                pass
        async with connect(collab(running), ping_interval=None, close_timeout=0.1) as second:
            for _ in range(4000):
                await second.send(question)
            answers = 0
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    while True:
                        answers += isinstance(wire.decode(await second.recv(decode=False)), wire.Update)
            assert answers <= 1


async def test_who_asks_again_and_again_for_a_large_document_is_answered_once_it_has_been_read() -> None:
    async with serving() as running, connect(f"{running.url}/collab") as connection:
        name = DocumentId(str(uuid4()))
        text = "word " * 10_000
        running.log.create(name, seed(text))
        one = Hocuspocus(connection, name)
        await one.sign_in("reader")
        assert await one.hear() == wire.authenticated("readonly")
        question = one.prefix + wire.sync_step_1(b"\x00")
        # In one piece, so that the first answer still waits while the others are asked for.
        connection.transport.write(Frame(Opcode.BINARY, question).serialize(mask=True) * 10)
        heard = [await one.hear(), await one.hear()]
        await one.send(wire.sync_step_2(EMPTY_UPDATE))
        while heard[-1] != wire.sync_status(saved=True):
            heard.append(await one.hear())
        answers = [message for message in map(wire.decode, heard[:-1]) if isinstance(message, wire.Update)]
        assert [text_of(message.update) for message in answers] == [text] * 2


async def test_an_update_that_would_hold_everybody_up_is_tried_elsewhere_and_ends_its_sender() -> None:
    async with serving() as running, connect(collab(running)) as ada, connect(collab(running)) as eve:
        await ada.send(wire.sync_update(in_turns(20_000)))
        with pytest.raises(ConnectionClosed) as closed:
            await eve.send(wire.sync_step_1(b"\x00"))
            # Once it has been told of the letters, the server has them.
            while len(await eve.recv(decode=False)) < 10_000:
                pass
            await eve.send(wire.sync_update(far_apart(3_000, (5, 0), (6, 9_999))))
            while True:
                await eve.recv(decode=False)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == close.MALFORMED.code
        author = Author()
        await ada.send(wire.sync_update(author.write("still here")))
        await until(lambda: author.doc.client_id in _clients(running))


def _clients(running: Running) -> Mapping[int, int]:
    (live,) = running.hub.live_rooms
    return wire.read_state_vector(live.room.document.state_vector())

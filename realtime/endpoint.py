"""The WebSocket: frames in, outbox out. The only module that sees a socket.

`/collab/{document_id}` speaks the y-websocket dialect, `/collab` the Hocuspocus dialect. Both are thin: they find out
who is there, read frames strictly, and hand messages to the hub. A connection has one outbox and one task that empties
it; no memory is spent on a document before its peer is admitted.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime import close, wire
from realtime.close import Close, Refused
from realtime.hub import Hub
from realtime.outbox import Outbox
from realtime.pace import Allowance
from realtime.ports import Access, Clock, Credentials, DocumentId
from realtime.room import Peer, Room
from realtime.update import read_reach

# Larger updates are looked into on a thread: the walk is Python, and one import must not hold up everybody.
_LARGE_UPDATE_BYTES = 32 * 1024
_CLOSE_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one connection may do. Sizes in bytes, times in seconds.

    `work`: the bytes that it sends and asks for, and what reading them costs, in bytes. Whoever goes beyond is read
    more slowly; too many messages are refused.
    """

    frame_bytes: int = 8 * 1024 * 1024
    outbox_bytes: int = 4 * 1024 * 1024
    messages_per_second: float = 1000
    messages_burst: float = 5000
    work_per_second: float = 4 * 1024 * 1024
    work_burst: float = 16 * 1024 * 1024
    documents: int = 32
    authentication_seconds: float = 10
    send_seconds: float = 30
    keepalive_seconds: float = 15
    recheck_seconds: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the endpoint needs of its host.

    `cookie` finds the session cookie's value in a handshake; `origins` the origins (scheme://host[:port]) whose pages
    may connect to the address that was asked for.
    """

    hub: Hub
    access: Access
    clock: Clock
    cookie: Callable[[WebSocket], str | None]
    origins: Callable[[WebSocket], Collection[str]]
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)


def routes(door: Callable[[WebSocket], Door]) -> list[WebSocketRoute]:
    """The two paths. `door` finds the Door at each connection, since the hub starts after the routes are made."""

    async def one_document(websocket: WebSocket) -> None:
        connection = _Connection(websocket, door(websocket))
        await connection.serve(_OneDocument(connection, websocket.path_params["document_id"]))

    async def many_documents(websocket: WebSocket) -> None:
        connection = _Connection(websocket, door(websocket))
        await connection.serve(_ManyDocuments(connection))

    return [
        WebSocketRoute("/collab/{document_id}", one_document, name="collab_document"),
        WebSocketRoute("/collab", many_documents, name="collab"),
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Seat:
    """One document on a connection, and what admitted the peer to it."""

    room: Room
    peer: Peer
    credentials: Credentials


class _Dialect(Protocol):
    async def begin(self) -> None:
        """Do what comes before the first message. Raises Refused."""
        ...

    async def take(self, data: bytes) -> None:
        """Take one frame. Raises Refused, MalformedFrame."""
        ...

    def leave(self, key: str, why: Close) -> None:
        """The hub ends the stay in one document."""
        ...


class _Connection:
    """One socket, from handshake to close: reads with a rate, writes with patience, ends with a code."""

    def __init__(self, websocket: WebSocket, door: Door) -> None:
        self.door = door
        self.seats: dict[str, _Seat] = {}
        self._websocket = websocket
        self._wake = asyncio.Event()
        self._outbox = Outbox(limit_bytes=door.limits.outbox_bytes, wake=self._wake.set)
        self._ended: asyncio.Future[Close] = asyncio.get_running_loop().create_future()
        limits, now = door.limits, door.clock.now()
        self._messages = Allowance(limits.messages_per_second, limits.messages_burst, now)
        self._work = Allowance(limits.work_per_second, limits.work_burst, now)

    async def serve(self, dialect: _Dialect) -> None:
        """Serve the socket until it ends."""
        await self._websocket.accept()
        tasks = {
            asyncio.create_task(self._read(dialect), name="read"),
            asyncio.create_task(self._write(), name="write"),
            asyncio.create_task(self._recheck(dialect), name="recheck"),
        }
        ends: set[asyncio.Future[Close] | asyncio.Task[Close | None]] = {*tasks, self._ended}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for seat in self.seats.values():
                self.door.hub.part(seat.room, seat.peer)
            results = await asyncio.gather(*tasks, return_exceptions=True)
        why = self._ended.result() if self._ended.done() else next((r for r in results if isinstance(r, Close)), None)
        for result in results:
            if isinstance(result, Exception):
                raise result
        if why is not None:
            await self._say_goodbye(why)

    def end(self, why: Close) -> None:
        """End the connection."""
        if not self._ended.done():
            self._ended.set_result(why)

    def put(self, frame: bytes) -> None:
        """Queue a frame for the socket."""
        self._outbox.put(frame)

    async def enter(
        self, key: str, document_id: str, *, bearer: str | None, epoch: str | None, dialect: _Dialect, prefix: bytes
    ) -> _Seat:
        """Admit the connection to a document and take a seat. Raises Refused."""
        if len(self.seats) >= self.door.limits.documents:
            raise Refused(close.TOO_MANY_MESSAGES)
        # Before the database is asked, and in the one form in which rooms are keyed.
        known = _canonical(document_id)
        # A browser always names the page's origin; a cookie without one did not come from a page.
        cookie = self.door.cookie(self._websocket) if "origin" in self._websocket.headers else None
        credentials = Credentials(cookie=cookie, bearer=bearer or self._bearer())
        admission = await self.door.access.admit(known, credentials)
        if epoch is not None and epoch != admission.epoch:
            raise Refused(close.OTHER_LINEAGE)
        peer = Peer(
            outbox=self._outbox,
            user=admission.user,
            may_write=admission.may_write,
            prefix=prefix,
            acknowledged=bool(prefix),
        )
        room = await self.door.hub.join(known, peer, send_away=lambda why: dialect.leave(key, why))
        seat = _Seat(room, peer, credentials)
        if room.epoch != admission.epoch:
            self.door.hub.part(room, peer)
            raise Refused(close.TRY_LATER)
        self.seats[key] = seat
        return seat

    def give_up(self, key: str) -> None:
        """Leave one document and keep the connection."""
        seat = self.seats.pop(key, None)
        if seat is not None:
            self.door.hub.part(seat.room, seat.peer)
            self._outbox.forget(seat.peer.prefix)

    async def receive(self, seat: _Seat, message: wire.Message) -> None:
        """Hand a message to the hub. Raises Refused, MalformedFrame."""
        reach = None
        if isinstance(message, wire.Update) and len(message.update) > _LARGE_UPDATE_BYTES:
            reach = await asyncio.to_thread(read_reach, message.update)
        self.door.hub.receive(seat.room, seat.peer, message, reach=reach)

    async def _read(self, dialect: _Dialect) -> Close | None:
        """Read until the peer goes, which gives None, or is refused, which gives the reason."""
        try:
            self._check_origin()
            await dialect.begin()
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return None
                data = message.get("bytes")
                if data is None:
                    return close.TEXT_FRAME
                if len(data) > self.door.limits.frame_bytes:
                    return close.TOO_BIG
                if self._messages.spend(1, self.door.clock.now()):
                    return close.TOO_MANY_MESSAGES
                await dialect.take(data)
                await self._rest(len(data))
        except Refused as refusal:
            return refusal.close
        except wire.UnknownMessage:
            return close.UNKNOWN_MESSAGE
        except ValueError:
            # A frame that we cannot read, or one that the CRDT core cannot: it reads state vectors more strictly.
            return close.MALFORMED
        except WebSocketDisconnect:
            return None

    async def _write(self) -> Close | None:
        """Write what the outbox holds; say something before the peer thinks the line dead."""
        limits = self.door.limits
        try:
            while True:
                try:
                    async with asyncio.timeout(limits.keepalive_seconds):
                        await self._wake.wait()
                except TimeoutError:
                    self._keep_alive()
                    continue
                self._wake.clear()
                async with asyncio.timeout(limits.send_seconds):
                    for frame in self._outbox.take():
                        await self._websocket.send_bytes(frame)
                if self._outbox.behind:
                    self._outbox.behind = False
                    for seat in self.seats.values():
                        seat.room.resync(seat.peer)
        except TimeoutError:
            return close.TOO_SLOW
        except (WebSocketDisconnect, RuntimeError):
            # Starlette says RuntimeError for a send after the peer's close was seen.
            return None

    async def _recheck(self, dialect: _Dialect) -> Close | None:
        """Ask again, now and then, whether the peer may be here: sessions end and tokens are revoked."""
        while True:
            await asyncio.sleep(self.door.limits.recheck_seconds)
            for key, seat in list(self.seats.items()):
                try:
                    admission = await self.door.access.admit(seat.room.document_id, seat.credentials)
                except Refused as refusal:
                    # What passes, such as a database that is away, is no reason to send somebody away.
                    if not refusal.close.come_back:
                        self.door.hub.part(seat.room, seat.peer)
                        dialect.leave(key, refusal.close)
                else:
                    seat.peer.may_write = admission.may_write

    def _keep_alive(self) -> None:
        for seat in self.seats.values():
            seat.peer.put(wire.NO_AWARENESS)
            return

    async def _say_goodbye(self, why: Close) -> None:
        self.door.hub.counts.refusals[why.code] += 1
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                # What was queued before the end, a refusal among it, still goes out if the peer takes it.
                if why is not close.TOO_SLOW:
                    for frame in self._outbox.take():
                        await self._websocket.send_bytes(frame)
                await self._websocket.close(why.code, why.reason)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return

    def _check_origin(self) -> None:
        origin = self._websocket.headers.get("origin")
        if origin is not None and origin.lower() not in self.door.origins(self._websocket):
            raise Refused(close.FOREIGN_ORIGIN)

    def _bearer(self) -> str | None:
        scheme, _, token = self._websocket.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    async def _rest(self, sent_bytes: int) -> None:
        """Read no further until the work that this peer has caused is paid for."""
        caused = sent_bytes
        for seat in self.seats.values():
            caused += seat.peer.caused
            seat.peer.caused = 0
        seconds = self._work.spend(caused, self.door.clock.now())
        if seconds:
            await asyncio.sleep(seconds)


class _OneDocument:
    """The y-websocket dialect: the path names the document, the handshake says who comes."""

    def __init__(self, connection: _Connection, document_id: str) -> None:
        self._connection = connection
        self._document_id = document_id

    async def begin(self) -> None:
        """See _Dialect."""
        query = self._connection._websocket.query_params  # noqa: SLF001 - the two are one module's
        await self._connection.enter(
            "",
            self._document_id,
            bearer=query.get("token"),
            epoch=query.get("epoch"),
            dialect=self,
            prefix=b"",
        )

    async def take(self, data: bytes) -> None:
        """See _Dialect."""
        seat = self._connection.seats.get("")
        if seat is not None:
            await self._connection.receive(seat, wire.decode(data))

    def leave(self, key: str, why: Close) -> None:
        """See _Dialect."""
        self._connection.seats.pop(key, None)
        self._connection.end(why)


class _ManyDocuments:
    """The Hocuspocus dialect: each document begins with a token message; the answers carry its routing key."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._refused: set[str] = set()

    async def begin(self) -> None:
        """See _Dialect."""
        limit = self._connection.door.limits.authentication_seconds
        asyncio.get_running_loop().call_later(limit, self._end_if_nobody)

    async def take(self, data: bytes) -> None:
        """See _Dialect."""
        frame = wire.decode_multiplexed(data)
        if isinstance(frame, wire.Pong):
            return
        key, message = frame
        seat = self._connection.seats.get(key)
        if isinstance(message, wire.Token):
            # A token on a seat that is taken renews nothing yet: what counts was checked at the door.
            if seat is None:
                await self._enter(key, message.token)
        elif isinstance(message, wire.Detach):
            self._connection.give_up(key)
        elif seat is not None:
            await self._receive(key, seat, message)
        elif key not in self._refused:
            raise Refused(close.UNAUTHENTICATED)

    def leave(self, key: str, why: Close) -> None:
        """See _Dialect."""
        seat = self._connection.seats.pop(key, None)
        if seat is None:
            return
        if self._connection.seats:
            self._refused.add(key)
            seat.peer.put(wire.detached(str(why)))
        else:
            self._connection.end(why)

    async def _enter(self, key: str, token: str) -> None:
        document_id, _, _ = key.partition("\0")
        bearer, epoch = _read_token(token)
        prefix = wire.routing_prefix(key)
        try:
            seat = await self._connection.enter(
                key, document_id, bearer=bearer, epoch=epoch, dialect=self, prefix=prefix
            )
        except Refused as refusal:
            if len(self._refused) >= self._connection.door.limits.documents:
                raise
            self._refused.add(key)
            self._connection.put(prefix + wire.permission_denied(str(refusal.close)))
        else:
            self._refused.discard(key)
            seat.peer.put(wire.authenticated(may_write=seat.peer.may_write))

    async def _receive(self, key: str, seat: _Seat, message: wire.Message) -> None:
        try:
            await self._connection.receive(seat, message)
        except Refused as refusal:
            # A socket with other documents on it lives on; alone, it ends with the code, which every client sees.
            self._connection.door.hub.part(seat.room, seat.peer)
            self.leave(key, refusal.close)

    def _end_if_nobody(self) -> None:
        if not self._connection.seats:
            self._connection.end(close.AUTH_TIMEOUT)


def _canonical(document_id: str) -> DocumentId:
    try:
        return DocumentId(str(UUID(document_id)))
    except ValueError:
        raise Refused(close.NOT_FOUND) from None


def _read_token(token: str) -> tuple[str | None, str | None]:
    """Read `[bearer][;epoch=uuid]`. Source: docs/protocol.md, "Authentication"."""
    bearer, _, rest = token.partition(";")
    epoch = rest.removeprefix("epoch=") if rest.startswith("epoch=") else None
    return bearer or None, epoch

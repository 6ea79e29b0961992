"""The two ways in which Yjs clients talk: y-websocket, one document a socket, and Hocuspocus, many.

Both are thin: they find out who is there, read messages strictly, and hand them to the document's seat.
Source: docs/protocol.md, "Messages" and "Authentication".
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from realtime import close, wire
from realtime.audience import Peer
from realtime.close import Close, Refused
from realtime.ports import Credentials
from realtime.room import Room

Slow = Coroutine[Any, Any, None]
"""What takes time; the socket is not read until it is done."""


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """One document on a connection, and what admitted the peer to it."""

    room: Room
    peer: Peer
    credentials: Credentials


class Connection(Protocol):
    """What a dialect needs of its socket."""

    seats: dict[str, Seat]

    def put(self, message: bytes) -> None:
        """Queue a message."""
        ...

    def end(self, why: Close) -> None:
        """Say why and close."""
        ...

    def part(self, seat: Seat) -> None:
        """Leave one document and keep the connection."""
        ...

    async def enter(self, key: str, document_id: str, *, bearer: str | None, epoch: str | None, prefix: bytes) -> Seat:
        """Take a seat in a document. Raises Refused."""
        ...

    def receive(self, seat: Seat, message: wire.Message) -> Slow | None:
        """Hand a message to the document. Raises Refused, MalformedFrame, at once or when it is awaited."""
        ...

    def most_documents(self) -> int:
        """How many documents one connection may have."""
        ...


class Dialect(Protocol):
    """How one socket talks."""

    def begin(self) -> Slow | None:
        """Do what comes before the first message."""
        ...

    def take(self, data: bytes) -> Slow | None:
        """Take one message. Raises Refused, MalformedFrame, at once or when what is returned is awaited."""
        ...

    def leave(self, key: str, why: Close) -> None:
        """The hub ends the stay in one document."""
        ...

    def tell_rights(self, seat: Seat) -> None:
        """Say what the peer may do from now on, if the dialect has words for it."""
        ...


class OneDocument:
    """The y-websocket dialect: the path names the document, the handshake says who comes."""

    __slots__ = ("_bearer", "_connection", "_document_id", "_epoch", "_seat")

    def __init__(self, connection: Connection, document_id: str, *, bearer: str | None, epoch: str | None) -> None:
        self._connection = connection
        self._document_id = document_id
        self._bearer = bearer
        self._epoch = epoch
        self._seat: Seat | None = None

    def begin(self) -> Slow:
        """See Dialect."""
        return self._enter()

    async def _enter(self) -> None:
        self._seat = await self._connection.enter(
            "", self._document_id, bearer=self._bearer, epoch=self._epoch, prefix=b""
        )

    def take(self, data: bytes) -> Slow | None:
        """See Dialect."""
        if self._seat is None:
            return None
        return self._connection.receive(self._seat, wire.decode(data))

    def leave(self, key: str, why: Close) -> None:
        """See Dialect."""
        self._connection.seats.pop(key, None)
        self._connection.end(why)

    def tell_rights(self, seat: Seat) -> None:
        """See Dialect. This one has no words for it."""


class ManyDocuments:
    """The Hocuspocus dialect: each document begins with a token message; the answers carry its routing key."""

    __slots__ = ("_connection", "_refused")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._refused: set[str] = set()

    def begin(self) -> None:
        """See Dialect."""

    def take(self, data: bytes) -> Slow | None:
        """See Dialect."""
        message = wire.decode_multiplexed(data)
        if isinstance(message, wire.Pong):
            return None
        key, inner = message
        seat = self._connection.seats.get(key)
        if isinstance(inner, wire.Token):
            # A token on a seat that is taken renews nothing yet: what counts was checked at the door.
            return self._enter(key, inner.token) if seat is None else None
        if isinstance(inner, wire.Detach):
            if seat is not None:
                del self._connection.seats[key]
                self._connection.part(seat)
        elif seat is not None:
            return self._receive(key, seat, inner)
        elif key not in self._refused:
            raise Refused(close.UNAUTHENTICATED)
        return None

    def leave(self, key: str, why: Close) -> None:
        """See Dialect."""
        seat = self._connection.seats.pop(key, None)
        if seat is None:
            return
        if self._connection.seats and len(self._refused) < self._connection.most_documents():
            self._refused.add(key)
            seat.peer.put(wire.detached(str(why)))
        else:
            # Alone, it ends with the code, which every client sees.
            self._connection.end(why)

    def tell_rights(self, seat: Seat) -> None:
        """See Dialect."""
        seat.peer.put(wire.authenticated(seat.peer.rights))

    async def _enter(self, key: str, token: str) -> None:
        document_id, _, _ = key.partition("\0")
        bearer, epoch = _read_token(token)
        prefix = wire.routing_prefix(key)
        try:
            seat = await self._connection.enter(key, document_id, bearer=bearer, epoch=epoch, prefix=prefix)
        except Refused as refusal:
            if len(self._refused) >= self._connection.most_documents():
                raise
            self._refused.add(key)
            self._connection.put(prefix + wire.permission_denied(str(refusal.close)))
        else:
            self._refused.discard(key)
            self.tell_rights(seat)

    def _receive(self, key: str, seat: Seat, message: wire.Message) -> Slow | None:
        try:
            slow = self._connection.receive(seat, message)
        except Refused as refusal:
            self._refuse(key, seat, refusal)
            return None
        return None if slow is None else self._wait(key, seat, slow)

    async def _wait(self, key: str, seat: Seat, slow: Slow) -> None:
        try:
            await slow
        except Refused as refusal:
            self._refuse(key, seat, refusal)

    def _refuse(self, key: str, seat: Seat, refusal: Refused) -> None:
        if self._connection.seats.get(key) is seat:
            self._connection.part(seat)
            self.leave(key, refusal.close)


def _read_token(token: str) -> tuple[str | None, str | None]:
    """Read `[bearer][;epoch=uuid]`. Source: docs/protocol.md, "Authentication"."""
    bearer, _, rest = token.partition(";")
    epoch = rest.removeprefix("epoch=") if rest.startswith("epoch=") else None
    return bearer or None, epoch

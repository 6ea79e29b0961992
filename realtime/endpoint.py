"""Where sockets come in: every connection of this process, from its handshake on.

Looks at all of them now and then, asks anew who may be here, and sends everybody away at the end. What one connection
does is in `connection`.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from starlette.requests import HTTPConnection

from realtime import close, websocket
from realtime.connection import CLOSE_SECONDS, PATH, Desk, Socket
from realtime.dialects import Seat
from realtime.door import Door, Doorway
from realtime.ending import end
from realtime.ports import DocumentId
from realtime.share import Shares
from realtime.websocket import BadHandshake

_CONNECTIONS_AT_ONCE = 500
_RECHECKS_AT_ONCE = 200


class Endpoint:
    """All connections of this process. An async context manager; leaving it sends everybody away."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.connections: set[Socket] = set()
        limits = door.limits
        shares = Shares(
            rate=limits.person_work_per_second,
            burst=limits.person_work_burst,
            limit_bytes=limits.person_outbox_bytes,
        )
        self._desk = Desk(door, Doorway(door), shares, opened=self.connections.add, gone=self._forget)
        self._tasks = asyncio.TaskGroup()
        self._loops: list[asyncio.Task[None]] = []
        # Set when the last connection is gone; made when somebody waits for that.
        self._empty: asyncio.Event | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loops = [
            self._tasks.create_task(self._beat(), name="beat"),
            self._tasks.create_task(self._recheck_all(), name="recheck"),
        ]
        self.door.hub.on_access_changed = self._recheck_document
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.door.hub.on_access_changed = lambda _: None
        await end(self._loops)
        for socket in list(self.connections):
            socket.end(close.RESTARTING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._emptied()
        await self._tasks.__aexit__(kind, error, trace)

    def take(self, request: HTTPConnection) -> Socket | None:
        """Take a handshake's connection, or leave it to others: None for a path that is not ours.

        Raises BadHandshake.
        """
        path = request.scope["path"]
        if path != PATH and not path.startswith(PATH + "/"):
            return None
        lines = request.scope["headers"]
        if sum(name == b"host" for name, _ in lines) != 1:
            raise BadHandshake("400 Bad Request", "A request names its host, once.")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in lines}
        return Socket(self._desk, request, headers, websocket.handshake(request.scope["method"], headers))

    def _forget(self, socket: Socket) -> None:
        self.connections.discard(socket)
        if not self.connections and self._empty is not None:
            self._empty.set()

    async def _emptied(self) -> None:
        self._empty = asyncio.Event()
        if self.connections:
            await self._empty.wait()

    async def _beat(self) -> None:
        """Look at every connection now and then: who is silent, who does not read, who never signed in."""
        seconds = self.door.limits.beat_seconds
        while True:
            await asyncio.sleep(seconds)
            self._desk.shares.sweep(self.door.clock.now())
            for number, socket in enumerate(list(self.connections)):
                socket.beat(seconds)
                if number % _CONNECTIONS_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _recheck_all(self) -> None:
        """Ask again, now and then, whether each peer may be here: sessions end and tokens are revoked."""
        while True:
            await asyncio.sleep(self.door.limits.recheck_seconds)
            await _recheck(
                [(socket, key, seat) for socket in list(self.connections) for key, seat in list(socket.seats.items())]
            )

    def _recheck_document(self, document_id: DocumentId) -> None:
        self._desk.doorway.outdate(document_id)
        if self.door.hub.room_of(document_id) is None:
            return
        seats = [
            (socket, key, seat)
            for socket in list(self.connections)
            for key, seat in list(socket.seats.items())
            if seat.room.document_id == document_id
        ]
        if seats:
            self._tasks.create_task(_recheck(seats), name="recheck document")


async def _recheck(seats: Sequence[tuple[Socket, str, Seat]]) -> None:
    # Many at once, so that the host can ask its database about them together.
    for start in range(0, len(seats), _RECHECKS_AT_ONCE):
        some = seats[start : start + _RECHECKS_AT_ONCE]
        await asyncio.gather(*(socket.recheck(key, seat) for socket, key, seat in some))

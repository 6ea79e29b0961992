"""A Python peer in the y-websocket dialect: for tests, bots and exports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from pycrdt import Doc, TransactionEvent
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime import wire

_SYNC_SECONDS = 10.0
_LARGEST_FRAME_BYTES = 128 * 1024 * 1024


class Client:
    """A document kept in step with a server while the connection is open.

    Change `doc` as you like; what changes is sent. `closed` holds the close code once the server has ended it.
    """

    def __init__(self, socket: ClientConnection, doc: "Doc[Any]") -> None:
        self.doc = doc
        self.synced = asyncio.Event()
        self.closed: int | None = None
        self.presence: list[bytes] = []
        self._socket = socket
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._receiving = False
        self._changed = asyncio.Event()

    async def wait_for(self, condition: Callable[["Doc[Any]"], bool], *, seconds: float = _SYNC_SECONDS) -> None:
        """Wait until `condition` holds of the document. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition(self.doc):
                self._changed.clear()
                await self._changed.wait()

    async def send(self, frame: bytes) -> None:
        """Send a frame as it is."""
        await self._socket.send(frame)

    async def run(self) -> None:
        """Sync until the connection ends."""
        subscription = self.doc.observe(self._note)
        sender = asyncio.create_task(self._send())
        try:
            await self._socket.send(wire.sync_step_1(self.doc.get_state()))
            async for frame in self._socket:
                if isinstance(frame, bytes):
                    await self._take(frame)
        except ConnectionClosed:
            pass
        finally:
            self.closed = self._socket.close_code
            sender.cancel()
            self.doc.unobserve(subscription)
            self._changed.set()

    async def _send(self) -> None:
        while True:
            await self._socket.send(await self._outgoing.get())

    def _note(self, event: TransactionEvent) -> None:
        if not self._receiving:
            self._outgoing.put_nowait(wire.sync_update(event.update))
        self._changed.set()

    async def _take(self, frame: bytes) -> None:
        message = wire.decode(frame)
        match message:
            case wire.SyncStep1(state_vector):
                await self._socket.send(wire.sync_step_2(self.doc.get_update(state_vector)))
            case wire.Update(update, answer=answer):
                self._receiving = True
                try:
                    self.doc.apply_update(update)
                finally:
                    self._receiving = False
                if answer:
                    self.synced.set()
            case wire.AwarenessUpdate(payload):
                self.presence.append(payload)
            case _:
                pass


@asynccontextmanager
async def join(
    url: str, *, token: str | None = None, doc: "Doc[Any] | None" = None, wait: bool = True
) -> AsyncIterator[Client]:
    """Connect to `ws://host/collab/<document id>` and stay in step until the context ends.

    `wait`: return only after the first sync. Raises TimeoutError if it does not come.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with connect(url, additional_headers=headers, max_size=_LARGEST_FRAME_BYTES) as socket:
        client = Client(socket, doc if doc is not None else Doc())
        running = asyncio.create_task(client.run())
        try:
            if wait:
                async with asyncio.timeout(_SYNC_SECONDS):
                    await client.synced.wait()
            yield client
        finally:
            await socket.close()
            await running

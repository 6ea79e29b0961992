"""Clients of the benchmark: real Yjs updates, schedules that do not wait for the server, latency from the schedule."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any

from pycrdt import Doc, Text, TransactionEvent
from websockets.asyncio.client import ClientConnection, connect

from realtime import wire

# Each edit inserts a mark; a receiver finds it in the bytes of whatever frame brings it.
_MARK = re.compile(rb"@[0-9a-f]{8}")
_LARGEST_FRAME_BYTES = 256 * 1024 * 1024
_DRAIN_SECONDS = 10


@dataclass(slots=True)
class Result:
    """What one run of edits came to. Latencies in seconds."""

    sent: int = 0
    delivered: int = 0
    expected: int = 0
    latencies: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The latency in milliseconds below which `share` of the deliveries lie."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else float("nan")


class Typing:
    """`clients` in each of `documents`, each typing `rate` marks a second for `seconds`."""

    def __init__(self, socket_address: str, token: str, *, clients: int, rate: float, seconds: float) -> None:
        self._address = socket_address
        self._headers = {"Authorization": f"Bearer {token}"}
        self._clients = clients
        self._rate = rate
        self._seconds = seconds
        self._due: dict[bytes, tuple[float, ClientConnection]] = {}
        self._result = Result()
        self._number = 0

    async def run(self, documents: list[str]) -> Result:
        """Connect everybody, type, wait for the last delivery."""
        sockets = [await self._join(document) for document in documents for _ in range(self._clients)]
        readers = [asyncio.create_task(self._read(socket)) for socket in sockets]
        interval = 1 / self._rate
        start = time.perf_counter() + 0.2
        writers = [
            self._type(socket, start + interval * place / len(sockets), interval)
            for place, socket in enumerate(sockets)
        ]
        await asyncio.gather(*writers)
        self._result.expected = self._result.sent * (self._clients - 1)
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while self._result.delivered < self._result.expected:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pass
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*(socket.close() for socket in sockets))
        return self._result

    async def _join(self, document: str) -> ClientConnection:
        socket = await connect(
            f"{self._address}/collab/{document}",
            additional_headers=self._headers,
            max_size=_LARGEST_FRAME_BYTES,
            compression=None,
        )
        await socket.send(wire.sync_step_1(b"\x00"))
        await socket.recv()
        return socket

    async def _type(self, socket: ClientConnection, first: float, interval: float) -> None:
        doc: Doc[Any] = Doc()
        text = doc.get("bench", type=Text)
        updates: list[bytes] = []

        def keep(event: TransactionEvent) -> None:
            updates.append(event.update)

        subscription = doc.observe(keep)
        for place in range(int(self._seconds / interval)):
            due = first + place * interval
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            mark = b"@%08x" % self._number
            self._number += 1
            self._due[mark] = (due, socket)
            text += mark.decode()
            await socket.send(wire.sync_update(updates.pop()))
            self._result.sent += 1
        doc.unobserve(subscription)

    async def _read(self, socket: ClientConnection) -> None:
        seen: set[bytes] = set()
        async for frame in socket:
            now = time.perf_counter()
            if not isinstance(frame, bytes) or frame[:2] != b"\x00\x02":
                continue
            for mark in _MARK.findall(frame):
                due, sender = self._due.get(mark, (0.0, socket))
                # A flush of several people's edits comes back to each of them; one's own is no delivery.
                if sender is not socket and mark not in seen:
                    seen.add(mark)
                    self._result.delivered += 1
                    self._result.latencies.append(now - due)


async def open_cold(socket_address: str, token: str, document: str, *, clients: int) -> list[float]:
    """Let clients open one document at once. Returns the seconds from connecting to the whole text, of each."""

    async def one() -> float:
        start = time.perf_counter()
        async with connect(
            f"{socket_address}/collab/{document}",
            additional_headers={"Authorization": f"Bearer {token}"},
            max_size=_LARGEST_FRAME_BYTES,
            compression=None,
        ) as socket:
            await socket.send(wire.sync_step_1(b"\x00"))
            while True:
                frame = await socket.recv()
                if isinstance(frame, bytes) and frame[:2] == b"\x00\x01":
                    return time.perf_counter() - start

    return sorted(await asyncio.gather(*(one() for _ in range(clients))))

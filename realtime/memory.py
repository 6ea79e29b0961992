"""Ports in memory: the doubles of the core's own tests. They keep the promises that the real ones keep."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from realtime.ports import (
    Append,
    BusMessage,
    DocumentId,
    Epoch,
    LogUnavailable,
    Missed,
    Stored,
)

# A listener that falls so far behind is told that it missed something, as Redis would cut it off.
_MOST_WAITING = 10_000


@dataclass(slots=True)
class _Lineage:
    epoch: Epoch
    updates: list[bytes] = field(default_factory=list)
    folded: bytes | None = None
    folded_to: int = 0


class MemoryLog:
    """An UpdateLog that lasts as long as the object.

    `away`: while set, every call raises LogUnavailable. `hold`: an append waits for it, then writes.
    """

    def __init__(self) -> None:
        self._documents: dict[DocumentId, _Lineage] = {}
        self.away = False
        self.hold: asyncio.Event | None = None
        self.appends = 0

    def create(self, document_id: DocumentId, update: bytes) -> Epoch:
        """Seed a document with its first update."""
        epoch = Epoch(str(uuid4()))
        self._documents[document_id] = _Lineage(epoch, [update])
        return epoch

    def fold(self, document_id: DocumentId, state: bytes, seq: int) -> None:
        """Replace all up to place `seq` by a snapshot."""
        lineage = self._documents[document_id]
        lineage.folded, lineage.folded_to = state, seq

    async def load(self, document_id: DocumentId) -> Stored | None:
        """See UpdateLog."""
        return await self.since(document_id, 0)

    async def append(self, entries: Sequence[Append]) -> list[int | None]:
        """See UpdateLog."""
        if self.hold is not None:
            await self.hold.wait()
        self._check()
        self.appends += 1
        places: list[int | None] = []
        for entry in entries:
            lineage = self._documents.get(entry.document_id)
            if lineage is None or lineage.epoch != entry.epoch:
                places.append(None)
                continue
            lineage.updates.append(entry.update)
            places.append(len(lineage.updates))
        return places

    async def since(self, document_id: DocumentId, seq: int) -> Stored | None:
        """See UpdateLog."""
        self._check()
        lineage = self._documents.get(document_id)
        if lineage is None:
            return None
        updates: list[bytes] = []
        if lineage.folded is not None and seq < lineage.folded_to:
            updates, seq = [lineage.folded], lineage.folded_to
        updates += lineage.updates[seq:]
        return Stored(epoch=lineage.epoch, seq=len(lineage.updates), updates=updates)

    def _check(self) -> None:
        if self.away:
            raise LogUnavailable


class MemoryBus:
    """The buses of several hubs in one process: `MemoryBus()` is the wire, `node()` one end of it."""

    def __init__(self) -> None:
        self._nodes: list[MemoryBusNode] = []

    def node(self) -> "MemoryBusNode":
        """An end of the wire: the Bus of one hub."""
        node = MemoryBusNode(self._nodes)
        self._nodes.append(node)
        return node


class MemoryBusNode:
    """A Bus. `cut`: while set, messages to it are lost; `mend` says so to its listener."""

    def __init__(self, nodes: "list[MemoryBusNode]") -> None:
        self._nodes = nodes
        self._watched: set[DocumentId] = set()
        self._arrived: asyncio.Queue[BusMessage | Missed] = asyncio.Queue(_MOST_WAITING)
        self.cut = False

    def is_alone(self) -> bool:
        """See Bus."""
        return len(self._nodes) == 1

    async def publish(self, messages: Sequence[BusMessage]) -> None:
        """See Bus."""
        if self.cut:
            return
        for node in self._nodes:
            if node is not self and not node.cut:
                for message in messages:
                    if message.document_id in node._watched:  # noqa: SLF001 - the ends of one wire
                        node._arrived.put_nowait(message)  # noqa: SLF001

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[BusMessage | Missed]]:
        """See Bus."""

        async def messages() -> AsyncIterator[BusMessage | Missed]:
            while True:
                yield await self._arrived.get()

        yield messages()

    async def watch(self, document_id: DocumentId) -> None:
        """See Bus."""
        self._watched.add(document_id)

    async def unwatch(self, document_id: DocumentId) -> None:
        """See Bus."""
        self._watched.discard(document_id)

    def mend(self) -> None:
        """Join the wire again."""
        self.cut = False
        self._arrived.put_nowait(Missed())

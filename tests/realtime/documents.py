"""Yjs documents and their updates, as clients make them."""

from typing import Any
from uuid import uuid4

from pycrdt import Doc, Text, TransactionEvent

from realtime import websocket, wire
from realtime.audience import Peer
from realtime.outbox import Outbox
from realtime.ports import DocumentId, Epoch, Rights, Stored
from realtime.room import Flush, Limits, Room
from realtime.wire import write_var_uint

EMPTY_UPDATE = b"\x00\x00"


class Author:
    """A client with a text, that keeps every update it makes."""

    def __init__(self, start: bytes | None = None) -> None:
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("text", type=Text)
        if start is not None:
            self.doc.apply_update(start)
        self.updates: list[bytes] = []
        self._subscription = self.doc.observe(self._keep)

    def _keep(self, event: TransactionEvent) -> None:
        self.updates.append(event.update)

    def write(self, words: str, at: int | None = None) -> bytes:
        """Insert words before character `at`. Returns the update."""
        self.text.insert(self._offset(at), words)
        return self.updates[-1]

    def delete(self, start: int, stop: int) -> bytes:
        """Delete characters. Returns the update."""
        del self.text[self._offset(start) : self._offset(stop)]
        return self.updates[-1]

    def _offset(self, character: int | None) -> int:
        # The core counts in bytes of UTF-8, and an offset inside a character writes an empty struct.
        return len(str(self.text)[:character].encode())

    def hear(self, update: bytes) -> None:
        """Take what another has written."""
        self.doc.apply_update(update)


def text_of(state: bytes) -> str:
    """The text in a whole state."""
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    return str(doc.get("text", type=Text))


def seed(words: str = "seed ") -> bytes:
    """The first update of a document."""
    author = Author()
    return author.write(words)


def room(start: bytes | None = None, limits: Limits | None = None) -> Room:
    """A room of a document that begins with `start`."""
    stored = Stored(epoch=Epoch(str(uuid4())), seq=1, updates=[start or seed()])
    return Room(DocumentId(str(uuid4())), stored, limits or Limits())


def peer(*, may_write: bool = True, prefix: bytes = b"", acknowledged: bool = False, limit_bytes: int = 2**20) -> Peer:
    """A peer with an outbox that nobody empties."""
    return Peer(
        outbox=Outbox(limit_bytes=limit_bytes, wake=lambda: None),
        user={"id": "1", "name": "Ada", "colour": 3},
        rights=Rights.WRITE if may_write else Rights.READ,
        prefix=prefix,
        acknowledged=acknowledged,
    )


def sent(outbox: Outbox) -> list[bytes]:
    """Take what waits in an outbox: the messages out of their frames."""
    messages = []
    data = b"".join(outbox.take())
    while data:
        head = {126: 4, 127: 10}.get(data[1], 2)
        end = head + (int.from_bytes(data[2:head]) if head > 2 else data[1])
        frame, data = data[:end], data[end:]
        assert websocket.frame(frame[head:]) == frame
        messages.append(frame[head:])
    return messages


def flush(room_: Room) -> Flush:
    """Flush, commit and relay at once."""
    flushed = room_.begin_flush()
    room_.saved(len(flushed.update))
    room_.acknowledge(flushed.senders)
    room_.relay(flushed)
    return flushed


def updates_for(reader: Peer) -> list[bytes]:
    """Take what waits for a peer: the updates in it."""
    return [m.update for m in map(wire.decode, sent(reader.outbox)) if isinstance(m, wire.Update)]


def nested_arrays(levels: int, *, client: int = 5, clock: int = 0) -> bytes:
    """An update of arrays, each in the one before; the first in a root, or in the struct before `clock`."""
    first = b"\x07\x01\x04root\x00" if clock == 0 else b"\x07\x00" + _id(client, clock - 1) + b"\x00"
    inner = b"".join(b"\x07\x00" + _id(client, clock + level) + b"\x00" for level in range(levels - 1))
    return b"\x01" + write_var_uint(levels) + _id(client, clock) + first + inner + b"\x00"


def inside_a_string() -> bytes:
    """An update that puts a text into the character of a string, which the core fails on while it applies it."""
    return b"\x01\x02\x05\x00" + b"\x04\x01\x04text\x03abc" + b"\x04\x00\x05\x01\x01x" + b"\x00"


def in_turns(count: int) -> bytes:
    """An update of two clients, 5 and 6, each of whose letters stands behind the other's last."""
    letters: dict[int, list[bytes]] = {5: [], 6: []}
    place = b""
    for number in range(count):
        client = 5 + number % 2
        letters[client].append((b"\x84" + place if place else b"\x04\x01\x04text") + b"\x01a")
        place = _id(client, number // 2)
    return (
        b"\x02"
        + b"".join(write_var_uint(len(its)) + _id(client, 0) + b"".join(its) for client, its in letters.items())
        + b"\x00"
    )


def behind_each(count: int, *, of: int, by: int = 2**30) -> bytes:
    """An update of so many clients, each with a letter behind another of the first `of` letters of client 5."""
    letters = [b"\x01" + _id(by + number, 0) + b"\x84" + _id(5, number % of) + b"\x01x" for number in range(count)]
    return write_var_uint(count) + b"".join(letters) + b"\x00"


def far_apart(count: int, first: tuple[int, int], last: tuple[int, int], *, by: int = 9) -> bytes:
    """An update of one client whose structs all name the same two neighbours; bare deletions, which are smallest."""
    struct = b"\xc1" + _id(*first) + _id(*last) + b"\x01"
    return b"\x01" + write_var_uint(count) + _id(by, 0) + struct * count + b"\x00"


def _id(client: int, clock: int) -> bytes:
    return write_var_uint(client) + write_var_uint(clock)

"""Presence: who is here, where their caret is. Clocks, states, owners and expiry; no I/O and no clock of its own.

A client states its presence as JSON under a clock that it raises with each change. What it says about others is
ignored: Yjs clients echo what they hear, and a hostile one would speak for somebody else. The field `user` is
overwritten with who the peer is, so that a caret never carries another's name.
Source: docs/protocol.md, "Presence"; y-protocols/awareness.
"""

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from realtime.wire import (
    MalformedFrame,
    read_var_string,
    read_var_uint,
    write_var_string,
    write_var_uint,
)

LARGEST_STATE_BYTES = 8 * 1024
# A page is one client; a few more are forgiven, as when a provider is rebuilt on a living socket.
MOST_CLIENTS_OF_A_PEER = 4
_MOST_ENTRIES = 1024
GONE = "null"
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of one client: `state` is JSON text, or GONE."""

    client: int
    clock: int
    state: str

    def encode(self) -> bytes:
        """The entry as it stands in an awareness update."""
        return write_var_uint(self.client) + write_var_uint(self.clock) + write_var_string(self.state)


def decode(payload: bytes) -> list[Entry]:
    """Read an awareness update. Raises MalformedFrame; states are checked to be JSON objects or null."""
    count, at = read_var_uint(payload, 0)
    if count > _MOST_ENTRIES:
        raise MalformedFrame("an awareness update speaks of too many clients")
    entries = []
    for _ in range(count):
        client, at = read_var_uint(payload, at)
        clock, at = read_var_uint(payload, at)
        state, at = read_var_string(payload, at, longest_bytes=LARGEST_STATE_BYTES)
        entries.append(Entry(client, clock, state))
    if at != len(payload):
        raise MalformedFrame("bytes are left over behind an awareness update")
    return entries


def encode(entries: Iterable[bytes]) -> bytes:
    """Make an awareness update of entries that are encoded already."""
    parts = list(entries)
    return write_var_uint(len(parts)) + b"".join(parts)


@dataclass(slots=True)
class _Presence:
    entry: Entry
    owner: Hashable
    seen_at: float


class Awareness:
    """The presence of one room.

    `lifetime_seconds`: a client that says nothing for that long is gone (clients renew every 15 s).
    """

    def __init__(self, *, lifetime_seconds: float) -> None:
        self._lifetime_seconds = lifetime_seconds
        self._present: dict[int, _Presence] = {}

    def __len__(self) -> int:
        return len(self._present)

    def receive(
        self, owner: Hashable, entries: Iterable[Entry], *, user: Mapping[str, object] | None, now: float
    ) -> list[Entry]:
        """Take what `owner` says. Returns the entries that are news, ready to be passed on.

        `user` replaces the state's own `user` field; None leaves states as they are (another process has done it).
        Raises MalformedFrame for a state that is not a JSON object or null, or for more clients than a peer may be.
        """
        news = []
        for entry in entries:
            present = self._present.get(entry.client)
            if present is not None and present.owner != owner:
                continue
            if entry.state == GONE:
                if present is not None and entry.clock >= present.entry.clock:
                    del self._present[entry.client]
                    news.append(entry)
                continue
            if present is not None and entry.clock <= present.entry.clock:
                continue
            if present is None and user is not None and self._owned(owner) >= MOST_CLIENTS_OF_A_PEER:
                raise MalformedFrame("one connection speaks for too many clients")
            checked = entry if user is None else Entry(entry.client, entry.clock, _signed(entry.state, user))
            self._present[entry.client] = _Presence(checked, owner, now)
            news.append(checked)
        return news

    def leave(self, owner: Hashable) -> list[Entry]:
        """Forget the clients of `owner`. Returns the entries that say so."""
        return self._remove([client for client, present in self._present.items() if present.owner == owner])

    def expire(self, now: float) -> list[Entry]:
        """Forget clients that have not been heard of for their lifetime. Returns the entries that say so."""
        limit = now - self._lifetime_seconds
        return self._remove([client for client, present in self._present.items() if present.seen_at < limit])

    def everybody(self, *, but: Hashable = None) -> list[Entry]:
        """The presence of all, without the clients of one owner."""
        return [present.entry for present in self._present.values() if but is None or present.owner != but]

    def of(self, owner: Hashable) -> list[Entry]:
        """The presence of one owner's clients."""
        return [present.entry for present in self._present.values() if present.owner == owner]

    def holder(self, client: int) -> Hashable | None:
        """Who is here under a client now, if anybody."""
        present = self._present.get(client)
        return present.owner if present is not None else None

    def _owned(self, owner: Hashable) -> int:
        return sum(1 for present in self._present.values() if present.owner == owner)

    def _remove(self, clients: list[int]) -> list[Entry]:
        # The same clock, not the next: the client's own clock is its own, and one that comes back may go on from it.
        return [Entry(client, self._present.pop(client).entry.clock, GONE) for client in clients]


def _signed(state: str, user: Mapping[str, object]) -> str:
    try:
        fields = json.loads(state)
    except (ValueError, RecursionError):
        raise MalformedFrame("a presence state is not JSON") from None
    if not isinstance(fields, dict):
        raise MalformedFrame("a presence state is not a JSON object")
    fields["user"] = user
    try:
        # Lone surrogates survive json.loads and would not encode; escaped they pass unharmed. NaN and infinities
        # survive too, but no browser reads what Python writes for them.
        return _ENCODER.encode(fields)
    except (ValueError, RecursionError):
        raise MalformedFrame("a presence state holds what JSON does not have") from None

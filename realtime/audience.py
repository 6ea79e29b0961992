"""Who is in a room: their seats, their presence, and what all of them are told.

A message is encoded and framed once for all peers of a dialect, whose outboxes then hold the very same bytes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from realtime import awareness, close, websocket, wire
from realtime.close import Refused
from realtime.early import Early
from realtime.outbox import Outbox
from realtime.owners import Owners
from realtime.ports import Rights

User = Mapping[str, object]
"""A person as others see one: id, name, colour."""


@dataclass(slots=True, kw_only=True, eq=False)
class Peer:
    """One connection in a room.

    `prefix`: what its frames begin with (empty in the y-websocket dialect). `acknowledged`: whether it is told that its
    edits are durable. `has`: a state vector that it certainly has, from before anything that waits in its outbox.
    `early`: its updates whose history is still to come. `question`: the state vector of its newest step 1, while an
    answer has no room in its outbox. `debt_seconds`: work that it has caused and not paid for yet.
    """

    outbox: Outbox
    user: User
    rights: Rights
    prefix: bytes = b""
    acknowledged: bool = False
    has: bytes | None = None
    early: Early = field(default_factory=Early)
    question: bytes | None = None
    debt_seconds: float = 0.0

    def put(self, message: bytes) -> None:
        """Queue a message of the y-websocket dialect, in the peer's own dialect."""
        self.outbox.put(self.prefix + message if self.prefix else message)

    def acknowledge(self, count: int) -> None:
        """Say that so many of its updates are durable, if it is told so."""
        if self.acknowledged:
            self.outbox.put_saved(self.prefix, count)


class Audience:
    """The peers of one room. At `most` so many, and `most_of_one` person."""

    __slots__ = ("_most", "_most_of_one", "_people", "owners", "peers", "presence", "told")

    def __init__(self, *, most: int, most_of_one: int, presence_seconds: float) -> None:
        self.peers: set[Peer] = set()
        self.presence = awareness.Awareness(lifetime_seconds=presence_seconds)
        self.owners = Owners()
        self.told: bytes | None = None
        """The state vector of what everybody was told, at some time not long ago; None while that is nothing."""
        self._most = most
        self._most_of_one = most_of_one
        self._people: Counter[object] = Counter()

    def join(self, peer: Peer) -> None:
        """Take a peer in. Raises Refused(ROOM_FULL, TOO_MANY_OWN)."""
        if len(self.peers) >= self._most:
            raise Refused(close.ROOM_FULL)
        person = peer.user.get("id")
        if self._people[person] >= self._most_of_one:
            # One person must not take the seats of all the others.
            raise Refused(close.TOO_MANY_OWN)
        self.peers.add(peer)
        self._people[person] += 1

    def leave(self, peer: Peer) -> list[awareness.Entry]:
        """Let a peer go. Returns the presence that ends with it."""
        if peer in self.peers:
            self.peers.remove(peer)
            person = peer.user.get("id")
            self._people[person] -= 1
            if not self._people[person]:
                del self._people[person]
        return self.presence.leave(peer)

    def receive_presence(self, peer: Peer, payload: bytes, *, now: float) -> list[awareness.Entry]:
        """Take presence. Returns what is news to the others. Raises MalformedFrame."""
        person = peer.user.get("id")
        own = [each for each in awareness.decode(payload) if self.owners.of.get(each.client, person) == person]
        news = self.presence.receive(peer, own, user=peer.user, now=now)
        self.owners.showed(news, person)
        return news

    def is_shown_by_another(self, client: int, person: object) -> bool:
        """Whether somebody else is here under this client now."""
        holder = self.presence.holder(client)
        return holder is not None and (not isinstance(holder, Peer) or holder.user.get("id") != person)

    def tell_presence(self, peer: Peer) -> None:
        """Queue everybody's presence for one peer."""
        entries = {entry.client: entry.encode() for entry in self.presence.everybody(but=peer)}
        if entries:
            peer.outbox.put_presence(peer.prefix, entries)

    def broadcast(self, message: bytes, *, but: Peer | None = None) -> int:
        """Queue one message for all peers, framed once for each dialect. Returns how many peers are told."""
        frames: dict[bytes, bytes] = {}
        told_before = self.told
        told = 0
        for peer in self.peers:
            if peer is but:
                continue
            outbox = peer.outbox
            if not outbox.awake:
                peer.has = told_before
            prefix = peer.prefix
            frame = frames.get(prefix)
            if frame is None:
                frame = frames[prefix] = websocket.frame(prefix + message)
            outbox.put_frame(frame)
            told += 1
        return told

    def broadcast_presence(self, entries: list[awareness.Entry], *, but: Peer | None = None) -> None:
        """Queue presence for all peers, encoded and framed once for each dialect."""
        encoded = {entry.client: entry.encode() for entry in entries}
        message = wire.awareness(awareness.encode(encoded.values()))
        frames: dict[bytes, bytes] = {}
        for peer in self.peers:
            if peer is but:
                continue
            prefix = peer.prefix
            frame = frames.get(prefix)
            if frame is None:
                frame = frames[prefix] = websocket.frame(prefix + message)
            peer.outbox.put_presence(prefix, encoded, frame)

"""What the hub holds at this moment, as values: for people who look after it. Changes nothing."""

import asyncio
import heapq
from dataclasses import dataclass

from realtime.hub import Hub
from realtime.live_room import LiveRoom
from realtime.outbox import Outbox
from realtime.ports import DocumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedRoom:
    """One live document. Sizes in bytes, times in seconds.

    `size_bytes`: its encoded state. `is_built`: whether it is in the CRDT core's own form, too. `waiting_bytes`: what
    its peers have still to be sent. `slow_peers`: those that do not read, so that their queue was dropped.
    `pause_seconds`: until it may flush again. `idle_seconds`: since the last peer left; None while there is one.
    """

    document_id: DocumentId
    peers: int
    size_bytes: int
    is_built: bool
    unsaved_bytes: int
    waiting_bytes: int
    slow_peers: int
    pause_seconds: float
    idle_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """This process: its totals, over all rooms, and its largest rooms."""

    rooms: int
    built: int
    peers: int
    size_bytes: int
    largest_bytes: int
    unsaved_bytes: int
    waiting_bytes: int
    slow_peers: int
    last_commit_seconds: float
    largest: tuple[SurveyedRoom, ...]


def survey(hub: Hub, *, now: float, most: int = 0) -> Survey:
    """Look at all rooms, and describe the `most` largest. `now`: by the hub's clock."""
    rooms = hub.live_rooms
    built = peers = size_bytes = largest_bytes = unsaved_bytes = 0
    # A connection may be in several rooms, with one outbox for all.
    outboxes: set[Outbox] = set()
    # One walk, because nobody is served meanwhile: there may be thousands of rooms.
    for live in rooms:
        room = live.room
        built += room.document.is_built
        peers += len(room.peers)
        size_bytes += room.size_bytes
        largest_bytes = max(largest_bytes, room.size_bytes)
        unsaved_bytes += room.unsaved_bytes
        for peer in room.peers:
            outboxes.add(peer.outbox)
    return Survey(
        rooms=len(rooms),
        built=built,
        peers=peers,
        size_bytes=size_bytes,
        largest_bytes=largest_bytes,
        unsaved_bytes=unsaved_bytes,
        waiting_bytes=_waiting(outboxes),
        slow_peers=_slow(outboxes),
        last_commit_seconds=hub.saving.counts.last_seconds,
        largest=tuple(_describe(live, now) for live in heapq.nlargest(most, rooms, key=_size)),
    )


def _describe(live: LiveRoom, now: float) -> SurveyedRoom:
    room = live.room
    outboxes = {peer.outbox for peer in room.peers}
    return SurveyedRoom(
        document_id=room.document_id,
        peers=len(room.peers),
        size_bytes=room.size_bytes,
        is_built=room.document.is_built,
        unsaved_bytes=room.unsaved_bytes,
        waiting_bytes=_waiting(outboxes),
        slow_peers=_slow(outboxes),
        pause_seconds=max(0.0, live.quiet_until - asyncio.get_running_loop().time()),
        idle_seconds=None if live.empty_since is None else max(0.0, now - live.empty_since),
    )


def _size(live: LiveRoom) -> int:
    return live.room.size_bytes


def _waiting(outboxes: set[Outbox]) -> int:
    return sum(outbox.waiting_bytes for outbox in outboxes)


def _slow(outboxes: set[Outbox]) -> int:
    return sum(outbox.behind for outbox in outboxes)

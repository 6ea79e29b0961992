"""A room and what is known about it while it is live; what the hub has counted. State only."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from realtime import awareness
from realtime.audience import Peer, User
from realtime.close import Close
from realtime.judging import Bench
from realtime.ports import DocumentId
from realtime.room import Room

WhenSlow = Callable[[str, float, Collection[DocumentId]], None]
"""Called with what took long, how many seconds, and in which documents."""


@dataclass(slots=True)
class Counts:
    """What the hub has done since it started; read by metrics.

    `when_slow`: told of each piece of work that held `slow_seconds` or longer.
    """

    slow_seconds: float = math.inf
    when_slow: WhenSlow | None = None
    updates_received: int = 0
    updates_merged: int = 0
    deliveries: int = 0
    presence_received: int = 0
    flushes: int = 0
    relayed_before_commit: int = 0
    rooms_opened: int = 0
    rooms_evicted: int = 0
    rooms_broken: int = 0
    gap_refills: int = 0
    refusals: Counter[int] = field(default_factory=Counter)

    def note(self, what: str, seconds: float, documents: Collection[DocumentId]) -> None:
        """Say that something is done which took so many seconds."""
        if seconds >= self.slow_seconds and self.when_slow is not None:
            self.when_slow(what, seconds, documents)


@dataclass(slots=True, eq=False)
class LiveRoom:
    """A room, and what the hub knows about it.

    `holds`: who needs it open though they are not peers (yet). `writers`: who wrote since it was settled, by id,
    whoever wrote last as the last. `quiet_until`: by the event loop's time, until when it does not flush;
    `pause_seconds`: how long that pause is in all.
    """

    room: Room
    send_away: dict[Peer, Callable[[Close], None]] = field(default_factory=dict)
    edits: list[asyncio.Future[int]] = field(default_factory=list)
    flushed: list[asyncio.Future[None]] = field(default_factory=list)
    presence: dict[int, awareness.Entry] = field(default_factory=dict)
    holds: int = 0
    empty_since: float | None = None
    changed_at: float | None = None
    unsettled_since: float | None = None
    writers: dict[object, User] = field(default_factory=dict)
    refilling: bool = False
    building: asyncio.Task[None] | None = None
    bench: Bench | None = None
    quiet_until: float = 0.0
    pause_seconds: float = 0.0

    def release(self, now: float) -> None:
        """Somebody needs it open no more."""
        self.holds -= 1
        self.note_if_empty(now)

    def note_if_empty(self, now: float) -> None:
        """Somebody has left, or needs it open no more."""
        if not self.room.peers and not self.holds:
            self.empty_since = now

    def wake(self) -> None:
        """Tell those who wait for a flush (`flushed`) that there was one, or that there will be none."""
        flushed, self.flushed = self.flushed, []
        for each in flushed:
            if not each.done():
                each.set_result(None)

    def note_writer(self, user: User) -> None:
        """Somebody's edit is about to be committed."""
        self.writers.pop(user.get("id"), None)
        self.writers[user.get("id")] = user

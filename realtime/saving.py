"""Group commit: what rooms have applied and the log does not have yet.

One transaction for all rooms with something new. While one runs, the rest gathers for the next. A log that does not
answer is asked again; meanwhile everything stays here, bounded by each room's limit on unsaved bytes.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from realtime.audience import Peer
from realtime.document import is_core_failure, merged
from realtime.ports import Append, Bus, Committed, LogUnavailable, UpdateLog
from realtime.room import Flush, Room

logger = logging.getLogger("quillroom.realtime")

# Redis copies a message for each process; beyond this the others read the log, which they can do at any time.
LARGEST_BUS_UPDATE_BYTES = 256 * 1024
_RETRY_AFTER_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)


@dataclass(slots=True)
class SavingCounts:
    """What saving has done since the start; read by metrics."""

    updates: int = 0
    commits: int = 0
    failures: int = 0
    seconds: float = 0.0
    last_seconds: float = 0.0


@dataclass(slots=True)
class _Unsaved:
    updates: list[bytes] = field(default_factory=list)
    senders: dict[Peer, int] = field(default_factory=dict)
    people: set[object] = field(default_factory=set)
    """By id, whose it is; None among them for the host itself."""
    edits: list[asyncio.Future[int]] = field(default_factory=list)
    length: int = 0
    """What the updates came to before they were merged: so many bytes the room counts as unsaved."""

    def merge(self) -> None:
        """Make one update for the log of the ones there are."""
        if len(self.updates) > 1:
            self.updates = [merged(self.updates)]

    @property
    def by(self) -> str | None:
        """The one person whose all of it is, if it is one's."""
        [*people] = self.people
        return people[0] if len(people) == 1 and isinstance(people[0], str) else None


class Saving:
    """The unsaved updates of all rooms of this process.

    `on_saved(rooms)` is called after a commit that held something of theirs; `on_gone(room)` when the log says that
    the document is gone or has another lineage now; `on_broken(room)` when the CRDT core fails on what it made itself.
    """

    def __init__(
        self,
        log: UpdateLog,
        bus: Bus,
        *,
        commit_limit_seconds: float,
        on_saved: Callable[[Collection[Room]], None],
        on_gone: Callable[[Room], None],
        on_broken: Callable[[Room], None],
    ) -> None:
        self.counts = SavingCounts()
        self._log = log
        self._bus = bus
        self._commit_limit_seconds = commit_limit_seconds
        self._on_saved = on_saved
        self._on_gone = on_gone
        self._on_broken = on_broken
        self._unsaved: dict[Room, _Unsaved] = {}
        self._committing: set[Room] = set()
        self._wake = asyncio.Event()
        self._saved: asyncio.Future[None] | None = None

    def __bool__(self) -> bool:
        return bool(self._unsaved or self._committing)

    def holds(self, room: Room) -> bool:
        """Whether something of the room's is not in the log yet."""
        return room in self._unsaved or room in self._committing

    def add(self, room: Room, flush: Flush, edits: list[asyncio.Future[int]]) -> None:
        """Take a flush that was applied. Its senders and `edits` are told when it is durable."""
        if not flush.update and not self.holds(room):
            room.acknowledge(flush.senders)
            _tell(edits, room.seq)
            return
        # A flush that brought nothing new may repeat what is not durable yet: it waits with it.
        unsaved = self._unsaved.setdefault(room, _Unsaved())
        if flush.update:
            unsaved.updates.append(flush.update)
            unsaved.length += len(flush.update)
            unsaved.people.update(peer.user.get("id") for peer in flush.senders)
            unsaved.people.update(user.get("id") if user is not None else None for user in flush.hosts)
        _add(unsaved.senders, flush.senders)
        unsaved.edits += edits

    def forget(self, room: Room) -> None:
        """Drop what a broken room had; its senders have it and will send it again."""
        unsaved = self._unsaved.pop(room, None)
        if unsaved is not None:
            _fail(unsaved.edits)

    def begin(self) -> "asyncio.Future[None] | None":
        """Begin to commit what is unsaved. Returns what is done when nothing is any more; None if all is durable."""
        # One that runs already takes what is unsaved, too, as its next commit.
        if self._unsaved and self._saved is None:
            self._saved = asyncio.get_running_loop().create_future()
            self._wake.set()
        return self._saved

    async def run(self) -> None:
        """Commit for as long as the process lives."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._save()
            saved, self._saved = self._saved, None
            if saved is not None and not saved.done():
                saved.set_result(None)

    async def _save(self) -> None:
        """Commit until nothing is unsaved. Waits as long as the log is away."""
        tries = 0
        while self._unsaved:
            batch, self._unsaved = self._unsaved, {}
            self._committing = set(batch)
            try:
                await self._commit(batch)
            except (LogUnavailable, TimeoutError):
                self.counts.failures += 1
                self._take_back(batch)
                if tries == 0:
                    logger.warning("the log does not answer; edits are kept in memory and not acknowledged")
                await asyncio.sleep(_RETRY_AFTER_SECONDS[min(tries, len(_RETRY_AFTER_SECONDS) - 1)])
                tries += 1
            else:
                if tries:
                    logger.warning("the log answers again; everything is saved")
                tries = 0
            finally:
                self._committing = set()

    async def _commit(self, batch: dict[Room, _Unsaved]) -> None:
        writing = self._merge_each(batch)
        entries = [
            Append(document_id=room.document_id, epoch=room.epoch, update=unsaved.updates[0], by=unsaved.by)
            for room, unsaved in writing.items()
        ]
        started = time.perf_counter()
        async with asyncio.timeout(self._commit_limit_seconds):
            places = await self._log.append(entries) if entries else []
        self.counts.last_seconds = time.perf_counter() - started
        self.counts.seconds += self.counts.last_seconds
        self.counts.commits += 1
        self.counts.updates += len(entries)
        news: list[Committed] = []
        alone = self._bus.is_alone()
        for (room, unsaved), place in zip(writing.items(), places, strict=True):
            if place is None:
                _fail(unsaved.edits)
                self._on_gone(room)
                continue
            room.place(place)
            room.saved(unsaved.length)
            if not alone:
                update = unsaved.updates[0]
                told = update if len(update) <= LARGEST_BUS_UPDATE_BYTES else b""
                news.append(Committed(document_id=room.document_id, seq=place, update=told))
        for room, unsaved in batch.items():
            room.acknowledge(unsaved.senders)
            _tell(unsaved.edits, room.newest)
        self._on_saved(batch)
        if news:
            await self._bus.publish(news)

    def _merge_each(self, batch: dict[Room, _Unsaved]) -> dict[Room, _Unsaved]:
        """Merge the updates of each room; return the rooms that have any. A room where it fails leaves the batch."""
        writing = {}
        for room, unsaved in list(batch.items()):
            try:
                unsaved.merge()
            except BaseException as error:
                if not is_core_failure(error):
                    raise
                del batch[room]
                _fail(unsaved.edits)
                self._on_broken(room)
                continue
            if unsaved.updates:
                writing[room] = unsaved
        return writing

    def _take_back(self, batch: dict[Room, _Unsaved]) -> None:
        """Put a batch back before what has come meanwhile."""
        for room, unsaved in batch.items():
            later = self._unsaved.get(room)
            if later is not None:
                unsaved.updates += later.updates
                _add(unsaved.senders, later.senders)
                unsaved.people |= later.people
                unsaved.edits += later.edits
                unsaved.length += later.length
            self._unsaved[room] = unsaved


def _add(senders: dict[Peer, int], more: Mapping[Peer, int]) -> None:
    for peer, count in more.items():
        # The others are told nothing.
        if peer.acknowledged:
            senders[peer] = senders.get(peer, 0) + count


def _tell(edits: list[asyncio.Future[int]], seq: int) -> None:
    for edit in edits:
        if not edit.done():
            edit.set_result(seq)


def _fail(edits: list[asyncio.Future[int]]) -> None:
    for edit in edits:
        if not edit.done():
            edit.set_exception(LogUnavailable())

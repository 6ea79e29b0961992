"""When rooms flush: at once while little goes on, together while much does.

A flush takes all rooms with something new: each merges what waits and applies it once, all of it is committed in one
transaction, and then, or after `relay_after_seconds` if the log is slow, each relays. Then comes a pause of a few times
what the flush has cost. So an idle server answers a keystroke without delay, and a busy one gathers more keystrokes
into each flush the busier it is: what fan-out may cost of the processor is bounded, and the cost of a delivery falls as
load rises.
"""

import asyncio
import time
from collections.abc import Callable

from realtime import awareness
from realtime.close import Close
from realtime.live_room import Counts, LiveRoom
from realtime.outbox import Deliveries
from realtime.room import LARGE_BYTES, BrokenRoom, Flush, Peer, Room, is_core_failure
from realtime.saving import Saving

# With three times its cost as the pause, flushing takes a quarter of the processor at most, and the rest reads.
_PAUSE_PER_COST = 3.0
_LONGEST_PAUSE_SECONDS = 0.02
# The event loop counts in milliseconds; a pause that is none would only cost a timer.
_SHORTEST_PAUSE_SECONDS = 0.0005


class Flushing:
    """The flushes of all rooms of this process.

    `on_refused(live, peer, why)`: an update of the peer's cannot be. `on_broken(live, broken)`: the CRDT core failed.
    `on_presence(rooms)`: presence that was told here and is to be told to other processes.
    """

    def __init__(
        self,
        saving: Saving,
        deliveries: Deliveries,
        counts: Counts,
        *,
        tasks: asyncio.TaskGroup,
        relay_after_seconds: float,
        on_refused: Callable[[LiveRoom, Peer, Close], None],
        on_broken: Callable[[LiveRoom, BrokenRoom], None],
        on_presence: Callable[[list[tuple[Room, list[awareness.Entry]]]], None],
    ) -> None:
        self._saving = saving
        self._deliveries = deliveries
        self._counts = counts
        self._tasks = tasks
        self._relay_after_seconds = relay_after_seconds
        self._on_refused = on_refused
        self._on_broken = on_broken
        self._on_presence = on_presence
        self._dirty: dict[LiveRoom, None] = {}
        self._present: dict[LiveRoom, None] = {}
        self._wake = asyncio.Event()
        self._commit: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        """Whether something waits for a flush, or a commit is under way."""
        return bool(self._dirty or self._present or self._commit is not None)

    def mark(self, live: LiveRoom) -> None:
        """A room has edits or questions that wait."""
        self._dirty[live] = None
        self._wake.set()

    def mark_presence(self, live: LiveRoom) -> None:
        """A room has presence to tell."""
        self._present[live] = None
        self._wake.set()

    def give_up(self) -> None:
        """End a commit that nobody waits for any more."""
        if self._commit is not None:
            self._commit.cancel()

    async def run(self) -> None:
        """Flush for as long as the process lives."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            pause = await self._flush_all()
            if pause > _SHORTEST_PAUSE_SECONDS:
                await asyncio.sleep(pause)

    async def _flush_all(self) -> float:
        """Flush every room with something new. Returns the seconds to pause.

        A function of its own: a loop's variables would keep rooms alive.
        """
        begun = time.perf_counter()
        self._relay_presence()
        dirty, self._dirty = self._dirty, {}
        flushes = [(live, flush) for live in dirty if self._is_ready(live) and (flush := self._begin(live)) is not None]
        if self._saving:
            self._save()
        cost = time.perf_counter() - begun
        waited = 0.0
        if self._commit is not None and flushes:
            # Durable before visible, but not at the price of a room that stands still.
            begun = time.perf_counter()
            await asyncio.wait({self._commit}, timeout=self._relay_after_seconds)
            waited = time.perf_counter() - begun
            if self._commit is not None and not self._commit.done():
                self._counts.relayed_before_commit += len(flushes)
        begun = time.perf_counter()
        for live, flush in flushes:
            self._relay(live, flush)
        self._deliveries.run()
        cost += time.perf_counter() - begun
        return min(_PAUSE_PER_COST * cost - waited, _LONGEST_PAUSE_SECONDS)

    def _is_ready(self, live: LiveRoom) -> bool:
        """Whether a room can flush now; if not, it is marked again when it can."""
        document = live.room.document
        if document.is_built or live.room.size_bytes <= LARGE_BYTES:
            return True
        if not live.building:
            live.building = True
            self._tasks.create_task(self._build(live), name="build")
        return False

    async def _build(self, live: LiveRoom) -> None:
        """Read a large document into the core on a thread, so that its first edit holds up nobody else's."""
        try:
            live.room.document.adopt(await asyncio.to_thread(live.room.document.copy))
        except BaseException as error:
            if not is_core_failure(error):
                raise
            self._on_broken(live, BrokenRoom(set()))
        else:
            self.mark(live)
        finally:
            live.building = False

    def _begin(self, live: LiveRoom) -> Flush | None:
        room = live.room
        self._counts.flushes += 1
        try:
            flush = room.begin_flush()
        except BrokenRoom as broken:
            self._on_broken(live, broken)
            return None
        for peer, why in flush.refused:
            self._on_refused(live, peer, why)
        if flush.update:
            for peer in flush.senders:
                live.writer = peer.user
        edits, live.edits = live.edits, []
        self._saving.add(room, flush, edits)
        return flush

    def _relay(self, live: LiveRoom, flush: Flush) -> None:
        try:
            live.room.relay(flush)
        except BaseException as error:
            if not is_core_failure(error):
                raise
            self._on_broken(live, BrokenRoom(set()))

    def _relay_presence(self) -> None:
        if not self._present:
            return
        present, self._present = self._present, {}
        told = []
        for live in present:
            entries, live.presence = list(live.presence.values()), {}
            live.room.broadcast_presence(entries)
            told.append((live.room, entries))
        self._on_presence(told)

    def _save(self) -> None:
        # A commit that has ended stays here until its callback runs, a turn of the loop later; it takes nothing more.
        if self._commit is None or self._commit.done():
            self._commit = self._tasks.create_task(self._saving.save(), name="commit")
            self._commit.add_done_callback(self._note_commit_done)

    def _note_commit_done(self, task: "asyncio.Task[None]") -> None:
        if self._commit is task:
            self._commit = None

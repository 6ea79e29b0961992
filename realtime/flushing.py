"""When rooms flush: at once while little goes on, together while much does.

A flush takes all rooms with something new: each merges what waits and applies it once, all of it is committed in one
transaction, and then, or after `relay_after_seconds` if the log is slow, each relays. Then a room pauses for a few
times what telling its peers has cost, and all of them for as long as makes a commit worth its while. So an idle server
answers a keystroke without delay, and a busy one gathers more keystrokes into each flush the busier it is: what fan-out
may cost of the processor is bounded, and the cost of a delivery falls as load rises. A room with few people never waits
for one with many.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable

from realtime import awareness
from realtime.audience import Peer
from realtime.close import Close
from realtime.document import is_core_failure
from realtime.live_room import Counts, LiveRoom
from realtime.outbox import Deliveries
from realtime.room import BrokenRoom, Flush, Room
from realtime.saving import Saving

# Telling the peers of one room takes a sixth of the processor at most, while the pause for that is one that nobody
# notices; then a third, so that people in a large room do not wait for one another longer than they must.
_PAUSE_PER_COST = 5.0
_UNNOTICED_PAUSE_SECONDS = 0.004
_LEAST_PAUSE_PER_COST = 2.0
_LONGEST_PAUSE_SECONDS = 0.02
# Carets that move alone may wait a little longer than letters do; with letters they cost next to nothing.
_EXTRA_PAUSE_OF_CARETS = 0.4
# No person's edit takes the core so long.
_DEAR_SECONDS = 0.05
# In which the event loop counts.
_TIMER_SECONDS = 0.001
# A commit costs about as much whether it is of one room or ten: with many rooms at work, more are gathered into each.
_PAUSE_PER_ROOM_SECONDS = 0.0002
_LONGEST_PAUSE_OF_ALL_SECONDS = 0.003


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
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf

    def __bool__(self) -> bool:
        """Whether something waits for a flush."""
        return bool(self._dirty or self._present)

    def mark(self, live: LiveRoom) -> None:
        """A room has edits or questions that wait."""
        self._dirty[live] = None
        self._wake.set()

    def mark_presence(self, live: LiveRoom) -> None:
        """A room has presence to tell."""
        self._present[live] = None
        self._wake.set()

    async def run(self) -> None:
        """Flush for as long as the process lives."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            rooms = await self._flush_all()
            if rooms > 1:
                await asyncio.sleep(min(rooms * _PAUSE_PER_ROOM_SECONDS, _LONGEST_PAUSE_OF_ALL_SECONDS))

    async def _flush_all(self) -> int:
        """Flush every room with something new. Returns how many there were.

        A function of its own: a loop's variables would keep rooms alive.
        """
        # Timers may go off a little before their time; a room that is due then must not be sent back to wait.
        now = asyncio.get_running_loop().time() + _TIMER_SECONDS
        begun = time.perf_counter()
        told = self._relay_presence(now)
        flushes = [(live, flush) for live in self._due(now) if (flush := self._begin(live)) is not None]
        committing = self._saving.begin()
        cost = time.perf_counter() - begun
        if committing is not None and flushes:
            # Durable before visible, but not at the price of a room that stands still.
            if told:
                self._deliveries.run()
            if not await _within(committing, self._relay_after_seconds):
                self._counts.relayed_before_commit += len(flushes)
        begun = time.perf_counter()
        for live, flush in flushes:
            self._relay(live, flush)
            told.append(live)
        self._deliveries.run()
        cost += time.perf_counter() - begun
        if cost >= self._counts.slow_seconds:
            self._counts.note("flush", cost, [live.room.document_id for live in told])
        self._pause(told, cost)
        return len(flushes)

    def _due(self, now: float) -> list[LiveRoom]:
        """Take the rooms that may flush now; the others wait for the end of their pause."""
        dirty, self._dirty = self._dirty, {}
        due = []
        for live in dirty:
            if live.quiet_until > now:
                self._wait_until(live.quiet_until)
                self._dirty[live] = None
            elif self._is_ready(live):
                due.append(live)
        return due

    def _wait_until(self, due_at: float) -> None:
        """Flush again at that time, or before."""
        if due_at >= self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due_at
        self._alarm = asyncio.get_running_loop().call_at(self._alarm_at, self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, math.inf
        self._wake.set()

    def _pause(self, told: list[LiveRoom], cost: float) -> None:
        """Let each room be quiet for a while, by its share of what it has cost to tell so many peers."""
        peers = sum(len(live.room.peers) for live in told)
        if not peers:
            return
        now = asyncio.get_running_loop().time()
        cost_per_peer = cost / peers
        for live in told:
            its_cost = cost_per_peer * len(live.room.peers)
            pause = max(min(_PAUSE_PER_COST * its_cost, _UNNOTICED_PAUSE_SECONDS), _LEAST_PAUSE_PER_COST * its_cost)
            live.pause_seconds = min(pause, _LONGEST_PAUSE_SECONDS)
            live.quiet_until = now + live.pause_seconds

    def _is_ready(self, live: LiveRoom) -> bool:
        """Whether a room can flush now; if not, it is marked again when it can."""
        if not live.room.ready:
            self._begin_building(live)
        return live.room.ready

    async def get_ready(self, live: LiveRoom) -> None:
        """Wait until a room can take edits; or until it is given up, which whoever gives it an edit is told."""
        if not live.room.ready:
            await asyncio.shield(self._begin_building(live))

    def _begin_building(self, live: LiveRoom) -> "asyncio.Task[None]":
        if live.building is None:
            live.building = self._tasks.create_task(self._build(live), name="build")
        return live.building

    async def _build(self, live: LiveRoom) -> None:
        """Read a large document into the core on a thread, so that its first edit holds up nobody else's."""
        room = live.room
        begun = time.perf_counter()
        try:
            room.adopt(await asyncio.to_thread(room.build))
        except BaseException as error:
            if not is_core_failure(error):
                raise
            self._on_broken(live, BrokenRoom(set()))
        else:
            self._counts.note("build", time.perf_counter() - begun, [room.document_id])
            self.mark(live)
        finally:
            live.building = None

    def _begin(self, live: LiveRoom) -> Flush | None:
        room = live.room
        self._counts.flushes += 1
        begun = time.thread_time()
        try:
            flush = room.begin_flush()
        except BrokenRoom as broken:
            self._on_broken(live, broken)
            return None
        seconds = time.thread_time() - begun
        room.effort.learn(seconds)
        live.wake()
        if seconds > _DEAR_SECONDS:
            # What the core makes of an update shows only now. Whoever sends such ones is read more slowly.
            _charge(flush, seconds)
        for peer, why in flush.refused:
            self._on_refused(live, peer, why)
        if flush.update:
            self._counts.updates_merged += 1
            for peer in flush.senders:
                live.note_writer(peer.user)
        edits, live.edits = live.edits, []
        self._saving.add(room, flush, edits)
        return flush

    def _relay(self, live: LiveRoom, flush: Flush) -> None:
        begun = time.perf_counter()
        try:
            self._counts.deliveries += live.room.relay(flush)
        except BaseException as error:
            if not is_core_failure(error):
                raise
            self._on_broken(live, BrokenRoom(set()))
        if flush.waiting:
            # What the answers cost; when they were asked for, nobody knew.
            seconds = (time.perf_counter() - begun) / len(flush.waiting)
            for peer in flush.waiting:
                peer.debt_seconds += seconds

    def _relay_presence(self, now: float) -> list[LiveRoom]:
        """Tell of presence. Returns the rooms where there was some."""
        if not self._present:
            return []
        present, self._present = self._present, {}
        told, news = [], []
        for live in present:
            due_at = live.quiet_until
            if live not in self._dirty:
                due_at += live.pause_seconds * _EXTRA_PAUSE_OF_CARETS
            if due_at > now:
                self._wait_until(due_at)
                self._present[live] = None
                continue
            entries, live.presence = list(live.presence.values()), {}
            live.room.audience.broadcast_presence(entries)
            told.append(live)
            news.append((live.room, entries))
        if news:
            self._on_presence(news)
        return told


def _charge(flush: Flush, seconds: float) -> None:
    """Have the senders of a dear flush owe what it cost: mostly those whose updates may have been dear."""
    connections = Counter(peer.user.get("id") for peer in flush.senders)
    shares = {
        peer: count + flush.effort.get(peer.user.get("id"), 0) / connections[peer.user.get("id")]
        for peer, count in flush.senders.items()
    }
    total = sum(shares.values())
    for peer, share in shares.items():
        peer.debt_seconds += seconds * share / total


async def _within(done: "asyncio.Future[None]", seconds: float) -> bool:
    """Wait for a future, but no longer than so many seconds. Returns whether it is done."""
    loop = asyncio.get_running_loop()
    either = loop.create_future()

    def note(_: object = None) -> None:
        if not either.done():
            either.set_result(None)

    timer = loop.call_later(seconds, note)
    done.add_done_callback(note)
    try:
        await either
    finally:
        timer.cancel()
        done.remove_done_callback(note)
    return done.done()

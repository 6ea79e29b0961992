"""The rooms of this process: opened once, flushed together, saved, evicted. It owns every task of the realtime side.

One loop flushes all rooms that have something new, has them committed in one transaction, and relays them when the
commit returns, or after `relay_after_seconds` if the log is slow. While a commit runs, edits gather for the next one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from realtime import awareness, close, wire
from realtime.audience import Peer, User
from realtime.close import Close, Refused
from realtime.document import is_core_failure, merged
from realtime.effort import NeedsFlush, NeedsTrial
from realtime.ending import end
from realtime.examining import Examining, Pay
from realtime.flushing import Flushing
from realtime.following import Effects, Following
from realtime.live_room import Counts, LiveRoom
from realtime.outbox import Deliveries
from realtime.ports import (
    AccessChanged,
    Bus,
    Clock,
    DocumentId,
    LogUnavailable,
    OpenJudge,
    Shut,
    Stored,
    UpdateLog,
    Whose,
)
from realtime.room import BrokenRoom, Limits, NeedsJudging, Room
from realtime.saving import Saving
from realtime.settling import Settle, Settling
from realtime.update import Reach
from realtime.vetting import Checked, NeedsChecking, NeedsMeasuring

logger = logging.getLogger("quillroom.realtime")

_SWEEP_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long the hub waits for what, in seconds."""

    relay_after_seconds: float = 0.02
    load_limit_seconds: float = 20.0
    commit_limit_seconds: float = 30.0
    idle_seconds: float = 30.0
    settle_after_seconds: float = 1.0
    settle_at_most_every_seconds: float = 10.0
    stop_limit_seconds: float = 10.0


class Hub:
    """The rooms of one process. An async context manager; leaving it saves everything and ends every task."""

    def __init__(
        self,
        *,
        log: UpdateLog,
        bus: Bus,
        clock: Clock,
        node: str,
        limits: Limits | None = None,
        timing: Timing | None = None,
        settle: Settle | None = None,
        open_judge: OpenJudge | None = None,
        whose: Whose | None = None,
    ) -> None:
        self.counts = Counts()
        self._log = log
        self._bus = bus
        self._clock = clock
        self._limits = limits or Limits()
        self._timing = timing or Timing()
        self.saving = Saving(
            log,
            bus,
            commit_limit_seconds=self._timing.commit_limit_seconds,
            on_saved=self._note_saved,
            on_gone=self._note_gone,
            on_broken=self._note_broken,
        )
        self._rooms: dict[DocumentId, LiveRoom] = {}
        self._opening: dict[DocumentId, asyncio.Future[LiveRoom]] = {}
        self._tasks = asyncio.TaskGroup()
        self._following = Following(
            self._rooms,
            log,
            bus,
            clock,
            self.counts,
            node=node,
            tasks=self._tasks,
            load_limit_seconds=self._timing.load_limit_seconds,
            effects=Effects(
                broken=self._break,
                dropped=self._drop,
                shut=self._shut,
                access_changed=lambda document_id: self.on_access_changed(document_id),  # noqa: PLW0108 - it is set later
            ),
        )
        self.deliveries = Deliveries(lambda act: asyncio.get_running_loop().call_soon(act))
        self._flushing = Flushing(
            self.saving,
            self.deliveries,
            self.counts,
            tasks=self._tasks,
            relay_after_seconds=self._timing.relay_after_seconds,
            on_refused=self._send_away,
            on_broken=self._break,
            on_presence=self._following.tell_presence,
        )
        self.examining = Examining(open_judge, whose)
        self._settling = Settling(
            self._rooms,
            clock,
            settle,
            after_seconds=self._timing.settle_after_seconds,
            at_most_every_seconds=self._timing.settle_at_most_every_seconds,
        )
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False
        self.on_access_changed: Callable[[DocumentId], None] = lambda _: None
        """Called when it must be asked again who may be in a document, or on the way into it; set by whoever admits."""

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._loops = [
            self._tasks.create_task(self._flushing.run(), name="flushes"),
            self._tasks.create_task(self.saving.run(), name="commits"),
            self._tasks.create_task(self._run_sweeps(), name="sweeps"),
            self._tasks.create_task(self._settling.run(), name="settling"),
            self._tasks.create_task(self._following.run(), name="bus"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()
        await self._tasks.__aexit__(kind, error, trace)

    # Rooms and peers

    @property
    def rooms(self) -> int:
        """How many rooms are live."""
        return len(self._rooms)

    @property
    def live_rooms(self) -> list[LiveRoom]:
        """The rooms, for those who only look."""
        return list(self._rooms.values())

    def room_of(self, document_id: DocumentId) -> Room | None:
        """The room of a document, if it is live."""
        live = self._rooms.get(document_id)
        return None if live is None else live.room

    def is_alone(self) -> bool:
        """Whether there is no other process that could say something of a document."""
        return self._bus.is_alone()

    @property
    def peers(self) -> int:
        """How many peers are in them."""
        return sum(len(live.room.peers) for live in self._rooms.values())

    @property
    def unsaved_bytes(self) -> int:
        """How many bytes wait for the log."""
        return sum(live.room.unsaved_bytes for live in self._rooms.values())

    async def join(self, document_id: DocumentId, peer: Peer, *, send_away: Callable[[Close], None]) -> Room:
        """Bring a peer into the room of a document, opening it if need be.

        `send_away` is called if the hub ends the peer's stay. Raises Refused (NOT_FOUND, NOT_LOADED, ROOM_FULL,
        RESTARTING).
        """
        live = await self._hold(document_id)
        try:
            live.room.join(peer)
            live.send_away[peer] = send_away
        finally:
            self._release(live)
        return live.room

    def part(self, room: Room, peer: Peer) -> None:
        """Take a peer out of its room. Its carets vanish at once, its edits are saved as any other's."""
        live = self._rooms.get(room.document_id)
        if live is None or live.room is not room or peer not in room.peers:
            return
        del live.send_away[peer]
        self._pass_on(live, room.leave(peer))
        if live.bench is not None:
            live.bench.leave(room)
        live.note_if_empty(self._clock.now())

    def receive(
        self,
        room: Room,
        peer: Peer,
        message: wire.Message,
        *,
        reach: Reach | None = None,
        tried: int | None = None,
        judged: bool = False,
        checked: Checked | None = None,
    ) -> None:
        """Take one message of a peer.

        `reach`: what an update brings, if that was read before. Raises Refused or MalformedFrame, which end this peer
        and nobody else; NeedsTrial unless it was `tried`, NeedsJudging unless it was `judged`, NeedsFlush,
        NeedsMeasuring, and NeedsChecking if it was `checked` too long ago.
        """
        live = self._rooms.get(room.document_id)
        if live is None or live.room is not room or peer not in room.peers:
            raise Refused(close.TRY_LATER)
        try:
            self._receive(live, peer, message, reach, tried=tried, judged=judged, checked=checked)
        except (Refused, NeedsTrial, NeedsFlush, NeedsMeasuring, NeedsChecking, NeedsJudging, ValueError):
            if judged and live.bench is not None:
                # It knows now what the room does not.
                live.bench.dismiss(room)
            raise
        except BaseException as error:
            if not is_core_failure(error):
                raise
            logger.exception("a message was not taken")
            self._break(live, BrokenRoom({peer}))

    def _receive(
        self,
        live: LiveRoom,
        peer: Peer,
        message: wire.Message,
        reach: Reach | None,
        *,
        tried: int | None,
        judged: bool,
        checked: Checked | None,
    ) -> None:
        room = live.room
        match message:
            case wire.Update():
                if not room.ready:
                    # Whoever calls waits for `get_ready` first.
                    raise Refused(close.TRY_LATER)
                self.counts.updates_received += 1
                try:
                    room.receive_update(peer, message, reach, tried=tried, judged=judged, checked=checked)
                finally:
                    # A part of it may wait though the rest is refused.
                    if room.has_pending:
                        self._flushing.mark(live)
            case wire.AwarenessUpdate(payload):
                self.counts.presence_received += 1
                self._pass_on(live, room.audience.receive_presence(peer, payload, now=self._clock.now()))
            case wire.SyncStep1(state_vector):
                room.receive_step_1(peer, state_vector)
                if room.has_pending:
                    self._flushing.mark(live)
            case wire.QueryAwareness():
                room.audience.tell_presence(peer)
            case wire.Stateless():
                # Words outside the document: taken, so that foreign clients work, and not passed on.
                return
            case wire.Token() | wire.Detach():
                raise Refused(close.UNKNOWN_MESSAGE)

    async def receive_slowly(self, room: Room, peer: Peer, message: wire.Update, *, pay: Pay) -> None:
        """Take an update that is large, comes before its room is ready, or needs something, as `receive` has said.

        `pay` is told of the seconds of CPU that it took. Raises as `receive`, but for what an update needs.
        """
        await self.get_ready(room)
        live = self._rooms.get(room.document_id)
        if live is None or live.room is not room:
            raise Refused(close.TRY_LATER)
        take = partial(self.receive, room, peer, message)
        await self.examining.bring(live, peer, message, take, next_flush=partial(self._next_flush, live), pay=pay)

    async def get_ready(self, room: Room) -> None:
        """Wait until a room can take updates; a large document is read into the CRDT core first."""
        live = self._rooms.get(room.document_id)
        if live is not None and live.room is room:
            await self._flushing.get_ready(live)

    async def _next_flush(self, live: LiveRoom) -> None:
        """Wait until what waits in a room is flushed, or the room is given up."""
        if self._rooms.get(live.room.document_id) is live:
            flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            live.flushed.append(flushed)
            await flushed

    async def edit(self, document_id: DocumentId, update: bytes, user: User | None = None) -> int:
        """Apply an edit that the host makes, for a `user` or for itself, as a forward edit that every peer sees.

        Returns the document's newest place once the edit is durable. Raises Refused; TimeoutError or LogUnavailable if
        the log does not answer, in which case the edit may still land later.
        """
        live = await self._hold(document_id)
        try:
            await self._flushing.get_ready(live)
            while True:
                if self._rooms.get(document_id) is not live:
                    raise Refused(close.TRY_LATER)
                try:
                    live.room.edit(update, user)
                except NeedsMeasuring:
                    await self.examining.measure(live.room, update)
                else:
                    break
            if user is not None:
                live.note_writer(user)
            done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            live.edits.append(done)
            self._flushing.mark(live)
            async with asyncio.timeout(self._timing.commit_limit_seconds):
                return await done
        finally:
            self._release(live)

    async def state(self, document_id: DocumentId) -> tuple[int, bytes]:
        """A document's place and whole state, from its room or from the log. Raises Refused."""
        live = self._rooms.get(document_id)
        if live is not None:
            try:
                return live.room.seq, live.room.state()
            except BaseException as error:
                if not is_core_failure(error):
                    raise
                self._break(live, BrokenRoom(set()))
                raise Refused(close.NOT_LOADED) from None
        stored = await self._load(document_id)
        return stored.seq, await asyncio.to_thread(merged, stored.updates)

    async def settle(self, document_id: DocumentId) -> None:
        """Bring what is derived from a document up to date now, if it has changed here."""
        await self._settling.settle(document_id)

    async def access_changed(self, document_id: DocumentId) -> None:
        """Have everybody in a document asked about again, in every process, now that who may do what has changed."""
        self.on_access_changed(document_id)
        await self._bus.publish([AccessChanged(document_id=document_id)])

    async def shut(self, document_id: DocumentId, why: Close) -> None:
        """Send everybody out of a document, in every process."""
        self._shut(document_id, why)
        self.on_access_changed(document_id)
        await self._bus.publish([Shut(document_id=document_id, code=why.code)])

    # Opening and evicting

    async def _hold(self, document_id: DocumentId) -> LiveRoom:
        """Find or load a room and keep it from being evicted. One load per document, however many wait."""
        while True:
            if self._stopping:
                raise Refused(close.RESTARTING)
            live = self._rooms.get(document_id)
            if live is not None:
                live.holds += 1
                live.empty_since = None
                return live
            opening = self._opening.get(document_id)
            if opening is None:
                opening = asyncio.get_running_loop().create_future()
                self._opening[document_id] = opening
                self._tasks.create_task(self._open(document_id, opening), name=f"open {document_id}")
            # Shielded: the visitor who came first may leave, the others still wait for the same load.
            await asyncio.shield(opening)

    def _release(self, live: LiveRoom) -> None:
        live.release(self._clock.now())

    async def _open(self, document_id: DocumentId, opening: "asyncio.Future[LiveRoom]") -> None:
        try:
            # Watched before it is read: what is committed in between is heard of, and what is heard twice is known.
            await self._bus.watch(document_id)
            stored = await self._load(document_id)
            room = Room(document_id, stored, self._limits)
            if not room.ready:
                await asyncio.to_thread(room.document.whole)
        except Refused as refusal:
            opening.set_exception(refusal)
        except BaseException as error:
            # A panic of the core, too: one document that cannot be read must not end all the others.
            if not is_core_failure(error):
                raise
            logger.exception("a document's log cannot be read", extra={"document_id": document_id})
            opening.set_exception(Refused(close.NOT_LOADED))
        else:
            # Whoever waited for it may have left.
            opened = self._rooms[document_id] = LiveRoom(room, empty_since=self._clock.now())
            self.counts.rooms_opened += 1
            opening.set_result(opened)
            await self._following.ask_who_is_there(document_id)
        finally:
            del self._opening[document_id]
            if not opening.done():
                opening.set_exception(Refused(close.RESTARTING))
            # Seen here, so that a load nobody waits for any more does not complain.
            if opening.exception() is not None:
                await self._bus.unwatch(document_id)

    async def _load(self, document_id: DocumentId) -> Stored:
        try:
            async with asyncio.timeout(self._timing.load_limit_seconds):
                stored = await self._log.load(document_id)
        except (LogUnavailable, TimeoutError):
            raise Refused(close.NOT_LOADED) from None
        if stored is None:
            raise Refused(close.NOT_FOUND)
        return stored

    async def _evict(self, live: LiveRoom) -> None:
        """Let an empty, saved and settled room leave memory."""
        del self._rooms[live.room.document_id]
        self.counts.rooms_evicted += 1
        await self._bus.unwatch(live.room.document_id)

    # What flushing and saving find out

    def _note_saved(self, rooms: Iterable[Room]) -> None:
        now = self._clock.now()
        for room in rooms:
            live = self._rooms.get(room.document_id)
            if live is None or live.room is not room:
                continue
            live.changed_at = now
            if live.unsettled_since is None:
                live.unsettled_since = now
            if room.lacks:
                self._following.catch_up_soon(live)

    def _break(self, live: LiveRoom, broken: BrokenRoom) -> None:
        """Give up a room whose document was harmed. What was not acknowledged is in its senders' browsers."""
        if self._rooms.get(live.room.document_id) is not live:
            return
        self.counts.rooms_broken += 1
        logger.error("the CRDT core failed; the room is given up", extra={"document_id": live.room.document_id})
        self.saving.forget(live.room)
        for peer in broken.suspects:
            self._send_away(live, peer, close.MALFORMED)
        self._drop(live, close.RESTARTING)

    def _note_broken(self, room: Room) -> None:
        live = self._rooms.get(room.document_id)
        if live is not None and live.room is room:
            self._break(live, BrokenRoom(set()))

    def _note_gone(self, room: Room) -> None:
        live = self._rooms.get(room.document_id)
        if live is not None and live.room is room:
            self._drop(live, close.OTHER_LINEAGE)

    def _drop(self, live: LiveRoom, why: Close) -> None:
        """Give up a room at once; whoever comes next loads it from the log."""
        if self._rooms.get(live.room.document_id) is not live:
            return
        del self._rooms[live.room.document_id]
        self._send_all_away(live, why)
        live.wake()
        for edit in live.edits:
            edit.set_exception(LogUnavailable())

    # Presence

    def _pass_on(self, live: LiveRoom, entries: list[awareness.Entry]) -> None:
        """Tell everybody of presence, with the next flush."""
        if entries:
            live.presence.update((entry.client, entry) for entry in entries)
            self._flushing.mark_presence(live)

    # Ending

    def _send_away(self, live: LiveRoom, peer: Peer, why: Close) -> None:
        self.counts.refusals[why.code] += 1
        send_away = live.send_away.pop(peer, None)
        if send_away is not None:
            self._pass_on(live, live.room.leave(peer))
            live.note_if_empty(self._clock.now())
            send_away(why)

    def _shut(self, document_id: DocumentId, why: Close) -> None:
        live = self._rooms.get(document_id)
        if live is not None:
            self._send_all_away(live, why)

    def _send_all_away(self, live: LiveRoom, why: Close) -> None:
        for peer in list(live.send_away):
            self._send_away(live, peer, why)

    async def _run_sweeps(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for document_id in list(self._rooms):
                await self._sweep(document_id)

    async def _sweep(self, document_id: DocumentId) -> None:
        """Do what time brings for one room: presence ends, gaps are read, idle rooms go."""
        live = self._rooms.get(document_id)
        if live is None:
            return
        now = self._clock.now()
        self._pass_on(live, live.room.audience.presence.expire(now))
        for peer in live.room.overdue(now):
            self._send_away(live, peer, close.MISSING_HISTORY)
        self._following.catch_up(live)
        if self._is_idle(live, now) and self._rooms.get(document_id) is live:
            await self._evict(live)

    def _is_idle(self, live: LiveRoom, now: float) -> bool:
        return (
            live.empty_since is not None
            and not live.holds
            and not live.room.peers
            and now - live.empty_since >= self._timing.idle_seconds
            and live.unsettled_since is None
            and not live.room.has_pending
            and not self.saving.holds(live.room)
        )

    async def _stop(self) -> None:
        """Send everybody away, save what is left, and end the tasks."""
        self._stopping = True
        self._following.stop()
        for document_id in list(self._rooms):
            self._shut(document_id, close.RESTARTING)
        try:
            async with asyncio.timeout(self._timing.stop_limit_seconds):
                while self._flushing or self.saving:  # noqa: ASYNC110 - three things at once, and the process is ending
                    await asyncio.sleep(0.005)
                await self._settling.finish()
        except TimeoutError:
            # Not acknowledged, and so still in the browsers that wrote it.
            logger.error("stopped with %d bytes that the log did not take", self.unsaved_bytes)
        await end(self._loops)
        self._rooms.clear()

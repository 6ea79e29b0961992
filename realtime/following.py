"""How the rooms of this process keep up with the others: what those commit comes over the bus, or from the log.

The bus may lose messages and let them overtake each other. What comes out of turn is read from the log, in order; after
an interruption, every room reads what it lacks.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from realtime import awareness, close
from realtime.close import Close
from realtime.document import is_core_failure
from realtime.live_room import Counts, LiveRoom
from realtime.ports import (
    AccessChanged,
    Bus,
    BusMessage,
    Clock,
    Committed,
    DocumentId,
    LogUnavailable,
    Missed,
    Presence,
    Shut,
    UpdateLog,
)
from realtime.room import BrokenRoom, Room

logger = logging.getLogger("quillroom.realtime")

# A place missing on the bus is mostly under way; only after this long is it read from the log.
_GAP_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What the bus and the log bring about.

    `broken`: the CRDT core failed. `dropped`: the room cannot go on. `shut`: everybody is to leave a document, live or
    not. `access_changed`: it must be asked again who may be in it.
    """

    broken: Callable[[LiveRoom, BrokenRoom], None]
    dropped: Callable[[LiveRoom, Close], None]
    shut: Callable[[DocumentId, Close], None]
    access_changed: Callable[[DocumentId], None]


class Following:
    """What other processes tell the `rooms` of this one, and what of their presence is told to them."""

    def __init__(
        self,
        rooms: Mapping[DocumentId, LiveRoom],
        log: UpdateLog,
        bus: Bus,
        clock: Clock,
        counts: Counts,
        *,
        node: str,
        tasks: asyncio.TaskGroup,
        load_limit_seconds: float,
        effects: Effects,
    ) -> None:
        self._rooms = rooms
        self._log = log
        self._bus = bus
        self._clock = clock
        self._counts = counts
        self._node = node
        self._tasks = tasks
        self._load_limit_seconds = load_limit_seconds
        self._effects = effects
        self._stopping = False

    async def run(self) -> None:
        """Hear the bus for as long as the process lives."""
        async with self._bus.listen() as messages:
            async for message in messages:
                if isinstance(message, Missed):
                    for live in list(self._rooms.values()):
                        self._refill(live)
                elif message.document_id in self._rooms:
                    live = self._rooms[message.document_id]
                    try:
                        self._hear(live, message)
                    except ValueError:
                        # Not to be read by this version; the log has what counts.
                        logger.exception("a message from another process cannot be read")
                    except BaseException as error:
                        if not is_core_failure(error):
                            raise
                        self._effects.broken(live, BrokenRoom(set()))
                if isinstance(message, AccessChanged | Shut):
                    # Of a room that is not open yet, too: somebody may be on the way.
                    self._effects.access_changed(message.document_id)

    def stop(self) -> None:
        """Begin nothing new: the process is ending."""
        self._stopping = True

    # Presence

    async def ask_who_is_there(self, document_id: DocumentId) -> None:
        """Have the other processes tell the presence that they have: an empty word of it is a question."""
        await self._bus.publish([Presence(document_id=document_id, node=self._node, payload=b"")])

    def tell_presence(self, rooms: Sequence[tuple[Room, list[awareness.Entry]]]) -> None:
        """Tell the other processes of presence here."""
        if not self._stopping and not self._bus.is_alone():
            self._publish([self._presence(room, entries) for room, entries in rooms])

    def _presence(self, room: Room, entries: list[awareness.Entry]) -> Presence:
        payload = awareness.encode([entry.encode() for entry in entries])
        return Presence(document_id=room.document_id, node=self._node, payload=payload)

    def _publish(self, messages: Sequence[BusMessage]) -> None:
        self._tasks.create_task(self._bus.publish(messages), name="presence")

    # What others say

    def _hear(self, live: LiveRoom, message: BusMessage) -> None:
        room = live.room
        match message:
            case Committed(seq=seq) if not room.ready:
                # Read from the log once it is ready.
                room.newest = max(room.newest, seq)
            case Committed():
                self._counts.deliveries += room.receive_committed(message)
                live.changed_at = self._clock.now()
                if room.lacks:
                    self.catch_up_soon(live)
            case Presence(node=node, payload=b""):
                here = [entry for peer in room.peers for entry in room.audience.presence.of(peer)]
                if here and node != self._node:
                    self._publish([self._presence(room, here)])
            case Presence(node=node, payload=payload):
                entries = awareness.decode(payload)
                room.audience.owners.showed_elsewhere(entries)
                news = room.audience.presence.receive(node, entries, user=None, now=self._clock.now())
                if news:
                    room.audience.broadcast_presence(news)
            case Shut(code=code):
                why = next((reason for reason in close.ALL if reason.code == code), close.RESTARTING)
                self._effects.shut(room.document_id, why)
            case AccessChanged():
                # For whoever admits people.
                return

    # What only the log has

    def catch_up_soon(self, live: LiveRoom) -> None:
        """Read what a room lacks from the log, unless the bus brings it within moments."""
        if not live.refilling:
            live.refilling = True
            asyncio.get_running_loop().call_later(_GAP_SECONDS, self._refill_if_lacking, live)

    def catch_up(self, live: LiveRoom) -> None:
        """Read what a room lacks from the log, if it lacks anything."""
        if live.room.lacks and not live.refilling:
            self._refill(live)

    def _refill_if_lacking(self, live: LiveRoom) -> None:
        live.refilling = False
        if live.room.lacks and not self._stopping:
            self._refill(live)

    def _refill(self, live: LiveRoom) -> None:
        live.refilling = True
        self._tasks.create_task(self._read_log(live), name="refill")

    async def _read_log(self, live: LiveRoom) -> None:
        """Read from the log what the bus did not bring."""
        room = live.room
        if self._rooms.get(room.document_id) is not live:
            return
        if not room.ready:
            live.refilling = False
            return
        try:
            async with asyncio.timeout(self._load_limit_seconds):
                stored = await self._log.since(room.document_id, room.seq)
        except (LogUnavailable, TimeoutError):
            live.refilling = False
            # The place stays known as lacking; the sweep tries again.
            room.newest = max(room.newest, room.seq + 1)
            return
        live.refilling = False
        if stored is None or stored.epoch != room.epoch:
            self._effects.dropped(live, close.OTHER_LINEAGE)
            return
        self._counts.gap_refills += 1
        try:
            room.catch_up(stored)
        except BaseException as error:
            if not is_core_failure(error):
                raise
            logger.exception("a document's log cannot be read", extra={"document_id": room.document_id})
            self._effects.dropped(live, close.NOT_LOADED)

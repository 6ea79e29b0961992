"""One open connection: bytes in, messages to the hub, an outbox out. The only module that sees a transport.

An open connection is one object that the event loop calls back: no task, no queue, and nothing to await for an edit
that comes or goes. What does take time (asking who is there, reading a large update) runs as a task while the socket is
not read, so that a client which sends on fills the network's buffers and not ours.
No memory is spent on a document before its peer is admitted.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast
from urllib.parse import parse_qsl

from starlette.requests import HTTPConnection

from realtime import close, websocket, wire
from realtime.audience import Peer
from realtime.close import Close, Refused
from realtime.dialects import Dialect, ManyDocuments, OneDocument, Seat, Slow
from realtime.door import Door, Doorway
from realtime.effort import NeedsFlush, NeedsTrial
from realtime.examining import LARGE_UPDATE_BYTES
from realtime.outbox import LARGE_FRAME_BYTES, Outbox
from realtime.pace import Allowance
from realtime.ports import Credentials, Rights
from realtime.room import NeedsJudging
from realtime.share import Share, Shares
from realtime.vetting import NeedsMeasuring
from realtime.websocket import Frames, ProtocolError

logger = logging.getLogger("quillroom.realtime")

CLOSE_SECONDS = 5.0
# So long one connection is read, looked at after so many messages; then it is somebody else's turn.
_TURN_SECONDS = 0.005
_MESSAGES_BETWEEN_LOOKS = 16
# Reading few messages in no time is not worth being counted: their number is bounded.
_FEW_MESSAGES = 4
_UNNOTICED_SECONDS = 0.0002
# What it takes to write down an answer: three milliseconds a megabyte, and as much to send it.
_SECONDS_PER_SENT_BYTE = 6e-9
# Messages are counted by so many at a time.
_MESSAGES_COUNTED_AT_ONCE = 64
# A line on which nothing was heard for so many keepalives, though we asked, is dead.
_DEAD_AFTER_KEEPALIVES = 3
PATH = "/collab"


@dataclass(frozen=True, slots=True)
class Desk:
    """What all connections of a process have together. `opened` and `gone` are told of each."""

    door: Door
    doorway: Doorway
    shares: Shares
    opened: "Callable[[Socket], None]"
    gone: "Callable[[Socket], None]"


class Socket(asyncio.Protocol):
    """One connection, from the answer to its handshake to its end."""

    __slots__ = (
        "_answer",
        "_bearer",
        "_busy",
        "_code",
        "_cookie",
        "_credit",
        "_debt",
        "_desk",
        "_dialect",
        "_door",
        "_frames",
        "_goodbye",
        "_lagging",
        "_messages",
        "_opened_at",
        "_outbox",
        "_path",
        "_seatless_seconds",
        "_share",
        "_silent_seconds",
        "_task",
        "_transport",
        "_unheard_seconds",
        "_unread_seconds",
        "_work",
        "_write_paused",
        "ended",
        "seats",
    )

    def __init__(self, desk: Desk, request: HTTPConnection, headers: Mapping[str, str], answer: bytes) -> None:
        door = desk.door
        limits, now = door.limits, door.clock.now()
        self.seats: dict[str, Seat] = {}
        self.ended: Close | None = None
        self._desk = desk
        self._door = door
        self._answer = answer
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(largest_bytes=limits.frame_bytes)
        self._outbox = Outbox(limit_bytes=limits.outbox_bytes, wake=partial(door.hub.deliveries.add, self))
        self._messages = Allowance(limits.messages_per_second, limits.messages_burst, now)
        self._work = Allowance(limits.work_per_second, limits.work_burst, now)
        # What it has together with others, once it is known who comes.
        self._share: Share | None = None
        self._task: asyncio.Task[None] | None = None
        self._busy = False
        # So many messages are counted already.
        self._credit = 0
        # How many seconds must pass before it is read again.
        self._debt = 0.0
        self._write_paused = False
        self._goodbye: asyncio.TimerHandle | None = None
        # What lost something with a queue that was dropped, and what its peer had for certain before.
        self._lagging: dict[Seat, bytes | None] | None = None
        self._code = close.LOST
        self._opened_at = now
        # Since something was sent, since something came, since nothing could be sent, since there was a document.
        self._silent_seconds = self._unheard_seconds = self._unread_seconds = self._seatless_seconds = 0.0
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in door.origins(request):
            self.ended = close.FOREIGN_ORIGIN
        # A browser always names the page's origin; a cookie without one did not come from a page.
        self._cookie = door.cookie(request) if origin is not None else None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        self._bearer = token.strip() or None if scheme.lower() == "bearer" else None
        document_id = request.scope["path"].removeprefix(PATH).removeprefix("/")
        self._path = f"{PATH}/{{document_id}}" if document_id else PATH
        query = dict(parse_qsl(request.scope["query_string"].decode("latin-1")))
        self._dialect: Dialect = (
            OneDocument(self, document_id, bearer=query.get("token"), epoch=query.get("epoch"))
            if document_id
            else ManyDocuments(self)
        )

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer the handshake, and begin."""
        # uvloop's own class is one in all but name.
        self._transport = cast("asyncio.Transport", transport)
        self._desk.opened(self)
        self._door.observer.opened(self._path)
        self._transport.write(self._answer)
        self._answer = b""
        refused = self.ended
        if refused is not None:
            self.ended = None
            self.end(refused)
            return
        self._outbox.write = self._transport.write
        self._outbox.is_crowded = self._is_crowded
        first = self._dialect.begin()
        if first is not None:
            self._run(first)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Leave every document."""
        self._leave_all()
        self._outbox.take()
        self._desk.gone(self)
        if self._share is not None:
            self._share.connections -= 1
        if self._goodbye is not None:
            self._goodbye.cancel()
        self._transport = self._outbox.write = None
        self._door.observer.closed(self._path, self._code, self._door.clock.now() - self._opened_at)

    def data_received(self, data: bytes) -> None:
        """Read what the network brought."""
        self._unheard_seconds = 0.0
        self._frames.feed(data)
        if not self._busy:
            self._read()

    def eof_received(self) -> None:
        """Let the transport close; a WebSocket has no half that goes on."""
        self._cut_off_later()

    def pause_writing(self) -> None:
        """Send no more until the peer has read; the outbox keeps what comes, within its bound."""
        self._write_paused = True
        self._outbox.write = None

    def resume_writing(self) -> None:
        """Send what has come meanwhile."""
        self._write_paused = False
        self._unread_seconds = 0.0
        self.deliver()
        if not self._write_paused and self.ended is None and self._transport is not None:
            self._outbox.write = self._transport.write

    # Sending

    @property
    def waiting_bytes(self) -> int:
        """See Sender."""
        return self._outbox.waiting_bytes

    @property
    def unsent_bytes(self) -> int:
        """See Loaded."""
        return self._outbox.waiting_bytes + (self._transport.get_write_buffer_size() if self._transport else 0)

    def _is_crowded(self) -> bool:
        return self._write_paused or (self._share is not None and not self._share.load(self))

    def deliver(self) -> None:
        """See Sender."""
        if self._write_paused or self._transport is None or self.ended is not None:
            return
        outbox = self._outbox
        waiting_bytes = outbox.waiting_bytes
        frames = outbox.take()
        if waiting_bytes > LARGE_FRAME_BYTES:
            self._transport.writelines(frames)
            self._pay(waiting_bytes * _SECONDS_PER_SENT_BYTE)
        elif frames:
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        if outbox.behind:
            outbox.behind = False
            self._note_lagging()
        self._make_up()

    def _make_up(self) -> None:
        """Tell what could not be told before, if it can be now."""
        if self._lagging:
            self._resync_next()
        if self._outbox.postponed:
            self._ask_again()

    def _note_lagging(self) -> None:
        """Any document may have lost something. What a peer had before is kept: what it is told now may not fit."""
        lagging = self._lagging or {}
        for seat in self.seats.values():
            lagging.setdefault(seat, seat.peer.has)
        self._lagging = lagging

    def _resync_next(self) -> None:
        """Replace what was dropped by differences, one at a time: together they might not fit into the outbox again."""
        while self._lagging and not self._outbox.awake and self._outbox.has_room():
            seat, has = self._lagging.popitem()
            if seat in self.seats.values():
                seat.room.resync(seat.peer, has)

    def _ask_again(self) -> None:
        """Have answered what could not be when it was asked."""
        if not self._outbox.has_room():
            return
        self._outbox.postponed = False
        for seat in list(self.seats.values()):
            question, seat.peer.question = seat.peer.question, None
            if question is not None:
                try:
                    self._pay(self._ask(seat, wire.SyncStep1(question)))
                except (Refused, ValueError) as error:
                    self.end(_reason_of(error))

    def put(self, message: bytes) -> None:
        """See Connection."""
        self._outbox.put(message)

    def end(self, why: Close) -> None:
        """See Connection. What was queued before still goes out if the peer takes it."""
        transport = self._transport
        if self.ended is not None or transport is None:
            return
        self._leave_all()
        self.ended, self._code = why, why.code
        self._outbox.write = None
        self._door.hub.counts.refusals[why.code] += 1
        self._cut_off_later()
        if transport.is_closing():
            return
        frames = self._outbox.take()
        if not self._write_paused and why is not close.TOO_SLOW:
            transport.write(b"".join(frames))
        transport.write(websocket.close_frame(why))
        if self._busy:
            # To see the peer's own close.
            self._go_on()

    # Reading

    def _read(self) -> None:
        """Take messages until there is none, one takes its time, or it is somebody else's turn."""
        frames = self._frames
        begun = time.thread_time()
        number = 0
        try:
            while (message := frames.next()) is not None:
                number += 1
                self._take(*message)
                if self._busy:
                    break
                if number % _MESSAGES_BETWEEN_LOOKS == 0 and time.thread_time() - begun > _TURN_SECONDS:
                    self._hold()
                    asyncio.get_running_loop().call_soon(self._go_on)
                    break
        except Exception as error:  # noqa: BLE001 - sorted out below; what is not known is logged
            if self.ended is not None and self._transport is not None:
                # It was told already; what it goes on to send is not worth keeping.
                self._transport.abort()
            self.end(_reason_of(error))
            return
        seconds = time.thread_time() - begun
        if number > _FEW_MESSAGES or seconds > _UNNOTICED_SECONDS:
            self._pay(seconds)

    def _take(self, opcode: int, payload: bytes) -> None:
        """Take one message. Raises Refused, ProtocolError, MalformedFrame."""
        if self.ended is not None or opcode == websocket.CLOSE:
            if opcode == websocket.CLOSE:
                self._part_ways(payload)
            return
        self._credit -= 1
        if self._credit < 0:
            counted = min(_MESSAGES_COUNTED_AT_ONCE, int(self._messages.burst / 2) + 1)
            if self._messages.spend(counted, self._door.clock.now()):
                raise Refused(close.TOO_MANY_MESSAGES)
            self._credit = counted - 1
        if opcode == websocket.BINARY:
            slow = self._dialect.take(payload)
            if slow is not None:
                self._run(slow)
        elif opcode == websocket.PING:
            # Answers to one who does not read would pile up; the next ping that finds room is answered.
            if self._transport is not None and not self._write_paused:
                self._transport.write(websocket.frame(payload, websocket.PONG))
        elif opcode == websocket.TEXT:
            websocket.check_text(payload)
            raise Refused(close.TEXT_FRAME)

    def _part_ways(self, payload: bytes) -> None:
        """The peer closes, or answers our close."""
        transport = self._transport
        if transport is None:
            return
        if self.ended is None:
            self._code = websocket.read_close(payload)
            self._leave_all()
            self.ended = close.NORMAL
            self._outbox.write = None
            self._outbox.take()
            transport.write(websocket.frame(payload[:2], websocket.CLOSE))
        self._cut_off_later()
        transport.close()

    def _cut_off_later(self) -> None:
        """Give what is still to be sent some time; whoever does not read keeps no memory of ours."""
        if self._goodbye is None and self._transport is not None:
            self._goodbye = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._transport.abort)

    def _pay(self, seconds: float) -> None:
        """Read no further until the work that this peer has caused is paid for."""
        now = self._door.clock.now()
        debt = self._work.spend(seconds, now)
        if self._share is not None:
            debt = max(debt, self._share.work.spend(seconds, now))
        if debt:
            self._debt = debt
            if not self._busy:
                self._hold()
                self._go_on()

    def _run(self, slow: Slow) -> None:
        """Do something that takes time, and read no further meanwhile."""
        self._hold()
        self._task = asyncio.get_running_loop().create_task(self._do(slow))

    async def _do(self, slow: Slow) -> None:
        try:
            await slow
        except Exception as error:  # noqa: BLE001 - as in _read
            self._task = None
            self.end(_reason_of(error))
        else:
            self._task = None
            self._go_on()

    def _hold(self) -> None:
        self._busy = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """Read on, once what was caused is paid for."""
        if not self._busy or self._task is not None:
            return
        debt, self._debt = self._debt, 0.0
        if debt and self.ended is None:
            asyncio.get_running_loop().call_later(debt, self._go_on)
            return
        self._busy = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._read()

    # Documents

    async def enter(self, key: str, document_id: str, *, bearer: str | None, epoch: str | None, prefix: bytes) -> Seat:
        """See Connection. No document is loaded before the peer is admitted."""
        door = self._door
        if len(self.seats) >= door.limits.documents:
            raise Refused(close.TOO_MANY_MESSAGES)
        seat = await self._desk.doorway.enter(
            document_id,
            Credentials(cookie=self._cookie, bearer=bearer or self._bearer),
            epoch=epoch,
            outbox=self._outbox,
            prefix=prefix,
            send_away=partial(self._dialect.leave, key),
        )
        if self._share is None:
            self._share = self._desk.shares.take(seat.peer.user.get("id", self), door.clock.now())
        self.seats[key] = seat
        return seat

    def most_documents(self) -> int:
        """See Connection."""
        return self._door.limits.documents

    def receive(self, seat: Seat, message: wire.Message) -> Slow | None:
        """See Connection."""
        if isinstance(message, wire.Update):
            if len(message.update) > LARGE_UPDATE_BYTES or not seat.room.ready:
                return self._receive_slowly(seat, message)
        elif isinstance(message, wire.SyncStep1 | wire.QueryAwareness):
            seconds = self._ask(seat, message)
            if seconds <= _UNNOTICED_SECONDS:
                # What takes longer is paid for with all else that was read.
                self._pay(seconds)
            return None
        try:
            self._door.hub.receive(seat.room, seat.peer, message)
        except (NeedsTrial, NeedsFlush, NeedsMeasuring, NeedsJudging):
            return self._receive_slowly(seat, cast("wire.Update", message))
        self._collect(seat.peer)
        return None

    def _ask(self, seat: Seat, question: wire.SyncStep1 | wire.QueryAwareness) -> float:
        """Have a question answered: a few bytes that cost by the size of the document. Returns the seconds of CPU."""
        begun = time.thread_time()
        self._door.hub.receive(seat.room, seat.peer, question)
        self._collect(seat.peer)
        return time.thread_time() - begun

    async def _receive_slowly(self, seat: Seat, message: wire.Update) -> None:
        await self._door.hub.receive_slowly(seat.room, seat.peer, message, pay=self._pay)
        self._collect(seat.peer)

    def _collect(self, peer: Peer) -> None:
        if peer.debt_seconds:
            seconds, peer.debt_seconds = peer.debt_seconds, 0.0
            self._pay(seconds)

    def part(self, seat: Seat) -> None:
        """See Connection."""
        self._door.hub.part(seat.room, seat.peer)
        self._outbox.forget(seat.peer.prefix)

    def _leave_all(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for seat in self.seats.values():
            self._door.hub.part(seat.room, seat.peer)
        self.seats = {}

    # What time brings

    def beat(self, seconds: float) -> None:
        """Do what is due, `seconds` after the last time."""
        transport = self._transport
        limits = self._door.limits
        if transport is None or self.ended is not None:
            return
        self._silent_seconds = 0.0 if self._outbox.spoke else self._silent_seconds + seconds
        self._outbox.spoke = False
        self._unheard_seconds += seconds
        if self._write_paused:
            self._unread_seconds += seconds
            if self._unread_seconds >= limits.send_seconds:
                self.end(close.TOO_SLOW)
                return
        self._seatless_seconds = 0.0 if self.seats or self._task is not None else self._seatless_seconds + seconds
        if self._seatless_seconds >= limits.authentication_seconds:
            self.end(close.AUTH_TIMEOUT)
            return
        if self._unheard_seconds >= limits.keepalive_seconds * _DEAD_AFTER_KEEPALIVES:
            transport.abort()
        elif self._unheard_seconds >= limits.keepalive_seconds and not self._write_paused:
            transport.write(websocket.frame(b"", websocket.PING))
        # What waited for other connections of the person may be gone.
        self._make_up()
        if self._silent_seconds >= limits.keepalive_seconds:
            for seat in self.seats.values():
                seat.peer.put(wire.NO_AWARENESS)
                break

    async def recheck(self, key: str, seat: Seat) -> None:
        """Ask whether the peer may still be here, and may still do what it did."""
        try:
            admission = await self._door.access.admit(seat.room.document_id, seat.credentials)
        except Refused as refusal:
            # What passes, such as a database that is away, is no reason to send somebody away.
            if not refusal.close.come_back and self.seats.get(key) is seat:
                self._door.hub.part(seat.room, seat.peer)
                self._dialect.leave(key, refusal.close)
        else:
            seat.peer.user = admission.user
            if seat.peer.rights is not admission.rights and self.seats.get(key) is seat:
                could_only_read, seat.peer.rights = seat.peer.rights is Rights.READ, admission.rights
                self._dialect.tell_rights(seat)
                if could_only_read:
                    seat.room.ask(seat.peer)


def _reason_of(error: Exception) -> Close:
    """Return what a client is told of an error; one that is none of the client's is ours, and goes to the log."""
    match error:
        case Refused() | ProtocolError():
            return error.close
        case wire.UnknownMessage():
            return close.UNKNOWN_MESSAGE
        case ValueError():
            # A frame that we cannot read, or one that the CRDT core cannot: it reads state vectors more strictly.
            return close.MALFORMED
        case _:
            logger.error("a connection failed", exc_info=error)
            return close.TRY_LATER

"""What must be found out about an update before its room may take it, while its socket is not read.

Nearly all updates need none of this. A large one is read and checked on a thread; one that the CRDT core may take long
for is tried in another process first; how deep types would be nested is measured; and whether somebody who may only
suggest does no more is for a judge to say. The room says what it needs by an exception, and is asked again afterwards:
it may have changed meanwhile.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from realtime import close, wire
from realtime.audience import Peer
from realtime.close import Refused
from realtime.effort import NeedsFlush, NeedsTrial, deletes_much, without_known_deletions
from realtime.judging import Bench
from realtime.live_room import LiveRoom
from realtime.ports import OpenJudge, Whose
from realtime.room import NeedsJudging, Room
from realtime.trial import Trials
from realtime.update import Reach, read_reach
from realtime.vetting import Checked, NeedsChecking, NeedsMeasuring, depth_of

# Larger updates are looked into on a thread: the walk is Python, and one import must not hold up everybody.
LARGE_UPDATE_BYTES = 32 * 1024
# A room where much comes in while an update is tried may have it tried again so often.
_MOST_TRIALS = 4

Pay = Callable[[float], None]
"""Is told of the seconds of CPU that something took."""


class Take(Protocol):
    """Gives an update to its room with what was found out so far, as `Hub.receive`. Raises what is still needed."""

    def __call__(self, *, reach: Reach, tried: int | None, judged: bool, checked: Checked | None) -> None:
        """Give it."""
        ...


class Examining:
    """The examinations of a process. Dear ones have their turn."""

    def __init__(self, open_judge: OpenJudge | None, whose: Whose | None = None) -> None:
        self._open_judge = open_judge
        self._whose = whose
        self._trials = Trials()
        self._measuring = asyncio.Lock()

    async def bring(
        self,
        live: LiveRoom,
        peer: Peer,
        message: wire.Update,
        take: Take,
        *,
        next_flush: Callable[[], Awaitable[None]],
        pay: Pay,
    ) -> None:
        """Find out whatever is needed until the room has taken an update.

        Raises what `take` raises but for what it needs, and Refused.
        """
        room, update = live.room, message.update
        reach, seconds = await asyncio.to_thread(_read, update)
        pay(seconds)
        tried, judged, trials = None, False, 0
        checked = await self._check(room, update, reach, pay=pay)
        while True:
            try:
                take(reach=reach, tried=tried, judged=judged, checked=checked)
            except NeedsChecking:
                checked = await self._check(room, update, reach, pay=pay)
            except NeedsTrial:
                if trials == _MOST_TRIALS:
                    raise Refused(close.TRY_LATER) from None
                trials += 1
                reach, tried = await self.try_out(room, peer, update, reach, pay=pay)
            except NeedsFlush:
                await next_flush()
            except NeedsMeasuring:
                pay(await self.measure(room, update))
            except NeedsJudging:
                pay(await self.judge(live, peer, update, reach, checked))
                judged = True
            else:
                return

    async def try_out(self, room: Room, peer: Peer, update: bytes, reach: Reach, *, pay: Pay) -> tuple[Reach, int]:
        """Try an update that NeedsTrial.

        Returns its reach, without the deletions that the room knows, and how much had come into the room when it was
        tried (`Effort.grown`). Raises as Trials.run.
        """
        if deletes_much(reach, room.size_bytes):
            reach, seconds = await asyncio.to_thread(_count_news, reach, update, room.document.deletions())
            pay(seconds)
        grown = room.effort.grown

        def document() -> list[bytes]:
            nonlocal grown
            grown = room.effort.grown
            return room.to_try_on()

        if room.is_dear(reach):
            await self._trials.run(document, update, person=peer.user.get("id"), pay=pay)
        return reach, grown

    async def measure(self, room: Room, update: bytes) -> float:
        """Measure, on a thread, how deep the types of a document are nested with an update that NeedsMeasuring.

        Returns the seconds of CPU that it took. Raises Refused.
        """
        async with self._measuring:
            nested = room.vetting.nested
            depth, seconds = await asyncio.to_thread(_measure, [*room.to_try_on(), update])
            room.vetting.note_depth(update, depth, nested=nested)
            return seconds

    async def judge(
        self, live: LiveRoom, peer: Peer, update: bytes, reach: Reach, checked: Checked | None = None
    ) -> float:
        """Have an update that NeedsJudging judged. Returns the seconds of CPU that it took. Raises as Bench.hear."""
        if self._open_judge is None:
            raise Refused(close.FORBIDDEN)
        if live.bench is None:
            live.bench = Bench(self._open_judge, self._whose)
        return await live.bench.hear(live.room, peer, update, reach, checked)

    async def _check(self, room: Room, update: bytes, reach: Reach, *, pay: Pay) -> Checked | None:
        """Find out on a thread whether the core can take a large update. Raises MalformedFrame."""
        look = room.to_check(update, reach) if len(update) > LARGE_UPDATE_BYTES else None
        if look is None:
            return None
        checked, seconds = await asyncio.to_thread(_look, look)
        pay(seconds)
        return checked


def _read(update: bytes) -> tuple[Reach, float]:
    begun = time.thread_time()
    return read_reach(update), time.thread_time() - begun


def _count_news(reach: Reach, update: bytes, deletions: bytes) -> tuple[Reach, float]:
    begun = time.thread_time()
    return without_known_deletions(reach, update, deletions), time.thread_time() - begun


def _measure(updates: Sequence[bytes]) -> tuple[int, float]:
    begun = time.thread_time()
    return depth_of(updates), time.thread_time() - begun


def _look(look: Callable[[], Checked]) -> tuple[Checked, float]:
    begun = time.thread_time()
    return look(), time.thread_time() - begun

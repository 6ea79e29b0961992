"""Updates of people who may only suggest: held until a judge has said that they change nothing else.

What a judge is (`realtime.ports.Judge`) is the host's affair: only it knows what a suggestion looks like. Here its turn
is kept: it hears of every update that the room takes, in the room's order, works on a thread, and goes when nobody who
needs it is left.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from realtime import close
from realtime.audience import Peer, User
from realtime.close import Refused
from realtime.document import is_core_failure
from realtime.ports import Judge, LogUnavailable, OpenJudge, Rights, Whose
from realtime.room import Room
from realtime.update import Reach
from realtime.vetting import Checked

logger = logging.getLogger("quillroom.realtime")

# What a judge has not heard yet is kept in memory; beyond this it begins anew when it is needed.
_MOST_UNHEARD_BYTES = 4 * 1024 * 1024
_LOOK_SECONDS = 0.005
_LONGEST_WAIT_SECONDS = 2.0


class Bench:
    """The judge of one room, and the turn before it."""

    __slots__ = ("_judge", "_open", "_turn", "_whose")

    def __init__(self, open_judge: OpenJudge, whose: Whose | None = None) -> None:
        self._open = open_judge
        self._whose = whose
        self._judge: Judge | None = None
        self._turn = asyncio.Lock()

    async def hear(self, room: Room, peer: Peer, update: bytes, reach: Reach, checked: Checked | None = None) -> float:
        """Return if the update only suggests, with the seconds of CPU that it took to find out.

        `checked`: what was found out about it elsewhere. Raises Refused (SUGGESTIONS_ONLY, TRY_LATER and what the
        room's own vetting raises) or MalformedFrame.
        """
        await self._know_owners(room, reach)
        async with self._turn:
            waited = 0.0
            while not room.vet(peer, update, reach, checked):
                # What waits is applied within moments.
                if waited >= _LONGEST_WAIT_SECONDS:
                    raise Refused(close.TRY_LATER)
                await asyncio.sleep(_LOOK_SECONDS)
                waited += _LOOK_SECONDS
            try:
                allowed, seconds = await self._ask(room, update, peer.user)
            except BaseException as error:
                self.dismiss(room)
                if not is_core_failure(error):
                    raise
                logger.exception("an update could not be judged", extra={"document_id": room.document_id})
                raise Refused(close.TRY_LATER) from error
            if not allowed:
                self.dismiss(room)
                raise Refused(close.SUGGESTIONS_ONLY)
            return seconds

    async def _know_owners(self, room: Room, reach: Reach) -> None:
        """Find out whose clients are that wrote before this process knew of them. Raises Refused(TRY_LATER)."""
        clients = room.without_owner(reach)
        if not clients or self._whose is None:
            return
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                found = await self._whose(room.document_id, clients)
        except (LogUnavailable, TimeoutError) as error:
            raise Refused(close.TRY_LATER) from error
        for client, person in found.items():
            room.audience.owners.wrote(client, person)

    async def _ask(self, room: Room, update: bytes, user: User) -> tuple[bool, float]:
        judge, unheard = self._judge, room.unheard
        if judge is None or unheard is None or sum(map(len, unheard)) > _MOST_UNHEARD_BYTES:
            parts, room.unheard = room.to_try_on(), []
            self._judge = judge = None
            judge, allowed, seconds = await asyncio.to_thread(_work, self._open, None, parts, update, user)
        else:
            room.unheard = []
            judge, allowed, seconds = await asyncio.to_thread(_work, self._open, judge, unheard, update, user)
        # Dismissed meanwhile, it would not hear what the room takes from now on, and nobody would let it go.
        self._judge = judge if room.unheard is not None else None
        return allowed, seconds

    def dismiss(self, room: Room) -> None:
        """Let the judge go: it is spent, or nobody needs it. The next one begins with what the room has then."""
        self._judge = room.unheard = None

    def leave(self, room: Room) -> None:
        """Somebody left the room."""
        if all(peer.rights is not Rights.SUGGEST for peer in room.peers):
            self.dismiss(room)


def _work(
    open_judge: OpenJudge, judge: Judge | None, told: Sequence[bytes], update: bytes, user: User
) -> tuple[Judge, bool, float]:
    begun = time.thread_time()
    if judge is None:
        judge = open_judge(told)
    else:
        for each in told:
            judge.take(each)
    return judge, judge.allows(update, user), time.thread_time() - begun

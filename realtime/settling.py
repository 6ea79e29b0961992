"""Brings what is derived from documents up to date some time after they changed: titles and first words in lists.

One document at a time, and between two a rest of several times the work that the first was: however many documents
change, or come back at once after a deploy, those who type and those who come in do not wait for lists.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from realtime.audience import User
from realtime.document import is_core_failure
from realtime.live_room import LiveRoom
from realtime.ports import Clock, DocumentId

logger = logging.getLogger("quillroom.realtime")

_LOOK_SECONDS = 0.5
# A fifth of the processor, at most, goes into what is derived; but one document that is dear, or a database that makes
# it wait, must not keep all the others waiting.
_REST_PER_COST = 4.0
_LONGEST_REST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Wrote:
    """Who wrote in a document since it was last settled.

    `writers`: by id, whoever wrote last as the last; nobody if only the host did. `authors`: by Yjs client, who
    brought something new of it.
    """

    writers: Mapping[object, User]
    authors: Mapping[int, User]


Settle = Callable[[DocumentId, int, bytes, Wrote], Awaitable[None]]
"""Called some time after a document changed here, for what is derived from it: its id, place and whole state."""


class Settling:
    """Settles the rooms of one process. `rooms` is looked at and never changed.

    A room is due so many seconds after its last change (`after_seconds`), and while changes go on at most every so many
    (`at_most_every_seconds`), or as soon as its turn comes.
    """

    def __init__(
        self,
        rooms: Mapping[DocumentId, LiveRoom],
        clock: Clock,
        settle: Settle | None,
        *,
        after_seconds: float,
        at_most_every_seconds: float,
    ) -> None:
        self._rooms = rooms
        self._clock = clock
        self._settle = settle
        self._after_seconds = after_seconds
        self._at_most_every_seconds = at_most_every_seconds

    async def run(self) -> None:
        """Settle what is due for as long as the process lives."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._settle_due()

    async def settle(self, document_id: DocumentId) -> None:
        """Settle one room at once, if it is here and has changed."""
        live = self._rooms.get(document_id)
        if live is not None and live.unsettled_since is not None:
            await self._settle_room(live)

    async def finish(self) -> None:
        """Settle all that is left, without rest."""
        for live in list(self._rooms.values()):
            if live.unsettled_since is not None:
                await self._settle_room(live)

    async def _settle_due(self) -> None:
        """Settle what is due. A function of its own: a loop's variables would keep rooms alive."""
        for document_id in list(self._rooms):
            live = self._rooms.get(document_id)
            if live is not None and self._is_due(live):
                begun = time.process_time()
                await self._settle_room(live)
                await asyncio.sleep(rest_after(time.process_time() - begun))

    def _is_due(self, live: LiveRoom) -> bool:
        if live.unsettled_since is None or live.changed_at is None:
            return False
        now = self._clock.now()
        return now - live.changed_at >= self._after_seconds or now - live.unsettled_since >= self._at_most_every_seconds

    async def _settle_room(self, live: LiveRoom) -> None:
        # Taken before the wait: an edit made meanwhile must count as unsettled.
        live.unsettled_since = None
        room = live.room
        wrote = Wrote(live.writers, room.authors)
        live.writers, room.authors = {}, {}
        if self._settle is None:
            return
        # If it fails there must be a room to try again with.
        live.holds += 1
        try:
            seq, state = room.seq, room.state()
            await self._settle(room.document_id, seq, state, wrote)
        except BaseException as error:
            if not is_core_failure(error):
                raise
            logger.exception("what is derived from a document was not brought up to date")
            live.unsettled_since = live.changed_at = self._clock.now()
            live.writers, room.authors = {**wrote.writers, **live.writers}, {**wrote.authors, **room.authors}
        finally:
            live.release(self._clock.now())


def rest_after(seconds: float) -> float:
    """Return how many seconds to rest after a document for which the process has worked so long."""
    return min(_REST_PER_COST * seconds, _LONGEST_REST_SECONDS)

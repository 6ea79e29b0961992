"""Updates that came before what they build on, kept until the peer has answered our question for it.

A provider that comes back sends each new keystroke at once, and what was written offline only in its answer to our
step 1: in between, its updates build on text that nobody here has. So an update that does not fit is first a reason to
ask; a peer whose answer does not bring the missing history is refused.
"""

from dataclasses import dataclass

from realtime import close
from realtime.close import Refused
from realtime.document import merged
from realtime.update import Reach, read_reach
from realtime.wire import MalformedFrame

# Beyond this a peer is sent away to come back, and brings it all in one answer.
_MOST_BYTES = 4 * 1024 * 1024
_MOST_UPDATES = 4096
_ANSWER_SECONDS = 30.0
_EMPTY = b"\x00\x00"
_EMPTY_REACH = read_reach(_EMPTY)


@dataclass(slots=True, eq=False)
class Early:
    """What one peer sent too early. `asked`: our step 1 is on its way to the peer, or its answer to us."""

    asked: bool = False
    # Few peers ever need a list.
    _updates: list[tuple[bytes, Reach]] | None = None
    _bytes: int = 0
    _since: float | None = None

    def keep(self, update: bytes, reach: Reach) -> None:
        """Keep an update. Raises Refused(TOO_MANY_MESSAGES)."""
        if self._updates is None:
            self._updates = []
        if self._bytes + len(update) > _MOST_BYTES or len(self._updates) >= _MOST_UPDATES:
            raise Refused(close.TOO_MANY_MESSAGES)
        self._updates.append((update, reach))
        self._bytes += len(update)

    def take(self) -> list[tuple[bytes, Reach]]:
        """Give back all updates and keep none. The first is all of them, and the others, to be acknowledged, are empty.

        Raises Refused(MISSING_HISTORY) if something is missing between them.
        """
        taken, self._updates = self._updates or [], None
        self._bytes, self._since = 0, None
        if len(taken) < 2:
            return taken
        # What was typed letter by letter is one struct then.
        update = merged([each for each, _ in taken])
        try:
            return [(update, read_reach(update)), *[(_EMPTY, _EMPTY_REACH)] * (len(taken) - 1)]
        except MalformedFrame:
            raise Refused(close.MISSING_HISTORY) from None

    def is_overdue(self, now: float) -> bool:
        """Say whether the peer owes an answer for too long: what is neither taken nor refused must not stay so."""
        if not self._updates:
            return False
        if self._since is None:
            self._since = now
        return now - self._since > _ANSWER_SECONDS

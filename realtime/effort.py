"""How long the CRDT core may take for an update, reckoned from what was read of it.

What the core really does shows only in the document, so these are bounds: honest histories pass them, too, and are then
tried (`realtime.trial`).
Source: docs/adr/0003-updates-are-read-before-they-are-merged.md.
"""

from bisect import bisect_right
from collections.abc import Mapping

from realtime.structs import read_deletions
from realtime.update import Reach

# For a struct that is put among others, the core may walk through all the others, at some 0.2 µs each.
_MOST_STEPS = 4_000_000
# Less for all that one person has wait for a flush, which comes again and again; more while flushes turn out cheap, as
# they do when people type: letters are put beside those that they name.
_MOST_WAITING_STEPS = 1_000_000
_MOST_EASE = 64
_CHEAP_SECONDS = 0.02
_LEAST_STRUCT_BYTES = 5
# For a range of deletions it may part one long text and copy the rest: up to 0.4 ms a megabyte.
_BYTES_PER_STEP = 500
# Yjs writes what follows on one another as one struct. The core joins the pieces of a client that did not, in time and
# memory that grow with the square of their number.
_MOST_PIECES = 20_000


class NeedsTrial(Exception):
    """Only trying can tell how long the core takes for an update (`realtime.trial`). Nothing of it was taken."""


class NeedsFlush(Exception):
    """What waits for the next flush may take the core long enough. Nothing of the update was taken."""


class Effort:
    """What the updates that wait for one flush may cost the core, by who sent them.

    One dear struct is too little to be tried, and many of them come in one flush: so each person may have only so much
    wait, and at least one update, which is all that anybody types in that time.
    """

    __slots__ = ("_ease", "_placed", "_weights", "grown")

    def __init__(self) -> None:
        self.grown = 0
        """How many structs came since the room was opened, those aside that are their client's next letter."""
        self._placed = 0
        self._weights: dict[object, int] = {}
        self._ease = 1

    def check(self, reach: Reach, known: Mapping[int, int], document_bytes: int, *, person: object) -> None:
        """Raise NeedsFlush if an update must not wait with the others."""
        own = self._weights.get(person)
        most = _MOST_WAITING_STEPS * _BYTES_PER_STEP * self._ease
        too_much = own and (own + _weight(reach)) * document_bytes > most
        # What it brings may come to stand between the neighbours that others name.
        too_much = too_much or self._placed * reach.structs > _MOST_STEPS
        if too_much and (reach.deletions or reach.brings_structs(known)):
            raise NeedsFlush

    def add(self, reach: Reach, person: object) -> None:
        """Count an update that waits from now on."""
        self.grown += reach.structs
        self._placed += reach.placed
        self._weights[person] = self._weights.get(person, 0) + _weight(reach)

    def learn(self, seconds: float) -> None:
        """Know how long the core took for what was taken last."""
        self._ease = min(2 * self._ease, _MOST_EASE) if seconds < _CHEAP_SECONDS else 1

    def is_outdated(self, reach: Reach, tried: int) -> bool:
        """Whether an update must be tried anew. `tried`: how much had come (`grown`) when it was."""
        return reach.placed * (self.grown - tried) > _MOST_STEPS

    def take(self) -> dict[object, int]:
        """Begin anew. Returns each person's share of what the flush costs, in no particular unit."""
        weights, self._weights, self._placed = self._weights, {}, 0
        return weights


def _weight(reach: Reach) -> int:
    return _BYTES_PER_STEP // _LEAST_STRUCT_BYTES * reach.placed + reach.deletions


def needs_trial(reach: Reach, known: Mapping[int, int], document_bytes: int) -> bool:
    """Whether only trying can tell how long the core takes for an update."""
    if deletes_much(reach, document_bytes):
        return True
    steps = reach.placed * (document_bytes // _LEAST_STRUCT_BYTES + reach.structs) if reach.placed > 1 else 0
    return (steps > _MOST_STEPS or reach.pieces > _MOST_PIECES) and reach.brings_structs(known)


def deletes_much(reach: Reach, document_bytes: int) -> bool:
    """Whether its deletions alone may take the core long."""
    return reach.deletions * document_bytes > _MOST_STEPS * _BYTES_PER_STEP


def without_known_deletions(reach: Reach, update: bytes, deleted: bytes) -> Reach:
    """Leave out of the count what an update tells again: who comes back tells of all that was ever deleted.

    `deleted`: an update with all deletions of the document.
    """
    known = {client: _joined(ranges) for client, ranges in read_deletions(deleted).items()}
    fresh = 0
    for client, ranges in read_deletions(update).items():
        starts, ends = known.get(client, ((), ()))
        for start, end in ranges:
            index = bisect_right(starts, start) - 1
            fresh += index < 0 or ends[index] < end
    return reach._replace(deletions=fresh)


def _joined(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Join the ranges that touch. Returns where each begins and ends, in order."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end in sorted(ranges):
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends

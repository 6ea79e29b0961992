"""What an update must not do to the core, to the browsers, or to the process: judged before a room takes it.

Much of it shows only over many updates, so it is counted for as long as the room is open.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from pycrdt import get_update

from realtime import close
from realtime.close import Refused
from realtime.document import Document, merged
from realtime.structs import Id, cuts, nesting, pairs, rehearse
from realtime.update import Reach, may_hold_pairs
from realtime.wire import MalformedFrame

# People nest a dozen deep. The core and the browsers delete by recursion, and lose their stack at some ten thousand.
_DEEPEST_NESTING = 1000
# What a document that was just opened may still grow by before it is measured.
_UNMEASURED_GROWTH = 100
# Each of those that stand at one place is compared with all the others: the core takes seconds for some thousands.
# Those who write at one place without having heard of one another are as many as there are people.
_MOST_FIRSTS = 1000
# Beyond so many places the counts begin anew.
_MOST_PLACES = 10_000


class Checked(NamedTuple):
    """What was found of an update that the core can take, while its clients were at `clocks`; `pairs`: those in it."""

    clocks: dict[int, int]
    pairs: set[Id]


class NeedsChecking(Exception):
    """An update was checked, and its clients have gone on meanwhile. Nothing of it was taken."""


class NeedsMeasuring(Exception):
    """How deep its types are nested must be measured before an update is taken. Nothing of it was."""


class Vetting:
    """Judges the updates to one document."""

    __slots__ = ("_document", "_firsts", "_measured", "_nesting", "nested", "pairs")

    def __init__(self, document: Document) -> None:
        self._document = document
        self.pairs: set[Id] = set()
        """The second halves of characters of two code units: the core loses count where it must part them."""
        # How many structs each person has put at each place beside one another since the room was opened.
        self._firsts: dict[tuple[object, bytes], int] = {}
        # Never less than how deep the types of the document are nested; measured when it comes near the limit.
        self._nesting = _DEEPEST_NESTING - _UNMEASURED_GROWTH
        self.nested = 0
        """How much deeper they may have come to be nested since the room was opened."""
        # The update with which they were measured last.
        self._measured: bytes | None = None

    def note(self, update: bytes, reach: Reach) -> None:
        """Know what an update brings that is in the log already."""
        if reach.may_hold_pairs:
            self.pairs |= pairs(update)
        self._nesting += reach.nesting
        self.nested += reach.nesting

    def admit(
        self,
        update: bytes,
        reach: Reach,
        known: Mapping[int, int],
        *,
        person: object,
        counts: bool = True,
        checked: Checked | None = None,
    ) -> None:
        """Judge an update, and count it if it `counts`: whoever only asks will come again with it, or with none.

        `known`: client id -> next clock. `checked`: what `check_apart` has found. Raises MalformedFrame or
        NeedsMeasuring.
        """
        self.check_nesting(update, reach)
        firsts = self._count_firsts(reach, known, person) if reach.firsts and person is not None else None
        brought = checked.pairs if checked is not None else self._pairs_in(update, reach, known)
        if not counts:
            return
        if brought:
            self.pairs |= brought
        if update is not self._measured:
            self._nesting += reach.nesting
            self.nested += reach.nesting
        if firsts:
            if len(self._firsts) > _MOST_PLACES:
                self._firsts.clear()
            self._firsts.update(firsts)

    def check_nesting(self, update: bytes, reach: Reach) -> None:
        """Raise NeedsMeasuring if an update may nest types too deeply.

        Sums are quick and too high: what is told again counts again, and what stands side by side counts as deep.
        """
        if self._nesting + reach.nesting > _DEEPEST_NESTING and reach.nesting and update is not self._measured:
            raise NeedsMeasuring

    def note_depth(self, update: bytes, depth: int, *, nested: int) -> None:
        """Know how deep the types are with an update. `nested`: as it was when they were measured.

        Raises Refused(DOCUMENT_TOO_LARGE).
        """
        if depth > _DEEPEST_NESTING:
            raise Refused(close.DOCUMENT_TOO_LARGE)
        self._measured = update
        self._nesting = depth + self.nested - nested

    def check(self, update: bytes, reach: Reach, known: Mapping[int, int]) -> None:
        """Raise MalformedFrame if the core cannot take exactly these bytes. `known`: its clocks now."""
        self._pairs_in(update, reach, known)
        if reach.needs_rehearsal(known):
            rehearse(update, known, self._document.difference)

    def check_apart(self, update: bytes, reach: Reach, known: Mapping[int, int], parts: Sequence[bytes]) -> Checked:
        """Check as `check` does, on a thread: nothing else may change `known`. `parts`: the document, as updates.

        What it finds holds for as long as none of the clients in the update goes on: what the update builds on stays
        where it is. Raises MalformedFrame.
        """
        brought = self._pairs_in(update, reach, known)
        if reach.needs_rehearsal(known):
            rehearse(update, known, lambda state_vector: get_update(merged(parts), state_vector))
        return Checked({client: known.get(client, 0) for client in reach.ends}, brought)

    def _count_firsts(self, reach: Reach, known: Mapping[int, int], person: object) -> dict[tuple[object, bytes], int]:
        """Return the new counts of the places that an update touches. Raises MalformedFrame beyond the limit.

        By person, so that nobody uses up a place for the others; what is told again counts for nothing.
        """
        if not reach.brings_structs(known):
            return {}
        counts = {(person, place): self._firsts.get((person, place), 0) + n for place, n in reach.firsts.items()}
        if max(counts.values()) > _MOST_FIRSTS:
            raise MalformedFrame("too much is put at one place at once")
        return counts

    def _pairs_in(self, update: bytes, reach: Reach, known: Mapping[int, int]) -> set[Id]:
        """Return the pairs that an update brings. Raises MalformedFrame if it cuts one, or ours."""
        if not reach.may_hold_pairs and not self.pairs:
            return set()
        brought = pairs(update) if reach.may_hold_pairs else set()
        # Where the core stops reading what it knows and begins with what is new.
        seams = ((client, known.get(client, 0)) for client in reach.ends)
        if any(place in self.pairs or place in brought for place in chain(cuts(update), seams)):
            raise MalformedFrame("an update cuts a character in two")
        return brought


def pairs_of(updates: Sequence[bytes]) -> set[Id]:
    """Find the pairs in a whole document."""
    found: set[Id] = set()
    for update in updates:
        if may_hold_pairs(update):
            found |= pairs(update)
    return found


def depth_of(updates: Sequence[bytes]) -> int:
    """Measure how deep the types are nested in the document that these updates are.

    Takes seconds for a million structs. Raises Refused(TRY_LATER).
    """
    try:
        return nesting(merged(updates))
    except ValueError:
        # Something that waits is not to be read; the next flush finds out what.
        raise Refused(close.TRY_LATER) from None

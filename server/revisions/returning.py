"""Whose what comes back is: an undo writes deleted letters anew, as the letters of whoever undoes.

The rows of the log say what was deleted and what came instead (`server.revisions.tracing`), and the table of who wrote
what says whose it was. Undo can come when a revision has been made in between. So what was deleted last is kept with
that table for a day, with its letters, and for good whose the letters are that came back: of a suggestion that was
rejected and stands again somebody may ask weeks later, when it is accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple, TypeVar

from server.documents.ydoc import YDoc
from server.revisions.marking import Returned, Stretches, Whose, cut, tell

# Pages that stay open longer than this with nothing done in them are rare, and their undo is the undoer's then.
KEPT_FOR: Final = timedelta(days=1)
# Of more the oldest are forgotten first.
_MOST_LETTERS: Final = 50_000
_MOST_RETURNED: Final = 20_000
# Stands twice for a letter of two code units (server.revisions.tracing).
_HALF: Final = "\ufffd"

_T = TypeVar("_T")


class Loss(NamedTuple):
    """Letters that were deleted, one after another by a Yjs client's clock and in the text.

    `text`: a letter for each clock; one of two code units counts twice.
    """

    client: int
    start: int
    text: str
    at: datetime

    @property
    def end(self) -> int:
        """The clock past it."""
        return self.start + len(self.text)


class Came(NamedTuple):
    """Letters that came back: where they stand now, and where they stood."""

    client: int
    start: int
    was_client: int
    was_start: int
    length: int


class Gone(NamedTuple):
    """A piece that was deleted, and whose it was: in order, how many of its letters."""

    piece: Loss
    whose: tuple[tuple[int, Whose], ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """What was deleted last, oldest first, and whose the letters are that came back."""

    gone: Sequence[Gone] = ()
    returned: Returned = field(default_factory=dict)


def remember(
    memory: Memory,
    old: YDoc,
    runs: Mapping[str, Sequence[tuple[int, Whose]]],
    *,
    gone: Sequence[Loss],
    came: Sequence[Came],
    times: Mapping[int, Stretches[datetime]],
) -> Memory:
    """Return what is to be remembered after rows in which letters went and came back. Use a thread.

    `old`: the state before them. `runs`: by block id whose its letters are. `times`: when what is new came.
    """
    known = {(each.piece.client, each.piece.start) for each in memory.gone}
    gone = [piece for piece in gone if (piece.client, piece.start) not in known]
    came = [each for each in came if _is_unknown(memory, each)]
    if not gone and not came:
        return memory
    owners = _Owners(memory, _stood(old, runs, gone), times)
    for each in came:
        owners.take(each)
    now = max((piece.at for piece in gone), default=None)
    kept = [each for each in memory.gone if now is None or each.piece.at > now - KEPT_FOR]
    kept += [Gone(piece, tuple(owners.of(piece.client, piece.start, piece.end))) for piece in gone]
    return Memory(_newest(kept), _bounded(owners.returned))


def _is_unknown(memory: Memory, came: Came) -> bool:
    """Say whether it was not looked at before: rows are read again where they made no revision."""
    known = cut(memory.returned.get(came.client, ()), came.start, came.start + came.length)
    return all(whose is None for _, whose in known)


class _Owners:
    """Tells whose letters are or were. State: of those that came back."""

    def __init__(self, memory: Memory, stood: Returned, times: Mapping[int, Stretches[datetime]]) -> None:
        self.returned: dict[int, list[tuple[int, int, Whose]]] = defaultdict(list)
        for client, its in memory.returned.items():
            self.returned[client] += its
        self._stood = stood
        self._times = times
        self._gone: dict[int, list[tuple[int, int, Whose]]] = defaultdict(list)
        for piece, whose in memory.gone:
            self._gone[piece.client] += _placed(piece.start, whose)
        for its in self._gone.values():
            its.sort(key=lambda each: each[0])

    def take(self, came: Came) -> None:
        """Note whose letters are that came back."""
        was = self.of(came.was_client, came.was_start, came.was_start + came.length)
        self.returned[came.client] += _placed(came.start, list(was))

    def of(self, client: int, start: int, end: int) -> Iterator[tuple[int, Whose]]:
        """Yield whose letters are: in order, of how many of them."""
        return self._of(client, start, end, (self.returned, self._stood, self._gone))

    def _of(self, client: int, start: int, end: int, layers: Sequence[Returned]) -> Iterator[tuple[int, Whose]]:
        if not layers:
            for length, at in cut(self._times.get(client, ()), start, end):
                yield length, Whose(client, at)
            return
        for length, whose in cut(layers[0].get(client, ()), start, end):
            if whose is not None:
                yield length, whose
            else:
                yield from self._of(client, start, start + length, layers[1:])
            start += length


def _stood(old: YDoc, runs: Mapping[str, Sequence[tuple[int, Whose]]], gone: Sequence[Loss]) -> Returned:
    """Return whose letters were that the accepted text had before they were deleted."""
    places: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for number, piece in enumerate(gone):
        places[piece.client].append((piece.start, piece.end, number))
    for its in places.values():
        its.sort()
    found: dict[int, list[Whose | None]] = defaultdict(list)
    told = tell(old, lambda client, clock, length: cut(places.get(client, ()), clock, clock + length)) if gone else {}
    for block_id, each in told.items():
        its_runs = [whose for length, whose in runs.get(block_id, ()) for _ in range(length)]
        at = 0
        for length, of_piece in each.letters:
            if of_piece is not None:
                found[of_piece] += (
                    its_runs[place] if place < len(its_runs) else None for place in range(at, at + length)
                )
            at += length
    stood: dict[int, list[tuple[int, int, Whose]]] = defaultdict(list)
    for number, letters in found.items():
        piece = gone[number]
        units = _by_units(piece.text, letters)
        # Otherwise a part of it was only suggested, and it is not known which.
        if len(units) == len(piece.text):
            place = piece.start
            for whose, group in groupby(units):
                length = len(list(group))
                if whose is not None:
                    stood[piece.client].append((place, place + length, whose))
                place += length
    return {client: sorted(its, key=lambda each: each[0]) for client, its in stood.items()}


def _by_units(text: str, letters: Sequence[_T]) -> list[_T]:
    """Return something for each code unit of a text, of which there is one for each letter."""
    if _HALF not in text:
        return list(letters)
    found: list[_T] = []
    at = 0
    for letter in letters:
        length = 2 if text[at : at + 2] == _HALF * 2 else 1
        found += [letter] * length
        at += length
    return found


def _placed(start: int, whose: Sequence[tuple[int, Whose]]) -> Iterator[tuple[int, int, Whose]]:
    for length, each in whose:
        yield start, start + length, each
        start += length


def _newest(gone: Sequence[Gone]) -> tuple[Gone, ...]:
    kept: list[Gone] = []
    left = _MOST_LETTERS
    for each in reversed(gone):
        left -= len(each.piece.text)
        if left < 0:
            break
        kept.append(each)
    return tuple(reversed(kept))


def _bounded(returned: Mapping[int, Sequence[tuple[int, int, Whose]]]) -> Returned:
    """Return it joined, or, where there is more than anybody's undo brings, none of those that came first."""
    left = _MOST_RETURNED
    found: dict[int, tuple[tuple[int, int, Whose], ...]] = {}
    for client, its in reversed(list(returned.items())):
        joined: list[tuple[int, int, Whose]] = []
        for start, end, whose in its:
            if joined and joined[-1][1:] == (start, whose):
                joined[-1] = (joined[-1][0], end, whose)
            else:
                joined.append((start, end, whose))
        joined = joined[-left:] if left > 0 else []
        left -= len(joined)
        if joined:
            found[client] = tuple(joined)
    return dict(reversed(list(found.items())))

"""Finds what was deleted among what a row of the log brings: an undo writes it anew.

Where what it stood in is still there, Yjs says so: it puts the copy right before what was deleted. Where a block was
deleted with its text, the block's copy stands so, and what is in it is found by its letters. What is not found, or not
for sure, is taken for written by whoever brought it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from server.revisions.returning import Came, Loss

# Somebody who deletes a word and writes another one begins it with the same letter by chance.
_SHORTEST: Final = 4
# So many letters are looked through for parts of texts; past that only whole ones are found.
_MOST_LOOKED_THROUGH: Final = 20_000_000


class Brought(NamedTuple):
    """A text that came. `follows`: on the letter before it in its client's clock. `right`: before what it was put."""

    client: int
    start: int
    text: str
    follows: bool
    right: tuple[int, int] | None

    @property
    def end(self) -> int:
        """The clock past it."""
        return self.start + len(self.text)


class Lost:
    """What was deleted. State: its pieces by place and by their first letters."""

    def __init__(self, earlier: Iterable[Loss]) -> None:
        self.pieces: list[Loss] = []
        self.left = _MOST_LOOKED_THROUGH
        self._places: dict[int, list[Loss]] = defaultdict(list)
        self._by_head: dict[str, list[Loss]] = defaultdict(list)
        for piece in earlier:
            self._file(piece)

    def add(self, piece: Loss) -> None:
        """Add what was deleted now."""
        self.pieces.append(piece)
        self._file(piece)

    def letters_from(self, client: int, clock: int) -> tuple[str, bool]:
        """Return what was deleted from a place on, and whether nothing right before it was."""
        its = self._places.get(client, [])
        at = bisect_right(its, clock, key=lambda piece: piece.start) - 1
        if at < 0 or its[at].end <= clock:
            return "", False
        first = its[at]
        is_first = first.start == clock and (at == 0 or its[at - 1].end < clock)
        text = [first.text[clock - first.start :]]
        for before, piece in pairwise(its[at:]):
            if piece.start != before.end:
                break
            text.append(piece.text)
        return "".join(text), is_first

    def beginning_at(self, text: str, at: int) -> Loss | None:
        """Return the longest piece that a text has at a place, of more than one the last."""
        heads = (text[at : at + length] for length in range(min(_SHORTEST, len(text) - at), 0, -1))
        for head in heads:
            found = [piece for piece in self._by_head.get(head, ()) if text.startswith(piece.text, at)]
            if found:
                return max(reversed(found), key=lambda piece: len(piece.text))
        return None

    def holding(self, text: str) -> tuple[Loss, int] | None:
        """Return a piece that a text is a part of, and where in it."""
        for its in self._places.values():
            for piece in reversed(its):
                self.left -= len(piece.text)
                if self.left < 0:
                    return None
                if (at := piece.text.find(text)) >= 0:
                    return piece, at
        return None

    def _file(self, piece: Loss) -> None:
        its = self._places[piece.client]
        its.insert(bisect_right(its, piece.start, key=lambda each: each.start), piece)
        self._by_head[piece.text[:_SHORTEST]].append(piece)


def find_back(lost: Lost, brought: Sequence[Brought], *, anywhere: bool) -> list[Came]:
    """Return what of texts that came together was deleted before. `anywhere`: blocks came back with them."""
    came: list[Came] = []
    left: list[Brought] = []
    for group in _in_place(brought):
        found = list(_found_in_place(lost, group))
        came += found
        if not found:
            left += group
    if anywhere:
        for text in _chained(sorted(left)):
            came += _found_anywhere(lost, text)
    return sorted(came)


def _in_place(brought: Sequence[Brought]) -> Iterator[list[Brought]]:
    """Yield texts that were put before places that follow on one another together: a form parts what is one text."""
    group: list[Brought] = []
    for each in sorted(brought, key=lambda each: each.right or (-1, -1)):
        last = group[-1] if group else None
        if (
            last is not None
            and last.right is not None
            and each.right == (last.right[0], last.right[1] + len(last.text))
        ):
            group.append(each)
            continue
        if group:
            yield group
        group = [each]
    if group:
        yield group


def _found_in_place(lost: Lost, group: Sequence[Brought]) -> Iterator[Came]:
    right = group[0].right
    if right is None:
        return
    was, is_first = lost.letters_from(*right)
    now = "".join(each.text for each in group)
    same = next(
        (at for at, pair in enumerate(zip(was, now, strict=False)) if pair[0] != pair[1]), min(len(was), len(now))
    )
    if same < _SHORTEST and not (is_first and same == len(was)):
        return
    # Somebody who goes on writing at once goes on in the same text; and of the middle of a word nothing is known.
    if same < len(now) and same < len(was):
        return
    at = 0
    for each in group:
        length = min(len(each.text), same - at)
        if length > 0:
            yield Came(each.client, each.start, right[0], right[1] + at, length)
        at += len(each.text)


def _chained(texts: Iterable[Brought]) -> list[Brought]:
    chained: list[Brought] = []
    for text in texts:
        last = chained[-1] if chained else None
        if last is not None and text.follows and (last.client, last.end) == (text.client, text.start):
            chained[-1] = last._replace(text=last.text + text.text)
        else:
            chained.append(text)
    return chained


def _found_anywhere(lost: Lost, brought: Brought) -> list[Came]:
    client, start, text = brought.client, brought.start, brought.text
    found: list[Came] = []
    at = covered = 0
    while at < len(text):
        piece = lost.beginning_at(text, at)
        if piece is not None:
            found.append(Came(client, start + at, piece.client, piece.start, len(piece.text)))
            covered += len(piece.text)
        at += len(piece.text) if piece is not None else 1
    if covered == len(text):
        return found
    if len(text) >= _SHORTEST and (whole := lost.holding(text)) is not None:
        piece, offset = whole
        return [Came(client, start, piece.client, piece.start + offset, len(text))]
    return [each for each in found if each.length >= _SHORTEST]

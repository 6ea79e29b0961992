"""Finding what two sequences share, with a bound on the work: hostile texts make every good matcher slow.

difflib looks for the longest common stretch, again and again to the left and right of it. That reads well to people,
and takes cubic time for a text of a few words repeated. So its steps are counted, and when they are used up, what is
left counts as replaced: still right, only coarser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from typing import Any, Final

# Steps of difflib's innermost loop, five million a second or so. Honest texts take ten for each of their characters.
STEPS_PER_CHARACTER: Final = 100
FEWEST_STEPS: Final = 100_000
MOST_STEPS: Final = 12_000_000
# One pair of paragraphs may take so many of all.
MOST_STEPS_AT_ONCE: Final = 2_000_000

Opcode = tuple[str, int, int, int, int]


@dataclass(slots=True)
class Effort:
    """How many steps are left for a comparison; shared by all that belongs to it."""

    left: int

    @staticmethod
    def worth(characters: int) -> Effort:
        """Return what a comparison of texts with so many characters together may take."""
        return Effort(min(MOST_STEPS, FEWEST_STEPS + STEPS_PER_CHARACTER * characters))


class _Matcher(SequenceMatcher[Any]):
    """difflib's matcher, which stops looking when its steps are used up."""

    a: Sequence[object]
    b2j: Mapping[object, Sequence[int]]

    def __init__(self, old: Sequence[object], new: Sequence[object], effort: Effort) -> None:
        # Spaces match only beside words that do; as words of their own they are half of a text, and most of the work.
        super().__init__(_is_space, old, new, autojunk=False)
        self._effort = effort
        self._left = min(MOST_STEPS_AT_ONCE, effort.left)

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        ahi = len(self.a) if ahi is None else ahi
        steps = ahi - alo + sum(len(self.b2j.get(word, ())) for word in self.a[alo:ahi])
        if steps > self._left:
            return Match(alo, blo, 0)
        self._left -= steps
        self._effort.left -= steps
        return super().find_longest_match(alo, ahi, blo, bhi)


def opcodes(old: Sequence[object], new: Sequence[object], effort: Effort) -> list[Opcode]:
    """Say how `old` becomes `new`, as difflib's `get_opcodes` does; "equal" ones only for what is equal."""
    start, end = common_ends(old, new)
    i1, j1 = len(old) - end, len(new) - end
    middle = [
        (kind, start + a0, start + a1, start + b0, start + b1)
        for kind, a0, a1, b0, b1 in _Matcher(old[start:i1], new[start:j1], effort).get_opcodes()
    ]
    return [("equal", 0, start, 0, start), *middle, ("equal", i1, len(old), j1, len(new))]


def common_ends(old: Sequence[object], new: Sequence[object], *, most: int | None = None) -> tuple[int, int]:
    """Return how much two sequences share at the start, and at the end of what is left; of each `most` at most."""
    shorter = min(len(old), len(new))
    limit = shorter if most is None else min(shorter, most)
    start = next((at for at in range(limit) if old[at] != new[at]), limit)
    limit = shorter - start if most is None else min(shorter - start, most)
    end = next((at for at in range(limit) if old[-1 - at] != new[-1 - at]), limit)
    return start, end


def _is_space(word: object) -> bool:
    return isinstance(word, str) and word.isspace()

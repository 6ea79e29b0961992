"""Which block of an old version became which block of a new one."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from prosemirror.model import Node

from server.documents import matching
from server.documents.foreign import as_paragraph, is_foreign
from server.documents.matching import Effort

# Above this many pairs to weigh, blocks are paired in order instead: one replacement stays well under a second.
_MOST_PAIRS_WEIGHED: Final = 40_000
# And so many of their characters are looked at, all pairs together; of each at least the first and last few.
_MOST_CHARACTERS_WEIGHED: Final = 4_000_000
_FEWEST_CHARACTERS_WEIGHED: Final = 32

# A child as Yjs holds it: a block, or a run of text nodes.
Content = list[Node] | Node
Pair = tuple[int, int]


def pairs(old: Sequence[Content | None], new: Sequence[Content], effort: Effort) -> list[Pair]:
    """Return which child becomes which, in order: same id first, then same content, then most alike.

    Of two with the same content the one without an id goes first: a block that brings an id of its own is more likely
    new than the old one under another name.
    """
    found: list[Pair] = []
    gaps = _gaps(_same_id(old, new), (0, 0, len(old), len(new)), found)
    for find in (_same_content_unnamed, _same_content, _most_alike):
        gaps = [
            gap
            for i0, i1, j0, j1 in gaps
            for gap in _gaps(
                [(i0 + i, j0 + j) for i, j in find(old[i0:i1], new[j0:j1], effort)], (i0, j0, i1, j1), found
            )
        ]
    return sorted(found)


def _gaps(anchors: list[Pair], bounds: tuple[int, int, int, int], found: list[Pair]) -> list[tuple[int, int, int, int]]:
    """Record the anchors as found and return the stretches between them."""
    found += anchors
    i, j = bounds[:2]
    gaps = []
    for anchor_i, anchor_j in [*anchors, bounds[2:]]:
        if anchor_i > i and anchor_j > j:
            gaps.append((i, anchor_i, j, anchor_j))
        i, j = anchor_i + 1, anchor_j + 1
    return gaps


def _same_id(old: Sequence[Content | None], new: Sequence[Content]) -> list[Pair]:
    places = Counter(each.attrs.get("id") for each in old if isinstance(each, Node))
    place_of = {
        each.attrs["id"]: i
        for i, each in enumerate(old)
        if isinstance(each, Node) and each.attrs.get("id") is not None and places[each.attrs["id"]] == 1
    }
    candidates = [
        (place_of[each.attrs["id"]], j)
        for j, each in enumerate(new)
        if isinstance(each, Node) and each.attrs.get("id") in place_of
    ]
    candidates = [(i, j) for i, j in candidates if _type(old[i]) == _type(new[j])]
    # The longest part in rising order: a block that was moved is the one that is written anew, not all it passed.
    tails: list[int] = []
    chains: list[list[int]] = []
    before: list[int] = []
    for index, (i, _) in enumerate(candidates):
        at = bisect_left(tails, i)
        before.append(chains[at - 1][-1] if at else -1)
        if at == len(tails):
            tails.append(i)
            chains.append([index])
        else:
            tails[at] = i
            chains[at].append(index)
    rising: list[Pair] = []
    index = chains[-1][-1] if chains else -1
    while index >= 0:
        rising.append(candidates[index])
        index = before[index]
    return rising[::-1]


def _same_content_unnamed(old: Sequence[Content | None], new: Sequence[Content], effort: Effort) -> list[Pair]:
    # What brings an id is given a mark of its own, which nothing equals.
    unnamed = [object() if _id(each) else fingerprint(each) for each in new]
    return _same([fingerprint(each) for each in old], unnamed, effort)


def _same_content(old: Sequence[Content | None], new: Sequence[Content], effort: Effort) -> list[Pair]:
    return _same([fingerprint(each) for each in old], [fingerprint(each) for each in new], effort)


def _same(left: Sequence[object], right: Sequence[object], effort: Effort) -> list[Pair]:
    return [
        (i0 + at, j0 + at)
        for kind, i0, i1, j0, _ in matching.opcodes(left, right, effort)
        if kind == "equal"
        for at in range(i1 - i0)
    ]


def _most_alike(old: Sequence[Content | None], new: Sequence[Content], effort: Effort) -> list[Pair]:
    del effort
    count = len(old) * len(new)
    if count > _MOST_PAIRS_WEIGHED:
        return [(at, at) for at in range(min(len(old), len(new))) if _likeness(old[at], new[at]) > 0]
    most = max(_FEWEST_CHARACTERS_WEIGHED, _MOST_CHARACTERS_WEIGHED // max(count, 1))
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    weights = [[_likeness(a, b, most) for b in new] for a in old]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            paired = weights[i][j] + best[i + 1][j + 1] if weights[i][j] else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    chosen: list[Pair] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if weights[i][j] and best[i][j] == weights[i][j] + best[i + 1][j + 1]:
            chosen.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return chosen


def _likeness(old: Content | None, new: Content, most: int = _MOST_CHARACTERS_WEIGHED) -> float:
    """Return 0 for what cannot become the other by an edit, else how alike their texts are, above 0 and up to 1.

    It looks at so many characters of each end at most.
    """
    if old is None or _type(old) != _type(new):
        return 0.0
    before, after = _characters(old), _characters(new)
    longest = max(len(before), len(after))
    if longest == 0:
        return 1.0
    return 0.05 + 0.95 * sum(matching.common_ends(before, after, most=most)) / longest


def _id(content: Content) -> object:
    return content.attrs.get("id") if isinstance(content, Node) else None


def _type(content: Content | None) -> str:
    return content.type.name if isinstance(content, Node) else "text"


def _characters(content: Content) -> str:
    return content.text_content if isinstance(content, Node) else "".join(each.text or "" for each in content)


def fingerprint(content: Content | None) -> object:
    """Return a hashable value that is equal for equal content, whatever the ids."""
    if content is None:
        return None
    if isinstance(content, list):
        return tuple(fingerprint(each) for each in content)
    if is_foreign(content):
        # It is sent back as a paragraph, and stays what it is if the paragraph is the same.
        content = as_paragraph(content) or content
    return (
        content.type.name,
        content.text if content.is_text else None,
        tuple(sorted((name, repr(value)) for name, value in content.attrs.items() if name != "id")),
        tuple((each.type.name, repr(each.attrs)) for each in content.marks),
        tuple(fingerprint(child) for child in content.content.content),
    )


def digest(title: str, node: Node) -> bytes:
    """Return 16 bytes that are equal for two documents that say the same, whatever the ids of their blocks."""
    said = repr((title, fingerprint(node)))
    return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()

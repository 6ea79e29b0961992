"""What changed between two texts: which blocks came, went and were changed, and which words in them.

Blocks are matched as a replacement matches them (`server.documents.pairing`): by id, by content, by likeness. A block
of text that was changed is compared word by word; lists, quotes and tables block by block inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Final

from prosemirror.model import Fragment, Mark, Node

from server.documents import matching, pairing
from server.documents.matching import Effort
from server.documents.plain_text import plain_text
from server.documents.schema import schema

# Of a text that became another, so much of the longer one is in both.
_LEAST_KEPT: Final = 0.3

# Scripts without spaces between words are compared letter by letter.
_ALONE: Final = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORDS: Final = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|\s|[^\w\s]")


class Kind(StrEnum):
    """What happened to a block or to words."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    EDITED = "edited"


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of one text with their marks, and what happened to them. EDITED: only their form, the marks `changed`."""

    kind: Kind
    nodes: tuple[Node, ...]
    changed: frozenset[str] = frozenset()

    @property
    def length(self) -> int:
        """How many characters."""
        return len(self.letters)

    @property
    def letters(self) -> str:
        """The characters; what is not text counts as one."""
        return "".join(node.text or "" if node.is_text else "\ufffc" for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the comparison.

    `node` is the block itself, as it is now, or was if it is gone. Of an edited one either `pieces` (a text) or
    `children` (blocks in it) say what happened, or none of both: its own form changed, from `before`.
    """

    kind: Kind
    node: Node
    before: Node | None = None
    pieces: tuple[Piece, ...] = ()
    children: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts in one: all blocks in order, and the size of the change in characters."""

    blocks: tuple[Block, ...]
    old_title: str
    new_title: str
    added: int = field(init=False)
    removed: int = field(init=False)

    def __post_init__(self) -> None:
        """Count once."""
        added, removed = _size(self.blocks)
        object.__setattr__(self, "added", added)
        object.__setattr__(self, "removed", removed)

    @property
    def changes(self) -> list[Block]:
        """The top-level blocks that are not the same."""
        return [block for block in self.blocks if block.kind is not Kind.SAME]

    @property
    def is_empty(self) -> bool:
        """Whether both say the same."""
        return self.old_title == self.new_title and all(block.kind is Kind.SAME for block in self.blocks)


def compare(old: Node, new: Node, *, old_title: str = "", new_title: str = "") -> Comparison:
    """Compare two documents. A second or so of work for a hundred thousand characters: use a thread."""
    effort = Effort.worth(old.node_size + new.node_size)
    return Comparison(_blocks(old.content.content, new.content.content, effort), old_title, new_title)


def words(block: Node) -> str:
    """Return what a block says, as plain text."""
    return plain_text(schema.nodes["doc"].create({}, [block]))


def _blocks(old: Sequence[Node], new: Sequence[Node], effort: Effort) -> tuple[Block, ...]:
    """Return all blocks in the order of the new text, those that are gone where they were."""
    return _with_retyped(list(_paired(old, new, effort)), effort)


def _with_retyped(blocks: Sequence[Block], effort: Effort) -> tuple[Block, ...]:
    """Tell of a paragraph that became a heading as of one that was changed, not as of two."""
    gone = {
        block.node.attrs["id"]: block.node
        for block in blocks
        if block.kind is Kind.REMOVED and block.node.is_textblock and block.node.attrs.get("id") is not None
    }
    retyped: dict[object, Block] = {}
    for block in blocks:
        before = gone.get(block.node.attrs.get("id"))
        # Of the same type it is a block that was moved, and both its places are of interest.
        if block.kind is Kind.ADDED and block.node.is_textblock and before and before.type != block.node.type:
            changes = tuple(pieces(before, block.node, effort))
            retyped[block.node.attrs["id"]] = Block(Kind.EDITED, block.node, before=before, pieces=changes)
    return tuple(
        retyped.get(block.node.attrs.get("id"), block) if block.kind is Kind.ADDED else block
        for block in blocks
        if block.kind is not Kind.REMOVED or block.node.attrs.get("id") not in retyped
    )


def _paired(old: Sequence[Node], new: Sequence[Node], effort: Effort) -> Iterator[Block]:
    pairs = pairing.pairs(old, new, effort)
    i = j = 0
    for next_i, next_j in [*pairs, (len(old), len(new))]:
        yield from (Block(Kind.REMOVED, node) for node in old[i:next_i])
        yield from (Block(Kind.ADDED, node) for node in new[j:next_j])
        if next_i < len(old) and next_j < len(new):
            yield from _told_apart(_block(old[next_i], new[next_j], effort))
        i, j = next_i + 1, next_j + 1


def _told_apart(block: Block) -> Iterator[Block]:
    """Yield a text that was changed, or, where hardly a word was kept and the id is another, the two that they are."""
    before = block.before
    if before is None or not block.pieces or before.attrs.get("id") == block.node.attrs.get("id"):
        yield block
        return
    kept = sum(len(piece.letters.strip()) for piece in block.pieces if piece.kind in {Kind.SAME, Kind.EDITED})
    if kept / max(_length(before), _length(block.node), 1) >= _LEAST_KEPT:
        yield block
    else:
        yield Block(Kind.REMOVED, before)
        yield Block(Kind.ADDED, block.node)


def _block(old: Node, new: Node, effort: Effort) -> Block:
    if old == new or pairing.fingerprint(old) == pairing.fingerprint(new):
        return Block(Kind.SAME, new, before=old)
    if new.is_textblock:
        return Block(Kind.EDITED, new, before=old, pieces=tuple(pieces(old, new, effort)))
    if new.is_leaf:
        return Block(Kind.EDITED, new, before=old)
    return Block(Kind.EDITED, new, before=old, children=_blocks(old.content.content, new.content.content, effort))


Word = tuple[str, tuple[Mark, ...], Node]
"""The characters, their marks, and a node that is exactly them."""


def pieces(old: Node, new: Node, effort: Effort) -> Iterator[Piece]:
    """Compare two blocks of text word by word, whatever their types."""
    before, after = list(_words(old)), list(_words(new))
    for kind, i0, i1, j0, j1 in _opcodes([word[0] for word in before], [word[0] for word in after], effort):
        if kind == "equal":
            yield from _formed(before[i0:i1], after[j0:j1])
            continue
        if i1 > i0:
            yield Piece(Kind.REMOVED, _joined(before[i0:i1]))
        if j1 > j0:
            yield Piece(Kind.ADDED, _joined(after[j0:j1]))


def _opcodes(old: list[str], new: list[str], effort: Effort) -> list[matching.Opcode]:
    return _without_lone_spaces(matching.opcodes(old, new, effort), old)


def _without_lone_spaces(
    opcodes: Iterable[tuple[str, int, int, int, int]], old: list[str]
) -> list[tuple[str, int, int, int, int]]:
    """Join changes with nothing but a space between them: a sentence that was replaced reads as one change."""
    joined: list[tuple[str, int, int, int, int]] = []
    for kind, i0, i1, j0, j1 in opcodes:
        if (
            kind != "equal"
            and len(joined) > 1
            and joined[-1][0] == "equal"
            and "".join(old[joined[-1][1] : joined[-1][2]]).isspace()
        ):
            joined.pop()
            _, a0, _, b0, _ = joined.pop()
            joined.append(("replace", a0, i1, b0, j1))
        else:
            joined.append((kind, i0, i1, j0, j1))
    return joined


def _words(node: Node) -> Iterator[Word]:
    for child in node.content.content:
        if not child.is_text:
            # An image or a line break counts as a word of its own, which equals only its like.
            yield f"\0{child.type.name} {sorted(child.attrs.items(), key=str)}", tuple(child.marks), child
            continue
        for found in _WORDS.findall(child.text or ""):
            yield found, tuple(child.marks), schema.text(found, child.marks)


def _formed(before: Sequence[Word], after: Sequence[Word]) -> Iterator[Piece]:
    """Yield words that stayed, those with other marks apart."""
    at = 0
    for changed, words_ in groupby(zip(before, after, strict=True), lambda pair: _changed(pair[0][1], pair[1][1])):
        end = at + len(list(words_))
        yield Piece(Kind.EDITED if changed else Kind.SAME, _joined(after[at:end]), changed)
        at = end


def _changed(before: Sequence[Mark], after: Sequence[Mark]) -> frozenset[str]:
    """Return the names of the marks that only one of two words has, or has otherwise."""
    if before == after:
        return frozenset()
    return frozenset(each.type.name for each in (*before, *after) if each not in before or each not in after)


def _joined(pieces: Sequence[Word]) -> tuple[Node, ...]:
    # The fragment joins neighbours with the same marks.
    return tuple(Fragment.from_array([word[2] for word in pieces]).content)


def _size(blocks: Iterable[Block]) -> tuple[int, int]:
    added = removed = 0
    for block in blocks:
        if block.kind is Kind.ADDED:
            added += _length(block.node)
        elif block.kind is Kind.REMOVED:
            removed += _length(block.node)
        elif block.kind is Kind.EDITED:
            added += sum(piece.length for piece in block.pieces if piece.kind is Kind.ADDED)
            removed += sum(piece.length for piece in block.pieces if piece.kind is Kind.REMOVED)
            inside = _size(block.children)
            added, removed = added + inside[0], removed + inside[1]
    return added, removed


def _length(node: Node) -> int:
    return len(node.text_content)

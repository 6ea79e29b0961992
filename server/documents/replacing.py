"""Replacing the content of a live document by the smallest edit that gets there.

People may be writing in it. What both versions share stays untouched, with its id, so that their carets, selections
and comments keep their place; what differs is changed as deep inside as possible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from prosemirror.model import Node
from pycrdt import XmlElement, XmlFragment, XmlText

from server.documents import matching, pairing, ydoc
from server.documents.foreign import is_foreign
from server.documents.matching import Effort
from server.documents.pairing import Content
from server.documents.schema import IDENTIFIED_BLOCKS, new_block_id
from server.documents.suggestions import INSERTION, PENDING_ATTRIBUTES, PENDING_MARKS, accepted_block

_MOST_WORDS_COMPARED: Final = 4_000

_WORDS = re.compile(r"\w+|\W")


def replace(doc: ydoc.YDoc, node: Node) -> None:
    """Make the live document hold exactly `node`, in one transaction.

    Blocks without an id in `node` keep the id of the block they correspond to, or get a new one. A foreign block stays
    where `node` has a paragraph that says the same. What is no block at all among the blocks goes.
    """
    node = _without_repeated_ids(node, set())
    with doc.transaction():
        ydoc.remove_strangers(doc)
        blocks = ydoc.fragment(doc)
        present = ydoc.read_blocks(doc)
        size = node.node_size + sum(block.node_size for block in present if block is not None)
        _Replacement(node, Effort.worth(size)).become(blocks, list(blocks.children), present, node)


class _Replacement:
    """One run of `replace`. State: the ids in use, so that none is given twice, and the effort that is left."""

    def __init__(self, node: Node, effort: Effort) -> None:
        self.effort = effort
        self.given = frozenset(_ids(node))
        self.used = set(self.given)

    def children(self, parent: XmlElement, target: Node) -> None:
        """Give an element in which all fits the children of `target`."""
        present = list(parent.children)
        self.become(parent, present, [_content(child) for child in present], target)

    def become(
        self,
        parent: XmlFragment | XmlElement,
        present: Sequence[ydoc.YChild | XmlFragment],
        old: Sequence[Content | None],
        target: Node,
    ) -> None:
        """Give a parent the children of `target`. `present`: all that it has now, `old`: what is read of each."""
        new = ydoc.runs(target)
        kept = [_accepted(content) for content in old]
        becomes = dict(pairing.pairs(kept, new, self.effort))
        # Empty texts show nothing and somebody may be writing into one: they stay, and so does what is only suggested.
        stays = {i for i in range(len(present)) if i in becomes or kept[i] == [] or (kept[i] is None and old[i])}
        if not new and any(isinstance(child, XmlText) for child in present):
            stays |= self.empty(present)
        # From the end to the start: what comes before keeps its index.
        for i in reversed(range(len(present))):
            if i not in stays:
                del parent.children[i]
        place = j = 0
        for i in sorted(stays):
            if i in becomes:
                while j < becomes[i]:
                    ydoc.insert(parent, place, self.fresh(new[j]))
                    place, j = place + 1, j + 1
                self.update(present[i], kept[i], new[j])
                j += 1
            place += 1
        for content in new[j:]:
            ydoc.insert(parent, place, self.fresh(content))
            place += 1

    def empty(self, present: Sequence[ydoc.YChild | XmlFragment]) -> set[int]:
        """Empty the texts and say where they are: one that is being written into goes on taking what is written."""
        for child in present:
            if isinstance(child, XmlText):
                child.clear()
        return {i for i, child in enumerate(present) if isinstance(child, XmlText)}

    def update(self, child: ydoc.YChild | XmlFragment, old: Content | None, content: Content) -> None:
        if is_foreign(old):
            return
        if not self.given and pairing.fingerprint(old) == pairing.fingerprint(content):
            return
        if isinstance(child, XmlText) and isinstance(content, list):
            _update_text(child, content, self.effort)
        elif isinstance(child, XmlElement) and isinstance(content, Node):
            self.attributes(child, content)
            self.children(child, content)

    def attributes(self, element: XmlElement, target: Node) -> None:
        wanted = {name: value for name, value in target.attrs.items() if value is not None}
        present: dict[str, Any] = dict(element.attributes)  # type: ignore[call-overload]  # iterates over pairs
        if target.type.name in IDENTIFIED_BLOCKS and "id" not in wanted:
            kept = ydoc.read_attributes(element, target.type.name)["id"]
            wanted["id"] = self.claim(kept)
        for name, value in wanted.items():
            if (
                name not in present
                or present[name] != value
                or isinstance(present[name], bool) != isinstance(value, bool)
            ):
                element.attributes[name] = value
        for name in present.keys() - wanted.keys() - PENDING_ATTRIBUTES:
            del element.attributes[name]

    def claim(self, block_id: str | None) -> str:
        if block_id is None or block_id in self.used:
            block_id = new_block_id()
        self.used.add(block_id)
        return block_id

    def fresh(self, content: Content) -> Content:
        """Return new content with ids where it has none."""
        if isinstance(content, list) or content.is_text:
            return content
        attributes = dict(content.attrs)
        if content.type.name in IDENTIFIED_BLOCKS and attributes["id"] is None:
            attributes["id"] = self.claim(None)
        children = [child if child.is_text else self.fresh(child) for child in content.content.content]
        return content.type.create(attributes, children)  # type: ignore[arg-type]  # no lists among nodes


def _without_repeated_ids(node: Node, seen: set[str]) -> Node:
    if node.is_text:
        return node
    attributes = dict(node.attrs)
    if attributes.get("id") is not None:
        if attributes["id"] in seen:
            attributes["id"] = None
        else:
            seen.add(str(attributes["id"]))
    return node.type.create(attributes, [_without_repeated_ids(child, seen) for child in node.content.content])


def _ids(node: Node) -> list[str]:
    own = [str(node.attrs["id"])] if node.attrs.get("id") is not None else []
    return own + [each for child in node.content.content for each in _ids(child)]


def _accepted(content: Content | None) -> Content | None:
    if isinstance(content, list):
        return [kept for each in content if (kept := accepted_block(each)) is not None]
    return None if content is None else accepted_block(content)


def _content(child: ydoc.YChild | XmlFragment) -> Content | None:
    if isinstance(child, XmlText):
        return ydoc.read_text(child)
    return ydoc.read_element(child) if isinstance(child, XmlElement) else None


def _update_text(text: XmlText, target: list[Node], effort: Effort) -> None:
    _update_characters(text, "".join(piece.text or "" for piece in target), effort)
    _update_formatting(text, target)


def _update_characters(text: XmlText, new: str, effort: Effort) -> None:
    old, places = _accepted_characters(text)
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if max(len(before), len(after)) > _MOST_WORDS_COMPARED:
        ydoc.edit_characters(text, "".join(piece for piece, _ in text.diff()), new)
        return
    names = {name for _, formatting in text.diff() for name in formatting or {}}
    pending = dict.fromkeys({*PENDING_MARKS, *(name for name in names if ydoc.mark_name(name) in PENDING_MARKS)})
    starts = _starts(before)
    for kind, i0, i1, j0, j1 in reversed(matching.opcodes(before, after, effort)):
        # Where the next accepted word begins: what is suggested before it stays before it.
        at_bytes = places[starts[i0]][0]
        if kind in {"replace", "delete"}:
            del text[at_bytes : places[starts[i1] - 1][1]]
        if kind in {"replace", "insert"}:
            # Nothing of what is suggested beside it may spread over it.
            text.insert(at_bytes, "".join(after[j0:j1]), pending)


def _accepted_characters(text: XmlText) -> tuple[str, list[tuple[int, int]]]:
    """Return the accepted characters of a text, and where each begins and ends in it, and what follows, in bytes."""
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    at_bytes = 0
    for piece, formatting in text.diff():
        suggested = (formatting or {}).get(INSERTION) is not None
        for character in piece:
            end = at_bytes + len(character.encode())
            if not suggested:
                characters.append(character)
                places.append((at_bytes, end))
            at_bytes = end
    if len(text) != at_bytes:
        # A string that a foreign client embedded is read as its characters and has the length of one.
        text.clear()
        return "", [(0, 0)]
    return "".join(characters), [*places, (at_bytes, at_bytes)]


def _update_formatting(text: XmlText, target: list[Node]) -> None:
    """Give every stretch of a text, whose accepted characters are right already, the formatting of `target`."""
    changes: list[tuple[int, int, dict[str, Any]]] = []
    wanted = [(len(piece.text or ""), ydoc.formatting_of(piece.marks)) for piece in target]
    at_bytes = piece_at = used = 0
    for piece, formatting in text.diff():
        has = {name: value for name, value in (formatting or {}).items() if value is not None}
        done = 0
        while done < len(piece):
            if INSERTION in has:
                break
            length, wants = wanted[piece_at]
            stretch = min(len(piece) - done, length - used)
            start = at_bytes + len(piece[:done].encode())
            change = {name: None for name in has if name not in wants and ydoc.mark_name(name) not in PENDING_MARKS}
            change |= {name: value for name, value in wants.items() if name not in has or has[name] != value}
            if change:
                changes.append((start, start + len(piece[done : done + stretch].encode()), change))
            done, used = done + stretch, used + stretch
            if used == length:
                piece_at, used = piece_at + 1, 0
        at_bytes += len(piece.encode())
    for start, end, change in changes:
        text.format(start, end, change)


def _starts(pieces: list[str]) -> list[int]:
    """Return where each piece starts, in characters, and where the last one ends."""
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + len(piece))
    return starts

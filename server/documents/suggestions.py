"""What is suggested in a document and not decided yet, as the editor marks it (static/src/suggesting).

Suggested text stands in the document with the mark `insertion`; text to take out, or to format otherwise, carries
`deletion` or `reformat`; whole blocks carry `inserted`, `deleted`, `joined` or `changed`. Each names its author. All
but the page of the document itself read what is `accepted`. See docs/adr/0010.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from prosemirror.model import Fragment, Node

INSERTION: Final = "insertion"
INSERTED: Final = "inserted"
REMARKS: Final = frozenset({"deletion", "reformat"})
"""Marks that say something of accepted text, and change nothing of it."""
BLOCK_REMARKS: Final = frozenset({"deleted", "joined", "changed"})
"""Attributes that say something of an accepted block."""
PENDING_MARKS: Final = frozenset({INSERTION, *REMARKS})
PENDING_ATTRIBUTES: Final = frozenset({INSERTED, *BLOCK_REMARKS})


def accepted(node: Node) -> Node:
    """Return a document without what is only suggested: the text as it is until somebody decides."""
    blocks = _accepted_children(node)
    if node.type.valid_content(blocks):
        return node.copy(blocks)
    # All of it was suggested.
    return node.type.create_and_fill() or node


def has_suggestions(node: Node) -> bool:
    """Say whether anything in a node is suggested and not decided."""
    if any(mark.type.name in PENDING_MARKS for mark in node.marks):
        return True
    if any(node.attrs.get(name) is not None for name in PENDING_ATTRIBUTES):
        return True
    return any(has_suggestions(child) for child in node.content.content)


def accepted_block(node: Node) -> Node | None:
    """Return what is accepted of one node: None for one that is only suggested."""
    if node.attrs.get(INSERTED) is not None:
        return None
    if node.is_text:
        if any(mark.type.name == INSERTION for mark in node.marks):
            return None
        return node.mark([mark for mark in node.marks if mark.type.name not in PENDING_MARKS])
    children = _accepted_children(node)
    if not node.type.valid_content(children):
        return None
    attributes = {name: None if name in PENDING_ATTRIBUTES else value for name, value in node.attrs.items()}
    return node.type.create(attributes, children, node.marks)


def without(node: Node, person: str) -> Node | None:
    """Return a node without what a person suggests in it: None for one that is wholly their suggestion."""
    if _is_by(node.attrs.get(INSERTED), person):
        return None
    if node.is_text:
        own = [mark for mark in node.marks if mark.type.name in PENDING_MARKS and mark.attrs["by"] == person]
        if any(mark.type.name == INSERTION for mark in own):
            return None
        return node.mark([mark for mark in node.marks if mark not in own])
    kept = [left for child in node.content.content if (left := without(child, person)) is not None]
    attributes = {
        name: None if name in BLOCK_REMARKS and _is_by(value, person) else value for name, value in node.attrs.items()
    }
    # Only to be compared: it need not be one that the schema allows.
    return node.type.create(attributes, Fragment.from_(kept), node.marks)


def said_by_others(nodes: Iterable[Node], person: str) -> dict[tuple[str, ...], str]:
    """Return what is suggested in somebody else's name, and of which letters; of whole blocks only that it is."""
    said: dict[tuple[str, ...], str] = {}

    def visit(node: Node) -> None:
        for name in (INSERTED, *BLOCK_REMARKS):
            word = node.attrs.get(name)
            if isinstance(word, str) and not _is_by(word, person):
                said.setdefault((name, word), "")
        for mark in node.marks:
            if mark.type.name in PENDING_MARKS and mark.attrs["by"] != person:
                key = (mark.type.name, *(f"{name} {value}" for name, value in sorted(mark.attrs.items())))
                said[key] = said.get(key, "") + (node.text or "")
        for child in node.content.content:
            visit(child)

    for node in nodes:
        visit(node)
    return said


def _is_by(word: object, person: str) -> bool:
    return isinstance(word, str) and word.split(" ")[1:2] == [person]


def _accepted_children(node: Node) -> Fragment:
    return Fragment.from_([kept for child in node.content.content if (kept := accepted_block(child)) is not None])


class Kind(StrEnum):
    """What a part of a suggestion would do."""

    INSERT = "insert"
    DELETE = "delete"
    REFORMAT = "reformat"
    INSERT_BLOCK = "insert_block"
    DELETE_BLOCK = "delete_block"
    JOIN_BLOCK = "join_block"
    CHANGE_BLOCK = "change_block"


@dataclass(frozen=True, slots=True)
class Part:
    """One change: to the words `text` in the block `block_id`. `into`: formats (`+bold -italic`) or a kind of block."""

    kind: Kind
    block_id: str | None
    text: str
    into: str = ""


@dataclass(slots=True)
class Suggestion:
    """What somebody suggests in one go. An id counts only together with its author."""

    id: str
    author_id: UUID
    at: datetime
    parts: list[Part] = field(default_factory=list)


_BLOCK_KINDS: Final = {
    INSERTED: Kind.INSERT_BLOCK,
    "deleted": Kind.DELETE_BLOCK,
    "joined": Kind.JOIN_BLOCK,
    "changed": Kind.CHANGE_BLOCK,
}
_MARK_KINDS: Final = {INSERTION: Kind.INSERT, "deletion": Kind.DELETE, "reformat": Kind.REFORMAT}
# The end of the year 9999: what a client calls its time may be anything.
_LATEST_SECONDS: Final = 253_402_300_799


def suggestions_in(node: Node) -> list[Suggestion]:
    """Return all that is suggested in a document, in the order of the text."""
    found: dict[tuple[str, str], Suggestion] = {}
    _collect(node, None, found)
    return list(found.values())


def _collect(node: Node, block_id: str | None, found: dict[tuple[str, str], Suggestion]) -> None:
    own = node.attrs.get("id")
    block_id = own if isinstance(own, str) else block_id
    for name, kind in _BLOCK_KINDS.items():
        if isinstance(word := node.attrs.get(name), str):
            suggestion_id, by, at, *into = word.split(" ")
            _add(found, (suggestion_id, by, int(at)), Part(kind, block_id, node.text_content, " ".join(into)))
    for child in node.content.content:
        for mark in child.marks:
            if mark.type.name in _MARK_KINDS and child.is_text:
                whose = (str(mark.attrs["id"]), str(mark.attrs["by"]), int(str(mark.attrs["at"])))
                into = [f"+{name}" for name in str(mark.attrs.get("add") or "").split()]
                into += [f"-{name}" for name in str(mark.attrs.get("remove") or "").split()]
                _add(found, whose, Part(_MARK_KINDS[mark.type.name], block_id, child.text or "", " ".join(into)))
        if not child.is_text:
            _collect(child, block_id, found)


def _add(found: dict[tuple[str, str], Suggestion], whose: tuple[str, str, int], part: Part) -> None:
    suggestion_id, by, at = whose
    try:
        author = UUID(by)
    except ValueError:
        # Another program wrote a mark without an author.
        return
    moment = datetime.fromtimestamp(min(at / 1000, _LATEST_SECONDS), UTC)
    suggestion = found.setdefault((suggestion_id, by), Suggestion(suggestion_id, author, moment))
    last = suggestion.parts[-1] if suggestion.parts else None
    if last is not None and (last.kind, last.block_id, last.into) == (part.kind, part.block_id, part.into):
        # One stretch with several formats.
        suggestion.parts[-1] = Part(last.kind, last.block_id, last.text + part.text, last.into)
    else:
        suggestion.parts.append(part)

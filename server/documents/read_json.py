"""Blocks from ProseMirror's JSON, as a page or a program sends it: only what the schema allows gets through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prosemirror.model import Mark, Node

from server.documents.building import clean_text
from server.documents.schema import MAX_DEPTH, clean_attributes, mark, schema, text
from server.documents.suggestions import PENDING_MARKS
from server.errors import Invalid

# As much as a document holds; a body of a few megabytes could name a million.
MAX_NODES: Final = 50_000


def read_json(described: Iterable[object]) -> list[Node]:
    """Return blocks, with clean attributes and without suggestions. Raises Invalid for what the schema does not allow.

    An instant for a page of text, a second for a book: use a thread.
    """
    left = [MAX_NODES]
    blocks = [_node(each, left, depth=1) for each in described]
    content_of = schema.nodes["doc"].content_match
    if any(content_of.match_type(block.type) is None for block in blocks):
        raise _unreadable()
    return blocks


def _node(described: object, left: list[int], *, depth: int) -> Node:
    left[0] -= 1
    if not isinstance(described, Mapping) or depth > MAX_DEPTH or left[0] < 0:
        raise _unreadable()
    name = described.get("type")
    if name == "text":
        characters = described.get("text")
        if not isinstance(characters, str) or not (cleaned := clean_text(characters)):
            raise _unreadable()
        return text(cleaned, _marks(described.get("marks", ())))
    type_ = schema.nodes.get(name) if isinstance(name, str) else None
    attributes, content = described.get("attrs") or {}, described.get("content") or ()
    if type_ is None or name == "doc" or not isinstance(attributes, Mapping) or not isinstance(content, list | tuple):
        raise _unreadable()
    children = [_node(each, left, depth=depth + 1) for each in content]
    try:
        return type_.create_checked(clean_attributes(type_.name, attributes), children)
    except ValueError as error:
        raise _unreadable() from error


def _marks(described: object) -> list[Mark]:
    if not isinstance(described, list | tuple):
        raise _unreadable()
    marks: list[Mark] = []
    for each in described:
        name = each.get("type") if isinstance(each, Mapping) else None
        attributes = (each.get("attrs") or {}) if isinstance(each, Mapping) else {}
        if not isinstance(name, str) or name not in schema.marks or not isinstance(attributes, Mapping):
            raise _unreadable()
        if name not in PENDING_MARKS:
            marks.append(mark(name, attributes))
    return Mark.set_from(marks)


def _unreadable() -> Invalid:
    return Invalid({"body": "This text is not one that the editor writes."})

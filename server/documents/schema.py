"""The document schema, read from schema.json, and what its attributes may hold.

schema.json is made from the editor's extensions, so both sides agree about names and nesting. It says nothing about
the values of attributes: any Yjs client can write any value, so every value passes `clean_attributes` on its way in.

One kind of node is added to it, as the editor adds it: what stands for a block that the schema has no place for. It is
read, at the top of a document, and never written to one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from prosemirror.model import Mark, Node, Schema

FOREIGN_BLOCK: Final = "foreignBlock"

MAX_DEPTH: Final = 64
MAX_HEADING_LEVEL: Final = 4
MAX_ADDRESS_CHARACTERS: Final = 2048
MAX_LABEL_CHARACTERS: Final = 1000
MAX_LIST_START: Final = 1_000_000
MAX_SPAN: Final = 100
MAX_IMAGE_SIDE_PIXELS: Final = 65_535

_SAFE_SCHEMES: Final = frozenset({"http", "https", "mailto"})
# What browsers skip when they look for a scheme: "java\nscript:" runs.
_SKIPPED_IN_ADDRESSES = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u180e\u2000-\u2029\u205f\u3000]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_BLOCK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,40}")


_PERSON: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WHOSE: Final = re.compile(_PERSON)
_AUTHORSHIP: Final = rf"[A-Za-z0-9_-]{{1,64}} {_PERSON} [0-9]{{1,16}}"
_SUGGESTED: Final = re.compile(_AUTHORSHIP)
_CHANGED: Final = re.compile(rf"{_AUTHORSHIP} [A-Za-z0-9]{{1,20}}")
_FORMATS: Final = frozenset({"bold", "italic", "strike", "code", "highlight"})
_LATEST_MILLISECONDS: Final = 8_640_000_000_000_000


def new_block_id() -> str:
    """Return a fresh id for a block, of the same form as the editor makes."""
    return str(uuid4())


def is_safe_address(address: str) -> bool:
    """Say whether a link may lead there: http, https, mailto, or an address without a scheme."""
    scheme = _SCHEME.match(_SKIPPED_IN_ADDRESSES.sub("", address))
    return scheme is None or scheme[1].lower() in _SAFE_SCHEMES


def _matching(pattern: re.Pattern[str]) -> Callable[[object], str | None]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _address(value: object) -> str | None:
    fits = isinstance(value, str) and 0 < len(value) <= MAX_ADDRESS_CHARACTERS and is_safe_address(value)
    return str(value) if fits else None


def _picture_address(value: object) -> str | None:
    address = _address(value)
    return None if address is None or address.lower().lstrip().startswith("mailto:") else address


def _label(value: object) -> str | None:
    # An empty alternative text says that a picture only decorates, which is not the same as none.
    return value[:MAX_LABEL_CHARACTERS] if isinstance(value, str) else None


def _whole(value: object, least: int, most: int) -> int | None:
    # Yjs has one kind of number, so 2 arrives as 2.0.
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if int(value) == value and least <= value <= most else None


def _side(value: object) -> int | None:
    return _whole(value, 1, MAX_IMAGE_SIDE_PIXELS)


def _span(value: object) -> int:
    return _whole(value, 1, MAX_SPAN) or 1


def _level(value: object) -> int:
    return _whole(value, 1, MAX_HEADING_LEVEL) or 1


def _start(value: object) -> int:
    start = _whole(value, -MAX_LIST_START, MAX_LIST_START)
    return 1 if start is None else start


def _words(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time(value: object) -> int:
    return _whole(value, 0, _LATEST_MILLISECONDS) or 0


def _format_names(value: object) -> str:
    return value if isinstance(value, str) and value and set(value.split(" ")) <= _FORMATS else ""


def _column_widths(value: object) -> list[int] | None:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SPAN:
        return None
    widths = [_side(width) for width in value]
    return [width for width in widths if width is not None] if all(widths) else None


_CLEAN: Final[Mapping[str, Callable[[object], Any]]] = {
    "id": _matching(_BLOCK_ID),
    "level": _level,
    "start": _start,
    "checked": lambda value: value is True,
    "language": _matching(_LANGUAGE),
    "colspan": _span,
    "rowspan": _span,
    "colwidth": _column_widths,
    "src": _picture_address,
    "alt": _label,
    "title": _label,
    "width": _side,
    "height": _side,
    "href": _address,
    "text": _words,
    "by": lambda value: _matching(_WHOSE)(value) or "",
    "at": _time,
    "add": _format_names,
    "remove": _format_names,
    "inserted": _matching(_SUGGESTED),
    "deleted": _matching(_SUGGESTED),
    "joined": _matching(_SUGGESTED),
    "changed": _matching(_CHANGED),
}


def _load() -> Schema[str, str]:
    described = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))

    def specs(kind: str) -> dict[str, Any]:
        return {each["name"]: {key: value for key, value in each.items() if key != "name"} for each in described[kind]}

    nodes, top = specs("nodes"), described["topNode"]
    nodes[top]["content"] = f"(block | {FOREIGN_BLOCK})+"
    nodes[FOREIGN_BLOCK] = {"atom": True, "attrs": {"text": {"default": ""}}}
    return Schema({"nodes": nodes, "marks": specs("marks"), "topNode": top})


schema: Final = _load()

IDENTIFIED_BLOCKS: Final = frozenset(name for name, type_ in schema.nodes.items() if "id" in type_.attrs)


def clean_attributes(type_name: str, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the attributes of a node or mark type: every one of them, none besides, all with allowed values."""
    type_ = schema.nodes.get(type_name) or schema.marks[type_name]
    return {name: _CLEAN[name](given.get(name, attribute.default)) for name, attribute in type_.attrs.items()}


def honours(type_name: str, name: str, value: object) -> bool:
    """Say whether a node type has an attribute and readers take this value for one that says something."""
    type_ = schema.nodes.get(type_name)
    return type_ is not None and name in type_.attrs and _CLEAN[name](value) is not None


def node(type_name: str, attributes: Mapping[str, object] | None = None, content: list[Node] | None = None) -> Node:
    """Make a node with clean attributes. Raises ValueError if its type does not allow that content."""
    return schema.nodes[type_name].create_checked(clean_attributes(type_name, attributes or {}), content)


def text(characters: str, marks: list[Mark] | None = None) -> Node:
    """Make a text node; `characters` must not be empty."""
    return schema.text(characters, marks)


def mark(type_name: str, attributes: Mapping[str, object] | None = None) -> Mark:
    """Make a mark with clean attributes."""
    return schema.marks[type_name].create(clean_attributes(type_name, attributes or {}))


def empty_document() -> Node:
    """Return the smallest document: one empty paragraph."""
    return node("doc", content=[node("paragraph")])

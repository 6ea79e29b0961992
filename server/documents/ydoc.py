"""Documents as Yjs holds them: reading one, and making the first update of a new one.

The encoding is that of Tiptap's Yjs binding: in the fragment `default`, an element per node (tag = type, attributes =
attributes), a text per run of text nodes, marks as formatting whose value holds the mark's attributes. The map `meta`
holds `title`, a Y.Text made once, by `seed`.

Reading never fails and never writes. What the schema does not allow is left out, as the editor leaves it out; it can
come from a foreign client, or from two people changing the same structure at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from prosemirror.model import Fragment, Mark, Node
from pycrdt import Doc, Map, Text, XmlElement, XmlFragment, XmlText

from server.documents.models import MAX_TITLE_CHARACTERS
from server.documents.schema import (
    IDENTIFIED_BLOCKS,
    MAX_DEPTH,
    clean_attributes,
    empty_document,
    mark,
    new_block_id,
    schema,
)

FRAGMENT: Final = "default"
META: Final = "meta"
TITLE: Final = "title"

# The binding adds a hash to the name of a mark that may overlap with itself. None of ours may, but a client with
# another configuration can write one.
_HASHED_MARK = re.compile(r"(.*)--[a-zA-Z0-9+/=]{8}", re.DOTALL)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f]+")

YDoc = Doc[Any]
YChild = XmlElement | XmlText


def load(update: bytes) -> YDoc:
    """Make a Yjs document from its state as one update. Raises ValueError if the bytes are no update."""
    doc: YDoc = Doc()
    doc.apply_update(update)
    return doc


def fragment(doc: YDoc) -> XmlFragment:
    """Return the part of the document that holds its blocks."""
    blocks: XmlFragment = doc.get(FRAGMENT, type=XmlFragment)
    return blocks


def clean_title(title: str) -> str:
    """Return a title as lists show it: one line, no control characters, at most MAX_TITLE_CHARACTERS long."""
    return _SPACES.sub(" ", title).strip()[:MAX_TITLE_CHARACTERS].rstrip()


def read_title(doc: YDoc) -> str:
    """Return the title, clean; empty when there is none."""
    with doc.transaction():
        title = doc.get(META, type=Map).get(TITLE)
        return clean_title(str(title)) if isinstance(title, Text) else ""


def read_node(doc: YDoc) -> Node:
    """Return the content as a ProseMirror node that the schema allows."""
    with doc.transaction():
        blocks = [
            block
            for child in fragment(doc).children
            if isinstance(child, XmlElement) and (block := read_element(child)) is not None
        ]
    allowed = [block for block in blocks if "block" in block.type.groups]
    return schema.nodes["doc"].create({}, allowed) if allowed else empty_document()


def read_element(element: XmlElement, depth: int = 1) -> Node | None:
    """Return an element as a node, or None if the schema has no place for it."""
    name = element.tag or ""
    type_ = schema.nodes.get(name)
    if type_ is None or type_.is_text or name == "doc" or depth > MAX_DEPTH:
        return None
    children: list[Node] = []
    for child in element.children:
        if isinstance(child, XmlText):
            children += [each.mark(type_.allowed_marks(each.marks)) for each in read_text(child)]
        elif isinstance(child, XmlElement) and (node := read_element(child, depth + 1)) is not None:
            children.append(node)
    try:
        return type_.create_checked(read_attributes(element, name), Fragment.from_(children))
    except ValueError:
        # The schema does not allow these children here: the editor drops the element, so nobody sees it.
        return None


def read_attributes(element: XmlElement, type_name: str) -> dict[str, Any]:
    """Return an element's attributes with clean values."""
    # pycrdt annotates `__iter__` as Iterable; it is an iterator of pairs.
    pairs: Iterable[tuple[str, Any]] = element.attributes  # type: ignore[assignment]
    return clean_attributes(type_name, dict(pairs))


def read_text(text: XmlText) -> list[Node]:
    """Return a text as text nodes."""
    return [
        schema.text(characters, read_marks(formatting or {}))
        for characters, formatting in text.diff()
        if isinstance(characters, str) and characters
    ]


def read_marks(formatting: Mapping[str, Any]) -> list[Mark]:
    """Return formatting as marks in the schema's order; marks that the schema does not know are left out."""
    marks: list[Mark] = []
    for name, value in formatting.items():
        hashed = _HASHED_MARK.fullmatch(name)
        mark_name = hashed[1] if hashed else name
        if mark_name in schema.marks and value is not None:
            marks.append(mark(mark_name, value if isinstance(value, dict) else {}))
    return Mark.set_from(marks)


def formatting_of(marks: Iterable[Mark]) -> dict[str, Any]:
    """Return marks as formatting. Their names need no hash: no mark of the schema may overlap with itself."""
    return {each.type.name: dict(each.attrs) for each in marks}


def runs(node: Node) -> list[list[Node] | Node]:
    """Return the children of a node as Yjs holds them: neighbouring text nodes together in one list."""
    grouped: list[list[Node] | Node] = []
    for child in node.content.content:
        if not child.is_text:
            grouped.append(child)
        elif grouped and isinstance(grouped[-1], list):
            grouped[-1].append(child)
        else:
            grouped.append([child])
    return grouped


def insert(parent: XmlFragment | XmlElement, index: int, content: list[Node] | Node) -> None:
    """Put a block, or a run of text nodes, before the child at `index`."""
    if isinstance(content, list):
        text = parent.children.insert(index, XmlText())
        at_bytes = 0
        for piece in content:
            characters = piece.text or ""
            text.insert(at_bytes, characters, formatting_of(piece.marks))
            at_bytes += len(characters.encode())
        return
    element = parent.children.insert(index, XmlElement(content.type.name))
    for name, value in content.attrs.items():
        if value is not None:
            element.attributes[name] = value
    for place, child in enumerate(runs(content)):
        insert(element, place, child)


def with_unique_ids(node: Node, used: set[str] | None = None) -> Node:
    """Return the node with an id of its own on every block: given ones kept, missing and repeated ones made anew."""
    used = set() if used is None else used
    attributes = dict(node.attrs)
    if node.type.name in IDENTIFIED_BLOCKS:
        if attributes["id"] is None or attributes["id"] in used:
            attributes["id"] = new_block_id()
        used.add(str(attributes["id"]))
    if node.is_text or node.is_leaf:
        return node.type.create(attributes) if not node.is_text else node
    return node.type.create(attributes, [with_unique_ids(child, used) for child in node.content.content], node.marks)


def write_title(doc: YDoc, title: str) -> None:
    """Make the title of a live document read `title`, leaving the characters that stay in place."""
    with doc.transaction():
        meta = doc.get(META, type=Map)
        present = meta.get(TITLE)
        if not isinstance(present, Text):
            meta[TITLE] = Text(title)
            return
        edit_characters(present, str(present), title)


def edit_characters(text: Text | XmlText, old: str, new: str) -> None:
    """Turn the characters `old` of a live text into `new` by one deletion and one insertion between what stays."""
    limit = min(len(old), len(new))
    start = next((at for at in range(limit) if old[at] != new[at]), limit)
    end = next((at for at in range(limit - start) if old[-1 - at] != new[-1 - at]), limit - start)
    removed, added = old[start : len(old) - end], new[start : len(new) - end]
    # pycrdt counts a text in bytes of UTF-8.
    at_bytes = len(old[:start].encode())
    if removed:
        del text[at_bytes : at_bytes + len(removed.encode())]
    if added:
        text.insert(at_bytes, added)


def seed(title: str, node: Node) -> bytes:
    """Return the first update of a new document. It must go into the log exactly once."""
    doc: YDoc = Doc()
    with doc.transaction():
        doc.get(META, type=Map)[TITLE] = Text(clean_title(title))
        blocks = fragment(doc)
        for place, block in enumerate(with_unique_ids(node).content.content):
            insert(blocks, place, block)
    return doc.get_update()

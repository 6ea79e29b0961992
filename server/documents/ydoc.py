"""Documents as Yjs holds them: reading one, and making the first update of a new one.

The encoding is that of Tiptap's Yjs binding: in the fragment `default`, an element per node (tag = type, attributes =
attributes), a text per run of text nodes, marks as formatting whose value holds the mark's attributes. The map `meta`
holds `title`, a Y.Text made once, by `seed`.

Reading never fails and never writes. It agrees with the editor's (static/src/editor/reading.ts) about what the schema
does not allow, which a foreign client can write, or two people who change the same structure at once: docs/adr/0006.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import groupby
from typing import Any, Final

from prosemirror.model import Fragment, Mark, Node
from pycrdt import Doc, Map, Text, XmlElement, XmlFragment, XmlText

from server.documents.foreign import foreign_block, is_enough
from server.documents.models import MAX_TITLE_CHARACTERS
from server.documents.schema import (
    FOREIGN_BLOCK,
    IDENTIFIED_BLOCKS,
    MAX_DEPTH,
    clean_attributes,
    empty_document,
    mark,
    new_block_id,
    schema,
)
from server.documents.suggestions import accepted

FRAGMENT: Final = "default"
META: Final = "meta"
TITLE: Final = "title"

# The binding adds a hash to the name of a mark that may overlap with itself. Of ours only `reformat` may, but a client
# with another configuration can write others.
_HASHED_MARK = re.compile(r"(.*)--[a-zA-Z0-9+/=]{8}", re.DOTALL)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f]+")
# Overrides, embeddings and isolates would go on behind the title. Marks, which Arabic and Hebrew need, do not.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# As in the editor: its table tools would fill what is missing of a rectangle, and stop over more than this.
_MOST_MISSING_CELLS: Final = 5000

YDoc = Doc[Any]
YChild = XmlElement | XmlText


class Misfit(Exception):
    """A block has something in it that the schema has no place for."""


def load(update: bytes) -> YDoc:
    """Make a Yjs document from its state as one update. Raises ValueError if the bytes are no update."""
    doc: YDoc = Doc()
    doc.apply_update(update)
    return doc


def fragment(doc: YDoc, name: str = FRAGMENT) -> XmlFragment:
    """Return the part of the document that holds its blocks, or another one that holds some."""
    blocks: XmlFragment = doc.get(name, type=XmlFragment)
    return blocks


def clean_title(title: str) -> str:
    """Return a title as lists show it, and as it goes out: one line, nothing that turns the words beside it around.

    At most MAX_TITLE_CHARACTERS long.
    """
    return _SPACES.sub(" ", _TURNS.sub("", title)).strip()[:MAX_TITLE_CHARACTERS].rstrip()


def read_title(doc: YDoc) -> str:
    """Return the title, clean; empty when there is none."""
    with doc.transaction():
        title = doc.get(META, type=Map).get(TITLE)
        return clean_title(str(title)) if isinstance(title, Text) else ""


def read_node(doc: YDoc) -> Node:
    """Return the accepted content as a ProseMirror node that the schema allows: without what is only suggested."""
    return accepted(read_with_suggestions(doc))


def read_with_suggestions(doc: YDoc) -> Node:
    """Return the content as a ProseMirror node that the schema allows, with what is suggested in it."""
    blocks = [block for block in read_blocks(doc) if block is not None]
    return schema.nodes["doc"].create({}, blocks) if blocks else empty_document()


class Spare:
    """A copy of a document, made when something in it must be taken apart to be read: once, however much that is."""

    def __init__(self, doc: YDoc) -> None:
        self._doc = doc
        self._copy: YDoc | None = None

    def copy(self) -> YDoc:
        """Return it."""
        if self._copy is None:
            self._copy = load(self._doc.get_update())
        return self._copy


def read_blocks(doc: YDoc, name: str = FRAGMENT, spare: Spare | None = None) -> list[Node | None]:
    """Return what is shown of each element among the blocks: a block, a foreign block, or None for nothing.

    `spare`: for whoever reads many parts of a document, none of them twice.
    """
    with doc.transaction():
        try:
            return [read_block(child) for child in _children(fragment(doc, name)) if isinstance(child, XmlElement)]
        except Misfit:
            copy = (spare or Spare(doc)).copy()
    return [_show(child) for child in _take_apart(fragment(copy, name)) if isinstance(child, XmlElement)]


def remove_strangers(doc: YDoc) -> None:
    """Take out what lies among the blocks and is no element: only a program can put it there."""
    with doc.transaction():
        blocks = fragment(doc).children
        present = list(blocks)
        if len(present) == len(blocks) and all(isinstance(child, XmlElement) for child in present):
            return
        copied = _take_apart(fragment(load(doc.get_update())))
        stretches = [
            (stays, len(list(run))) for stays, run in groupby(copied, lambda child: isinstance(child, XmlElement))
        ]
        end = len(blocks)
        for stays, length in reversed(stretches):
            if not stays:
                del blocks[end - length : end]
            end -= length


def _children(parent: XmlFragment | XmlElement) -> list[XmlElement | XmlText | XmlFragment]:
    """Return all children. Raises Misfit if one is no XML: pycrdt ends there without a word, and hides the rest."""
    view = parent.children
    present = list(view)
    if len(present) < len(view):
        raise Misfit
    return present


def _take_apart(parent: XmlFragment | XmlElement) -> Iterator[XmlElement | XmlText | XmlFragment | None]:
    """Yield each child, None for what is no XML. Deletes on the way what hides the others, and all before it.

    Going through the children by their places would take time that grows with the square of their number.
    """
    view = parent.children
    while True:
        present = list(view)
        yield from present
        if len(present) == len(view):
            return
        yield None
        del view[: len(present) + 1]


def _show(element: XmlElement) -> Node | None:
    """Return what is shown of an element among the blocks of a copy. May take the element apart."""
    try:
        return read_block(element)
    except Misfit:
        return foreign_block(_words(element))


def read_block(element: XmlElement) -> Node | None:
    """Return an element as a block of the top of a document, None if nothing is to be shown of it. Raises Misfit."""
    block = read_element(element)
    if block is not None and schema.nodes["doc"].content_match.match_type(block.type) is None:
        raise Misfit
    return block


def read_element(element: XmlElement, depth: int = 1) -> Node | None:
    """Return an element as a node, or None if it holds nothing and may not be empty.

    Raises Misfit if the schema has no place for it, or for something in it.
    """
    name = element.tag or ""
    type_ = schema.nodes.get(name)
    if type_ is None or type_.is_text or name in {"doc", FOREIGN_BLOCK} or depth > MAX_DEPTH:
        raise Misfit
    children: list[Node] = []
    for child in _children(element):
        if isinstance(child, XmlText):
            # Not `allowed_marks`: where none of two marks is allowed, it keeps the first.
            children += [
                each.mark([its for its in each.marks if type_.allows_mark_type(its.type)]) for each in read_text(child)
            ]
        elif not isinstance(child, XmlElement):
            raise Misfit
        elif (node := read_element(child, depth + 1)) is not None:
            children.append(node)
    content = Fragment.from_(children)
    if not type_.valid_content(content):
        if content.size == 0:
            # Two people emptied it together, one this half and one that: nothing is left to be shown.
            return None
        raise Misfit
    node = type_.create(read_attributes(element, name), content)
    if name == "table" and _missing_cells(node) > _MOST_MISSING_CELLS:
        raise Misfit
    return node


def _missing_cells(table: Node) -> int:
    """Return how many cells a table lacks to be a rectangle."""
    width = cells = 0
    for row in table.content.content:
        spans = [(int(str(cell.attrs["colspan"])), int(str(cell.attrs["rowspan"]))) for cell in row.content.content]
        cells += sum(across * down for across, down in spans)
        width = max(width, sum(across for across, _ in spans))
    return width * table.child_count - cells


def _words(element: XmlElement) -> list[str]:
    """Return the words in an element, however deep, as many as are shown. Takes the element apart."""
    words: list[str] = []
    ways = [_take_apart(element)]
    while ways and not is_enough(words):
        for child in ways[-1]:
            if isinstance(child, XmlText):
                words += [characters for characters, _ in child.diff() if isinstance(characters, str)]
            if isinstance(child, XmlElement):
                ways.append(_take_apart(child))
                break
        else:
            ways.pop()
    return words


def read_attributes(element: XmlElement, type_name: str) -> dict[str, Any]:
    """Return an element's attributes with clean values."""
    # pycrdt annotates `__iter__` as Iterable; it is an iterator of pairs.
    pairs: Iterable[tuple[str, Any]] = element.attributes  # type: ignore[assignment]
    return clean_attributes(type_name, dict(pairs))


def read_text(text: XmlText) -> list[Node]:
    """Return a text as text nodes. Raises Misfit if there is more than text in it."""
    nodes: list[Node] = []
    for characters, formatting in text.diff():
        if not isinstance(characters, str):
            raise Misfit
        if characters:
            nodes.append(schema.text(characters, read_marks(formatting or {})))
    return nodes


def read_marks(formatting: Mapping[str, Any]) -> list[Mark]:
    """Return formatting as marks in the schema's order; marks that the schema does not know are left out."""
    marks: list[Mark] = []
    for name, value in formatting.items():
        type_name = mark_name(name)
        if type_name in schema.marks and value is not None:
            marks.append(mark(type_name, value if isinstance(value, dict) else {}))
    return Mark.set_from(marks)


def mark_name(name: str) -> str:
    """Return which mark a formatting is: behind the name of one that may overlap with itself stands a hash."""
    hashed = _HASHED_MARK.fullmatch(name)
    return hashed[1] if hashed else name


def formatting_of(marks: Iterable[Mark]) -> dict[str, Any]:
    """Return marks as formatting. Behind the name of one that may overlap with itself stands a hash of what it says."""
    return {_name_of(each): dict(each.attrs) for each in marks}


def _name_of(mark: Mark) -> str:
    if mark.type.excludes(mark.type):
        return mark.type.name
    said = json.dumps(mark.attrs, sort_keys=True).encode()
    return f"{mark.type.name}--{b64encode(sha256(said).digest()[:6]).decode()}"


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

"""HTML read into a document.

Nothing of the source gets through as HTML: each element that the schema has a place for becomes a node of it, the
text of others is kept, and what carries no text of its own (scripts, styles, frames) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from lxml import etree
from prosemirror.model import Mark, Node

from server.documents.building import Blocks, Item, clean_text, lists_of, table_of
from server.documents.foreign import paragraph_of
from server.documents.schema import MAX_DEPTH, MAX_HEADING_LEVEL, mark, node
from server.errors import Invalid

_MARKS: Final = {
    "strong": "bold",
    "b": "bold",
    "em": "italic",
    "i": "italic",
    "s": "strike",
    "del": "strike",
    "strike": "strike",
    "code": "code",
    "tt": "code",
    "kbd": "code",
    "samp": "code",
    "mark": "highlight",
}
_LEFT_OUT: Final = frozenset(
    [
        "script",
        "style",
        "template",
        "head",
        "title",
        "iframe",
        "object",
        "embed",
        "applet",
        "noscript",
        "svg",
        "math",
        "canvas",
        "audio",
        "video",
        "select",
        "textarea",
        "datalist",
        "frameset",
        "noframes",
    ]
)
_TRANSPARENT_BLOCKS: Final = frozenset(
    [
        "html",
        "body",
        "div",
        "section",
        "article",
        "header",
        "footer",
        "main",
        "aside",
        "nav",
        "figure",
        "figcaption",
        "details",
        "summary",
        "address",
        "dl",
        "dt",
        "dd",
        "form",
        "fieldset",
        "legend",
        "hgroup",
        "center",
        "caption",
    ]
)
# Levels of the schema that one more container may need: item, list, paragraph, text.
_DEEPEST_CONTAINER: Final = MAX_DEPTH - 4

Element = Any


def read_html(source: str) -> list[Node]:
    """Return the blocks of an HTML document or fragment; none if it says nothing.

    Raises Invalid if elements are nested deeper than anyone writes.
    """
    parser = etree.HTMLParser(
        recover=True, remove_comments=True, remove_pis=True, no_network=True, huge_tree=False, encoding="utf-8"
    )
    cleaned = clean_text(source)
    if not cleaned.strip():
        return []
    root = etree.fromstring(cleaned.encode(), parser)
    # The parser stops reading there; half a document must not pass for the whole.
    if any("depth" in error.message.lower() for error in parser.error_log):
        raise Invalid({"content": "The HTML is nested too deeply."})
    if root is None:
        return []
    blocks = Blocks()
    _read(root, [], blocks, 0)
    blocks.end_inline(collapsed=True)
    return blocks.blocks


def _read(element: Element, marks: list[Mark], into: Blocks, depth: int) -> None:
    """Read what is inside an element."""
    into.add_collapsed(element.text or "", marks)
    for child in element:
        _read_element(child, marks, into, depth)
        into.add_collapsed(child.tail or "", marks)


def _read_element(element: Element, marks: list[Mark], into: Blocks, depth: int) -> None:
    name = element.tag if isinstance(element.tag, str) else ""
    if not name or name in _LEFT_OUT:
        return
    if element.get("data-foreign-block") is not None:
        _read_foreign(element, into)
        return
    if name == "br":
        into.add_break(marks)
    elif name == "img":
        _read_image(element, marks, into)
    elif name == "hr":
        into.end_inline(collapsed=True)
        into.add_block(node("horizontalRule", _id(element)))
    elif name in _CONTAINERS and depth < _DEEPEST_CONTAINER:
        into.end_inline(collapsed=True)
        for block in _CONTAINERS[name](element, marks, depth):
            into.add_block(block)
    elif name in _TRANSPARENT_BLOCKS or name in _CONTAINERS:
        into.end_inline(collapsed=True)
        _read(element, marks, into, depth)
        into.end_inline(collapsed=True)
    else:
        _read(element, _with_mark(element, marks), into, depth)


def _read_foreign(element: Element, into: Blocks) -> None:
    """Read the words of a block that another program wrote, without our note above them."""
    words = " ".join("".join(part.itertext()) for part in element if part.get("class") != "foreign-note")
    paragraph = paragraph_of(words)
    into.end_inline(collapsed=True)
    if paragraph is not None:
        into.add_block(paragraph)


def _with_mark(element: Element, marks: list[Mark]) -> list[Mark]:
    if element.tag == "a":
        link = mark("link", {"href": element.get("href")})
        return link.add_to_set(marks) if link.attrs["href"] is not None else marks
    return mark(_MARKS[element.tag]).add_to_set(marks) if element.tag in _MARKS else marks


def _inside(
    element: Element,
    marks: list[Mark],
    depth: int,
    kind: str = "paragraph",
    attributes: dict[str, object] | None = None,
) -> list[Node]:
    blocks = Blocks(kind, attributes)
    _read(element, marks, blocks, depth)
    return blocks.finished(collapsed=True)


def _id(element: Element) -> dict[str, object]:
    return {"id": element.get("data-id")}


def _paragraph(element: Element, marks: list[Mark], depth: int) -> list[Node]:
    return _inside(element, marks, depth, "paragraph", _id(element))


def _heading(element: Element, marks: list[Mark], depth: int) -> list[Node]:
    level = min(int(element.tag[1]), MAX_HEADING_LEVEL)
    return _inside(element, marks, depth, "heading", {**_id(element), "level": level})


def _quote(element: Element, marks: list[Mark], depth: int) -> list[Node]:
    return [node("blockquote", _id(element), _inside(element, marks, depth + 1))]


def _code_block(element: Element, _marks: list[Mark], _depth: int) -> list[Node]:
    for line_break in element.iter("br"):
        line_break.text = "\n"
    characters = "".join(element.itertext())
    if element.get("data-id") is None:
        # Other programs end the code with a line end of its own; ours write exactly what the block holds.
        characters = characters.removesuffix("\n")
    classes = " ".join(each.get("class") or "" for each in [element, *element.iter("code")]).split()
    language = next((each.removeprefix("language-") for each in classes if each.startswith("language-")), None)
    block = Blocks("codeBlock", {**_id(element), "language": language})
    block.add_text(characters, [])
    return block.finished()


def _list(element: Element, marks: list[Mark], depth: int) -> list[Node]:
    items: list[Item] = []
    for child in element:
        if child.tag == "li":
            items.append((_checked(child), _inside(child, marks, depth + 2), _id(child)))
        elif isinstance(child.tag, str) and child.tag not in _LEFT_OUT:
            # Not allowed in HTML, but common: a list right inside a list belongs to the item before it.
            loose = Blocks()
            _read_element(child, marks, loose, depth + 2)
            loose.end_inline(collapsed=True)
            if items:
                items[-1][1].extend(loose.blocks)
            elif loose.blocks:
                items.append((None, loose.blocks, {}))
    kind = "orderedList" if element.tag == "ol" else "bulletList"
    start = element.get("start") or ""
    attributes = {**_id(element), "start": int(start) if start.lstrip("-").isascii() and _is_number(start) else 1}
    return lists_of(items, kind, attributes)


def _is_number(value: str) -> bool:
    return value.removeprefix("-").isdigit() and len(value) < 9


def _checked(item: Element) -> bool | None:
    """Say whether an item is a task, and done."""
    if item.get("data-checked") is not None:
        return bool(item.get("data-checked") == "true")
    box = next((each for each in _near(item) if each.tag == "input" and each.get("type") == "checkbox"), None)
    if box is not None:
        return box.get("checked") is not None
    return False if item.get("data-type") == "taskItem" else None


def _near(item: Element) -> Iterator[Element]:
    """Yield what may hold an item's own checkbox: its first child, and the first child of that."""
    for child in item[:1]:
        yield child
        yield from child[:1]


def _table(element: Element, marks: list[Mark], depth: int) -> list[Node]:
    before: list[Node] = []
    rows: list[list[Node]] = []
    for part in element:
        if part.tag == "caption":
            before += _inside(part, marks, depth)
        for row in [part] if part.tag == "tr" else part if part.tag in {"thead", "tbody", "tfoot"} else []:
            cells = (cell for cell in row if cell.tag in {"td", "th"})
            rows.append([_cell(cell, marks, depth + 3) for cell in cells])
    table = table_of(rows, _id(element))
    return [*before, table] if table is not None else before


def _cell(element: Element, marks: list[Mark], depth: int) -> Node:
    def whole(name: str) -> int:
        value = element.get(name) or "1"
        return int(value) if _is_number(value) else 1

    widths = (element.get("colwidth") or "").split(",")
    attributes = {
        "colspan": whole("colspan"),
        "rowspan": whole("rowspan"),
        "colwidth": [int(width) for width in widths] if all(map(_is_number, widths)) else None,
    }
    return node("tableHeader" if element.tag == "th" else "tableCell", attributes, _inside(element, marks, depth))


def _read_image(element: Element, marks: list[Mark], into: Blocks) -> None:
    sides = {name: element.get(name) or "" for name in ("width", "height")}
    attributes = {
        **{name: element.get(name) for name in ("src", "alt", "title")},
        **{name: int(value) for name, value in sides.items() if _is_number(value)},
    }
    image = node("image", {**_id(element), **attributes})
    if image.attrs["src"] is None:
        into.add_collapsed(str(image.attrs["alt"] or ""), marks)
        return
    into.end_inline(collapsed=True)
    into.add_block(image)


_CONTAINERS: Final[dict[str, Callable[[Element, list[Mark], int], list[Node]]]] = {
    "p": _paragraph,
    **{f"h{level}": _heading for level in range(1, 7)},
    "blockquote": _quote,
    "pre": _code_block,
    "ul": _list,
    "ol": _list,
    "menu": _list,
    "table": _table,
}

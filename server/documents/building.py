"""Putting a document together from something that is not one: the parts that Markdown and HTML share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from prosemirror.model import Mark, Node

from server.documents.schema import node, text

_LINE_ENDS: Final = re.compile(r"\r\n?")
# Nothing a person writes, and trouble for databases, parsers and terminals; lone surrogates have no UTF-8 form.
_UNWANTED: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# A list item: whether it is a task and done (None: no task), its blocks, its attributes.
Item = tuple[bool | None, list[Node], Mapping[str, object]]


def clean_text(source: str) -> str:
    """Return text with line feeds as line ends and without control characters, tabs and line ends aside."""
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", source))


class Blocks:
    """Blocks in the making: inline content gathers until a block begins or ends, and then becomes one itself.

    `kind` and `attributes` are those of the block that loose inline content becomes. The attributes count once: an
    image in the middle of a paragraph splits it, and only the first part keeps the id.
    """

    def __init__(self, kind: str = "paragraph", attributes: Mapping[str, object] | None = None) -> None:
        self.kind = kind
        self.attributes = dict(attributes or {})
        self.blocks: list[Node] = []
        self.inline: list[Node] = []

    def add_text(self, characters: str, marks: list[Mark]) -> None:
        """Add text as it is; nothing, if it is empty."""
        if characters:
            self.inline.append(text(characters, marks))

    def add_collapsed(self, characters: str, marks: list[Mark]) -> None:
        """Add text as HTML shows it: runs of white space are one space, none where a line begins."""
        collapsed = re.sub(r"[ \t\n\r\f]+", " ", characters)
        if not self.inline or self.inline[-1].type.name == "hardBreak" or (self.inline[-1].text or "").endswith(" "):
            collapsed = collapsed.removeprefix(" ")
        self.add_text(collapsed, marks)

    def add_break(self, marks: list[Mark]) -> None:
        """Add a line break."""
        self.inline.append(node("hardBreak").mark(marks))

    def add_block(self, block: Node) -> None:
        """Add a block after what came before it."""
        self.end_inline(collapsed=True)
        self.blocks.append(block)

    def end_inline(self, *, collapsed: bool = False) -> None:
        """Make the gathered inline content a block, if there is any."""
        if collapsed and self.inline and self.inline[-1].is_text:
            last = self.inline.pop()
            self.add_text((last.text or "").removesuffix(" "), last.marks)
        if self.inline:
            self.blocks.append(node(self.kind, self.attributes, merged(self.inline)))
            self.inline = []
            self.attributes.pop("id", None)

    def finished(self, *, collapsed: bool = False) -> list[Node]:
        """Return the blocks; at least one, if it must be an empty one of the kind asked for."""
        self.end_inline(collapsed=collapsed)
        return self.blocks or [node(self.kind, self.attributes)]


def merged(inline: list[Node]) -> list[Node]:
    """Return inline content with neighbouring texts of the same marks as one."""
    result: list[Node] = []
    for each in inline:
        if result and each.is_text and result[-1].is_text and Mark.same_set(each.marks, result[-1].marks):
            result[-1] = text((result[-1].text or "") + (each.text or ""), each.marks)
        else:
            result.append(each)
    return result


def with_first_paragraph(blocks: list[Node]) -> list[Node]:
    """Return blocks fit for a list item, which begins with a paragraph."""
    return blocks if blocks and blocks[0].type.name == "paragraph" else [node("paragraph"), *blocks]


def table_of(rows: list[list[Node]], attributes: Mapping[str, object] | None = None) -> Node | None:
    """Make a table of rows of cells, short rows filled up; None if there is no cell at all."""
    rows = [row for row in rows if row]
    if not rows:
        return None
    if all(cell.attrs["rowspan"] == 1 for row in rows for cell in row):
        widths = [sum(int(str(cell.attrs["colspan"])) for cell in row) for row in rows]
        widest = max(widths)
        # The editor would fill them on opening, and every reader of the page would then write to the document.
        rows = [
            [*row, *(node(row[-1].type.name, content=[node("paragraph")]) for _ in range(widest - width))]
            for row, width in zip(rows, widths, strict=True)
        ]
    return node("table", attributes, [node("tableRow", content=row) for row in rows])


def lists_of(
    items: Sequence[Item],
    plain_kind: str,
    attributes: Mapping[str, object],
) -> list[Node]:
    """Make lists of items: one list per run of items that are tasks (done or not) or are none (None)."""
    lists: list[Node] = []
    run: list[Node] = []
    kind = ""
    rest = dict(attributes)
    for checked, blocks, item_attributes in items:
        item_kind, list_kind = ("listItem", plain_kind) if checked is None else ("taskItem", "taskList")
        if list_kind != kind and run:
            lists.append(node(kind, rest, run))
            run = []
            rest.pop("id", None)
        kind = list_kind
        run.append(node(item_kind, {**item_attributes, "checked": checked}, with_first_paragraph(blocks)))
    return [*lists, node(kind, rest, run)] if run else lists

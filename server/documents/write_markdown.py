"""A document as Markdown that reads well, and that read_markdown reads back.

CommonMark with tables, strikethrough, task lists and ==highlights==. What Markdown cannot say is left out (block ids,
sizes of images, empty paragraphs) or said in HTML (a table with merged cells or with blocks in its cells).
"""

from __future__ import annotations

import re
from typing import Final

from prosemirror.model import Node

from server.documents.building import clean_text, table_of
from server.documents.foreign import as_paragraph
from server.documents.markdown_inline import write_address, write_inline, write_label, write_title
from server.documents.schema import FOREIGN_BLOCK, node, text
from server.documents.write_html import write_html

_MOST_DIGITS_START: Final = 999_000_000
_FAMILIES: Final = {"bulletList": "bullet", "taskList": "bullet", "orderedList": "number"}
_BLANKS: Final = re.compile(r"[ \t\n\r\f]+")


def write_markdown(document: Node) -> str:
    """Return the content of a document as Markdown, with a line end at its end unless it is empty."""
    written = _blocks(document)
    return written + "\n" if written else ""


def _blocks(parent: Node) -> str:
    return "\n\n".join(written for _, written in _written_blocks(parent))


def _written_blocks(parent: Node, before: tuple[str, bool] = ("", False)) -> list[tuple[Node, str]]:
    """Return the blocks that have something to say, with what they say.

    `before` is the list whose marker stands right before the first one: its family, and whether it is the other marker.
    """
    written: list[tuple[Node, str]] = []
    previous = before
    for block in parent.content.content:
        family = _FAMILIES.get(block.type.name, "")
        # Two lists in a row would be read as one, and `- - -` as a rule; another marker keeps them apart.
        other_marker = previous[0] == family != "" and not previous[1]
        source = _list(block, other_marker=other_marker) if family else _block(block)
        if source:
            written.append((block, source))
            previous = (family, other_marker)
    return written


def _block(block: Node) -> str:
    match block.type.name:
        case "paragraph":
            return write_inline(block)
        case "heading":
            return _heading(block)
        case "blockquote":
            return "\n".join(f"> {line}" if line else ">" for line in _blocks(block).split("\n"))
        case "codeBlock":
            return _code_block(block)
        case "horizontalRule":
            return "---"
        case "image":
            return _image(block)
        case "table":
            return _table(block)
        case name if name == FOREIGN_BLOCK:
            words = as_paragraph(block)
            return write_inline(words) if words is not None else ""
        case unknown:
            message = f"no Markdown for {unknown}"
            raise AssertionError(message)


def _heading(block: Node) -> str:
    line = write_inline(block, one_line=True)
    # Signs at the end would be read as a frame around the words.
    line = re.sub(r"#+$", lambda found: found[0][:-1] + r"\#", line)
    return ("#" * int(str(block.attrs["level"])) + " " + line).rstrip()


def _code_block(block: Node) -> str:
    code = clean_text(block.text_content)
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = [f"{fence}{block.attrs['language'] or ''}", *([code] if code else []), fence]
    return "\n".join(lines)


def _image(block: Node) -> str:
    source = block.attrs["src"]
    address = write_address(str(source)) if source else None
    label = write_label(str(block.attrs["alt"] or ""))
    if address is None:
        return ""
    return f"![{label}]({address}{write_title(str(block.attrs['title'] or ''))})"


def _list(block: Node, *, other_marker: bool) -> str:
    number = min(max(0, int(str(block.attrs.get("start", 1)))), _MOST_DIGITS_START)
    items: list[str] = []
    for offset, item in enumerate(block.content.content):
        if block.type.name == "orderedList":
            marker = f"{number + offset}{')' if other_marker else '.'}"
        else:
            marker = "+" if other_marker else "-"
        box = ""
        if block.type.name == "taskList":
            box = "[x]" if item.attrs["checked"] is True else "[ ]"
        blocks = _written_blocks(item, ("", False) if box else (_FAMILIES[block.type.name], other_marker))
        items.append(_item(item, blocks, marker, box))
    loose = any("\n\n" in item for item in items)
    return ("\n\n" if loose else "\n").join(items)


def _item(item: Node, blocks: list[tuple[Node, str]], marker: str, box: str) -> str:
    first = item.content.content[0]
    begun = bool(blocks) and blocks[0][0] is first
    if box:
        # The box belongs to the first paragraph, be it empty.
        blocks = [(first, f"{box} {blocks[0][1]}"), *blocks[1:]] if begun else [(first, box), *blocks]
    source = ""
    for at, (block, written) in enumerate(blocks):
        # A rule of the same sign as the marker would swallow it.
        said = "***" if block.type.name == "horizontalRule" and at == 0 else written
        # A tag alone on its line begins HTML, which goes on up to an empty line.
        below_line = at == 1 and blocks[0][0].type.name == "paragraph" and not source.startswith("<")
        tight = below_line and _may_follow_a_line(block, said)
        source += ("" if at == 0 else "\n" if tight else "\n\n") + said
    indent = " " * (len(marker) + 1)
    lines = source.split("\n")
    return "\n".join([f"{marker} {lines[0]}".rstrip(" "), *(indent + line if line else "" for line in lines[1:])])


def _may_follow_a_line(block: Node, written: str) -> bool:
    """Say whether a list is read as one right below a line of text: it must begin with words, and with 1."""
    if block.type.name not in {"bulletList", "taskList", "orderedList"}:
        return False
    begins = re.match(r"(?:[-+]|1[.)]) \S", written)
    return begins is not None and "\n\n" not in written


def _table(block: Node) -> str:
    rows = _rows(block)
    if not any(rows):
        return ""
    if not _is_simple(rows):
        # What HTML leaves out of the cells may make it simple after all.
        block = _as_html_shows(block)
        rows = _rows(block)
    if not _is_simple(rows):
        # A line without anything would end the HTML.
        return str(write_html(node("doc", content=[block]))).replace("\n", "&#10;")
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def _rows(table: Node) -> list[list[Node]]:
    return [row.content.content for row in table.content.content]


def _is_simple(rows: list[list[Node]]) -> bool:
    """Say whether Markdown has a way to write the table: one row of headers, then cells, a paragraph in each."""
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        return False
    for at, row in enumerate(rows):
        for cell in row:
            spans = cell.attrs["colspan"] != 1 or cell.attrs["rowspan"] != 1
            header = cell.type.name == "tableHeader"
            if spans or header != (at == 0) or cell.child_count != 1 or cell.child(0).type.name != "paragraph":
                return False
    return True


def _cell(cell: Node) -> str:
    return write_inline(cell.child(0), one_line=True).replace("|", r"\|")


def _as_html_shows(block: Node) -> Node:
    """Return a block as it is read back from HTML: without ids and needless spaces, rows of one length."""
    attributes = {**block.attrs, "id": None}
    if block.type.name == "image":
        labels = {name: block.attrs[name] for name in ("alt", "title") if block.attrs[name] is not None}
        cleaned = {name: clean_text(str(label)) for name, label in labels.items()}
        return node("image", {**attributes, **cleaned}) if block.attrs["src"] else node("paragraph")
    if block.type.name == "codeBlock":
        # The reader takes one line end off the code of others.
        return node("codeBlock", attributes, [text(clean_text(block.text_content) + "\n")])
    if block.type.name == "table":
        rows = [[_as_html_shows(cell) for cell in row.content.content] for row in block.content.content]
        return table_of(rows) or node("paragraph")
    if not block.inline_content:
        return node(block.type.name, attributes, [_as_html_shows(child) for child in block.content.content])
    inline: list[Node] = []
    begins = True
    for child in block.content.content:
        if not child.is_text:
            inline.append(child)
            begins = True
            continue
        words = _BLANKS.sub(" ", clean_text(child.text or ""))
        words = words.removeprefix(" ") if begins else words
        if words:
            inline.append(text(words, child.marks))
            begins = words.endswith(" ")
    if inline and inline[-1].is_text and (inline[-1].text or "").endswith(" "):
        last = inline.pop()
        words = (last.text or "").removesuffix(" ")
        inline += [text(words, last.marks)] if words else []
    return node(block.type.name, attributes, inline)

"""A document as plain text: what it says, one block a line, for search, excerpts and the clipboard."""

from __future__ import annotations

import re
from itertools import count
from typing import Final

from prosemirror.model import Node

from server.documents.schema import FOREIGN_BLOCK

_SPACES: Final = re.compile(r"[\s\x00-\x1f\x7f]+")


def plain_text(node: Node) -> str:
    """Return the text of a document: blocks apart by an empty line, list items and table rows by a line break."""
    return "\n\n".join(text for block in node.content.content if (text := _block(block)))


def excerpt(node: Node, longest: int) -> str:
    """Return the beginning of the text on one line, at most `longest` characters, cut between words."""
    text = _SPACES.sub(" ", plain_text(node)).strip()
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    # A language without spaces, or one very long word, is cut where the room ends.
    whole_words = cut.rpartition(" ")[0] if text[longest - 1] != " " else cut
    return (whole_words if len(whole_words) > longest // 2 else cut).rstrip() + "…"


def _block(node: Node) -> str:
    name = node.type.name
    if node.is_textblock:
        return _inline(node)
    if name == "image":
        return str(node.attrs["alt"] or "")
    if name == "horizontalRule":
        return ""
    if name == FOREIGN_BLOCK:
        return str(node.attrs["text"])
    if name in {"bulletList", "orderedList", "taskList"}:
        return _list(node)
    if name == "table":
        return "\n".join(
            "\t".join(_SPACES.sub(" ", _blocks(cell)) for cell in row.content.content) for row in node.content.content
        )
    return _blocks(node)


def _blocks(node: Node) -> str:
    return "\n".join(text for child in node.content.content if (text := _block(child)))


def _list(node: Node) -> str:
    numbers = count(int(str(node.attrs.get("start") or 1)))
    lines = []
    for item in node.content.content:
        if node.type.name == "taskList":
            sign = "[x] " if item.attrs["checked"] is True else "[ ] "
        else:
            sign = f"{next(numbers)}. " if node.type.name == "orderedList" else "• "
        first, *further = _blocks(item).split("\n")
        lines.append(sign + first)
        lines += [" " * len(sign) + line for line in further]
    return "\n".join(lines)


def _inline(node: Node) -> str:
    return "".join("\n" if child.type.name == "hardBreak" else child.text or "" for child in node.content.content)

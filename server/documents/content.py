"""The content of a document in the formats that people and programs ask for, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from prosemirror.model import Node

from server.documents import ydoc
from server.documents.plain_text import plain_text
from server.documents.read_html import read_html
from server.documents.read_markdown import read_markdown
from server.documents.replacing import replace
from server.documents.schema import empty_document, node
from server.documents.suggestions import PENDING_ATTRIBUTES
from server.documents.write_html import write_html
from server.documents.write_markdown import write_markdown
from server.errors import TooLarge

# A book's worth. Reading keeps a core busy: two seconds for so much ordinary Markdown, half a minute for the worst that
# can be contrived.
MAX_SOURCE_BYTES: Final = 512 * 1024


class Format(StrEnum):
    """How content is written down. JSON is ProseMirror's, with the block ids; it can be read, not sent."""

    JSON = "json"
    HTML = "html"
    MARKDOWN = "markdown"
    TEXT = "text"


MEDIA_TYPES: Final = {
    Format.JSON: "application/json",
    Format.HTML: "text/html; charset=utf-8",
    Format.MARKDOWN: "text/markdown; charset=utf-8",
    Format.TEXT: "text/plain; charset=utf-8",
}


class Source(StrEnum):
    """The formats that content may be sent in."""

    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Content:
    """A document's title and content at one moment."""

    title: str
    node: Node


def load(state: bytes, *, suggestions: bool = False) -> Content:
    """Read the state of a document, as `live.read` gives it; on request with what is only suggested in it.

    A second of work for a very large one: use a thread.
    """
    doc = ydoc.load(state)
    return Content(ydoc.read_title(doc), ydoc.read_with_suggestions(doc) if suggestions else ydoc.read_node(doc))


def write(content: Node, into: Format) -> str:
    """Return the content in a format."""
    match into:
        case Format.JSON:
            return json.dumps(_plain(dict(content.to_json())), ensure_ascii=False)
        case Format.HTML:
            return str(write_html(content))
        case Format.MARKDOWN:
            return write_markdown(content)
        case Format.TEXT:
            return plain_text(content)


def _plain(described: dict[str, Any]) -> dict[str, Any]:
    """Leave out the places for suggestions, which are empty in what is accepted."""
    if "attrs" in described:
        described["attrs"] = {name: at for name, at in described["attrs"].items() if name not in PENDING_ATTRIBUTES}
    for child in described.get("content", ()):
        _plain(child)
    return described


def parse(source: str, written_in: Source) -> Node:
    """Read content that was sent. Raises TooLarge, or Invalid for the field `content`."""
    if len(source.encode("utf-8", "replace")) > MAX_SOURCE_BYTES:
        raise TooLarge("That text is longer than one request may bring. Send it in parts.")
    blocks = read_markdown(source) if written_in is Source.MARKDOWN else read_html(source)
    return node("doc", content=blocks) if blocks else empty_document()


def replacement(content: Node) -> Callable[[ydoc.YDoc], None]:
    """Return the change for `live.edit` that makes a document hold exactly this content."""
    return lambda doc: replace(doc, content)

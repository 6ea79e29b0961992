"""A document as HTML: the same elements and attributes as the editor's own, which takes the page over in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from markupsafe import Markup
from prosemirror.model import DOMSerializer, Mark, Node
from prosemirror.model.to_dom import HTMLOutputSpec

from server.documents.foreign import NOTE
from server.documents.schema import FOREIGN_BLOCK

Attributes = dict[str, Any]

_BLOCK_SUGGESTIONS: Final = ("inserted", "deleted", "joined", "changed")


def write_html(node: Node) -> Markup:
    """Return the content of a document as HTML that is safe to show: all text and all attributes are escaped."""
    # The serializer escapes every string; nothing else in it comes from the document.
    return Markup(str(_SERIALIZER.serialize_fragment(node.content)))  # noqa: S704


def _marked(node: Node) -> Attributes:
    """Return what every block says of itself: its id, and what is suggested of it."""
    return {"data-id": node.attrs["id"], **{f"data-{name}": node.attrs[name] for name in _BLOCK_SUGGESTIONS}}


def _block(tag: str, **further: str) -> Callable[[Node], HTMLOutputSpec]:
    return lambda node: [tag, {**_marked(node), **further}, 0]


def _code_block(node: Node) -> HTMLOutputSpec:
    language = node.attrs["language"]
    return ["pre", _marked(node), ["code", {"class": f"language-{language}" if language else None}, 0]]


def _ordered_list(node: Node) -> HTMLOutputSpec:
    start = node.attrs["start"]
    return ["ol", {**_marked(node), "start": None if start == 1 else start}, 0]


def _task_item(node: Node) -> HTMLOutputSpec:
    checked = node.attrs["checked"] is True
    box: Attributes = {
        "type": "checkbox",
        "disabled": "disabled",
        "checked": "checked" if checked else None,
        "aria-label": "Done",
    }
    attributes = {
        **_marked(node),
        "data-checked": "true" if checked else "false",
        "data-type": "taskItem",
        "dir": "auto",
    }
    return ["li", attributes, ["label", ["input", box], ["span"]], ["div", 0]]


def _cell(tag: str) -> Callable[[Node], HTMLOutputSpec]:
    def write(node: Node) -> HTMLOutputSpec:
        widths = node.attrs["colwidth"]
        attributes = {
            "colspan": node.attrs["colspan"],
            "rowspan": node.attrs["rowspan"],
            "colwidth": ",".join(map(str, widths)) if isinstance(widths, list) else None,
        }
        return [tag, attributes, 0]

    return write


def _image(node: Node) -> HTMLOutputSpec:
    named = ("src", "alt", "title", "width", "height")
    return ["img", {**_marked(node), **{name: node.attrs[name] for name in named}}]


def _foreign_block(node: Node) -> HTMLOutputSpec:
    words = node.attrs["text"]
    said: list[HTMLOutputSpec] = [["p", {}, words]] if words else []
    return ["div", {"class": "foreign-block", "data-foreign-block": ""}, ["p", {"class": "foreign-note"}, NOTE], *said]


def _link(mark: Mark, _inline: bool) -> HTMLOutputSpec:  # noqa: FBT001 - the serializer's signature
    return ["a", {"href": mark.attrs["href"], "target": "_blank", "rel": "noopener noreferrer nofollow"}, 0]


def _suggestion(tag: str, kind: str, *further: str) -> Callable[[Mark, bool], HTMLOutputSpec]:
    def write(mark: Mark, _inline: bool) -> HTMLOutputSpec:  # noqa: FBT001 - the serializer's signature
        whose = f"{mark.attrs['by']}/{mark.attrs['id']}"
        said = {f"data-{name}": mark.attrs[name] for name in further}
        return [tag, {"data-suggested": kind, "data-suggestion": whose, **said}, 0]

    return write


def _mark(tag: str) -> Callable[[Mark, bool], HTMLOutputSpec]:
    return lambda _mark, _inline: [tag, 0]


_SERIALIZER: Final = DOMSerializer(
    nodes={
        "text": lambda node: node.text or "",
        "paragraph": _block("p"),
        "heading": lambda node: [f"h{node.attrs['level']}", _marked(node), 0],
        "bulletList": _block("ul"),
        "orderedList": _ordered_list,
        "listItem": _block("li", dir="auto"),
        "taskList": _block("ul", **{"data-type": "taskList"}),
        "taskItem": _task_item,
        "blockquote": _block("blockquote", dir="auto"),
        "codeBlock": _code_block,
        "table": lambda node: ["table", _marked(node), ["tbody", 0]],
        "tableRow": lambda _: ["tr", 0],
        "tableHeader": _cell("th"),
        "tableCell": _cell("td"),
        "horizontalRule": lambda node: ["hr", _marked(node)],
        "image": _image,
        "hardBreak": lambda _: ["br"],
        FOREIGN_BLOCK: _foreign_block,
    },
    marks={
        "insertion": _suggestion("ins", "insertion"),
        "deletion": _suggestion("del", "deletion"),
        "reformat": _suggestion("span", "reformat", "add", "remove"),
        "link": _link,
        "bold": _mark("strong"),
        "code": _mark("code"),
        "italic": _mark("em"),
        "strike": _mark("s"),
        "highlight": _mark("mark"),
    },
)

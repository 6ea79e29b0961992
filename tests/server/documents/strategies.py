"""Documents for property tests: whatever the schema allows, with what breaks parsers in their words."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from prosemirror.model import Mark, Node

from server.documents.schema import mark, node, text

AWKWARD = [
    "*", "**", "_", "__", "~~", "==", "`", "``", "[", "]", "(", ")", "![", "](", "<", ">", "&", "&amp;", "&#39;", "|",
    "#", "# ", "- ", "+ ", "1. ", "2) ", "> ", "---", "===", "```", "~~~", "\\", "!", " ", "  ", "\t", ":-", "[ ] ",
    "[x]: y", "<br>", "<b>", "</b>", "<!--", "<script>alert(1)</script>", "javascript:alert(1)", "https://a.b/c_d_e",
    "a", "b1", "é", "中文", "🙂", "👩‍👩‍👧", "\u00a0", "\u2028", "«", "”", "word", "two words", '"', "'", "$", "%", "@",
]  # fmt: skip

words = st.lists(st.sampled_from(AWKWARD) | st.text(max_size=4), min_size=1, max_size=6).map("".join).filter(bool)
# Yjs keeps UTF-8, so no half of a surrogate pair can be in a document.
characters = words.filter(lambda value: not any("\ud800" <= each <= "\udfff" for each in value))

addresses = st.sampled_from(
    [
        "https://example.org/a?b=c&d=e#f",
        "/assets/1",
        "mailto:a@b.c",
        "http://x.y/(z)",
        "a b",
        "x`y",
        "ü/ß",
        "%zz",
        "a&amp;b",
    ]
)
block_ids = st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)


@st.composite
def marks(draw: st.DrawFn) -> list[Mark]:
    if draw(st.integers(0, 7)) == 0:
        return [mark("code")]
    names = draw(st.sets(st.sampled_from(["bold", "italic", "strike", "highlight", "link"]), max_size=3))
    chosen = [mark(name, {"href": draw(addresses)} if name == "link" else {}) for name in names]
    return Mark.set_from(chosen)


inline = st.lists(
    st.builds(text, characters, marks() | st.just([])) | st.builds(node, st.just("hardBreak")), max_size=5
)


@st.composite
def paragraphs(draw: st.DrawFn) -> Node:
    return node("paragraph", {"id": draw(block_ids)}, draw(inline))


@st.composite
def leaves(draw: st.DrawFn) -> Node:
    kind = draw(st.sampled_from(["paragraph", "paragraph", "heading", "codeBlock", "horizontalRule", "image"]))
    attributes: dict[str, Any] = {"id": draw(block_ids)}
    if kind == "heading":
        attributes["level"] = draw(st.integers(1, 4))
    if kind == "codeBlock":
        attributes["language"] = draw(st.none() | st.sampled_from(["python", "c++", "x-y.z"]))
        code = draw(st.lists(characters | st.just("\n"), max_size=4).map("".join))
        return node(kind, attributes, [text(code)] if code else [])
    if kind == "image":
        label = st.none() | characters
        attributes |= {"src": draw(st.none() | addresses), "alt": draw(label), "title": draw(label)}
        attributes |= {
            "width": draw(st.none() | st.integers(1, 9000)),
            "height": draw(st.none() | st.integers(1, 9000)),
        }
    return node(kind, attributes, draw(inline) if kind in {"paragraph", "heading"} else [])


@st.composite
def containers(draw: st.DrawFn, children: st.SearchStrategy[Node]) -> Node:
    kind = draw(st.sampled_from(["blockquote", "bulletList", "orderedList", "taskList", "table"]))
    attributes: dict[str, Any] = {"id": draw(block_ids)}
    some = st.lists(children, max_size=2)
    if kind == "blockquote":
        return node(kind, attributes, [draw(children), *draw(some)])
    if kind == "table":
        return draw(tables(children))
    if kind == "orderedList":
        attributes["start"] = draw(st.sampled_from([0, 1, 2, 9, 99]))
    item = "taskItem" if kind == "taskList" else "listItem"
    items = [
        node(item, {"id": draw(block_ids), "checked": draw(st.booleans())}, [draw(paragraphs()), *draw(some)])
        for _ in range(draw(st.integers(1, 3)))
    ]
    return node(kind, attributes, items)


@st.composite
def tables(draw: st.DrawFn, children: st.SearchStrategy[Node]) -> Node:
    columns = draw(st.integers(1, 3))
    simple = draw(st.booleans())
    rows = []
    for at in range(draw(st.integers(1, 3))):
        cells = []
        for _ in range(columns):
            header = at == 0 if simple else draw(st.booleans())
            spans = {} if simple else {"colspan": draw(st.integers(1, 2)), "colwidth": draw(st.none() | st.just([120]))}
            content = [draw(paragraphs())] if simple else [draw(children)]
            cells.append(node("tableHeader" if header else "tableCell", spans, content))
        rows.append(node("tableRow", {}, cells))
    return node("table", {"id": draw(block_ids)}, rows)


blocks = st.recursive(leaves(), containers, max_leaves=6)


@st.composite
def documents(draw: st.DrawFn) -> Node:
    return node("doc", {}, draw(st.lists(blocks, min_size=1, max_size=5)))

"""What becomes of HTML, spelled as our own."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prosemirror.model import Node

from server.documents import ydoc
from server.documents.read_html import read_html
from server.documents.read_markdown import read_markdown
from server.documents.schema import node, text
from server.documents.write_html import write_html
from server.errors import Invalid
from tests.server.documents.strategies import documents


def html(source: str) -> str:
    written = str(write_html(node("doc", content=read_html(source) or [node("paragraph")])))
    # Says only how items and quotes are shown.
    return written.replace(' dir="auto"', "")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("loose <b>words</b>", "<p>loose <strong>words</strong></p>"),
        ("<p> a \n b </p>\n<p>c</p>", "<p>a b</p><p>c</p>"),
        ("<div>a<div>b</div>c</div>", "<p>a</p><p>b</p><p>c</p>"),
        ("<h6>a</h6>", "<h4>a</h4>"),
        ("<b>a<div>b</div></b>", "<p><strong>a</strong></p><p><strong>b</strong></p>"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul></li></ul>"),
        ("<ul><li>a</li><ul><li>b</li></ul></ul>", "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li></ul>"),
        ("<ol start='5'><li>a</ol>", '<ol start="5"><li><p>a</p></li></ol>'),
        ("<ol start='x'><li>a</ol>", "<ol><li><p>a</p></li></ol>"),
        ("<pre>  a\n  b\n</pre>", "<pre><code>  a\n  b</code></pre>"),
        (
            '<pre><code class="hljs language-js"><span>a</span>;</code></pre>',
            '<pre><code class="language-js">a;</code></pre>',
        ),
        (
            "<table><caption>x<tr><td>a</table>",
            '<p>x</p><table><tbody><tr><td colspan="1" rowspan="1"><p>a</p></td></tr></tbody></table>',
        ),
        ("<table></table>", "<p></p>"),
        ("<p>a<img src='/b' alt='c' width='10' height='x'>d</p>", '<p>a</p><img src="/b" alt="c" width="10"><p>d</p>'),
        ("<img src='data:image/png;base64,AA' alt='words'>", "<p>words</p>"),
        (
            "<a href='/x' onclick='y'>a</a>",
            '<p><a href="/x" target="_blank" rel="noopener noreferrer nofollow">a</a></p>',
        ),
        ("<a href='java&#10;script:alert(1)'>a</a>", "<p>a</p>"),
        ("a<br><br>b", "<p>a<br><br>b</p>"),
        ("<style>a</style><title>b</title><svg><text>c</text></svg>d", "<p>d</p>"),
        ("<html><head><meta charset=x></head><body class=y>a</body></html>", "<p>a</p>"),
        ("<p data-id='same'>a</p>", '<p data-id="same">a</p>'),
        ("<p data-id='\"><script>'>a</p>", "<p>a</p>"),
        ("&lt;script&gt; &amp;amp;", "<p>&lt;script&gt; &amp;amp;</p>"),
        ("<!-- a --><?php b ?>c", "<p>c</p>"),
        ("a\x00b\x0cc", "<p>abc</p>"),
    ],
)
def test_html_becomes(source: str, expected: str) -> None:
    assert html(source) == expected


@pytest.mark.parametrize(
    "item",
    [
        '<li data-type="taskItem" data-checked="true"><label><input type="checkbox"></label><div><p>a</p></div></li>',
        '<li class="task-list-item"><input type="checkbox" disabled checked> a</li>',
        '<li><p><input type="checkbox" checked> a</p></li>',
    ],
)
def test_tasks_of_several_programs_are_tasks(item: str) -> None:
    (tasks,) = read_html(f"<ul>{item}</ul>")
    assert (tasks.type.name, tasks.child(0).attrs["checked"], tasks.text_content) == ("taskList", True, "a")


@given(documents())
@settings(deadline=None, max_examples=150)
def test_our_own_html_is_read_back_with_its_ids(document: Node) -> None:
    written = write_html(ydoc.with_unique_ids(document))
    again = write_html(node("doc", content=read_html(str(written)) or [node("paragraph")]))
    # Spaces are HTML's to fold, short rows are filled, pictures of nothing go; what was done once is not done again.
    assert write_html(node("doc", content=read_html(str(again)) or [node("paragraph")])) == again
    plain = not re.search(r"[ \t\n\r\f]{2}|> | <|<br>|<table|<img(?![^>]* src)|[\x00-\x08\x0b-\x1f\x7f-\x9f]", written)
    assert not plain or again == written


class Suspicious(HTMLParser):
    """Collects what could do something in a browser."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style", "iframe", "svg", "object", "form", "base", "meta"}:
            self.found.append(tag)
        for name, value in attrs:
            scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20]", "", value or ""), re.IGNORECASE)
            runs = name in {"href", "src"} and scheme and scheme[1].lower() not in {"http", "https", "mailto"}
            if name.startswith("on") or name == "style" or runs:
                self.found.append(f"{name}={value}")


HOSTILE = [
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "</code></pre><script>",
    "' onload='alert(1)",
    '" onerror="a',
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:x",
    "\x01javascript:x",
    "data:text/html,<script>",
    "vbscript:x",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<a href='javascript:x'>",
    "<math><mi//xlink:href='data:x'>",
    "<style>*{}</style>",
    "<!--><script>",
    "]]><script>",
    "&lt;script&gt;",
    "&#x6a;avascript:x",
    "<iframe srcdoc='x'>",
    "//evil.example",
    "<base href=x>",
    "{{7*7}}",
    "\u2028",
    "<p style='x' onclick='y'>",
]
hostile = st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=3).map("".join)


@given(hostile, hostile, hostile)
@settings(deadline=None, max_examples=200)
def test_nothing_hostile_gets_through_as_attributes_or_text(words: str, address: str, label: str) -> None:
    content = [
        node("heading", {"level": words, "id": label}, [text(words)]),
        node("codeBlock", {"language": label}, [text(words)]),
        node("image", {"src": address, "alt": label, "title": words, "width": label}),
        node("orderedList", {"start": label}, [node("listItem", {}, [node("paragraph", {}, [text(label)])])]),
        *read_markdown(
            f'[{label}]({address})\n\n![{label}]({address} "{words}")\n\n```{label}\n{words}\n```\n\n{words}'
        ),
        *read_html(
            f'<a href="{address}">{words}</a><img src="{address}" alt="{label}"><p id="{label}">{words}</p>{words}'
        ),
    ]
    written = str(write_html(node("doc", content=content)))
    assert Suspicious(written).found == []


@given(st.text() | hostile)
@settings(deadline=None)
def test_any_text_is_some_document(source: str) -> None:
    node("doc", content=read_html(source) or [node("paragraph")]).check()


def test_what_is_nested_too_deeply_is_refused_not_cut() -> None:
    for pattern in ("<div>", "<blockquote>", "<ul><li>", "<table><tr><td>", "<b>"):
        with pytest.raises(Invalid):
            read_html(pattern * 200_000 + "x")
    assert html("<blockquote>" * 100 + "deep").count("<blockquote>") < 100
    assert "deep" in html("<blockquote>" * 100 + "deep")


@pytest.mark.parametrize("pattern", ["<p>", "<li>a", "<a href=x>", "&amp;", "<", "<!--", "</b>", "<p><b>", "<td>"])
def test_repetition_takes_no_more_than_a_moment(pattern: str) -> None:
    try:
        read_html(pattern * 20_000)
    except Invalid:
        return

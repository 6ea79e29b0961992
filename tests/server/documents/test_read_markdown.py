"""What Markdown means, spelled as HTML."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.documents.read_markdown import MAX_NESTING, read_markdown
from server.documents.schema import node
from server.documents.write_html import write_html
from server.errors import Invalid


def html(source: str) -> str:
    written = str(write_html(node("doc", content=read_markdown(source) or [node("paragraph")])))
    # Says only how items and quotes are shown.
    return written.replace(' dir="auto"', "")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# a #\n###### b", "<h1>a</h1><h4>b</h4>"),
        ("a\nb  \nc\\\nd", "<p>a b<br>c<br>d</p>"),
        ("***a*** ~~b~~ ==c== `d`", "<p><strong><em>a</em></strong> <s>b</s> <mark>c</mark> <code>d</code></p>"),
        ("== a== a=b ===x=== a==b==c", "<p>== a== a=b =<mark>x=</mark> a<mark>b</mark>c</p>"),
        ("==a *b== c*", "<p><mark>a *b</mark> c*</p>"),
        ("**a `b`**", "<p><strong>a </strong><code>b</code></p>"),
        ("```c++ title\na\n\nb\n```", '<pre><code class="language-c++">a\n\nb</code></pre>'),
        ("    a\n\n    b", "<pre><code>a\n\nb</code></pre>"),
        ("3) a\n4) b", '<ol start="3"><li><p>a</p></li><li><p>b</p></li></ol>'),
        ("-\n- b", "<ul><li><p></p></li><li><p>b</p></li></ul>"),
        ("- # a", "<ul><li><p></p><h1>a</h1></li></ul>"),
        ("1. [ ] a", "<ol><li><p>[ ] a</p></li></ol>"),
        ("- \\[ ] a", "<ul><li><p>[ ] a</p></li></ul>"),
        ("- [x]: a\n\n[x]: /y", "<ul><li><p></p></li></ul>"),
        (">", "<blockquote><p></p></blockquote>"),
        ("***", "<hr>"),
        ("a ![b](/c) d", '<p>a</p><img src="/c" alt="b"><p>d</p>'),
        ("![b *c*](javascript:alert)", "<p>![b <em>c</em>](javascript:alert)</p>"),
        ("a<br/>b <u>c</u> <kbd>d</kbd> <!-- e --><Vec>", "<p>a<br>b c <code>d</code> &lt;Vec&gt;</p>"),
        ("<b>a <i>b</b> c</i>", "<p><strong>a <em>b</em></strong><em> c</em></p>"),
        ("<script>alert(1)</script>", "<p></p>"),
        ("<details>\n<summary>a</summary>\n\nb\n\n</details>", "<p>a</p><p>b</p>"),
        ("[a](data:text/html,x)", "<p>[a](data:text/html,x)</p>"),
        ("[a](vbscript:x) <javascript:alert(1)>", "<p>[a](vbscript:x) &lt;javascript:alert(1)&gt;</p>"),
        ("", "<p></p>"),
        ("\x00\r\na\r\rb\ud800", "<p>a</p><p>b</p>"),
    ],
)
def test_markdown_becomes(source: str, expected: str) -> None:
    assert html(source) == expected


def test_tasks_and_other_items_are_lists_of_their_own() -> None:
    kinds = [block.type.name for block in read_markdown("- [ ] a\n- [X] b\n- c\n- [ ]")]
    assert kinds == ["taskList", "bulletList", "taskList"]
    done = [item.attrs["checked"] for item in read_markdown("- [ ] a\n- [X] b")[0].content.content]
    assert done == [False, True]


def test_a_table_gets_cells_where_a_row_is_short() -> None:
    (table,) = read_markdown("| a | b |\n|---|---|\n| c |")
    assert [row.child_count for row in table.content.content] == [2, 2]
    assert [row.child(0).type.name for row in table.content.content] == ["tableHeader", "tableCell"]


@pytest.mark.parametrize("sign", ["> ", "- ", "1. "])
def test_what_is_nested_too_deeply_is_refused_not_cut(sign: str) -> None:
    with pytest.raises(Invalid):
        read_markdown(sign * (2 * MAX_NESTING) + "a")
    read_markdown(sign * (MAX_NESTING // 4) + "a")


@pytest.mark.parametrize("sign", ["[", "![", "[a][b", "[[]"])
def test_brackets_that_look_for_their_other_half_in_vain_are_refused(sign: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_markdown(sign * 50_000)
    assert "brackets" in refused.value.fields["content"]
    read_markdown(f"{sign * 10} [link](/there)\n\n" * 100)


@pytest.mark.parametrize(
    "source",
    ["a\n\n" * 60_000, "|a|b|\n|-|-|\n" + "|a|b|\n" * 30_000, "|a" * 500 + "\n" + "|-" * 500 + "\n" + "|a|\n" * 200],
    ids=["paragraphs", "rows", "cells"],
)
def test_more_blocks_than_a_book_has_are_refused(source: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_markdown(source)
    assert "in parts" in refused.value.fields["content"]


def test_a_book_is_read() -> None:
    line = "Some *words*, [a link](http://x.example/y), `code` and [brackets].\n\n"
    assert len(read_markdown(line * 7000)) == 7000


def test_deep_emphasis_takes_no_more_than_a_moment() -> None:
    read_markdown("*a **b " * 3000 + "c" + "** x*" * 3000)


@given(st.text())
@settings(deadline=None)
def test_any_text_is_some_document(source: str) -> None:
    node("doc", content=read_markdown(source) or [node("paragraph")]).check()


@pytest.mark.parametrize(
    "pattern", ["[", "![", "*a ", "**a", "`", "`a", "<a ", "==a ", "~~", "a\n", "[a](", "| a ", "&"]
)
def test_repetition_takes_no_more_than_a_moment(pattern: str) -> None:
    read_markdown(pattern * 5000)

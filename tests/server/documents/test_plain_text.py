"""What a document says, without its form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prosemirror.model import Node

from server.documents.plain_text import excerpt, plain_text
from server.documents.read_markdown import read_markdown
from server.documents.schema import node
from tests.server.documents.strategies import documents


def read(source: str) -> Node:
    return node("doc", content=read_markdown(source))


def test_blocks_lists_and_tables() -> None:
    source = "# A\n\nb\\\nc\n\n- d\n  1. e\n- [x] f\n\n> g\n\n"
    source += "| h | i |\n|---|---|\n| j | k |\n\n---\n\n![l](/m)\n\n```\nn\n  o\n```"
    assert plain_text(read(source)) == ("A\n\nb\nc\n\n• d\n  1. e\n\n[x] f\n\ng\n\nh\ti\nj\tk\n\nl\n\nn\n  o")


@pytest.mark.parametrize(
    ("longest", "expected"),
    [
        (100, "one two three four"),
        (18, "one two three four"),
        (17, "one two three…"),
        (14, "one two three…"),
        (5, "one…"),
    ],
)
def test_an_excerpt_ends_between_words(longest: int, expected: str) -> None:
    assert excerpt(read("one two\n\nthree four"), longest) == expected


def test_an_excerpt_of_one_endless_word_is_cut_inside() -> None:
    assert excerpt(read("x" * 500), 200) == "x" * 199 + "…"


@given(documents(), st.integers(2, 200))
@settings(deadline=None, max_examples=50)
def test_an_excerpt_is_one_line_and_fits(document: Node, longest: int) -> None:
    made = excerpt(document, longest)
    assert len(made) <= longest
    assert made == " ".join(made.split())
    assert "\0" not in made

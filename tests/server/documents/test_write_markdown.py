"""Markdown that is written is read back, and then written in the same way."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from prosemirror.model import Node

from server.documents.read_markdown import read_markdown
from server.documents.schema import empty_document, node
from server.documents.write_markdown import write_markdown
from tests.server.documents.strategies import AWKWARD, documents


def read(source: str) -> Node:
    blocks = read_markdown(source)
    return node("doc", content=blocks) if blocks else empty_document()


@given(documents())
@settings(deadline=None, max_examples=300)
def test_markdown_of_a_document_is_stable(document: Node) -> None:
    written = write_markdown(document)
    assert write_markdown(read(written)) == written


@given(
    st.lists(st.sampled_from([*AWKWARD, "\n", "\n\n", "    ", "\n- ", "\n> ", "\n1. ", "| a |\n|---|\n"])).map("".join)
)
@settings(deadline=None, max_examples=500)
@example("- [ ] a\n- b\n- [x] c")
def test_any_markdown_becomes_stable(source: str) -> None:
    written = write_markdown(read(source))
    assert write_markdown(read(written)) == written

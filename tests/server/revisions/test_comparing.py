"""What changed, as people would tell it."""

from __future__ import annotations

from prosemirror.model import Node

from server.documents.schema import schema
from server.revisions.comparing import Kind, compare
from server.revisions.writing import Hands, write_block
from tests.server.revisions.writing_room import parsed


def text(*blocks: tuple[str, str]) -> Node:
    """Return a document of blocks, each with its id and its Markdown."""
    found = []
    for block_id, markdown in blocks:
        [block] = parsed(markdown).content.content
        found.append(block.type.create({**block.attrs, "id": block_id}, block.content))
    return schema.nodes["doc"].create({}, found)


def test_a_paragraph_that_became_a_heading_was_changed() -> None:
    comparison = compare(text(("a", "One here."), ("b", "Two.")), text(("a", "# One here."), ("b", "Two.")))
    [change] = comparison.changes
    assert (change.kind, comparison.added, comparison.removed) == (Kind.EDITED, 0, 0)
    html, _ = write_block(change, Hands())
    assert html.startswith("<h1")
    assert "data-reformed" in html
    assert "<del" not in html


def test_a_heading_of_another_level_is_seen_to_be_another() -> None:
    [change] = compare(text(("a", "# One.")), text(("a", "## One."))).changes
    assert "data-reformed" in write_block(change, Hands())[0]


def test_of_a_block_that_was_moved_both_places_are_told() -> None:
    blocks = [("a", "One is long."), ("b", "Two is long."), ("c", "Three.")]
    changes = compare(text(*blocks), text(blocks[1], blocks[2], blocks[0])).changes
    assert [change.kind for change in changes] == [Kind.REMOVED, Kind.ADDED]


def test_texts_without_words_in_common_are_two() -> None:
    kinds = [change.kind for change in compare(text(("a", "One two.")), text(("b", "Else wholly."))).changes]
    assert kinds == [Kind.REMOVED, Kind.ADDED]

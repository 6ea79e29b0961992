"""What a reviewer sees of a long text: every change of it, and how much is as before."""

from uuid import UUID

from prosemirror.model import Node

from server.documents.schema import node, schema, text
from server.review.looking import MOST_BLOCKS, _drawn
from server.revisions.comparing import Kind, compare


def _text(*paragraphs: str) -> Node:
    blocks = [
        node("paragraph", {"id": str(UUID(int=number + 1))}, [text(words)]) for number, words in enumerate(paragraphs)
    ]
    return Node.from_json(schema, node("doc", content=blocks).to_json())


def test_a_change_is_shown_however_far_down_it_stands() -> None:
    before = [f"Paragraph {number}." for number in range(MOST_BLOCKS + 100)]
    after = [*before[:-1], "Something else altogether."]
    found = _drawn(compare(_text(*before), _text(*after), old_title="", new_title=""), whole=False, most=1000)
    assert found.passages[0].skipped > MOST_BLOCKS
    assert any("altogether" in each.html for each in found.passages if each.kind is not Kind.SAME)
    assert (found.left_out, found.is_cut, len(found.passages) < 10) == (0, False, True)


def test_what_nobody_saw_before_is_shown_whole_or_said_to_be_cut() -> None:
    words = _text(*(f"Paragraph {number}." for number in range(MOST_BLOCKS + 100)))
    same = compare(words, words, old_title="", new_title="")
    whole = _drawn(same, whole=True, most=1000)
    assert (len(whole.passages), whole.left_out) == (MOST_BLOCKS + 100, 0)
    cut = _drawn(same, whole=True, most=50)
    assert (len(cut.passages), cut.left_out, cut.is_cut) == (50, MOST_BLOCKS + 50, True)

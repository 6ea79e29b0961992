"""Whose each letter is: what the CRDT core knows of every letter and does not tell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc

from server.documents import ydoc
from server.documents.content import replacement
from server.revisions.marking import Hand, counts_of, read_marks
from tests.server.revisions.writing_room import parsed

# Letters of one, two and three bytes, of two code units, and one that is drawn of several.
LETTERS = "aß字🙂👩‍💻"


def edited(state: bytes, client: int, markdown: str) -> ydoc.YDoc:
    doc: ydoc.YDoc = Doc(client_id=client)
    doc.apply_update(state)
    replacement(parsed(markdown))(doc)
    return doc


def test_a_sentence_is_of_those_who_wrote_its_words() -> None:
    first = ydoc.seed("Plan", parsed("One 🙂.\n\n---\n\nTwo."))
    [seed] = counts_of(ydoc.load(first).get_state())
    doc = edited(first, 7, "One 🙂, and 字.\n\n---\n\nTwo.\n\n> Three.")
    since = ydoc.load(first).get_state()
    old, new = Hand(seed, is_new=False), Hand(7, is_new=True)
    marks = read_marks(doc, since)
    *blocks, quote = ydoc.read_node(doc).content.content
    found = [marks[str(block.attrs["id"])] for block in (*blocks, quote.content.content[0])]
    assert found == [[(5, old), (7, new), (1, old)], [(1, old)], [(4, old)], [(6, new)]]


@given(st.lists(st.text(LETTERS + "a  ", min_size=1, max_size=20).map(str.strip), min_size=2, max_size=6))
def test_letters_are_counted_as_they_are_read(texts: list[str]) -> None:
    doc = ydoc.load(ydoc.seed("", parsed("x")))
    for client, text in enumerate(texts, start=10):
        doc = edited(doc.get_update(), client, f"x{text}\n\n**{text}** y")
    marks = read_marks(doc)
    for block in ydoc.read_node(doc).content.content:
        assert sum(length for length, _ in marks[str(block.attrs["id"])]) == len(block.text_content)

"""Who wrote a passage, through all that editors do to it without a word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from prosemirror.model import Node
from pycrdt import Doc, XmlElement, XmlText

from server.documents import ydoc
from server.documents.content import replacement
from server.revisions import authorship
from server.revisions.authorship import Authorship, Run, carry, letters, pack, passages, unpack
from server.revisions.comparing import compare
from server.revisions.marking import counts_of, read_marks
from tests.server.revisions.writing_room import parsed

BEGUN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def first_text(doc: ydoc.YDoc) -> XmlText:
    block = ydoc.fragment(doc).children[0]
    assert isinstance(block, XmlElement)
    text = block.children[0]
    assert isinstance(text, XmlText)
    return text


class Story:
    """A document, and whose it is after each step; `person` is a Yjs client, each step an hour after the one before."""

    def __init__(self, markdown: str) -> None:
        self.doc = ydoc.load(ydoc.seed("", parsed(markdown)))
        [self.seed] = counts_of(self.doc.get_state())
        self.at = BEGUN
        self.whose: Authorship = authorship.begin(self.doc, self.at)

    @property
    def node(self) -> Node:
        return ydoc.read_node(self.doc)

    def step(self, person: int, content: Node | str) -> None:
        self.edit(person, replacement(parsed(content) if isinstance(content, str) else content))

    def type(self, person: int, *, at_bytes: int, letters: str) -> None:
        self.edit(person, lambda doc: first_text(doc).insert(at_bytes, letters))

    def edit(self, person: int, change: Callable[[ydoc.YDoc], None]) -> None:
        doc: ydoc.YDoc = Doc(client_id=person)
        doc.apply_update(self.doc.get_update())
        change(doc)
        marks = read_marks(doc, self.doc.get_state())
        self.at += timedelta(hours=1)
        self.whose = unpack(pack(carry(self.whose, compare(self.node, ydoc.read_node(doc)), marks, self.at)))
        self.doc = doc

    def tells(self) -> list[tuple[str, int | None, int]]:
        """Each passage, whose it is, and in which hour it was written."""
        found = []
        for node in passages(self.node):
            at = 0
            for run in self.whose[str(node.attrs["id"])]:
                assert run.at is not None
                hour = (run.at - BEGUN) // timedelta(hours=1)
                found.append((letters(node)[at : at + run.length], run.client, hour))
                at += run.length
        return found


def test_a_correction_is_no_more_than_its_words() -> None:
    story = Story("All is wel. Stays.")
    story.step(7, "All is well, I say. Stays.\n\nMore.")
    assert story.tells() == [
        ("All is ", story.seed, 0),
        ("well, I say", 7, 1),
        (". Stays.", story.seed, 0),
        ("More.", 7, 1),
    ]
    # Typed by letter, the word's others stay whose they were, and of when they were.
    story.type(8, at_bytes=len("All is wel"), letters="-")
    assert story.tells()[:4] == [("All is ", story.seed, 0), ("wel", 7, 1), ("-", 8, 2), ("l, I say", 7, 1)]


def test_another_type_a_list_and_a_parting_leave_words_whose_they_are() -> None:
    story = Story("The aim of it\n\nBefore the cut. After the cut.\n\nStays.")
    aim, both, stays = story.node.content.content
    heading = parsed("# x").content.content[0]
    heading = heading.type.create({**heading.attrs, "id": aim.attrs["id"]}, aim.content)
    first, second = parsed("Before the cut.\n\nAfter the cut.").content.content
    first = first.type.create({**first.attrs, "id": both.attrs["id"]}, first.content)
    story.step(7, story.node.type.create({}, [heading, first, second, stays]))
    assert {client for _, client, _ in story.tells()} == {story.seed}
    story.step(8, "# The aim of it\n\n- Before the cut.\n- After the cut.\n\nStays.")
    assert {client for _, client, _ in story.tells()} == {story.seed}


def test_a_parting_within_a_word_leaves_both_halves_whose_they_are() -> None:
    story = Story("Before the cut. And what follows it.")
    [one] = story.node.content.content
    first, rest = parsed("Before the c\n\nut. And what follows it.").content.content
    first = first.type.create({**first.attrs, "id": one.attrs["id"]}, first.content)
    story.step(7, story.node.type.create({}, [first, rest]))
    assert story.tells()[-1] == ("ut. And what follows it.", story.seed, 0)


def test_what_is_only_suggested_is_nobodys_until_it_is_accepted() -> None:
    story = Story("All is well.")
    suggested = {"insertion": {"id": "s1", "by": "u1", "at": 1}}
    story.edit(7, lambda doc: first_text(doc).insert(3, "thing", suggested))
    assert story.tells() == [("All is well.", story.seed, 0)]
    story.edit(8, lambda doc: first_text(doc).format(3, 8, {"insertion": None}))
    # Whoever accepted it did not write it.
    assert story.tells() == [("All", story.seed, 0), ("thing", 7, 2), (" is well.", story.seed, 0)]


def test_what_nobody_knows_of_is_nobodys() -> None:
    runs = authorship.cut([Run(2, 7, BEGUN)], 1, 5)
    assert runs == [Run(1, 7, BEGUN), Run(3, None, None)]


TEXTS = st.lists(
    st.lists(st.sampled_from(["one", "two two", "🙂", "# Head", "- item", "字字 字", "![p](/assets/x)"]), max_size=4),
    min_size=1,
    max_size=5,
)


@given(TEXTS)
def test_every_letter_is_counted_once(steps: list[list[str]]) -> None:
    story = Story("Begin with this, friend.")
    for person, blocks in enumerate(steps, start=2):
        story.step(person, "\n\n".join(blocks))
        for node in passages(story.node):
            runs = story.whose[str(node.attrs["id"])]
            assert sum(run.length for run in runs) == len(letters(node))
            assert all(run.client is not None for run in runs)

"""A replacement gives exactly what was asked for, and leaves alone what was there already."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prosemirror.model import Node
from pycrdt import Array, Doc, Map, XmlElement, XmlFragment, XmlText

from server.documents import content, ydoc
from server.documents.read_html import read_html
from server.documents.read_markdown import read_markdown
from server.documents.replacing import replace
from server.documents.schema import mark, node, text
from server.documents.write_html import write_html
from tests.server.documents.strategies import blocks, documents
from tests.server.documents.test_ydoc import ids


def live(document: Node) -> ydoc.YDoc:
    return ydoc.load(ydoc.seed("Title", document))


def without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [without_ids(each) for each in value]
    if isinstance(value, dict):
        return {name: without_ids(each) for name, each in value.items() if name != "id"}
    return value


def markdown(source: str) -> Node:
    return node("doc", content=read_markdown(source))


def text_of(doc: ydoc.YDoc, place: int) -> XmlText:
    block = ydoc.fragment(doc).children[place]
    assert isinstance(block, XmlElement)
    words = block.children[0]
    assert isinstance(words, XmlText)
    return words


@given(documents(), documents())
@settings(deadline=None, max_examples=200)
def test_it_gives_exactly_what_was_asked_for(before: Node, after: Node) -> None:
    doc = live(before)
    replace(doc, after)
    result = ydoc.read_node(doc)
    assert without_ids(result.to_json()) == without_ids(after.to_json())
    made = ids(result)
    assert None not in made
    assert len(set(made)) == len(made)


@given(documents())
@settings(deadline=None, max_examples=100)
def test_given_ids_are_kept(after: Node) -> None:
    after = ydoc.with_unique_ids(after)
    doc = live(markdown("one\n\n- two\n\n> three"))
    replace(doc, after)
    assert ydoc.read_node(doc).to_json() == after.to_json()


@given(documents())
@settings(deadline=None, max_examples=100)
def test_the_same_again_is_no_edit(document: Node) -> None:
    doc = live(document)
    before = doc.get_state()
    replace(doc, ydoc.read_node(doc))
    replace(doc, document)
    assert doc.get_state() == before


@given(st.lists(blocks, min_size=1, max_size=4), blocks, st.integers(0, 4))
@settings(deadline=None, max_examples=100)
def test_blocks_around_an_insertion_keep_their_ids(present: list[Node], added: Node, at: int) -> None:
    doc = live(node("doc", content=present))
    before = ids(ydoc.read_node(doc))
    # With the id of another it would be that block, moved.
    assume(not set(before) & set(ids(node("doc", content=[added]))))
    replace(doc, node("doc", content=[*present[:at], added, *present[at:]]))
    after = ids(ydoc.read_node(doc))
    assert set(before) <= set(after)


@given(documents(), documents(), documents())
@settings(deadline=None, max_examples=50)
def test_it_converges_with_what_others_do_meanwhile(start: Node, ours: Node, theirs: Node) -> None:
    here, there = live(start), ydoc.load(b"\0\0")
    there.apply_update(here.get_update())
    replace(here, ours)
    replace(there, theirs)
    here.apply_update(there.get_update())
    there.apply_update(here.get_update())
    assert ydoc.read_node(here).to_json() == ydoc.read_node(there).to_json()


def test_an_edit_in_one_paragraph_leaves_the_others_and_merges_with_theirs() -> None:
    here = live(markdown("# Plan\n\nFirst line\n\nSecond line"))
    there = ydoc.load(here.get_update())
    text_of(there, 2).insert(0, "> ")
    before = ids(ydoc.read_node(here))
    replace(here, markdown("# Plan\n\nFirst longer line\n\nSecond line"))
    here.apply_update(there.get_update())
    result = ydoc.read_node(here)
    assert [block.text_content for block in result.content.content] == ["Plan", "First longer line", "> Second line"]
    assert ids(result) == before


def test_words_added_in_two_places_leave_what_is_between() -> None:
    here = live(markdown("the quick brown fox jumps"))
    there = ydoc.load(here.get_update())
    text_of(there, 0).insert(len(b"the quick brown"), "ish")
    replace(here, markdown("so the quick brown fox jumps high"))
    here.apply_update(there.get_update())
    assert ydoc.read_node(here).text_content == "so the quick brownish fox jumps high"


def test_a_moved_block_keeps_its_id() -> None:
    doc = live(markdown("alpha\n\nbeta\n\ngamma"))
    present = ydoc.read_node(doc)
    alpha, beta, gamma = present.content.content
    replace(doc, node("doc", content=[gamma, alpha, beta]))
    assert ydoc.read_node(doc).to_json()["content"] == [gamma.to_json(), alpha.to_json(), beta.to_json()]


def test_formatting_changes_without_touching_characters() -> None:
    doc = live(markdown("größe **and** 🙂 weight"))
    before = doc.get_state()
    replace(doc, markdown("größe and *🙂 weight*"))
    deleted = doc.get_update(before)
    assert b"weight" not in deleted
    assert ydoc.read_node(doc).child(0).to_json()["content"] == [
        {"type": "text", "text": "größe and "},
        {"type": "text", "text": "🙂 weight", "marks": [{"type": "italic"}]},
    ]


def test_html_from_here_can_be_sent_back_with_its_ids() -> None:
    doc = live(markdown("# A\n\n- [x] b\n- [ ] c\n\n| d | e |\n|---|---|\n| f | g |\n\n```py\nx\n\n```"))
    present = ydoc.read_node(doc)
    state = doc.get_state()
    replace(doc, node("doc", content=read_html(str(write_html(present)))))
    assert doc.get_state() == state


def with_a_foreign_block() -> ydoc.YDoc:
    doc: Doc[Any] = Doc()
    blocks = doc.get("default", type=XmlFragment).children
    blocks.append(XmlElement("paragraph", {"id": "a"}, [XmlText("before")]))
    words = XmlElement("paragraph", {}, [XmlText("note * this\nwell")])
    blocks.append(XmlElement("callout", {"colour": "red"}, [words, XmlElement("icon")]))
    blocks.append(XmlElement("paragraph", {"id": "b"}, [XmlText("after")]))
    return ydoc.load(doc.get_update())


@pytest.mark.parametrize("written_in", content.Source)
def test_a_foreign_block_stays_when_its_words_are_sent_back(written_in: content.Source) -> None:
    doc = with_a_foreign_block()
    sent = content.write(ydoc.read_node(doc), content.Format(written_in.value))
    before = str(ydoc.fragment(doc))
    replace(doc, content.parse(sent, written_in))
    assert str(ydoc.fragment(doc)) == before
    replace(doc, content.parse(sent.replace("before", "new here"), written_in))
    assert str(ydoc.fragment(doc)) == before.replace("before", "new here")
    replace(doc, content.parse(sent.replace("this", "that"), written_in))
    result = ydoc.read_node(doc)
    assert [block.type.name for block in result.content.content] == ["paragraph"] * 3
    assert result.child(1).text_content == "note * that well"
    assert "callout" not in str(ydoc.fragment(doc))


def test_what_is_no_block_goes_and_the_blocks_behind_it_stay() -> None:
    here = live(markdown("one\n\ntwo\n\nthree"))
    values = here.get("default", type=Array)
    values.insert(1, 7)
    values.insert(2, Map({"a": 1}))
    values.append("end")
    ydoc.fragment(here).children.insert(2, XmlText("loose"))
    before = ids(ydoc.read_node(here))
    there = ydoc.load(here.get_update())
    there_words = list(there.get("default", type=Array))[-2].children[0]
    there_words.insert(len(b"three"), " and on")
    replace(here, markdown("one\n\ntwo more\n\nthree"))
    here.apply_update(there.get_update())
    there.apply_update(here.get_update())
    for doc in (here, there):
        result = ydoc.read_node(doc)
        assert [block.text_content for block in result.content.content] == ["one", "two more", "three and on"]
        assert ids(result) == before
        assert len(ydoc.fragment(doc).children) == 3


def test_a_string_that_was_embedded_becomes_text() -> None:
    doc: Doc[Any] = Doc()
    block = doc.get("default", type=XmlFragment).children.append(XmlElement("paragraph"))
    block.children.append(XmlText("größe is")).insert_embed(2, "embedded")
    replace(doc, markdown("gröembeddedße is good"))
    assert ydoc.read_node(doc).text_content == "gröembeddedße is good"


def test_thousands_of_blocks_are_replaced_in_reasonable_time() -> None:
    lines = [f"line {number} of many" for number in range(3000)]
    doc = live(markdown("\n\n".join(lines)))
    before = ids(ydoc.read_node(doc))
    lines[1500] = "another"
    lines.insert(10, "new")
    replace(doc, markdown("\n\n".join(lines)))
    after = ids(ydoc.read_node(doc))
    assert [*after[:10], *after[11:]] == before


def test_all_marks_at_once() -> None:
    names = ["bold", "italic", "strike", "highlight"]
    marks = [mark("link", {"href": "https://a.b"}), *map(mark, names)]
    doc = live(node("doc", content=[node("paragraph", content=[text("abc")])]))
    wanted = node("doc", content=[node("paragraph", content=[text("a"), text("b", marks), text("c")])])
    replace(doc, wanted)
    assert without_ids(ydoc.read_node(doc).to_json()) == without_ids(wanted.to_json())
    replace(doc, node("doc", content=[node("paragraph", content=[text("abc", [mark("code")])])]))
    assert [each.type.name for each in ydoc.read_node(doc).child(0).child(0).marks] == ["code"]

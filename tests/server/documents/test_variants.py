"""What a document says on an account: its own text where somebody wrote one, the document's everywhere else."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prosemirror.model import Node
from pycrdt import Array, Map, Text, XmlElement, XmlFragment, XmlText

from server.documents import freezing, variants, ydoc
from server.documents.schema import schema
from server.documents.variants import Whole
from server.documents.ydoc import YDoc
from tests.server.documents.overlaying import ACCOUNT, OTHER, adapt, document, drop, paragraph, put, write
from tests.server.documents.strategies import documents


def read(doc: YDoc, account: str = ACCOUNT) -> Whole:
    words = freezing.read(doc)
    return variants.whole(words.title, words.body, words.variants.get(account))


def lines(described: Any) -> list[str]:
    return ["".join(each["text"] for each in block.get("content", ())) for block in described["content"]]


def said(doc: YDoc, account: str = ACCOUNT) -> list[str]:
    return lines(read(doc, account).body)


def test_an_adapted_block_has_its_own_words_and_the_others_follow_the_document() -> None:
    doc = document("one", "two", "three")
    adapt(doc, "two", "second", "and more")
    put(doc, "block/three", {"kind": "left out", "base": "three"})
    assert said(doc) == ["one", "second", "and more"]
    assert said(doc, OTHER) == ["one", "two", "three"]

    first = ydoc.fragment(doc).children[0]
    assert isinstance(first, XmlElement)
    words = first.children[0]
    assert isinstance(words, XmlText)
    words.insert(3, " and a half")
    ydoc.insert(ydoc.fragment(doc), 3, paragraph("four", "four"))
    assert said(doc) == ["one and a half", "second", "and more", "four"]
    # What follows is not stored again.
    body = freezing.read(doc).variants[ACCOUNT]["body"]
    assert [each for each in body if isinstance(each, list)] == [[0, 1], [3, 1]]


def test_a_text_of_its_own_takes_only_what_was_adapted() -> None:
    doc = document("one", "two")
    put(doc, "text", "own")
    put(doc, "start", value=True)
    write(doc, "start", paragraph("Read this:"))
    adapt(doc, "two", "second")
    ydoc.insert(ydoc.fragment(doc), 0, paragraph("zero", "zero"))
    assert said(doc) == ["Read this:", "second"]
    # Back to the document's text: what stands before it stays.
    drop(doc, "text")
    assert said(doc) == ["Read this:", "zero", "one", "second"]


def test_title_link_tags_options_and_further_posts_are_its_own() -> None:
    doc = document("one")
    put(doc, "title", value=True)
    doc.get(f"variant/{ACCOUNT}/title", type=Text).insert(0, " A fox\n jumps ")
    put(doc, "link", " https://example.org/fox ")
    put(doc, "tags", "#fox, jumps , #fox,, # red fox")
    put(doc, "option/visibility", "unlisted")
    put(doc, "option/language", "  ")
    put(doc, "reply/b", {"at": 1})
    put(doc, "reply/a", {"at": 2.5})
    write(doc, "reply/a", paragraph("last"))
    write(doc, "reply/b", paragraph("then"), paragraph("more"))
    whole = read(doc)
    assert (whole.title, whole.link, whole.tags) == (
        "A fox jumps",
        "https://example.org/fox",
        ("fox", "jumps", "red fox"),
    )
    assert whole.options == {"visibility": "unlisted"}
    assert [lines(reply) for reply in whole.replies] == [["then", "more"], ["last"]]
    assert read(doc, OTHER) == Whole("The fox", freezing.read(doc).body)


def test_what_was_written_for_a_block_that_is_gone_is_not_sent() -> None:
    doc = document("one", "two")
    adapt(doc, "two", "second")
    del ydoc.fragment(doc).children[1]
    assert said(doc) == ["one"]
    assert freezing.read(doc).variants == {}


def test_of_two_blocks_with_one_id_the_first_is_adapted() -> None:
    doc = document("one", "two")
    ydoc.insert(ydoc.fragment(doc), 2, paragraph("double", "one"))
    adapt(doc, "one", "first")
    assert said(doc) == ["first", "two", "double"]


def test_a_block_that_two_people_adapt_in_one_instant_loses_nothing() -> None:
    doc = document("one", "two")
    mine, theirs = (ydoc.load(doc.get_update()) for _ in range(2))
    adapt(mine, "two", "my second")
    adapt(theirs, "two", "their second")
    updates = [each.get_update(doc.get_state()) for each in (mine, theirs)]
    for update in updates:
        doc.apply_update(update)
    assert sorted(said(doc)[1:]) == ["my second", "their second"]


@given(documents(), st.data())
@settings(deadline=None, max_examples=30)
def test_taking_back_what_was_adapted_restores_the_hash(written: Node, data: st.DataObject) -> None:
    doc = ydoc.load(ydoc.seed("The fox", written))
    before = freezing.read(doc)
    named = [block for block in ydoc.read_node(doc).content.content if isinstance(block.attrs.get("id"), str)]
    for block in data.draw(st.lists(st.sampled_from(named), max_size=3)) if named else ():
        name = str(block.attrs["id"])
        put(doc, f"block/{name}", {"kind": "adapted", "base": ""})
        # As it is in the document, under another id.
        write(doc, f"block/{name}", ydoc.with_unique_ids(block))
        assert freezing.read(doc).digest == before.digest
        write(doc, f"block/{name}", paragraph("Something that nobody has written yet"))
        assert freezing.read(doc).digest != before.digest
        drop(doc, f"block/{name}")
    assert freezing.read(doc) == before


@given(documents(), st.data())
@settings(deadline=None, max_examples=30)
def test_every_block_follows_is_adapted_or_is_left_out_in_its_place(written: Node, data: st.DataObject) -> None:
    # Of no use to anybody, and left out of what is signed.
    assume("\\u0000" not in json.dumps(written.to_json()))
    doc = ydoc.load(ydoc.seed("The fox", written))
    own = data.draw(st.booleans())
    if own:
        put(doc, "text", "own")
    expected: list[Any] = []
    for block in ydoc.read_node(doc).content.content:
        fate = data.draw(st.sampled_from(["follows", "adapted", "left out"]))
        name = block.attrs.get("id")
        if not isinstance(name, str):
            fate = "follows"
        if fate == "adapted":
            mark = str(uuid4())
            adapt(doc, str(name), mark, f"more of {mark}")
            expected += [variants.described(paragraph(words)) for words in (mark, f"more of {mark}")]
        elif fate == "left out":
            put(doc, f"block/{name}", {"kind": "left out", "base": ""})
        elif not own:
            expected.append(variants.described(block))
    said = [Node.from_json(schema, each) for each in read(doc).body["content"]]
    assert [variants.described(block) for block in said] == expected


def test_what_was_said_on_accounts_comes_back_as_it_was() -> None:
    past = document("one", "two")
    adapt(past, "two", "second")
    put(past, "title", value=True)
    past.get(f"variant/{ACCOUNT}/title", type=Text).insert(0, "A title")
    put(past, "reply/a", {"at": 1})
    write(past, "reply/a", paragraph("then"))
    doc = ydoc.load(past.get_update())
    drop(doc, "reply/a")
    write(doc, "reply/a")
    adapt(doc, "two", "another second", "and more")
    adapt(doc, "one", "first")
    doc.get(f"variant/{ACCOUNT}/title", type=Text).insert(0, "Not ")
    put(doc, "link", "https://example.org", OTHER)

    variants.bring_back(doc, past)
    assert freezing.read(doc) == freezing.read(past)
    known = doc.get_state()
    variants.bring_back(doc, past)
    assert doc.get_state() == known, "what is the same is not touched"


@pytest.mark.parametrize("account", ["not an id", ACCOUNT.upper(), "", f"{ACCOUNT}0"])
def test_keys_that_name_no_account_say_nothing(account: str) -> None:
    doc = document("one")
    put(doc, "text", "own", account=account)
    assert freezing.read(doc).variants == {}


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("text", "mine"),
        ("start", 1),
        ("title", "yes"),
        ("block/one", "adapted"),
        ("block/one", {"kind": "turned"}),
        ("block/gone", {"kind": "left out"}),
        ("link", 7),
        ("link", "x" * 2001),
        ("tags", ["fox"]),
        ("tags", f"{'x' * 101}"),
        ("option/", "x"),
        ("option/a b", "x"),
        ("option/visibility", {"a": 1}),
        ("reply/x", {"at": "first"}),
        ("reply/x", {"at": float("nan")}),
        ("reply/", {"at": 1}),
        ("strange", True),
    ],
)
def test_what_is_not_written_well_says_nothing(what: str, value: object) -> None:
    doc = document("one")
    put(doc, what, value)
    assert freezing.read(doc).variants == {}


def test_roots_of_another_type_and_strange_things_in_them_break_no_reader() -> None:
    doc = document("one", "two")
    put(doc, "block/one", {"kind": "adapted"})
    put(doc, "block/two", {"kind": "adapted"})
    put(doc, "title", value=True)
    doc[f"variant/{ACCOUNT}/block/one"] = Array([1, 2])
    doc[f"variant/{ACCOUNT}/title"] = Map({"a": 1})
    strange = doc.get(f"variant/{ACCOUNT}/block/two", type=XmlFragment)
    strange.children.append(XmlText("loose words"))
    strange.children.append(XmlElement("paragraph", {"onclick": "x"}, [XmlText("kept")]))
    strange.children.append(XmlElement("marquee", {}, [XmlText("foreign")]))
    whole = read(ydoc.load(doc.get_update()))
    assert whole.title == ""
    assert [block["type"] for block in whole.body["content"]] == ["paragraph", "foreignBlock"]


def test_a_text_of_nothing_that_can_be_kept_is_left_out_of_what_is_signed() -> None:
    doc = document("one", "two")
    adapt(doc, "two", "\0")
    assert said(doc) == ["one", ""]
    assert Node.from_json(schema, read(doc).body).text_content == "one"


def test_reading_takes_time_by_the_size_of_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    doc = document(*(f"block{number}" for number in range(20)))
    for account in (ACCOUNT, OTHER):
        for number in range(20):
            put(doc, f"block/block{number}", {"kind": "adapted"}, account)
            # Strange ones are taken apart in a copy of the document.
            strange = ydoc.fragment(doc, f"variant/{account}/block/block{number}")
            strange.children.append(XmlElement("marquee", {}, [XmlText("foreign")]))
    read_again = ydoc.load(doc.get_update())
    copies: list[bytes] = []
    load = ydoc.load

    def counting(update: bytes) -> YDoc:
        copies.append(update)
        return load(update)

    monkeypatch.setattr(ydoc, "load", counting)
    assert len(freezing.read(read_again).variants) == 2
    assert len(copies) == 1


def test_there_is_an_end_to_accounts_further_posts_and_tags() -> None:
    doc = document("one")
    # Keys that say nothing take nobody's place.
    for number in range(300):
        put(doc, "text", "nothing", f"00000000-0000-4000-8000-000000000{number:03}")
    for number in range(variants.MAX_ACCOUNTS - 1):
        put(doc, "link", "https://example.org", account=f"10000000-0000-4000-8000-000000000{number:03}")
    found = freezing.read(doc).variants
    assert len(found) == variants.MAX_ACCOUNTS - 1
    assert not variants.is_full(found)
    for number in range(10):
        put(doc, "link", "https://example.org", account=f"20000000-0000-4000-8000-000000000{number:03}")
    found = freezing.read(doc).variants
    assert len(found) == variants.MAX_ACCOUNTS
    assert variants.is_full(found)
    doc = document("one")
    for number in range(60):
        put(doc, f"reply/{number:02}", {"at": number})
    put(doc, "tags", ",".join(f"tag{number}" for number in range(60)))
    whole = read(doc)
    assert (len(whole.replies), len(whole.tags)) == (variants.MAX_REPLIES, variants.MAX_TAGS)

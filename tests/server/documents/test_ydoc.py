"""What the schema allows survives Yjs; what it does not allow never breaks a reader."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from prosemirror.model import Node
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from server.documents import ydoc
from server.documents.schema import IDENTIFIED_BLOCKS, MAX_DEPTH, mark, node, schema, text
from server.documents.suggestions import suggestions_in
from tests.server.documents.strategies import documents


def ids(document: Node) -> list[str | None]:
    found: list[Any] = []

    def note(each: Node, *_: object) -> bool:
        if each.type.name in IDENTIFIED_BLOCKS:
            found.append(each.attrs["id"])
        return True

    document.descendants(note)
    return found


@given(documents())
@settings(deadline=None, max_examples=150)
def test_a_document_survives_yjs(document: Node) -> None:
    whole = ydoc.with_unique_ids(document)
    whole.check()
    assert ydoc.read_node(ydoc.load(ydoc.seed("Title", whole))).to_json() == whole.to_json()


@given(documents())
@settings(deadline=None, max_examples=50)
def test_every_block_gets_an_id_of_its_own(document: Node) -> None:
    given_ids = [each for each in ids(document) if each is not None]
    made = ids(ydoc.with_unique_ids(document))
    assert None not in made
    assert len(set(made)) == len(made)
    assert set(given_ids) <= set(made)


def test_of_one_text_several_people_may_suggest_formats() -> None:
    mine, theirs = (mark("reformat", {"id": "s", "by": str(UUID(int=n)), "at": n, "add": "bold"}) for n in (1, 2))
    both = node("doc", content=[node("paragraph", {"id": "p"}, [text("words", [mine, theirs])])])
    read = ydoc.read_with_suggestions(ydoc.load(ydoc.seed("", both)))
    assert {each.attrs["by"] for each in read.child(0).child(0).marks} == {str(UUID(int=1)), str(UUID(int=2))}
    assert len(suggestions_in(read)) == 2


def test_a_hashed_mark_of_a_foreign_client_is_known_by_its_name() -> None:
    marks = ydoc.read_marks({"bold--a1B2+/=c": {}, "link": {"href": "https://a.b", "class": "x"}, "unknown": {}})
    assert [(mark.type.name, mark.attrs) for mark in marks] == [("link", {"href": "https://a.b"}), ("bold", {})]


def test_the_title_is_a_text_inside_the_map() -> None:
    doc = ydoc.load(ydoc.seed(" A\n title ", node("doc", content=[node("paragraph")])))
    title = doc.get("meta", type=Map)["title"]
    assert isinstance(title, Text)
    assert str(title) == "A title"


def test_nothing_in_a_title_turns_what_stands_beside_it() -> None:
    doc: Doc[Any] = Doc()
    doc.get("meta", type=Map)["title"] = Text("Read \u202egpj.exe\u202c\u2067 now \U0001fae8 \u200fשלום\u200f")
    assert ydoc.read_title(doc) == "Read gpj.exe now \U0001fae8 \u200fשלום\u200f"


def test_a_title_is_changed_without_touching_the_rest() -> None:
    doc = ydoc.load(ydoc.seed("Größe der Welt 🙂", node("doc", content=[node("paragraph")])))
    other = ydoc.load(doc.get_update())
    other.get("meta", type=Map)["title"].insert(0, ">> ")
    ydoc.write_title(doc, "Größe unserer Welt 🙂")
    doc.apply_update(other.get_update())
    assert ydoc.read_title(doc) == ">> Größe unserer Welt 🙂"


def test_an_empty_yjs_document_is_one_empty_paragraph() -> None:
    assert ydoc.read_node(Doc()).to_json() == node("doc", content=[node("paragraph")]).to_json()
    assert ydoc.read_title(Doc()) == ""


def hostile(*children: XmlElement | XmlText) -> Node:
    doc: Doc[Any] = Doc()
    blocks = doc.get("default", type=XmlFragment)
    for child in children:
        blocks.children.append(child)
    read = ydoc.read_node(ydoc.load(doc.get_update()))
    read.check()
    return read


def test_what_the_schema_does_not_know_is_read_as_its_words() -> None:
    read = hostile(
        XmlElement("script", {"src": "x"}, [XmlText("alert(1)")]),
        XmlText("loose"),
        XmlElement("tableRow"),
        XmlElement("doc"),
        XmlElement("blockquote", {}, [XmlText("text right in a quote")]),
        XmlElement("paragraph", {}, [XmlText("kept")]),
    )
    said = [(block.type.name, block.attrs.get("text", block.text_content)) for block in read.content.content]
    assert said == [
        ("foreignBlock", "alert(1)"),
        ("foreignBlock", ""),
        ("foreignBlock", ""),
        ("foreignBlock", "text right in a quote"),
        ("paragraph", "kept"),
    ]


def test_one_word_that_does_not_fit_makes_the_whole_block_foreign() -> None:
    mention = XmlElement("mention", {}, [XmlText("Ada")])
    read = hostile(
        XmlElement("blockquote", {}, [XmlElement("paragraph", {}, [XmlText(" ask "), mention, XmlText("now ")])])
    )
    assert read.to_json()["content"] == [{"type": "foreignBlock", "attrs": {"text": "ask  Ada now"}}]


def test_the_words_of_a_foreign_block_are_cut_as_the_editor_cuts_them() -> None:
    read = hostile(XmlElement("callout", {}, [XmlText("\U0001f642" * 1500), XmlText("more")]))
    assert read.child(0).attrs["text"] == "\U0001f642" * 1000


def test_what_two_people_emptied_together_is_not_shown() -> None:
    read = hostile(XmlElement("bulletList", {}, [XmlElement("listItem")]), XmlElement("paragraph", {}, [XmlText("a")]))
    assert [block.type.name for block in read.content.content] == ["paragraph"]


def test_a_table_that_lacks_more_cells_than_can_be_filled_is_foreign() -> None:
    wide: dict[str, Any] = {"colspan": 100}

    def row(spans: int) -> XmlElement:
        cells = [XmlElement("tableCell", wide, [XmlElement("paragraph", {}, [XmlText("x")])]) for _ in range(spans)]
        return XmlElement("tableRow", {}, cells)

    assert hostile(XmlElement("table", {}, [row(50), row(1)])).child(0).type.name == "table"
    assert hostile(XmlElement("table", {}, [row(60), row(1)])).child(0).type.name == "foreignBlock"


# The kinds of a shared type in an update: an array, a map, a text, a fragment.
STRANGE_TYPES = [b"\x00", b"\x01", b"\x02", b"\x04"]


def with_strangers(kind: bytes, *children: XmlElement | XmlText) -> ydoc.YDoc:
    """A document with these blocks in which another type is in the place of every element `marker`."""
    doc: Doc[Any] = Doc()
    for child in children:
        doc.get("default", type=XmlFragment).children.append(child)
    return ydoc.load(doc.get_update().replace(b"\x03\x06marker", kind))


def paragraph(*words: str) -> XmlElement:
    return XmlElement("paragraph", {}, [XmlText(each) if each else XmlElement("marker") for each in words])


@pytest.mark.parametrize("kind", STRANGE_TYPES)
def test_what_is_no_block_hides_no_block_behind_it(kind: bytes) -> None:
    doc = with_strangers(
        kind, XmlElement("marker"), paragraph("one"), XmlElement("marker"), XmlElement("marker"), paragraph("two")
    )
    values = doc.get("default", type=Array)
    values.insert(2, 7)
    values.extend([[1, {"two": 3}], None])
    edits: list[object] = []
    doc.observe(edits.append)
    read = ydoc.read_node(doc)
    assert [block.text_content for block in read.content.content] == ["one", "two"]
    assert edits == [], "reading must not write"


@pytest.mark.parametrize("kind", STRANGE_TYPES)
def test_what_is_no_text_in_a_block_hides_no_words_behind_it(kind: bytes) -> None:
    inner = XmlElement("blockquote", {}, [XmlElement("marker"), paragraph("c", "", "d"), XmlElement("marker")])
    doc = with_strangers(
        kind, paragraph("a"), XmlElement("blockquote", {}, [paragraph("b", ""), inner, paragraph("e")])
    )
    read = ydoc.read_node(doc)
    assert [block.type.name for block in read.content.content] == ["paragraph", "foreignBlock"]
    assert read.child(1).attrs["text"] == "b c d e"


def test_thousands_of_things_that_are_no_blocks_are_read_past() -> None:
    many = [XmlElement("marker") for _ in range(3000)]
    doc = with_strangers(
        b"\x01", *many, paragraph("one"), XmlElement("blockquote", {}, [paragraph(*[""] * 3000, "two")])
    )
    read = ydoc.read_node(doc)
    assert [block.attrs.get("text", block.text_content) for block in read.content.content] == ["one", "two"]


def test_two_marks_that_code_may_not_bear_are_both_left_out() -> None:
    doc: Doc[Any] = Doc()
    block = doc.get("default", type=XmlFragment).children.append(XmlElement("codeBlock"))
    block.children.append(XmlText()).insert(0, "x = 1", {"bold": {}, "italic": {}})
    assert ydoc.read_node(doc).child(0).to_json()["content"] == [{"type": "text", "text": "x = 1"}]


def test_a_picture_that_only_decorates_is_told_from_one_without_description() -> None:
    read = hostile(XmlElement("image", {"src": "/assets/1", "alt": ""}), XmlElement("image", {"src": "/assets/1"}))
    assert [image.attrs["alt"] for image in read.content.content] == ["", None]


@pytest.mark.parametrize(
    ("tag", "given_attributes", "expected"),
    [
        ("heading", {"level": '1"><script>'}, {"level": 1}),
        ("heading", {"level": 9}, {"level": 1}),
        ("heading", {"level": 3.0}, {"level": 3}),
        ("codeBlock", {"language": 'x" onload="y'}, {"language": None}),
        ("image", {"src": "javascript:alert(1)", "width": "10"}, {"src": None, "width": None}),
        ("image", {"src": "data:image/png;base64,AAAA"}, {"src": None}),
        (
            "image",
            {"src": "/assets/1", "width": True, "height": 7.5},
            {"src": "/assets/1", "width": None, "height": None},
        ),
        ("paragraph", {"id": '"><b>', "onclick": "alert(1)"}, {"id": None}),
        ("paragraph", {"id": ["a"]}, {"id": None}),
    ],
)
def test_attributes_hold_only_what_they_may(
    tag: str, given_attributes: dict[str, Any], expected: dict[str, Any]
) -> None:
    attributes = hostile(XmlElement(tag, given_attributes)).child(0).attrs
    assert {name: attributes[name] for name in expected} == expected
    assert set(attributes) == set(schema.nodes[tag].attrs)


def test_a_link_that_runs_a_script_loses_its_address() -> None:
    doc: Doc[Any] = Doc()
    paragraph = doc.get("default", type=XmlFragment).children.append(XmlElement("paragraph"))
    paragraph.children.append(XmlText()).insert(0, "click", {"link": {"href": " java\nscript:alert(1)"}})
    assert ydoc.read_node(doc).child(0).child(0).marks[0].attrs["href"] is None


def test_endless_nesting_is_cut_off() -> None:
    doc: Doc[Any] = Doc()
    inner: Any = doc.get("default", type=XmlFragment)
    for _ in range(20 * MAX_DEPTH):
        inner = inner.children.append(XmlElement("blockquote"))
    inner.children.append(XmlElement("paragraph"))
    assert ydoc.read_node(doc).text_content == ""


def test_things_of_another_kind_under_our_names_are_no_title() -> None:
    doc: Doc[Any] = Doc()
    doc.get("meta", type=Map)["title"] = Array(["x"])
    assert ydoc.read_title(doc) == ""
    ydoc.write_title(doc, "Mine")
    assert ydoc.read_title(doc) == "Mine"


def test_neighbouring_texts_are_read_as_one() -> None:
    read = hostile(XmlElement("paragraph", {}, [XmlText("a"), XmlText(""), XmlText("b")]))
    assert read.child(0).text_content == "ab"
    assert [child.text for child in read.child(0).content.content] == [text("ab").text]

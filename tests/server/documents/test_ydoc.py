"""What the schema allows survives Yjs; what it does not allow never breaks a reader."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from prosemirror.model import Node
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from server.documents import ydoc
from server.documents.schema import IDENTIFIED_BLOCKS, MAX_DEPTH, node, schema, text
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


def test_no_mark_may_overlap_with_itself() -> None:
    # Otherwise the binding adds a hash to its name, which `formatting_of` does not.
    assert all(mark.excludes(mark) for mark in schema.marks.values())


def test_a_hashed_mark_of_a_foreign_client_is_known_by_its_name() -> None:
    marks = ydoc.read_marks({"bold--a1B2+/=c": {}, "link": {"href": "https://a.b", "class": "x"}, "unknown": {}})
    assert [(mark.type.name, mark.attrs) for mark in marks] == [("link", {"href": "https://a.b"}), ("bold", {})]


def test_the_title_is_a_text_inside_the_map() -> None:
    doc = ydoc.load(ydoc.seed(" A\n title ", node("doc", content=[node("paragraph")])))
    title = doc.get("meta", type=Map)["title"]
    assert isinstance(title, Text)
    assert str(title) == "A title"


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


def test_what_the_schema_does_not_know_is_left_out() -> None:
    read = hostile(
        XmlElement("script", {"src": "x"}, [XmlText("alert(1)")]),
        XmlText("loose"),
        XmlElement("tableRow"),
        XmlElement("doc"),
        XmlElement("blockquote", {}, [XmlText("text right in a quote")]),
        XmlElement("paragraph", {}, [XmlText("kept")]),
    )
    assert read.to_json()["content"] == [
        {"type": "paragraph", "attrs": {"id": None}, "content": [{"type": "text", "text": "kept"}]}
    ]


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

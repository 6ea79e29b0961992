"""What is only suggested: nobody but the page of the document reads it, and nothing but a decision takes it away."""

from uuid import uuid4

from prosemirror.model import Node

from server.documents import content, ydoc
from server.documents.replacing import replace
from server.documents.schema import mark, node, text
from server.documents.suggestions import accepted, has_suggestions, suggestions_in
from server.documents.write_html import write_html

BY = str(uuid4())
WHOSE = {"id": "s1", "by": BY, "at": 1_700_000_000_000}
WORD = f"s1 {BY} 1700000000000"


def paragraph(*pieces: Node, **attributes: object) -> Node:
    return node("paragraph", {"id": "p", **attributes}, list(pieces))


def a_document() -> Node:
    """Return a document with one suggestion of each kind."""
    return node(
        "doc",
        content=[
            paragraph(
                text("Keep "),
                text("new ", [mark("insertion", WHOSE)]),
                text("old ", [mark("deletion", WHOSE)]),
                text("bold", [mark("reformat", {**WHOSE, "add": "bold"})]),
            ),
            node("paragraph", {"id": "n", "inserted": WORD}, [text("A block")]),
            node("heading", {"id": "h", "level": 2, "deleted": WORD, "joined": WORD, "changed": f"{WORD} paragraph"}),
            node(
                "bulletList",
                {"id": "l"},
                [
                    node("listItem", {"id": "i"}, [node("paragraph", {"id": "q"}, [text("stays")])]),
                    node("listItem", {"id": "j", "inserted": WORD}, [node("paragraph", {"id": "r"})]),
                ],
            ),
        ],
    )


def test_what_is_accepted_has_nothing_of_what_is_suggested() -> None:
    read = accepted(a_document())
    read.check()
    assert not has_suggestions(read)
    assert has_suggestions(a_document())
    assert [each.attrs["id"] for each in read.content.content] == ["p", "h", "l"]
    assert read.child(0).text_content == "Keep old bold"
    assert read.child(2).child_count == 1
    empty = node("doc", content=[node("paragraph", {"inserted": WORD})])
    assert [each.type.name for each in accepted(empty).content.content] == ["paragraph"]


def test_every_reader_gets_what_is_accepted_and_the_page_all_of_it() -> None:
    state = ydoc.seed("Plan", a_document())
    read = content.load(state).node
    for form in content.Format:
        written = content.write(read, form)
        assert "new" not in written and "A block" not in written and BY not in written, form
    assert "inserted" not in content.write(read, content.Format.JSON)
    page = str(write_html(content.load(state, suggestions=True).node))
    assert f'<ins data-suggested="insertion" data-suggestion="{BY}/s1">new </ins>' in page
    assert 'data-add="bold"' in page and f'data-inserted="{WORD}"' in page


def test_what_is_suggested_is_listed_by_whose_it_is() -> None:
    [found] = suggestions_in(a_document())
    assert (found.id, str(found.author_id), found.at.year) == ("s1", BY, 2023)
    assert [(part.kind.value, part.block_id, part.text, part.into) for part in found.parts] == [
        ("insert", "p", "new ", ""),
        ("delete", "p", "old ", ""),
        ("reformat", "p", "bold", "+bold"),
        ("insert_block", "n", "A block", ""),
        ("delete_block", "h", "", ""),
        ("join_block", "h", "", ""),
        ("change_block", "h", "", "paragraph"),
        ("insert_block", "j", "", ""),
    ]
    nobody = node("doc", content=[paragraph(text("x", [mark("insertion", {"by": "nobody", "at": 1e300})]))])
    assert suggestions_in(nobody) == []


def test_replacing_the_content_keeps_what_is_suggested_of_the_text_that_stays() -> None:
    doc = ydoc.load(ydoc.seed("Plan", a_document()))
    before = write_html(ydoc.read_with_suggestions(doc))
    replace(doc, ydoc.read_node(doc))
    assert write_html(ydoc.read_with_suggestions(doc)) == before, "the same content changes nothing"
    changed = ydoc.read_node(doc)
    first = changed.child(0).copy(changed.child(0).content.replace_child(0, text("Always keep old bold")))
    replace(doc, node("doc", content=[first, *changed.content.content[1:]]))
    assert ydoc.read_node(doc).child(0).text_content == "Always keep old bold"
    assert ydoc.read_with_suggestions(doc).child(0).text_content == "Always keep new old bold"
    assert ydoc.read_with_suggestions(doc).child_count == 4

"""The judge of people who may only suggest: what it lets through, and what a hand-made client tries in vain."""

import gc
import weakref
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from pycrdt import Doc, Map, Text, XmlElement, XmlText

from server.documents import ydoc
from server.documents.live.judging import SuggestionJudge
from server.documents.schema import mark, node, text
from server.documents.suggestions import BLOCK_REMARKS

ME, OTHER = str(uuid4()), str(uuid4())
USER = {"id": ME, "name": "Rita"}
ACCOUNT = str(uuid4())
ADAPTED = f"variant/{ACCOUNT}/block/p"


def whose(by: str = ME, name: str = "s1") -> dict[str, object]:
    return {"id": name, "by": by, "at": 1_700_000_000_000}


FORMAT = {**whose(), "add": "italic", "remove": ""}


def put(doc: Doc[Any], at: int, **attributes: str) -> None:
    element = ydoc.fragment(doc).children.insert(at, XmlElement("paragraph"))
    for name, value in attributes.items():
        element.attributes[name] = value
    element.children.append(XmlText()).insert(0, "new")


def word(by: str = ME) -> str:
    return f"s1 {by} 1700000000000"


def a_state() -> bytes:
    """Return a document with accepted text, a suggestion of each of two people, a list and a table."""
    mine, theirs = mark("insertion", whose()), mark("insertion", whose(OTHER))
    cell = node("tableCell", content=[node("paragraph", {"id": "c"}, [text("in a cell")])])
    doc = ydoc.load(
        ydoc.seed(
            "Plan",
            node(
                "doc",
                content=[
                    node(
                        "paragraph", {"id": "p"}, [text("accepted "), text("mine ", [mine]), text("theirs ", [theirs])]
                    ),
                    node("paragraph", {"id": "q"}, [text("struck", [mark("deletion", whose(OTHER))]), text(" kept")]),
                    node(
                        "bulletList",
                        content=[node("listItem", content=[node("paragraph", {"id": "l"}, [text("one")])])],
                    ),
                    node("table", content=[node("tableRow", content=[cell])]),
                    node("paragraph", {"id": "own", "inserted": word()}, [text("my block")]),
                    node("paragraph", {"id": "foe", "inserted": word(OTHER)}, [text("their block")]),
                    node(
                        "paragraph",
                        {"id": "both", "inserted": word()},
                        [text("my "), text("words", [mark("deletion", whose(OTHER))])],
                    ),
                ],
            ),
        )
    )
    bullets = ydoc.fragment(doc).children[2]
    assert isinstance(bullets, XmlElement)
    del bullets.attributes["id"]
    callout = ydoc.fragment(doc).children.append(XmlElement("callout"))
    callout.children.append(XmlText("honest words"))
    put(doc, 8, id="formats")
    formats = ydoc.fragment(doc).children[8]
    assert isinstance(formats, XmlElement)
    assert isinstance(formats.children[0], XmlText)
    formats.children[0].format(0, 3, {"reformat": {**whose(OTHER), "add": "bold", "remove": ""}})
    doc.get("extra", type=Text).insert(0, "of another program")
    doc.get("variants", type=Map)[f"{ACCOUNT}/block/p"] = {"kind": "adapted", "base": "accepted"}
    ydoc.insert(ydoc.fragment(doc, ADAPTED), 0, node("paragraph", {"id": "v"}, [text("adapted")]))
    doc.get(f"variant/{ACCOUNT}/title", type=Text).insert(0, "A title for the account")
    return doc.get_update()


STATE = a_state()
Change = Callable[[Doc[Any]], object]


def judged(*changes: Change) -> bool:
    """Make the changes as one update of a client, and ask the judge."""
    doc = ydoc.load(STATE)
    known = doc.get_state()
    with doc.transaction():
        for change in changes:
            change(doc)
    return SuggestionJudge([STATE]).allows(doc.get_update(known), USER)


def block(doc: Doc[Any], at: int) -> XmlElement:
    child = ydoc.fragment(doc).children[at]
    assert isinstance(child, XmlElement)
    return child


def words(doc: Doc[Any], *path: int) -> XmlText:
    element = block(doc, path[0])
    for step in path[1:]:
        element = element.children[step]  # type: ignore[assignment]
    child = element.children[0]
    assert isinstance(child, XmlText)
    return child


def adapted(doc: Doc[Any]) -> XmlText:
    """Return the words of the variant's block."""
    first = ydoc.fragment(doc, ADAPTED).children[0]
    assert isinstance(first, XmlElement)
    assert isinstance(first.children[0], XmlText)
    return first.children[0]


def attribute(doc: Doc[Any], at: int, name: str, value: object) -> None:
    block(doc, at).attributes[name] = value


def remove(doc: Doc[Any], at: int, count: int = 1) -> None:
    del ydoc.fragment(doc).children[at : at + count]


def put_into(parent: Any, tag: str, **attributes: str) -> None:
    element = parent.children.append(XmlElement(tag))
    for name, value in attributes.items():
        element.attributes[name] = value


def put_text(parent: XmlElement, said: str) -> None:
    parent.children.append(XmlText()).insert(0, said, {"insertion": whose()})


def put_own_quote(doc: Doc[Any]) -> None:
    """Suggest a quote, with a block of somebody else's in it."""
    quote = ydoc.fragment(doc).children.insert(1, XmlElement("blockquote"))
    quote.attributes["inserted"] = word()
    put_into(quote, "paragraph", inserted=word(OTHER))


def move_strike(text: XmlText) -> None:
    """Let what somebody else says of the second word be said of the first."""
    text.format(3, 6, {"deletion": None})
    text.format(0, 3, {"deletion": whose(OTHER)})


def write_anew(text: XmlText, start: int, end: int, same: str) -> None:
    del text[start:end]
    text.insert(start, same)


def write_block_anew(doc: Doc[Any], at: int) -> None:
    remove(doc, at)
    put(doc, at, id="q")


def move_own(doc: Doc[Any], at: int, to: int) -> None:
    remove(doc, at)
    put(doc, to, inserted=word(), id="own")


def put_twice(doc: Doc[Any], **attributes: str) -> None:
    for at in (1, 2):
        put(doc, at, inserted=word(), **attributes)


def swap(text: XmlText) -> None:
    """Take an accepted letter out and make an equal one of one's own accepted."""
    text.insert(1, "a", {"insertion": whose()})
    text.format(1, 2, {"insertion": None})
    del text[0:1]


SUGGESTIONS: dict[str, Change] = {
    "text put in": lambda doc: words(doc, 0).insert(3, "x", {"insertion": whose()}),
    "text put in at the end of a cell": lambda doc: words(doc, 3, 0, 0, 0).insert(9, "x", {"insertion": whose()}),
    "text put into one's own": lambda doc: words(doc, 0).insert(11, "x", {"insertion": whose()}),
    "one's own made bold": lambda doc: words(doc, 0).format(9, 12, {"bold": {}}),
    "one's own taken back": lambda doc: words(doc, 0).__delitem__(slice(9, 14)),
    "accepted text struck": lambda doc: words(doc, 0).format(0, 4, {"deletion": whose()}),
    "another's text struck": lambda doc: words(doc, 0).format(14, 18, {"deletion": whose()}),
    "a list item's text struck": lambda doc: words(doc, 2, 0, 0).format(0, 3, {"deletion": whose()}),
    "a format": lambda doc: words(doc, 0).format(0, 4, {"reformat": {**whose(), "add": "bold", "remove": ""}}),
    "a format beside another's": lambda doc: words(doc, 8).format(0, 4, {"reformat--AAAAAAAA": FORMAT}),
    "a block": lambda doc: put(doc, 1, inserted=word()),
    "a block struck": lambda doc: attribute(doc, 0, "deleted", word()),
    "a block joined": lambda doc: attribute(doc, 1, "joined", word()),
    "a block changed": lambda doc: attribute(doc, 1, "changed", f"{word()} heading1"),
    "one's own block taken back": lambda doc: remove(doc, 4),
    "one's own block written in": lambda doc: words(doc, 4).insert(0, "anything "),
    "an id for a block without one": lambda doc: attribute(doc, 2, "id", "new"),
    "a block with an id of its own": lambda doc: put(doc, 1, inserted=word(), id="fresh"),
    "one's own block moved": lambda doc: move_own(doc, 4, 1),
    "one's own block in which another struck something": lambda doc: words(doc, 6).insert(0, "more "),
    "what another struck of one's own taken back": lambda doc: words(doc, 6).__delitem__(slice(3, 6)),
    "nothing": lambda _: None,
}

CHANGES: dict[str, Change] = {
    "accepted text put in": lambda doc: words(doc, 0).insert(3, "x"),
    "text put in in another's name": lambda doc: words(doc, 0).insert(3, "x", {"insertion": whose(OTHER)}),
    "text put in without a name": lambda doc: words(doc, 0).insert(3, "x", {"insertion": {}}),
    "text put into a cell": lambda doc: words(doc, 3, 0, 0, 0).insert(0, "x"),
    "accepted text deleted": lambda doc: words(doc, 0).__delitem__(slice(0, 1)),
    "another's text deleted": lambda doc: words(doc, 0).__delitem__(slice(14, 18)),
    "accepted text made bold": lambda doc: words(doc, 0).format(0, 4, {"bold": {}}),
    "accepted text called one's own": lambda doc: words(doc, 0).format(0, 4, {"insertion": whose()}),
    "another's text called one's own": lambda doc: words(doc, 0).format(14, 18, {"insertion": whose()}),
    "one's own accepted": lambda doc: words(doc, 0).format(9, 14, {"insertion": None}),
    "another's accepted": lambda doc: words(doc, 0).format(14, 18, {"insertion": None}),
    "another's deletion taken back": lambda doc: words(doc, 1).format(0, 3, {"deletion": None}),
    "another's deletion taken over": lambda doc: words(doc, 1).format(0, 3, {"deletion": whose()}),
    "an unmarked block": lambda doc: put(doc, 1),
    "a block in another's name": lambda doc: put(doc, 1, inserted=word(OTHER)),
    "an accepted block called one's own": lambda doc: attribute(doc, 0, "inserted", word()),
    "another's block accepted": lambda doc: block(doc, 5).attributes.__delitem__("inserted"),
    "an accepted block deleted": lambda doc: remove(doc, 0),
    "blocks replaced": lambda doc: ydoc.fragment(doc).children.__setitem__(0, XmlElement("paragraph")),
    "a block's id": lambda doc: attribute(doc, 0, "id", "else"),
    "another's format taken away": lambda doc: words(doc, 8).format(0, 4, {"reformat": None}),
    "a format of no suggestion with a hash": lambda doc: words(doc, 8).format(0, 4, {"bold--AAAAAAAA": whose()}),
    "an id that another block has": lambda doc: attribute(doc, 2, "id", "p"),
    "an id that is none": lambda doc: attribute(doc, 2, "id", "<b> x"),
    "an id longer than ids are": lambda doc: attribute(doc, 2, "id", "x" * 100_000),
    "an id that is an object": lambda doc: attribute(doc, 2, "id", {"a": 1}),
    "one's own block with another's id": lambda doc: put(doc, 1, inserted=word(), id="p"),
    "one's own block given another's id": lambda doc: attribute(doc, 4, "id", "p"),
    "two blocks with one id": lambda doc: put_twice(doc, id="fresh"),
    "a suggestion in another's name in one's own block": lambda doc: words(doc, 4).insert(
        0, "resign", {"insertion": whose(OTHER)}
    ),
    "another mark in another's name on one's own words": lambda doc: words(doc, 0).insert(
        9, "x", {"insertion": whose(), "insertion--abcdefgh": whose(OTHER)}
    ),
    "what another strikes moved to other words of one's own": lambda doc: move_strike(words(doc, 6)),
    "a block in another's name in one's own": put_own_quote,
    "words in another's block that only look like one's own": lambda doc: put_into(
        block(doc, 5), "paragraph", inserted=f"x {ME} junk"
    ),
    "words in a block that nobody can show": lambda doc: words(doc, 7).insert(0, "evil ", {"insertion": whose()}),
    "a block struck in another's name": lambda doc: attribute(doc, 0, "deleted", word(OTHER)),
    "the title": lambda doc: doc.get("meta", type=Map)["title"].insert(0, "x"),
    "another title": lambda doc: doc.get("meta", type=Map).__setitem__("title", Text("x")),
    "something elsewhere": lambda doc: doc.get("else", type=Map).__setitem__("a", 1),
    "a variant begun": lambda doc: doc.get("variants", type=Map).__setitem__(f"{ACCOUNT}/text", "own"),
    "a variant taken back": lambda doc: doc.get("variants", type=Map).__delitem__(f"{ACCOUNT}/block/p"),
    "words put into a variant": lambda doc: adapted(doc).insert(0, "x"),
    "a suggestion in a variant": lambda doc: adapted(doc).insert(0, "x", {"insertion": whose()}),
    "words taken out of a variant": lambda doc: adapted(doc).__delitem__(slice(0, 3)),
    "a block of one's own put into a variant": lambda doc: ydoc.fragment(doc, ADAPTED).children.append(
        XmlElement("paragraph", {"inserted": word()})
    ),
    "another text of a variant": lambda doc: ydoc.fragment(doc, f"variant/{ACCOUNT}/start").children.append(
        XmlElement("paragraph", {"inserted": word()})
    ),
    "a variant's title": lambda doc: doc.get(f"variant/{ACCOUNT}/title", type=Text).insert(0, "x"),
    "the same words written anew": lambda doc: write_anew(words(doc, 0), 0, 9, "accepted "),
    "a letter written anew": lambda doc: write_anew(words(doc, 0), 0, 1, "a"),
    "a letter of one's own in the place of an accepted one": lambda doc: swap(words(doc, 0)),
    "a block written anew": lambda doc: write_block_anew(doc, 1),
    "another root": lambda doc: doc.get("extra", type=Text).insert(3, "x"),
    "a key beside the blocks": lambda doc: doc.get("default", type=Map).__setitem__("k", 1),
    "an attribute of a text": lambda doc: words(doc, 0).attributes.__setitem__("k", "v"),
    "something in a row that is no cell": lambda doc: put_into(block(doc, 3).children[0], "heading", inserted=word()),
    "a break, which cannot be suggested": lambda doc: put_into(block(doc, 0), "hardBreak", inserted=word()),
    "a block with a name that is none": lambda doc: put(doc, 1, inserted=f"s1 {ME} never"),
    "one's own text where no text can be": lambda doc: put_text(block(doc, 2), "x"),
    "an empty text among the blocks": lambda doc: ydoc.fragment(doc).children.append(XmlText()),
    "one's own block of a kind that nobody knows": lambda doc: put_into(ydoc.fragment(doc), "spell", inserted=word()),
    "a text among the blocks": lambda doc: ydoc.fragment(doc).children.append(XmlText("x")),
}


@pytest.mark.parametrize("change", SUGGESTIONS.values(), ids=SUGGESTIONS.keys())
def test_a_suggestion_passes(change: Change) -> None:
    assert judged(change)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_does_not_nor_hidden_behind_a_suggestion(change: Change) -> None:
    assert not judged(change)
    assert not judged(SUGGESTIONS["a block struck"], change)


def test_the_judge_knows_what_others_write_and_what_it_has_allowed() -> None:
    judge = SuggestionJudge([STATE])
    doc, other = ydoc.load(STATE), ydoc.load(STATE)
    known = doc.get_state()
    words(doc, 0).insert(0, "first ", {"insertion": whose()})
    assert judge.allows(doc.get_update(known), USER)
    words(other, 0).insert(5, "and ")
    judge.take(other.get_update())
    doc.apply_update(other.get_update())
    known = doc.get_state()
    del words(doc, 0)[0:6]
    assert judge.allows(doc.get_update(known), USER), "one's own may go"
    known = doc.get_state()
    del words(doc, 0)[0:1]
    assert not judge.allows(doc.get_update(known), USER)


def test_a_block_whose_id_is_an_object_can_be_suggested_in() -> None:
    doc = ydoc.load(STATE)
    attribute(doc, 2, "id", {"a": 1})
    judge, known = SuggestionJudge([doc.get_update()]), doc.get_state()
    words(doc, 2, 0, 0).insert(0, "x", {"insertion": whose()})
    assert judge.allows(doc.get_update(known), USER)


def test_what_says_something_of_a_block_is_known() -> None:
    assert set(node("paragraph").attrs) - {"id", "inserted"} == BLOCK_REMARKS


def test_a_judge_that_is_let_go_leaves_memory_whatever_it_said() -> None:
    seen: list[weakref.ref[object]] = []
    state = a_state()
    for allowed in (True, False):
        judge = SuggestionJudge([state])
        doc = ydoc.load(state)
        before = doc.get_state()
        if allowed:
            ydoc.fragment(doc).children.append(XmlElement("paragraph", {"id": "new", "inserted": word()}))
        else:
            first = ydoc.fragment(doc).children[0]
            assert isinstance(first, XmlElement)
            first.attributes["textAlign"] = "right"
        assert judge.allows(doc.get_update(before), USER) is allowed
        # The copies of the document are what takes the memory.
        seen += [weakref.ref(judge), weakref.ref(judge._before), weakref.ref(judge._after)]
        del judge
    gc.collect()
    assert [each() for each in seen] == [None] * 6

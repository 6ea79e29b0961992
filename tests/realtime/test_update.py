"""Reading an update without applying it agrees with what the CRDT core does with it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText, merge_updates

from realtime import wire
from realtime.structs import nesting
from realtime.update import Reach, read_keystroke, read_reach, walk
from realtime.wire import MalformedFrame

from .documents import EMPTY_UPDATE, Author, nested_arrays

# One that ends a string in the middle of nothing, and what people write.
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), words), min_size=1, max_size=30))
def test_what_it_brings_is_what_the_core_has_afterwards(edits: list[tuple[bool, int, str]]) -> None:
    author = Author()
    known: dict[int, int] = {}
    for delete, at, word in edits:
        length = len(str(author.text))
        update = author.delete(0, 1) if delete and length else author.write(word, min(at, length))
        reach = read_reach(update)
        assert reach.fits(known)
        reach.extend(known)
    assert known == wire.read_state_vector(author.doc.get_state())
    whole = read_reach(author.doc.get_update())
    assert whole.ends == known
    assert whole.fits({})


def test_a_keystroke_is_read_in_short_as_it_is_at_length() -> None:
    ada = Author()
    start = ada.write("ada")
    ben = Author(start)
    in_short = [
        ada.write("behind"),
        ada.write("between", at=1),
        ben.write("behind somebody else", at=3),
        ben.write("between two of somebody else's", at=1),
    ]
    at_length = [start, ada.write("\u00e9"), ada.write("long" * 40), ada.delete(0, 1)]
    assert [read_keystroke(update) for update in in_short] == [_at_length(update) for update in in_short]
    assert [read_keystroke(update) for update in at_length] == [None] * len(at_length)


@settings(max_examples=500)
@given(st.data())
def test_whatever_is_read_in_short_reads_the_same_at_length(data: st.DataObject) -> None:
    def number() -> bytes:
        return wire.write_var_uint(data.draw(st.sampled_from([0, 1, 2, 5, 127, 128, 2**31 - 2, 2**31, 2**53 - 1])))

    between = data.draw(st.booleans())
    neighbours = b"".join(number() for _ in range(4 if between else 2))
    text = data.draw(st.binary(min_size=1, max_size=4))
    length = data.draw(st.sampled_from([len(text), len(text), len(text), 0, 1, 200]))
    update = b"\x01\x01" + number() + number() + (b"\xc4" if between else b"\x84") + neighbours
    update += wire.write_var_uint(length) + text + b"\x00"
    in_short = read_keystroke(update)
    if in_short is not None:
        assert in_short == _at_length(update)


def _at_length(update: bytes) -> Reach:
    # At length it is only guessed from the bytes, among which a client's id may look like a character.
    return walk(update)._replace(may_hold_pairs=False)


def test_an_update_of_missing_history_does_not_fit() -> None:
    author = Author()
    first, second = author.write("a"), author.write("b")
    assert not read_reach(second).fits({})
    reach = read_reach(first)
    known: dict[int, int] = {}
    reach.extend(known)
    assert read_reach(second).fits(known)
    assert read_reach(merge_updates(first, second)).fits({})


def test_an_update_that_builds_on_somebody_unknown_does_not_fit() -> None:
    ada = Author()
    start = ada.write("ada")
    ben = Author(start)
    reply = ben.write("ben", at=1)
    assert not read_reach(reply).fits({})
    deletion = ben.delete(0, 1)
    assert not read_reach(deletion).fits({ben.doc.client_id: 3})


def test_every_content_of_yjs_is_read() -> None:
    doc: Doc[Any] = Doc()
    doc["map"] = Map({"number": 1.5, "large": 2**40, "none": None, "yes": True, "nested": {"a": [1, "two", b"3"]}})
    doc["array"] = Array(["x", 1, Map({"deep": Array([])})])
    doc["text"] = text = Text("🙂 é")
    text.format(0, 4, {"bold": True})
    text.insert_embed(4, {"image": "x"})
    doc["default"] = fragment = XmlFragment()
    fragment.children.append(XmlElement("paragraph", {"id": "1"}, [XmlText("hello")]))
    doc["sub"] = Map({"doc": Doc()})
    update = doc.get_update()
    reach = read_reach(update)
    assert reach.ends == wire.read_state_vector(doc.get_state())
    assert reach.fits({})


@given(st.binary(max_size=80))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_reach(data)
    except MalformedFrame:
        return


def _whole() -> bytes:
    author = Author()
    author.write("some words 🙂")
    author.delete(2, 4)
    return author.doc.get_update()


# Made once: the length of a client id varies, and with it what hypothesis may draw.
_WHOLE = _whole()


@settings(max_examples=200)
@given(st.data())
def test_a_mutated_update_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(_WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_reach(bytes(whole))
    except MalformedFrame:
        return


@given(st.integers(0, 60))
def test_an_update_cut_short_is_refused(cut: int) -> None:
    author = Author()
    author.write("some words")
    whole = author.doc.get_update()
    if cut < len(whole):
        with pytest.raises(MalformedFrame):
            read_reach(whole[:cut])


def test_bytes_left_over_are_refused_though_the_core_takes_them() -> None:
    author = Author()
    update = author.write("x")
    author.doc.apply_update(update + b"\x00")
    with pytest.raises(MalformedFrame):
        read_reach(update + b"\x00")


def test_an_empty_update_says_nothing() -> None:
    assert read_reach(EMPTY_UPDATE).empty


# client 5, clock 0; each as a hostile client would write it, since no library does.
HOSTILE = {
    "a string that follows itself": b"\x01\x01\x05\x00" + b"\x84\x05\x00\x01a" + b"\x00",
    "a string that stands before itself": b"\x01\x01\x05\x00" + b"\x44\x05\x00\x01a" + b"\x00",
    "an array in itself": b"\x01\x01\x05\x00" + b"\x07\x00\x05\x00\x00" + b"\x00",
    "a string after what comes later": b"\x01\x02\x05\x00" + b"\x84\x05\x01\x01a" + b"\x04\x01\x01t\x01b" + b"\x00",
    "a hook, whose name the core forgets": b"\x01\x01\x05\x00" + b"\x07\x01\x01t\x05\x01n" + b"\x00",
    "text under a key": b"\x01\x01\x05\x00" + b"\x24\x01\x01t\x01k\x05hello" + b"\x00",
    "a format under a key": b"\x01\x01\x05\x00" + b"\x26\x01\x01t\x01k\x01b\x011" + b"\x00",
    "JSON, which the core writes down wrong": b"\x01\x01\x05\x00" + b"\x02\x01\x01t\x01\x011" + b"\x00",
    "more than 32 bits count": b"\x01\x01\x05\x00" + b"\x00" + wire.write_var_uint(2**32) + b"\x00",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_the_core_never_finishes_with_or_writes_down_wrong_is_refused(name: str) -> None:
    with pytest.raises(MalformedFrame):
        read_reach(HOSTILE[name])


def test_nesting_is_counted_whatever_the_order_and_beside_what() -> None:
    assert nesting(nested_arrays(1)) == 0
    assert nesting(nested_arrays(500)) == 499
    assert nesting(nested_arrays(3, clock=7)) == 3, "what it stands in elsewhere counts as one"
    doc: Doc[Any] = Doc()
    blocks = doc.get("default", type=XmlFragment)
    for words in ("one", "two 🙂", "three"):
        paragraph = blocks.children.append(XmlElement("paragraph"))
        paragraph.children.append(XmlText(words))
    # From another client, whose structs stand before those that they are in.
    other: Doc[Any] = Doc()
    other.apply_update(doc.get_update())
    paragraph = other.get("default", type=XmlFragment).children[1]
    deeper = paragraph.children.append(XmlElement("image"))
    deeper.children.append(XmlText("x"))
    assert nesting(doc.get_update()) == 2
    assert nesting(other.get_update()) == 3
    assert read_reach(other.get_update()).nesting == 4


@pytest.mark.parametrize(("kind", "piece", "dearness"), [(4, b"\x01a", 1), (8, b"\x01\x78", 20)])
def test_the_pieces_that_the_core_will_join_are_counted(kind: int, piece: bytes, dearness: int) -> None:
    first = bytes([kind]) + b"\x01\x04text" + piece
    rest = (bytes([kind | 0x80]) + b"\x05" + wire.write_var_uint(clock) + piece for clock in range(2_999))
    reach = read_reach(b"\x01" + wire.write_var_uint(3_000) + b"\x05\x00" + first + b"".join(rest) + b"\x00")
    assert (reach.structs, reach.placed, reach.pieces) == (3_000, 1, 2_999 * dearness)


def _values(count: int, *, parent: bytes = b"\x01\x04root", client: int = 5, clock: int = 0) -> bytes:
    """So many values under the key "k", none of which names a neighbour; deleted ones, which are smallest."""
    head = b"\x01" + wire.write_var_uint(count) + wire.write_var_uint(client) + wire.write_var_uint(clock)
    return head + (b"\x21" + parent + b"\x01k\x01") * count + b"\x00"


def test_values_under_one_key_that_name_no_neighbour_are_counted_as_beside_one_another() -> None:
    reach = read_reach(_values(300))
    assert (reach.placed, list(reach.firsts.values())) == (300, [300])
    # In a type that the update brings itself the first one stands alone.
    own = b"\x01\x04\x05\x00" + b"\x07\x01\x04root\x00" + b"\x21\x00\x05\x00\x01k\x01" * 3 + b"\x00"
    assert (read_reach(own).placed, sum(read_reach(own).firsts.values())) == (1 + 2, 1 + 2)


def test_blocks_with_their_attributes_and_a_value_that_is_set_again_and_again_are_not() -> None:
    doc: Doc[Any] = Doc()
    blocks, settings = doc.get("default", type=XmlFragment), doc.get("settings", type=Map)
    for number in range(50):
        blocks.children.append(XmlElement("paragraph", {"id": str(number), "align": "left"}, [XmlText("x")]))
        settings["title"] = str(number)
    reach = read_reach(doc.get_update())
    # Each block behind the one before, and each title in place of the one before.
    assert reach.placed == 100
    assert max(reach.firsts.values()) == 1

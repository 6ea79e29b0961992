"""What a room refuses from those who mean it harm, and what it must not take for harm."""

import random
from collections.abc import Mapping

import pytest
from pycrdt import XmlElement, XmlFragment, XmlText, merge_updates

from realtime import close, structs, vetting, wire
from realtime.audience import Peer
from realtime.close import Refused
from realtime.effort import NeedsTrial
from realtime.room import BrokenRoom, Room
from realtime.update import Reach, read_reach
from realtime.vetting import NeedsChecking, NeedsMeasuring, depth_of

from . import hostile
from .documents import (
    Author,
    far_apart,
    flush,
    in_turns,
    inside_a_string,
    nested_arrays,
    peer,
    room,
    seed,
    text_of,
)


def test_bytes_the_core_refuses_end_their_sender_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    start = seed()
    there = room(start)
    ada, eve = peer(), peer()
    there.join(ada)
    there.join(eve)
    # Well formed to us and not to the core: a format whose value is no JSON.
    author = Author(start)
    poison = _poison()
    there.receive_update(ada, wire.Update(author.write("good")))
    there.receive_update(eve, wire.Update(poison))
    flushed = there.begin_flush()
    assert flushed.refused == [(eve, close.MALFORMED)]
    assert text_of(there.state()) == "seed good"
    there.receive_update(ada, wire.Update(author.write(" more")))
    flush(there)
    assert text_of(there.state()) == "seed good more"


def _poison() -> bytes:
    # client 5, clock 0: one format item in text "text", key "b", value "{" (not JSON); no deletions
    body = b"\x06\x01\x04text\x01b\x01{"
    return b"\x01\x01\x05\x00" + body + b"\x00"


def _let_the_core_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply without a rehearsal, as if there were one more attack that nobody knows yet."""
    monkeypatch.setattr(vetting, "rehearse", lambda *_: None)


def test_who_makes_the_core_fail_is_found_out_and_nobody_else_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    _let_the_core_fail(monkeypatch)
    start = seed()
    there = room(start)
    ada, eve = peer(), peer()
    there.join(ada)
    there.join(eve)
    there.receive_update(ada, wire.Update(Author(start).write("good")))
    there.receive_update(eve, wire.Update(inside_a_string()))
    with pytest.raises(BrokenRoom) as broken:
        there.begin_flush()
    assert broken.value.suspects == {eve}


# Each a row of updates of client 5 and others; every one of them reads well, and together they stop the core half-way.
STRING = b"\x04\x01\x04text\x03abc"
ARRAY = b"\x07\x01\x04text\x00"
HALF_WAY = {
    "a text in a string": [inside_a_string()],
    "a text in a string of before": [
        b"\x01\x01\x05\x00" + STRING + b"\x00",
        b"\x01\x01\x06\x00" + b"\x04\x00\x05\x01\x01x" + b"\x00",
    ],
    "a text in an array that another update says is a string": [
        b"\x01\x01\x05\x00" + STRING + b"\x00",
        b"\x01\x03\x05\x00" + ARRAY + b"\x01\x01\x04text\x02" + b"\x04\x00\x05\x00\x01x" + b"\x00",
    ],
    "two that wait for one another": [
        b"\x02" + b"\x01\x06\x00" + b"\x84\x05\x00\x01x" + b"\x01\x05\x00" + b"\x84\x06\x00\x01y" + b"\x00",
    ],
    "two that wait for one another since one was told twice": [
        b"\x01\x01\x05\x00" + b"\x04\x01\x04text\x01a" + b"\x00",
        b"\x02" + b"\x01\x06\x00" + b"\x84\x05\x00\x01x" + b"\x01\x05\x00" + b"\x84\x06\x00\x02yz" + b"\x00",
    ],
}


@pytest.mark.parametrize("flushed_each", [True, False])
@pytest.mark.parametrize("name", HALF_WAY)
def test_what_would_stop_the_core_half_way_ends_its_sender_and_nobody_else(name: str, *, flushed_each: bool) -> None:
    start = seed()
    there, author = room(start), Author(start)
    ada, eve = peer(), peer()
    there.join(ada)
    there.join(eve)
    refused = []
    for update in HALF_WAY[name]:
        there.receive_update(ada, wire.Update(author.write("good ")))
        try:
            there.receive_update(eve, wire.Update(update))
        except Refused as refusal:
            refused.append(refusal.close)
        if flushed_each:
            refused += [why for who, why in flush(there).refused if who is eve]
    refused += [why for who, why in flush(there).refused if who is eve]
    # Of two words about one clock the core may keep the one that does no harm.
    assert refused or "told twice" in name or "another update" in name
    assert set(refused) <= {close.MALFORMED, close.MISSING_HISTORY}
    there.receive_update(ada, wire.Update(author.write("more")))
    flush(there)
    assert "seed " + "good " * len(HALF_WAY[name]) + "more" in text_of(there.state())
    again = room(there.state())
    assert text_of(again.state()) == text_of(there.state())
    first, second = (wire.read_state_vector(one.document.state_vector()) for one in (again, there))
    assert first == second


def test_an_answer_of_many_people_is_taken_whatever_its_order() -> None:
    start = seed()
    ada = Author(start)
    for number in range(20):
        other = Author(ada.doc.get_update())
        other.write(f"{number} ", at=number % 5)
        ada.hear(other.updates[-1])
        ada.write("- ", at=3)
    there, came_back = room(start), peer()
    there.join(came_back)
    there.receive_update(came_back, wire.Update(ada.doc.get_update(), answer=True))
    assert flush(there).refused == []
    assert text_of(there.state()) == str(ada.text)


def test_words_in_a_block_that_was_deleted_meanwhile_are_no_attack() -> None:
    author = Author()
    blocks = author.doc.get("default", type=XmlFragment)
    paragraph = blocks.children.append(XmlElement("paragraph"))
    away = Author(author.doc.get_update())
    there, ada, ben = room(author.doc.get_update()), peer(), peer()
    there.join(ada)
    there.join(ben)
    del blocks.children[0]
    there.receive_update(ada, wire.Update(author.updates[-1]))
    flush(there)
    away.doc.get("default", type=XmlFragment).children[0].children.append(XmlText("late"))
    there.receive_update(ben, wire.Update(away.updates[-1]))
    assert flush(there).refused == []
    assert paragraph is not None


SMILE = b"\x01\x01\x05\x00" + b"\x04\x01\x04text\x05a" + "🙂".encode() + b"\x00"
CUTS = {
    "a word behind the first half": b"\x01\x01\x06\x00" + b"\x84\x05\x01\x01x" + b"\x00",
    "a word before the second half": b"\x01\x01\x06\x00" + b"\x44\x05\x02\x01x" + b"\x00",
    "the first half deleted": b"\x00\x01\x05\x01\x01\x01",
    "the second half deleted": b"\x00\x01\x05\x01\x02\x01",
    "told again as two letters": b"\x01\x02\x05\x01" + b"\x84\x05\x00\x01b" + b"\x84\x05\x01\x02cd" + b"\x00",
}


def test_what_is_told_twice_is_not_cut_where_the_document_ends_now() -> None:
    there, eve = room(b"\x01\x01\x05\x00" + b"\x04\x01\x04text\x02ab" + b"\x00"), peer()
    there.join(eve)
    for update in (
        b"\x01\x01\x05\x02" + b"\x84\x05\x01\x03cde" + b"\x00",
        b"\x01\x01\x05\x00" + b"\x04\x01\x04text\x06x" + "🙂".encode() + b"y\x00",
    ):
        there.receive_update(eve, wire.Update(update))
    flush(there)
    read_reach(there.state())


@pytest.mark.parametrize("opened", ["with it", "before it", "before its flush"])
@pytest.mark.parametrize("name", CUTS)
def test_a_character_of_two_code_units_cannot_be_cut(name: str, opened: str) -> None:
    start = seed()
    there, eve = room(merge_updates(start, SMILE) if opened == "with it" else start), peer()
    there.join(eve)
    if opened != "with it":
        there.receive_update(eve, wire.Update(SMILE))
    if opened == "before it":
        flush(there)
    with pytest.raises(wire.MalformedFrame):
        there.receive_update(eve, wire.Update(CUTS[name]))
    flush(there)
    read_reach(there.state())
    beside = b"\x01\x01\x06\x00" + b"\xc4\x05\x00\x05\x01\x01x" + b"\x01\x05\x01\x01\x02"
    there.receive_update(eve, wire.Update(beside))
    assert flush(there).refused == []
    assert "ax" in text_of(there.state())


def take(there: Room, who: Peer, message: wire.Update) -> bool:
    """Receive an update as the hub does. Returns whether it was measured."""
    try:
        there.receive_update(who, message)
    except NeedsMeasuring:
        measure(there, message.update)
        there.receive_update(who, message)
        return True
    return False


def measure(there: Room, update: bytes, *, nested: int | None = None) -> None:
    depth = depth_of([*there.to_try_on(), update])
    there.vetting.note_depth(update, depth, nested=there.vetting.nested if nested is None else nested)


def test_types_cannot_be_nested_until_the_core_loses_its_stack() -> None:
    there = room(seed())
    eve = peer()
    there.join(eve)
    with pytest.raises(Refused) as refusal:
        take(there, eve, wire.Update(nested_arrays(5000)))
    assert refusal.value.close is close.DOCUMENT_TOO_LARGE
    levels = 0
    with pytest.raises(Refused) as refusal:
        while levels < 5000:
            take(there, eve, wire.Update(nested_arrays(50, clock=levels)))
            levels += 50
            if levels % 200 == 0:
                flush(there)
    assert refusal.value.close is close.DOCUMENT_TOO_LARGE
    assert 500 <= levels <= 1000


@pytest.mark.parametrize(
    "letter",
    [b"\x04\x01\x04text\x01x", b"\x84\x05\x01\x01x", b"\x21\x01\x04root\x01k\x01"],
    ids=["first", "behind one", "under one key"],
)
@pytest.mark.parametrize("clients", [1, 500])
def test_what_would_be_compared_for_minutes_is_refused(clients: int, letter: bytes) -> None:
    there, eve = room(b"\x01\x01\x05\x00" + b"\x04\x01\x04text\x04seed" + b"\x00"), peer()
    there.join(eve)
    each = 600 // clients + 1
    with pytest.raises(wire.MalformedFrame):
        for row in range(3):
            parts = [wire.write_var_uint(clients)]
            for client in range(clients):
                head = (each, 2**30 + row * clients + client, 0)
                parts += [*map(wire.write_var_uint, head), letter * each]
            there.receive_update(eve, wire.Update(b"".join(parts) + b"\x00"))
            flush(there)


def test_nobody_uses_up_a_place_for_the_others_and_what_is_told_again_counts_for_nothing() -> None:
    there, eve, ada = room(seed()), peer(), peer()
    ada.user = {"id": "2", "name": "Ada"}
    there.join(eve)
    there.join(ada)
    letter = b"\x04\x01\x04text\x01x"
    crowd = b"\x01" + wire.write_var_uint(400) + b"\x05\x00" + letter * 400 + b"\x00"
    for _ in range(5):
        there.receive_update(eve, wire.Update(crowd))
        flush(there)
    flood = b"\x01" + wire.write_var_uint(2000) + b"\x06\x00" + letter * 2000 + b"\x00"
    with pytest.raises(wire.MalformedFrame):
        there.receive_update(eve, wire.Update(flood), tried=0)
    there.receive_update(ada, wire.Update(b"\x01\x01\x07\x00" + letter + b"\x00"))
    assert flush(there).refused == []


def test_what_is_looked_at_for_the_judge_is_not_counted_yet() -> None:
    there, ada = room(seed()), peer()
    there.join(ada)
    crowd = b"\x01" + wire.write_var_uint(600) + b"\x05\x00" + b"\x04\x01\x04text\x01x" * 600 + b"\x00"
    reach = read_reach(crowd)
    for _ in range(2):
        assert there.vet(ada, crowd, reach)
    there.receive_update(ada, wire.Update(crowd), reach, judged=True)
    assert flush(there).refused == []


def test_a_deep_document_may_be_told_again() -> None:
    there, ada = room(nested_arrays(900)), peer()
    there.join(ada)
    for _ in range(3):
        take(there, ada, wire.Update(there.state(), answer=True))
    take(there, ada, wire.Update(nested_arrays(50, clock=900)))
    assert flush(there).refused == []


def test_what_is_nested_while_it_is_measured_counts_as_well() -> None:
    there, ada = room(nested_arrays(900)), peer()
    there.join(ada)
    take(there, ada, wire.Update(nested_arrays(1, client=6)))
    before, update = there.vetting.nested, nested_arrays(99, clock=900)
    with pytest.raises(NeedsMeasuring):
        there.receive_update(ada, wire.Update(update))
    depth = depth_of([*there.to_try_on(), update])
    there.receive_update(ada, wire.Update(nested_arrays(50, client=7)))
    there.vetting.note_depth(update, depth, nested=before)
    there.receive_update(ada, wire.Update(update))
    # Side by side they would fit; that is for the next measuring to say.
    assert take(there, ada, wire.Update(nested_arrays(1, client=8)))
    assert flush(there).refused == []


def test_a_document_of_many_blocks_is_not_taken_for_a_deep_one() -> None:
    start = seed()
    there, author = room(start), Author(start)
    ada = peer()
    there.join(ada)
    blocks = author.doc.get("default", type=XmlFragment)
    for number in range(1500):
        with author.doc.transaction():
            blocks.children.append(XmlElement("paragraph")).children.append(XmlText(str(number)))
        take(there, ada, wire.Update(author.updates[-1]))
        if number % 50 == 0:
            flush(there)
    flush(there)
    assert there.state() == author.doc.get_update()


def test_what_may_take_the_core_long_must_be_tried_first_and_nothing_of_it_is_taken_before() -> None:
    there, ada, eve = room(in_turns(20_000)), peer(), peer()
    there.adopt(there.build())
    there.join(ada)
    there.join(eve)
    far = wire.Update(far_apart(300, (5, 0), (6, 9_999)))
    with pytest.raises(NeedsTrial):
        there.receive_update(eve, far)
    assert not there.has_pending
    # Few of them are as harmless as they look, and so is what is known already.
    there.receive_update(ada, wire.Update(far_apart(20, (5, 0), (6, 9_999), by=8)))
    there.receive_update(ada, wire.Update(there.state(), answer=True))
    flush(there)
    there.receive_update(eve, far, tried=there.effort.grown)
    assert flush(there).refused == []
    assert wire.read_state_vector(there.document.state_vector())[9] == 300


def test_what_is_kept_for_its_history_and_must_be_tried_comes_again_in_one_piece() -> None:
    there, eve = room(in_turns(20_000)), peer()
    there.adopt(there.build())
    there.join(eve)
    there.receive_update(eve, wire.Update(far_apart(300, (7, 0), (6, 9_999))))
    assert eve.early.asked
    history = b"\x01\x01\x07\x00" + b"\x84\x05\x00\x01x" + b"\x00"
    with pytest.raises(Refused) as refusal:
        there.receive_update(eve, wire.Update(history, answer=True))
    assert refusal.value.close is close.TRY_LATER


@pytest.mark.parametrize("seed_number", range(250))
def test_whatever_is_sent_the_document_stays_whole_and_can_be_read_again(seed_number: int) -> None:
    chance = random.Random(seed_number)
    there, eve, ada = room(seed()), peer(), peer()
    there.join(eve)
    there.join(ada)
    author = Author(there.state())
    for _ in range(chance.randint(3, 12)):
        known = wire.read_state_vector(there.document.state_vector())
        for _ in range(chance.randint(1, 3)):
            try:
                there.receive_update(eve, wire.Update(hostile.update(chance, known), answer=True))
            except (Refused, wire.MalformedFrame):
                continue
        there.receive_update(ada, wire.Update(author.write("good ")))
        assert ada not in [who for who, _ in flush(there).refused]
    read_reach(there.state())
    again = room(there.state())
    first, second = (wire.read_state_vector(one.document.state_vector()) for one in (again, there))
    assert first == second
    assert first[author.doc.client_id] == len(str(author.text)) - len("seed ")


def test_the_first_letter_of_an_old_paragraph_is_not_paid_for_by_reading_what_stands_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    author = Author()
    blocks = author.doc.get("default", type=XmlFragment)
    texts = [blocks.children.append(XmlElement("paragraph")).children.append(XmlText()) for _ in range(500)]
    there, ada, read = room(author.doc.get_update()), peer(), 0
    there.join(ada)
    read_struct = structs._read_struct

    def count(data: bytes, at: int, clock: int) -> tuple[structs.Struct, int]:
        nonlocal read
        read += 1
        return read_struct(data, at, clock)

    monkeypatch.setattr(structs, "_read_struct", count)
    texts[0].insert(0, "x")
    there.receive_update(ada, wire.Update(author.updates[-1]))
    assert flush(there).refused == []
    assert read < 10


@pytest.mark.parametrize("clients", [1, 3, 8])
def test_whatever_stands_in_a_string_of_the_document_is_refused_of_how_many_clients_it_may_be(clients: int) -> None:
    arrays = b"".join(b"\x01" + bytes([client]) + b"\x00" + ARRAY for client in range(5, 5 + clients))
    strings = b"\x01\x04\x00" + STRING
    there, eve = room(bytes([clients + 1]) + arrays + strings + b"\x00"), peer()
    there.join(eve)
    inside = b"".join(b"\x08\x00" + bytes([client]) + b"\x00\x01\x7e" for client in range(5, 5 + clients))
    there.receive_update(eve, wire.Update(b"\x01" + bytes([clients]) + b"\x20\x00" + inside + b"\x00"))
    assert flush(there).refused == []
    there.receive_update(
        eve, wire.Update(b"\x01" + bytes([clients + 1]) + b"\x21\x00" + inside + b"\x08\x00\x04\x01\x01\x7e" + b"\x00")
    )
    assert flush(there).refused == [(eve, close.MALFORMED)]


def test_what_was_checked_on_a_thread_is_not_looked_into_again(monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author(seed())
    there, ada, ben = room(author.doc.get_update()), peer(), peer()
    there.join(ada)
    there.join(ben)
    other = Author(there.state())
    author.doc.get("default", type=XmlFragment).children.append(XmlElement("paragraph")).children.append(XmlText("🙂"))
    history = merge_updates(in_turns(400), author.doc.get_update())
    reach = read_reach(history)
    look = there.to_check(history, reach)
    assert look is not None
    checked = look()
    looked: list[int] = []
    pairs_in = vetting.Vetting._pairs_in

    def note(judge: vetting.Vetting, update: bytes, reach: Reach, known: Mapping[int, int]) -> set[structs.Id]:
        looked.append(len(update))
        return pairs_in(judge, update, reach, known)

    monkeypatch.setattr(vetting.Vetting, "_pairs_in", note)
    for before in (True, False):
        there.receive_update(ben, wire.Update(other.write("before " if before else "after ")))
        if before:
            there.receive_update(ada, wire.Update(history), reach, tried=0, checked=checked)
    assert flush(there).refused == []
    assert looked
    assert max(looked) < 100
    assert other.doc.client_id in wire.read_state_vector(there.document.state_vector())
    # The letter of two code units is known from then on.
    assert there.vetting.pairs == checked.pairs
    again = room(there.state())
    assert text_of(again.state()) == text_of(there.state())


def test_what_was_checked_before_its_client_went_on_is_checked_again() -> None:
    there, eve = room(seed()), peer()
    there.join(eve)
    history = in_turns(400)
    look = there.to_check(history, read_reach(history))
    assert look is not None
    checked = look()
    there.receive_update(eve, wire.Update(b"\x01\x01\x06\x00" + b"\x04\x01\x04text\x01x" + b"\x00"))
    with pytest.raises(NeedsChecking):
        there.receive_update(eve, wire.Update(history), checked=checked)


@pytest.mark.parametrize("name", ["a text in a string of before", "two that wait for one another"])
def test_what_would_stop_the_core_half_way_is_found_on_a_thread_as_well(name: str) -> None:
    there, eve = room(seed()), peer()
    there.join(eve)
    *first, last = HALF_WAY[name]
    for update in first:
        there.receive_update(eve, wire.Update(update))
    # What waits counts as there.
    look = there.to_check(last, read_reach(last))
    assert look is not None
    with pytest.raises(wire.MalformedFrame):
        look()

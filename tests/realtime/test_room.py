"""A room without sockets, tasks or time: what it applies, tells, refuses and acknowledges."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text, XmlElement, XmlFragment, XmlText, merge_updates

from realtime import close, wire
from realtime import room as room_module
from realtime.close import Refused
from realtime.ports import Committed, Epoch, Stored
from realtime.room import BrokenRoom, Flush, Limits, Peer, Room
from realtime.update import read_reach
from realtime.wire import MalformedFrame

from . import hostile
from .documents import (
    EMPTY_UPDATE,
    Author,
    behind_each,
    in_turns,
    inside_a_string,
    nested_arrays,
    peer,
    room,
    seed,
    sent,
    text_of,
)


def flush(room_: Room) -> Flush:
    """Flush, commit and relay at once."""
    flushed = room_.begin_flush()
    room_.saved(len(flushed.update))
    room_.acknowledge(flushed.senders)
    room_.relay(flushed)
    return flushed


def updates_for(reader: Peer) -> list[bytes]:
    return [m.update for m in map(wire.decode, sent(reader.outbox)) if isinstance(m, wire.Update)]


def messages_for(reader: Peer) -> list[wire.Message]:
    return [wire.decode(frame.removeprefix(reader.prefix)) for frame in sent(reader.outbox)]


def test_an_edit_reaches_the_others_and_not_its_sender() -> None:
    start = seed()
    there = room(start)
    ada, ben = peer(), peer()
    there.join(ada)
    there.join(ben)
    author = Author(start)
    there.receive_update(ada, wire.Update(author.write("hello")))
    assert not ben.outbox.awake  # not before it is flushed
    flush(there)
    assert [text_of(merge_updates(start, update)) for update in updates_for(ben)] == ["seed hello"]
    assert not ada.outbox.awake


def test_edits_of_several_senders_are_merged_once_and_reach_each_of_them() -> None:
    start = seed()
    there = room(start)
    ada, ben = peer(), peer()
    for one in (ada, ben):
        there.join(one)
        author = Author(start)
        for word in ("a", "b", "c"):
            there.receive_update(one, wire.Update(author.write(word)))
    flush(there)
    [to_ada], [to_ben] = updates_for(ada), updates_for(ben)
    assert to_ada == to_ben
    assert len(text_of(there.state())) == len("seed ") + 6


def test_each_sync_message_is_acknowledged_once_and_only_when_committed() -> None:
    start = seed()
    there = room(start)
    ada = peer(prefix=b"\x01d", acknowledged=True)
    there.join(ada)
    author = Author(start)
    for word in "abc":
        there.receive_update(ada, wire.Update(author.write(word)))
    flushed = there.begin_flush()
    there.relay(flushed)
    assert sent(ada.outbox) == []
    there.acknowledge(flushed.senders)
    assert sent(ada.outbox) == [b"\x01d" + wire.sync_status(saved=True)] * 3
    there.receive_update(ada, wire.Update(EMPTY_UPDATE, answer=True))
    assert sent(ada.outbox) == [b"\x01d" + wire.sync_status(saved=True)]


def test_a_newcomer_is_given_what_it_lacks_and_asked_for_what_it_has() -> None:
    start = seed()
    there = room(start)
    ada = peer()
    there.join(ada)
    there.receive_step_1(ada, b"\x00")
    answer, question = map(wire.decode, sent(ada.outbox))
    assert isinstance(answer, wire.Update)
    assert answer.answer
    assert text_of(answer.update) == "seed "
    assert isinstance(question, wire.SyncStep1)


def test_a_newcomer_is_never_shown_what_is_not_committed() -> None:
    start = seed()
    there = room(start)
    ada, ben = peer(), peer()
    there.join(ada)
    there.join(ben)
    there.receive_update(ada, wire.Update(Author(start).write("secret")))
    there.receive_step_1(ben, b"\x00")
    assert not ben.outbox.awake
    flush(there)
    assert "seed secret" in [text_of(merge_updates(start, update)) for update in updates_for(ben)]


def test_an_update_without_its_history_is_refused_and_nothing_of_it_stays() -> None:
    start = seed()
    there = room(start)
    eve = peer()
    there.join(eve)
    stranger = Author()
    stranger.write("first")
    before = there.state()
    lonely = stranger.write("second")
    there.receive_update(eve, wire.Update(lonely))
    with pytest.raises(Refused) as refusal:
        there.receive_update(eve, wire.Update(lonely, answer=True))
    assert refusal.value.close is close.MISSING_HISTORY
    assert not there.has_pending
    assert there.state() == before


def test_what_is_typed_before_the_answer_of_a_peer_that_comes_back_waits_for_it() -> None:
    """Found with real providers: they send the next keystroke at once, what was typed offline only when asked."""
    start = seed()
    there = room(start)
    ada, ben = peer(prefix=b"p", acknowledged=True), peer()
    there.join(ada)
    there.join(ben)
    author = Author(start)
    author.write("offline ")
    there.receive_step_1(ada, author.doc.get_state())
    asked = [message for message in messages_for(ada) if isinstance(message, wire.SyncStep1)]
    assert len(asked) == 1
    assert not there.receive_update(ada, wire.Update(author.write("typed ")))
    assert not there.receive_update(ada, wire.Update(author.write("on ")))
    assert messages_for(ada) == []
    answer = author.doc.get_update(asked[0].state_vector)
    assert there.receive_update(ada, wire.Update(answer, answer=True))
    flush(there)
    assert text_of(there.state()) == str(author.text)
    assert text_of(merge_updates(start, *updates_for(ben))) == str(author.text)
    assert list(sent(ada.outbox)).count(b"p" + wire.sync_status(saved=True)) == 3


def test_a_peer_is_asked_once_for_what_its_updates_build_on() -> None:
    start = seed()
    there = room(start)
    ada = peer()
    there.join(ada)
    author = Author(start)
    author.write("from another tab ")
    for words in ("one ", "two "):
        there.receive_update(ada, wire.Update(author.write(words)))
    assert [type(message) for message in messages_for(ada)] == [wire.SyncStep1]
    there.receive_update(ada, wire.Update(author.doc.get_update(), answer=True))
    flush(there)
    assert text_of(there.state()) == str(author.text)


def test_a_peer_that_never_answers_is_overdue() -> None:
    there = room()
    eve = peer()
    there.join(eve)
    there.receive_update(eve, wire.Update(Author(seed("elsewhere")).write("x")))
    assert there.overdue(100.0) == []
    assert there.overdue(120.0) == []
    assert there.overdue(131.0) == [eve]


def test_a_peer_cannot_fill_the_memory_with_updates_that_fit_nowhere() -> None:
    there = room()
    eve = peer()
    there.join(eve)
    lonely = wire.Update(Author(seed("elsewhere")).write("x" * 1000))
    with pytest.raises(Refused) as refusal:
        for _ in range(10_000):
            there.receive_update(eve, lonely)
    assert refusal.value.close is close.TOO_MANY_MESSAGES
    assert there.unsaved_bytes == 0


def test_a_peer_is_still_asked_what_it_has_when_its_queue_was_dropped() -> None:
    start = seed()
    there = room(start)
    ada, slow = peer(), peer(limit_bytes=300)
    there.join(ada)
    there.join(slow)
    there.receive_step_1(slow, b"\x00")
    author = Author(start)
    for number in range(200):
        there.receive_update(ada, wire.Update(author.write(f"{number} ")))
        flush(there)
    assert slow.outbox.behind
    slow.outbox.behind = False
    there.resync(slow, slow.has)
    assert [type(message) for message in messages_for(slow)] == [wire.Update, wire.SyncStep1]


def test_a_reader_may_sync_and_may_not_write() -> None:
    start = seed()
    there = room(start)
    reader = peer(may_write=False)
    there.join(reader)
    there.receive_step_1(reader, b"\x00")
    there.receive_update(reader, wire.Update(start, answer=True))
    with pytest.raises(Refused) as refusal:
        there.receive_update(reader, wire.Update(Author(start).write("x")))
    assert refusal.value.close is close.FORBIDDEN
    assert not there.has_pending


def test_said_again_is_acknowledged_but_neither_stored_nor_told() -> None:
    start = seed()
    there = room(start)
    ada, ben = peer(acknowledged=True, prefix=b"\x01d"), peer()
    there.join(ada)
    there.join(ben)
    there.receive_update(ada, wire.Update(start, answer=True))
    flushed = there.begin_flush()
    assert flushed.update == b""
    assert flushed.senders == Counter([ada])
    there.relay(flushed)
    assert not ben.outbox.awake
    assert there.unsaved_bytes == 0


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
    monkeypatch.setattr(room_module, "rehearse", lambda *_: None)


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


def test_types_cannot_be_nested_until_the_core_loses_its_stack() -> None:
    there = room(seed())
    eve = peer()
    there.join(eve)
    with pytest.raises(Refused) as refusal:
        there.receive_update(eve, wire.Update(nested_arrays(5000)))
    assert refusal.value.close is close.DOCUMENT_TOO_LARGE
    levels = 0
    with pytest.raises(Refused) as refusal:
        while levels < 5000:
            there.receive_update(eve, wire.Update(nested_arrays(50, clock=levels)))
            levels += 50
            if levels % 200 == 0:
                flush(there)
    assert refusal.value.close is close.DOCUMENT_TOO_LARGE
    assert 500 <= levels <= 1000


@pytest.mark.parametrize("letter", [b"\x04\x01\x04text\x01x", b"\x84\x05\x01\x01x"], ids=["first", "behind one"])
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
        there.receive_update(eve, wire.Update(flood))
    there.receive_update(ada, wire.Update(b"\x01\x01\x07\x00" + letter + b"\x00"))
    assert flush(there).refused == []


def test_a_deep_document_may_be_told_again() -> None:
    there, ada = room(nested_arrays(900)), peer()
    there.join(ada)
    for _ in range(3):
        there.receive_update(ada, wire.Update(there.state(), answer=True))
    there.receive_update(ada, wire.Update(nested_arrays(50, clock=900)))
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
        there.receive_update(ada, wire.Update(author.updates[-1]))
    flush(there)
    assert there.state() == author.doc.get_update()


def test_the_room_is_bounded_in_peers_in_size_and_in_what_waits() -> None:
    start = seed()
    full = room(start, Limits(peers=1))
    full.join(peer())
    with pytest.raises(Refused) as refusal:
        full.join(peer())
    assert refusal.value.close is close.ROOM_FULL

    shared = room(start, Limits(peers=3, peers_per_person=2))
    shared.join(peer())
    shared.join(peer())
    with pytest.raises(Refused) as refusal:
        shared.join(peer())
    assert refusal.value.close is close.TOO_MANY_OWN
    somebody_else = peer()
    somebody_else.user = {"id": "2", "name": "Ben"}
    shared.join(somebody_else)

    small = room(start, Limits(document_bytes=200))
    ada = peer()
    small.join(ada)
    with pytest.raises(Refused) as refusal:
        small.receive_update(ada, wire.Update(Author(start).write("x" * 300)))
    assert refusal.value.close is close.DOCUMENT_TOO_LARGE

    stalled = room(start, Limits(unsaved_bytes=100))
    stalled.join(ada)
    author = Author(start)
    with pytest.raises(Refused) as refusal:
        for _ in range(100):
            stalled.receive_update(ada, wire.Update(author.write("x")))
            stalled.relay(stalled.begin_flush())
    assert refusal.value.close is close.NOT_SAVING


def test_a_peer_whose_queue_was_dropped_gets_one_difference_that_holds_all_of_it() -> None:
    start = seed()
    there = room(start)
    ada, slow = peer(), peer(limit_bytes=300)
    there.join(ada)
    there.join(slow)
    slow_doc = Author(start)
    author = Author(start)
    there.receive_step_1(slow, slow_doc.doc.get_state())
    for frame in updates_for(slow):
        slow_doc.hear(frame)
    for number in range(200):
        there.receive_update(ada, wire.Update(author.write(f"{number} ")))
        flush(there)
    assert slow.outbox.behind
    assert slow.outbox.waiting_bytes <= 300
    slow.outbox.behind = False
    there.resync(slow, slow.has)
    [difference] = updates_for(slow)
    slow_doc.hear(difference)
    assert str(slow_doc.text) == str(author.text)
    assert len(difference) < len(there.state())


def test_a_difference_that_is_dropped_again_is_made_again_from_what_the_peer_has() -> None:
    start = seed()
    there = room(start)
    ada, slow = peer(), peer(limit_bytes=300)
    there.join(ada)
    there.join(slow)
    author, slow_doc = Author(start), Author(start)
    there.receive_step_1(slow, slow_doc.doc.get_state())
    has = slow.has

    def write(times: int) -> None:
        for number in range(times):
            there.receive_update(ada, wire.Update(author.write(f"{number} ")))
            flush(there)

    sent(slow.outbox)
    write(100)
    assert slow.outbox.behind
    # It drains, and before its turn comes it is told newer things, which do not make it have the older ones.
    slow.outbox.take()
    slow.outbox.behind = False
    write(1)
    sent(slow.outbox)
    write(1)
    sent(slow.outbox)
    there.resync(slow, has)
    write(100)
    assert slow.outbox.behind
    slow.outbox.take()
    slow.outbox.behind = False
    there.resync(slow, slow.has)
    [difference] = updates_for(slow)
    slow_doc.hear(difference)
    assert str(slow_doc.text) == str(author.text)


def test_updates_of_other_processes_are_taken_once_in_any_order_and_gaps_are_known() -> None:
    start = seed()
    there = room(start)
    ben = peer()
    there.join(ben)
    author = Author(start)
    second, third = author.write("b"), author.write("c")
    there.receive_committed(Committed(document_id=there.document_id, seq=3, update=b""))
    assert there.lacks
    there.receive_committed(Committed(document_id=there.document_id, seq=2, update=second))
    there.receive_committed(Committed(document_id=there.document_id, seq=2, update=second))
    assert (there.seq, there.lacks) == (2, True)
    there.catch_up(Stored(epoch=there.epoch, seq=3, updates=[third]))
    assert (there.seq, there.lacks) == (3, False)
    assert text_of(there.state()) == "seed bc"
    assert updates_for(ben) == [second, third]


@pytest.mark.parametrize("waits", [False, True])
def test_peers_get_all_of_what_other_processes_bring_in_the_wrong_order(*, waits: bool) -> None:
    start = seed()
    there = room(start)
    ada, ben = peer(), peer()
    there.join(ada)
    there.join(ben)
    author = Author(start)
    second, third = author.write("one "), author.write("two ")
    if waits:
        # Its author came over from the other process, says it again, and it is not applied yet.
        there.receive_update(ada, wire.Update(second))
    there.receive_committed(Committed(document_id=there.document_id, seq=3, update=third))
    there.receive_committed(Committed(document_id=there.document_id, seq=2, update=second))
    assert there.lacks
    there.catch_up(Stored(epoch=there.epoch, seq=3, updates=[second, third]))
    assert not there.lacks
    flush(there)
    reader = Author(start)
    for update in updates_for(ben):
        reader.hear(update)
    assert str(reader.text) == text_of(there.state()) == "seed one two "


def test_what_the_core_would_compare_for_seconds_is_refused() -> None:
    there = room()
    ada, ben = peer(), peer()
    there.join(ada)
    there.join(ben)
    # Two people who wrote in turns: nothing stands behind any of their structs when it comes.
    there.receive_update(ada, wire.Update(in_turns(4000)))
    flush(there)
    there.receive_update(ben, wire.Update(behind_each(1000, of=2000)))
    flush(there)
    with pytest.raises(MalformedFrame, match="too long"):
        there.receive_update(ben, wire.Update(behind_each(2000, of=2000, by=3 * 2**29)))
    assert not there.has_pending


def test_a_log_that_cannot_be_read_is_never_opened_as_an_empty_document() -> None:
    for updates in ([], [b"\xff\xff"]):
        with pytest.raises(ValueError, match=r".+"):
            room_of(updates)


def room_of(updates: list[bytes]) -> Room:
    from realtime.ports import DocumentId

    return Room(DocumentId("d"), Stored(epoch=Epoch("e"), seq=1, updates=updates), Limits())


@settings(max_examples=40, deadline=None)
@given(seed_number=st.integers(0, 2**32), authors=st.integers(1, 4), edits=st.integers(1, 40))
def test_any_order_and_grouping_joined_early_or_late_gives_the_same_document(
    seed_number: int, authors: int, edits: int
) -> None:
    """Clients type concurrently; the room takes their updates in any interleaving and any grouping into flushes."""
    chance = random.Random(seed_number)
    start = seed()
    there = room(start)
    writers = [(Author(start), peer()) for _ in range(authors)]
    for _, seat in writers:
        there.join(seat)
    queues: list[list[bytes]] = [[] for _ in writers]
    for _ in range(edits):
        number = chance.randrange(authors)
        author = writers[number][0]
        length = len(str(author.text))
        if length > 2 and chance.random() < 0.3:
            at = chance.randrange(length - 1)
            queues[number].append(author.delete(at, at + 1))
        else:
            queues[number].append(author.write(chance.choice(["x", "é", "🙂", "words "]), chance.randrange(length + 1)))
    late = None
    while any(queues):
        number = chance.choice([n for n, queue in enumerate(queues) if queue])
        there.receive_update(writers[number][1], wire.Update(queues[number].pop(0)))
        if chance.random() < 0.3:
            flush(there)
        if late is None and chance.random() < 0.1:
            late = Author()
            seat = peer()
            there.join(seat)
            there.receive_step_1(seat, late.doc.get_state())
            writers.append((late, seat))
    flush(there)
    for author, seat in writers:
        for update in updates_for(seat):
            author.hear(update)
    texts = {str(author.text) for author, _ in writers} | {text_of(there.state())}
    assert len(texts) == 1
    fresh: Doc[Any] = Doc()
    fresh.apply_update(there.state())
    assert str(fresh.get("text", type=Text)) in texts


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

"""A room without sockets, tasks or time: what it applies, tells, refuses and acknowledges."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text, merge_updates

from realtime import close, wire
from realtime.audience import Peer
from realtime.close import Refused
from realtime.ports import Committed, Epoch, Stored
from realtime.room import Limits, Room

from .documents import (
    EMPTY_UPDATE,
    Author,
    flush,
    peer,
    room,
    seed,
    sent,
    text_of,
    updates_for,
)


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


def test_one_large_answer_waits_for_a_peer_at_a_time_and_the_newest_question_is_kept() -> None:
    start = seed("x" * 50_000)
    there = room(start)
    ada = peer()
    there.join(ada)
    for number in range(5):
        there.receive_step_1(ada, b"\x01" + wire.write_var_uint(number + 1) + b"\x01")
    there.receive_update(ada, wire.Update(Author(start).write("more")))
    there.receive_step_1(ada, b"\x01\x07\x01")
    flush(there)
    answers = updates_for(ada)
    assert [text_of(answer) for answer in answers] == ["x" * 50_000]
    assert (ada.outbox.postponed, ada.question) == (True, b"\x01\x07\x01")
    there.receive_step_1(ada, b"\x01\x07\x01")
    assert [text_of(answer) for answer in updates_for(ada)] == ["x" * 50_000 + "more"]


def test_all_who_have_nothing_of_a_document_are_sent_the_same_bytes() -> None:
    there = room(seed("x" * 50_000))
    whole = there.state()
    for vector in (b"\x00", b"\x01\x63\x01", b"\x02\x63\x01\x64\x05"):
        ada = peer()
        there.join(ada)
        there.receive_step_1(ada, vector)
        assert any(part is whole for part in ada.outbox.take())


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


def test_a_reader_tells_unasked_what_its_browser_kept_and_still_deletes_nothing() -> None:
    author = Author(seed("Some words"))
    del author.text[0:5]
    start = author.doc.get_update()
    there = room(start)
    reader = peer(may_write=False)
    there.join(reader)
    there.receive_update(reader, wire.Update(start))
    assert not there.has_pending
    before = author.doc.get_state()
    del author.text[0:2]
    with pytest.raises(Refused) as refusal:
        there.receive_update(reader, wire.Update(author.doc.get_update(before)))
    assert refusal.value.close is close.FORBIDDEN


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

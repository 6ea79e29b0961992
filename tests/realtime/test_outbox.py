"""The outbox: bounded, presence merged, and honest about what it dropped."""

from realtime import awareness, wire
from realtime.awareness import Entry
from realtime.outbox import Outbox

from .documents import sent


def make(limit_bytes: int = 100) -> tuple[Outbox, list[int]]:
    woken: list[int] = []
    return Outbox(limit_bytes=limit_bytes, wake=lambda: woken.append(1)), woken


def test_frames_leave_in_order() -> None:
    outbox, woken = make()
    outbox.put(b"a")
    outbox.put(b"b")
    assert woken
    assert outbox.awake
    assert sent(outbox) == [b"a", b"b"]
    assert not outbox.awake


def test_the_bound_drops_the_queue_and_marks_it_behind() -> None:
    outbox, _ = make(limit_bytes=10)
    for _ in range(1000):
        outbox.put(b"xxxx")
    assert outbox.behind
    assert outbox.waiting_bytes == 0
    assert sent(outbox) == []
    assert outbox.dropped == 1


def test_presence_is_merged_newest_first_and_once_per_document() -> None:
    outbox, _ = make()
    old, new, other = Entry(1, 1, "{}"), Entry(1, 2, "{}"), Entry(2, 1, "{}")
    outbox.put_presence(b"", {1: old.encode()})
    outbox.put_presence(b"", {1: new.encode(), 2: other.encode()})
    outbox.put_presence(b"\x01d", {2: other.encode()})
    first, second = sent(outbox)
    message = wire.decode(first)
    assert isinstance(message, wire.AwarenessUpdate)
    assert awareness.decode(message.payload) == [new, other]
    assert second.startswith(b"\x01d")


def test_presence_does_not_share_its_entries_with_other_peers() -> None:
    outbox, _ = make()
    shared = {1: Entry(1, 1, "{}").encode()}
    outbox.put_presence(b"", shared)
    outbox.put_presence(b"", {2: Entry(2, 1, "{}").encode()})
    assert list(shared) == [1]


def test_questions_and_acknowledgements_outlive_a_dropped_queue() -> None:
    outbox, _ = make(limit_bytes=10)
    outbox.put_question(b"p", b"p-old")
    outbox.put_question(b"p", b"p-new")
    outbox.put_saved(b"p", 1)
    for _ in range(10):
        outbox.put(b"xxxx")
    outbox.put_saved(b"p", 2)
    assert outbox.behind
    assert sent(outbox) == [b"p-new", *[b"p" + wire.sync_status(saved=True)] * 3]


def test_nothing_is_said_about_a_document_that_was_left() -> None:
    outbox, _ = make()
    outbox.put_question(b"p", b"p-question")
    outbox.put_saved(b"p", 1)
    outbox.put_saved(b"q", 1)
    outbox.forget(b"p")
    assert sent(outbox) == [b"q" + wire.sync_status(saved=True)]

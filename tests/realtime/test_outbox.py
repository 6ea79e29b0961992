"""The outbox: bounded, presence merged, and honest about what it dropped."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from realtime import awareness, websocket, wire
from realtime.awareness import Entry
from realtime.outbox import Deliveries, Outbox

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


@dataclass
class _Taker:
    """A connection that takes all that waits."""

    name: str
    waiting_bytes: int
    taken: list[str]

    def deliver(self) -> None:
        self.taken.append(self.name)


def test_many_large_answers_go_out_some_at_a_time_and_small_ones_before_them() -> None:
    turns: deque[Callable[[], None]] = deque()
    deliveries, taken = Deliveries(turns.append), list[str]()
    for number in range(5):
        deliveries.add(_Taker(f"large {number}", 1024 * 1024, taken))
    deliveries.add(_Taker("small", 100, taken))
    by_turn = []
    while turns:
        turns.popleft()()
        by_turn.append(taken.copy())
        taken.clear()
    assert by_turn == [["small"], ["large 0", "large 1"], ["large 2", "large 3"], ["large 4"]]


def test_a_large_message_is_queued_without_a_copy_and_bounded_like_any_other() -> None:
    woken = []
    outbox = Outbox(limit_bytes=100_000, wake=lambda: woken.append(True))
    body = bytes(80_000)
    outbox.put_large(b"head", body)
    assert woken == [True]
    assert outbox.waiting_bytes == len(body) + 4 + 10
    outbox.put_large(b"head", body)
    assert outbox.behind
    assert outbox.take() == []
    outbox.behind = False
    outbox.put_large(b"head", body)
    start, same = outbox.take()
    assert start + same == websocket.frame(b"head" + body)
    assert same is body

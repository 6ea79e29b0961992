"""Several processes' stock as one list, and amounts in words."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from server.operations.stock import MOST_ROOMS, ProcessStock, RoomStock, merge, total
from server.operations.words import duration, size

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


def room(document_id: UUID, **figures: Any) -> RoomStock:
    nothing: dict[str, Any] = dict.fromkeys(("peers", "size_bytes", "unsaved_bytes", "waiting_bytes", "slow_peers"), 0)
    known = {"document_id": document_id, "is_built": False, "pause_seconds": 0.0, "idle_seconds": None}
    return RoomStock(**{**nothing, **known, **figures})


def process(name: str, *rooms: RoomStock, **figures: Any) -> ProcessStock:
    totals: dict[str, Any] = {
        "rooms": len(rooms),
        "built": 0,
        "last_commit_seconds": 0.0,
        **{
            figure: sum(getattr(each, figure) for each in rooms)
            for figure in ("peers", "size_bytes", "unsaved_bytes", "waiting_bytes", "slow_peers")
        },
    }
    return ProcessStock(name=name, largest=rooms, **{**totals, **figures})


def test_a_document_in_two_processes_is_one_line() -> None:
    processes = [
        process("a", room(ONE, peers=2, size_bytes=100, unsaved_bytes=5, pause_seconds=0.01)),
        process("b", room(ONE, peers=3, size_bytes=90, idle_seconds=None, is_built=True), room(TWO, idle_seconds=9.0)),
    ]
    one, two = merge(processes)
    assert (one.document_id, one.processes, one.peers, one.size_bytes, one.unsaved_bytes) == (ONE, 2, 5, 100, 5)
    assert (one.is_built, one.pause_seconds) == (True, 0.01)
    assert (two.document_id, two.processes, two.idle_seconds) == (TWO, 1, 9.0)


def test_a_document_is_idle_only_if_it_is_so_everywhere() -> None:
    (one,) = merge([process("a", room(ONE, idle_seconds=5.0)), process("b", room(ONE, peers=1))])
    assert one.idle_seconds is None
    (one,) = merge([process("a", room(ONE, idle_seconds=5.0)), process("b", room(ONE, idle_seconds=2.0))])
    assert one.idle_seconds == 2.0


def test_trouble_comes_first_then_people_and_then_size_whatever_the_order_of_processes() -> None:
    rooms = [room(ONE, peers=9), room(TWO, peers=1, slow_peers=1), room(THREE, peers=9, size_bytes=10)]
    for order in (rooms, rooms[::-1]):
        found = merge([process(str(number), each) for number, each in enumerate(order)])
        assert [each.document_id for each in found] == [TWO, THREE, ONE]
    assert len(merge([process("a", *rooms)], most=2)) == 2


def test_totals_count_rooms_that_are_not_described_too() -> None:
    totals = total(
        [
            process("a", room(ONE, peers=2), rooms=5000, last_commit_seconds=0.001),
            process("b", room(ONE, peers=3, waiting_bytes=7), last_commit_seconds=0.02),
        ]
    )
    assert (totals.documents, totals.peers, totals.waiting_bytes, totals.slowest_commit_seconds) == (5000, 5, 7, 0.02)


def test_a_stock_that_cannot_be_is_refused() -> None:
    for wrong in ({"peers": -1}, {"size_bytes": 10**400 - 10**401}, {"pause_seconds": float("inf")}):
        with pytest.raises(ValidationError):
            room(ONE, **wrong)
    with pytest.raises(ValidationError):
        process("a", *(room(uuid4()) for _ in range(MOST_ROOMS + 1)))
    with pytest.raises(ValidationError):
        process("a" * 1000)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (10 * 1024, "10 KB"),
        (1023 * 1024, "1.0 MB"),
        (64 * 1024**2, "64 MB"),
        (5 * 1024**5, "5120 TB"),
    ],
)
def test_sizes_in_words(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0004, "0.4 ms"),
        (0.0124, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (1.34, "1.3 s"),
        (40.2, "40 s"),
        (99.6, "2 min"),
        (300, "5 min"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words

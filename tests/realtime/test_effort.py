"""What the core may take long for: deletions that cut a long text to pieces, and what waits together for a flush."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import wire
from realtime.effort import NeedsTrial, without_known_deletions
from realtime.memory import MemoryLog
from realtime.trial import Trials
from realtime.update import read_reach
from realtime.wire import MalformedFrame, write_var_uint

from .documents import Author, flush, peer, room
from .test_hub import create, enter, hub

pytestmark = pytest.mark.anyio

ranges = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=12)


def long_text(letters: int) -> bytes:
    """A text of client 5 that is one struct."""
    return b"\x01\x01\x05\x00" + b"\x04\x01\x04text" + write_var_uint(letters) + b"a" * letters + b"\x00"


def deletions(of: list[tuple[int, int]], *, client: int = 5) -> bytes:
    """An update that deletes these clocks, each a start and a length, and nothing else."""
    head = b"\x00\x01" + write_var_uint(client) + write_var_uint(len(of))
    return head + b"".join(write_var_uint(start) + write_var_uint(length) for start, length in of)


def holes(count: int) -> bytes:
    """Every other letter, from the last to the first: dear, since the core copies what is behind each."""
    return deletions([(2 * number, 1) for number in range(count - 1, -1, -1)])


def test_deletions_that_may_cut_a_long_text_to_pieces_must_be_tried_first() -> None:
    eve = peer()
    long, short = room(long_text(1_000_000)), room(long_text(10_000))
    for there in (long, short):
        there.adopt(there.build())
        there.join(eve)
    assert read_reach(holes(3_000)).deletions == 3_000
    with pytest.raises(NeedsTrial):
        long.receive_update(eve, wire.Update(holes(3_000)))
    assert not long.has_pending
    short.receive_update(eve, wire.Update(holes(3_000)))
    assert flush(short).refused == []


async def test_deletions_of_which_the_core_makes_seconds_are_ended() -> None:
    with pytest.raises(MalformedFrame, match="too long"):
        await Trials().run([long_text(4_000_000)], holes(20_000))


async def test_who_tells_again_of_all_that_was_ever_deleted_waits_for_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = 0

    async def run(*_: object) -> float:
        nonlocal tried
        tried += 1
        return 0.0

    monkeypatch.setattr(Trials, "run", run)
    log = MemoryLog()
    document_id = create(log, long_text(1_000_000))
    async with hub(log) as running:
        ada = peer()
        there, _ = await enter(running, document_id, ada)
        await running.get_ready(there)
        for number, expected in ((3_000, 1), (3_000, 1), (3_001, 1), (9_000, 2)):
            update = holes(number)
            with pytest.raises(NeedsTrial):
                running.receive(there, ada, wire.Update(update))
            reach, _ = await running.try_out(there, update, read_reach(update))
            running.receive(there, ada, wire.Update(update), reach=reach, tried=True)
            assert tried == expected
            while there.has_pending or running.saving:
                await asyncio.sleep(0)


@given(ranges, ranges)
def test_only_ranges_with_something_new_in_them_are_counted(
    known: list[tuple[int, int]], told: list[tuple[int, int]]
) -> None:
    deleted = {clock for start, length in known for clock in range(start, start + length)}
    fresh = sum(not deleted.issuperset(range(start, start + length)) for start, length in told)
    update = deletions(told)
    assert without_known_deletions(read_reach(update), update, deletions(known)).deletions == fresh


def test_a_document_knows_what_was_ever_deleted_of_it() -> None:
    ada = Author()
    ada.write("some words")
    for start in (7, 4, 1):
        ada.delete(start, start + 2)
    there = room(ada.doc.get_update())
    reach, whole = read_reach(there.state()), there.state()
    assert reach.deletions > 1
    assert without_known_deletions(reach, whole, there.document.deletions()).deletions == 0

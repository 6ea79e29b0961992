"""What the core may take long for: deletions that cut a long text to pieces, and what waits together for a flush."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from realtime import effort, flushing, wire
from realtime.audience import Peer
from realtime.door import ConnectionLimits
from realtime.effort import Effort, NeedsFlush, NeedsTrial, without_known_deletions
from realtime.memory import MemoryLog
from realtime.room import Flush, Room
from realtime.trial import Trials
from realtime.update import read_reach
from realtime.wire import MalformedFrame, write_var_uint

from .documents import EMPTY_UPDATE, Author, far_apart, flush, in_turns, peer, room, seed
from .test_endpoint import collab, serving
from .test_hub import create, enter, hub, until

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
        await Trials().run(lambda: [long_text(4_000_000)], holes(20_000), person="eve", pay=lambda _: None)


async def test_who_tells_again_of_all_that_was_ever_deleted_waits_for_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = 0

    async def run(*_: object, **__: object) -> None:
        nonlocal tried
        tried += 1

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
            reach, grown = await running.examining.try_out(there, ada, update, read_reach(update), pay=lambda _: None)
            running.receive(there, ada, wire.Update(update), reach=reach, tried=grown)
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


def other(name: str) -> Peer:
    one = peer()
    one.user = {"id": name, "name": name}
    return one


def letters(there: Room, who: Peer, count: int, *, by: int) -> int:
    """Let somebody send letters, each between the first and the last of a document. Returns how many may wait."""
    for number in range(count):
        try:
            there.receive_update(who, wire.Update(far_apart(1, (5, 0), (6, 9_999), by=by + number)))
        except NeedsFlush:
            return number
    return count


def test_a_person_has_only_so_much_wait_for_a_flush_and_takes_nothing_from_the_others() -> None:
    there = room(in_turns(20_000))
    there.adopt(there.build())
    eve, also_eve, ada = other("eve"), other("eve"), other("ada")
    for one in (eve, also_eve, ada):
        there.join(one)
    sent = letters(there, eve, 1_000, by=1_000)
    # Less than one update may bring untried.
    assert not there.is_dear(read_reach(far_apart(sent, (5, 0), (6, 9_999))))
    assert there.is_dear(read_reach(far_apart(sent * 8, (5, 0), (6, 9_999))))
    assert letters(there, also_eve, 1, by=3_000) == 0
    assert letters(there, ada, 10, by=4_000) == 10
    # What stands behind one's own last letter costs nothing.
    there.receive_update(ada, wire.Update(b"\x01\x01\x09\x00" + b"\x84\x06\x8f\x4e\x01x" + b"\x00"))
    for clock in range(1, 500):
        letter = b"\x84\x09" + write_var_uint(clock - 1) + b"\x01x"
        there.receive_update(ada, wire.Update(b"\x01\x01\x09" + write_var_uint(clock) + letter + b"\x00"))
    assert flush(there).refused == []
    assert letters(there, eve, 10, by=5_000) == 10


def test_one_letter_may_always_wait_however_large_the_document() -> None:
    effort, reach = Effort(), read_reach(far_apart(1, (5, 0), (6, 1)))
    effort.check(reach, {}, 2**40, person="ada")
    effort.add(reach, "ada")
    effort.check(reach, {}, 2**40, person="ben")
    with pytest.raises(NeedsFlush):
        effort.check(reach, {}, 2**40, person="ada")
    # Nor does it cost anything to be told again what is there.
    effort.check(reach, {9: 1}, 2**40, person="ada")


def test_nothing_large_comes_between_what_waits_and_its_neighbours() -> None:
    there, eve, ada = room(in_turns(2)), other("eve"), other("ada")
    there.join(eve)
    there.join(ada)
    chain = [b"\xc1\x05\x00\x06\x00\x01", *(b"\xc1\x08" + write_var_uint(n) + b"\x06\x00\x01" for n in range(9_999))]
    many = b"\x01" + write_var_uint(len(chain)) + b"\x08\x00" + b"".join(chain) + b"\x00"
    there.receive_update(eve, wire.Update(far_apart(500, (5, 0), (6, 0))))
    with pytest.raises(NeedsFlush):
        there.receive_update(ada, wire.Update(many), tried=there.effort.grown)
    flush(there)
    there.receive_update(ada, wire.Update(many), tried=there.effort.grown)
    assert flush(there).refused == []


async def test_whose_letters_are_dear_is_read_no_further_until_the_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0
    begin_flush = Room.begin_flush

    def count(there: Room) -> Flush:
        nonlocal most
        flushed = begin_flush(there)
        most = max([most, *flushed.senders.values()])
        return flushed

    monkeypatch.setattr(Room, "begin_flush", count)
    monkeypatch.setattr(effort, "_CHEAP_SECONDS", 0.0)
    async with serving(ConnectionLimits(work_burst=1e6)) as running, connect(collab(running)) as eve:
        await eve.send(wire.sync_update(in_turns(20_000)))
        await until(lambda: running.hub.live_rooms and _has(running.hub.live_rooms[0].room, 6))
        there = running.hub.live_rooms[0].room
        most = 0
        for number in range(100):
            await eve.send(wire.sync_update(far_apart(1, (5, 0), (6, 9_999), by=1_000 + number)))
        await until(lambda: _has(there, 1_099))
        assert 1 <= most <= 500_000_000 // (100 * len(in_turns(20_000)))


def test_what_turns_out_cheap_lets_more_wait_and_what_is_dear_as_little_as_at_first() -> None:
    letter = read_reach(far_apart(1, (5, 0), (6, 9_999), by=1_000))

    def most(reckoned: Effort) -> int:
        for number in range(100_000):
            try:
                reckoned.check(letter, {}, 1_000_000, person="eve")
            except NeedsFlush:
                reckoned.take()
                return number
            reckoned.add(letter, "eve")
        raise AssertionError

    reckoned = Effort()
    first = most(reckoned)
    reckoned.learn(0.001)
    assert most(reckoned) > first
    for _ in range(20):
        reckoned.learn(0.001)
    assert most(reckoned) <= 64 * first + 64
    reckoned.learn(0.5)
    assert most(reckoned) == first


def _has(there: Room, client: int) -> bool:
    return client in wire.read_state_vector(there.document.state_vector())


async def test_who_sent_what_may_be_dear_pays_for_a_dear_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushing, "_DEAR_SECONDS", 0.0)
    log = MemoryLog()
    document_id = create(log, in_turns(4_000))
    async with hub(log) as running:
        ada, eve = other("ada"), other("eve")
        there, _ = await enter(running, document_id, ada)
        await enter(running, document_id, eve)
        running.receive(there, ada, wire.Update(b"\x01\x01\x07\x00" + b"\x04\x01\x04note\x01x" + b"\x00"))
        await until(lambda: not there.has_pending and not running.saving)
        ada.debt_seconds = 0.0
        running.receive(there, eve, wire.Update(far_apart(20, (5, 0), (6, 1_999))))
        running.receive(there, ada, wire.Update(b"\x01\x01\x07\x01" + b"\x84\x07\x00\x01x" + b"\x00"))
        await until(lambda: eve.debt_seconds)
        assert 0 < 1_000 * ada.debt_seconds < eve.debt_seconds


async def test_what_was_tried_before_much_came_between_is_tried_again() -> None:
    there, eve, ada = room(in_turns(2)), other("eve"), other("ada")
    there.join(eve)
    there.join(ada)
    far = far_apart(3_000, (5, 0), (6, 0))
    with pytest.raises(NeedsTrial):
        there.receive_update(eve, wire.Update(far))
    before = there.effort.grown
    # Letters that are typed meanwhile change nothing of what was found out.
    there.receive_update(ada, wire.Update(b"\x01\x01\x07\x00" + b"\x84\x06\x00\x01x" + b"\x00"))
    for clock in range(1, 2_000):
        letter = b"\x84\x07" + write_var_uint(clock - 1) + b"\x01x"
        there.receive_update(ada, wire.Update(b"\x01\x01\x07" + write_var_uint(clock) + letter + b"\x00"))
    embeds = (b"\x85\x08" + write_var_uint(clock) + b"\x011" for clock in range(1_999))
    between = b"\xc5\x05\x00\x06\x00\x011" + b"".join(embeds)
    there.receive_update(ada, wire.Update(b"\x01" + write_var_uint(2_000) + b"\x08\x00" + between + b"\x00"))
    with pytest.raises(NeedsTrial):
        there.receive_update(eve, wire.Update(far), tried=before)
    there.receive_update(eve, wire.Update(far), tried=there.effort.grown)


async def test_a_trial_is_made_of_what_the_document_is_when_its_turn_has_come() -> None:
    trials, asked = Trials(), list[str]()

    def document(name: str) -> list[bytes]:
        asked.append(name)
        return [seed()]

    def ask(name: str) -> asyncio.Task[None]:
        return asyncio.create_task(trials.run(lambda: document(name), EMPTY_UPDATE, person="ada", pay=lambda _: None))

    tasks = [ask("first"), ask("second")]
    await until(lambda: asked)
    assert asked == ["first"]
    await asyncio.gather(*tasks)
    assert asked == ["first", "second"]

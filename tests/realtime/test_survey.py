"""What the hub holds and has done, as it is shown to people who look after it."""

from collections.abc import Collection

import pytest

from realtime import wire
from realtime.memory import MemoryLog
from realtime.outbox import Outbox
from realtime.ports import DocumentId
from realtime.survey import survey

from .documents import Author, peer, seed
from .test_hub import create, enter, hub, until

pytestmark = pytest.mark.anyio


async def test_a_survey_adds_all_rooms_up_and_describes_the_largest() -> None:
    log = MemoryLog()
    small, large = create(log, seed()), create(log, seed("a longer text " * 100))
    async with hub(log) as running:
        ada, ben, cyd = peer(), peer(), peer()
        await enter(running, small, ada)
        await enter(running, large, ben)
        room, _ = await enter(running, large, cyd)
        cyd.outbox.put(b"12345")
        seen = survey(running, now=0.0, most=1)
        assert (seen.rooms, seen.built, seen.peers, seen.slow_peers) == (2, 2, 3, 0)
        assert seen.waiting_bytes == 7
        assert seen.size_bytes > seen.largest_bytes == room.size_bytes
        (described,) = seen.largest
        assert (described.document_id, described.peers, described.waiting_bytes) == (large, 2, 7)
        assert described.idle_seconds is None
        running.part(room, cyd)
        running.part(room, ben)
        (described,) = survey(running, now=10_000_000.0, most=1).largest
        assert described.idle_seconds is not None
        assert described.idle_seconds > 0


async def test_who_does_not_read_is_counted_once_and_what_was_dropped_for_ever() -> None:
    log = MemoryLog()
    document_id = create(log, seed())
    before = Outbox.dropped_by_all
    async with hub(log) as running:
        ada = peer()
        await enter(running, document_id, ada)
        ada.outbox.put(b"x" * 10)
        ada.outbox.put(b"x" * 100_000_000)
        assert ada.outbox.behind
        seen = survey(running, now=0.0, most=5)
        assert (seen.slow_peers, seen.largest[0].slow_peers, seen.waiting_bytes) == (1, 1, 0)
    assert Outbox.dropped_by_all == before + 1


async def test_updates_are_counted_as_they_come_are_merged_and_are_told() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log) as running:
        ada, ben, cyd = peer(), peer(), peer()
        room, _ = await enter(running, document_id, ada)
        for other in (ben, cyd):
            await enter(running, document_id, other)
        author = Author(start)
        for words in ("one", "two", "three"):
            running.receive(room, ada, wire.Update(author.write(words)))
        await until(lambda: ben.outbox.awake and cyd.outbox.awake)
        counts = running.counts
        assert (counts.updates_received, counts.updates_merged) == (3, 1)
        assert counts.deliveries == 2, "to all but the only sender"
        await until(lambda: running.saving.counts.commits)
        assert running.saving.counts.last_seconds == running.saving.counts.seconds > 0
        # Two senders each lack what the other wrote.
        running.receive(room, ben, wire.Update(Author(start).write("four")))
        running.receive(room, cyd, wire.Update(Author(start).write("five")))
        await until(lambda: running.counts.updates_merged == 2)
        await until(lambda: running.counts.deliveries == 5)


async def test_what_took_long_is_told_with_its_document() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    told: list[tuple[str, list[DocumentId]]] = []

    def hear(what: str, seconds: float, documents: Collection[DocumentId]) -> None:
        assert seconds >= 0
        told.append((what, list(documents)))

    async with hub(log) as running:
        ada = peer()
        room, _ = await enter(running, document_id, ada)
        running.counts.when_slow = hear
        running.receive(room, ada, wire.Update(Author(start).write("quick enough")))
        await until(lambda: running.saving.counts.commits)
        assert told == []
        running.counts.slow_seconds = 0.0
        running.receive(room, ada, wire.Update(Author(start).write("and again")))
        await until(lambda: ("flush", [document_id]) in told)

"""The hub with the ports in memory: opening, committing, relaying, catching up, evicting, stopping."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from realtime import close, flushing, vetting, wire
from realtime.audience import Peer
from realtime.awareness import Entry, encode
from realtime.close import Close, Refused
from realtime.hub import Hub, Timing
from realtime.memory import MemoryBus, MemoryLog
from realtime.ports import Append, Bus, DocumentId
from realtime.room import Limits, Room
from realtime.settling import Settle, Wrote

from .documents import Author, inside_a_string, nested_arrays, peer, seed, sent, text_of

pytestmark = pytest.mark.anyio

SHORT = Timing(idle_seconds=0.0, settle_after_seconds=0.0, commit_limit_seconds=2, load_limit_seconds=2)


class LoopClock:
    def now(self) -> float:
        return asyncio.get_running_loop().time()


@asynccontextmanager
async def hub(
    log: MemoryLog,
    bus: Bus | None = None,
    *,
    timing: Timing | None = None,
    limits: Limits | None = None,
    settle: Settle | None = None,
) -> AsyncIterator[Hub]:
    async with Hub(
        log=log,
        bus=bus or MemoryBus().node(),
        clock=LoopClock(),
        node=str(uuid4()),
        timing=timing or Timing(),
        limits=limits,
        settle=settle,
    ) as running:
        yield running


async def until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def create(log: MemoryLog, start: bytes) -> DocumentId:
    document_id = DocumentId(str(uuid4()))
    log.create(document_id, start)
    return document_id


async def enter(running: Hub, document_id: DocumentId, one: Peer) -> tuple[Room, list[Close]]:
    sent_away: list[Close] = []
    return await running.join(document_id, one, send_away=sent_away.append), sent_away


def texts_for(one: Peer, start: bytes) -> str:
    author = Author(start)
    for frame in sent(one.outbox):
        message = wire.decode(frame[len(one.prefix) :]) if frame[len(one.prefix)] == 0 else None
        if isinstance(message, wire.Update):
            author.hear(message.update)
    return str(author.text)


async def test_a_peer_sees_an_edit_when_it_is_in_the_log() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log, timing=Timing(relay_after_seconds=60)) as running:
        ada, ben = peer(), peer()
        room, _ = await enter(running, document_id, ada)
        await enter(running, document_id, ben)
        log.hold = asyncio.Event()
        running.receive(room, ada, wire.Update(Author(start).write("hello")))
        await asyncio.sleep(0.05)
        assert not ben.outbox.awake
        log.hold.set()
        await until(lambda: ben.outbox.awake)
        stored = await log.load(document_id)
        assert stored is not None
        assert stored.seq == 2
        assert texts_for(ben, start) == "seed hello"


async def test_a_slow_log_holds_up_the_acknowledgement_and_not_the_others() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log) as running:
        ada, ben = peer(prefix=b"\x01d", acknowledged=True), peer()
        room, _ = await enter(running, document_id, ada)
        await enter(running, document_id, ben)
        log.hold = asyncio.Event()
        author = Author(start)
        for number in range(5):
            running.receive(room, ada, wire.Update(author.write(str(number))))
            await until(lambda: ben.outbox.awake)
            sent(ben.outbox)
        assert not ada.outbox.awake
        assert running.counts.relayed_before_commit
        log.hold.set()
        await until(lambda: ada.outbox.awake)
        acknowledged = sent(ada.outbox)
        while len(acknowledged) < 5:
            await until(lambda: ada.outbox.awake)
            acknowledged += sent(ada.outbox)
        assert acknowledged == [b"\x01d" + wire.sync_status(saved=True)] * 5


async def test_a_log_that_is_away_loses_nothing_and_catches_up() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log) as running:
        ada = peer(prefix=b"\x01d", acknowledged=True)
        room, _ = await enter(running, document_id, ada)
        log.away = True
        author = Author(start)
        for number in range(20):
            running.receive(room, ada, wire.Update(author.write(f"{number} ")))
            await asyncio.sleep(0.005)
        assert not ada.outbox.awake
        log.away = False
        acknowledged: list[bytes] = []
        while len(acknowledged) < 20:
            await until(lambda: ada.outbox.awake)
            acknowledged += sent(ada.outbox)
        stored = await log.load(document_id)
        assert stored is not None
        whole = Author()
        for update in stored.updates:
            whole.hear(update)
        assert str(whole.text) == str(author.text)
        assert running.unsaved_bytes == 0


async def test_memory_is_bounded_while_the_log_is_away() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    timing = Timing(stop_limit_seconds=0.1)
    async with hub(log, limits=Limits(unsaved_bytes=2000), timing=timing) as running:
        ada = peer()
        room, _ = await enter(running, document_id, ada)
        log.away = True
        author = Author(start)
        with pytest.raises(Refused) as refusal:
            for _ in range(1000):
                running.receive(room, ada, wire.Update(author.write("x" * 50)))
                await asyncio.sleep(0)
        assert refusal.value.close is close.NOT_SAVING
        assert running.unsaved_bytes <= 2000


async def test_a_document_that_cannot_be_loaded_is_refused_and_can_be_opened_later() -> None:
    log = MemoryLog()
    document_id = create(log, seed())
    async with hub(log) as running:
        log.away = True
        with pytest.raises(Refused) as refusal:
            await enter(running, document_id, peer())
        assert refusal.value.close is close.NOT_LOADED
        log.away = False
        room, _ = await enter(running, document_id, peer())
        assert text_of(room.state()) == "seed "
        with pytest.raises(Refused) as missing:
            await enter(running, DocumentId(str(uuid4())), peer())
        assert missing.value.close is close.NOT_FOUND


async def test_a_damaged_log_is_never_opened_as_an_empty_document() -> None:
    log = MemoryLog()
    document_id = create(log, b"\xff\xff\xff")
    async with hub(log) as running:
        with pytest.raises(Refused) as refusal:
            await enter(running, document_id, peer())
        assert refusal.value.close is close.NOT_LOADED


async def test_a_text_in_a_string_ends_its_sender_and_the_others_do_not_notice() -> None:
    log = MemoryLog()
    start = seed()
    document_id = create(log, start)
    async with hub(log) as running:
        ada, eve = peer(), peer()
        room, away_ada = await enter(running, document_id, ada)
        _, away_eve = await enter(running, document_id, eve)
        running.receive(room, ada, wire.Update(Author(start).write("goes on")))
        running.receive(room, eve, wire.Update(inside_a_string()))
        await until(lambda: away_eve and not running.saving)
        assert (away_eve, away_ada) == ([close.MALFORMED], [])
        assert running.counts.rooms_broken == 0
        assert text_of(room.state()) == "seed goes on"


async def test_an_update_that_makes_the_core_fail_ends_its_sender_and_the_others_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As if there were one more attack that nobody knows yet.
    monkeypatch.setattr(vetting, "rehearse", lambda *_: None)
    log = MemoryLog()
    start = seed()
    document_id, elsewhere = create(log, start), create(log, seed("apart "))
    async with hub(log) as running:
        ada, eve, ben = peer(), peer(), peer()
        room, away_ada = await enter(running, document_id, ada)
        _, away_eve = await enter(running, document_id, eve)
        other_room, away_ben = await enter(running, elsewhere, ben)
        running.receive(room, eve, wire.Update(inside_a_string()))
        await until(lambda: away_ada and away_eve)
        assert (away_eve, away_ada, away_ben) == ([close.MALFORMED], [close.RESTARTING], [])
        running.receive(other_room, ben, wire.Update(Author(other_room.state()).write("goes on")))
        again, _ = await enter(running, document_id, peer())
        assert text_of(again.state()) == "seed "
        await until(lambda: not running.saving)
    assert log.appends == 1


async def test_a_log_that_makes_the_core_fail_closes_one_document_only() -> None:
    log = MemoryLog()
    document_id, elsewhere = create(log, seed()), create(log, seed("apart "))
    stored = await log.load(document_id)
    assert stored is not None
    await log.append([Append(document_id=document_id, epoch=stored.epoch, update=inside_a_string())])
    async with hub(log) as running:
        with pytest.raises(Refused) as refusal:
            await enter(running, document_id, peer())
        assert refusal.value.close is close.NOT_LOADED
        room, _ = await enter(running, elsewhere, peer())
        assert text_of(room.state()) == "apart "


async def test_many_visitors_at_once_cause_one_load() -> None:
    log = MemoryLog()
    document_id = create(log, seed())
    loads = 0
    load = log.load

    async def counted(which: DocumentId) -> object:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0.02)
        return await load(which)

    log.load = counted  # type: ignore[assignment, method-assign]  # a double that counts
    async with hub(log) as running:
        rooms = await asyncio.gather(*(enter(running, document_id, peer()) for _ in range(50)))
        assert loads == 1
        assert len({id(room) for room, _ in rooms}) == 1
        assert running.peers == 50


async def test_an_idle_room_leaves_memory() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log, timing=SHORT) as running:
        references: list[weakref.ref[Any]] = []
        for _ in range(5):
            ada = peer()
            room, _ = await enter(running, document_id, ada)
            running.receive(room, ada, wire.Update(Author(room.state()).write("x")))
            references += [weakref.ref(room), weakref.ref(room.document)]
            running.part(room, ada)
            del room
            await until(lambda: running.rooms == 0)
        gc.collect()
        assert [reference() for reference in references] == [None] * len(references)
        stored = await log.load(document_id)
        assert stored is not None
        assert stored.seq == 6


async def test_a_room_that_empties_while_it_is_settled_leaves_memory() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def settle(*_: object) -> None:
        begun.set()
        await let_go.wait()

    async with hub(log, timing=SHORT, settle=settle) as running:
        ada = peer()
        room, _ = await enter(running, document_id, ada)
        running.receive(room, ada, wire.Update(Author(start).write("pasted")))
        await begun.wait()
        running.part(room, ada)
        let_go.set()
        await until(lambda: running.rooms == 0)


async def test_a_room_that_nobody_waited_for_any_more_leaves_memory() -> None:
    log = MemoryLog()
    document_id = create(log, seed())
    load, begun, let_go = log.load, asyncio.Event(), asyncio.Event()

    async def load_slowly(which: DocumentId) -> object:
        begun.set()
        await let_go.wait()
        return await load(which)

    log.load = load_slowly  # type: ignore[assignment, method-assign]  # a double that waits
    async with hub(log, timing=SHORT) as running:
        entering = asyncio.create_task(enter(running, document_id, peer()))
        await begun.wait()
        entering.cancel()
        await asyncio.wait([entering])
        let_go.set()
        await until(lambda: running.counts.rooms_opened and running.rooms == 0)


async def test_stopping_saves_what_is_left_and_tells_peers_to_come_back() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    ada = peer()
    async with hub(log) as running:
        room, sent_away = await enter(running, document_id, ada)
        running.receive(room, ada, wire.Update(Author(start).write("last words")))
    assert sent_away == [close.RESTARTING]
    stored = await log.load(document_id)
    assert stored is not None
    assert stored.seq == 2


async def test_two_processes_converge_through_the_bus_and_through_the_log_when_it_fails() -> None:
    log, wire_between, start = MemoryLog(), MemoryBus(), seed()
    document_id = create(log, start)
    first_bus, second_bus = wire_between.node(), wire_between.node()
    async with hub(log, first_bus) as first, hub(log, second_bus) as second:
        ada, ben = peer(), peer()
        room_a, _ = await enter(first, document_id, ada)
        room_b, _ = await enter(second, document_id, ben)
        author = Author(start)
        first.receive(room_a, ada, wire.Update(author.write("bus ")))
        await until(lambda: ben.outbox.awake)
        assert texts_for(ben, start) == "seed bus "
        assert not ada.outbox.awake  # no echo

        second_bus.cut = True
        first.receive(room_a, ada, wire.Update(author.write("lost on the bus ")))
        await until(lambda: room_a.seq == 3)
        first.receive(room_a, ada, wire.Update(author.write("and ")))
        await until(lambda: room_a.seq == 4)
        assert room_b.seq == 2
        second_bus.cut = False
        first.receive(room_a, ada, wire.Update(author.write("found")))
        await until(lambda: text_of(room_b.state()) == str(author.text))
        await until(lambda: room_b.seq == 5)
        assert second.counts.gap_refills == 1


async def test_a_bus_that_comes_back_makes_every_room_read_the_log() -> None:
    log, wire_between, start = MemoryLog(), MemoryBus(), seed()
    document_id = create(log, start)
    first_bus, second_bus = wire_between.node(), wire_between.node()
    async with hub(log, first_bus) as first, hub(log, second_bus) as second:
        ada = peer()
        room_a, _ = await enter(first, document_id, ada)
        room_b, _ = await enter(second, document_id, peer())
        second_bus.cut = True
        first.receive(room_a, ada, wire.Update(Author(start).write("missed")))
        await until(lambda: room_a.seq == 2)
        second_bus.mend()
        await until(lambda: text_of(room_b.state()) == "seed missed")


async def test_presence_crosses_processes_and_ends_with_its_connection() -> None:
    log, wire_between = MemoryLog(), MemoryBus()
    document_id = create(log, seed())
    async with hub(log, wire_between.node()) as first, hub(log, wire_between.node()) as second:
        ada, ben = peer(), peer()
        room_a, _ = await enter(first, document_id, ada)
        first.receive(room_a, ada, wire.AwarenessUpdate(encode([Entry(7, 1, '{"cursor":1}').encode()])))
        await asyncio.sleep(0.02)
        # The second process opens the room later and asks who is there.
        room_b, _ = await enter(second, document_id, ben)
        await until(lambda: len(room_b.audience.presence) == 1)
        first.part(room_a, ada)
        await until(lambda: len(room_b.audience.presence) == 0)


async def test_an_edit_of_the_host_is_durable_when_it_returns_and_everybody_sees_it() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log) as running:
        ada = peer()
        await enter(running, document_id, ada)
        assert await running.edit(document_id, Author(start).write("by the host")) == 2
        stored = await log.load(document_id)
        assert stored is not None
        assert stored.seq == 2
        await until(lambda: ada.outbox.awake)
        assert texts_for(ada, start) == "seed by the host"


async def test_shutting_a_document_reaches_every_process() -> None:
    log, wire_between = MemoryLog(), MemoryBus()
    document_id = create(log, seed())
    async with hub(log, wire_between.node()) as first, hub(log, wire_between.node()) as second:
        _, away_a = await enter(first, document_id, peer())
        _, away_b = await enter(second, document_id, peer())
        await first.shut(document_id, close.TRASHED)
        await until(lambda: away_b)
        assert away_a == away_b == [close.TRASHED]


async def test_a_replaced_lineage_ends_the_room_and_the_next_visitor_gets_the_new_one() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log) as running:
        ada = peer()
        room, sent_away = await enter(running, document_id, ada)
        log.create(document_id, seed("restored "))
        running.receive(room, ada, wire.Update(Author(start).write("old lineage")))
        await until(lambda: sent_away)
        assert sent_away == [close.OTHER_LINEAGE]
        fresh, _ = await enter(running, document_id, peer())
        assert text_of(fresh.state()) == "restored "


async def test_what_is_derived_follows_once_it_is_quiet_and_names_who_wrote() -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    settled: list[tuple[int, str, list[object], dict[int, object]]] = []

    async def settle(_document_id: DocumentId, seq: int, state: bytes, wrote: Wrote) -> None:
        names = [user["name"] for user in wrote.writers.values()]
        authors = {client: user["name"] for client, user in wrote.authors.items()}
        settled.append((seq, text_of(state), names, authors))

    async with hub(log, timing=SHORT, settle=settle) as running:
        ada = peer()
        room, _ = await enter(running, document_id, ada)
        author = Author(start)
        running.receive(room, ada, wire.Update(author.write("by Ada")))
        await until(lambda: settled)
        await running.edit(document_id, author.write(", by the host"))
        await until(lambda: len(settled) == 2)
        # Ben tells again what Ada wrote, and adds something; the host writes for Cleo.
        ben = peer()
        ben.user = {"id": "2", "name": "Ben"}
        await enter(running, document_id, ben)
        by_ben, by_cleo = Author(room.state()), Author(room.state())
        by_ben.write(", by Ben")
        running.receive(room, ben, wire.Update(by_ben.doc.get_update()))
        await running.edit(document_id, by_cleo.write("for Cleo ", 0), {"id": "3", "name": "Cleo"})
        await until(lambda: {name for each in settled[2:] for name in each[2]} == {"Ben", "Cleo"})
    ada_client = author.doc.client_id
    assert settled[:2] == [
        (2, "seed by Ada", ["Ada"], {ada_client: "Ada"}),
        (3, "seed by Ada, by the host", [], {}),
    ]
    assert {client: name for each in settled[2:] for client, name in each[3].items()} == {
        by_ben.doc.client_id: "Ben",
        by_cleo.doc.client_id: "Cleo",
    }


@pytest.mark.parametrize("where", ["relay", "state"])
async def test_a_core_that_fails_outside_of_applying_ends_one_room_and_not_the_hub(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    log, start = MemoryLog(), seed()
    document_id, other_id = create(log, start), create(log, start)

    class PanicException(BaseException):
        pass

    def panic(*_args: object) -> None:
        raise PanicException

    async with hub(log) as running:
        ada, ben = peer(), peer()
        room, sent_away = await enter(running, document_id, ada)
        other, _ = await enter(running, other_id, ben)
        monkeypatch.setattr(room, where, panic)
        if where == "relay":
            running.receive(room, ada, wire.Update(Author(start).write("kept")))
            await until(lambda: sent_away)
        else:
            with pytest.raises(Refused):
                await running.state(document_id)
        assert sent_away == [close.RESTARTING]
        running.receive(other, ben, wire.Update(Author(start).write("goes on")))
        await until(lambda: other.seq == 2)
        again, _ = await enter(running, document_id, peer())
        assert text_of(again.state()) == ("seed kept" if where == "relay" else "seed ")


async def test_a_large_document_is_read_into_the_core_beside_the_loop_and_edits_wait_for_it() -> None:
    log = MemoryLog()
    start = seed("x" * 200_000)
    document_id = create(log, start)
    async with hub(log) as running:
        ada, ben = peer(), peer()
        room, _ = await enter(running, document_id, ada)
        await enter(running, document_id, ben)
        running.receive(room, ada, wire.SyncStep1(b"\x00"))
        [answer] = [wire.decode(frame) for frame in sent(ada.outbox)]
        assert isinstance(answer, wire.Update)
        assert text_of(answer.update) == "x" * 200_000
        assert not room.ready, "all of it was at hand as bytes"
        author = Author(start)
        running.receive(room, ben, wire.SyncStep1(author.doc.get_state()))
        with pytest.raises(Refused):
            running.receive(room, ada, wire.Update(author.write("too early")))
        assert await running.edit(document_id, Author(start).write("and more ")) == 2
        assert room.ready
        await until(lambda: ben.outbox.awake and ada.outbox.awake)
        # Both are asked what they have, once it is known what is here.
        for reader in (ada, ben):
            assert any(isinstance(wire.decode(frame), wire.SyncStep1) for frame in sent(reader.outbox))
        running.receive(room, ada, wire.Update(author.updates[-1]))
        await until(lambda: "too early" in text_of(room.state()))


async def test_who_brings_edits_to_a_large_document_waits_for_it() -> None:
    log = MemoryLog()
    document_id = create(log, seed("x" * 200_000))
    async with hub(log) as running:
        room, _ = await enter(running, document_id, peer())
        await asyncio.gather(*(running.get_ready(room) for _ in range(10)))
        assert room.ready
        await running.get_ready(room)


async def test_whoever_sends_what_takes_the_core_long_pays_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log) as running:
        ada, ben = peer(), peer()
        room, _ = await enter(running, document_id, ada)
        await enter(running, document_id, ben)
        running.receive(room, ada, wire.Update(Author(start).write("quick")))
        await until(lambda: not running.saving and not room.has_pending)
        assert ada.debt_seconds == 0
        monkeypatch.setattr(flushing, "_DEAR_SECONDS", 0.0)
        running.receive(room, ada, wire.Update(Author(start).write("slow")))
        await until(lambda: ada.debt_seconds)
        assert ben.debt_seconds == 0


async def test_how_deep_a_document_is_nested_is_measured_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def note(updates: Sequence[bytes]) -> int:
        threads.append(threading.current_thread())
        return vetting.depth_of(updates)

    monkeypatch.setattr("realtime.examining.depth_of", note)
    log = MemoryLog()
    document_id = create(log, nested_arrays(998))
    async with hub(log) as running:
        ada = peer()
        room, _ = await enter(running, document_id, ada)
        update = nested_arrays(101, client=6)
        with pytest.raises(vetting.NeedsMeasuring):
            running.receive(room, ada, wire.Update(update))
        await running.examining.measure(room, update)
        running.receive(room, ada, wire.Update(update))
        # What the host writes is measured, too.
        await running.edit(document_id, nested_arrays(1, client=7))
        await running.edit(document_id, nested_arrays(1, clock=998))
        with pytest.raises(Refused) as refusal:
            await running.edit(document_id, nested_arrays(10, clock=999))
        assert refusal.value.close is close.DOCUMENT_TOO_LARGE
    assert len(threads) > 1
    assert threading.main_thread() not in threads

"""Updates of people who may only suggest wait for a judge, who hears of everything else."""

import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from pycrdt import Doc, Text

from realtime import close, judging, wire
from realtime.audience import Peer
from realtime.close import Refused
from realtime.hub import Hub
from realtime.memory import MemoryBus, MemoryLog
from realtime.ports import OpenJudge, Rights
from realtime.room import NeedsJudging, Room
from realtime.structs import rehearse
from realtime.update import read_reach

from .documents import Author, in_turns, peer, seed
from .test_hub import LoopClock, create, enter, until

pytestmark = pytest.mark.anyio


class Reader:
    """A judge that allows whatever has no capital letter, and keeps what it knows."""

    opened = 0

    def __init__(self, state: Sequence[bytes]) -> None:
        Reader.opened += 1
        self.doc: Doc[Any] = Doc()
        for update in state:
            self.doc.apply_update(update)

    def take(self, update: bytes) -> None:
        self.doc.apply_update(update)

    def allows(self, update: bytes, user: Mapping[str, object]) -> bool:
        if user["name"] != "Ada":
            raise ZeroDivisionError
        self.doc.apply_update(update)
        return not any(letter.isupper() for letter in self.text)

    @property
    def text(self) -> str:
        return str(self.doc.get("text", type=Text))


@pytest.fixture(autouse=True)
def count() -> None:
    Reader.opened = 0


@asynccontextmanager
async def hub(log: MemoryLog, open_judge: OpenJudge | None = Reader) -> AsyncIterator[Hub]:
    bus = MemoryBus().node()
    async with Hub(log=log, bus=bus, clock=LoopClock(), node=str(uuid4()), open_judge=open_judge) as running:
        yield running


def reviewer() -> Peer:
    one = peer()
    one.rights = Rights.SUGGEST
    return one


async def suggest(running: Hub, room: Room, one: Peer, update: bytes) -> None:
    """Do what a socket does with an update of somebody who may only suggest."""
    message, reach = wire.Update(update, answer=False), read_reach(update)
    with pytest.raises(NeedsJudging):
        running.receive(room, one, message)
    (live,) = running.live_rooms
    await running.examining.judge(live, one, update, reach)
    running.receive(room, one, message, reach=reach, judged=True)


async def test_what_the_judge_allows_is_taken_and_what_not_reaches_nobody() -> None:
    log = MemoryLog()
    start = seed("plan")
    document_id = create(log, start)
    async with hub(log) as running:
        editor, one = peer(), reviewer()
        room, _ = await enter(running, document_id, editor)
        await enter(running, document_id, one)
        author, writer = Author(start), Author(start)
        author.write("a")
        await suggest(running, room, one, author.updates[-1])
        # The judge hears of what others write before the next is judged, and is made once.
        writer.write("b")
        running.receive(room, editor, wire.Update(writer.updates[-1], answer=False))
        author.write("c")
        await suggest(running, room, one, author.updates[-1])
        assert Reader.opened == 1
        await until(lambda: not room.unsaved_bytes)
        author.write("D")
        with pytest.raises(Refused) as refusal:
            await suggest(running, room, one, author.updates[-1])
        assert refusal.value.close is close.SUGGESTIONS_ONLY
        stored = await log.load(document_id)
        assert stored is not None
        held: Doc[Any] = Doc()
        for update in stored.updates:
            held.apply_update(update)
        assert "D" not in str(held.get("text", type=Text)) and "c" in str(held.get("text", type=Text))
        # Spent; the next begins with what the room has.
        other = Author(room.state())
        other.write("e")
        await suggest(running, room, one, other.updates[-1])
        assert Reader.opened == 2


async def test_without_reviewers_there_is_no_judge_and_nothing_is_kept_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    start = seed("plan")
    document_id = create(log, start)
    async with hub(log) as running:
        editor, one = peer(), reviewer()
        room, _ = await enter(running, document_id, editor)
        await enter(running, document_id, one)
        author, writer = Author(start), Author(start)
        author.write("a")
        await suggest(running, room, one, author.updates[-1])
        monkeypatch.setattr(judging, "_MOST_UNHEARD_BYTES", 10)
        writer.write("b")
        running.receive(room, editor, wire.Update(writer.updates[-1], answer=False))
        author.write("c")
        await suggest(running, room, one, author.updates[-1])
        assert Reader.opened == 2, "what it had not heard was too much to keep"
        running.part(room, one)
        assert room.unheard is None


async def test_a_large_update_is_gone_through_beside_the_loop_before_it_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []

    def note(*about: Any) -> None:
        threads.append(threading.current_thread())
        rehearse(*about)

    monkeypatch.setattr("realtime.vetting.rehearse", note)
    log, start = MemoryLog(), seed("plan")
    document_id = create(log, start)
    async with hub(log) as running:
        one = reviewer()
        room, _ = await enter(running, document_id, one)
        await running.receive_slowly(room, one, wire.Update(in_turns(10_000)), pay=lambda _: None)
        assert room.has_pending
        # Once more it is nothing that anybody would doubt.
        assert threads
        assert threading.main_thread() not in threads
        await until(lambda: not room.has_pending)


async def test_a_judge_that_fails_and_none_at_all_let_nothing_through() -> None:
    log = MemoryLog()
    start = seed("plan")
    document_id = create(log, start)
    author = Author(start)
    author.write("a")
    async with hub(log) as running:
        one = reviewer()
        one.user = {"id": "2", "name": "Ben"}
        room, _ = await enter(running, document_id, one)
        with pytest.raises(Refused) as refusal:
            await suggest(running, room, one, author.updates[-1])
        assert refusal.value.close is close.TRY_LATER
        assert room.unheard is None
    async with hub(log, None) as running:
        room, _ = await enter(running, document_id, one := reviewer())
        with pytest.raises(Refused) as refusal:
            await suggest(running, room, one, author.updates[-1])
        assert refusal.value.close is close.FORBIDDEN

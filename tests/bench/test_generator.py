"""The load generator sees through a server that cheats: one that does its work, and then loses, doubles or forgets."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import pytest
from pycrdt import Doc
from websockets.asyncio.server import ServerConnection, serve

from realtime import wire
from tests.bench.generator import BUSIEST_GENERATOR, Outcome, generate
from tests.bench.subjects import Running

PEOPLE, EDITS = 3, 10
DELIVERIES = PEOPLE * (PEOPLE - 1) * EDITS

# How often the edit with this number, counted over all, is passed on.
Times = Callable[[int], int]


@asynccontextmanager
async def relay(times: Times, *, keeps: bool = True, leaks: bool = False) -> AsyncIterator[Running]:
    """A server of the Hocuspocus dialect. `keeps`: newcomers get what was written; `leaks`: also other documents'."""
    people: dict[ServerConnection, str] = {}
    documents: dict[str, Doc[Any]] = {}
    passed = 0

    async def meet(socket: ServerConnection) -> None:
        nonlocal passed
        async for data in socket:
            assert isinstance(data, bytes)
            decoded = wire.decode_multiplexed(data)
            assert isinstance(decoded, tuple)
            key, message = decoded
            prefix = wire.routing_prefix(key)
            document = documents.setdefault(key, Doc())
            if isinstance(message, wire.Token):
                await socket.send(prefix + wire.authenticated("read-write"))
            elif isinstance(message, wire.SyncStep1):
                people[socket] = key
                await socket.send(prefix + wire.sync_step_2(document.get_update()))
            elif isinstance(message, wire.Update) and not message.answer:
                if keeps:
                    document.apply_update(message.update)
                for other, place in people.items():
                    if other is not socket and (leaks or place == key):
                        for _ in range(times(passed)):
                            await other.send(wire.routing_prefix(place) + wire.sync_update(message.update))
                passed += 1

    async with serve(meet, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield Running(os.getpid(), port, "/", "bench")


async def typed(running: Running, documents: Sequence[str] = ("one",)) -> Outcome:
    def run() -> Outcome:
        return generate(
            "typing", running, None, documents=documents, clients=PEOPLE, rate=20, warmup=0.1, seconds=0.4, drain=0.5
        )

    return await anyio.to_thread.run_sync(run)


async def test_an_honest_server_is_believed() -> None:
    async with relay(lambda _: 1) as running:
        outcome = await typed(running)
    assert outcome.flaws == []
    assert outcome.result["delivered"] == outcome.result["expected"] == DELIVERIES
    assert outcome.result["doubled"] == 0
    assert 0 < outcome.result["p50_ms"] <= outcome.result["p99_ms"]


async def test_an_edit_that_does_not_arrive_is_missed() -> None:
    async with relay(lambda number: 0 if number == 4 else 1) as running:
        outcome = await typed(running)
    assert outcome.flaws == [f"{PEOPLE - 1} of {DELIVERIES} deliveries lost"]


async def test_an_edit_that_arrives_twice_is_counted_once_and_as_doubled() -> None:
    async with relay(lambda number: 2 if number == 4 else 1) as running:
        outcome = await typed(running)
    assert outcome.flaws == []
    assert outcome.result["delivered"] == DELIVERIES
    assert outcome.result["doubled"] == PEOPLE - 1


async def test_a_server_that_keeps_nothing_does_not_win() -> None:
    async with relay(lambda _: 1, keeps=False) as running:
        outcome = await typed(running)
    assert outcome.flaws == [f"a newcomer finds 0 letters of {PEOPLE * EDITS}"]


async def test_an_edit_that_arrives_in_another_document_is_noticed() -> None:
    async with relay(lambda _: 1, leaks=True) as running:
        outcome = await typed(running, ("one", "two"))
    assert outcome.flaws == [f"{2 * PEOPLE * EDITS * PEOPLE} edits came that nobody had sent there"]


@pytest.mark.parametrize(("share", "refused"), [(BUSIEST_GENERATOR, False), (0.95, True)])
def test_a_generator_that_was_the_limit_proves_nothing(share: float, *, refused: bool) -> None:
    outcome = Outcome({"failures": [], "generator_share": share})
    assert bool(outcome.flaws) == refused

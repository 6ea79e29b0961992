"""A commit that ends just when the next edit is flushed."""

import asyncio

import pytest

from realtime import wire
from realtime.hub import Timing
from realtime.memory import MemoryLog

from .documents import Author, peer, seed, sent
from .test_hub import create, enter, hub, until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("turns", range(10))
async def test_no_edit_waits_for_the_next_one_whatever_turn_of_the_loop_it_comes_in(turns: int) -> None:
    """Seen in a browser on a busy machine: "Still saving" until somebody wrote another letter.

    A commit that has ended counted as one under way until its callback ran, a turn of the loop later.
    """
    log, start = MemoryLog(), seed()
    document_id = create(log, start)
    async with hub(log, timing=Timing(relay_after_seconds=0.001)) as running:
        ada = peer(acknowledged=True)
        room, _ = await enter(running, document_id, ada)
        author = Author(start)
        log.hold = asyncio.Event()
        running.receive(room, ada, wire.Update(author.write("a")))
        await until(lambda: running.counts.relayed_before_commit)
        log.hold.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        running.receive(room, ada, wire.Update(author.write("b")))
        saved: list[bytes] = []
        async with asyncio.timeout(2):
            while len(saved) < 2:
                await until(lambda: ada.outbox.awake)
                saved += sent(ada.outbox)
        assert saved == [wire.sync_status(saved=True)] * 2

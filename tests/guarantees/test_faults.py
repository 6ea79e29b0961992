"""Faults under load with three processes, in short; `make chaos` is the long form."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime import awareness, client, wire
from tests.guarantees.faults import FAULTS
from tests.guarantees.fleet import Fleet, aside, running
from tests.guarantees.load import loaded
from tests.interop.peers import NodeClients, until

pytestmark = pytest.mark.anyio

SEED = int(os.environ.get("GUARANTEES_SEED", "4711"))
_FAULT_SECONDS = 1.5
_ACKNOWLEDGED_BEFORE = 50


@pytest.fixture(scope="module")
def three() -> Iterator[Fleet]:
    # Unix sockets lie in the directory, and their paths must be short.
    directory = Path(tempfile.mkdtemp(prefix="qr-", dir="/tmp"))
    try:
        with running(directory, 3, QUILLROOM_PRESENCE_SECONDS="3") as fleet:
            yield fleet
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_is_lost_nothing_doubled_and_all_agree(three: Fleet, clients: NodeClients, fault: str) -> None:
    async with loaded(three, clients, documents=2, seed=SEED) as load:
        async with load.typing():
            await until(lambda: load.acknowledged > _ACKNOWLEDGED_BEFORE)
            async with FAULTS[fault](three):
                await asyncio.sleep(_FAULT_SECONDS)
            ended = time.monotonic()
        outcome = await load.settle(ended)
        print(f"{fault}: {outcome.written} words, all agreed after {outcome.seconds:.2f} s")
    assert outcome.complaints == [], f"seed {SEED}"
    assert outcome.acknowledged > _ACKNOWLEDGED_BEFORE


async def test_the_carets_of_a_process_that_died_go(three: Fleet) -> None:
    document = three.create_document("Begun.")
    addresses = [f"{process.socket_address}/collab/{document}" for process in three.processes]
    caret = awareness.Entry(77, 1, '{"cursor":1}')
    async with client.join(addresses[2], token=three.token) as watcher:
        async with client.join(addresses[0], token=three.token) as doomed:
            await doomed.send(wire.awareness(awareness.encode([caret.encode()])))
            await until(lambda: _presence(watcher).get(caret.client, awareness.GONE) != awareness.GONE)
            await aside(three.kill, 0)
        await until(lambda: _presence(watcher)[caret.client] == awareness.GONE)
    await aside(three.start)


def _presence(peer: client.Client) -> dict[int, str]:
    """What a client has been told last of each."""
    return {entry.client: entry.state for payload in peer.presence for entry in awareness.decode(payload)}

"""Every make of client in one document at once: random edits, hanging up, coming back, and one text in the end."""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from typing import Any

import pytest
from pycrdt import Doc

from realtime import client
from tests.interop.conftest import Studio
from tests.interop.edits import Account, all_text, as_prosemirror, draw, plain_nodes, steps
from tests.interop.peers import POLL_SECONDS, NodeClients, Peer, PythonPeer
from tests.running import create_document, read_json, read_text

pytestmark = pytest.mark.anyio

# A seed of one's own: INTEROP_SEED=7 make test T=tests/interop/test_together.py
SEEDS = [int(os.environ["INTEROP_SEED"])] if "INTEROP_SEED" in os.environ else [1, 20, 300]
ROUNDS = 6
MOST_EDITS_PER_ROUND = 14
CONVERGENCE_SECONDS = 30


@pytest.mark.parametrize("seed", SEEDS)
async def test_all_clients_end_with_the_text_that_the_server_gives(
    studio: Studio, clients: NodeClients, seed: int
) -> None:
    await _write_together(studio, clients, seed)


@pytest.mark.parametrize("seed", SEEDS[:1])
async def test_clients_of_two_processes_end_with_the_same_text(
    studio_of_two: Studio, clients: NodeClients, seed: int
) -> None:
    await _write_together(studio_of_two, clients, seed)


async def _write_together(studio: Studio, clients: NodeClients, seed: int) -> None:
    chance = random.Random(seed)
    document = create_document(studio.api, title="Together")
    account = Account(inserted={"Together": "title"})
    async with asyncio.TaskGroup() as tasks:
        peers = await _everybody(studio, clients, tasks, document)
        await _converge(peers, f"seed {seed}, before the first edit")
        for _ in range(ROUNDS):
            await asyncio.gather(*(_live(peer, random.Random(chance.random()), account) for peer in peers))
        for peer in peers:
            await peer.connect()
        drawing = await _converge(peers, f"seed {seed}")
        for peer in peers:
            assert await peer.unsynced() == 0, f"seed {seed}: {peer.name}"
        assert account.complaints(all_text(drawing)) == [], f"seed {seed}"
        assert len(account.must_stand) > ROUNDS * len(peers), "the edits have deleted nearly everything"
        await _agree_with_the_server(studio, document, drawing, f"seed {seed}")
        for peer in peers:
            await peer.disconnect()


async def test_a_newcomer_gets_the_same_from_every_dialect(studio: Studio, clients: NodeClients) -> None:
    document = create_document(studio.api, title="Newcomer", content="one **two** three\n\n- four\n- five")
    async with client.join(f"{studio.address}/collab/{document}", token=studio.token) as author:
        expected = draw(author.doc)
    assert expected["title"] == "Newcomer"
    opened = [
        await clients.open(
            f"newcomer-{dialect}", dialect=dialect, address=studio.address, document=document, token=studio.token
        )
        for dialect in ("y-websocket", "hocuspocus")
    ]
    assert await _converge(opened, "newcomers", expected=expected) == expected


async def _everybody(studio: Studio, clients: NodeClients, tasks: asyncio.TaskGroup, document: str) -> list[Peer]:
    peers: list[Peer] = []
    for dialect, count in (("y-websocket", 3), ("hocuspocus", 3)):
        for number in range(count):
            name = f"{dialect}-{number}"
            peers.append(
                await clients.open(name, dialect=dialect, address=studio.address, document=document, token=studio.token)
            )
    for number in range(2):
        peer = PythonPeer(tasks, f"python-{number}", f"{studio.address}/collab/{document}", studio.token)
        await peer.connect()
        peers.append(peer)
    return peers


async def _live(peer: Peer, chance: random.Random, account: Account) -> None:
    """One round of one client's life: it may hang up, it edits in bursts, it may come back."""
    fate = chance.random()
    if fate < 0.3:
        await peer.disconnect()
    edits = list(steps(chance, f"{peer.name}-{chance.randrange(10**6)}", chance.randrange(1, MOST_EDITS_PER_ROUND)))
    while edits:
        burst, edits = edits[:4], edits[4:]
        account.note(await peer.edit(burst))
        if chance.random() < 0.1:
            await peer.disconnect()
            await peer.connect()
    if fate < 0.15:
        await peer.connect()


async def _converge(peers: Sequence[Peer], what: str, *, expected: dict[str, Any] | None = None) -> dict[str, Any]:
    """Wait until all clients hold the same and nothing is on its way. Returns what they hold."""
    until = time.monotonic() + CONVERGENCE_SECONDS
    while True:
        drawings = [await peer.read() for peer in peers]
        waiting = [peer.name for peer in peers if await peer.unsynced() > 0]
        wanted = drawings[0] if expected is None else expected
        others = [peer.name for peer, drawing in zip(peers, drawings, strict=True) if drawing != wanted]
        if not others and not waiting and drawings[0]["title"] is not None:
            return drawings[0]
        assert time.monotonic() < until, f"{what}: {others} differ from {peers[0].name}, {waiting} wait to be saved"
        await asyncio.sleep(POLL_SECONDS)


async def _agree_with_the_server(studio: Studio, document: str, drawing: dict[str, Any], what: str) -> None:
    async with client.join(f"{studio.address}/collab/{document}", token=studio.token, doc=Doc()) as newcomer:
        assert draw(newcomer.doc) == drawing, what
    served = await asyncio.to_thread(read_json, studio.api, document)
    assert plain_nodes(served["content"]) == as_prosemirror(drawing), what
    text = await asyncio.to_thread(read_text, studio.api, document)
    assert text.replace("• ", "").split() == all_text(drawing).split()[len(drawing["title"].split()) :], what

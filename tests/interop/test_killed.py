"""`kill -9` while people type: what was acknowledged is there afterwards, and nothing is there twice."""

import asyncio
import os
import random
from collections import Counter

import pytest

from tests.interop.conftest import Studio
from tests.interop.edits import Account, steps
from tests.interop.peers import NodeClients, NodePeer, until
from tests.running import create_document, read_text

pytestmark = pytest.mark.anyio

SEED = int(os.environ.get("INTEROP_SEED", "4711"))
DURABLE_BEFORE_THE_KILL = 120
# Only what adds words or changes their looks: a word that anybody may delete proves nothing by being absent.
KINDS = ("word", "paragraph", "mark", "list")
TYPING_SECONDS = 30
RETURN_SECONDS = 30


@pytest.mark.parametrize("everything", [False, True], ids=["its own processes", "Postgres and Redis too"])
async def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(
    studio_to_kill: Studio, clients: NodeClients, doomed_clients: NodeClients, *, everything: bool
) -> None:
    studio = studio_to_kill
    document = create_document(studio.api)
    account = Account()
    # Those who stay offer all they have again after the kill. Those who are doomed die with the server, with an
    # acknowledgement as the only promise about what they wrote.
    staying = [await _open(studio, clients, f"staying-{number}", document) for number in range(2)]
    doomed = [await _open(studio, doomed_clients, f"doomed-{number}", document) for number in range(2)]
    async with asyncio.TaskGroup() as tasks:
        chance = random.Random(SEED)
        for peer in (*staying, *doomed):
            tasks.create_task(_type(peer, random.Random(chance.random()), account))
        await until(lambda: len(doomed_clients.durable) > DURABLE_BEFORE_THE_KILL, seconds=TYPING_SECONDS)
        await asyncio.to_thread(studio.installation.kill, everything=everything)
        await doomed_clients.kill()
        promised, before = set(doomed_clients.durable), len(clients.durable)
        await asyncio.to_thread(studio.installation.start)
        await until(lambda: len(clients.durable) > before + DURABLE_BEFORE_THE_KILL, seconds=RETURN_SECONDS)
        account.finished = True
    async with asyncio.timeout(RETURN_SECONDS):
        while any([await peer.unsynced() > 0 or not (await peer.status())["synced"] for peer in staying]):
            await asyncio.sleep(0.05)
    words = Counter((await asyncio.to_thread(read_text, studio.api, document)).replace("• ", "").split())
    written = {word for word in account.inserted if word.startswith("wstaying")}
    assert len(promised) > DURABLE_BEFORE_THE_KILL
    assert sorted(promised - set(words)) == [], f"seed {SEED}: acknowledged, and lost"
    assert sorted(written - set(words)) == [], f"seed {SEED}: kept by a client that came back, and lost"
    assert {word: count for word, count in words.items() if count > 1} == {}, f"seed {SEED}: doubled"
    assert sorted(set(words) - set(account.inserted) - _unheard(words, account)) == [], f"seed {SEED}: never written"


async def _open(studio: Studio, clients: NodeClients, name: str, document: str) -> NodePeer:
    peer = await clients.open(name, dialect="hocuspocus", address=studio.address, document=document, token=studio.token)
    async with asyncio.timeout(RETURN_SECONDS):
        while not (await peer.status())["synced"]:
            await asyncio.sleep(0.02)
    return peer


async def _type(peer: NodePeer, chance: random.Random, account: Account) -> None:
    """Type until told to stop, or until the process of the client is gone."""
    burst = 0
    while not account.finished:
        edits = [step for step in steps(chance, f"{peer.name}-{burst}", 4) if step["kind"] in KINDS]
        try:
            account.note(await peer.edit(edits))
        except ConnectionError:
            return
        burst += 1
        await asyncio.sleep(chance.random() * 0.02)


def _unheard(words: Counter[str], account: Account) -> set[str]:
    """Words of doomed clients whose edit reached the server, and whose report of it died with their process."""
    return {word for word in words if word.startswith("wdoomed") and word not in account.inserted}

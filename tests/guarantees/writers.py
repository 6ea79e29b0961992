"""Real Yjs clients that write marks: words that nobody else writes, so that each can be counted in the end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

import pytest

from tests.guarantees.fleet import Fleet
from tests.interop.edits import Step, all_text
from tests.interop.peers import POLL_SECONDS, NodeClients, NodePeer, Peer

WAIT_SECONDS = 30


async def join(
    fleet: Fleet, clients: NodeClients, number: int, document: str, name: str, *, dialect: str = "hocuspocus"
) -> NodePeer:
    """Connect a client to process `number` and wait until it has the document. Hocuspocus is told what is durable."""
    peer = await clients.open(
        name,
        dialect=dialect,
        address=fleet.processes[number].socket_address,
        document=document,
        token=fleet.token,
    )
    await eventually(lambda: _synced(peer), f"{name} is not let in")
    return peer


async def join_all(fleet: Fleet, clients: NodeClients, document: str, name: str) -> list[NodePeer]:
    """Connect one client to each process."""
    return [await join(fleet, clients, number, document, f"{name}-{number}") for number in range(len(fleet))]


async def write(peer: Peer, *marks: str) -> None:
    """Write marks into a document, one edit each."""
    for mark in marks:
        await peer.edit([_step(mark)])


async def marks_of(peer: Peer) -> Counter[str]:
    """How often each word stands in a client's document."""
    drawing = await peer.read()
    return Counter() if drawing["title"] is None else Counter(all_text(drawing).split())


async def all_see(peers: Iterable[Peer], marks: Iterable[str]) -> None:
    """Wait until every client has every mark; then none may stand twice."""
    wanted = set(marks)
    for peer in peers:

        async def has_all(peer: Peer = peer) -> bool:
            return wanted <= set(await marks_of(peer))

        await eventually(has_all, f"{peer.name} does not see all of {sorted(wanted)}")
        found = await marks_of(peer)
        assert {mark: found[mark] for mark in wanted if found[mark] > 1} == {}, f"{peer.name} sees marks twice"


async def refusal_of(peer: NodePeer) -> str:
    """Wait until a client is refused or sent away. Returns what it was told, the code first."""
    told: list[str] = []

    async def is_refused() -> bool:
        status = await peer.status()
        told[:] = [*status["denied"], *(f"{each['code']} {each['reason']}" for each in status["closings"])]
        return bool(told)

    await eventually(is_refused, f"{peer.name} is not refused")
    return told[0]


async def all_durable(clients: NodeClients, marks: Iterable[str]) -> None:
    """Wait until marks are acknowledged."""
    wanted = set(marks)

    async def are() -> bool:
        return wanted <= set(clients.durable)

    await eventually(are, f"not all of {sorted(wanted)} are acknowledged")


async def eventually(holds: Callable[[], Awaitable[object]], complaint: str, *, seconds: float = WAIT_SECONDS) -> None:
    """Wait for a condition; fail with the complaint if it does not come true."""
    try:
        async with asyncio.timeout(seconds):
            while not await holds():
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        pytest.fail(complaint)


async def _synced(peer: NodePeer) -> bool:
    return bool((await peer.status())["synced"])


def _step(mark: str) -> Step:
    return Step(kind="word", block=0.0, at=0.999, id=f"p-{mark}", word=mark, mark="bold", on=True)

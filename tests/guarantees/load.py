"""Several people of every make of client who write into several documents, and the account of every word."""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.guarantees.fleet import Fleet
from tests.guarantees.writers import join
from tests.interop.edits import Account, all_text, steps
from tests.interop.peers import POLL_SECONDS, NodeClients, Peer, PythonPeer

# Only what adds words or changes their looks: a word that anybody may delete proves nothing by being absent.
_KINDS = ("word", "paragraph", "mark", "list")
_LONGEST_PAUSE_SECONDS = 0.2
_SETTLED_SECONDS = 60


@dataclass
class Crowd:
    """The people of one document, and what they have written."""

    document: str
    peers: list[Peer]
    account: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a fault. `seconds`: from its end until all clients held the same; infinite if they never did."""

    written: int
    acknowledged: int
    complaints: Sequence[str]
    seconds: float

    @property
    def lost(self) -> int:
        """How many words are missing."""
        return sum(each.startswith("lost") for each in self.complaints)

    @property
    def doubled(self) -> int:
        """How many words stand more than once."""
        return sum(each.startswith("doubled") for each in self.complaints)


@dataclass
class Load:
    """All crowds of a fleet. They type only inside `typing`."""

    fleet: Fleet
    clients: NodeClients
    chance: random.Random
    crowds: list[Crowd] = field(default_factory=list)
    _bursts: int = 0

    @property
    def acknowledged(self) -> int:
        """How many words were acknowledged so far, over all documents."""
        return len(self.clients.durable)

    @asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Let everybody type until the context ends."""
        typing = True

        async def type_on(crowd: Crowd, peer: Peer, chance: random.Random) -> None:
            while typing:
                self._bursts += 1
                burst = [step for step in steps(chance, f"{peer.name}-{self._bursts}", 2) if step["kind"] in _KINDS]
                crowd.account.note(await peer.edit(burst))
                await asyncio.sleep(chance.random() * _LONGEST_PAUSE_SECONDS)

        async with asyncio.TaskGroup() as tasks:
            for crowd in self.crowds:
                for peer in crowd.peers:
                    tasks.create_task(type_on(crowd, peer, random.Random(self.chance.random())))
            try:
                yield
            finally:
                typing = False

    async def settle(self, since: float) -> Outcome:
        """Wait until the clients of each document agree and have saved all; then count every word, in the log too.

        `since`: when the fault ended, by the monotonic clock.
        """
        disagreed = [each for crowd in self.crowds if (each := await _disagree(crowd))]
        seconds = math.inf if disagreed else time.monotonic() - since
        complaints = disagreed
        for crowd in self.crowds:
            for peer in crowd.peers:
                found = crowd.account.complaints(all_text(await peer.read()))
                complaints += [f"{each} ({peer.name})" for each in found]
        acknowledged = set(self.clients.durable)
        for crowd in self.crowds:
            logged = await self.fleet.logged(crowd.document)
            complaints += crowd.account.complaints(logged)
            promised = acknowledged & set(crowd.account.inserted)
            complaints += [f"lost, although acknowledged: {word}" for word in promised - set(logged.split())]
        return Outcome(
            written=sum(len(crowd.account.inserted) for crowd in self.crowds),
            acknowledged=len(acknowledged),
            complaints=complaints,
            seconds=seconds,
        )


@asynccontextmanager
async def loaded(fleet: Fleet, clients: NodeClients, *, documents: int, seed: int) -> AsyncIterator[Load]:
    """Open documents with a client of each make in each process, until the context ends."""
    load = Load(fleet, clients, random.Random(seed))
    async with asyncio.TaskGroup() as tasks:
        for place in range(documents):
            document = fleet.create_document("Begun.")
            account = Account(inserted={"Guaranteed": "title", "Begun.": None})
            peers = [
                peer
                for number in range(len(fleet))
                for peer in await _three(fleet, clients, tasks, number, document, f"{place}-{number}")
            ]
            load.crowds.append(Crowd(document, peers, account))
        yield load
        for crowd in load.crowds:
            for peer in crowd.peers:
                await peer.disconnect()


async def _three(
    fleet: Fleet, clients: NodeClients, tasks: asyncio.TaskGroup, number: int, document: str, name: str
) -> list[Peer]:
    address = fleet.processes[number].socket_address
    python = PythonPeer(tasks, f"python-{name}", f"{address}/collab/{document}", fleet.token)
    await python.connect()
    return [
        await join(fleet, clients, number, document, f"hocuspocus-{name}"),
        await join(fleet, clients, number, document, f"y-websocket-{name}", dialect="y-websocket"),
        python,
    ]


async def _disagree(crowd: Crowd) -> str:
    """Wait until all clients of a document hold the same and nothing is on its way. Returns who does not, if any."""
    until = time.monotonic() + _SETTLED_SECONDS
    while True:
        drawing = await crowd.peers[0].read()
        differ = [peer.name for peer in crowd.peers if await peer.unsynced() or await peer.read() != drawing]
        if not differ:
            return ""
        if time.monotonic() > until:
            return f"{differ} differ from {crowd.peers[0].name}, or are not saved"
        await asyncio.sleep(POLL_SECONDS)

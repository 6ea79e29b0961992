"""What is measured: Quillroom, with its Postgres and Redis outside its process, and Hocuspocus if it is there."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import httpx
import psutil

from server.embedded import Servers
from tests.bench.machine import held_to

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 10
POLL_SECONDS = 0.02
_EMAIL = "bench@example.org"

# One account stands for all people, and one connection may type as fast as many.
_FOR_LOAD = {
    "QUILLROOM_MESSAGES_PER_SECOND": "1000000",
    "QUILLROOM_MESSAGES_BURST": "1000000",
    "QUILLROOM_MAX_PEERS_PER_DOCUMENT": "10000",
    "QUILLROOM_MAX_PEERS_PER_PERSON": "10000",
    "QUILLROOM_LOG_LEVEL": "error",
}


@dataclass(frozen=True, slots=True)
class Running:
    """A server under test: its process, where its sockets are and the token to bring."""

    pid: int
    port: int
    path: str
    token: str
    # Processes whose use is told apart from the server's.
    beside: tuple[int, ...] = ()

    @property
    def address(self) -> Mapping[str, str | int]:
        """As the generator takes it."""
        return {"host": "127.0.0.1", "port": self.port, "path": self.path, "token": self.token}

    def documents(self, count: int) -> list[str]:
        """New documents, ready to be entered."""
        if not self.token.startswith("qr_"):
            return [str(uuid4()) for _ in range(count)]
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60) as api:
            made = [api.post("/api/v1/documents", json={"title": "Benchmark"}) for _ in range(count)]
        return [str(answer.raise_for_status().json()["id"]) for answer in made]


class Subject(Protocol):
    """A server that can be started; what it has stored is there again at the next start."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def running(self) -> AbstractContextManager[Running]:
        """Run it for the time of a block, alone on a core. It may be killed within the block."""


@dataclass
class Quillroom:
    """This checkout: it authenticates, and commits every edit to a Postgres that syncs to disk."""

    servers: Servers
    # Of Postgres and Redis.
    beside: tuple[int, ...]
    directory: Path
    core: int | None
    workers: int = 1
    name: str = "Quillroom"
    _token: str = field(default="", repr=False)

    @contextmanager
    def running(self) -> Iterator[Running]:
        """See Subject."""
        port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUILLROOM_")} | {
            **_FOR_LOAD,
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "QUILLROOM_DATA_DIR": str(self.directory / "quillroom"),
            "QUILLROOM_PORT": str(port),
            "QUILLROOM_WORKERS": str(self.workers),
        }
        command = [sys.executable, "-m", "server", "serve"]
        with started(command, environment, self.core) as process:
            _until_answered(process, f"http://127.0.0.1:{port}/readyz")
            self._token = self._token or _make_token(environment)
            yield Running(process.pid, port, "/collab", self._token, self.beside)


@dataclass(frozen=True)
class Hocuspocus:
    """The peer, as its documentation sets it up; `packages` is where it is installed."""

    node: Path
    packages: Path
    version: str
    directory: Path
    core: int | None

    @property
    def name(self) -> str:
        """See Subject."""
        return f"Hocuspocus {self.version}"

    @contextmanager
    def running(self) -> Iterator[Running]:
        """See Subject."""
        port = free_port()
        script = Path(__file__).parent / "peers" / "hocuspocus.mjs"
        command = [str(self.node), str(script), str(self.packages), str(port), str(self.directory / "hocuspocus.db")]
        with started(command, os.environ, self.core) as process:
            _until_answered(process, f"http://127.0.0.1:{port}/")
            yield Running(process.pid, port, "/", "bench")


@contextmanager
def started(
    command: list[str], environment: Mapping[str, str], core: int | None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program in the project's directory, held to a core, until the block ends."""
    with held_to(core):
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        family = _family(process)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
        for each in left:
            each.kill()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _family(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def _until_answered(process: "subprocess.Popen[bytes]", url: str) -> None:
    """Wait until `url` is answered well. Raises RuntimeError if the process ends, or takes too long."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(POLL_SECONDS)
    raise RuntimeError(f"a server under test did not start: {' '.join(map(str, process.args))}")  # type: ignore[arg-type] # always a list here


def _make_token(environment: Mapping[str, str]) -> str:
    """An API token of an account for the benchmark."""

    def quillroom(*command: str, given: str = "") -> str:
        run = [sys.executable, "-m", "server", *command, "--email", _EMAIL]
        finished = subprocess.run(
            run, env=environment, cwd=ROOT, input=given, text=True, check=True, capture_output=True
        )
        return finished.stdout

    quillroom("user", "create", "--name", "Bench", "--password-stdin", given="a password for the benchmark")
    printed = quillroom("token", "create", "--name", "bench")
    found = re.search(r"qr_[\w-]+", printed)
    if found is None:
        raise RuntimeError("`quillroom token create` printed no token")
    return found.group()

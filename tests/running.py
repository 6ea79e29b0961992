"""A whole installation as an operator runs it: `python -m server serve`, its private servers, its commands."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
# The first start makes a database cluster; two busy cores take their time for it.
START_SECONDS = 90
STOP_SECONDS = 30
# Pages are answered a moment before the link is printed.
LINK_SECONDS = 20
POLL_SECONDS = 0.05
PASSWORD = "a kettle of ink, twice"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class NotRunning(Exception):
    """The server ended, or did not come up in time."""


@dataclass
class Installation:
    """An installation in `directory`, which must have a short path: unix sockets lie in it.

    `account` is the number of the user it runs as, who must own the directory; None: whoever runs the tests.
    """

    directory: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=_free_port)
    account: int | None = None
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """Where pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_address(self) -> str:
        """Where sockets connect."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def data_dir(self) -> Path:
        """What survives a restart."""
        return self.directory / "data"

    @property
    def output(self) -> str:
        """All that `serve` has printed, over every start."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def setup_link(self) -> str:
        """The one-time link that `serve` printed last. Raises NotRunning if none comes."""
        until = time.monotonic() + LINK_SECONDS
        while not (found := re.findall(r"http://\S+/setup/[\w-]+\s", self.output)):
            if time.monotonic() > until:
                raise NotRunning(f"serve printed no link for the first account:\n{self.output}")
            time.sleep(POLL_SECONDS)
        return str(found[-1]).strip()

    def start(self) -> None:
        """Start, and wait until pages are answered. Raises NotRunning."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve"],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=log,
                user=self.account,
                group=self.account,
                extra_groups=None if self.account is None else [],
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise NotRunning(f"serve ended with {self._process.returncode}:\n{self.output}")
            try:
                if httpx.get(f"{self.address}/readyz", timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(POLL_SECONDS)
        raise NotRunning(f"serve was not ready in {START_SECONDS} s:\n{self.output}")

    def kill(self, *, everything: bool = False) -> None:
        """End the web process, and all of Quillroom's own, with SIGKILL; `everything`: Postgres and Redis too."""
        if self._process is None:
            return
        family = self._family()
        servers = [each for each in family if _name(each) in {"postgres", "redis-server"}]
        doomed = family if everything else [each for each in family if each not in servers]
        for process in doomed:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                pass
        self._process.wait(STOP_SECONDS)
        psutil.wait_procs(doomed, timeout=STOP_SECONDS)
        self._process = None

    def stop(self) -> None:
        """Stop as an operator does; whatever does not go is killed."""
        if self._process is None:
            return
        family = self._family()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        _, left = psutil.wait_procs(family, timeout=5)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(STOP_SECONDS)
        self._process = None

    def create_user(self, email: str, name: str) -> None:
        """Make an account with PASSWORD."""
        self._run("user", "create", "--email", email, "--name", name, "--password-stdin", given=PASSWORD)

    def create_token(self, email: str, name: str = "tests") -> str:
        """Make an API token. Returns its text."""
        printed = self._run("token", "create", "--email", email, "--name", name)
        found = re.search(r"qr_[\w-]+", printed)
        if found is None:
            raise NotRunning(f"`token create` printed no token: {printed}")
        return found.group()

    def client(self, token: str) -> httpx.Client:
        """A caller of the API."""
        # A connection of its own for each request: one that is kept may be closed in the moment in which it is used.
        limits = httpx.Limits(max_keepalive_connections=0)
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=30, limits=limits)

    def _run(self, *command: str, given: str = "") -> str:
        finished = subprocess.run(
            [sys.executable, "-m", "server", *command],
            cwd=ROOT,
            env=self._environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
            user=self.account,
            group=self.account,
            extra_groups=None if self.account is None else [],
        )
        if finished.returncode != 0:
            raise NotRunning(f"`{' '.join(command[:2])}` ended with {finished.returncode}: {finished.stderr}")
        return finished.stdout

    @property
    def _log(self) -> Path:
        return self.directory / "serve.log"

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("QUILLROOM_") and name not in {"DATABASE_URL", "REDIS_URL"}
        }
        return kept | {
            "QUILLROOM_DATA_DIR": str(self.data_dir),
            "QUILLROOM_PORT": str(self.port),
            "QUILLROOM_LOG_LEVEL": "info",
            **self.settings,
        }

    def _family(self) -> list[psutil.Process]:
        """Every process of this installation: its children, and a Postgres that an earlier start left running."""
        found: dict[int, psutil.Process] = {}
        roots = [self._process.pid] if self._process else []
        for note in self.data_dir.rglob("postmaster.pid"):
            first = note.read_text(encoding="ascii").split("\n", 1)[0]
            roots += [int(first)] if first.isdigit() else []
        for pid in roots:
            try:
                root = psutil.Process(pid)
                for process in (root, *root.children(recursive=True)):
                    found[process.pid] = process
            except psutil.NoSuchProcess:
                continue
        return list(found.values())


@contextmanager
def installed(directory: Path, **settings: str) -> Iterator[Installation]:
    """Run an installation until the context ends; `settings` are environment variables."""
    installation = Installation(directory, settings=settings)
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()


def create_document(api: httpx.Client, *, title: str = "Untitled", content: str = "") -> str:
    """Make a document from Markdown. Returns its id."""
    answer = api.post("/api/v1/documents", json={"title": title, "content": content, "format": "markdown"})
    answer.raise_for_status()
    return str(answer.json()["id"])


def read_text(api: httpx.Client, document_id: str) -> str:
    """The document as plain text, as the server has it."""
    answer = api.get(f"/api/v1/documents/{document_id}/content", params={"format": "text"})
    answer.raise_for_status()
    return answer.text


def read_json(api: httpx.Client, document_id: str) -> dict[str, Any]:
    """The document as ProseMirror JSON, as the server has it."""
    answer = api.get(f"/api/v1/documents/{document_id}/content", params={"format": "json"})
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""

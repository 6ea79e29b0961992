"""One or several `quillroom serve` that share one Postgres and one Redis, each at a port of its own.

So a test chooses the process that a client is in. Behind one port (`serve --workers 3`) the kernel would.
"""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from pycrdt import Doc

from tests.guarantees.cable import Cable, laid
from tests.guarantees.stores import Stores, opened
from tests.interop.edits import all_text, draw
from tests.running import Installation, create_document

EMAIL = "ines@example.org"


class Fleet:
    """The processes, and somebody who may write in every document."""

    def __init__(self, stores: Stores, cable: Cable, processes: list[Installation]) -> None:
        self.stores = stores
        self.cable = cable
        """The line of the last process to Redis."""
        self.processes = processes
        self.token = ""
        self._running: set[int] = set()

    def __len__(self) -> int:
        return len(self.processes)

    def start(self) -> None:
        """Start what does not run, the stores too, and wait until it answers."""
        self.stores.start()
        down = [number for number in range(len(self)) if number not in self._running]
        with ThreadPoolExecutor() as threads:
            for number, _ in zip(down, threads.map(lambda number: self.processes[number].start(), down), strict=True):
                self._running.add(number)

    def kill(self, *numbers: int) -> None:
        """End processes of our own with SIGKILL; all of them, if none is named."""
        for number in numbers or range(len(self)):
            self.processes[number].kill()
            self._running.discard(number)

    def kill_everything(self) -> None:
        """End all processes with SIGKILL, Postgres and Redis too."""
        self.kill()
        self.stores.kill_redis()
        self.stores.kill_postgres()

    def stop(self) -> None:
        """Stop the processes as an operator does."""
        for process in self.processes:
            process.stop()

    def api(self, number: int = 0) -> httpx.Client:
        """A caller of the API of one process."""
        return self.processes[number].client(self.token)

    def create_document(self, content: str = "") -> str:
        """Make a document from Markdown. Returns its id."""
        with self.api() as api:
            return create_document(api, title="Guaranteed", content=content)

    def replace(self, number: int, document: str, content: str) -> None:
        """Replace the content of a document, with Markdown, through the API of one process."""
        with self.api(number) as api:
            answer = api.put(f"/api/v1/documents/{document}/content", json={"format": "markdown", "content": content})
            answer.raise_for_status()

    async def logged(self, document: str) -> str:
        """The text of a document as the log has it, read past every process of ours."""
        return all_text(draw(await self._load(document)))

    async def _load(self, document: str) -> "Doc[Any]":
        rows = await self.query(
            "SELECT data FROM document_snapshots WHERE document_id = $1 UNION ALL "
            "(SELECT data FROM document_updates WHERE document_id = $1 ORDER BY seq)",
            UUID(document),
        )
        doc: Doc[Any] = Doc()
        for row in rows:
            doc.apply_update(row["data"])
        return doc

    async def query(self, statement: str, *values: object) -> list[Mapping[str, Any]]:
        """Ask Postgres itself."""
        connection = await asyncpg.connect(self.stores.database_url)
        try:
            rows: list[Mapping[str, Any]] = await connection.fetch(statement, *values)
            return rows
        finally:
            await connection.close()


@contextmanager
def running(directory: Path, count: int, **settings: str) -> Iterator[Fleet]:
    """Run a fleet in `directory`, which must have a short path: unix sockets lie in it."""
    cable_path = directory / "cable.sock"
    with opened(directory / "stores") as stores, laid(cable_path, stores.redis_path) as cable:
        addresses = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
        processes = [_installation(directory / f"{number}", addresses | settings) for number in range(count)]
        processes[-1].settings["REDIS_URL"] = f"unix://{cable_path}"
        fleet = Fleet(stores, cable, processes)
        try:
            fleet.start()
            processes[0].create_user(EMAIL, "Ines")
            fleet.token = processes[0].create_token(EMAIL)
            yield fleet
        finally:
            fleet.stop()


def _installation(directory: Path, settings: dict[str, str]) -> Installation:
    directory.mkdir()
    return Installation(directory, settings=settings)


async def aside(act: Any, *values: Any) -> Any:
    """Do what blocks on a thread, while clients go on."""
    return await asyncio.to_thread(act, *values)

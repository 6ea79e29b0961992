"""Fleets of one process and of three, and clients to write through them."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.guarantees.fleet import Fleet, running
from tests.interop.peers import NODE, STATIC, NodeClients, node_clients


@pytest.fixture(scope="session", autouse=True)
def _providers() -> None:
    if not NODE.exists() or not (STATIC / "node_modules" / "y-websocket").is_dir():
        pytest.skip("the packages of static/ are not installed (make run installs them)")


@pytest.fixture(scope="module", params=[1, 3], ids=["one process", "three processes"])
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """A fleet for all tests of a module; whoever kills something starts it again."""
    # Unix sockets lie in the directory, and their paths must be short.
    directory = Path(tempfile.mkdtemp(prefix="qr-", dir="/tmp"))
    try:
        # A commit on a busy machine takes its time; what is slow here is slow because a test holds Postgres.
        with running(directory, request.param, QUILLROOM_RELAY_AFTER_MS="500") as fleet:
            yield fleet
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
async def clients() -> AsyncIterator[NodeClients]:
    """Browsers of people who stay."""
    async with node_clients() as clients:
        yield clients


@pytest.fixture
async def doomed_clients() -> AsyncIterator[NodeClients]:
    """Browsers that the test may end, with all that only they have."""
    async with node_clients() as clients:
        yield clients

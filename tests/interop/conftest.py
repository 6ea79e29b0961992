"""An installation for the tests of this directory, and somebody who may write in it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.interop.peers import NODE, STATIC, NodeClients, node_clients
from tests.running import Installation, installed

EMAIL = "ines@example.org"


@dataclass(frozen=True, slots=True)
class Studio:
    """A running installation with one person, whose token and API client these are."""

    installation: Installation
    token: str
    api: httpx.Client

    @property
    def address(self) -> str:
        """Where sockets connect."""
        return self.installation.socket_address


@pytest.fixture(scope="session", autouse=True)
def _providers() -> None:
    if not NODE.exists() or not (STATIC / "node_modules" / "y-websocket").is_dir():
        pytest.skip("the packages of static/ are not installed (make run installs them)")


@pytest.fixture(scope="package")
def studio() -> Iterator[Studio]:
    """An installation that lasts for all tests of this directory."""
    yield from _studio()


@pytest.fixture(scope="package")
def studio_of_two() -> Iterator[Studio]:
    """An installation with two web processes, which tell each other over Redis what is written."""
    yield from _studio(QUILLROOM_WORKERS="2")


@pytest.fixture
def studio_to_kill() -> Iterator[Studio]:
    """An installation of the test's own."""
    yield from _studio()


@pytest.fixture
async def clients() -> AsyncIterator[NodeClients]:
    """Providers in a Node process."""
    async with node_clients() as clients:
        yield clients


@pytest.fixture
async def doomed_clients() -> AsyncIterator[NodeClients]:
    """Providers in another Node process, which the test may kill."""
    async with node_clients() as clients:
        yield clients


def _studio(**settings: str) -> Iterator[Studio]:
    # Unix sockets lie in the data directory, and their paths must be short.
    directory = Path(tempfile.mkdtemp(prefix="qr-", dir="/tmp"))
    try:
        with installed(directory, **settings) as installation:
            installation.create_user(EMAIL, "Ines")
            token = installation.create_token(EMAIL)
            with installation.client(token) as api:
                yield Studio(installation, token, api)
    finally:
        shutil.rmtree(directory, ignore_errors=True)

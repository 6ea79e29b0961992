"""`serve --workers 3`: one port, three processes, and which of them a client gets is the kernel's choice."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.guarantees.fleet import Fleet, aside, running
from tests.guarantees.writers import all_durable, all_see, join, write
from tests.interop.peers import NodeClients

pytestmark = pytest.mark.anyio

_WORKERS = 3
_CLIENTS = 9


@pytest.fixture
def of_three_workers() -> Iterator[Fleet]:
    # Unix sockets lie in the directory, and their paths must be short.
    directory = Path(tempfile.mkdtemp(prefix="qr-", dir="/tmp"))
    try:
        with running(directory, 1, QUILLROOM_WORKERS=str(_WORKERS)) as fleet:
            yield fleet
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def test_people_behind_one_port_write_on_when_a_process_dies(
    of_three_workers: Fleet, clients: NodeClients
) -> None:
    fleet = of_three_workers
    document = fleet.create_document("Begun.")
    peers = [await join(fleet, clients, 0, document, f"peer-{number}") for number in range(_CLIENTS)]
    marks = [f"m{number}." for number in range(_CLIENTS)]
    for peer, mark in zip(peers, marks, strict=True):
        await write(peer, mark)
    await all_see(peers, marks)
    await all_durable(clients, marks)
    await aside(_kill_one, fleet)
    later = [f"later{number}." for number in range(_CLIENTS)]
    for peer, mark in zip(peers, later, strict=True):
        await write(peer, mark)
    await all_see(peers, [*marks, *later])


def _kill_one(fleet: Fleet) -> None:
    """End the process with most connections of people, so that somebody was in it."""
    serve = fleet.processes[0]._process
    assert serve is not None
    children = psutil.Process(serve.pid).children(recursive=True)
    port = fleet.processes[0].port
    busiest = max(
        children,
        key=lambda child: sum(each.laddr.port == port and bool(each.raddr) for each in child.net_connections()),
    )
    busiest.kill()
    busiest.wait(30)

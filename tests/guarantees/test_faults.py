"""Faults under load with three processes, in short; `make chaos` is the long form."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guarantees.faults import FAULTS
from tests.guarantees.fleet import Fleet, running
from tests.guarantees.load import loaded
from tests.interop.peers import NodeClients, until

pytestmark = pytest.mark.anyio

SEED = int(os.environ.get("GUARANTEES_SEED", "4711"))
_FAULT_SECONDS = 1.5
_ACKNOWLEDGED_BEFORE = 50


@pytest.fixture(scope="module")
def three() -> Iterator[Fleet]:
    # Unix sockets lie in the directory, and their paths must be short.
    directory = Path(tempfile.mkdtemp(prefix="qr-", dir="/tmp"))
    try:
        with running(directory, 3) as fleet:
            yield fleet
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_is_lost_nothing_doubled_and_all_agree(three: Fleet, clients: NodeClients, fault: str) -> None:
    async with loaded(three, clients, documents=2, seed=SEED) as load:
        async with load.typing():
            await until(lambda: load.acknowledged > _ACKNOWLEDGED_BEFORE)
            async with FAULTS[fault](three):
                await asyncio.sleep(_FAULT_SECONDS)
            ended = time.monotonic()
        outcome = await load.settle(ended)
        print(f"{fault}: {outcome.written} words, all agreed after {outcome.seconds:.2f} s")
    assert outcome.complaints == [], f"seed {SEED}"
    assert outcome.acknowledged > _ACKNOWLEDGED_BEFORE

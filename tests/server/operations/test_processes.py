"""Real processes show each other."""

import asyncio
import html
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import mkdtemp

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.running import Installation, create_document, installed

LIMIT_SECONDS = 60
CONNECTIONS = 12

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]


@pytest.fixture
def installation(short_dir: Path) -> Iterator[Installation]:
    with installed(Path(mkdtemp(prefix="o", dir=short_dir)), QUILLROOM_WORKERS="2") as installation:
        yield installation


async def test_whichever_process_is_asked_shows_all(installation: Installation) -> None:
    installation.create_user("ada@example.org", "Ada")
    token = installation.create_token("ada@example.org")
    with installation.client(token) as api:
        document = create_document(api, title="In two processes")
    address = f"{installation.socket_address}/collab/{document}"
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            headers = {"Authorization": f"Bearer {token}"}
            await stack.enter_async_context(connect(address, additional_headers=headers))
        async with asyncio.timeout(LIMIT_SECONDS):
            # Each question goes over a connection of its own, to whichever process takes it.
            while not _shows_all(await asyncio.to_thread(_page, installation, token)):
                await asyncio.sleep(0.1)


def _shows_all(words: str) -> bool:
    processes = set(re.findall(r", process (\d+)", words))
    return len(processes) == 2 and f"Connected {CONNECTIONS} Live documents 1" in words and "In two processes" in words


def _page(installation: Installation, token: str) -> str:
    with httpx.Client() as client:
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
        answer = client.get(f"{installation.address}/operations", headers=headers)
    answer.raise_for_status()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

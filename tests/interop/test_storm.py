"""A deploy: everybody is sent away at once, and comes back at once."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime import wire
from tests.interop.conftest import Studio
from tests.running import create_document

pytestmark = pytest.mark.anyio

DOCUMENTS, PEOPLE_IN_EACH = 8, 40
SECONDS = 60


async def test_all_who_are_sent_away_by_a_deploy_come_back_and_each_document_is_loaded_once(
    studio_to_kill: Studio,
) -> None:
    studio = studio_to_kill
    documents = [create_document(studio.api, content=f"Document {number}") for number in range(DOCUMENTS)]
    async with asyncio.timeout(SECONDS):
        async with _everybody(studio, documents) as before:
            stopping = asyncio.create_task(asyncio.to_thread(studio.installation.stop))
            endings = await asyncio.gather(*(_ending(socket) for socket in before))
            await stopping
        # Each is told in what time to come back, so that they need not come together.
        assert {code for code, _ in endings} == {1012}
        assert all(re.search(r"retry-after=\d+", reason) for _, reason in endings)
        await asyncio.to_thread(studio.installation.start)
        async with _everybody(studio, documents) as after:
            assert len(after) == DOCUMENTS * PEOPLE_IN_EACH
            figures = httpx.get(f"{studio.installation.address}/metrics").text
    loads = re.findall(r"^quillroom_rooms_opened_total(?:{.*})? (\S+)$", figures, re.MULTILINE)
    assert sum(map(float, loads)) == DOCUMENTS


@asynccontextmanager
async def _everybody(studio: Studio, documents: list[str]) -> AsyncIterator[list[ClientConnection]]:
    """Let all people in at the same time; each has the whole document when this begins."""
    async with contextlib.AsyncExitStack() as stack:

        async def enter(number: int, document: str) -> ClientConnection:
            address = f"{studio.address}/collab/{document}?token={studio.token}"
            socket = await stack.enter_async_context(connect(address, open_timeout=SECONDS, proxy=None))
            await socket.send(wire.sync_step_1(b"\x00"))
            async for frame in socket:
                message = wire.decode(frame) if isinstance(frame, bytes) else None
                if isinstance(message, wire.Update) and message.answer:
                    assert f"Document {number}".encode() in message.update
                    return socket
            raise AssertionError("sent away before the document came")

        people = [(number, document) for number, document in enumerate(documents) for _ in range(PEOPLE_IN_EACH)]
        yield await asyncio.gather(*(enter(number, document) for number, document in people))


async def _ending(socket: ClientConnection) -> tuple[int | None, str]:
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass
    return socket.close_code, socket.close_reason or ""

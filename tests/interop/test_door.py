"""Who is let in and sent out, as real providers see it, and edits that come from elsewhere."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from server.accounts.secret import digest
from server.embedded import running_servers
from tests.interop.conftest import EMAIL, Studio
from tests.interop.edits import all_text
from tests.interop.peers import POLL_SECONDS, NodeClients, NodePeer
from tests.running import create_document

pytestmark = pytest.mark.anyio

DIALECTS = ["y-websocket", "hocuspocus"]
LIMIT_SECONDS = 20


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", ["wrong", "expired", "revoked", "missing"])
async def test_a_token_that_is_no_good_is_refused_for_good(
    studio: Studio, clients: NodeClients, dialect: str, kind: str
) -> None:
    document = create_document(studio.api, content="secret")
    peer = await _open(studio, clients, dialect, document, token=await _bad_token(studio, kind))
    status = await _until(peer, lambda status: status["closings"] or status["denied"])
    told = [f"{each['code']} {each['reason']}" for each in status["closings"]] + status["denied"]
    assert told[0].startswith("4401"), told
    assert (await peer.read())["blocks"] == []
    await peer.close()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_edit_through_the_api_arrives_live(studio: Studio, clients: NodeClients, dialect: str) -> None:
    document = create_document(studio.api, title="Live", content="before\n\nstays")
    peer = await _open(studio, clients, dialect, document)
    await _until_text(peer, "Live before stays")
    answer = await asyncio.to_thread(
        studio.api.put,
        f"/api/v1/documents/{document}/content",
        json={"format": "markdown", "content": "after\n\nstays"},
    )
    assert answer.is_success, answer.text
    await _until_text(peer, "Live after stays")
    answer = await asyncio.to_thread(studio.api.patch, f"/api/v1/documents/{document}", json={"title": "Renamed"})
    assert answer.is_success, answer.text
    await _until_text(peer, "Renamed after stays")
    await peer.close()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_trash_ends_the_stay_and_restoring_lets_in_again(
    studio: Studio, clients: NodeClients, dialect: str
) -> None:
    document = create_document(studio.api, title="Doomed", content="text")
    peer = await _open(studio, clients, dialect, document)
    await _until_text(peer, "Doomed text")
    answer = await asyncio.to_thread(studio.api.delete, f"/api/v1/documents/{document}")
    assert answer.is_success, answer.text
    status = await _until(peer, lambda status: status["closings"])
    assert status["closings"][0]["code"] == 4410
    late = await _open(studio, clients, dialect, document, name="late")
    status = await _until(late, lambda status: status["closings"] or status["denied"])
    assert [each["code"] for each in status["closings"]] == [4410] or status["denied"][0].startswith("4410")
    await late.close()
    answer = await asyncio.to_thread(studio.api.post, f"/api/v1/documents/{document}/restore")
    assert answer.is_success, answer.text
    await peer.connect()
    await _until(peer, lambda status: status["synced"])
    await _until_text(peer, "Doomed text")
    await peer.close()


async def _open(
    studio: Studio, clients: NodeClients, dialect: str, document: str, *, token: str | None = None, name: str = "peer"
) -> NodePeer:
    token = studio.token if token is None else token
    return await clients.open(name, dialect=dialect, address=studio.address, document=document, token=token)


async def _bad_token(studio: Studio, kind: str) -> str:
    """Make a token that was good once; the commands have no way to turn back the clock."""
    if kind == "missing":
        return ""
    if kind == "wrong":
        return studio.token[:-4] + "AAAA"
    token = await asyncio.to_thread(studio.installation.create_token, EMAIL, kind)
    servers = running_servers(studio.installation.data_dir)
    assert servers is not None
    column = {"expired": "expires_at", "revoked": "revoked_at"}[kind]
    connection = await asyncpg.connect(servers.database_url)
    try:
        changed = await connection.execute(
            f"UPDATE api_tokens SET {column} = now() - $1::interval WHERE token_hash = $2",
            timedelta(seconds=1),
            digest(token),
        )
    finally:
        await connection.close()
    assert changed == "UPDATE 1"
    return token


async def _until(peer: NodePeer, holds: Any) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not holds(status := await peer.status()):
            await asyncio.sleep(POLL_SECONDS)
    return status


async def _until_text(peer: NodePeer, expected: str) -> None:
    found = ""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while found != expected:
                await asyncio.sleep(POLL_SECONDS)
                drawing = await peer.read()
                found = "" if drawing["title"] is None else " ".join(all_text(drawing).split())
    except TimeoutError:
        pytest.fail(f"{found!r} did not become {expected!r}")

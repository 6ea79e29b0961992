"""The worker that `serve` runs, on what people really leave behind."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

import anyio
import asyncpg
import pytest

from server.embedded import running_servers
from server.queue import create_queue
from tests.running import Installation, create_document, read_text

LIMIT_SECONDS = 30
# More than the rows from which on a log is folded.
RENAMES = 210

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def installation(short_dir: Path) -> AsyncIterator[Installation]:
    installation = Installation(Path(mkdtemp(prefix="w", dir=short_dir)))
    await anyio.to_thread.run_sync(installation.start)
    yield installation
    await anyio.to_thread.run_sync(installation.stop)


async def _nudge(installation: Installation, job: str) -> None:
    servers = running_servers(installation.data_dir)
    assert servers is not None
    queue = create_queue(servers.redis_url)
    await queue.enqueue(job)
    await queue.close()


async def _ask(installation: Installation, query: str, *values: object) -> object:
    servers = running_servers(installation.data_dir)
    assert servers is not None
    connection = await asyncpg.connect(servers.database_url)
    try:
        return await connection.fetchval(query, *values)
    finally:
        await connection.close()


async def test_a_long_log_is_folded_while_the_document_is_in_use_and_nothing_is_lost(
    installation: Installation,
) -> None:
    def write() -> tuple[str, str]:
        installation.create_user("ada@example.org", "Ada")
        token = installation.create_token("ada@example.org")
        with installation.client(token) as api:
            document_id = create_document(api, title="At first", content="A line that stays.")
            for number in range(RENAMES):
                renamed = api.patch(f"/api/v1/documents/{document_id}", json={"title": f"Title {number}"})
                renamed.raise_for_status()
        return token, document_id

    token, document_id = await anyio.to_thread.run_sync(write)
    rows = "SELECT count(*) FROM document_updates WHERE document_id = $1"
    assert await _ask(installation, rows, UUID(document_id)) == RENAMES + 1
    newest = "SELECT seq FROM lineages WHERE document_id = $1"
    before = await _ask(installation, newest, UUID(document_id))
    await _nudge(installation, "compact_documents")
    with anyio.fail_after(LIMIT_SECONDS):
        while await _ask(installation, rows, UUID(document_id)) != 0:
            await anyio.sleep(0.05)
    assert await _ask(installation, newest, UUID(document_id)) == before

    def read() -> None:
        with installation.client(token) as api:
            assert "A line that stays." in read_text(api, document_id)
            answer = api.get(f"/api/v1/documents/{document_id}").json()
            assert answer["title"] == f"Title {RENAMES - 1}"
            # It goes on from its snapshot.
            api.patch(f"/api/v1/documents/{document_id}", json={"title": "At last"}).raise_for_status()
            installation.kill(everything=True)
            installation.start()
            assert "A line that stays." in read_text(api, document_id)
            assert api.get(f"/api/v1/documents/{document_id}").json()["title"] == "At last"

    await anyio.to_thread.run_sync(read)
    assert await _ask(installation, rows, UUID(document_id)) == 1


async def test_sessions_that_are_over_go_and_others_stay(installation: Installation) -> None:
    await anyio.to_thread.run_sync(installation.create_user, "ada@example.org", "Ada")
    for mark, left in (("over", "-40 days"), ("open", "1 day")):
        await _ask(
            installation,
            """INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at, last_seen_at, user_agent, address)
            SELECT gen_random_uuid(), $1, id, now(), now() + $2::text::interval, now(), '', '' FROM users""",
            mark.encode(),
            left,
        )
    await _nudge(installation, "clean_up")
    with anyio.fail_after(LIMIT_SECONDS):
        while await _ask(installation, "SELECT count(*) FROM sessions WHERE token_hash = 'over'"):
            await anyio.sleep(0.05)
    assert await _ask(installation, "SELECT count(*) FROM sessions WHERE token_hash = 'open'") == 1

"""What the database holds of documents, and what folding it costs, as figures."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from realtime import compaction
from server.db import Sessions, transaction
from server.documents import lifecycle, sizes
from server.documents.live import compact
from server.workspaces.models import Role
from tests.factories import actor, make_team
from tests.realtime.documents import Author


def _figure(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


async def test_the_log_and_its_snapshots_are_told_apart(
    pool: asyncpg.Pool[Any], sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = await sizes.measure(pool)
    assert (nothing.documents, nothing.log_bytes, nothing.snapshot_bytes) == (0, 0, 0)
    user, workspace = await make_team(sessions)
    async with transaction(sessions) as db:
        document = await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title="One")
    state = await pool.fetchval("SELECT data FROM document_updates WHERE document_id = $1", document.id)
    author = Author(state)
    for number in range(5):
        update = author.write(f"line {number} ")
        await pool.execute(
            "INSERT INTO document_updates (document_id, seq, data, created_at) VALUES ($1, $2, $3, now())",
            document.id,
            number + 2,
            update,
        )
        await pool.execute(
            "UPDATE lineages SET seq = seq + 1, bytes = bytes + $2 WHERE document_id = $1", document.id, len(update)
        )
    before = await sizes.measure(pool)
    assert (before.documents, before.snapshot_bytes) == (1, 0)
    assert before.log_bytes == len(state) + sum(map(len, author.updates))
    runs, folded, timed = (
        _figure("quillroom_compaction_runs_total"),
        _figure("quillroom_compaction_folded_updates_total"),
        _figure("quillroom_compaction_seconds_count"),
    )
    monkeypatch.setattr(compaction, "FEWEST_UPDATES", 3)
    assert await compact(pool) == 1
    after = await sizes.measure(pool)
    assert (after.documents, after.log_bytes) == (1, 0)
    assert 0 < after.snapshot_bytes < before.log_bytes
    assert _figure("quillroom_compaction_runs_total") == runs + 1
    assert _figure("quillroom_compaction_folded_updates_total") == folded + 6
    assert _figure("quillroom_compaction_seconds_count") == timed + 1


async def test_a_log_that_cannot_be_folded_is_counted(
    pool: asyncpg.Pool[Any], sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, workspace = await make_team(sessions)
    async with transaction(sessions) as db:
        document = await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title="One")
    await pool.execute(
        "INSERT INTO document_updates (document_id, seq, data, created_at) VALUES ($1, 2, $2, now())",
        document.id,
        b"no update at all",
    )
    monkeypatch.setattr(compaction, "FEWEST_UPDATES", 2)
    before = _figure("quillroom_compaction_failures_total")
    with pytest.raises(ValueError):
        await compact(pool)
    assert _figure("quillroom_compaction_failures_total") == before + 1

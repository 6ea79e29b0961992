"""Folding the logs that have grown long into snapshots."""

import asyncio
import logging
import time
from typing import Any
from uuid import UUID

import asyncpg
from pycrdt import get_state

from realtime import compaction, wire
from realtime.document import is_core_failure, merged
from server import metrics

logger = logging.getLogger("quillroom.documents")

_LONG_LOGS = """
SELECT
    lengths.document_id, lengths.updates, lengths.bytes,
    coalesce(length(snapshot.data), 0) AS snapshot_bytes
FROM (
    SELECT document_id, count(*) AS updates, sum(length(data)) AS bytes
    FROM document_updates
    GROUP BY document_id
    HAVING count(*) >= $1 OR sum(length(data)) >= $2
) AS lengths
LEFT JOIN document_snapshots AS snapshot USING (document_id)
ORDER BY lengths.updates DESC
"""

_LOG = """
SELECT
    (SELECT max(seq) FROM document_updates WHERE document_id = $1) AS seq,
    (SELECT data FROM document_snapshots WHERE document_id = $1) AS folded,
    ARRAY(SELECT data FROM document_updates WHERE document_id = $1 ORDER BY seq) AS updates
"""

_KEEP = """
INSERT INTO document_snapshots (document_id, seq, data, created_at) VALUES ($1, $2, $3, now())
ON CONFLICT (document_id) DO UPDATE SET seq = excluded.seq, data = excluded.data, created_at = excluded.created_at
WHERE document_snapshots.seq < excluded.seq
RETURNING seq
"""


async def compact(pool: "asyncpg.Pool[Any]", *, most: int = 100) -> int:
    """Fold up to `most` logs, the longest first. Returns how many were folded.

    Safe beside live rooms and beside another process that does the same: rows of the log never change, and a fold that
    comes second to another is dropped.
    """
    metrics.COMPACTION_RUNS.inc()
    rows = await pool.fetch(_LONG_LOGS, compaction.FEWEST_UPDATES, compaction.FEWEST_BYTES)
    due = [
        row["document_id"]
        for row in rows
        if compaction.is_due(updates=row["updates"], log_bytes=int(row["bytes"]), snapshot_bytes=row["snapshot_bytes"])
    ]
    folded = 0
    for document_id in due[:most]:
        begun = time.perf_counter()
        try:
            folded += await _compact_one(pool, document_id)
        except BaseException as error:
            if is_core_failure(error):
                metrics.COMPACTION_FAILURES.inc()
            raise
        metrics.COMPACTION_SECONDS.observe(time.perf_counter() - begun)
    return folded


async def _compact_one(pool: "asyncpg.Pool[Any]", document_id: UUID) -> bool:
    row = await pool.fetchrow(_LOG, document_id)
    if row is None or row["seq"] is None:
        return False
    updates = [*([row["folded"]] if row["folded"] is not None else []), *row["updates"]]
    state = await asyncio.to_thread(_fold_checked, updates)
    if state is None:
        metrics.COMPACTION_FAILURES.inc()
        logger.error(
            "a log was not folded: folding would have lost a part of it", extra={"document_id": str(document_id)}
        )
        return False
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(_KEEP, document_id, row["seq"], state) is None:
            return False
        await connection.execute(
            "DELETE FROM document_updates WHERE document_id = $1 AND seq <= $2", document_id, row["seq"]
        )
        await connection.execute(
            """UPDATE lineages SET bytes = length($2::bytea) + (
                SELECT coalesce(sum(length(data)), 0) FROM document_updates WHERE document_id = $1
            ) WHERE document_id = $1""",
            document_id,
            state,
        )
    metrics.COMPACTION_UPDATES.inc(len(row["updates"]))
    return True


def _fold_checked(updates: list[bytes]) -> bytes | None:
    """Fold, and compare what comes out with what went in. None if a part would be lost."""
    state = compaction.fold(updates)
    before = wire.read_state_vector(get_state(merged(updates)))
    after = wire.read_state_vector(get_state(state))
    return state if after == before else None

"""How much the database holds of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

# Sizes only, which Postgres knows without reading what it has put aside: one short row for each document.
_SIZES = """
SELECT count(*) AS documents, coalesce(sum(bytes), 0)::bigint AS bytes,
       (SELECT coalesce(sum(length(data)), 0)::bigint FROM document_snapshots) AS snapshot_bytes
FROM lineages
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Documents, and the bytes of their encoded updates: those in the log, and those folded into snapshots."""

    documents: int
    log_bytes: int
    snapshot_bytes: int


async def measure(pool: asyncpg.Pool[Any]) -> Sizes:
    """Measure all documents at this moment, those in the trash included."""
    row = await pool.fetchrow(_SIZES)
    assert row is not None, "a count has a row"  # noqa: S101 - for the type
    # A lineage's bytes are set anew when its log is folded, which may miss what is written at that moment.
    log_bytes = max(0, row["bytes"] - row["snapshot_bytes"])
    return Sizes(documents=row["documents"], log_bytes=log_bytes, snapshot_bytes=row["snapshot_bytes"])

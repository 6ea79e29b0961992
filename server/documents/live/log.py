"""The update log in Postgres: group commit in one statement, loading in one statement.

One statement each, because one statement sees one state of the database: a load never meets a log that is being folded,
and a commit of a hundred documents is one round trip. Source: docs/data-model.md, "The log".
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from realtime.ports import Append, DocumentId, Epoch, LogUnavailable, Stored

_APPEND = """
WITH batch AS (
    SELECT *
    FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) WITH ORDINALITY AS entry (document_id, epoch, data, number)
), held AS MATERIALIZED (
    -- In one order in every process, so that two of them never wait for each other in a circle.
    SELECT lineages.document_id
    FROM lineages JOIN batch USING (document_id, epoch)
    ORDER BY lineages.document_id
    FOR UPDATE OF lineages
), placed AS (
    UPDATE lineages
    SET seq = lineages.seq + 1, bytes = lineages.bytes + length(batch.data)
    FROM held JOIN batch USING (document_id)
    WHERE lineages.document_id = batch.document_id
    RETURNING lineages.document_id, lineages.seq, batch.data, batch.number
), written AS (
    INSERT INTO document_updates (document_id, seq, data, created_at)
    SELECT document_id, seq, data, now() FROM placed
)
SELECT number, seq FROM placed
"""

_SINCE = """
SELECT
    lineages.epoch,
    lineages.seq,
    CASE WHEN snapshot.seq > $2 THEN snapshot.data END AS folded,
    ARRAY(
        SELECT later.data
        FROM document_updates AS later
        WHERE later.document_id = lineages.document_id AND later.seq > greatest($2, coalesce(snapshot.seq, 0))
        ORDER BY later.seq
    ) AS updates
FROM lineages
LEFT JOIN document_snapshots AS snapshot USING (document_id)
WHERE lineages.document_id = $1
"""

# What asyncpg and the socket raise while Postgres is away, restarts, or is too busy: each is worth another try.
_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class PostgresLog:
    """See realtime.ports.UpdateLog. `pool` belongs to the caller."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def load(self, document_id: DocumentId) -> Stored | None:
        """See UpdateLog."""
        return await self.since(document_id, 0)

    async def append(self, entries: Sequence[Append]) -> list[int | None]:
        """See UpdateLog."""
        try:
            rows = await self._pool.fetch(
                _APPEND,
                [entry.document_id for entry in entries],
                [entry.epoch for entry in entries],
                [entry.update for entry in entries],
            )
        except _AWAY as error:
            raise LogUnavailable from error
        places: list[int | None] = [None] * len(entries)
        for number, seq in rows:
            places[number - 1] = seq
        return places

    async def since(self, document_id: DocumentId, seq: int) -> Stored | None:
        """See UpdateLog."""
        try:
            row = await self._pool.fetchrow(_SINCE, UUID(document_id), seq)
        except _AWAY as error:
            raise LogUnavailable from error
        if row is None:
            return None
        folded = [row["folded"]] if row["folded"] is not None else []
        return Stored(epoch=Epoch(str(row["epoch"])), seq=row["seq"], updates=[*folded, *row["updates"]])

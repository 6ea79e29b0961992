"""The update log in Postgres: group commit in one statement, loading in one statement.

One statement each, because one statement sees one state of the database: a load never meets a log that is being folded,
and a commit of a hundred documents is one round trip. Commits have a connection of their own with their statements
prepared on it, which halves the time that a single keystroke waits. Source: docs/data-model.md, "The log".
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from realtime.ports import Append, DocumentId, Epoch, LogUnavailable, Stored

_APPEND_ONE = """
WITH placed AS (
    UPDATE lineages
    SET seq = seq + 1, bytes = bytes + length($3::bytea)
    WHERE document_id = $1 AND epoch = $2
    RETURNING seq
)
INSERT INTO document_updates (document_id, seq, data, created_at, written_by)
SELECT $1, seq, $3::bytea, now(), $4::uuid FROM placed
RETURNING 1 AS number, seq
"""

_APPEND = """
WITH batch AS (
    SELECT *
    FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::uuid[])
        WITH ORDINALITY AS entry (document_id, epoch, data, written_by, number)
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
    RETURNING lineages.document_id, lineages.seq, batch.data, batch.written_by, batch.number
), written AS (
    INSERT INTO document_updates (document_id, seq, data, created_at, written_by)
    SELECT document_id, seq, data, now(), written_by FROM placed
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

_RELEASE_SECONDS = 2.0
# What asyncpg and the socket raise while Postgres is away, restarts, or is too busy: each is worth another try.
# InternalClientError: the connection was ended from the other side while it lay idle.
_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class _Writer:
    """A connection that only commits."""

    connection: Any
    one: "PreparedStatement[asyncpg.Record]"
    many: "PreparedStatement[asyncpg.Record]"


class PostgresLog:
    """See realtime.ports.UpdateLog. `pool` belongs to the caller, who closes the log before it."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._writer: _Writer | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._give_back()

    async def load(self, document_id: DocumentId) -> Stored | None:
        """See UpdateLog."""
        return await self.since(document_id, 0)

    async def append(self, entries: Sequence[Append]) -> list[int | None]:
        """See UpdateLog."""
        async with self._turn:
            try:
                writer = self._writer or await self._open_writer()
                if len(entries) == 1:
                    [(document_id, epoch, update, by)] = entries
                    rows = await writer.one.fetch(document_id, epoch, update, _person(by))
                else:
                    rows = await writer.many.fetch(
                        [entry.document_id for entry in entries],
                        [entry.epoch for entry in entries],
                        [entry.update for entry in entries],
                        [_person(entry.by) for entry in entries],
                    )
            except _AWAY as error:
                await self._give_back(broken=True)
                raise LogUnavailable from error
            except asyncio.CancelledError:
                # Whoever waits no longer leaves a connection in the middle of something.
                await self._give_back(broken=True)
                raise
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

    async def _open_writer(self) -> _Writer:
        connection = await self._pool.acquire()
        try:
            self._writer = _Writer(
                connection, one=await connection.prepare(_APPEND_ONE), many=await connection.prepare(_APPEND)
            )
        except BaseException:
            await self._pool.release(connection)
            raise
        return self._writer

    async def _give_back(self, *, broken: bool = False) -> None:
        """Let go of the writer; a connection that may be in the middle of something is not used again."""
        writer, self._writer = self._writer, None
        if writer is not None:
            # A connection that Postgres closed has already left the pool by itself, which makes both of these refuse.
            with contextlib.suppress(*_AWAY):
                if broken:
                    writer.connection.terminate()
                await self._pool.release(writer.connection, timeout=_RELEASE_SECONDS)


def _person(by: str | None) -> UUID | None:
    """Return who somebody is among our people; None for whoever is not one of them."""
    try:
        return UUID(by) if by is not None else None
    except ValueError:
        return None

"""Cleaning up after pictures that no document shows any more. Safe to run at any time, any number of times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from anyio import to_thread
from obstore.store import LocalStore, ObjectStore
from sqlalchemy import delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.assets import keeping, placing, storage
from server.assets.models import Asset
from server.db import Sessions, transaction

log = structlog.get_logger(__name__)

# So long a picture without a document stays: somebody may have it in a browser that is offline, about to come back.
REST: Final = timedelta(days=7)
# Nothing younger is looked at: an upload may be between its bytes and its row.
SETTLED: Final = timedelta(days=1)
# Pictures per run; what is left comes with the next.
LIMIT: Final = 500
# Looked for together; each document of the workspace is read once for all of them.
TOGETHER: Final = 50


@dataclass(frozen=True, slots=True)
class CleanedUp:
    """What one run did: rows and objects that went."""

    rows: int
    objects: int


async def clean_up(sessions: Sessions, store: ObjectStore, *, now: datetime | None = None) -> CleanedUp:
    """Remove pictures whose document is gone for good and that no other document mentions, and bytes without a row.

    A document in the trash is not gone. A picture that another document mentions gets that one as its home.
    """
    moment = now or datetime.now(UTC)
    rows = await _let_rows_go(sessions, now=moment)
    objects = await _let_objects_go(sessions, store, before=moment - SETTLED)
    return CleanedUp(rows=rows, objects=objects)


async def _let_rows_go(sessions: Sessions, *, now: datetime) -> int:
    rested = now - REST
    async with transaction(sessions) as db:
        homeless = (
            await db.execute(
                select(col(Asset.workspace_id), col(Asset.id))
                .where(
                    ~placing.HAS_HOME,
                    col(Asset.created_at) < now - SETTLED,
                    or_(col(Asset.unused_since).is_(None), col(Asset.unused_since) < rested),
                )
                .order_by(col(Asset.workspace_id), col(Asset.created_at))
                .limit(LIMIT)
            )
        ).all()
    gone = 0
    for workspace_id, group in groupby(homeless, key=lambda row: row[0]):
        ids = [row[1] for row in group]
        for start in range(0, len(ids), TOGETHER):
            async with transaction(sessions) as db:
                gone += await _settle(db, workspace_id, ids[start : start + TOGETHER], now=now)
    return gone


async def _settle(db: AsyncSession, workspace_id: UUID, asset_ids: Sequence[UUID], *, now: datetime) -> int:
    """Give each picture a new home, or mark it, or remove its row if it was marked long ago. Returns rows removed."""
    homes = await placing.homes(db, workspace_id, asset_ids)
    for asset_id, document_id in homes.items():
        await db.execute(
            update(Asset)
            .where(col(Asset.id) == asset_id, ~placing.HAS_HOME)
            .values(document_id=document_id, unused_since=None)
        )
    unused = [asset_id for asset_id in asset_ids if asset_id not in homes]
    # Somebody may have uploaded it again meanwhile; then it has a home, and none of the conditions holds.
    removed = await db.scalars(
        delete(Asset)
        .where(col(Asset.id).in_(unused), ~placing.HAS_HOME, col(Asset.unused_since) < now - REST)
        .returning(col(Asset.id))
    )
    count = len(removed.all())
    await db.execute(
        update(Asset)
        .where(col(Asset.id).in_(unused), ~placing.HAS_HOME, col(Asset.unused_since).is_(None))
        .values(unused_since=now)
    )
    return count


async def _let_objects_go(sessions: Sessions, store: ObjectStore, *, before: datetime) -> int:
    gone = 0
    async for page in storage.pages(store):
        old = [each for each in page if each.changed_at < before]
        if not old:
            continue
        async with transaction(sessions) as db:
            named = await _named(db, old)
        for each in old:
            if (each.workspace_id, each.sha256) not in named and await keeping.let_go(
                sessions, store, key=each.key, workspace_id=each.workspace_id, sha256=each.sha256
            ):
                gone += 1
    if isinstance(store, LocalStore) and store.prefix is not None:
        directory = Path(store.prefix)
        gone += await to_thread.run_sync(lambda: storage.delete_unfinished(directory, before=before))
    return gone


async def _named(db: AsyncSession, objects: Sequence[storage.Stored]) -> set[tuple[UUID, bytes]]:
    pairs = [(each.workspace_id, each.sha256) for each in objects]
    rows = await db.execute(
        select(col(Asset.workspace_id), col(Asset.sha256)).where(
            tuple_(col(Asset.workspace_id), col(Asset.sha256)).in_(pairs)
        )
    )
    return {(row[0], row[1]) for row in rows}

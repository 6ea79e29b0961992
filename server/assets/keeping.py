"""Keeping pictures: the bytes first, then the row, then the answer; and letting go in the other order."""

from typing import Final
from uuid import UUID

from obstore.store import ObjectStore
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.assets import file_names, storage
from server.assets.models import Asset
from server.assets.pictures import Picture
from server.assets.placing import Place
from server.db import Sessions, transaction

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


async def keep(
    db: AsyncSession, store: ObjectStore, picture: Picture, *, by: UUID, place: Place, file_name: str
) -> Asset:
    """Note the picture, whose bytes were put under its key before, as one of the place's workspace.

    The caller has checked that `by` may bring it there.
    The same bytes are one asset, whoever brings them and how often; its home is the document they came to last.
    Until the caller's transaction ends, nobody else can let the bytes go. Raises Unavailable.
    """
    key = storage.key_for(place.workspace_id, picture.sha256, picture.kind)
    await lock(db, key)
    # Between the put and the lock a clean-up may have taken them for nobody's.
    if not await storage.holds(store, key, size_bytes=picture.size_bytes):
        picture.file.seek(0)
        await storage.put(store, key, picture.file)
    new = Asset(
        workspace_id=place.workspace_id,
        document_id=place.document_id,
        sha256=picture.sha256,
        media_type=picture.kind.media_type,
        width=picture.width,
        height=picture.height,
        size_bytes=picture.size_bytes,
        file_name=file_names.clean(file_name, picture.kind),
        created_by=by,
    )
    statement = (
        insert(Asset)
        .values(new.model_dump())
        .on_conflict_do_update(
            index_elements=["workspace_id", "sha256"],
            set_={"document_id": place.document_id, "unused_since": None},
        )
        .returning(Asset)
    )
    asset = await db.scalar(statement, execution_options={"populate_existing": True})
    assert asset is not None  # noqa: S101 - an upsert without a condition always returns its row
    return asset


async def let_go(sessions: Sessions, store: ObjectStore, *, key: str, workspace_id: UUID, sha256: bytes) -> bool:
    """Delete the bytes unless a row names them. Returns whether they went."""
    async with transaction(sessions) as db:
        await lock(db, key)
        if await db.scalar(
            select(func.count()).where(col(Asset.workspace_id) == workspace_id, col(Asset.sha256) == sha256)
        ):
            return False
        await storage.delete(store, key)
        return True


async def lock(db: AsyncSession, key: str) -> None:
    """Wait until nobody else keeps or lets go these bytes; holds until the transaction ends."""
    await db.execute(_LOCK, {"key": key})

"""What pictures must know about documents.

Documents lie above this domain, so nothing of them is imported: these are the few columns that docs/data-model.md
promises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, Uuid, column, exists, func, literal, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.assets.models import Asset
from server.errors import NotFound

_DOCUMENTS: Final = table(
    "documents",
    column("id", Uuid()),
    column("workspace_id", Uuid()),
    column("trashed_at", DateTime(timezone=True)),
)
_UPDATES: Final = table("document_updates", column("document_id", Uuid()), column("data", LargeBinary()))
_SNAPSHOTS: Final = table("document_snapshots", column("document_id", Uuid()), column("data", LargeBinary()))

HAS_HOME: Final = exists().where(_DOCUMENTS.c.id == col(Asset.document_id))


@dataclass(frozen=True, slots=True)
class Place:
    """A document, as far as a picture in it is concerned."""

    document_id: UUID
    workspace_id: UUID
    trashed_at: datetime | None


class Doors(Protocol):
    """Who may bring a picture where, and see one: decided by the documents above, handed down by app.py."""

    async def require_upload(self, db: AsyncSession, user: User, place: Place) -> None:
        """Raise Forbidden unless the person may bring pictures there, NotFound if they may not even see the place."""

    async def require_view(self, db: AsyncSession, user: User, asset: Asset) -> None:
        """Raise NotFound unless the person may see the picture."""


async def find(db: AsyncSession, document_id: UUID) -> Place:
    """Return the document. Raises NotFound."""
    columns = _DOCUMENTS.c
    row = (
        await db.execute(select(columns.id, columns.workspace_id, columns.trashed_at).where(columns.id == document_id))
    ).one_or_none()
    if row is None:
        raise NotFound
    return Place(*row)


async def homes(db: AsyncSession, workspace_id: UUID, asset_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return a document for each of the pictures that documents of the workspace still mention.

    Text in a Yjs update stands there as it is, so an address is found by looking for its bytes, in the log and in the
    snapshots. That may find a picture that has since been taken out (undo can bring it back), and never overlooks one.
    """
    missing = {str(asset_id).encode(): asset_id for asset_id in asset_ids}
    found: dict[UUID, UUID] = {}
    documents = select(_DOCUMENTS.c.id).where(_DOCUMENTS.c.workspace_id == workspace_id)
    # One document at a time: none is longer than the largest document, so no statement takes long.
    for document_id in list(await db.scalars(documents)):
        if not missing:
            break
        for needle in await _mentioned(db, document_id, list(missing)):
            found[missing.pop(needle)] = document_id
    return found


async def _mentioned(db: AsyncSession, document_id: UUID, needles: list[bytes]) -> list[bytes]:
    sought = func.unnest(literal(needles, ARRAY(LargeBinary()))).column_valued("needle")
    hits = [
        exists().where(source.c.document_id == document_id, func.pg_catalog.position(source.c.data, sought) > 0)
        for source in (_UPDATES, _SNAPSHOTS)
    ]
    return [bytes(needle) for needle in await db.scalars(select(sought).where(hits[0] | hits[1]))]

"""Under whose name a deed stands in the ledger."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.audit.ledger import By

NOBODY_KNOWN = "Somebody"


async def signed(db: AsyncSession, user_id: UUID) -> By:
    """Return a person as whoever did something, by the name they have now."""
    name = await db.scalar(select(col(User.name)).where(col(User.id) == user_id))
    return By(user_id, name or NOBODY_KNOWN)

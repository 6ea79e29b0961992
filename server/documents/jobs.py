"""Work on documents for later. Safe to run at any time, any number of times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import GuestKey, User, UserKind
from server.documents.live import compact
from server.documents.models import ReviewGuest, utc_now

# So long a guest's browser is told what became of the link.
KEYS_KEPT: Final = timedelta(days=90)


async def compact_documents(pool: asyncpg.Pool[Any], *, most: int = 100) -> int:
    """Fold the logs that have grown long, the longest first. Returns how many were folded."""
    return await compact(pool, most=most)


async def clean_up(db: AsyncSession, *, now: datetime | None = None) -> int:
    """Delete guests of reviews whose document is gone, and keys of guests whose time is long over. Returns how many.

    What a guest said stays with the document, and so does the guest.
    """
    now = now or utc_now()
    of_document = select(col(ReviewGuest.user_id)).where(col(ReviewGuest.user_id) == col(User.id)).exists()
    lost = delete(User).where(col(User.kind) == UserKind.GUEST.value, ~of_document)
    over = select(col(ReviewGuest.user_id)).where(
        or_(col(ReviewGuest.expires_at) <= now - KEYS_KEPT, col(ReviewGuest.revoked_at) <= now - KEYS_KEPT)
    )
    old = delete(GuestKey).where(col(GuestKey.user_id).in_(over))
    gone = (await db.scalars(lost.returning(col(User.id)))).all()
    return len(gone) + len((await db.scalars(old.returning(col(GuestKey.secret_hash)))).all())

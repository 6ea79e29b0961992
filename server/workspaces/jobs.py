"""Tidying up what is over. Safe to run at any time, any number of times."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import utc_now
from server.workspaces.models import Invitation

# Kept for a while, so that "who invited whom, and when did it end?" can be answered.
KEPT_AFTER_END: Final = timedelta(days=30)


async def clean_up(db: AsyncSession, *, now: datetime | None = None) -> int:
    """Delete invitations that ended long ago. Returns how many rows went."""
    before = (now or utc_now()) - KEPT_AFTER_END
    ended = delete(Invitation).where((col(Invitation.expires_at) <= before) | (col(Invitation.revoked_at) <= before))
    return len((await db.scalars(ended.returning(col(Invitation.id)))).all())

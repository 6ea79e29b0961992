"""What the bell shows: a person's notices, how many are unread, and marking them read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User, utc_now
from server.errors import NotFound
from server.notifications.letters import Told, Visible, told
from server.notifications.models import PersonalNotice

SHOWN_IN_BELL: Final = 20
SHOWN_ON_PAGE: Final = 50
# Above this the bell says "99+", and nothing is counted further.
MOST_COUNTED: Final = 100


async def count_unread(db: AsyncSession, user_id: UUID) -> int:
    """Return how many of the person's notices are unread, at most `MOST_COUNTED`."""
    some = (
        select(col(PersonalNotice.id))
        .where(col(PersonalNotice.user_id) == user_id, col(PersonalNotice.read_at).is_(None))
        .limit(MOST_COUNTED)
        .subquery()
    )
    return int(await db.scalar(select(func.count()).select_from(some)) or 0)


async def newest(
    db: AsyncSession, user: User, visible: Visible, *, limit: int = SHOWN_IN_BELL, before: datetime | None = None
) -> Sequence[Told]:
    """Return the person's notices of all their workspaces, the newest first, from before a time."""
    condition = col(PersonalNotice.created_at) < before if before is not None else true()
    return await told(db, user, visible, condition, limit=limit)


async def read_one(db: AsyncSession, user_id: UUID, notice_id: UUID, *, now: datetime | None = None) -> str:
    """Mark a notice as read. Returns where it leads. Raises NotFound for one that is not theirs."""
    path: str | None = await db.scalar(
        update(PersonalNotice)
        .where(col(PersonalNotice.id) == notice_id, col(PersonalNotice.user_id) == user_id)
        .values(read_at=func.coalesce(col(PersonalNotice.read_at), now or utc_now()))
        .returning(col(PersonalNotice.path))
    )
    if path is None:
        raise NotFound
    return path


async def read_all(db: AsyncSession, user_id: UUID, *, now: datetime | None = None) -> int:
    """Mark all of the person's notices as read. Returns how many were not."""
    changed = await db.scalars(
        update(PersonalNotice)
        .where(col(PersonalNotice.user_id) == user_id, col(PersonalNotice.read_at).is_(None))
        .values(read_at=now or utc_now())
        .returning(col(PersonalNotice.id))
    )
    return len(changed.all())

"""What stands above every calendar: accounts that somebody has to connect again, and publications that are late.

Both come about by time alone, with nobody at a page; so the worker tells open calendars of them.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, union
from sqlmodel import col

from server.db import Sessions
from server.publishing.models import ChannelAccount, Publication
from server.publishing.states import OPEN


async def changed(sessions: Sessions, since: datetime) -> set[UUID]:
    """Return the workspaces where an account fares otherwise, or a publication was found late, since a moment."""
    accounts = select(col(ChannelAccount.workspace_id)).where(col(ChannelAccount.health_since) >= since)
    late = select(col(Publication.workspace_id)).where(
        col(Publication.state).in_([state.value for state in OPEN]), col(Publication.overdue_told_at) >= since
    )
    async with sessions() as db:
        return set(await db.scalars(union(accounts, late)))

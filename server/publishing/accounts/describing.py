"""Letting a site say something else of itself."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.errors import NotFound
from server.publishing.accounts import accounts
from server.publishing.models import ChannelAccount
from server.publishing.site.describing import described
from server.workspaces.access import Actor, Verb


async def describe(
    db: AsyncSession, actor: Actor, account_id: UUID, *, description: str, language: str
) -> ChannelAccount:
    """Let a site say something else of itself. Raises Forbidden, NotFound, Invalid."""
    account = await accounts.find(db, actor, account_id, Verb.PUBLISH)
    if account.channel != "site":
        raise NotFound
    account.facts = {**account.facts, **described(description, language)}
    await db.flush()
    return account

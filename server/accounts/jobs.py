"""Tidying up what is over. Safe to run at any time, any number of times."""

from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts import sessions, setup


async def clean_up(db: AsyncSession) -> int:
    """Delete expired sessions and setup links that can never work again. Returns how many rows went."""
    return await sessions.delete_expired(db) + await setup.delete_spent(db)

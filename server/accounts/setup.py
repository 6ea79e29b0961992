"""The link that makes the first account: once, within a day, and only while there is no account."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import people
from server.accounts.models import SetupLink, User, utc_now
from server.accounts.secret import digest, new_secret
from server.errors import DomainError

LASTS: Final = timedelta(hours=24)


class LinkSpent(DomainError):
    """The link was used, has expired, or never was one; or there is an account already."""

    sentence = "This link has been used or has expired."


async def issue_link(db: AsyncSession, *, now: datetime | None = None) -> str | None:
    """Return the path of a new setup link, or None when there is an account. Links given out before stop working."""
    if await people.exist(db):
        return None
    now = now or utc_now()
    await db.execute(delete(SetupLink).where(col(SetupLink.used_at).is_(None)))
    secret = new_secret()
    db.add(SetupLink(token_hash=digest(secret), created_at=now, expires_at=now + LASTS))
    await db.flush()
    return f"/setup/{secret}"


async def check(db: AsyncSession, secret: str, *, now: datetime | None = None) -> None:
    """Raise LinkSpent unless the link would work now."""
    found = select(col(SetupLink.id)).where(
        col(SetupLink.token_hash) == digest(secret),
        col(SetupLink.used_at).is_(None),
        col(SetupLink.expires_at) > (now or utc_now()),
    )
    if await db.scalar(found) is None or await people.exist(db):
        raise LinkSpent


async def claim(
    db: AsyncSession, secret: str, *, email: str, name: str, password_hash: str, now: datetime | None = None
) -> User:
    """Make the first account and use the link up. Raises LinkSpent, Invalid.

    Of any number of claims at once, by one link or by several, exactly one succeeds.
    """
    now = now or utc_now()
    # Every unused link is locked, not only this one: two valid links must not make two first accounts.
    unused = select(SetupLink).where(col(SetupLink.used_at).is_(None)).order_by(col(SetupLink.id)).with_for_update()
    links = (await db.scalars(unused.execution_options(populate_existing=True))).all()
    link = next((link for link in links if link.token_hash == digest(secret)), None)
    if link is None or link.expires_at <= now or await people.exist(db):
        raise LinkSpent
    user = await people.create(db, email=email, name=name, password_hash=password_hash)
    await db.execute(update(SetupLink).where(col(SetupLink.used_at).is_(None)).values(used_at=now))
    return user


async def delete_spent(db: AsyncSession, *, now: datetime | None = None) -> int:
    """Remove the rows of links that can never work again. Returns how many."""
    now = now or utc_now()
    spent = delete(SetupLink).where((col(SetupLink.used_at).is_not(None)) | (col(SetupLink.expires_at) <= now))
    return len((await db.scalars(spent.returning(col(SetupLink.id)))).all())

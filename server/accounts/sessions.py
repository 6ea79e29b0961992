"""Signed-in browsers. The cookie holds a secret; its hash, in a row, is the session."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import Session, User, utc_now
from server.accounts.secret import digest, new_secret
from server.errors import NotFound
from server.web.text import clean_line

# A session that is used moves its end this often at most: one write an hour, not one a click.
RENEW_AFTER: Final = timedelta(hours=1)
MAX_USER_AGENT_CHARACTERS: Final = 300
# More than a person would look through; the older ones can still be ended all at once.
MAX_LISTED: Final = 100
MAX_ADDRESS_CHARACTERS: Final = 64


async def start(
    db: AsyncSession,
    user: User,
    *,
    lasts: timedelta,
    user_agent: str = "",
    address: str = "",
    now: datetime | None = None,
) -> str:
    """Begin a session and return its secret for the cookie. Always a new one: a planted cookie is never adopted."""
    now = now or utc_now()
    secret = new_secret()
    db.add(
        Session(
            token_hash=digest(secret),
            user_id=user.id,
            created_at=now,
            expires_at=now + lasts,
            last_seen_at=now,
            user_agent=clean_line(user_agent)[:MAX_USER_AGENT_CHARACTERS],
            address=clean_line(address)[:MAX_ADDRESS_CHARACTERS],
        )
    )
    await db.flush()
    return secret


async def find(db: AsyncSession, secret: str, *, now: datetime | None = None) -> tuple[Session, User] | None:
    """Return the session of this secret and its person, unless it has ended, expired, or the person is disabled."""
    row = (
        await db.execute(
            select(Session, User)
            .join(User, col(User.id) == col(Session.user_id))
            .where(col(Session.token_hash) == digest(secret), holds(now or utc_now()), col(User.disabled_at).is_(None))
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


def holds(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition under which a row of sessions is a session at all."""
    return col(Session.expires_at) > now


async def is_open(db: AsyncSession, session_id: UUID, *, now: datetime | None = None) -> bool:
    """Whether a session that was found earlier still holds."""
    found = select(col(Session.id)).join(User, col(User.id) == col(Session.user_id))
    found = found.where(
        col(Session.id) == session_id, col(Session.expires_at) > (now or utc_now()), col(User.disabled_at).is_(None)
    )
    return bool(await db.scalar(select(found.exists())))


async def renew(db: AsyncSession, session: Session, *, lasts: timedelta, now: datetime | None = None) -> bool:
    """Move the end of a session that is in use. Returns whether it was due, and the cookie must be sent again."""
    now = now or utc_now()
    if now - session.last_seen_at < RENEW_AFTER:
        return False
    # Requests of one page come together: one renews, the others neither wait nor write.
    due = (
        select(col(Session.id))
        .where(col(Session.id) == session.id, col(Session.last_seen_at) <= now - RENEW_AFTER)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    renewed = await db.scalar(
        update(Session)
        .where(col(Session.id) == due)
        .values(last_seen_at=now, expires_at=now + lasts)
        .returning(col(Session.id))
        .execution_options(synchronize_session=False)
    )
    return renewed is not None


async def end(db: AsyncSession, secret: str) -> None:
    """End the session of this secret, if there is one."""
    await db.execute(delete(Session).where(col(Session.token_hash) == digest(secret)))


async def end_all(db: AsyncSession, user_id: UUID) -> None:
    """End every session of a person."""
    await db.execute(delete(Session).where(col(Session.user_id) == user_id))


async def list_for(db: AsyncSession, user_id: UUID, *, now: datetime | None = None) -> Sequence[Session]:
    """Return a person's open sessions, the one that was used last first, at most `MAX_LISTED`."""
    found = select(Session).where(col(Session.user_id) == user_id, col(Session.expires_at) > (now or utc_now()))
    found = found.order_by(col(Session.last_seen_at).desc(), col(Session.id)).limit(MAX_LISTED)
    return (await db.scalars(found)).all()


async def end_one(db: AsyncSession, user_id: UUID, session_id: UUID) -> None:
    """End a session of this person. Raises NotFound."""
    ended = delete(Session).where(col(Session.id) == session_id, col(Session.user_id) == user_id)
    if await db.scalar(ended.returning(col(Session.id))) is None:
        raise NotFound


async def end_others(db: AsyncSession, user_id: UUID, session_id: UUID) -> int:
    """End every session of a person but this one. Returns how many."""
    others = delete(Session).where(col(Session.user_id) == user_id, col(Session.id) != session_id)
    return len((await db.scalars(others.returning(col(Session.id)))).all())


async def delete_expired(db: AsyncSession, *, now: datetime | None = None) -> int:
    """Remove the rows of sessions that are over. Returns how many."""
    expired = delete(Session).where(col(Session.expires_at) <= (now or utc_now())).returning(col(Session.id))
    return len((await db.scalars(expired)).all())

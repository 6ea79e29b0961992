"""API tokens: keys that let a program act as its user. The text is shown once, when the token is made."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import ApiToken, User, utc_now
from server.accounts.secret import digest, new_secret
from server.errors import Invalid, NotFound
from server.web.text import clean_line, has_ink

PREFIX: Final = "qr_"
HINT_CHARACTERS: Final = 8
MAX_NAME_CHARACTERS: Final = 80
# `last_used_at` helps a person to see what is still in use; a minute is exact enough and spares a write a call.
USE_NOTED_EVERY: Final = timedelta(minutes=1)


async def create(
    db: AsyncSession, user: User, name: str, *, expires_at: datetime | None = None, now: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token. Returns its row, and its text, which is not kept. Raises Invalid."""
    now = now or utc_now()
    name = clean_line(name)
    if not has_ink(name) or len(name) > MAX_NAME_CHARACTERS:
        raise Invalid({"name": f"Give the token a name of at most {MAX_NAME_CHARACTERS} characters."})
    if expires_at is not None and expires_at <= now:
        raise Invalid({"expires_at": "Choose a time that is still to come."})
    text = new_secret(PREFIX)
    token = ApiToken(
        user_id=user.id,
        name=name,
        token_hash=digest(text),
        hint=text[:HINT_CHARACTERS],
        created_at=now,
        expires_at=expires_at,
    )
    db.add(token)
    await db.flush()
    return token, text


async def find(db: AsyncSession, text: str, *, now: datetime | None = None) -> tuple[ApiToken, User] | None:
    """Return the token of this text and its person, unless it is revoked, expired, or the person is disabled."""
    if not text.startswith(PREFIX):
        return None
    row = (
        await db.execute(
            select(ApiToken, User)
            .join(User, col(User.id) == col(ApiToken.user_id))
            .where(col(ApiToken.token_hash) == digest(text), holds(now or utc_now()), col(User.disabled_at).is_(None))
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


def holds(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition under which a row of tokens still proves who somebody is."""
    return and_(
        col(ApiToken.revoked_at).is_(None), or_(col(ApiToken.expires_at).is_(None), col(ApiToken.expires_at) > now)
    )


async def note_use(db: AsyncSession, token: ApiToken, *, now: datetime | None = None) -> bool:
    """Write down that the token was used, at most once a minute. Returns whether it was written."""
    now = now or utc_now()
    if token.last_used_at is not None and now - token.last_used_at < USE_NOTED_EVERY:
        return False
    # Of several calls at once one writes; none waits for another.
    due = (
        select(col(ApiToken.id))
        .where(
            col(ApiToken.id) == token.id,
            or_(col(ApiToken.last_used_at).is_(None), col(ApiToken.last_used_at) <= now - USE_NOTED_EVERY),
        )
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    noted = await db.scalar(
        update(ApiToken)
        .where(col(ApiToken.id) == due)
        .values(last_used_at=now)
        .returning(col(ApiToken.id))
        .execution_options(synchronize_session=False)
    )
    return noted is not None


async def revoke(db: AsyncSession, user_id: UUID, token_id: UUID, *, now: datetime | None = None) -> None:
    """Make a token of this person useless from now on. Raises NotFound."""
    revoked = await db.scalar(
        update(ApiToken)
        .where(col(ApiToken.id) == token_id, col(ApiToken.user_id) == user_id, col(ApiToken.revoked_at).is_(None))
        .values(revoked_at=now or utc_now())
        .returning(col(ApiToken.id))
    )
    if revoked is None:
        raise NotFound


async def list_for(db: AsyncSession, user_id: UUID) -> Sequence[ApiToken]:
    """Return a person's tokens that are not revoked, newest first."""
    found = select(ApiToken).where(col(ApiToken.user_id) == user_id, col(ApiToken.revoked_at).is_(None))
    return (await db.scalars(found.order_by(col(ApiToken.created_at).desc(), col(ApiToken.id)))).all()

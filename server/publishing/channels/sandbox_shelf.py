"""Where the posts of sandboxes lie."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.db import Sessions, transaction
from server.publishing.channels.sandbox_models import SandboxPost
from server.publishing.remedies import ChannelError, Remedy

# As many as the page shows.
NEWEST: Final = 100


@dataclass(frozen=True, slots=True)
class Sent:
    """A post as a sandbox has it. `texts`: of the post and its replies; `shown`: how many of them are to be seen."""

    id: UUID
    account_id: UUID
    title: str
    texts: tuple[str, ...]
    pictures: tuple[str, ...]
    outcome: str
    shown: int
    sent_at: datetime


class SandboxShelf(Protocol):
    """Takes posts and gives them back. All of it raises ChannelError."""

    async def put(self, sent: Sent) -> None:
        """Write a post down, in place of what it was before."""
        ...

    async def find(self, post_id: UUID) -> Sent | None:
        """Return a post, if it was written down."""
        ...

    async def remove(self, post_id: UUID) -> None:
        """Remove a post, if it is there."""
        ...


@dataclass(frozen=True, slots=True)
class PostgresSandboxShelf:
    """See SandboxShelf."""

    sessions: Sessions

    async def put(self, sent: Sent) -> None:
        """See SandboxShelf."""
        values = {
            "id": sent.id,
            "account_id": sent.account_id,
            "title": sent.title,
            "texts": list(sent.texts),
            "pictures": list(sent.pictures),
            "outcome": sent.outcome,
            "shown": sent.shown,
            "sent_at": sent.sent_at,
        }
        written = insert(SandboxPost).values(values)
        async with _asking(lost=Remedy.UNKNOWN), transaction(self.sessions) as db:
            await db.execute(written.on_conflict_do_update(index_elements=["id"], set_=values))

    async def find(self, post_id: UUID) -> Sent | None:
        """See SandboxShelf."""
        async with _asking(), self.sessions() as db:
            row: SandboxPost | None = await db.get(SandboxPost, post_id)
        if row is None:
            return None
        return Sent(
            row.id,
            row.account_id,
            row.title,
            tuple(row.texts),
            tuple(row.pictures),
            row.outcome,
            row.shown,
            row.sent_at,
        )

    async def remove(self, post_id: UUID) -> None:
        """See SandboxShelf."""
        async with _asking(lost=Remedy.UNKNOWN), transaction(self.sessions) as db:
            await db.execute(delete(SandboxPost).where(col(SandboxPost.id) == post_id))


async def newest(db: AsyncSession, account_id: UUID) -> Sequence[SandboxPost]:
    """Return the newest posts of a sandbox, newest first."""
    found = (
        select(SandboxPost)
        .where(col(SandboxPost.account_id) == account_id)
        .order_by(col(SandboxPost.sent_at).desc(), col(SandboxPost.id))
        .limit(NEWEST)
    )
    return (await db.scalars(found)).all()


@asynccontextmanager
async def _asking(*, lost: Remedy = Remedy.RETRY) -> AsyncIterator[None]:
    """Turn what the database answers into ChannelError. `lost`: what helps if it broke off, maybe after a commit."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise ChannelError(lost, "The database did not answer.", evidence=type(error).__name__) from error

"""Who can see a document, for those who want to mention somebody."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Select, and_, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import strongest_role
from server.documents.models import Document, LinkVisit, ShareLink, utc_now
from server.workspaces.models import Member

MAX_SUGGESTIONS: Final = 8
MAX_QUERY_CHARACTERS: Final = 100


async def suggest(db: AsyncSession, document_id: UUID, query: str) -> Sequence[User]:
    """Return people who can see the document and in whose name every word of `query` begins a word or stands."""
    found = _readers(document_id).order_by(col(User.name), col(User.id)).limit(MAX_SUGGESTIONS)
    for word in query[:MAX_QUERY_CHARACTERS].replace("\0", "").split():
        pattern = "%" + word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        found = found.where(col(User.name).ilike(pattern, escape="\\"))
    return (await db.scalars(found)).all()


async def who_cannot_see(db: AsyncSession, document_id: UUID, user_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these people who do not see the document, or are nobody."""
    if not user_ids:
        return set()
    seeing = await db.scalars(_readers(document_id).where(col(User.id).in_(user_ids)))
    return set(user_ids) - {user.id for user in seeing}


def _readers(document_id: UUID) -> Select[User]:
    members = select(col(Member.user_id)).where(col(Member.workspace_id) == col(Document.workspace_id))
    visitors = (
        select(col(LinkVisit.user_id))
        .join(ShareLink, col(ShareLink.id) == col(LinkVisit.link_id))
        .where(col(ShareLink.document_id) == document_id, col(LinkVisit.user_id).is_not(None))
    )
    theirs = and_(col(Member.workspace_id) == col(Document.workspace_id), col(Member.user_id) == col(User.id))
    return (
        select(User)
        .join(Document, col(Document.id) == document_id)
        .outerjoin(Member, theirs)
        .where(
            or_(col(User.id).in_(members.correlate(Document)), col(User.id).in_(visitors)),
            col(User.disabled_at).is_(None),
            strongest_role(col(User.id), col(Member.role), literal(utc_now())).is_not(None),
        )
    )

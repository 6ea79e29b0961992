"""Links that open one document: for anybody to read, and for people with an account in the link's role.

A link may end at a time, ask for a password, and be taken back; then what it gave ends, too. The secret is in nobody's
hands but those it was given to: it is shown once, and only its hash is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import passwords
from server.accounts.models import User
from server.accounts.secret import digest, new_secret
from server.documents import telling
from server.documents.access import (
    DocumentActor,
    DocumentRole,
    DocumentVerb,
    actor_at,
    count_change,
    link_works,
    reaches,
    require,
)
from server.documents.models import Document, Lineage, LinkVisit, ShareLink, utc_now
from server.documents.telling import LinkDeed
from server.errors import Conflict, DomainError, Forbidden, Invalid, NotFound

# More than anybody can oversee; old ones are taken back first.
MAX_LINKS: Final = 50
MIN_PASSWORD_CHARACTERS: Final = 6


class LinkOver(DomainError):
    """The link has expired, was taken back, or never was one."""

    sentence = "This link has expired or was taken back. Ask for a new one."


class PasswordAsked(DomainError):
    """The link opens with its password only."""

    sentence = "Enter the password of this link."


@dataclass(frozen=True, slots=True)
class Linked:
    """A link that works now, with its maker's name."""

    link: ShareLink
    made_by: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that works now, what it opens, and how far the document's log has come."""

    link: ShareLink
    document: Document
    seq: int


async def create(
    db: AsyncSession,
    user: User,
    document_id: UUID,
    role: DocumentRole,
    *,
    expires_at: datetime | None = None,
    password: str | None = None,
) -> tuple[Document, ShareLink, str]:
    """Make a link. Returns the document, the row and the secret.

    Raises NotFound, Forbidden for a role above one's own, Invalid, Conflict when there are too many.
    """
    document, actor = await _at(db, user, document_id)
    _require_role(actor, role)
    _require_future(expires_at)
    working = select(func.count()).where(col(ShareLink.document_id) == document_id, link_works(literal(utc_now())))
    if (await db.scalar(working) or 0) >= MAX_LINKS:
        raise Conflict(f"A document has at most {MAX_LINKS} links. Take one back first.")
    secret = new_secret()
    link = ShareLink(
        document_id=document_id,
        secret_hash=digest(secret),
        role=role.value,
        expires_at=expires_at,
        password_hash=await _hash(password),
        created_by=user.id,
    )
    db.add(link)
    await db.flush()
    await telling.note_link(db, document, link, LinkDeed.CREATED, by=user.id)
    return document, link, secret


async def listed(db: AsyncSession, user: User, document_id: UUID) -> Sequence[Linked]:
    """Return the links that work now, the newest first. Raises NotFound, Forbidden."""
    await _at(db, user, document_id)
    rows = await db.execute(
        select(ShareLink, col(User.name))
        .outerjoin(User, col(User.id) == col(ShareLink.created_by))
        .where(col(ShareLink.document_id) == document_id, link_works(literal(utc_now())))
        .order_by(col(ShareLink.created_at).desc(), col(ShareLink.id))
    )
    return [Linked(link, maker) for link, maker in rows]


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be otherwise about a link; the names in `said` count, also where their value is None."""

    said: frozenset[str]
    role: DocumentRole | None = None
    expires_at: datetime | None = None
    password: str | None = None


async def change(db: AsyncSession, user: User, document_id: UUID, link_id: UUID, wish: Wish) -> ShareLink:
    """Change a link that works. A new password asks everybody again. Raises NotFound, Forbidden, Invalid."""
    document, actor = await _at(db, user, document_id)
    link = await _working(db, document_id, link_id)
    # Whoever may not give a role may not keep it alive either.
    _require_role(actor, DocumentRole(link.role))
    if "role" in wish.said:
        if wish.role is None:
            raise Invalid({"role": "Say what the link lets people do."})
        _require_role(actor, wish.role)
        link.role = wish.role.value
    if "expires_at" in wish.said:
        _require_future(wish.expires_at)
        link.expires_at = wish.expires_at
    if "password" in wish.said:
        link.password_hash = await _hash(wish.password)
        if link.password_hash is not None:
            for visit in await db.scalars(select(LinkVisit).where(col(LinkVisit.link_id) == link_id)):
                await db.delete(visit)
    await db.flush()
    await count_change(db, document_id)
    await telling.note_link(db, document, link, LinkDeed.CHANGED, by=user.id)
    return link


async def revoke(db: AsyncSession, user: User, document_id: UUID, link_id: UUID) -> None:
    """Take a link back: from now on it opens nothing, also for those who opened it. Raises NotFound, Forbidden."""
    document, _ = await _at(db, user, document_id)
    link = await _working(db, document_id, link_id)
    link.revoked_at = utc_now()
    await db.flush()
    await count_change(db, document_id)
    await telling.note_link(db, document, link, LinkDeed.ENDED, by=user.id)


async def look(db: AsyncSession, secret: str) -> Opened:
    """Return the link of this secret and its document. Raises LinkOver, also if the document is in the trash."""
    row = (
        await db.execute(
            select(ShareLink, Document, col(Lineage.seq))
            .join(Document, col(Document.id) == col(ShareLink.document_id))
            .join(Lineage, col(Lineage.document_id) == col(Document.id))
            .where(
                col(ShareLink.secret_hash) == digest(secret),
                link_works(literal(utc_now())),
                col(Document.trashed_at).is_(None),
            )
        )
    ).one_or_none()
    if row is None:
        raise LinkOver
    link, document, seq = row
    return Opened(link, document, seq)


async def check_password(link: ShareLink, password: str) -> None:
    """Raise Invalid naming `password` unless it opens the link. Costs a tenth of a second: count attempts before."""
    right, _ = await passwords.verify(password, link.password_hash)
    if not right:
        raise Invalid({"password": "That is not the password of this link."})


async def has_opened(db: AsyncSession, link: ShareLink, *, user: User | None, cookie: str | None) -> bool:
    """Whether this person, or this browser by its cookie, has opened the link already."""
    if user is not None:
        theirs = col(LinkVisit.user_id) == user.id
    elif cookie:
        theirs = col(LinkVisit.secret_hash) == digest(cookie)
    else:
        return False
    return await db.scalar(select(col(LinkVisit.id)).where(col(LinkVisit.link_id) == link.id, theirs)) is not None


async def open_for(db: AsyncSession, link: ShareLink, *, user: User | None, cookie: str | None) -> None:
    """Note that somebody opened a link; the caller has asked for its password.

    A person has its role from now on; a browser without one is not asked again for the password.
    """
    now = utc_now()
    link.last_used_at = now
    await db.flush()
    if user is None and not cookie:
        return
    values = {"user_id": user.id} if user is not None else {"secret_hash": digest(cookie or "")}
    visit = insert(LinkVisit).values(id=uuid4(), link_id=link.id, opened_at=now, **values)
    await db.execute(visit.on_conflict_do_nothing())


def reader(link: ShareLink, document: Document) -> DocumentActor:
    """Return somebody without an account who opened a link: a reader, whatever people with an account get by it."""
    return DocumentActor(
        user_id=None,
        workspace_id=document.workspace_id,
        document_id=link.document_id,
        workspace_role=None,
        role=DocumentRole.VIEWER,
    )


async def _at(db: AsyncSession, user: User, document_id: UUID) -> tuple[Document, DocumentActor]:
    document, actor = await actor_at(db, user, document_id)
    require(actor, DocumentVerb.SHARE, document)
    return document, actor


async def _working(db: AsyncSession, document_id: UUID, link_id: UUID) -> ShareLink:
    link: ShareLink | None = await db.scalar(
        select(ShareLink)
        .where(
            col(ShareLink.id) == link_id,
            col(ShareLink.document_id) == document_id,
            link_works(literal(utc_now())),
        )
        .with_for_update()
    )
    if link is None:
        raise NotFound
    return link


def _require_role(actor: DocumentActor, role: DocumentRole) -> None:
    if role is DocumentRole.OWNER:
        raise Invalid({"role": "A link lets people edit, comment or read."})
    if actor.role is None or not reaches(actor.role, role):
        raise Forbidden("You can give others what you have yourself, not more.")


def _require_future(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= utc_now():
        raise Invalid({"expires_at": "Choose a time in the future."})


async def _hash(password: str | None) -> str | None:
    if not password:
        return None
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= passwords.MAX_CHARACTERS:
        raise Invalid({"password": f"Use {MIN_PASSWORD_CHARACTERS} to {passwords.MAX_CHARACTERS} characters."})
    return await passwords.hash_password(password)

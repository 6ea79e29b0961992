"""What each person wants to hear of, and how: their own settings, each document's, and the link that ends all mail."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import utc_now
from server.accounts.secret import digest
from server.errors import DomainError
from server.notifications.models import (
    Attention,
    DocumentAttention,
    HowMail,
    Kind,
    Mail,
    MailChoice,
    StoppedAddress,
)


class LinkUnknown(DomainError):
    """The link is from no mail of ours, or from one that is too old."""

    sentence = "This link is from no mail that is still known here. Sign in and choose under Your account."


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a person wants mail, and about what."""

    how: HowMail
    kinds: frozenset[Kind]


async def wishes_of(db: AsyncSession, user_id: UUID) -> Wishes:
    """Return what the person chose, or what holds for those who chose nothing."""
    choice = await db.get(MailChoice, user_id)
    if choice is None:
        return Wishes(HowMail.AT_ONCE, frozenset(Kind))
    return Wishes(HowMail(choice.how), frozenset(Kind(each) for each in choice.kinds))


async def choose(db: AsyncSession, user_id: UUID, how: HowMail, kinds: Collection[Kind]) -> None:
    """Keep what the person wants. Mail that is due already follows only a `never`."""
    values = {"how": how.value, "kinds": sorted(kind.value for kind in set(kinds))}
    await db.execute(
        insert(MailChoice)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=values)
        .execution_options(populate_existing=True)
    )


async def attention_to(db: AsyncSession, user_id: UUID, document_id: UUID) -> Attention | None:
    """Return whether the person follows the document or muted it; None: neither."""
    row = await db.get(DocumentAttention, (user_id, document_id))
    return Attention(row.attention) if row is not None else None


async def pay_attention(db: AsyncSession, user_id: UUID, document_id: UUID, attention: Attention | None) -> None:
    """Follow a document, mute it, or neither. The caller has checked that they may see it."""
    if attention is None:
        await db.execute(
            delete(DocumentAttention).where(
                col(DocumentAttention.user_id) == user_id, col(DocumentAttention.document_id) == document_id
            )
        )
        return
    await db.execute(
        insert(DocumentAttention)
        .values(user_id=user_id, document_id=document_id, attention=attention.value)
        .on_conflict_do_update(index_elements=["user_id", "document_id"], set_={"attention": attention.value})
    )


async def stop_by_link(db: AsyncSession, secret: str) -> None:
    """End all mail to whoever got the mail with this secret. Twice is as once. Raises LinkUnknown."""
    mail = await _mail_of(db, secret)
    if mail.user_id is not None:
        wishes = await wishes_of(db, mail.user_id)
        await choose(db, mail.user_id, HowMail.NEVER, wishes.kinds)
        return
    await db.execute(
        insert(StoppedAddress)
        .values(address=mail.address, stopped_at=utc_now())
        .on_conflict_do_nothing(index_elements=["address"])
    )


async def check_link(db: AsyncSession, secret: str) -> None:
    """Raise LinkUnknown unless a mail with this secret went out."""
    await _mail_of(db, secret)


async def _mail_of(db: AsyncSession, secret: str) -> Mail:
    mail: Mail | None = await db.scalar(select(Mail).where(col(Mail.stop_hash) == digest(secret)))
    if mail is None:
        raise LinkUnknown
    return mail

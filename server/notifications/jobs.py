"""What a worker does for notices: sending mail, gathering the daily ones, tidying up. Safe to run at any time."""

from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User, utc_now
from server.db import Sessions, transaction
from server.notifications import delivery
from server.notifications.delivery import Delivered
from server.notifications.letters import Visible
from server.notifications.models import HowMail, Letter, Mail, MailChoice, PersonalNotice
from server.settings import Settings

READ_KEPT: Final = timedelta(days=90)
UNREAD_KEPT: Final = timedelta(days=365)
# So long the link in a mail that ends all mail works.
MAIL_KEPT: Final = timedelta(days=365)

log = structlog.get_logger(__name__)


async def deliver_mail(sessions: Sessions, settings: Settings, visible: Visible) -> Delivered:
    """Send what is due."""
    delivered = await delivery.deliver(sessions, settings, visible)
    if delivered != Delivered():
        log.info(
            "mail delivered",
            sent=delivered.sent,
            dropped=delivered.dropped,
            put_off=delivered.put_off,
            failed=delivered.failed,
            unknown=delivered.unknown,
        )
    return delivered


async def gather_digests(sessions: Sessions, settings: Settings, *, now: datetime | None = None) -> int:
    """Make a mail of what each person who wants one a day has not read; the first run after the hour does.

    A person gets one a day, however often and by however many workers this is run. Returns how many were made.
    """
    now = now or utc_now()
    if now.hour < settings.digest_hour or not settings.smtp_url:
        return 0
    waiting = (
        col(PersonalNotice.by_digest)
        & col(PersonalNotice.mail_id).is_(None)
        & col(PersonalNotice.read_at).is_(None)
        & (col(PersonalNotice.created_at) <= now)
    )
    async with transaction(sessions) as db:
        people = await db.scalars(
            select(col(MailChoice.user_id))
            .join(User, col(User.id) == col(MailChoice.user_id))
            .where(
                col(MailChoice.how) == HowMail.DAILY.value,
                col(User.disabled_at).is_(None),
                select(col(PersonalNotice.id))
                .where(col(PersonalNotice.user_id) == col(MailChoice.user_id), waiting)
                .exists(),
            )
        )
        made = 0
        for user_id in people.all():
            mail = Mail(
                id=uuid4(),
                letter=Letter.DIGEST.value,
                user_id=user_id,
                dedupe_key=f"digest:{user_id}:{now.date()}",
                due_at=now,
                created_at=now,
            )
            new = await db.scalar(
                insert(Mail)
                .values(mail.model_dump())
                .on_conflict_do_nothing(index_elements=["dedupe_key"])
                .returning(col(Mail.id))
            )
            if new is None:
                continue
            made += 1
            await db.execute(
                update(PersonalNotice).where(col(PersonalNotice.user_id) == user_id, waiting).values(mail_id=new)
            )
    return made


async def clean_up(db: AsyncSession, *, now: datetime | None = None) -> int:
    """Delete notices and mails that are long over. Returns how many rows went."""
    now = now or utc_now()
    notices = delete(PersonalNotice).where(
        (col(PersonalNotice.read_at) <= now - READ_KEPT) | (col(PersonalNotice.created_at) <= now - UNREAD_KEPT)
    )
    mails = delete(Mail).where(col(Mail.ended_at) <= now - MAIL_KEPT)
    gone = (await db.scalars(notices.returning(col(PersonalNotice.id)))).all()
    return len(gone) + len((await db.scalars(mails.returning(col(Mail.id)))).all())

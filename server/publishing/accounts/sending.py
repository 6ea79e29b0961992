"""How much of its share an account has sent, where its channel says how much that is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.publishing.models import Attempt, ChannelAccount, Publication
from server.publishing.quotas import LONGEST, Quota, free_at, quotas_of


@dataclass(frozen=True, slots=True)
class Share:
    """One of the quotas of an account, and how much of it is used now."""

    quota: Quota
    used: int

    @property
    def words(self) -> str:
        """It in words: "12 of 300 posts in 3 hours"."""
        return f"{self.used:,} of {self.quota.words}"


async def shares(db: AsyncSession, account: ChannelAccount, now: datetime) -> list[Share]:
    """Return how much of each of its quotas an account has used."""
    quotas = quotas_of(account.channel, account.facts)
    if not quotas:
        return []
    sent = (await sent_by(db, [account.id], now))[account.id]
    return [Share(quota, sum(1 for at in sent if at > now - quota.within)) for quota in quotas]


async def waits_for_share(
    db: AsyncSession, account: ChannelAccount, posts: int, now: datetime
) -> tuple[datetime, Quota] | None:
    """Return until when an account must wait to send so many posts, and for which quota; None: they fit now."""
    quotas = quotas_of(account.channel, account.facts)
    if not quotas:
        return None
    sent = (await sent_by(db, [account.id], now))[account.id]
    waits = [(free_at(quota, sent, now, posts), quota) for quota in quotas]
    latest = max(waits, key=lambda each: each[0])
    return latest if latest[0] > now else None


async def sent_by(db: AsyncSession, account_ids: Collection[UUID], now: datetime) -> dict[UUID, list[datetime]]:
    """Return when posts of accounts were sent lately, in order: each part of a thread, and what may have been sent."""
    rows = await db.execute(
        select(col(Publication.account_id), col(Attempt.begun_at))
        .join(Publication, col(Publication.id) == col(Attempt.publication_id))
        .where(
            col(Publication.account_id).in_(account_ids),
            col(Attempt.call) == "publish",
            col(Attempt.begun_at) > now - LONGEST,
            # Refused is not sent.
            col(Attempt.outcome).is_(None) | col(Attempt.outcome).in_(["done", "unknown"]),
        )
        .order_by(col(Attempt.begun_at))
    )
    found: dict[UUID, list[datetime]] = {each: [] for each in account_ids}
    for account_id, begun_at in rows:
        if account_id is None:
            continue
        found[account_id].append(begun_at)
    return found

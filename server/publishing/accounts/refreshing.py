"""Keeping accounts alive: new tokens before the old ones end, and a look now and then whether all is well.

One process at a time renews an account: it holds the account's row meanwhile. Whoever waited for it finds the new
token and asks no more; channels that give each refresh token once would end the account otherwise.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import anyio
import structlog
from sqlalchemy import ColumnElement, and_, or_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import utc_now
from server.db import Sessions, transaction
from server.notifications.models import Kind
from server.notifications.noting import Notice, note
from server.publishing.accounts.accounts import Reach, caller_of, channel_of, faring, open_account, publishers, renewed
from server.publishing.channel import Account, Connection
from server.publishing.models import ChannelAccount, Health
from server.publishing.remedies import ChannelError, Remedy

PATH: Final = "/workspace/channels"
# An account that works is looked at so often, one that fails more often; one that waits for its person not at all.
CHECK_EVERY: Final = timedelta(hours=6)
CHECK_FAILING_EVERY: Final = timedelta(minutes=10)
# After a failure to renew that may pass by itself.
RENEW_AGAIN: Final = timedelta(minutes=5)
# Longer than a call takes, shorter than any statement may.
WAIT_SECONDS: Final = 29
AT_ONCE: Final = 8
A_RUN: Final = 200
# What does not come to its turn by then is found by the next run.
RUN_SECONDS: Final = 120

log = structlog.get_logger(__name__)


async def refresh(sessions: Sessions, reach: Reach, used: Account) -> Account:
    """Return the account with other tokens than those that it was `used` with: got now, or by somebody else meanwhile.

    Raises ChannelError: RECONNECT if its person must help, who has been asked then.
    """
    async with _held(sessions, used.id) as (db, row):
        kept = open_account(reach, row)
        if kept.secrets != used.secrets:
            return kept
        await _renew(db, reach, row)
        return open_account(reach, row)


async def rotate(sessions: Sessions, reach: Reach, account_id: UUID) -> Connection:
    """Get new secrets for an account because a person wants them, and return them. Raises ChannelError."""
    async with _held(sessions, account_id) as (db, row):
        return await _renew(db, reach, row)


async def check(sessions: Sessions, reach: Reach, account_id: UUID) -> frozenset[UUID]:
    """Look whether an account works, and put down what was found. Returns whom it is news for (`noting.tell`)."""
    for again in (False, True):
        async with transaction(sessions) as db:
            row = await db.get(ChannelAccount, account_id)
        if row is None or row.disconnected_at is not None:
            return frozenset()
        try:
            used = open_account(reach, row)
            connection = await channel_of(reach, row).check(caller_of(reach, row))
        except ChannelError as error:
            if error.remedy is Remedy.REFRESH and not again:
                try:
                    await refresh(sessions, reach, used)
                except ChannelError:
                    # Put down already, and its person asked.
                    return frozenset()
                continue
            return await report(sessions, reach, account_id, error)
        async with transaction(sessions) as db:
            held = await _hold(db, account_id)
            # Tokens that were renewed meanwhile must not be put back.
            if held is not None and held.secrets == row.secrets:
                renewed(reach, held, connection, utc_now())
        return frozenset()
    return frozenset()


async def report(sessions: Sessions, reach: Reach, account_id: UUID, error: ChannelError) -> frozenset[UUID]:
    """Put down that a call for an account failed, for the account's own reasons.

    Returns whom it is news for (`noting.tell`): its person, if only they can help.
    """
    async with transaction(sessions) as db:
        held = await _hold(db, account_id)
        return frozenset() if held is None else await _failed(db, reach, held, error)


async def refresh_due(sessions: Sessions, reach: Reach) -> int:
    """Renew what ends before long. Returns how many were renewed."""
    async with transaction(sessions) as db:
        due = await db.scalars(
            select(col(ChannelAccount.id))
            .where(_renewable(utc_now()))
            .order_by(col(ChannelAccount.refresh_at))
            .limit(A_RUN)
        )
        ids = due.all()

    async def one(account_id: UUID) -> bool:
        try:
            async with _held(sessions, account_id) as (db, row):
                if row.refresh_at is None or row.refresh_at > utc_now():
                    return False
                await _renew(db, reach, row)
        except ChannelError as error:
            log.warning("account not renewed", account_id=str(account_id), remedy=error.remedy.value)
            return False
        return True

    return await _each(ids, one)


async def check_due(sessions: Sessions, reach: Reach) -> int:
    """Look at the accounts that were not looked at for long. Returns how many."""
    now = utc_now()
    health, checked_at = col(ChannelAccount.health), col(ChannelAccount.checked_at)
    async with transaction(sessions) as db:
        due = await db.scalars(
            select(col(ChannelAccount.id))
            .where(
                col(ChannelAccount.disconnected_at).is_(None),
                or_(
                    and_(health == Health.OK.value, checked_at <= now - CHECK_EVERY),
                    and_(health == Health.FAILING.value, checked_at <= now - CHECK_FAILING_EVERY),
                ),
            )
            .order_by(checked_at)
            .limit(A_RUN)
        )
        ids = due.all()

    async def one(account_id: UUID) -> bool:
        await check(sessions, reach, account_id)
        return True

    return await _each(ids, one)


@asynccontextmanager
async def _held(sessions: Sessions, account_id: UUID) -> AsyncIterator[tuple[AsyncSession, ChannelAccount]]:
    """Hold a connected account's row. What was put down is kept, also if a ChannelError ends it."""
    async with sessions() as db:
        try:
            row = await _hold(db, account_id)
        except DBAPIError as error:
            raise ChannelError(Remedy.RETRY, "The account is being renewed by another process.") from error
        if row is None:
            raise ChannelError(Remedy.RECONNECT, "The account is disconnected. Connect it again.")
        try:
            yield db, row
        except ChannelError:
            await db.commit()
            raise
        await db.commit()


async def _hold(db: AsyncSession, account_id: UUID) -> ChannelAccount | None:
    """Return the row of a connected account, held until the transaction ends. Raises DBAPIError after a while."""
    await db.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
    row: ChannelAccount | None = await db.scalar(
        select(ChannelAccount)
        .where(col(ChannelAccount.id) == account_id, col(ChannelAccount.disconnected_at).is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return row


async def _renew(db: AsyncSession, reach: Reach, row: ChannelAccount) -> Connection:
    """Get new tokens for an account whose row is held. Raises ChannelError, after it was put down."""
    try:
        connection = await channel_of(reach, row).refresh(caller_of(reach, row))
    except ChannelError as error:
        await _failed(db, reach, row, error)
        if row.refresh_at is not None:
            row.refresh_at = utc_now() + RENEW_AGAIN
        if error.remedy is Remedy.REFRESH:
            # There is nothing else to renew it by.
            raise ChannelError(Remedy.RECONNECT, str(error), evidence=error.evidence) from error
        raise
    renewed(reach, row, connection, utc_now())
    return connection


async def _failed(db: AsyncSession, reach: Reach, row: ChannelAccount, error: ChannelError) -> frozenset[UUID]:
    """Put down that an account does not work, and ask its person if only they can help. Returns whom it is news for."""
    now = utc_now()
    row.checked_at = now
    if error.remedy not in {Remedy.RECONNECT, Remedy.REFRESH}:
        if row.health != Health.RECONNECT.value:
            faring(row, Health.FAILING, str(error), now)
        return frozenset()
    if not faring(row, Health.RECONNECT, str(error), now):
        return frozenset()
    channel = reach.channels.get(row.channel)
    may = [user.id for user in await publishers(db, row.workspace_id)]
    notice = Notice(
        kind=Kind.RECONNECT,
        # Whoever was asked to see to it; if they are gone or may no longer, everybody who may.
        to=[row.responsible_id] if row.responsible_id in may else may,
        workspace_id=row.workspace_id,
        actor_id=None,
        title=f"{row.name} on {channel.name if channel else row.channel}",
        text=str(error),
        path=PATH,
        dedupe_key=f"reconnect:{row.id}:{now.isoformat()}",
    )
    return await note(db, notice)


def _renewable(now: datetime) -> ColumnElement[bool]:
    return and_(
        col(ChannelAccount.disconnected_at).is_(None),
        col(ChannelAccount.refresh_at) <= now,
        col(ChannelAccount.health) != Health.RECONNECT.value,
    )


async def _each(ids: Collection[UUID], work: Callable[[UUID], Awaitable[bool]]) -> int:
    """Do the work for each, a few at a time, as far as a run goes. Returns how many said yes.

    A defect with one does not end the others.
    """
    done = 0
    until = anyio.current_time() + RUN_SECONDS
    limit = anyio.CapacityLimiter(AT_ONCE)

    async def one(account_id: UUID) -> None:
        nonlocal done
        async with limit:
            if anyio.current_time() > until:
                return
            try:
                done += await work(account_id)
            except Exception:
                log.exception("account not looked after", account_id=str(account_id))

    async with anyio.create_task_group() as tasks:
        for account_id in ids:
            tasks.start_soon(one, account_id)
    return done

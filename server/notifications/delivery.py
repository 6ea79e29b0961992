"""Sending what is due, each mail once.

A mail's row is the truth. A worker **claims** it: with a lease, so that a worker that died does not keep it, and with a
fencing number, so that one that only slept too long finds out. It talks to the mail server as far as nothing can come
of it, commits the **intent** to send, and only then gives the text away. Whatever then ends without an answer (the
connection was lost, the worker killed) is `unknown` for good and never sent again: mail cannot be read back, a second
copy of a comment or an invitation annoys, and the notice itself stands in the bell.
"""

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import anyio
import structlog
from anyio import to_thread
from sqlalchemy import ColumnElement, or_, select, update
from sqlmodel import col

from server import metrics
from server.accounts import guest_keys
from server.accounts.models import GuestKeyKind, utc_now
from server.db import Sessions, transaction
from server.notifications import letters, transport
from server.notifications.letters import NotNeeded, Visible, Written
from server.notifications.models import Mail, MailState
from server.notifications.transport import Later, MailServer, Refused, Unknown
from server.settings import Settings
from server.workspaces import invitations

# Longer than all waits of one mail together (`transport`).
LEASE: Final = timedelta(minutes=10)
WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 3 * 60, 6 * 60, 12 * 60))
# At a time and in one run. What is left comes with the next run, a few seconds later.
LANES: Final = 4
MAX_IN_A_RUN: Final = 500
# No mail is begun later than so long into a run: a job has ten minutes.
RUN_SECONDS: Final = 240
STORE_SECONDS: Final = 10

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many mails a run ended in each way."""

    sent: int = 0
    dropped: int = 0
    put_off: int = 0
    failed: int = 0
    unknown: int = 0


async def deliver(
    sessions: Sessions, settings: Settings, visible: Visible, *, clock: Clock = utc_now, limit: int = MAX_IN_A_RUN
) -> Delivered:
    """Send what is due. Any number of workers may do so at the same time."""
    lost = await _give_up_lost(sessions, clock())
    if not settings.smtp_url:
        return Delivered(unknown=lost, dropped=await _drop_all(sessions, clock()))
    server = transport.server_at(settings.smtp_url)
    ends: list[MailState] = []
    left = limit
    until = anyio.current_time() + RUN_SECONDS

    async def lane() -> None:
        nonlocal left
        while left > 0 and anyio.current_time() < until:
            left -= 1
            mail = await claim(sessions, clock())
            if mail is None:
                return
            try:
                ends.append(await _send(sessions, mail, server, settings=settings, visible=visible, clock=clock))
            except Exception:
                # One mail that cannot be made must not cut off those that are on their way. Its lease runs out.
                log.exception("mail could not be made", mail_id=str(mail.id))

    async with anyio.create_task_group() as tasks:
        for _ in range(LANES):
            tasks.start_soon(lane)
    for end in ends:
        metrics.MAILS.labels(end.value).inc()
    return Delivered(
        sent=ends.count(MailState.SENT),
        dropped=ends.count(MailState.DROPPED),
        put_off=ends.count(MailState.WAITING),
        failed=ends.count(MailState.FAILED),
        unknown=lost + ends.count(MailState.UNKNOWN),
    )


async def claim(sessions: Sessions, now: datetime) -> Mail | None:
    """Take the mail that has been due the longest, for as long as a lease. None: nothing is due."""
    due = (
        select(col(Mail.id))
        .where(_due(now))
        .order_by(col(Mail.due_at))
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    async with transaction(sessions) as db:
        mail: Mail | None = await db.scalar(
            update(Mail)
            .where(col(Mail.id) == due)
            .values(
                state=MailState.CLAIMED.value,
                fence=col(Mail.fence) + 1,
                attempts=col(Mail.attempts) + 1,
                lease_until=now + LEASE,
            )
            .returning(Mail)
        )
    return mail


async def _send(
    sessions: Sessions, mail: Mail, server: MailServer, *, settings: Settings, visible: Visible, clock: Clock
) -> MailState:
    """Take a claimed mail to its end, or put it off. Returns where it is now."""
    if mail.attempts > len(WAITS) + 1:
        return await _settle(sessions, mail, MailState.FAILED, mail.problem or "Given up.", clock())
    try:
        async with transaction(sessions) as db:
            written = await letters.write(db, mail, settings=settings, visible=visible, now=clock())
    except NotNeeded as reason:
        return await _settle(sessions, mail, MailState.DROPPED, str(reason), clock())
    try:
        conversation = await to_thread.run_sync(_ask, server, settings.smtp_from, written.recipient)
    except Later as reason:
        return await _put_off(sessions, mail, str(reason), clock())
    except Refused as reason:
        return await _settle(sessions, mail, MailState.FAILED, str(reason), clock())
    if not await _intend(sessions, mail, written, clock()):
        await to_thread.run_sync(transport.drop, conversation)
        log.warning("mail was taken over by another worker", mail_id=str(mail.id))
        return MailState.CLAIMED
    try:
        answer = await to_thread.run_sync(transport.hand_over, conversation, written.text)
    except Later as reason:
        return await _put_off(sessions, mail, str(reason), clock())
    except Refused as reason:
        return await _settle(sessions, mail, MailState.FAILED, str(reason), clock())
    except Unknown as reason:
        return await _settle(sessions, mail, MailState.UNKNOWN, str(reason), clock())
    return await _settle(sessions, mail, MailState.SENT, answer, clock())


def _ask(server: MailServer, sender: str, recipient: str) -> smtplib.SMTP:
    return transport.ask(server, sender=letters.address_of(sender), recipient=recipient)


async def _intend(sessions: Sessions, mail: Mail, written: Written, now: datetime) -> bool:
    """Commit that the text is about to go. False: the mail is not this worker's any more."""
    async with transaction(sessions) as db:
        ours = await db.scalar(
            update(Mail)
            .where(_still_ours(mail, MailState.CLAIMED))
            .values(state=MailState.SENDING.value, lease_until=now + LEASE, stop_hash=written.stop_hash)
            .returning(col(Mail.id))
        )
        if ours is None:
            return False
        if written.invitation_id is not None and written.invitation_hash is not None:
            await invitations.mailed(db, written.invitation_id, written.invitation_hash)
        if written.guest_id is not None and written.guest_hash is not None:
            await guest_keys.keep(db, written.guest_id, written.guest_hash, GuestKeyKind.LINK)
    return True


async def _settle(sessions: Sessions, mail: Mail, state: MailState, problem: str, now: datetime) -> MailState:
    level = log.warning if state in {MailState.FAILED, MailState.UNKNOWN} else log.info
    # Without the address, and without what the server said, which often repeats it.
    level("mail ended", mail_id=str(mail.id), letter=mail.letter, state=state.value, attempts=mail.attempts)
    await _change(sessions, mail, {"state": state.value, "problem": problem, "ended_at": now, "lease_until": None})
    return state


async def _put_off(sessions: Sessions, mail: Mail, problem: str, now: datetime) -> MailState:
    if mail.attempts > len(WAITS):
        return await _settle(sessions, mail, MailState.FAILED, problem, now)
    log.info("mail put off", mail_id=str(mail.id), letter=mail.letter, attempts=mail.attempts)
    due_at = now + WAITS[mail.attempts - 1]
    waiting = {"state": MailState.WAITING.value, "problem": problem, "due_at": due_at, "lease_until": None}
    await _change(sessions, mail, waiting)
    return MailState.WAITING


async def _change(sessions: Sessions, mail: Mail, values: dict[str, object]) -> None:
    # Also while the worker is stopping: what is known about this mail must not become unknown.
    with anyio.move_on_after(STORE_SECONDS, shield=True):
        async with transaction(sessions) as db:
            await db.execute(update(Mail).where(_still_ours(mail, MailState.CLAIMED, MailState.SENDING)).values(values))


def _due(now: datetime) -> ColumnElement[bool]:
    """Whether a mail may be claimed: its time has come, or the worker that had it is gone."""
    return or_(
        (col(Mail.state) == MailState.WAITING.value) & (col(Mail.due_at) <= now),
        (col(Mail.state) == MailState.CLAIMED.value) & (col(Mail.lease_until) <= now),
    )


def _still_ours(mail: Mail, *states: MailState) -> ColumnElement[bool]:
    return (
        (col(Mail.id) == mail.id)
        & (col(Mail.fence) == mail.fence)
        & col(Mail.state).in_([state.value for state in states])
    )


async def _give_up_lost(sessions: Sessions, now: datetime) -> int:
    """End what was on its way when its worker died."""
    async with transaction(sessions) as db:
        lost = await db.scalars(
            update(Mail)
            .where(col(Mail.state) == MailState.SENDING.value, col(Mail.lease_until) <= now)
            .values(
                state=MailState.UNKNOWN.value,
                ended_at=now,
                lease_until=None,
                problem="The worker ended while the mail was on its way.",
            )
            .returning(col(Mail.id))
        )
        ids = lost.all()
    for mail_id in ids:
        log.warning("mail lost on its way", mail_id=str(mail_id))
        metrics.MAILS.labels(MailState.UNKNOWN.value).inc()
    return len(ids)


async def _drop_all(sessions: Sessions, now: datetime) -> int:
    """End what is due while no mail server is set: months of it must not go out on the day one is."""
    async with transaction(sessions) as db:
        dropped = await db.scalars(
            update(Mail)
            .where(_due(now))
            .values(state=MailState.DROPPED.value, ended_at=now, lease_until=None, problem="No mail server is set.")
            .returning(col(Mail.id))
        )
        return len(dropped.all())

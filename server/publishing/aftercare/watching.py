"""Looking how published posts fare: often at first, then ever less; and by hand.

A look is due by a row, and claimed with a lease. What fails here never touches the publication, nor slows down what is
to be published: a channel that wants to be left alone is obeyed, and looks of its account wait by themselves.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import anyio
import structlog
from sqlalchemy import func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.db import Sessions, transaction
from server.errors import Conflict, TooMany
from server.publishing.aftercare.knowing import NotKnown, is_known
from server.publishing.aftercare.models import Figures, Look
from server.publishing.channel import Account, Caller, Channel, Handle, Metrics
from server.publishing.models import ChannelAccount, Publication
from server.publishing.publisher import patience
from server.publishing.publisher.delivering import LEASE_MARGIN, STEP_SECONDS, Workshop, read_handle
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State

# After it was published. After the last it is looked at by hand only.
SCHEDULE: Final = (
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=30),
)
# Between two looks by hand.
BY_HAND: Final = timedelta(minutes=1)
# Failures in a row after which the next look is the one that would come anyway.
MOST_TRIES: Final = 5
LANES: Final = 4
RUN_SECONDS: Final = 60
A_RUN: Final = 1000
_LEASE: Final = timedelta(seconds=STEP_SECONDS) + LEASE_MARGIN

# Tells people that a channel shows a post no longer, and why, in the transaction that notes it.
TellGone = Callable[[AsyncSession, Publication, str], Awaitable[None]]
# Says that the figures of a publication are new, after the commit.
Seen = Callable[[Publication], None]

log = structlog.get_logger(__name__)


def next_look(published_at: datetime, now: datetime) -> datetime | None:
    """Return when a post is to be looked at next by itself; None: not any more."""
    return next((published_at + after for after in SCHEDULE if published_at + after > now), None)


async def begin_looks(workshop: Workshop) -> None:
    """Write down when what was published since is to be looked at first."""
    kinds = [kind for kind, channel in workshop.channels.items() if channel.capabilities.metrics]
    now = workshop.clock()
    new = (
        select(
            col(Publication.id),
            col(Publication.published_at) + literal(SCHEDULE[0]),
            literal(0),
            literal(0),
            literal(0),
            literal(""),
        )
        .join(ChannelAccount, col(ChannelAccount.id) == col(Publication.account_id))
        .outerjoin(Look, col(Look.publication_id) == col(Publication.id))
        .where(
            col(Publication.state) == State.PUBLISHED.value,
            col(Publication.published_at) > now - SCHEDULE[-1],
            col(Publication.taken_down_at).is_(None),
            col(ChannelAccount.channel).in_(kinds),
            col(Look.publication_id).is_(None),
        )
        .limit(A_RUN)
    )
    columns = ["publication_id", "next_at", "looks", "fence", "failures", "sentence"]
    async with transaction(workshop.sessions) as db:
        await db.execute(insert(Look).from_select(columns, new).on_conflict_do_nothing())


async def look_at_due(workshop: Workshop, tell: TellGone, seen: Seen) -> int:
    """Look at all posts whose time it is. Returns how many. Any number of workers may do so at once."""
    looked = 0
    until = anyio.current_time() + RUN_SECONDS

    async def lane() -> None:
        nonlocal looked
        while anyio.current_time() < until:
            look = await _claim(workshop.sessions, workshop.clock())
            if look is None:
                return
            looked += 1
            try:
                await _look(workshop, look, tell, seen)
            except Exception:
                # A defect with one must not end the others; its lease runs out, and it is tried again.
                log.exception("look broke off", publication_id=str(look.publication_id))

    async with anyio.create_task_group() as tasks:
        for _ in range(LANES):
            tasks.start_soon(lane)
    return looked


async def ask_look(db: AsyncSession, publication: Publication, channel: Channel | None, now: datetime) -> None:
    """Have a post looked at now. The caller may do so. Raises Conflict if nothing can be asked, TooMany too often."""
    if publication.state != State.PUBLISHED or publication.taken_down_at is not None:
        raise Conflict("This is not published, so there is nothing to look at.")
    if channel is None or not channel.capabilities.metrics:
        name = channel.name if channel is not None else "Its channel"
        raise Conflict(f"{name} tells nothing about its posts.")
    if not is_known(publication):
        raise NotKnown
    blank = {"publication_id": publication.id, "looks": 0, "fence": 0, "failures": 0, "sentence": ""}
    await db.execute(insert(Look).values(blank).on_conflict_do_nothing())
    look = await db.get_one(Look, publication.id, with_for_update=True, populate_existing=True)
    if look.asked_at is not None and look.asked_at > now - BY_HAND:
        wait = int((look.asked_at + BY_HAND - now).total_seconds()) + 1
        raise TooMany(wait, "It was looked at less than a minute ago. Wait a little.")
    look.asked_at = look.next_at = now
    await db.flush()


async def find_look(db: AsyncSession, publication_id: UUID) -> Look | None:
    """Return when a publication was looked at, and is to be; None: never so far."""
    found: Look | None = await db.get(Look, publication_id)
    return found


async def find_figures(db: AsyncSession, publication_id: UUID) -> Sequence[Figures]:
    """Return what its channel told about a publication, oldest first."""
    found = select(Figures).where(col(Figures.publication_id) == publication_id).order_by(col(Figures.taken_at))
    return (await db.scalars(found)).all()


async def _claim(sessions: Sessions, now: datetime) -> Look | None:
    due = (
        select(col(Look.publication_id))
        .where(
            col(Look.next_at) <= now,
            or_(col(Look.lease_until).is_(None), col(Look.lease_until) <= now),
        )
        .order_by(col(Look.next_at), col(Look.publication_id))
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    async with transaction(sessions) as db:
        look: Look | None = await db.scalar(
            update(Look)
            .where(col(Look.publication_id) == due)
            .values(fence=col(Look.fence) + 1, lease_until=now + _LEASE)
            .returning(Look)
        )
    return look


async def _look(workshop: Workshop, look: Look, tell: TellGone, seen: Seen) -> None:
    now = workshop.clock()
    async with workshop.sessions() as db:
        publication = await db.get(Publication, look.publication_id)
        account_id = publication.account_id if publication is not None else None
        row = await db.get(ChannelAccount, account_id) if account_id is not None else None
    if publication is None:
        return
    if not _is_watched(publication, row, workshop) or row is None:
        await _save(workshop, look, next_at=None, lease_until=None)
        return
    resting = await workshop.pace.resting_until(row.id)
    if resting is not None and resting > now:
        await _save(workshop, look, next_at=resting, lease_until=None)
        return
    channel = workshop.channels[row.channel]
    try:
        metrics = await _ask(workshop, channel, workshop.open_account(row), publication)
    except ChannelError as error:
        await _put_off(workshop, look, publication, error)
        return
    await _note(workshop, look, metrics, tell)
    seen(publication)


def _is_watched(publication: Publication, account: ChannelAccount | None, workshop: Workshop) -> bool:
    if publication.state != State.PUBLISHED or publication.taken_down_at is not None:
        return False
    if account is None or account.disconnected_at is not None or not is_known(publication):
        return False
    channel = workshop.channels.get(account.channel)
    return channel is not None and channel.capabilities.metrics


async def _ask(workshop: Workshop, channel: Channel, account: Account, publication: Publication) -> Metrics:
    """Ask the channel. Raises ChannelError, also for what no channel should do."""
    handle: Handle = read_handle(publication.handle or {})
    try:
        with anyio.fail_after(STEP_SECONDS):
            try:
                return await channel.metrics(Caller(workshop.http, account, workshop.clock), handle)
            except ChannelError as error:
                if error.remedy is not Remedy.REFRESH:
                    raise
                account = await workshop.refresh(account)
                return await channel.metrics(Caller(workshop.http, account, workshop.clock), handle)
    except TimeoutError as error:
        raise ChannelError(Remedy.RETRY, f"{channel.name} did not answer in time.") from error
    except ChannelError:
        raise
    except Exception as error:
        log.exception("a channel failed in a way it should not", channel=channel.kind)
        raise ChannelError(Remedy.OPERATOR, f"Quillroom did not understand {channel.name}.") from error


async def _note(workshop: Workshop, look: Look, metrics: Metrics, tell: TellGone) -> None:
    """Put down what was seen. What is gone is looked at on: moderators let posts come back."""
    now = workshop.clock()
    figures = {name: getattr(metrics, name) for name in ("views", "likes", "replies", "shares")}
    async with transaction(workshop.sessions) as db:
        publication = await db.get(Publication, look.publication_id, with_for_update=True, populate_existing=True)
        if publication is None or publication.published_at is None:
            return
        is_ours = await _change(
            db,
            look,
            next_at=next_look(publication.published_at, now),
            lease_until=None,
            looks=col(Look.looks) + 1,
            looked_at=now,
            failures=0,
            sentence=metrics.gone or "",
        )
        if not is_ours:
            return
        if any(value is not None for value in figures.values()):
            values = {"publication_id": publication.id, "taken_at": now, **figures}
            await db.execute(insert(Figures).values(values).on_conflict_do_nothing())
        if metrics.gone is None:
            publication.gone_since = None
        elif publication.gone_since is None and publication.taken_down_at is None:
            publication.gone_since = now
            await tell(db, publication, metrics.gone)


async def _put_off(workshop: Workshop, look: Look, publication: Publication, error: ChannelError) -> None:
    """Put down that a post could not be looked at, and when it is tried again."""
    now = workshop.clock()
    published_at = publication.published_at or now
    failures = look.failures + 1
    in_turn = next_look(published_at, now)
    next_at = in_turn
    passes = error.remedy in {Remedy.RETRY, Remedy.UNKNOWN, Remedy.QUOTA}
    if passes and failures < MOST_TRIES:
        asked = error.after_seconds
        if error.remedy is Remedy.QUOTA and asked is None:
            asked = patience.QUOTA_WAIT.total_seconds()
        next_at = now + patience.wait_after(failures + 2, asked_seconds=asked)
    async with transaction(workshop.sessions) as db:
        # Why it is gone is of more interest than why nobody could look whether it still is.
        sentence = look.sentence if publication.gone_since is not None else str(error)
        values = {"next_at": next_at, "lease_until": None, "failures": failures, "sentence": sentence}
        is_ours = await _change(db, look, **values)
        if is_ours and error.remedy is Remedy.QUOTA and next_at is not None and publication.account_id is not None:
            await _rest(db, publication.account_id, next_at)
    log.info("look put off", publication_id=str(publication.id), remedy=error.remedy.value)


async def _rest(db: AsyncSession, account_id: UUID, until: datetime) -> None:
    """Put off the other looks at posts of an account."""
    of_account = select(col(Publication.id)).where(col(Publication.account_id) == account_id)
    await db.execute(
        update(Look)
        .where(
            col(Look.next_at) < until,
            col(Look.lease_until).is_(None),
            col(Look.publication_id).in_(of_account),
        )
        .values(next_at=func.greatest(col(Look.next_at), until))
    )


async def _save(workshop: Workshop, look: Look, **values: object) -> None:
    async with transaction(workshop.sessions) as db:
        await _change(db, look, **values)


async def _change(db: AsyncSession, look: Look, **values: object) -> bool:
    """Change the row, if it still is this worker's. Returns whether it is."""
    changed = await db.scalar(
        update(Look)
        .where(col(Look.publication_id) == look.publication_id, col(Look.fence) == look.fence)
        .values(**values)
        .returning(col(Look.publication_id))
    )
    return changed is not None

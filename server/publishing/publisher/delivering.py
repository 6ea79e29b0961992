"""Taking publications to their channels, each once.

A publication's row is the truth. A worker **claims** it: with a lease, so that a worker that died does not keep it, and
with a fencing number, so that one that only slept too long finds out and saves nothing. It then goes step by step
(`advancing`): before each call it commits what it is about to do, after it where the post stands now. So whenever a
worker dies, the row says whether something may have been made visible; then the next one looks before it does anything
(`Channel.status`), and if the channel cannot tell, a person decides.

An account has one publication under way at a time: what its channel counts per account is counted once, and threads do
not interleave.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import anyio
import structlog
from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from server import metrics
from server.db import Sessions, transaction
from server.publishing.accounts.sending import waits_for_share
from server.publishing.channel import Account, Caller, Channel, Handle, Post, Stage, utc_now
from server.publishing.http import Http
from server.publishing.models import Attempt, ChannelAccount, Publication
from server.publishing.posts import ReadPicture, post_of
from server.publishing.publisher import patience
from server.publishing.publisher.advancing import Progress, advance, begun
from server.publishing.publisher.deciding import Verdict, judge, state_of
from server.publishing.publisher.pace import Pace
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import OPEN, State
from server.publishing.wall_time import zone_named

# What nobody sees yet is sent so long before its time, so that the visible call is made at its minute.
LEAD: Final = timedelta(minutes=1)
# No step lasts longer, with all the requests that belong to it; each of those has a shorter limit of its own (`http`).
STEP_SECONDS: Final = 90
STEP_SECONDS_WITH_PICTURES: Final = 360
# What saving around a step may take. A lease is a step and this long: nobody takes over while a step may still run.
LEASE_MARGIN: Final = timedelta(minutes=1)
# No publication has so many parts; a channel that never comes to an end must not keep a worker.
MOST_STEPS: Final = 200
LANES: Final = 4
# No publication is begun later than so long into a run: a job has ten minutes, and a call must fit into what is left.
RUN_SECONDS: Final = 120
STORE_SECONDS: Final = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the publisher works with.

    `open_account` decrypts; `refresh` gets new tokens in place of those of the account it is given. Both raise
    ChannelError. `tell` tells people how a publication ended, in the transaction that ends it.
    """

    sessions: Sessions
    http: Http
    channels: Mapping[str, Channel]
    open_account: Callable[[ChannelAccount], Account]
    refresh: Callable[[Account], Awaitable[Account]]
    read_picture: ReadPicture
    pace: Pace
    tell: Callable[[AsyncSession, Publication, State], Awaitable[None]]
    clock: Callable[[], datetime] = utc_now
    # Says why a publication must wait although its time has come: a hold, an approval that was taken back.
    stopped: Callable[[AsyncSession, UUID | None, bytes], Awaitable[str | None]] | None = None


async def publish_due(workshop: Workshop) -> int:
    """Work on all that is due. Returns how many publications were taken up. Any number of workers may do so at once."""
    taken = 0
    until = anyio.current_time() + RUN_SECONDS

    async def lane() -> None:
        nonlocal taken
        while anyio.current_time() < until:
            publication = await claim(workshop.sessions, workshop.clock())
            if publication is None:
                return
            taken += 1
            try:
                await _Delivery(workshop, publication).run()
            except Exception:
                # A defect with one must not end the others. The row stays as it was saved last; its lease runs out.
                log.exception("publication broke off", publication_id=str(publication.id))

    async with anyio.create_task_group() as tasks:
        for _ in range(LANES):
            tasks.start_soon(lane)
    return taken


async def claim(sessions: Sessions, now: datetime) -> Publication | None:
    """Take the publication that has been due the longest, for as long as a lease. None: nothing is due and free."""
    other = aliased(Publication)
    async with transaction(sessions) as db:
        # First the account, then the publication in a statement of its own: only that one surely sees what another
        # worker has claimed for the account a moment ago.
        account_id = await db.scalar(
            select(col(ChannelAccount.id))
            .join(Publication, col(Publication.account_id) == col(ChannelAccount.id))
            .where(
                _due(now),
                ~exists().where(col(other.account_id) == col(ChannelAccount.id), col(other.lease_until) > now),
            )
            .order_by(col(Publication.next_at), col(Publication.id))
            .limit(1)
            .with_for_update(of=ChannelAccount, skip_locked=True)
        )
        if account_id is None:
            return None
        due = (
            select(col(Publication.id))
            .where(
                _due(now),
                col(Publication.account_id) == account_id,
                ~exists().where(col(other.account_id) == account_id, col(other.lease_until) > now),
            )
            .order_by(col(Publication.next_at), col(Publication.id))
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        publication: Publication | None = await db.scalar(
            update(Publication)
            .where(col(Publication.id) == due)
            .values(fence=col(Publication.fence) + 1, lease_until=now + LEASE_MARGIN)
            .returning(Publication)
        )
    return publication


def _due(now: datetime) -> ColumnElement[bool]:
    return (
        col(Publication.state).in_([state.value for state in OPEN])
        & (col(Publication.next_at) <= now)
        & or_(col(Publication.lease_until).is_(None), col(Publication.lease_until) <= now)
    )


class _Lost(Exception):
    """The publication is not this worker's any more; what it knows must not be saved."""


class _Delivery:
    """A claimed publication on its way, as far as it goes now."""

    def __init__(self, workshop: Workshop, publication: Publication) -> None:
        self._workshop = workshop
        self._row = publication
        self._log = log.bind(publication_id=str(publication.id), fence=publication.fence)
        has_pictures = bool(publication.post["pictures"])
        self._step = timedelta(seconds=STEP_SECONDS_WITH_PICTURES if has_pictures else STEP_SECONDS)
        self._lease = self._step + LEASE_MARGIN

    async def run(self) -> None:
        """Take steps until it is out, has to wait, or needs a person."""
        try:
            await self._run()
        except _Lost:
            self._log.warning("publication was taken over by another worker")
        except anyio.get_cancelled_exc_class():
            # The worker stops. What was begun stays noted; another may look at once.
            with anyio.CancelScope(shield=True), anyio.move_on_after(STORE_SECONDS), contextlib.suppress(_Lost):
                await self._save(lease_until=None, next_at=self._workshop.clock())
            raise

    async def _run(self) -> None:
        now = self._workshop.clock()
        async with self._workshop.sessions() as db:
            account_row = await db.get(ChannelAccount, self._row.account_id)
        if account_row is None:
            # The whole workspace was removed since the claim.
            raise _Lost
        resting = await self._workshop.pace.resting_until(account_row.id)
        if resting is not None and resting > now:
            await self._save(lease_until=None, next_at=resting)
            return
        if await self._is_stopped(now) or await self._lacks_share(account_row, now):
            return
        before = self._saved()
        try:
            channel = self._channel(account_row)
            account = self._workshop.open_account(account_row)
        except ChannelError as error:
            at_start = before or Progress(Handle(Stage.PREPARING))
            await self._settle(error, judge(error, before=at_start, begun=at_start, tries=self._row.tries, now=now))
            return
        post = post_of(self._row, self._workshop.read_picture)
        progress = before or Progress(channel.begin(post, account))
        await self._advance(channel, account, post, progress)

    async def _is_stopped(self, now: datetime) -> bool:
        """Put off what must wait for people. What may be visible already is seen to its end."""
        if self._workshop.stopped is None or self._row.called_at is not None or self._row.url is not None:
            return False
        async with self._workshop.sessions() as db:
            why = await self._workshop.stopped(db, self._row.document_id, self._row.content_hash)
        if why is None:
            return False
        await self._save(lease_until=None, next_at=now + patience.LOOK_AGAIN, problem=why)
        return True

    async def _lacks_share(self, account: ChannelAccount, now: datetime) -> bool:
        """Put off what the channel would refuse, because the account has sent its share. A thread goes out whole."""
        if self._row.called_at is not None or self._row.url is not None:
            return False
        async with self._workshop.sessions() as db:
            wait = await waits_for_share(db, account, 1 + len(self._row.post["replies"]), now)
        if wait is None:
            return False
        until, quota = wait
        at = until.astimezone(zone_named(self._row.zone))
        when = f"{at.day} {at:%B} at {at:%H:%M}"
        why = f"“{account.name}” has sent its share: {quota.words}. It goes out by itself on {when}."
        await self._save(lease_until=None, next_at=until, problem=why)
        return True

    async def _advance(self, channel: Channel, account: Account, post: Post, progress: Progress) -> None:
        may_be_seen = progress.called_at is not None
        for number in range(MOST_STEPS):
            now = self._workshop.clock()
            if progress.is_done:
                await self._publish(progress, now)
                return
            if progress.wait_seconds:
                next_at = now + timedelta(seconds=progress.wait_seconds)
                await self._save(progress, next_at=next_at, lease_until=None)
                return
            if progress.handle.stage is Stage.READY and progress.called_at is None and now < self._row.due_at:
                await self._save(progress, next_at=self._row.due_at, lease_until=None)
                return
            # Sending pictures ahead takes minutes, and so may a look for what was lost. Meanwhile somebody may have put
            # the document on hold.
            if number and not may_be_seen and await self._is_stopped(now):
                return
            may_be_seen = may_be_seen or progress.handle.stage is not Stage.PREPARING
            after, account = await self._step_once(channel, account, post, progress)
            if after is None:
                return
            if _is_absent(progress, after):
                may_be_seen = False
            progress = after
        error = ChannelError(Remedy.OPERATOR, f"{channel.name} did not come to an end after {MOST_STEPS} steps.")
        await self._settle(error, judge(error, before=progress, begun=progress, tries=self._row.tries, now=now))

    async def _step_once(
        self, channel: Channel, account: Account, post: Post, progress: Progress
    ) -> tuple[Progress | None, Account]:
        """Take one step and commit how it ended. None: it failed, and what follows is committed, too."""
        attempt_id, saved = await self._begin(progress, self._workshop.clock())
        try:
            try:
                after = await self._call(channel, account, post, progress)
            except ChannelError as error:
                if error.remedy is not Remedy.REFRESH:
                    raise
                # The token was refused, so nothing was carried out. If the new one is, too, a person has to look.
                account = await self._workshop.refresh(account)
                after = await self._call(channel, account, post, progress)
        except ChannelError as error:
            verdict = judge(error, before=progress, begun=saved, tries=self._row.tries, now=self._workshop.clock())
            await self._settle(error, verdict, progress=progress, attempt_id=attempt_id)
            return None, account
        if _is_absent(progress, after):
            # Looked for and not there: what was lost may be made again. At once the first time, so that one lost answer
            # costs no time; then ever later, since a channel that never answers is one that fails.
            wait = patience.wait_after(self._row.tries) if self._row.tries > 1 else timedelta()
            await self._end(attempt_id, after, "absent")
            return replace(after, wait_seconds=wait.total_seconds()), account
        await self._workshop.pace.answered(account.id)
        await self._end(attempt_id, after, "done")
        return after, account

    async def _call(self, channel: Channel, account: Account, post: Post, progress: Progress) -> Progress:
        """Let the channel take one step. Raises ChannelError, also for what no channel should do."""
        caller = Caller(self._workshop.http, account, self._workshop.clock)
        publishes = progress.handle.stage is Stage.READY and progress.called_at is None
        lost = Remedy.UNKNOWN if publishes else Remedy.RETRY
        if self._row.lease_until is None or self._workshop.clock() + self._step > self._row.lease_until:
            # This process slept since it saved what it was about to do: the step could outlast the lease.
            raise _Lost
        try:
            with anyio.fail_after(self._step.total_seconds()):
                return await advance(channel, caller, post, progress)
        except TimeoutError as error:
            raise ChannelError(lost, f"{channel.name} did not answer in time.") from error
        except ChannelError:
            raise
        except Exception as error:
            # A defect of ours, or an answer nobody has seen yet. Where something may be visible, that is what counts.
            self._log.exception("a channel failed in a way it should not", channel=channel.kind)
            remedy = Remedy.UNKNOWN if publishes else Remedy.OPERATOR
            raise ChannelError(remedy, f"Quillroom did not understand {channel.name}.") from error

    def _channel(self, account: ChannelAccount) -> Channel:
        channel = self._workshop.channels.get(account.channel)
        if account.disconnected_at is not None:
            raise ChannelError(Remedy.RECONNECT, f"“{account.name}” is disconnected. Connect it, then try again.")
        if channel is None:
            raise ChannelError(Remedy.OPERATOR, f"This installation has no channel “{account.channel}”.")
        return channel

    def _saved(self) -> Progress | None:
        if self._row.handle is None:
            return None
        return Progress(read_handle(self._row.handle), self._row.called_at)

    async def _begin(self, progress: Progress, now: datetime) -> tuple[UUID, Progress]:
        """Commit what the next call is, before it is made."""
        saved = begun(progress, now)
        attempt = Attempt(
            id=uuid4(),
            publication_id=self._row.id,
            fence=self._row.fence,
            call=_name_call(progress),
            begun_at=now,
        )
        async with transaction(self._workshop.sessions) as db:
            await self._change(db, **_values(saved), lease_until=now + self._lease)
            db.add(attempt)
        return attempt.id, saved

    async def _end(self, attempt_id: UUID, progress: Progress, outcome: str) -> None:
        """Commit how a call ended, and where the post stands now; also while the worker stops."""
        now = self._workshop.clock()
        tries = 0 if outcome == "done" else self._row.tries
        with anyio.CancelScope(shield=True), anyio.move_on_after(STORE_SECONDS):
            async with transaction(self._workshop.sessions) as db:
                await self._change(db, **_values(progress), lease_until=now + self._lease, tries=tries)
                await _close(db, attempt_id, ended_at=now, outcome=outcome)

    async def _publish(self, progress: Progress, now: datetime) -> None:
        async with transaction(self._workshop.sessions) as db:
            await self._change(
                db,
                **_values(progress),
                lease_until=None,
                published_at=now,
                remedy=None,
                problem="",
                evidence="",
            )
            await self._workshop.tell(db, self._row, State.PUBLISHED)
        metrics.PUBLICATIONS.labels(State.PUBLISHED.value).inc()
        self._log.info("published")

    async def _settle(
        self,
        error: ChannelError,
        verdict: Verdict,
        *,
        progress: Progress | None = None,
        attempt_id: UUID | None = None,
    ) -> None:
        """Commit what follows from a failure."""
        now = self._workshop.clock()
        values: dict[str, Any] = {} if progress is None else _values(progress)
        values |= {
            "state": verdict.state.value,
            "called_at": verdict.called_at,
            "next_at": verdict.next_at,
            "tries": verdict.tries,
            "remedy": error.remedy.value,
            "problem": str(error),
            "evidence": error.evidence,
            "lease_until": None,
        }
        with anyio.CancelScope(shield=True), anyio.move_on_after(STORE_SECONDS):
            async with transaction(self._workshop.sessions) as db:
                await self._change(db, **values)
                if attempt_id is not None:
                    how = {"outcome": error.remedy.value, "sentence": str(error), "evidence": error.evidence}
                    await _close(db, attempt_id, ended_at=now, **how)
                if verdict.is_for_people:
                    await self._workshop.tell(db, self._row, verdict.state)
            if self._row.account_id is not None:
                if verdict.rest_until is not None:
                    await self._workshop.pace.rest(self._row.account_id, verdict.rest_until, now=now)
                if verdict.blames_channel:
                    await self._workshop.pace.failed(self._row.account_id, now=now)
        if verdict.is_for_people:
            metrics.PUBLICATIONS.labels(verdict.state.value).inc()
        self._log.info("publication put off or ended", state=verdict.state.value, remedy=error.remedy.value)

    async def _save(self, progress: Progress | None = None, **values: object) -> None:
        async with transaction(self._workshop.sessions) as db:
            await self._change(db, **(_values(progress) if progress is not None else {}), **values)

    async def _change(self, db: AsyncSession, **values: object) -> None:
        """Change the row, if it still is this worker's. Raises _Lost."""
        row = await db.scalar(
            update(Publication)
            .where(col(Publication.id) == self._row.id, col(Publication.fence) == self._row.fence)
            .values(**values)
            .returning(Publication)
        )
        if row is None:
            raise _Lost
        self._row = row


def write_handle(handle: Handle) -> dict[str, Any]:
    """Return a handle as JSON for its row."""
    return {
        "stage": handle.stage.value,
        "data": dict(handle.data),
        "remote_id": handle.remote_id,
        "url": handle.url,
    }


def read_handle(written: Mapping[str, Any]) -> Handle:
    """Read what `write_handle` wrote."""
    return Handle(Stage(written["stage"]), written["data"], written["remote_id"], written["url"])


def _values(progress: Progress) -> dict[str, Any]:
    return {
        "handle": write_handle(progress.handle),
        "called_at": progress.called_at,
        "state": state_of(progress.handle).value,
        "remote_id": progress.handle.remote_id,
        "url": progress.handle.url,
    }


def _is_absent(before: Progress, after: Progress) -> bool:
    """Whether a look has found that what was begun is not there."""
    return before.called_at is not None and after == Progress(before.handle)


def _name_call(progress: Progress) -> str:
    if progress.called_at is not None or progress.handle.stage is Stage.PROCESSING:
        return "look"
    return "prepare" if progress.handle.stage is Stage.PREPARING else "publish"


async def _close(db: AsyncSession, attempt_id: UUID, **how: object) -> None:
    await db.execute(update(Attempt).where(col(Attempt.id) == attempt_id).values(**how))


async def oldest_overdue_seconds(sessions: Sessions, now: datetime | None = None) -> float:
    """Return how long the publication that is latest has been overdue, in seconds; 0 if none is."""
    now = now or utc_now()
    async with sessions() as db:
        due = await db.scalar(
            select(func.min(col(Publication.due_at))).where(
                col(Publication.state).in_([state.value for state in OPEN]), col(Publication.due_at) < now
            )
        )
    return 0.0 if due is None else (now - due).total_seconds()

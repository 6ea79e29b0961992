"""Carrying out changes of published posts, each as often as it takes: announced before the call, closed after it.

A worker claims a change with a lease and a number. Both deeds may be repeated by the channels' contract, so a worker
that dies, or an answer that is lost, is followed by the same call again, and nothing has to be looked for.
"""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import anyio
import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.db import Sessions, transaction
from server.publishing.aftercare.models import Change, Deed, Standing
from server.publishing.aftercare.verdicts import Verdict, judge
from server.publishing.channel import Account, Caller, Channel, Handle, Post, Replaying, Stage
from server.publishing.models import Attempt, ChannelAccount, Publication
from server.publishing.posts import post_of
from server.publishing.publisher import patience
from server.publishing.publisher.delivering import (
    LEASE_MARGIN,
    STEP_SECONDS,
    STEP_SECONDS_WITH_PICTURES,
    STORE_SECONDS,
    Workshop,
    read_handle,
    write_handle,
)
from server.publishing.remedies import ChannelError, Remedy

LANES: Final = 2
# No change is begun later than so long into a run: a job has ten minutes, and a call must fit into what is left.
RUN_SECONDS: Final = 120
_CALLS: Final = {Deed.UPDATE: "update", Deed.TAKE_DOWN: "delete", Deed.REPLAY: "replay"}

# Tells people of a change that ended, in the transaction that ends it.
Tell = Callable[[AsyncSession, Publication, Change], Awaitable[None]]

log = structlog.get_logger(__name__)


async def carry_out_due(workshop: Workshop, tell: Tell) -> int:
    """Make all changes that are due. Returns how many were taken up. Any number of workers may do so at once."""
    taken = 0
    until = anyio.current_time() + RUN_SECONDS

    async def lane() -> None:
        nonlocal taken
        while anyio.current_time() < until:
            change = await claim(workshop.sessions, workshop.clock())
            if change is None:
                return
            taken += 1
            try:
                await _Carrying(workshop, tell, change).run()
            except Exception:
                # A defect with one must not end the others. The row stays as it was saved last; its lease runs out.
                log.exception("change broke off", change_id=str(change.id))

    async with anyio.create_task_group() as tasks:
        for _ in range(LANES):
            tasks.start_soon(lane)
    return taken


async def claim(sessions: Sessions, now: datetime) -> Change | None:
    """Take the change that has been due the longest, for as long as a lease. None: nothing is due and free."""
    due = (
        select(col(Change.id))
        .where(
            col(Change.state) == Standing.WAITING.value,
            col(Change.next_at) <= now,
            or_(col(Change.lease_until).is_(None), col(Change.lease_until) <= now),
        )
        .order_by(col(Change.next_at), col(Change.id))
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    async with transaction(sessions) as db:
        change: Change | None = await db.scalar(
            update(Change)
            .where(col(Change.id) == due)
            .values(fence=col(Change.fence) + 1, lease_until=now + LEASE_MARGIN)
            .returning(Change)
        )
    return change


class _Lost(Exception):
    """The change is not this worker's any more; what it knows must not be saved."""


class _Carrying:
    """A claimed change, on its way."""

    def __init__(self, workshop: Workshop, tell: Tell, change: Change) -> None:
        self._workshop = workshop
        self._tell = tell
        self._row = change
        self._deed = Deed(change.deed)
        self._log = log.bind(change_id=str(change.id), publication_id=str(change.publication_id), deed=change.deed)
        has_pictures = bool(change.post and change.post["pictures"])
        self._step = timedelta(seconds=STEP_SECONDS_WITH_PICTURES if has_pictures else STEP_SECONDS)
        self._lease = self._step + LEASE_MARGIN

    async def run(self) -> None:
        """Make the call, and commit what came of it."""
        try:
            await self._run()
        except _Lost:
            self._log.warning("change was taken over, or left")
        except anyio.get_cancelled_exc_class():
            # The worker stops. What was begun stays noted, and may be made again at once.
            with anyio.CancelScope(shield=True), anyio.move_on_after(STORE_SECONDS), contextlib.suppress(_Lost):
                await self._save(lease_until=None, next_at=self._workshop.clock())
            raise

    async def _run(self) -> None:
        now = self._workshop.clock()
        async with self._workshop.sessions() as db:
            publication = await db.get(Publication, self._row.publication_id)
            account_id = publication.account_id if publication is not None else None
            account_row = await db.get(ChannelAccount, account_id) if account_id is not None else None
        if publication is None:
            raise _Lost
        wait = await self._wait(publication, account_row, now)
        if wait is not None:
            next_at, why = wait
            await self._save(lease_until=None, next_at=next_at, problem=why)
            return
        try:
            channel, account = self._open(account_row)
        except ChannelError as error:
            await self._settle(error, publication, judge(error, **self._since(now)))
            return
        await self._make(channel, account, publication)

    async def _wait(
        self, publication: Publication, account: ChannelAccount | None, now: datetime
    ) -> tuple[datetime, str] | None:
        """Return until when the change must wait, and why; None: it need not."""
        resting = await self._workshop.pace.resting_until(account.id) if account is not None else None
        if resting is not None and resting > now:
            return resting, "The channel asked for this account to be left alone for a while."
        # Also after a call whose answer was lost: sent again, a text that nobody stands for any more is there for sure.
        if self._deed is not Deed.TAKE_DOWN and self._workshop.stopped is not None:
            async with self._workshop.sessions() as db:
                signed = self._row.content_hash or publication.content_hash
                why = await self._workshop.stopped(db, publication.document_id, signed)
            if why is not None:
                return now + patience.LOOK_AGAIN, why
        return None

    def _open(self, row: ChannelAccount | None) -> tuple[Channel, Account]:
        """Return the channel, and the account with its secrets open. Raises ChannelError."""
        if row is None:
            raise ChannelError(Remedy.OPERATOR, "The account that published this is gone.")
        if row.disconnected_at is not None:
            raise ChannelError(Remedy.RECONNECT, f"“{row.name}” is disconnected. Connect it, then ask again.")
        channel = self._workshop.channels.get(row.channel)
        if channel is None:
            raise ChannelError(Remedy.OPERATOR, f"This installation has no channel “{row.channel}”.")
        return channel, self._workshop.open_account(row)

    async def _make(self, channel: Channel, account: Account, publication: Publication) -> None:
        called_before = self._row.called_at
        begun = self._workshop.clock()
        attempt_id = await self._announce(begun)
        try:
            try:
                handle = await self._call(channel, account, publication)
            except ChannelError as error:
                if error.remedy is not Remedy.REFRESH:
                    raise
                # The token was refused. If the new one is, too, a person has to look.
                account = await self._workshop.refresh(account)
                handle = await self._call(channel, account, publication)
        except ChannelError as error:
            since = {**self._since(begun), "called_before": called_before, "in_parts": _has_parts(publication)}
            await self._settle(error, publication, judge(error, **since), attempt_id)
            return
        await self._finish(handle, attempt_id)

    async def _call(self, channel: Channel, account: Account, publication: Publication) -> Handle:
        """Change the post, send it again or take it down. Raises ChannelError, also for what no channel should do."""
        caller = Caller(self._workshop.http, account, self._workshop.clock)
        handle = read_handle(publication.handle) if publication.handle is not None else Handle(Stage.PUBLISHED)
        if self._row.lease_until is None or self._workshop.clock() + self._step > self._row.lease_until:
            # This process slept since it saved what it was about to do: the call could outlast the lease.
            raise _Lost
        try:
            with anyio.fail_after(self._step.total_seconds()):
                if self._deed is Deed.TAKE_DOWN:
                    await channel.delete(caller, handle)
                    return handle
                if self._deed is Deed.REPLAY:
                    await _replaying(channel).replay(caller, self._post(publication), handle)
                    return handle
                return await channel.update(caller, self._post(publication), handle)
        except TimeoutError as error:
            raise ChannelError(Remedy.UNKNOWN, f"{channel.name} did not answer in time.") from error
        except (ChannelError, _Lost):
            raise
        except Exception as error:
            # A defect of ours, or an answer nobody has seen yet.
            self._log.exception("a channel failed in a way it should not", channel=channel.kind)
            raise ChannelError(Remedy.OPERATOR, f"Quillroom did not understand {channel.name}.") from error

    def _post(self, publication: Publication) -> Post:
        return post_of(publication, self._workshop.read_picture, instead=self._row.post)

    def _since(self, begun: datetime) -> dict[str, Any]:
        return {
            "tries": self._row.tries,
            "called_before": self._row.called_at,
            "called_at": begun,
            "now": self._workshop.clock(),
        }

    async def _announce(self, now: datetime) -> UUID:
        """Commit that the call is about to be made."""
        attempt = Attempt(
            id=uuid4(),
            publication_id=self._row.publication_id,
            fence=self._row.fence,
            call=_CALLS[self._deed],
            begun_at=now,
        )
        async with transaction(self._workshop.sessions) as db:
            await self._change(db, called_at=self._row.called_at or now, lease_until=now + self._lease)
            db.add(attempt)
        return attempt.id

    async def _finish(self, handle: Handle, attempt_id: UUID) -> None:
        """Commit that it is done: from now on the publication says what is there."""
        now = self._workshop.clock()
        with anyio.CancelScope(shield=True), anyio.move_on_after(STORE_SECONDS):
            async with transaction(self._workshop.sessions) as db:
                publication = await self._hold(db)
                await self._change(
                    db,
                    state=Standing.DONE.value,
                    ended_at=now,
                    called_at=None,
                    lease_until=None,
                    remedy=None,
                    problem="",
                    evidence="",
                )
                if self._deed is Deed.TAKE_DOWN:
                    publication.taken_down_at = now
                elif self._deed is Deed.UPDATE:
                    publication.post = self._row.post or publication.post
                    publication.content_hash = self._row.content_hash or publication.content_hash
                    publication.revision_id = self._row.revision_id
                    publication.handle = write_handle(handle)
                    publication.remote_id, publication.url = handle.remote_id, handle.url
                    publication.changed_at = now
                publication.version += 1
                await _close(db, attempt_id, ended_at=now, outcome="done")
                await self._tell(db, publication, self._row)
        self._log.info("change made")

    async def _settle(
        self, error: ChannelError, publication: Publication, verdict: Verdict, attempt_id: UUID | None = None
    ) -> None:
        """Commit what follows from a failure."""
        now = self._workshop.clock()
        has_ended = verdict.state is Standing.FAILED
        with anyio.CancelScope(shield=True), anyio.move_on_after(STORE_SECONDS):
            async with transaction(self._workshop.sessions) as db:
                held = await self._hold(db)
                await self._change(
                    db,
                    state=verdict.state.value,
                    next_at=verdict.next_at,
                    tries=verdict.tries,
                    called_at=verdict.called_at,
                    ended_at=now if has_ended else None,
                    remedy=error.remedy.value,
                    problem=str(error),
                    evidence=error.evidence,
                    lease_until=None,
                )
                if attempt_id is not None:
                    how = {"outcome": error.remedy.value, "sentence": str(error), "evidence": error.evidence}
                    await _close(db, attempt_id, ended_at=now, **how)
                if has_ended:
                    held.version += 1
                    await self._tell(db, held, self._row)
                elif verdict.rests_account and publication.account_id is not None:
                    await _rest(db, publication.account_id, verdict.next_at)
        self._log.info("change put off or ended", state=verdict.state.value, remedy=error.remedy.value)

    async def _hold(self, db: AsyncSession) -> Publication:
        publication: Publication | None = await db.get(
            Publication, self._row.publication_id, with_for_update=True, populate_existing=True
        )
        if publication is None:
            raise _Lost
        return publication

    async def _save(self, **values: object) -> None:
        async with transaction(self._workshop.sessions) as db:
            await self._change(db, **values)

    async def _change(self, db: AsyncSession, **values: object) -> None:
        """Change the row, if it still is this worker's. Raises _Lost."""
        row = await db.scalar(
            update(Change)
            .where(col(Change.id) == self._row.id, col(Change.fence) == self._row.fence)
            .values(**values)
            .returning(Change)
            .execution_options(populate_existing=True)
        )
        if row is None:
            raise _Lost
        self._row = row


def _replaying(channel: Channel) -> Replaying:
    if not isinstance(channel, Replaying):
        raise ChannelError(Remedy.OPERATOR, f"{channel.name} sends nothing again that it took.")
    return channel


def _has_parts(publication: Publication) -> bool:
    return bool(publication.post["replies"])


async def _rest(db: AsyncSession, account_id: UUID, until: datetime) -> None:
    """Put off the other changes on an account; what is to be published there may go on."""
    of_account = select(col(Publication.id)).where(col(Publication.account_id) == account_id)
    await db.execute(
        update(Change)
        .where(
            col(Change.state) == Standing.WAITING.value,
            col(Change.lease_until).is_(None),
            col(Change.publication_id).in_(of_account),
        )
        .values(next_at=func.greatest(col(Change.next_at), until))
    )


async def _close(db: AsyncSession, attempt_id: UUID, **how: object) -> None:
    await db.execute(update(Attempt).where(col(Attempt.id) == attempt_id).values(**how))

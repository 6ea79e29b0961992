"""The publisher at work in a worker: with this installation's accounts, pictures and Redis."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import anyio
from obstore.store import ObjectStore
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from server import metrics
from server.assets import storage
from server.assets.ranges import Span
from server.db import Sessions
from server.documents.models import utc_now
from server.errors import NotFound, Unavailable
from server.events import Events
from server.notifications.noting import EVENT
from server.publishing import recording
from server.publishing.accounts import accounts, refreshing
from server.publishing.accounts.accounts import Reach
from server.publishing.aftercare.carrying import carry_out_due
from server.publishing.aftercare.models import Change
from server.publishing.aftercare.telling import tell_change, tell_gone
from server.publishing.aftercare.watching import begin_looks, look_at_due
from server.publishing.models import Publication
from server.publishing.planning import planning
from server.publishing.planning.approving import note_standing, stopped
from server.publishing.posts import ReadPicture
from server.publishing.publisher.delivering import Workshop, oldest_overdue_seconds, publish_due
from server.publishing.publisher.pace import Pace
from server.publishing.publisher.telling import tell_late, tell_outcome
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State

MAX_PICTURE_BYTES: Final = 64 * 1024 * 1024


class Press:
    """The publisher of one worker process: one run at a time, however often it is nudged."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        reach: Reach,
        store: ObjectStore,
        redis: Redis,
        events: Events,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._events = events
        self._clock = clock
        self._running = anyio.Lock()
        self._tending = anyio.Lock()
        self._watching = anyio.Lock()
        self._reach = reach
        self._told: set[UUID] = set()
        self._ended: set[UUID] = set()
        self._broken: dict[UUID, ChannelError] = {}
        self._workshop = Workshop(
            sessions=sessions,
            http=reach.http,
            channels=reach.channels,
            open_account=partial(accounts.open_account, reach),
            refresh=partial(refreshing.refresh, sessions, reach),
            read_picture=read_from(store),
            pace=Pace(redis),
            tell=self._tell,
            clock=clock,
            stopped=stopped,
        )

    async def run(self) -> int:
        """Publish what is due, and tell of it and of what is late. Returns how many publications were taken up."""
        if self._running.locked():
            # Whatever is due is taken up by the run that is under way; more of them would only wait for one another.
            return 0
        async with self._running:
            taken = await publish_due(self._workshop)
            await self._report_broken()
            people = self._told | await tell_late(self._sessions, self._clock())
            self._told = set()
            for person in people:
                await self._events.publish_to(person, EVENT, {})
            ended, self._ended = self._ended, set()
            for workspace_id in ended:
                await self._events.publish(workspace_id, planning.EVENT, {})
            metrics.PUBLICATIONS_OVERDUE_SECONDS.set(await oldest_overdue_seconds(self._sessions, self._clock()))
            return taken

    async def tend(self) -> int:
        """Change and take down what people asked for. Returns how many changes were taken up."""
        if self._tending.locked():
            return 0
        async with self._tending:
            people: set[UUID] = set()
            workspaces: set[UUID] = set()

            async def tell(db: AsyncSession, publication: Publication, change: Change) -> None:
                people.update(await tell_change(db, publication, change))
                workspaces.add(publication.workspace_id)

            taken = await carry_out_due(self._workshop, tell)
            await self._tell_open_pages(people, workspaces)
            return taken

    async def watch(self) -> int:
        """Look how published posts fare. Returns how many were looked at."""
        if self._watching.locked():
            return 0
        async with self._watching:
            people: set[UUID] = set()
            workspaces: set[UUID] = set()

            async def tell(db: AsyncSession, publication: Publication, why: str) -> None:
                people.update(await tell_gone(db, publication, why))

            await begin_looks(self._workshop)
            looked = await look_at_due(self._workshop, tell, lambda seen: workspaces.add(seen.workspace_id))
            await self._tell_open_pages(people, workspaces)
            return looked

    async def _tell_open_pages(self, people: Collection[UUID], workspaces: Collection[UUID]) -> None:
        for person in people:
            await self._events.publish_to(person, EVENT, {})
        for workspace_id in workspaces:
            await self._events.publish(workspace_id, planning.EVENT, {})

    async def _tell(self, db: AsyncSession, publication: Publication, state: State) -> None:
        self._told |= await tell_outcome(db, publication, state)
        await recording.ended(db, publication, state)
        if publication.document_id is not None:
            await note_standing(db, publication.document_id)
        self._ended.add(publication.workspace_id)
        if publication.remedy == Remedy.RECONNECT and publication.account_id is not None:
            # Not in this transaction: an account has a row, and a lock, of its own.
            self._broken[publication.account_id] = ChannelError(
                Remedy.RECONNECT, publication.problem, evidence=publication.evidence
            )

    async def _report_broken(self) -> None:
        """Let accounts that only a person can mend say so, before the next publication is due on them."""
        while self._broken:
            account_id, error = self._broken.popitem()
            self._told |= await refreshing.report(self._sessions, self._reach, account_id, error)


def read_from(store: ObjectStore) -> ReadPicture:
    """Return what reads pictures from the store."""

    async def read(key: str) -> bytes:
        try:
            parts = await storage.read(store, key, Span(0, MAX_PICTURE_BYTES))
            return b"".join([part async for part in parts])
        except NotFound as error:
            raise ChannelError(Remedy.FIX_CONTENT, "A picture of this post is gone.", evidence=key) from error
        except (Unavailable, OSError) as error:
            raise ChannelError(Remedy.RETRY, "The store with the pictures does not answer.") from error

    return read

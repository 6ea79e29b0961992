"""A team with a document that is sent for review, and what it says changed as its log would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from redis.asyncio import Redis

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.models import Document, utc_now
from server.documents.projection import project
from server.documents.ydoc import YDoc
from server.events import Events
from server.review import lifecycle, workflows
from server.review.lifecycle import Done
from server.review.models import Standing, Verdict
from server.review.states import Status
from server.review.steps import Step
from server.review.workflows import Way
from server.revisions import states
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_member, make_team
from tests.server.revisions.writing_room import append, begin, write


@dataclass
class Desk:
    """Ada is the admin and wrote the document; Ben and Cleo are members."""

    sessions: Sessions
    redis: Redis
    workspace: Workspace
    ada: User
    ben: User
    cleo: User
    document: Document

    @classmethod
    async def set_up(cls, sessions: Sessions, redis: Redis) -> Desk:
        """Make all of it."""
        ada, workspace = await make_team(sessions, name="Ada")
        async with transaction(sessions) as db:
            ben = await make_member(db, workspace, name="Ben")
            cleo = await make_member(db, workspace, name="Cleo", role=Role.SCHEDULER)
        document = await begin(sessions, ada, workspace, "One\n\nTwo", title="Plan")
        return cls(sessions, redis, workspace, ada, ben, cleo, document)

    async def write(self, markdown: str) -> None:
        """Let the document say this, and the lists follow it."""
        await self._follow(await write(self.sessions, self.document.id, markdown, by=self.ada))

    async def change(self, change: Callable[[YDoc], object]) -> None:
        """Let somebody change whatever else there is in the document, and the lists follow it."""
        async with transaction(self.sessions) as db:
            doc = states.build((await states.read_log(db, self.document.id)).updates)
            before = doc.get_state()
            change(doc)
            seq = await append(db, self.document.id, doc.get_update(before), utc_now(), self.ada)
        await self._follow(seq)

    async def _follow(self, seq: int) -> None:
        async with transaction(self.sessions) as db:
            state = states.build((await states.read_log(db, self.document.id)).updates).get_update()
        async with Events(self.redis) as events:
            await project(self.sessions, events, self.document.id, seq, state)

    async def request(self, by: User | None = None, workflow_id: UUID | None = None) -> Done:
        """Send it for review."""
        async with transaction(self.sessions) as db:
            return await lifecycle.request(db, by or self.ada, self.document.id, workflow_id=workflow_id)

    async def decide(self, by: User, verdict: Verdict, comment: str = "", signed: bytes | None = None) -> Done:
        """Decide about what is under review, or approved."""
        async with transaction(self.sessions) as db:
            if signed is None:
                review = await lifecycle.open_review(db, self.document.id)
                signed = review.hash if review is not None else (await self.standing()).approved_hash or b""
            return await lifecycle.decide(db, by, self.document.id, verdict, signed=signed, comment=comment)

    async def standing(self) -> Standing:
        """Return where it stands."""
        async with transaction(self.sessions) as db:
            return await db.get_one(Standing, self.document.id)

    async def status(self) -> Status:
        """Return how far it is."""
        return Status((await self.standing()).status)

    async def is_changed(self) -> bool:
        """Whether it says something else than what was approved."""
        async with transaction(self.sessions) as db:
            document = await db.get_one(Document, self.document.id)
        return document.content_hash != (await self.standing()).approved_hash

    async def workflow(self, *steps: Step, own_content: bool = False) -> UUID:
        """Make a workflow."""
        async with transaction(self.sessions) as db:
            way = await workflows.save(
                db,
                actor(self.ada, self.workspace, Role.ADMIN),
                None,
                Way(None, "Ours", steps, own_content=own_content, is_usual=False),
            )
        assert way.id is not None
        return way.id

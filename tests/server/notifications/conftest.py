"""A team with a document, a mail server that keeps what it gets, and a clock that is set by hand."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts.models import User
from server.db import Sessions
from server.notifications.models import Kind
from server.notifications.noting import Notice, note
from server.settings import Settings
from server.workspaces.models import Workspace
from tests.factories import make_member, make_user, make_workspace
from tests.server.notifications.catch_all import CatchAll, open_catch_all

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **parts: float) -> None:
        self.now += timedelta(**parts)


async def see_all(db: AsyncSession, user: User, document_ids: Collection[UUID]) -> Collection[UUID]:
    """Let everybody see everything."""
    del db, user
    return document_ids


@dataclass
class Post:
    """Ada, Ben and their workspace, committed; `hidden` are documents that nobody may see any more."""

    sessions: Sessions
    ada: User
    ben: User
    workspace: Workspace
    clock: Clock
    hidden: set[UUID] = field(default_factory=set)

    async def visible(self, db: AsyncSession, user: User, document_ids: Collection[UUID]) -> Collection[UUID]:
        return set(document_ids) - self.hidden

    async def note(
        self,
        *,
        kind: Kind = Kind.MENTION,
        key: str = "comment:1",
        text: str = "@Ben, look",
        document_id: UUID | None = None,
    ) -> UUID:
        """Note something for Ben, of a new document unless one is given. Returns the document's id."""
        document_id = document_id or uuid4()
        async with self.sessions() as db:
            await note(
                db,
                Notice(
                    kind=kind,
                    to=[self.ben.id],
                    workspace_id=self.workspace.id,
                    actor_id=self.ada.id,
                    document_id=document_id,
                    thread_id=uuid4(),
                    title="The plan",
                    quote="the <first> paragraph",
                    text=text,
                    path=f"/documents/{document_id}#comment-1",
                    dedupe_key=key,
                ),
                now=self.clock.now,
            )
            await db.commit()
        return document_id


@pytest.fixture
async def post(sessions: Sessions) -> Post:
    async with sessions() as db:
        ada = await make_user(db, name="Ada Lovelace")
        workspace = await make_workspace(db, ada)
        ben = await make_member(db, workspace, name="Ben")
        await db.commit()
    return Post(sessions, ada, ben, workspace, Clock())


@pytest.fixture
async def caught() -> AsyncIterator[CatchAll]:
    async with open_catch_all() as caught:
        yield caught


@pytest.fixture
def mailing(settings: Settings, caught: CatchAll) -> Settings:
    """Settings with that mail server."""
    return settings.model_copy(update={"smtp_url": caught.url, "smtp_from": "Quillroom <room@example.org>"})

"""A publisher for an account of any channel, on a local server whose calls can be broken, and workers that die."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from server.db import Sessions, transaction
from server.publishing.channel import Account, Post
from server.publishing.models import ChannelAccount, Publication
from server.publishing.posts import FrozenPicture, FrozenPost, pack
from server.publishing.publisher.delivering import Workshop, publish_due
from server.publishing.publisher.pace import Pace
from server.publishing.states import OPEN, State
from tests.factories import make_user, make_workspace
from tests.server.publishing.subjects import SUBJECTS
from tests.server.publishing.subjects.subject import PNG, Subject, a_whole_post

# More runs of the publisher than any post needs.
RUNS = 40


class Killed(BaseException):
    """The worker is gone, in the middle of what it does."""


@dataclass
class Printer:
    """A publisher for one account of a channel."""

    subject: Subject
    workshop: Workshop
    workspace_id: UUID
    account_id: UUID

    @property
    def now(self) -> datetime:
        return self.workshop.clock()

    def frozen(self, text: str) -> FrozenPost:
        """Return a post with all that the channel has."""
        post: Post = a_whole_post(self.subject, text)
        pictures = tuple(
            FrozenPicture(each.alt, each.name, each.content_type, each.size_bytes, each.width, each.height, each.alt)
            for each in post.pictures
        )
        return FrozenPost(
            post.title, post.text, post.html, pictures=pictures, replies=post.replies, options=post.options
        )

    async def plan(self, text: str) -> UUID:
        """Write down a publication that is due now, with all that the channel has."""
        publication = Publication(
            workspace_id=self.workspace_id,
            account_id=self.account_id,
            content_hash=bytes(32),
            post=pack(self.frozen(text)),
            wall_time=self.now.replace(tzinfo=None),
            zone="UTC",
            due_at=self.now,
            next_at=self.now,
        )
        async with transaction(self.workshop.sessions) as db:
            db.add(publication)
        return publication.id

    async def row(self, publication_id: UUID) -> Publication:
        async with self.workshop.sessions() as db:
            return await db.get_one(Publication, publication_id)

    async def run(self, publication_id: UUID) -> Publication:
        """Let workers come and go, and time pass, until the publication is out or a person has to help."""
        for _ in range(RUNS):
            await publish_due(self.workshop)
            row = await self.row(publication_id)
            if row.state not in OPEN:
                return row
            self.wait_until(max(row.next_at, row.lease_until or row.next_at))
        raise AssertionError(f"still {row.state} after {RUNS} runs: {row.problem} {row.evidence}")

    def wait_until(self, at: datetime) -> None:
        """Let a time come."""
        assert self.subject.passes is not None
        self.subject.passes(max(1.0, (at - self.now).total_seconds()))

    async def out(self, text: str) -> UUID:
        """Publish something, all of it."""
        published = await self.plan(text)
        row = await self.run(published)
        assert row.state == State.PUBLISHED, f"{row.problem} {row.evidence}"
        return published


@asynccontextmanager
async def open_printer(kind: str, sessions: Sessions, redis: Redis) -> AsyncIterator[Printer]:
    """Open one for the subject of that name."""
    async with transaction(sessions) as db:
        user = await make_user(db)
        workspace = await make_workspace(db, user)
        account = ChannelAccount(workspace_id=workspace.id, channel=kind, name="Account", secrets=b"")
        db.add(account)

    async def tell(db: AsyncSession, publication: Publication, state: State) -> None:
        """Nobody is there."""

    async def refresh(used: Account) -> Account:
        raise AssertionError("no token has run out")

    async def read_picture(key: str) -> bytes:
        return PNG

    async with SUBJECTS[kind]() as subject:
        workshop = Workshop(
            sessions=sessions,
            http=subject.caller.http,
            channels={kind: subject.channel},
            open_account=lambda row: replace(subject.caller.account, id=row.id),
            refresh=refresh,
            read_picture=read_picture,
            pace=Pace(redis),
            tell=tell,
            clock=subject.caller.now,
        )
        yield Printer(subject, workshop, workspace.id, account.id)


@contextmanager
def dying(printer: Printer, number: int, *, after: bool) -> Iterator[None]:
    """Let the worker die before or after the call that comes after so many others."""
    place, client = printer.subject.place, printer.workshop.http.client
    last = len(place.calls) + number
    send = client.send

    async def killing(*args: Any, **kwargs: Any) -> Any:
        dies = len(place.calls) == last
        if dies and not after:
            raise Killed
        answer = await send(*args, **kwargs)
        if dies:
            raise Killed
        return answer

    with patch.object(client, "send", killing):
        try:
            yield
        except BaseExceptionGroup as killed:
            assert killed.subgroup(Killed) is not None


def times(subject: Subject, text: str) -> int:
    """Return how often people see a text there."""
    # Whole words: "Fox 1" is no "Fox 10".
    return len([seen for seen in subject.seen() if f" {text} " in f" {' '.join(seen.split())} "])

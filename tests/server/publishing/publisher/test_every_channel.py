"""The publisher with every channel and its server: whatever is lost, wherever a worker dies, nothing is there twice."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
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
from tests.server.publishing.elsewhere.running import Fault
from tests.server.publishing.subjects import SUBJECTS
from tests.server.publishing.subjects.subject import PNG, Subject, a_whole_post

# More runs of the publisher than any of the posts below needs.
_RUNS = 40


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

    async def plan(self, text: str) -> UUID:
        """Write down a publication that is due now, with all that the channel has."""
        post: Post = a_whole_post(self.subject, text)
        pictures = tuple(
            FrozenPicture(each.alt, each.name, each.content_type, each.size_bytes, each.width, each.height, each.alt)
            for each in post.pictures
        )
        frozen = FrozenPost(
            post.title, post.text, post.html, pictures=pictures, replies=post.replies, options=post.options
        )
        publication = Publication(
            workspace_id=self.workspace_id,
            account_id=self.account_id,
            content_hash=bytes(32),
            post=pack(frozen),
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
        for _ in range(_RUNS):
            await publish_due(self.workshop)
            row = await self.row(publication_id)
            if row.state not in OPEN:
                return row
            self._wait(row)
        raise AssertionError(f"still {row.state} after {_RUNS} runs: {row.problem} {row.evidence}")

    def _wait(self, row: Publication) -> None:
        """Let the time come at which the publication is taken up again."""
        assert self.subject.passes is not None
        at = max(row.next_at, row.lease_until or row.next_at)
        self.subject.passes(max(1.0, (at - self.now).total_seconds()))


@pytest.fixture(params=sorted(SUBJECTS))
async def printer(request: pytest.FixtureRequest, sessions: Sessions, redis: Redis) -> AsyncIterator[Printer]:
    async with transaction(sessions) as db:
        user = await make_user(db)
        workspace = await make_workspace(db, user)
        account = ChannelAccount(workspace_id=workspace.id, channel=request.param, name="Account", secrets=b"")
        db.add(account)

    async def tell(db: AsyncSession, publication: Publication, state: State) -> None:
        """Nobody is there."""

    async def refresh(used: Account) -> Account:
        raise AssertionError("no token has run out")

    async def read_picture(key: str) -> bytes:
        return PNG

    async with SUBJECTS[request.param]() as subject:
        workshop = Workshop(
            sessions=sessions,
            http=subject.caller.http,
            channels={request.param: subject.channel},
            open_account=lambda row: replace(subject.caller.account, id=row.id),
            refresh=refresh,
            read_picture=read_picture,
            pace=Pace(redis),
            tell=tell,
            clock=subject.caller.now,
        )
        yield Printer(subject, workshop, workspace.id, account.id)


async def test_whatever_answer_is_lost_nothing_is_there_twice(printer: Printer) -> None:
    calls = await _count_calls(printer)
    for number in range(calls):
        text = f"Fox {number}"
        planned = await printer.plan(text)
        printer.subject.place.breaks(Fault.ANSWER_LOST, after=number)

        row = await printer.run(planned)

        printer.subject.place.faults.clear()
        _judge(printer, row, text)


async def test_wherever_a_worker_dies_nothing_is_there_twice(printer: Printer) -> None:
    calls = await _count_calls(printer)
    for after in (False, True):
        for number in range(calls):
            text = f"Fox {'after' if after else 'before'} {number}"
            planned = await printer.plan(text)
            with _dying(printer, number, after=after):
                await publish_due(printer.workshop)

            row = await printer.run(planned)

            _judge(printer, row, text)


@contextmanager
def _dying(printer: Printer, number: int, *, after: bool) -> Iterator[None]:
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


def _judge(printer: Printer, row: Publication, text: str) -> None:
    """See that all parts are there once; or, where the channel cannot tell, at most once and a person is asked."""
    subject = printer.subject
    whole = a_whole_post(subject, text)
    times = [_times(subject, part) for part in (whole.text, *whole.replies)]
    if row.state == State.PUBLISHED:
        assert times == [1] * len(times), text
        assert row.remote_id
    else:
        assert row.state == State.UNKNOWN, f"{text}: {row.state} {row.problem} {row.evidence}"
        assert not subject.decides, f"{text}: {row.problem} {row.evidence}"
        assert max(times) <= 1, text


async def _count_calls(printer: Printer) -> int:
    before = len(printer.subject.place.calls)
    row = await printer.run(await printer.plan("Counted fox"))
    assert row.state == State.PUBLISHED, f"{row.problem} {row.evidence}"
    return len(printer.subject.place.calls) - before


def _times(subject: Subject, text: str) -> int:
    # Whole words: "Fox 1" is no "Fox 10".
    return len([seen for seen in subject.seen() if f" {text} " in f" {' '.join(seen.split())} "])

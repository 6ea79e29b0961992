"""Looks at published posts: ever rarer, never in the way, and telling when a post can be seen no longer."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from server.db import Sessions, transaction
from server.errors import Conflict, TooMany
from server.publishing.aftercare.models import Look
from server.publishing.aftercare.watching import (
    MOST_TRIES,
    SCHEDULE,
    ask_look,
    begin_looks,
    find_figures,
    look_at_due,
    next_look,
)
from server.publishing.channel import Metrics
from server.publishing.models import Publication
from server.publishing.publisher.delivering import publish_due
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State
from tests.server.publishing.press import NOON, Press, open_press


@pytest.fixture
async def press(sessions: Sessions, redis: Redis) -> AsyncIterator[Press]:
    opened = await open_press(sessions, redis)
    async with opened.workshop.http.client:
        yield opened


async def out(press: Press, text: str = "The fox") -> UUID:
    planned = await press.plan(text, due_at=press.clock())
    await publish_due(press.workshop)
    assert (await press.row(planned)).state == State.PUBLISHED
    return planned


async def watch(press: Press) -> tuple[int, list[str]]:
    """Let a worker look; returns how often it did, and what it told people."""
    told: list[str] = []

    async def tell(db: AsyncSession, publication: Publication, why: str) -> None:
        told.append(why)

    await begin_looks(press.workshop)
    return await look_at_due(press.workshop, tell, lambda _: None), told


async def look_of(press: Press, publication_id: UUID) -> Look:
    async with press.sessions() as db:
        return await db.get_one(Look, publication_id)


async def figures(press: Press, publication_id: UUID) -> list[tuple[int | None, int | None]]:
    async with press.sessions() as db:
        return [(each.likes, each.views) for each in await find_figures(db, publication_id)]


def test_looks_become_rarer_and_end() -> None:
    assert next_look(NOON, NOON) == NOON + timedelta(minutes=10)
    assert next_look(NOON, NOON + timedelta(hours=2)) == NOON + timedelta(hours=6)
    assert next_look(NOON, NOON + timedelta(days=30)) is None


async def test_a_post_is_looked_at_by_its_schedule_and_then_no_more(press: Press) -> None:
    published = await out(press)
    assert await watch(press) == (0, [])
    for number, after in enumerate(SCHEDULE, 1):
        press.wall.metrics = Metrics(likes=number)
        press.clock.now = NOON + after
        assert await watch(press) == (1, [])
        assert await watch(press) == (0, [])
    press.clock.pass_by(days=300)

    assert await watch(press) == (0, [])

    # What it does not tell is not nought.
    assert await figures(press, published) == [(number, None) for number in range(1, len(SCHEDULE) + 1)]
    look = await look_of(press, published)
    assert (look.looks, look.next_at, look.sentence) == (len(SCHEDULE), None, "")


async def test_what_was_missed_is_looked_at_once(press: Press) -> None:
    await out(press)
    await watch(press)
    press.clock.pass_by(days=2)

    assert await watch(press) == (1, [])
    assert await watch(press) == (0, [])


async def test_a_look_that_fails_leaves_the_publication_as_it_is_and_comes_again(press: Press) -> None:
    published = await out(press)
    before = await press.row(published)
    await watch(press)
    press.clock.now = NOON + SCHEDULE[0]

    def fail(call: str) -> None:
        raise ChannelError(Remedy.RETRY, "The board is busy.")

    press.wall.before = fail
    for _ in range(MOST_TRIES):
        assert (await watch(press))[0] == 1
        look = await look_of(press, published)
        assert look.next_at is not None
        press.clock.now = look.next_at
    look = await look_of(press, published)
    assert (look.sentence, look.failures) == ("The board is busy.", MOST_TRIES)
    # From then on it is tried when it would be looked at anyway.
    assert look.next_at == NOON + timedelta(hours=1)
    assert (await press.row(published)).model_dump() == before.model_dump()


async def test_an_account_that_rests_is_not_asked(press: Press) -> None:
    published = await out(press)
    await watch(press)
    press.clock.now = NOON + SCHEDULE[0]
    until = press.clock() + timedelta(minutes=5)
    await press.workshop.pace.rest(press.account_id, until, now=press.clock())

    await watch(press)

    assert "count" not in press.wall.calls
    assert (await look_of(press, published)).next_at == until


async def test_what_is_gone_is_told_once_and_what_comes_back_is_seen(press: Press) -> None:
    published = await out(press)
    await watch(press)
    press.clock.now = NOON + SCHEDULE[0]
    press.wall.metrics = Metrics(gone="A moderator removed it.")

    assert await watch(press) == (1, ["A moderator removed it."])
    row = await press.row(published)
    assert (row.state, row.gone_since) == (State.PUBLISHED, press.clock())
    press.clock.now = NOON + SCHEDULE[1]
    assert await watch(press) == (1, [])
    assert (await press.row(published)).gone_since == row.gone_since
    press.wall.metrics = Metrics(likes=1)
    press.clock.now = NOON + SCHEDULE[2]
    await watch(press)

    assert (await press.row(published)).gone_since is None


async def test_a_look_by_hand_comes_at_once_and_not_every_second(press: Press) -> None:
    published = await out(press)
    channel = press.workshop.channels["board"]
    press.wall.metrics = Metrics(likes=3)
    async with transaction(press.sessions) as db:
        await ask_look(db, await db.get_one(Publication, published), channel, press.clock())

    assert await watch(press) == (1, [])

    assert await figures(press, published) == [(3, None)]
    assert (await look_of(press, published)).next_at == NOON + SCHEDULE[0]
    async with press.sessions() as db:
        with pytest.raises(TooMany):
            await ask_look(db, await db.get_one(Publication, published), channel, press.clock())


async def test_what_was_taken_down_is_looked_at_no_more(press: Press) -> None:
    published = await out(press)
    await watch(press)
    async with transaction(press.sessions) as db:
        (await db.get_one(Publication, published)).taken_down_at = press.clock()
    press.clock.now = NOON + SCHEDULE[0]

    await watch(press)

    assert "count" not in press.wall.calls
    assert (await look_of(press, published)).next_at is None
    async with press.sessions() as db:
        with pytest.raises(Conflict):
            row = await db.get_one(Publication, published)
            await ask_look(db, row, press.workshop.channels["board"], press.clock())

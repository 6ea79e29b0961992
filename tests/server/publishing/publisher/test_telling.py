"""Who planned something hears what became of it, and who looks after its account, if it needs somebody."""

from datetime import timedelta
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy import select
from sqlmodel import col

from server.db import Sessions, transaction
from server.notifications.models import Kind, PersonalNotice
from server.publishing.models import ChannelAccount, Publication
from server.publishing.publisher.telling import LATE_AFTER, tell_late, tell_outcome
from server.publishing.states import State
from tests.factories import make_member
from tests.server.publishing.press import NOON, Press, open_press


@pytest.fixture
async def press(sessions: Sessions, redis: Redis) -> Press:
    return await open_press(sessions, redis)


async def told(press: Press) -> list[tuple[UUID, str, str]]:
    async with press.sessions() as db:
        rows = await db.scalars(select(PersonalNotice).order_by(col(PersonalNotice.created_at)))
        return [(row.user_id, row.kind, row.text) for row in rows]


async def responsible(press: Press) -> UUID:
    from server.workspaces.models import Workspace

    async with transaction(press.sessions) as db:
        user = await make_member(db, await db.get_one(Workspace, press.workspace_id))
        (await db.get_one(ChannelAccount, press.account_id)).responsible_id = user.id
    return user.id


async def test_what_is_out_is_told_to_who_planned_it_and_trouble_to_who_looks_after_the_account_too(
    press: Press,
) -> None:
    ben = await responsible(press)
    planned = await press.plan()
    async with transaction(press.sessions) as db:
        publication = await db.get_one(Publication, planned)
        publication.created_by = press.scheduler.user_id
        publication.problem = "It is too long."
        await tell_outcome(db, publication, State.PUBLISHED)
        await tell_outcome(db, publication, State.FAILED)
        # Nothing has ended.
        await tell_outcome(db, publication, State.PROCESSING)

    assert sorted(await told(press)) == sorted(
        [
            (press.scheduler.user_id, Kind.PUBLISHED, "It is on Board."),
            (press.scheduler.user_id, Kind.STUCK, "It was not published. It is too long."),
            (ben, Kind.STUCK, "It was not published. It is too long."),
        ]
    )


async def test_what_is_late_is_told_once(press: Press) -> None:
    ben = await responsible(press)
    await press.plan(due_at=NOON)

    assert await tell_late(press.sessions, NOON + LATE_AFTER) == frozenset()
    late = NOON + LATE_AFTER + timedelta(seconds=1)
    assert await tell_late(press.sessions, late) == {ben}
    assert await tell_late(press.sessions, late) == frozenset()
    assert len(await told(press)) == 1

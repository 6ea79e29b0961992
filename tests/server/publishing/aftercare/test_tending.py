"""What a worker does for published posts, as it has it."""

from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from obstore.store import MemoryStore
from redis.asyncio import Redis
from sqlalchemy import select
from sqlmodel import col

from server.audit import ledger
from server.audit.models import LedgerEntry
from server.db import Sessions, transaction
from server.events import Events
from server.notifications.models import PersonalNotice
from server.publishing.accounts.accounts import Reach
from server.publishing.aftercare.models import Change, Deed
from server.publishing.aftercare.watching import SCHEDULE
from server.publishing.channel import Metrics
from server.publishing.http import open_http
from server.publishing.models import ChannelAccount, Publication
from server.publishing.pressing import Press
from server.publishing.publisher.delivering import publish_due
from server.publishing.states import State
from server.publishing.vault import Vault
from tests.server.publishing.board import BoardChannel
from tests.server.publishing.press import Press as Planned
from tests.server.publishing.press import open_press


@pytest.fixture
async def planned(sessions: Sessions, redis: Redis) -> Planned:
    return await open_press(sessions, redis)


async def _out(planned: Planned) -> UUID:
    published = await planned.plan()
    await publish_due(planned.workshop)
    async with transaction(planned.sessions) as db:
        row = await db.get_one(Publication, published)
        row.created_by = planned.scheduler.user_id
    assert row.state == State.PUBLISHED
    return published


async def _press(planned: Planned, redis: Redis) -> Press:
    vault = Vault((Fernet.generate_key().decode(),))
    async with transaction(planned.sessions) as db:
        (await db.get_one(ChannelAccount, planned.account_id)).secrets = vault.seal({})
    return Press(
        sessions=planned.sessions,
        reach=Reach({"board": BoardChannel(planned.wall)}, {}, open_http(), lambda: vault, "http://quillroom.test"),
        store=MemoryStore(),
        redis=redis,
        events=Events(redis),
        clock=planned.clock,
    )


async def test_what_is_taken_down_stands_in_the_ledger(planned: Planned, redis: Redis) -> None:
    published = await _out(planned)
    async with transaction(planned.sessions) as db:
        db.add(
            Change(
                publication_id=published,
                deed=Deed.TAKE_DOWN.value,
                next_at=planned.clock(),
                asked_by=planned.scheduler.user_id,
            )
        )

    assert await (await _press(planned, redis)).tend() == 1

    assert planned.texts == []
    await ledger.chain_waiting(planned.sessions)
    async with planned.sessions() as db:
        last = await db.scalar(select(LedgerEntry).order_by(col(LedgerEntry.number).desc()).limit(1))
    assert last is not None
    assert last.kind == "publication.taken_down"
    assert last.sentence.endswith("took “Untitled” down from Board.")


async def test_who_planned_it_hears_that_it_is_gone(planned: Planned, redis: Redis) -> None:
    await _out(planned)
    planned.clock.now += SCHEDULE[0]
    planned.wall.metrics = Metrics(gone="A moderator removed it.")

    assert await (await _press(planned, redis)).watch() == 1

    async with planned.sessions() as db:
        [notice] = await db.scalars(select(PersonalNotice))
    assert notice.user_id == planned.scheduler.user_id
    assert notice.text == "It can no longer be seen on Board. A moderator removed it."

"""Whoever can act hears beforehand, once."""

from datetime import timedelta
from uuid import UUID

import pytest
from obstore.store import MemoryStore
from redis.asyncio import Redis
from sqlalchemy import select, update
from sqlmodel import col

from server.db import Sessions, transaction
from server.documents.models import Document, utc_now
from server.notifications.models import Kind, PersonalNotice
from server.publishing.accounts.accounts import Reach
from server.publishing.http import open_http
from server.publishing.models import ChannelAccount, Health, Publication
from server.publishing.publisher.pace import Pace
from server.publishing.rehearsal.reading import Means
from server.publishing.rehearsal.telling import foretell
from server.publishing.vault import Vault
from tests.factories import make_member
from tests.server.publishing.press import Press, open_press


@pytest.fixture
async def press(sessions: Sessions, redis: Redis) -> Press:
    return await open_press(sessions, redis)


def _no_vault() -> Vault:
    raise AssertionError


async def _foretell(press: Press, redis: Redis) -> frozenset[UUID]:
    reach = Reach(press.workshop.channels, {}, open_http(), _no_vault, "https://studio.example")
    async with reach.http.client:
        return await foretell(press.sessions, Means(reach, MemoryStore(), Pace(redis)), utc_now())


async def _told(press: Press) -> list[PersonalNotice]:
    async with press.sessions() as db:
        found = await db.scalars(
            select(PersonalNotice)
            .where(col(PersonalNotice.kind) == Kind.FORESEEN.value)
            .order_by(col(PersonalNotice.created_at))
        )
        return list(found)


async def _keeper(press: Press) -> UUID:
    from server.workspaces.models import Role, Workspace

    async with transaction(press.sessions) as db:
        user = await make_member(db, await db.get_one(Workspace, press.workspace_id), role=Role.SCHEDULER)
        account = await db.get_one(ChannelAccount, press.account_id)
        account.responsible_id = user.id
        account.health, account.health_sentence = Health.RECONNECT.value, "Access was taken back."
    return user.id


async def _plan(press: Press, text: str, days: int) -> UUID:
    """Plan a post of a document. Returns the document's id."""
    publication = await press.plan(text, due_at=utc_now() + timedelta(days=days))
    async with transaction(press.sessions) as db:
        row = await db.get_one(Publication, publication)
        row.created_by = press.scheduler.user_id
    return await press.approve(publication)


async def test_one_deed_is_asked_for_once_however_much_hangs_on_it(press: Press, redis: Redis) -> None:
    keeper = await _keeper(press)
    for day in range(1, 4):
        await _plan(press, f"Day {day}", day)
    # Beyond the days that are looked at.
    await _plan(press, "Later", 9)

    assert await _foretell(press, redis) == {keeper}
    assert await _foretell(press, redis) == frozenset()

    [notice] = await _told(press)
    assert (notice.user_id, notice.title) == (keeper, "The fox")
    assert "“Board” must be connected again: Access was taken back. Connect it again before" in notice.text
    assert notice.text.endswith("It concerns 2 more that are planned.")
    assert notice.path == f"/workspace/channels/{press.account_id}"


async def test_a_new_cause_is_told_anew_and_remarks_are_not(press: Press, redis: Redis) -> None:
    keeper = await _keeper(press)
    await _plan(press, "It jumps", 1)
    assert await _foretell(press, redis) == {keeper}
    async with transaction(press.sessions) as db:
        await db.execute(update(ChannelAccount).values(health=Health.OK.value))
        # It was changed, which is a remark.
        await db.execute(update(Document).values(content_hash=b"\x01" * 32))
    assert await _foretell(press, redis) == frozenset()
    async with transaction(press.sessions) as db:
        await db.execute(update(Document).values(trashed_at=utc_now()))
    assert await _foretell(press, redis) == {press.scheduler.user_id}
    async with transaction(press.sessions) as db:
        await db.execute(update(ChannelAccount).values(health=Health.RECONNECT.value, health_since=utc_now()))
    assert await _foretell(press, redis) == {keeper}
    assert len(await _told(press)) == 3

"""What stands above every calendar is told to open ones, though nobody did anything."""

from datetime import timedelta
from uuid import UUID

import pytest
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.documents.models import utc_now
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import banners
from tests.server.publishing.planner import Planner, open_planner


@pytest.fixture
async def planner(app: Starlette, sessions: Sessions) -> Planner:
    return await open_planner(app, sessions)


async def test_a_workspace_hears_of_an_account_and_of_what_is_late(planner: Planner) -> None:
    now = utc_now()
    async with await planner.program() as program:
        planned = await planner.plan(program, await planner.document())
    async with transaction(planner.sessions) as db:
        account = await db.get_one(ChannelAccount, planner.account_id)
        account.health_since = now - timedelta(hours=1)
    assert await banners.changed(planner.sessions, now) == set()
    for row, values in (
        ((ChannelAccount, planner.account_id), {"health_since": now}),
        ((Publication, UUID(planned["id"])), {"overdue_told_at": now}),
    ):
        async with transaction(planner.sessions) as db:
            found = await db.get_one(*row)
            for name, value in values.items():
                setattr(found, name, value)
        assert await banners.changed(planner.sessions, now) == {planner.workspace.id}
        assert await banners.changed(planner.sessions, now + timedelta(seconds=1)) == set()

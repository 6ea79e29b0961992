"""What an account has sent of its share, and that nothing is sent beyond it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from server.db import Sessions, transaction
from server.publishing import quotas
from server.publishing.accounts.sending import shares
from server.publishing.models import ChannelAccount
from server.publishing.publisher.delivering import publish_due
from server.publishing.quotas import Quota
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State
from tests.server.publishing.press import Press, open_press


@pytest.fixture
async def press(sessions: Sessions, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Press]:
    monkeypatch.setattr(quotas, "QUOTAS", {"board": (Quota(3, timedelta(hours=1)),)})
    opened = await open_press(sessions, redis)
    async with opened.workshop.http.client:
        yield opened


async def words(press: Press) -> list[str]:
    async with press.sessions() as db:
        account = await db.get_one(ChannelAccount, press.account_id)
        return [share.words for share in await shares(db, account, press.clock())]


async def test_what_does_not_fit_waits_and_goes_out_by_itself(press: Press) -> None:
    assert await words(press) == ["0 of 3 posts an hour"]
    await press.plan("First", replies=("and more",))
    await publish_due(press.workshop)
    assert await words(press) == ["2 of 3 posts an hour"]
    planned = await press.plan("Second", replies=("and more",))
    await publish_due(press.workshop)

    row = await press.row(planned)
    # Half a thread would be worse than a late one.
    assert press.texts == ["First", "and more"]
    assert (row.state, row.tries) == (State.SCHEDULED, 0)
    assert "has sent its share: 3 posts an hour. It goes out by itself on 21 November at 13:00." in row.problem
    assert row.next_at == press.clock() + timedelta(hours=1)
    press.clock.now = row.next_at
    await publish_due(press.workshop)

    assert press.texts == ["First", "and more", "Second", "and more"]
    assert (await press.row(planned)).problem == ""


async def test_what_was_refused_was_not_sent(press: Press) -> None:
    def refuse(call: str) -> None:
        if call == "post":
            raise ChannelError(Remedy.FIX_CONTENT, "No.")

    press.wall.before = refuse
    await press.plan("First")
    await publish_due(press.workshop)

    assert await words(press) == ["0 of 3 posts an hour"]


async def test_a_channel_that_says_nothing_has_no_share(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "QUOTAS", {})
    async with transaction(press.sessions) as db:
        account = await db.get_one(ChannelAccount, press.account_id)
        assert await shares(db, account, press.clock()) == []

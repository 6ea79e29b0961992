"""The publisher as a worker has it."""

from uuid import uuid4

import anyio
import pytest
from cryptography.fernet import Fernet
from obstore.store import MemoryStore
from redis.asyncio import Redis

from server.db import Sessions, transaction
from server.events import Events
from server.publishing.accounts.accounts import Reach
from server.publishing.http import open_http
from server.publishing.models import ChannelAccount, Health
from server.publishing.pressing import Press, read_from
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.vault import Vault
from tests.server.publishing.board import BoardChannel, failing
from tests.server.publishing.press import Press as Planned
from tests.server.publishing.press import open_press


async def test_a_run_publishes_what_is_due_and_a_nudge_meanwhile_begins_no_other(
    sessions: Sessions, redis: Redis
) -> None:
    planned = await open_press(sessions, redis)
    for number in range(3):
        await planned.plan(f"Fox {number}")
    press = _press(planned, redis, await _vault_of(planned))
    taken: list[int] = []

    async def run() -> None:
        taken.append(await press.run())

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(run)

    assert sorted(planned.texts) == ["Fox 0", "Fox 1", "Fox 2"]
    assert sorted(taken) == [0, 0, 3]


async def test_an_account_that_only_a_person_can_mend_says_so(sessions: Sessions, redis: Redis) -> None:
    planned = await open_press(sessions, redis)
    await planned.plan()
    broken = ChannelError(Remedy.RECONNECT, "The token was revoked.")
    planned.wall.before = failing({0: broken}, planned.wall.calls, "post")

    await _press(planned, redis, await _vault_of(planned)).run()

    async with sessions() as db:
        account = await db.get_one(ChannelAccount, planned.account_id)
    assert (account.health, account.health_sentence) == (Health.RECONNECT, "The token was revoked.")


async def test_a_picture_that_is_gone_is_said_so() -> None:
    with pytest.raises(ChannelError) as gone:
        await read_from(MemoryStore())(f"{uuid4().hex}/{'0' * 64}.png")
    assert gone.value.remedy is Remedy.FIX_CONTENT


async def _vault_of(planned: Planned) -> Vault:
    """Give the account secrets that a vault opens."""
    vault = Vault((Fernet.generate_key().decode(),))
    async with transaction(planned.sessions) as db:
        (await db.get_one(ChannelAccount, planned.account_id)).secrets = vault.seal({})
    return vault


def _press(planned: Planned, redis: Redis, vault: Vault) -> Press:
    return Press(
        sessions=planned.sessions,
        reach=Reach({"board": BoardChannel(planned.wall)}, {}, open_http(), lambda: vault, "http://quillroom.test"),
        store=MemoryStore(),
        redis=redis,
        events=Events(redis),
        clock=planned.clock,
    )

"""The publisher as a worker has it."""

from uuid import uuid4

import anyio
import pytest
from cryptography.fernet import Fernet
from obstore.store import MemoryStore
from redis.asyncio import Redis

from server.db import Sessions, transaction
from server.events import Events
from server.publishing.accounts import Reach
from server.publishing.http import open_http
from server.publishing.models import ChannelAccount
from server.publishing.pressing import Press, read_from
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.vault import Vault
from tests.server.publishing.board import BoardChannel
from tests.server.publishing.press import open_press


async def test_a_run_publishes_what_is_due_and_a_nudge_meanwhile_begins_no_other(
    sessions: Sessions, redis: Redis
) -> None:
    planned = await open_press(sessions, redis)
    for number in range(3):
        await planned.plan(f"Fox {number}")
    vault = Vault((Fernet.generate_key().decode(),))
    async with transaction(sessions) as db:
        (await db.get_one(ChannelAccount, planned.account_id)).secrets = vault.seal({})
    reach = Reach({"board": BoardChannel(planned.wall)}, {}, open_http(), lambda: vault, "http://quillroom.test")
    press = Press(
        sessions=sessions,
        reach=reach,
        store=MemoryStore(),
        redis=redis,
        events=Events(redis),
        clock=planned.clock,
    )
    taken: list[int] = []

    async def run() -> None:
        taken.append(await press.run())

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(run)

    assert sorted(planned.texts) == ["Fox 0", "Fox 1", "Fox 2"]
    assert sorted(taken) == [0, 0, 3]


async def test_a_picture_that_is_gone_is_said_so() -> None:
    with pytest.raises(ChannelError) as gone:
        await read_from(MemoryStore())(f"{uuid4().hex}/{'0' * 64}.png")
    assert gone.value.remedy is Remedy.FIX_CONTENT

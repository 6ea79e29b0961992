"""The publisher as a worker has it."""

from uuid import uuid4

import anyio
import pytest
from cryptography.fernet import Fernet
from obstore.store import MemoryStore
from redis.asyncio import Redis
from sqlalchemy import select
from sqlmodel import col

from server.audit import ledger
from server.audit.ledger import By
from server.audit.models import LedgerEntry
from server.db import Sessions, transaction
from server.events import Events
from server.publishing.accounts.accounts import Reach
from server.publishing.http import open_http
from server.publishing.models import ChannelAccount, Health
from server.publishing.pressing import Press, read_from
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State
from server.publishing.vault import Vault
from tests.server.publishing.board import BoardChannel, failing
from tests.server.publishing.press import Press as Planned
from tests.server.publishing.press import open_press


async def test_a_run_publishes_what_is_due_and_a_nudge_meanwhile_begins_no_other(
    sessions: Sessions, redis: Redis
) -> None:
    planned = await open_press(sessions, redis)
    for number in range(3):
        await planned.approve(await planned.plan(f"Fox {number}"))
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
    await planned.approve(await planned.plan())
    broken = ChannelError(Remedy.RECONNECT, "The token was revoked.")
    planned.wall.before = failing({0: broken}, planned.wall.calls, "post")

    await _press(planned, redis, await _vault_of(planned)).run()

    async with sessions() as db:
        account = await db.get_one(ChannelAccount, planned.account_id)
    assert (account.health, account.health_sentence) == (Health.RECONNECT, "The token was revoked.")


async def test_what_is_out_is_noted_though_somebody_holds_the_ledger(sessions: Sessions, redis: Redis) -> None:
    planned = await open_press(sessions, redis)
    publication = await planned.plan("The fox")
    await planned.approve(publication)
    async with transaction(sessions) as person:
        # Their deed holds the end of the chain until they are done; the publisher must not wait on people.
        await ledger.append(person, planned.workspace_id, By(None, "Ada"), kind="tried", sentence="Ada did.")
        with anyio.fail_after(20):
            await _press(planned, redis, await _vault_of(planned)).run()
        assert (await planned.row(publication)).state == State.PUBLISHED
    await ledger.chain_waiting(sessions)
    async with sessions() as db:
        entries = await db.scalars(select(LedgerEntry).order_by(col(LedgerEntry.number)))
        sentences = [each.sentence for each in entries]
    assert (sentences[0], sentences[-1]) == ("Ada did.", "“The fox” went out on Board.")


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

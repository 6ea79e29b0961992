"""A rehearsal says beforehand what the real publisher then does, with the same posts and a clock that jumps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlmodel import col

from server.db import Sessions, transaction
from server.documents import lifecycle
from server.publishing.accounts.accounts import Reach
from server.publishing.channel import Account, Caller, Capabilities, Handle, Post
from server.publishing.channels.sandbox import Sandbox
from server.publishing.channels.sandbox_shelf import PostgresSandboxShelf
from server.publishing.http import open_http
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning.approving import stopped
from server.publishing.posts import FrozenPost, pack
from server.publishing.publisher.delivering import LEAD, Workshop, publish_due
from server.publishing.publisher.pace import Pace
from server.publishing.quotas import QUOTAS, Quota
from server.publishing.registry import ELSEWHERE
from server.publishing.rehearsal.reading import Means, read_scene
from server.publishing.rehearsal.walking import walk
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import OPEN, State
from server.publishing.vault import Vault
from server.workspaces.models import Role
from tests.factories import actor, make_team
from tests.server.publishing.press import NOON, Clock, approved

FEW: Final = Quota(3, timedelta(hours=1))
TOO_LONG: Final = "x" * 600


@dataclass(frozen=True)
class Guarded(Sandbox):
    """A sandbox with a token that ends, as channels elsewhere have them."""

    ends: datetime | None = None
    capabilities: Capabilities = field(default=Capabilities(renews=False))

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        now = caller.now()
        if self.ends is not None and now >= self.ends:
            raise ChannelError(Remedy.RECONNECT, "The token has ended.")
        return await super().publish(caller, post, handle)


@dataclass(frozen=True)
class Wish:
    """One post: minutes from noon until it is due, and what is wrong with it."""

    minutes: int
    is_too_long: bool = False
    is_unsigned: bool = False


ONE_IN_SIX = st.integers(0, 5).map(lambda one: one == 0)
WISHES = st.lists(st.builds(Wish, st.integers(2, 240), ONE_IN_SIX, ONE_IN_SIX), max_size=10)


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.publishing.quotas.QUOTAS", {**QUOTAS, "mastodon": (FEW,)})


@given(wishes=WISHES, ends=st.none() | st.integers(1, 240), resting=st.none() | st.integers(1, 90))
@example([Wish(10 + minute, is_too_long=minute == 2) for minute in range(6)], 100, 30)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("few_at_once")
async def test_it_ends_as_it_was_rehearsed(
    sessions: Sessions, redis: Redis, wishes: list[Wish], ends: int | None, resting: int | None
) -> None:
    clock = Clock(NOON)
    end = None if ends is None else NOON + timedelta(minutes=ends)
    channel = Guarded(PostgresSandboxShelf(sessions), "https://studio.example", ELSEWHERE, ends=end)
    workspace_id, account_id = await _plan(sessions, wishes, end)
    pace = Pace(redis)
    if resting is not None:
        await pace.rest(account_id, NOON + timedelta(minutes=resting), now=NOON)
    reach = Reach({"sandbox": channel}, {}, open_http(), _no_vault, "https://studio.example")
    async with reach.http.client, sessions() as db:
        means = Means(reach, MemoryStore(), pace)
        scene = await read_scene(db, means, workspace_id, now=NOON, until=NOON + timedelta(days=1))
    fates = walk(scene)
    foreseen = {key: (fate.state, fate.at if fate.state is State.PUBLISHED else None) for key, fate in fates.items()}

    await _publish_all(sessions, redis, channel, clock, workspace_id)

    assert await _ends(sessions, workspace_id) == foreseen


def _no_vault() -> Vault:
    raise AssertionError


async def _plan(sessions: Sessions, wishes: list[Wish], ends: datetime | None) -> tuple[UUID, UUID]:
    user, workspace = await make_team(sessions)
    async with transaction(sessions) as db:
        account = ChannelAccount(
            workspace_id=workspace.id,
            channel="sandbox",
            name="Sandbox",
            remote_id="mastodon",
            facts={"plays": "mastodon"},
            secrets=b"",
            expires_at=ends,
        )
        db.add(account)
        await db.flush()
        document = await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title="The fox")
        await approved(db, workspace.id, document.id, bytes(32))
        for number, wish in enumerate(wishes):
            due_at = NOON + timedelta(minutes=wish.minutes)
            words = f"{number} {TOO_LONG if wish.is_too_long else 'The fox'}"
            db.add(
                Publication(
                    workspace_id=workspace.id,
                    account_id=account.id,
                    document_id=document.id,
                    content_hash=b"\x01" * 32 if wish.is_unsigned else bytes(32),
                    post=pack(FrozenPost("", words, f"<p>{words}</p>")),
                    wall_time=due_at.replace(tzinfo=None),
                    zone="UTC",
                    due_at=due_at,
                    next_at=due_at - LEAD,
                    created_by=user.id,
                )
            )
    return workspace.id, account.id


async def _publish_all(sessions: Sessions, redis: Redis, channel: Guarded, clock: Clock, workspace_id: UUID) -> None:
    async def tell(*_: object) -> None:
        return None

    async def refresh(account: Account) -> Account:
        raise ChannelError(Remedy.RECONNECT, f"Connect {account.name} again.")

    async def read_picture(key: str) -> bytes:
        raise AssertionError(key)

    http = open_http()
    workshop = Workshop(
        sessions=sessions,
        http=http,
        channels={"sandbox": channel},
        open_account=lambda row: Account(row.id, row.channel, row.name, facts=row.facts),
        refresh=refresh,
        read_picture=read_picture,
        pace=Pace(redis),
        tell=tell,
        clock=clock,
        stopped=stopped,
    )
    async with http.client:
        for _ in range(400):
            async with sessions() as db:
                due = await db.scalar(
                    select(func.min(col(Publication.next_at))).where(
                        col(Publication.workspace_id) == workspace_id,
                        col(Publication.state).in_([state.value for state in OPEN]),
                        # What is stopped is looked at again each minute, and never goes out by itself.
                        col(Publication.content_hash) == bytes(32),
                    )
                )
            if due is None or due > NOON + timedelta(hours=12):
                return
            clock.now = max(clock.now, due)
            await publish_due(workshop)
    raise AssertionError(due)


async def _ends(sessions: Sessions, workspace_id: UUID) -> Mapping[UUID, tuple[State, datetime | None]]:
    async with sessions() as db:
        rows = await db.execute(
            select(col(Publication.id), col(Publication.state), col(Publication.published_at)).where(
                col(Publication.workspace_id) == workspace_id
            )
        )
        return {key: (State(state), published_at) for key, state, published_at in rows}

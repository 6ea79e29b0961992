"""The page of live documents, through the whole application."""

import html
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from realtime.ports import DocumentId
from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents import lifecycle
from server.operations.exchange import INDEX, MAX_STOCK_BYTES, WATCHED, Exchange
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_member, make_team, sign_in
from tests.realtime.documents import peer

HTML = {"Accept": "text/html"}
EMPTY: Mapping[str, object] = {
    "rooms": 0,
    "built": 0,
    "peers": 0,
    "size_bytes": 0,
    "unsaved_bytes": 0,
    "waiting_bytes": 0,
    "slow_peers": 0,
    "last_commit_seconds": 0.0,
    "largest": (),
}


@pytest.fixture
async def team(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> tuple[User, Workspace]:
    """Ada, signed in, and the workspace she is the admin of."""
    ada, workspace = await make_team(sessions)
    await sign_in(client, sessions, ada)
    return ada, workspace


@pytest.fixture
async def elsewhere(redis: Redis) -> AsyncIterator[Exchange]:
    """Another process, with a document that this one knows nothing of."""
    stock = {
        **EMPTY,
        "rooms": 3,
        "peers": 40,
        "slow_peers": 2,
        "last_commit_seconds": 1.25,
        "largest": (a_room(UUID(int=7)),),
    }
    exchange = Exchange(redis, lambda _most: stock)
    await redis.set(WATCHED, b"")
    await exchange.tell()
    yield exchange


def a_room(document_id: UUID, **figures: Any) -> dict[str, object]:
    return {
        "document_id": document_id,
        "peers": 40,
        "size_bytes": 2048,
        "is_built": True,
        "unsaved_bytes": 0,
        "waiting_bytes": 512,
        "slow_peers": 2,
        "pause_seconds": 0.0,
        "idle_seconds": None,
        **figures,
    }


async def make_document(sessions: Sessions, user: User, workspace: Workspace, title: str) -> UUID:
    async with transaction(sessions) as db:
        return (await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title=title)).id


async def enter(app: Starlette, document_id: UUID) -> None:
    """Open a document and stay."""
    await app.state.live.hub.join(DocumentId(str(document_id)), peer(), send_away=lambda _why: None)


async def page_of(client: httpx.AsyncClient) -> str:
    page = await client.get("/operations", headers=HTML)
    assert page.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text.split("<main", 1)[1])).split())


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.MEMBER, Role.GUEST])
async def test_who_does_not_manage_is_refused_and_not_led_there(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions, role: Role
) -> None:
    _, workspace = team
    assert 'href="/operations"' in (await client.get("/documents", headers=HTML)).text
    async with transaction(sessions) as db:
        bo = await make_member(db, workspace, role=role)
    await sign_in(client, sessions, bo)
    assert (await client.get("/operations", headers=HTML)).status_code == 403
    assert 'href="/operations"' not in (await client.get("/documents", headers=HTML)).text
    refreshing = await client.get("/operations", headers=HTML | {"HX-Request": "true"})
    assert (refreshing.status_code, refreshing.headers["HX-Refresh"], refreshing.text) == (204, "true", "")


async def test_nobody_signed_in_is_asked_to_sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/operations", headers=HTML)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")


async def test_nothing_live_says_so(client: httpx.AsyncClient, team: tuple[User, Workspace]) -> None:
    page = await page_of(client)
    assert "Nobody has a document open" in page
    assert "Redis does not answer" not in page


async def test_titles_are_shown_of_what_the_person_may_see_and_ids_of_the_rest(
    app: Starlette, client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    ada, workspace = team
    stranger, other = await make_team(sessions, name="Stranger")
    mine = await make_document(sessions, ada, workspace, "Spring <issue>")
    theirs = await make_document(sessions, stranger, other, "Not for Ada")
    for document_id in (mine, mine, theirs):
        await enter(app, document_id)
    page = await page_of(client)
    assert "Connected 3" in page
    assert "Live documents 2" in page
    assert "Spring <issue> 2" in page
    assert f"{theirs} 1" in page
    assert "Not for Ada" not in page


async def test_other_processes_are_added_and_leave_with_their_key(
    app: Starlette, client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions, elsewhere: Exchange
) -> None:
    ada, workspace = team
    await enter(app, await make_document(sessions, ada, workspace, "Here"))
    page = await page_of(client)
    assert "Connected 41 Live documents 4" in page
    assert f"{UUID(int=7)} 40 2.0 KB 0 B 512 B 2 ready" in page
    assert "Not reading 2 Last commit 1.2 s" in page
    assert "And 2 more, which are only counted" in page
    assert page.index(str(UUID(int=7))) < page.index("Here"), "trouble first"
    await elsewhere.leave()
    assert "Connected 1 Live documents 1" in await page_of(client)


async def test_a_process_that_died_is_shown_no_more(
    client: httpx.AsyncClient, team: tuple[User, Workspace], redis: Redis, elsewhere: Exchange
) -> None:
    # Its key expires; the index still names it.
    await redis.delete(f"{INDEX}:{elsewhere._id}")
    assert "Connected 0" in await page_of(client)


@pytest.mark.parametrize("told", [b"", b"{", b'{"name": "x"}', b"x" * (MAX_STOCK_BYTES + 1)])
async def test_what_cannot_be_read_is_left_out(
    client: httpx.AsyncClient, team: tuple[User, Workspace], redis: Redis, told: bytes
) -> None:
    await redis.zadd(INDEX, {"strange": 1e12})
    await redis.set(f"{INDEX}:strange", told)
    page = await page_of(client)
    assert "Connected 0" in page
    assert "Redis does not answer" not in page


async def test_without_redis_the_page_says_that_it_shows_one_process(
    app: Starlette, client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions, elsewhere: Exchange
) -> None:
    ada, workspace = team
    await enter(app, await make_document(sessions, ada, workspace, "Here"))
    away: Redis = Redis.from_url("unix:///nowhere/redis.sock")
    app.state.exchange = Exchange(away, app.state.exchange._take)
    page = await page_of(client)
    assert "Redis does not answer. This shows only the process" in page
    assert "Here" in page
    assert "Connected 1 Live documents 1" in page


async def test_what_is_told_is_bounded(redis: Redis) -> None:
    asked: list[int] = []

    def take(most: int) -> Mapping[str, object]:
        asked.append(most)
        return {**EMPTY, "rooms": 5000, "largest": tuple(a_room(uuid4()) for _ in range(most))}

    exchange = Exchange(redis, take)
    await exchange.tell()
    assert asked == [0], "nobody looks"
    assert len(await Exchange(redis, take).others() or ()) == 1
    await exchange.tell()
    assert asked == [0, 200]
    key = f"{INDEX}:{exchange._id}"
    assert await redis.strlen(key) < MAX_STOCK_BYTES / 2
    assert 0 < await redis.ttl(key) <= 15
    assert 0 < await redis.ttl(INDEX) <= 15


async def test_refreshing_can_be_stopped(client: httpx.AsyncClient, team: tuple[User, Workspace]) -> None:
    assert 'hx-trigger="every 3s"' in (await client.get("/operations", headers=HTML)).text
    still = (await client.get("/operations?still", headers=HTML)).text
    assert "every 3s" not in still
    assert 'href="/operations"' in still

"""Who is in which document, told between processes through a real Redis, and shown in the list."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions
from server.documents import lifecycle
from server.documents.models import Document
from server.documents.visiting import EVENT, PREFIX, Visits
from server.events import Event, Events
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_member, make_team, sign_in

LIMIT_SECONDS = 20


class Process:
    """A process of ours: who is in its rooms, and what it tells."""

    def __init__(self, redis: Redis, events: Events, sessions: Sessions) -> None:
        self.rooms: dict[str, frozenset[str]] = {}
        self.visits = Visits(redis, events, sessions, lambda: self.rooms)

    async def come(self, document_id: UUID, *people: UUID) -> None:
        self.rooms = {str(document_id): frozenset(map(str, people))} if people else {}
        await self.visits.tell()


@pytest.fixture
async def events(redis: Redis) -> AsyncIterator[Events]:
    async with Events(redis) as events:
        yield events


@pytest.fixture
async def team(sessions: Sessions) -> tuple[User, Workspace]:
    return await make_team(sessions, name="Ada Lovelace")


@pytest.fixture
async def document(team: tuple[User, Workspace], sessions: Sessions) -> Document:
    async with sessions.begin() as db:
        return await lifecycle.create(db, actor(*team, Role.ADMIN), title="Plan")


async def test_processes_hear_of_each_others_visitors(
    redis: Redis, events: Events, sessions: Sessions, document: Document
) -> None:
    one, two = Process(redis, events, sessions), Process(redis, events, sessions)
    ada, ben, plan = uuid4(), uuid4(), document.id
    async with events.subscribe(document.workspace_id) as stream:
        await one.come(plan, ada)
        await two.come(plan, ada, ben)
        with anyio.fail_after(LIMIT_SECONDS):
            told = [await anext(stream), await anext(stream)]
        # Which document, never who.
        assert told == [Event(name=EVENT, data={"document_id": str(plan)})] * 2
    assert await one.visits.read([plan, uuid4()]) == {plan: {ada, ben}}
    await two.come(plan)
    assert await two.visits.read([plan]) == {plan: {ada}}
    await one.come(plan)
    assert await two.visits.read([plan]) == {}
    assert await two.visits.read([]) == {}


async def test_who_comes_back_at_once_is_not_told_of(
    redis: Redis, events: Events, sessions: Sessions, document: Document
) -> None:
    process = Process(redis, events, sessions)
    heard: list[str] = []
    async with events.subscribe(document.workspace_id) as stream:
        for people in ([ada := uuid4()], [ada], []):
            await process.come(document.id, *people)
        await events.publish(document.workspace_id, "last", {})
        with anyio.fail_after(LIMIT_SECONDS):
            while not heard or heard[-1] != "last":
                heard.append((await anext(stream)).name)
    assert heard == [EVENT, EVENT, "last"]


async def test_what_a_killed_process_has_left_counts_no_more(
    redis: Redis, events: Events, sessions: Sessions, document: Document
) -> None:
    killed, other = Process(redis, events, sessions), Process(redis, events, sessions)
    await killed.come(document.id, uuid4())
    await other.come(document.id, ada := uuid4())
    await killed.visits.leave()
    assert await other.visits.read([document.id]) == {document.id: {ada}}
    # Heard of again, it tells all anew.
    await killed.visits.tell()
    assert len((await other.visits.read([document.id]))[document.id]) == 2


async def test_a_redis_that_lost_everything_is_told_again(
    redis: Redis, events: Events, sessions: Sessions, document: Document
) -> None:
    process = Process(redis, events, sessions)
    await process.come(document.id, ada := uuid4())
    await redis.flushall()
    assert await process.visits.read([document.id]) == {}
    await process.visits.tell()
    assert await process.visits.read([document.id]) == {document.id: {ada}}
    # What is written there by others does no harm.
    pipe = redis.pipeline()
    pipe.hset(f"{PREFIX}:{document.id}", "stranger", "{")
    await pipe.execute()
    assert await process.visits.read([document.id]) == {document.id: {ada}}


async def test_what_could_not_be_told_is_told_later(
    redis: Redis, events: Events, sessions: Sessions, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(redis, events, sessions)
    await process.visits.tell()
    with monkeypatch.context() as broken:

        def fail(**_: object) -> None:
            raise RedisError

        broken.setattr(redis, "pipeline", fail)
        with pytest.raises(RedisError):
            await process.come(document.id, ada := uuid4())
        assert await process.visits.read([document.id]) == {}
    await process.visits.tell()
    assert await process.visits.read([document.id]) == {document.id: {ada}}


async def test_the_list_shows_faces(
    app: Starlette,
    client: httpx.AsyncClient,
    redis: Redis,
    sessions: Sessions,
    team: tuple[User, Workspace],
    document: Document,
) -> None:
    await sign_in(client, sessions, team[0])
    async with sessions.begin() as db:
        people = [await make_member(db, team[1], name=f"Person {number}") for number in range(6)]
    page = (await client.get("/documents")).text
    assert f'id="here-{document.id}"' in page
    assert "Person" not in page
    other_process = Process(redis, app.state.events, sessions)
    await other_process.come(document.id, team[0].id, *(each.id for each in people))
    for path in ("/documents", f"/documents/{document.id}/visitors"):
        part = (await client.get(path, headers={"HX-Request": "true"})).text
        assert '<li title="Ada Lovelace (you)">' in part
        assert part.count('<li title="Person ') == 3
        assert ">+3<" in part
    await other_process.come(document.id)
    part = (await client.get(f"/documents/{document.id}/visitors", headers={"HX-Request": "true"})).text
    assert part.strip().startswith(f'<div class="visitors" id="here-{document.id}"')
    assert "Person" not in part

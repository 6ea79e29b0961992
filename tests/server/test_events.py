"""News between processes, through a real Redis."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from redis.asyncio import Redis

from server.db import create_redis
from server.embedded.account import server_account
from server.embedded.redis import Redis as RedisServer
from server.embedded.redis import start_redis
from server.events import MAX_WAITING_EVENTS, RESYNC, Event, Events, Stream

LIMIT_SECONDS = 10


@pytest.fixture
async def events(redis: Redis) -> AsyncIterator[Events]:
    async with Events(redis) as events:
        yield events


async def _next(stream: Stream) -> Event:
    with anyio.fail_after(LIMIT_SECONDS):
        return await anext(stream)


async def test_an_event_reaches_every_listener_of_its_workspace_in_every_process(
    events: Events, redis_url: str
) -> None:
    workspace_id = uuid4()
    other_process = create_redis(redis_url)
    async with (
        Events(other_process) as elsewhere,
        events.subscribe(workspace_id) as first,
        events.subscribe(workspace_id) as second,
        elsewhere.subscribe(workspace_id) as third,
    ):
        await events.publish(workspace_id, "documents", {"change": "created"})
        expected = Event(name="documents", data={"change": "created"})
        assert [await _next(stream) for stream in (first, second, third)] == [expected] * 3
    await other_process.aclose()


async def test_an_event_stays_in_its_workspace(events: Events) -> None:
    mine = uuid4()
    async with events.subscribe(mine) as stream:
        await events.publish(uuid4(), "documents", {"change": "theirs"})
        await events.publish(mine, "documents", {"change": "mine"})
        assert (await _next(stream)).data == {"change": "mine"}


async def test_a_listener_that_falls_behind_is_told_to_read_everything_again() -> None:
    stream = Stream()
    for number in range(MAX_WAITING_EVENTS + 1):
        stream.put(Event(name="documents", data={"number": number}))
    assert await _next(stream) == Event(name=RESYNC)
    stream.put(Event(name="after"))
    assert await _next(stream) == Event(name="after")


async def test_what_is_no_event_is_passed_over(events: Events, redis: Redis) -> None:
    workspace_id = uuid4()
    async with events.subscribe(workspace_id) as stream:
        for rubbish in ("", "[]", "{}", '{"workspace_id": 5}', "null"):
            await redis.publish("quillroom:events", rubbish)
        await events.publish(workspace_id, "good", {})
        assert (await _next(stream)).name == "good"


async def test_a_listener_is_forgotten_when_it_leaves(events: Events) -> None:
    async with events.subscribe(uuid4()):
        pass
    assert not events._streams


async def test_events_outlive_a_restart_of_redis(short_dir: Path) -> None:
    home = short_dir / "redis-restart"
    home.mkdir()
    account = server_account(home / "home")

    def start() -> RedisServer:
        return start_redis(home / "home", home / "run", account, say=lambda _: None)

    server = start()
    redis = create_redis(f"unix://{home}/run/redis.sock")
    workspace_id = uuid4()
    try:
        async with Events(redis) as events, events.subscribe(workspace_id) as stream:
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            # Lost, but not an error to the one whose change is committed.
            await events.publish(workspace_id, "documents", {"change": "unheard"})
            server = start()
            assert (await _next(stream)).name == RESYNC
            await events.publish(workspace_id, "documents", {"change": "heard"})
            assert (await _next(stream)).data == {"change": "heard"}
    finally:
        await redis.aclose()
        server.stop()


async def test_a_process_starts_while_redis_is_away(tmp_path: Path) -> None:
    redis = create_redis(f"unix://{tmp_path}/nobody.sock")
    with anyio.fail_after(LIMIT_SECONDS):
        async with Events(redis) as events:
            await events.publish(uuid4(), "documents", {})
    await redis.aclose()

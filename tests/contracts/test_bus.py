"""The promises of a Bus, kept by the double in memory and by Redis alike."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from realtime.memory import MemoryBus
from realtime.ports import AccessChanged, Bus, BusMessage, Committed, DocumentId, Missed, Presence, Shut
from realtime.redis_bus import RedisBus, decode, encode
from realtime.wire import MalformedFrame
from tests.guarantees.cable import laid

pytestmark = pytest.mark.anyio

MakeBus = Callable[[], "asyncio.Future[Bus]"]


@pytest.fixture(params=["memory", "redis"])
async def two(request: pytest.FixtureRequest, redis: Redis, redis_url: str) -> AsyncIterator[tuple[Bus, Bus]]:
    if request.param == "memory":
        wire = MemoryBus()
        yield wire.node(), wire.node()
        return
    async with AsyncExitStack() as stack:
        buses = []
        for node in ("one", "two"):
            client: Redis = Redis.from_url(redis_url)
            stack.push_async_callback(client.aclose)
            buses.append(await stack.enter_async_context(RedisBus(client, node=node)))
        yield buses[0], buses[1]


@asynccontextmanager
async def hearing(bus: Bus) -> AsyncIterator[asyncio.Queue[BusMessage]]:
    """What arrives, without the word that something may have been missed."""
    heard: asyncio.Queue[BusMessage] = asyncio.Queue()

    async def listen() -> None:
        async with bus.listen() as messages:
            async for message in messages:
                if not isinstance(message, Missed):
                    heard.put_nowait(message)

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def say_until_heard(bus: Bus, message: BusMessage, heard: asyncio.Queue[BusMessage]) -> BusMessage:
    """A subscription takes effect some time after `watch`; say it again until it is there."""
    async with asyncio.timeout(10):
        while True:
            await bus.publish([message])
            try:
                async with asyncio.timeout(0.1):
                    return await heard.get()
            except TimeoutError:
                continue


async def test_messages_reach_the_other_and_never_oneself(two: tuple[Bus, Bus]) -> None:
    one, other = two
    document_id = DocumentId(str(uuid4()))
    async with hearing(one) as at_one, hearing(other) as at_other:
        await one.watch(document_id)
        await other.watch(document_id)
        for message in (
            Committed(document_id=document_id, seq=7, update=b"\x00\xff update"),
            Presence(document_id=document_id, node="one", payload=b"presence"),
            Shut(document_id=document_id, code=4410),
            AccessChanged(document_id=document_id),
        ):
            assert await say_until_heard(one, message, at_other) == message
            while not at_other.empty():
                at_other.get_nowait()
        assert at_one.empty()


async def test_only_what_is_watched_is_heard_and_in_order(two: tuple[Bus, Bus]) -> None:
    one, other = two
    watched, unwatched, left = (DocumentId(str(uuid4())) for _ in range(3))
    async with hearing(other) as heard:
        await other.watch(left)
        await other.watch(watched)
        await say_until_heard(one, Committed(document_id=watched, seq=1, update=b"x"), heard)
        await say_until_heard(one, Committed(document_id=left, seq=1, update=b"x"), heard)
        await other.unwatch(left)
        news = [
            Committed(document_id=document_id, seq=seq, update=b"x")
            for seq in range(10, 30)
            for document_id in (unwatched, watched)
        ]
        await one.publish(news)
        places: list[int] = []
        async with asyncio.timeout(10):
            while not places or places[-1] != 29:
                message = await heard.get()
                assert isinstance(message, Committed)
                if message.seq >= 10:
                    assert message.document_id == watched
                    places.append(message.seq)
        assert places == list(range(10, 30))


async def test_one_that_is_alone_says_nothing_and_tells_the_next_what_it_missed(redis: Redis, redis_url: str) -> None:
    document_id = DocumentId(str(uuid4()))
    committed = Committed(document_id=document_id, seq=2, update=b"x")
    channel = f"quillroom:document:{document_id}"
    async with AsyncExitStack() as stack:
        clients = [Redis.from_url(redis_url) for _ in range(2)]
        for client in clients:
            stack.push_async_callback(client.aclose)
        first = await stack.enter_async_context(RedisBus(clients[0], node="first"))
        await first.watch(document_id)
        async with redis.pubsub() as listener, asyncio.timeout(20):
            await listener.subscribe(channel)
            assert await listener.get_message(timeout=5)
            # At first it does not know; soon nothing comes any more.
            silent = 0
            while silent < 3:
                await first.publish([committed])
                silent = 0 if await listener.get_message(timeout=0.2) else silent + 1
        second = await stack.enter_async_context(RedisBus(clients[1], node="second"))
        await second.watch(document_id)
        async with second.listen() as messages, hearing(first) as at_first, asyncio.timeout(10):
            # When it connects, and when the first has heard of it.
            assert [await anext(messages), await anext(messages)] == [Missed(), Missed()]
            await first.publish([committed])
            assert await anext(messages) == committed
            shut = Shut(document_id=document_id, code=4410)
            assert await say_until_heard(second, shut, at_first) == shut


async def test_a_connection_that_redis_drops_is_mended_and_said_to_have_missed_something(
    redis: Redis, redis_url: str
) -> None:
    client: Redis = Redis.from_url(redis_url)
    document_id = DocumentId(str(uuid4()))
    async with RedisBus(client, node="here") as bus, bus.listen() as messages:
        await bus.watch(document_id)
        async with asyncio.timeout(10):
            assert isinstance(await anext(messages), Missed)
            while not await redis.pubsub_numsub(f"quillroom:document:{document_id}"):
                await asyncio.sleep(0.01)
            await redis.client_kill_filter(_type="pubsub")
            assert isinstance(await anext(messages), Missed)
            committed = Committed(document_id=document_id, seq=2, update=b"x")
            while True:
                subscribers = await redis.publish(f"quillroom:document:{document_id}", encode(committed, "there"))
                if subscribers:
                    break
                await asyncio.sleep(0.01)
            assert await anext(messages) == committed
    await client.aclose()


async def test_a_connection_that_hangs_without_closing_is_given_up(
    redis: Redis, redis_url: str, short_dir: Path
) -> None:
    document_id = DocumentId(str(uuid4()))
    with laid(short_dir / "cable.sock", Path(redis_url.removeprefix("unix://"))) as cable:
        client: Redis = Redis.from_url(f"unix://{short_dir / 'cable.sock'}")
        async with RedisBus(client, node="here") as bus, bus.listen() as messages, redis.pubsub() as others:
            await bus.watch(document_id)
            await others.subscribe(f"quillroom:document:{document_id}")
            async with asyncio.timeout(20):
                assert isinstance(await anext(messages), Missed)
                with cable.hanging():
                    await bus.publish([Committed(document_id=document_id, seq=2, update=b"not told")])
                    # Others with the same client, who wait for ever, hold up nobody here.
                    waiting = asyncio.gather(*(client.ping() for _ in range(4)), return_exceptions=True)
                    while not client.connection_pool._lock.locked():
                        await asyncio.sleep(0.01)
                # It has made new connections, and said on them what was under way.
                assert isinstance(await anext(messages), Missed)
                while (heard := await others.get_message(timeout=0.1)) is None or heard["type"] != "message":
                    pass
                assert decode(heard["data"])[0] == "here"
                committed = Committed(document_id=document_id, seq=3, update=b"x")
                while await redis.publish(f"quillroom:document:{document_id}", encode(committed, "there")) < 2:
                    await asyncio.sleep(0.01)
                assert await anext(messages) == committed
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await client.aclose()


async def test_a_bus_that_is_away_holds_nobody_up() -> None:
    client: Redis = Redis(unix_socket_path="/nonexistent/redis.sock")
    document_id = DocumentId(str(uuid4()))
    async with RedisBus(client, node="here") as bus, asyncio.timeout(5):
        await bus.watch(document_id)
        await bus.publish([Committed(document_id=document_id, seq=2, update=b"x")] * 50_000)
        await bus.unwatch(document_id)
    await client.aclose()


@given(st.binary(max_size=60))
def test_bytes_on_the_bus_that_are_not_ours_are_refused(data: bytes) -> None:
    try:
        decode(data)
    except MalformedFrame:
        return


async def test_a_bus_ends_though_its_reader_misses_that_it_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    missed = asyncio.Event()

    async def read(_bus: RedisBus) -> None:
        # As redis-py does on Python 3.11, if what it sends is sent at that moment.
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        missed.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(RedisBus, "_read", read)
    async with asyncio.timeout(20):
        async with RedisBus(Redis(port=1), node="one"):
            await asyncio.sleep(0)
    assert missed.is_set()

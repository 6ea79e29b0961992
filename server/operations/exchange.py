"""How processes tell each other of their stock: each under a key of its own in Redis, which expires with its process.

They always tell their totals, so that whoever looks sees all processes at once; of their documents they tell while
somebody looks. To describe some hundred takes milliseconds, in which nobody is served.

Nothing rests on it. When Redis is away each process shows itself only, and says so.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import anyio
import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.operations.stock import MAX_NAME_CHARACTERS, MOST_ROOMS, ProcessStock

EVERY_SECONDS: Final = 3.0
EXPIRES_SECONDS: Final = 15
ANSWER_SECONDS: Final = 1.0
# More processes than one installation has; those who spoke last are kept.
MOST_PROCESSES: Final = 256
# The greatest that a process writes is a fifth of it. What is larger was not written by one of ours.
MAX_STOCK_BYTES: Final = 256 * 1024
INDEX: Final = "quillroom:stock"
WATCHED: Final = "quillroom:stock-watched"

TakeStock = Callable[[int], Mapping[str, object]]
"""Look at the live documents of this process and describe so many of the largest: a ProcessStock without its name."""

log = structlog.get_logger(__name__)


class Exchange:
    """This process among the others."""

    def __init__(self, redis: Redis, take: TakeStock) -> None:
        self._redis = redis
        self._take = take
        self._id = uuid4().hex
        self._name = f"{socket.gethostname()}, process {os.getpid()}"[-MAX_NAME_CHARACTERS:]

    def own(self, *, most: int = MOST_ROOMS) -> ProcessStock:
        """Take stock of this process at this moment, with so many of its largest documents."""
        return ProcessStock.model_validate({"name": self._name, **self._take(most)})

    async def others(self) -> list[ProcessStock] | None:
        """Return what the other processes told last, a few seconds old at most, by name; None if Redis is away.

        From now on, for a while, they tell of their documents.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._redis.set(WATCHED, b"", ex=EXPIRES_SECONDS)
                ids = [each for each in await self._redis.zrange(INDEX, 0, -1) if each.decode() != self._id]
                found = await self._redis.mget([_key(each.decode()) for each in ids]) if ids else []
        except (RedisError, OSError, TimeoutError):
            return None
        return sorted(_read(found), key=lambda each: each.name)

    async def tell(self) -> None:
        """Tell the others once. Raises RedisError, OSError, TimeoutError."""
        async with asyncio.timeout(ANSWER_SECONDS):
            watched = await self._redis.exists(WATCHED)
            told = self.own(most=MOST_ROOMS if watched else 0).model_dump_json()
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(_key(self._id), told, ex=EXPIRES_SECONDS)
            pipe.zadd(INDEX, {self._id: time.time()})
            # Those who have ended leave the index in time, and its size is bounded however clocks differ.
            pipe.zremrangebyscore(INDEX, "-inf", time.time() - 100 * EXPIRES_SECONDS)
            pipe.zremrangebyrank(INDEX, 0, -MOST_PROCESSES - 1)
            pipe.expire(INDEX, EXPIRES_SECONDS)
            await pipe.execute()

    async def leave(self) -> None:
        """Be shown no more. Raises as `tell`."""
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._redis.zrem(INDEX, self._id)
            await self._redis.delete(_key(self._id))


@asynccontextmanager
async def exchanging(redis: Redis, take: TakeStock) -> AsyncIterator[Exchange]:
    """Tell the others every few seconds while the block lasts."""
    exchange = Exchange(redis, take)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tell_on, exchange)
        try:
            yield exchange
        finally:
            tasks.cancel_scope.cancel()
    try:
        await exchange.leave()
    except (RedisError, OSError, TimeoutError):
        # It expires by itself.
        return


async def _tell_on(exchange: Exchange) -> None:
    away = False
    while True:
        try:
            await exchange.tell()
            away = False
        except (RedisError, OSError, TimeoutError) as error:
            if not away:
                log.info("other processes do not hear of this one", reason=type(error).__name__)
            away = True
        await anyio.sleep(EVERY_SECONDS)


def _key(process_id: str) -> str:
    return f"{INDEX}:{process_id}"


def _read(found: Sequence[bytes | None]) -> list[ProcessStock]:
    read = []
    for told in found:
        if told is None or len(told) > MAX_STOCK_BYTES:
            continue
        try:
            read.append(ProcessStock.model_validate_json(told))
        except ValidationError:
            # Told by another version, while machines are upgraded one after the other.
            log.info("a process tells what this version does not understand")
    return read

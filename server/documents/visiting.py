"""Who is in which document at this moment, in all processes: for the faces in lists.

The rooms know; this is their echo in Redis. Of each document that people have open in a process, the process keeps a
field of its own in the document's hash, naming them. A field counts as long as its process is heard of: so whatever a
process that was killed has left there is forgotten with it, and no clocks are compared.

When somebody came or left, the workspace's pages are told of which document, never who. Nothing rests on it: while
Redis is away, lists show no faces.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

import anyio
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.db import Sessions
from server.documents.models import Document
from server.events import Events

EVENT: Final = "visits"
PREFIX: Final = "quillroom:visits"
# Who reloads a page is away for less; mostly nobody hears of it.
LOOK_SECONDS: Final = 1.0
HEARD_OF_SECONDS: Final = 30
# A hash is written anew whenever somebody comes or leaves; few documents stay open for longer than this without.
KEPT_SECONDS: Final = 7 * 24 * 3600
ANSWER_SECONDS: Final = 1.0
AT_ONCE: Final = 500

log = structlog.get_logger(__name__)

LookAround = Callable[[], Mapping[str, frozenset[str]]]
"""Return who has which document open in this process, by their ids; only documents that somebody has open."""


class Visits:
    """The visits of this process, told to the others; `async with visiting(…)` runs it."""

    def __init__(self, redis: Redis, events: Events, sessions: Sessions, look_around: LookAround) -> None:
        self._redis = redis
        self._events = events
        self._sessions = sessions
        self._look_around = look_around
        self._process = uuid4().hex
        self._told: dict[str, frozenset[str]] = {}

    async def read(self, document_ids: Iterable[UUID]) -> Mapping[UUID, frozenset[UUID]]:
        """Return who is in these documents, in any process; only those where somebody is. Nobody without Redis."""
        asked = list(document_ids)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                pipe = self._redis.pipeline(transaction=False)
                for document_id in asked:
                    pipe.hgetall(_key(str(document_id)))
                found = await pipe.execute() if asked else []
                processes = sorted({process for fields in found for process in fields})
                keys = [_process_key(each.decode()) for each in processes]
                heard_of = await self._redis.mget(keys) if keys else []
        except (RedisError, OSError, TimeoutError):
            return {}
        alive = {process for process, is_heard_of in zip(processes, heard_of, strict=True) if is_heard_of}
        here: dict[UUID, frozenset[UUID]] = {}
        for document_id, fields in zip(asked, found, strict=True):
            people = frozenset().union(*(_read(said) for process, said in fields.items() if process in alive))
            if people:
                here[document_id] = people
        return here

    async def run(self) -> None:
        """Tell of who comes and leaves, for ever."""
        is_away = False
        while True:
            try:
                await self.tell()
                is_away = False
            except (RedisError, SQLAlchemyError, OSError, TimeoutError) as error:
                if not is_away:
                    log.info("lists do not hear who is in which document", reason=type(error).__name__)
                is_away = True
            await anyio.sleep(LOOK_SECONDS)

    async def tell(self) -> None:
        """Tell of what changed since the last time, and be heard of for a while.

        Raises RedisError, SQLAlchemyError, OSError, TimeoutError; what was not told is told the next time.
        """
        async with asyncio.timeout(ANSWER_SECONDS):
            was_heard_of = await self._redis.set(_process_key(self._process), b"1", ex=HEARD_OF_SECONDS, get=True)
        if was_heard_of is None:
            # The first time; or Redis was away for long, or has lost what it was told.
            self._told = {}
        now = self._look_around()
        nobody: frozenset[str] = frozenset()
        news = [
            each for each in now.keys() | self._told.keys() if now.get(each, nobody) != self._told.get(each, nobody)
        ]
        for some in (news[at : at + AT_ONCE] for at in range(0, len(news), AT_ONCE)):
            await self._tell_of({document_id: now.get(document_id, nobody) for document_id in some})

    async def leave(self) -> None:
        """Be heard of no more. Raises RedisError, OSError, TimeoutError."""
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._redis.delete(_process_key(self._process))

    async def _tell_of(self, news: Mapping[str, frozenset[str]]) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            pipe = self._redis.pipeline(transaction=False)
            for document_id, people in news.items():
                if people:
                    pipe.hset(_key(document_id), self._process, _written(people))
                    pipe.expire(_key(document_id), KEPT_SECONDS)
                else:
                    pipe.hdel(_key(document_id), self._process)
            await pipe.execute()
        async with self._sessions() as db:
            ids = [UUID(document_id) for document_id in news]
            asked = select(col(Document.id), col(Document.workspace_id)).where(col(Document.id).in_(ids))
            rows = (await db.execute(asked)).all()
        for row in rows:
            await self._events.publish(row.workspace_id, EVENT, {"document_id": str(row.id)})
        for told, people in news.items():
            if people:
                self._told[told] = people
            else:
                self._told.pop(told, None)


@asynccontextmanager
async def visiting(redis: Redis, events: Events, sessions: Sessions, look_around: LookAround) -> AsyncIterator[Visits]:
    """Tell of the visits of this process while the block lasts."""
    visits = Visits(redis, events, sessions, look_around)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(visits.run)
        try:
            yield visits
        finally:
            tasks.cancel_scope.cancel()
    # Otherwise it is forgotten by itself.
    with contextlib.suppress(RedisError, OSError, TimeoutError):
        await visits.leave()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has a document open."""

    id: UUID
    name: str
    colour: int


async def visitors(
    visits: Visits, db: AsyncSession, document_ids: Iterable[UUID], *, first: UUID
) -> Mapping[UUID, Sequence[Visitor]]:
    """Return who is in these documents, by name but `first`, whoever asks; only those where somebody is."""
    here = await visits.read(document_ids)
    ids = {each for people in here.values() for each in people}
    if not ids:
        return {}
    rows = await db.execute(select(col(User.id), col(User.name), col(User.colour)).where(col(User.id).in_(ids)))
    known = sorted((Visitor(*row) for row in rows), key=lambda each: (each.id != first, each.name.casefold(), each.id))
    return {document_id: [each for each in known if each.id in people] for document_id, people in here.items()}


def _key(document_id: str) -> str:
    return f"{PREFIX}:{document_id}"


def _process_key(process: str) -> str:
    return f"{PREFIX}:process:{process}"


def _written(people: Iterable[str]) -> str:
    return json.dumps(sorted(people), separators=(",", ":"))


def _read(said: bytes) -> frozenset[UUID]:
    try:
        return frozenset(UUID(each) for each in json.loads(said))
    except (ValueError, TypeError, AttributeError):
        # Another release during an upgrade, or a stranger on a shared Redis.
        return frozenset()

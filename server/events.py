"""News between the processes of one installation, by way of Redis: what changed in which workspace, or for whom.

An event says that something changed, never what it is now: the receiver reads that from the database. So a lost
event costs freshness only, and a receiver that may have missed some is told so by the event `resync`.

An event whose data have a `document_id` reaches those alone who see that document. Each process asks once, for all who
listen in it and for all that has come meanwhile; so what an event costs does not grow with the pages that are open.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from collections.abc import Collection as Group
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import anyio
import anyio.abc
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from server import metrics

CHANNEL = "quillroom:events"
RESYNC = "resync"
# A browser that is this far behind gets one `resync` in place of them all.
MAX_WAITING_EVENTS = 64
POLL_SECONDS = 1.0
RECONNECT_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
SIGHT_SECONDS = 5.0
ASK_AGAIN_SECONDS = 1.0
ASKED_AT_ONCE = 100
# More come only while the database is away; then everybody reads everything again, once it is back.
MAX_UNSORTED = 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One piece of news; `data` is small and JSON."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)


Sight = Callable[[Group[UUID], Group[UUID]], Awaitable[Mapping[UUID, Group[UUID]]]]
"""Return by document, of these documents, who of these people sees it."""


@dataclass(frozen=True, slots=True)
class _OfDocument:
    """An event that is for those who see a document; `otherwise` is what the others hear in its place."""

    workspace_id: UUID
    document_id: UUID
    event: Event
    otherwise: Event | None


class Stream:
    """The events one listener has not taken yet: iterate to wait for the next."""

    def __init__(self, user_id: UUID | None = None) -> None:
        self.user_id = user_id
        self._waiting: deque[Event] = deque()
        self._news = anyio.Event()
        self._ended = False

    def end(self) -> None:
        """Let the listener take what waits, and no more."""
        self._ended = True
        self._news.set()

    def put(self, event: Event) -> None:
        """Add an event; a listener too far behind loses them all and is told to read everything again."""
        if len(self._waiting) >= MAX_WAITING_EVENTS:
            metrics.EVENTS_DROPPED.inc()
            self._waiting.clear()
            event = Event(name=RESYNC)
        self._waiting.append(event)
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._news = anyio.Event()
            await self._news.wait()
        return self._waiting.popleft()


class Events:
    """This process's one connection for events; `async with` runs it. Without `sees`, everybody sees everything."""

    def __init__(self, redis: Redis, sees: Sight | None = None) -> None:
        self._redis = redis
        self._sees = sees
        self._unsorted: deque[_OfDocument] = deque()
        self._more = anyio.Event()
        # By what they listen to, a workspace or a person: ids of both are unique among all.
        self._streams: dict[UUID, set[Stream]] = {}
        self._tasks: anyio.abc.TaskGroup | None = None
        self._started = False
        self._ended = False

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        await self._tasks.start(self._run)
        self._tasks.start_soon(self._sort)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._tasks is not None  # noqa: S101 - entered before it is left
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, error, trace)

    async def publish(
        self, workspace_id: UUID, name: str, data: dict[str, Any], *, otherwise: dict[str, Any] | None = None
    ) -> None:
        """Tell every listener of the workspace in every process. Call it after the commit.

        If `data` have a `document_id`, only those who see the document hear it; the others hear `otherwise`, if that is
        given. Without Redis the event is lost and counted; listeners are told to read again when it is back.
        """
        await self._send({"workspace_id": str(workspace_id), "name": name, "data": data, "otherwise": otherwise})

    async def publish_to(self, user_id: UUID, name: str, data: dict[str, Any]) -> None:
        """Tell the pages of one person and nobody else's, likewise."""
        await self._send({"user_id": str(user_id), "name": name, "data": data})

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self._redis.publish(CHANNEL, json.dumps(message, default=str))
        except RedisError as error:
            # The change itself is committed: an error page would tell its author something untrue.
            metrics.EVENTS_LOST.inc()
            log.warning("event lost", event_name=message["name"], reason=str(error))

    def end(self) -> None:
        """End every stream, those still to come too: the process is about to stop, and open pages would hold it up."""
        self._ended = True
        for streams in self._streams.values():
            for stream in streams:
                stream.end()

    @asynccontextmanager
    async def subscribe(self, workspace_id: UUID, user_id: UUID | None = None) -> AsyncIterator[Stream]:
        """Give a stream of what is published to the workspace, and to the person, from now on.

        Without a person it is the program's own, which hears of every document.
        """
        with self._listening(workspace_id, user_id) as stream:
            yield stream

    @contextmanager
    def _listening(self, workspace_id: UUID, user_id: UUID | None) -> Iterator[Stream]:
        stream = Stream(user_id)
        to = [workspace_id, *([user_id] if user_id is not None else [])]
        if self._ended:
            stream.end()
        for each in to:
            self._streams.setdefault(each, set()).add(stream)
        try:
            yield stream
        finally:
            for each in to:
                streams = self._streams.get(each, set())
                streams.discard(stream)
                if not streams:
                    self._streams.pop(each, None)

    async def _run(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Listen for ever, connecting anew after each failure."""
        attempt = 0
        while True:
            begun = anyio.current_time()
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    await self._listen(pubsub, task_status)
            except (RedisError, OSError) as error:
                log.warning("events connection lost", reason=str(error))
            self._start_anyway(task_status)
            attempt = 0 if anyio.current_time() - begun > max(RECONNECT_SECONDS) else attempt + 1
            await anyio.sleep(RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)])

    async def _listen(self, pubsub: PubSub, task_status: anyio.abc.TaskStatus[None]) -> None:
        while True:
            message = await pubsub.get_message(timeout=POLL_SECONDS)
            if message is None:
                continue
            if message["type"] == "message":
                self._hear(message["data"])
            elif message["type"] == "subscribe":
                # Confirmed at the start and after each new connection, also one that the library made unasked.
                if self._started:
                    self._tell_all(Event(name=RESYNC))
                self._start_anyway(task_status)

    def _start_anyway(self, task_status: anyio.abc.TaskStatus[None]) -> None:
        # Also after a failure: the pages must open while Redis is away.
        if not self._started:
            self._started = True
            task_status.started()

    def _hear(self, data: bytes) -> None:
        try:
            message = json.loads(data)
            to = UUID(str(message["user_id"] if "user_id" in message else message["workspace_id"]))
            event = Event(name=message["name"], data=message["data"])
            said = event.data.get("document_id")
            document_id = None if said is None else UUID(said)
            said = message.get("otherwise")
            otherwise = None if said is None else Event(name=event.name, data=said)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Another release during an upgrade, or a stranger on a shared Redis.
            log.warning("event not understood", reason=str(error))
            return
        listening = self._streams.get(to, ())
        if document_id is None or self._sees is None:
            for stream in listening:
                stream.put(event)
            return
        for stream in listening:
            if stream.user_id is None:
                stream.put(event)
        if any(stream.user_id is not None for stream in listening):
            self._keep(_OfDocument(to, document_id, event, otherwise))

    def _keep(self, news: _OfDocument) -> None:
        if len(self._unsorted) >= MAX_UNSORTED:
            self._unsorted.clear()
            self._tell_all(Event(name=RESYNC))
        self._unsorted.append(news)
        self._more.set()

    async def _sort(self) -> None:
        """Bring what is about documents to those who see them, for ever."""
        while True:
            if not self._unsorted:
                self._more = anyio.Event()
                await self._more.wait()
            some = [self._unsorted.popleft() for _ in range(min(len(self._unsorted), ASKED_AT_ONCE))]
            asked = {
                stream.user_id for news in some for stream in self._streams.get(news.workspace_id, ()) if stream.user_id
            }
            try:
                seen = await self._who_sees({news.document_id for news in some}, asked)
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                # Nothing is lost by waiting: no page could read anything now.
                log.warning("cannot find out whom events concern", reason=type(error).__name__)
                self._unsorted.extendleft(reversed(some))
                await anyio.sleep(ASK_AGAIN_SECONDS)
                continue
            for news in some:
                seeing = seen.get(news.document_id, ())
                # Who began to listen since has read everything since, too.
                for stream in self._streams.get(news.workspace_id, ()):
                    event = news.event if stream.user_id in seeing else news.otherwise
                    if event is not None and stream.user_id in asked:
                        stream.put(event)

    async def _who_sees(self, document_ids: Group[UUID], user_ids: Group[UUID]) -> Mapping[UUID, Group[UUID]]:
        if self._sees is None or not user_ids:
            return {}
        async with asyncio.timeout(SIGHT_SECONDS):
            return await self._sees(document_ids, user_ids)

    def _tell_all(self, event: Event) -> None:
        for stream in {stream for streams in self._streams.values() for stream in streams}:
            stream.put(event)

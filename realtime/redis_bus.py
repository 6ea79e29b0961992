"""A Bus over Redis: one channel per document, one reader and one writer connection per process.

Redis only carries word of what the log holds already. When it is away nothing waits for it: what could not be sent is
reduced to its place in the log, and on return every room reads the log.

A process that is the only one says nothing and subscribes to no document: most installations are one process, and for
them this would be the dearest part of an edit. Redis tells how many listen on the channel of processes; whoever comes
says so there, and what was not said until that was heard is told by one word, on which every room reads the log.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from realtime.ending import end
from realtime.ports import AccessChanged, BusMessage, Committed, DocumentId, Missed, Presence, Shut
from realtime.wire import MalformedFrame, read_var_string, read_var_uint, write_var_string, write_var_uint

logger = logging.getLogger("quillroom.realtime")

_CHANNEL = "quillroom:document:"
_PROCESSES = "quillroom:processes"
_HELLO, _READ_THE_LOG = b"hello ", b"read "
_VERSION = 1
_COMMITTED, _PRESENCE, _SHUT, _ACCESS_CHANGED = 0, 1, 2, 3
# Bound on what waits for Redis. Beyond it the oldest goes: presence renews itself, and edits are read from the log.
_MOST_WAITING = 10_000
_MOST_ARRIVED = 10_000
# A connection can hang without closing. So that clients in different processes agree two seconds after it is mended,
# silence is asked about soon, and no answer is waited for long.
_ANSWER_SECONDS = 1.0
_RETRY_SECONDS = 0.25
_HEARING_SECONDS = 0.25
_SILENCES_BEFORE_ASKING = 2
_SILENCES_BEFORE_THE_END = 6
_COUNT_EVERY_SECONDS = 1.0


class RedisBus:
    """See Bus. An async context manager that owns its reader and its writer.

    `redis` says where Redis is and how it is spoken to; its connections are left to others.
    """

    def __init__(self, redis: Redis, *, node: str) -> None:
        self._reading = _client_like(redis)
        self._writing = _client_like(redis)
        self._node = node
        self._watched: set[DocumentId] = set()
        self._waiting: deque[BusMessage] = deque(maxlen=_MOST_WAITING)
        self._wake = asyncio.Event()
        self._arrived: asyncio.Queue[BusMessage | Missed] = asyncio.Queue(_MOST_ARRIVED)
        self._pubsub: PubSub | None = None
        self._away = False
        # Whether Redis said that nobody else listens, and whether there was something to tell since then.
        self._alone = False
        self._untold = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._write(), name="bus writer"),
            asyncio.create_task(self._read(), name="bus reader"),
            asyncio.create_task(self._count(), name="bus count"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await end(self._tasks)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in (self._reading, self._writing):
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await client.aclose()
            except (RedisError, OSError, TimeoutError):
                continue

    def is_alone(self) -> bool:
        """See Bus. Whoever asks has something to tell."""
        self._untold = self._untold or self._alone
        return self._alone

    async def publish(self, messages: Sequence[BusMessage]) -> None:
        """See Bus. Returns at once; the writer sends."""
        if self.is_alone():
            return
        # The bound is a number: while Redis is known to be away, edits wait in the log and not here as well.
        self._waiting.extend(map(_reduced, messages) if self._away else messages)
        self._wake.set()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[BusMessage | Missed]]:
        """See Bus."""

        async def messages() -> AsyncIterator[BusMessage | Missed]:
            while True:
                yield await self._arrived.get()

        yield messages()

    async def watch(self, document_id: DocumentId) -> None:
        """See Bus. While Redis is away this returns at once: on its return everything is read anew."""
        self._watched.add(document_id)
        if not self._alone:
            await self._subscribe([document_id])

    async def unwatch(self, document_id: DocumentId) -> None:
        """See Bus."""
        self._watched.discard(document_id)
        pubsub = self._pubsub
        if pubsub is not None and (_CHANNEL + document_id).encode() in pubsub.channels:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await pubsub.unsubscribe(_CHANNEL + document_id)
            except (RedisError, OSError, TimeoutError):
                return

    async def _subscribe(self, document_ids: Sequence[DocumentId]) -> None:
        pubsub = self._pubsub
        if pubsub is None or not document_ids:
            return
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await pubsub.subscribe(*(_CHANNEL + document_id for document_id in document_ids))
        except (RedisError, OSError, TimeoutError):
            # The reader meets the same trouble, connects anew and subscribes to all that is watched.
            return

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch = list(self._waiting)
            self._waiting.clear()
            pipe = self._writing.pipeline(transaction=False)
            for message in batch:
                pipe.publish(_CHANNEL + message.document_id, encode(message, self._node))
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await pipe.execute()
            except (RedisError, OSError, TimeoutError):
                # Presence will be told again; all else counts.
                kept = [_reduced(message) for message in batch if not isinstance(message, Presence)]
                self._waiting.extendleft(reversed(kept))
                await self._let_go()
                await asyncio.sleep(_RETRY_SECONDS)
                self._wake.set()

    async def _read(self) -> None:
        while True:
            pubsub = self._reading.pubsub()
            try:
                # A channel of our own: there is always something to be subscribed to, and to be asked on.
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await pubsub.subscribe(_PROCESSES)
                self._pubsub = pubsub
                self._away = False
                await self._subscribe(list(self._watched))
                self._arrive(Missed())
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await self._writing.publish(_PROCESSES, _HELLO + self._node.encode())
                await self._take_all(pubsub)
            except (RedisError, OSError, TimeoutError):
                self._away = True
                logger.warning("the bus is away; documents are saved and read from the log")
            finally:
                self._pubsub = None
                self._alone = False
                await _close(pubsub)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _take_all(self, pubsub: PubSub) -> None:
        # Counted in waits and not by the clock: while this process stands still, Redis cannot be heard.
        silences = 0
        while True:
            message = await pubsub.get_message(timeout=_HEARING_SECONDS)
            if message is not None:
                silences = 0
                if message["type"] == "message" and message["channel"] == _PROCESSES.encode():
                    await self._meet(message["data"])
                elif message["type"] == "message":
                    self._take(message["data"])
                continue
            silences += 1
            if silences == _SILENCES_BEFORE_ASKING:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await pubsub.ping()
            elif silences >= _SILENCES_BEFORE_THE_END:
                raise TimeoutError

    async def _let_go(self) -> None:
        """Close the writer's idle connections: where one hangs, those beside it do, and each would be tried in turn."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._writing.connection_pool.disconnect(inuse_connections=False)
        except (RedisError, OSError, TimeoutError):
            return

    async def _count(self) -> None:
        """Find out, now and then, whether this process is the only one."""
        while True:
            await asyncio.sleep(_COUNT_EVERY_SECONDS)
            if self._pubsub is None:
                continue
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    [(_, listening)] = await self._writing.pubsub_numsub(_PROCESSES)
                # Nobody at all means that not even this process is heard.
                if self._pubsub is not None and listening == 1:
                    self._alone = True
                else:
                    await self._join_the_others()
            except (RedisError, OSError, TimeoutError):
                # The reader meets the same trouble, and begins anew.
                continue

    async def _meet(self, data: bytes) -> None:
        """Take a word on the channel of processes."""
        if data.endswith(self._node.encode()):
            return
        if data.startswith(_HELLO):
            await self._join_the_others()
        else:
            self._arrive(Missed())

    async def _join_the_others(self) -> None:
        """Listen and speak from now on; what was not said is in the log, and the others are told to read it."""
        if self._alone:
            self._alone = False
            await self._subscribe(list(self._watched))
            self._arrive(Missed())
        if self._untold:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._writing.publish(_PROCESSES, _READ_THE_LOG + self._node.encode())
            self._untold = False

    def _take(self, data: bytes) -> None:
        try:
            node, message = decode(data)
        except MalformedFrame:
            logger.warning("a message on the bus is not of this version; the log will be read")
            self._arrive(Missed())
            return
        if node != self._node:
            self._arrive(message)

    def _arrive(self, message: BusMessage | Missed) -> None:
        if self._arrived.full():
            # The bound: whoever reads so slowly reads the log instead.
            while not self._arrived.empty():
                self._arrived.get_nowait()
            message = Missed()
        self._arrived.put_nowait(message)


def _client_like(redis: Redis) -> Redis:
    """A client with connections of its own: a pool makes one after the other, and one that hangs holds up all."""
    pool = redis.connection_pool
    return Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **pool.connection_kwargs))


async def _close(pubsub: PubSub) -> None:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    except (RedisError, OSError, TimeoutError):
        return


def _reduced(message: BusMessage) -> BusMessage:
    if isinstance(message, Committed):
        return Committed(document_id=message.document_id, seq=message.seq, update=b"")
    return message


def encode(message: BusMessage, node: str) -> bytes:
    """Write a message for the wire between processes. Source: docs/protocol.md, "Between processes"."""
    head = write_var_uint(_VERSION) + write_var_string(node) + write_var_string(message.document_id)
    match message:
        case Committed(seq=seq, update=update):
            return head + write_var_uint(_COMMITTED) + write_var_uint(seq) + update
        case Presence(payload=payload):
            return head + write_var_uint(_PRESENCE) + payload
        case Shut(code=code):
            return head + write_var_uint(_SHUT) + write_var_uint(code)
        case AccessChanged():
            return head + write_var_uint(_ACCESS_CHANGED)


def decode(data: bytes) -> tuple[str, BusMessage]:
    """Read a message of another process. Returns its node and the message. Raises MalformedFrame."""
    version, at = read_var_uint(data, 0)
    if version != _VERSION:
        raise MalformedFrame("another version of the bus")
    node, at = read_var_string(data, at, longest_bytes=256)
    name, at = read_var_string(data, at, longest_bytes=256)
    document_id = DocumentId(name)
    kind, at = read_var_uint(data, at)
    if kind == _COMMITTED:
        seq, at = read_var_uint(data, at)
        return node, Committed(document_id=document_id, seq=seq, update=data[at:])
    if kind == _PRESENCE:
        return node, Presence(document_id=document_id, node=node, payload=data[at:])
    if kind == _SHUT:
        code, at = read_var_uint(data, at)
        return node, Shut(document_id=document_id, code=code)
    if kind == _ACCESS_CHANGED:
        return node, AccessChanged(document_id=document_id)
    raise MalformedFrame("an unknown kind of bus message")

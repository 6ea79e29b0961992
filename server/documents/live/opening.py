"""The live side of the web process, put together: hub, bus, door, and what pages and the API edit through."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
from redis.asyncio import Redis

from realtime.door import ConnectionLimits, Door
from realtime.endpoint import Endpoint
from realtime.hub import Hub, Timing
from realtime.ports import DocumentId, Whose
from realtime.redis_bus import RedisBus
from realtime.room import Limits
from realtime.settling import Settle
from server.db import Sessions
from server.documents.live.admission import Doorkeeper, origins
from server.documents.live.editing import Live
from server.documents.live.figures import SocketLog, TimedLog, warn_of_slow
from server.documents.live.judging import open_judge
from server.documents.live.log import PostgresLog
from server.settings import Settings
from server.slow import SlowLog
from server.web.cookies import SESSION, read_cookie


class MonotonicClock:
    """See realtime.ports.Clock."""

    def now(self) -> float:
        """See Clock."""
        return time.monotonic()


@asynccontextmanager
async def open_live(
    settings: Settings,
    *,
    pool: "asyncpg.Pool[Any]",
    sessions: Sessions,
    redis: Redis,
    settle: Settle,
    whose: Whose,
    slow: SlowLog,
) -> AsyncIterator[tuple[Live, Endpoint]]:
    """Run the live documents of this process while the context lasts; its end saves everything."""
    node = str(uuid4())
    keeper = Doorkeeper(sessions)
    await keeper.warm_up()
    async with (
        PostgresLog(pool) as log,
        RedisBus(redis, node=node) as bus,
        Hub(
            log=TimedLog(log, slow),
            bus=bus,
            clock=MonotonicClock(),
            node=node,
            settle=settle,
            open_judge=open_judge,
            whose=whose,
            limits=Limits(
                document_bytes=settings.max_document_bytes,
                peers=settings.max_peers_per_document,
                peers_per_person=settings.max_peers_per_person,
                presence_seconds=settings.presence_seconds,
            ),
            timing=Timing(
                relay_after_seconds=settings.relay_after_ms / 1000,
                idle_seconds=settings.room_idle_seconds,
            ),
        ) as hub,
        Endpoint(
            Door(
                hub=hub,
                access=keeper,
                clock=MonotonicClock(),
                cookie=lambda request: read_cookie(request, SESSION, settings),
                origins=lambda request: origins(request, settings),
                observer=SocketLog(),
                limits=ConnectionLimits(
                    frame_bytes=settings.max_frame_bytes,
                    outbox_bytes=settings.outbox_bytes,
                    messages_per_second=settings.messages_per_second,
                    messages_burst=settings.messages_burst,
                ),
            )
        ) as endpoint,
    ):
        warn_of_slow(hub, slow)
        # There is no such document; now the pool has a connection that knows the statement.
        await log.load(DocumentId(str(uuid4())))
        yield Live(hub), endpoint

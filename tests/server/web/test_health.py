"""What machines ask."""

from datetime import UTC, datetime, timedelta

import httpx
from redis.asyncio import Redis

from server.db import Sessions
from tests.server.publishing.press import open_press


async def test_ready_says_how_late_publications_are_and_stays_ready(
    client: httpx.AsyncClient, sessions: Sessions, redis: Redis
) -> None:
    answer = (await client.get("/readyz")).json()
    assert answer == {"ready": True, "database": "ok", "redis": "ok", "overdue_seconds": 0}

    press = await open_press(sessions, redis)
    await press.plan(due_at=datetime.now(UTC) - timedelta(minutes=10))

    answer = (await client.get("/readyz")).json()
    assert answer["ready"] is True
    assert 600 <= answer["overdue_seconds"] < 700

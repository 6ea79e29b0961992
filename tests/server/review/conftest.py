"""The desk at which reviews are tried."""

import pytest
from redis.asyncio import Redis

from server.db import Sessions
from tests.server.review.desk import Desk


@pytest.fixture
async def desk(sessions: Sessions, redis: Redis) -> Desk:
    """A team with a document."""
    return await Desk.set_up(sessions, redis)

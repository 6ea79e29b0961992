"""How fast an account may be called: it rests when its channel says so, and when it keeps failing.

Shared by all workers, through Redis. Without Redis nothing rests, and each channel's own limits still hold: what is
kept here spares calls that would fail, no post depends on it.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

# So many failures in a row, whichever posts they befall, and the account rests.
FAILURES: Final = 5
FAILURES_WITHIN: Final = timedelta(minutes=30)
FIRST_REST: Final = timedelta(minutes=1)
LONGEST_REST: Final = timedelta(minutes=15)
_PREFIX: Final = "quillroom:channels"

log = structlog.get_logger(__name__)


class Pace:
    """The rests of accounts."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def resting_until(self, account_id: UUID) -> datetime | None:
        """Return until when an account rests; None: it may be called."""
        try:
            said = await self._redis.get(_key(account_id, "rest"))
        except RedisError as error:
            log.warning("rest of an account not known", reason=str(error))
            return None
        return None if said is None else datetime.fromtimestamp(float(said), UTC)

    async def rest(self, account_id: UUID, until: datetime, *, now: datetime) -> None:
        """Let an account rest: its channel has said when it may be called again."""
        seconds = int((until - now).total_seconds())
        if seconds <= 0:
            return
        try:
            await self._redis.set(_key(account_id, "rest"), until.timestamp(), ex=seconds)
        except RedisError as error:
            log.warning("rest of an account not kept", reason=str(error))

    async def failed(self, account_id: UUID, *, now: datetime) -> None:
        """Count a failure that was the channel's. After some in a row, the account rests, longer each time."""
        key = _key(account_id, "failures")
        try:
            count = int(await self._redis.incr(key))
            await self._redis.expire(key, int(FAILURES_WITHIN.total_seconds()))
        except RedisError as error:
            log.warning("failure of an account not counted", reason=str(error))
            return
        if count >= FAILURES:
            rest = min(FIRST_REST * 2 ** min(count - FAILURES, 8), LONGEST_REST)
            await self.rest(account_id, now + rest, now=now)

    async def answered(self, account_id: UUID) -> None:
        """Forget failures: the channel works."""
        try:
            await self._redis.delete(_key(account_id, "failures"))
        except RedisError as error:
            log.warning("failures of an account not forgotten", reason=str(error))


def _key(account_id: UUID, what: str) -> str:
    return f"{_PREFIX}:{account_id}:{what}"

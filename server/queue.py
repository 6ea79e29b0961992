"""Work for later: a row says what is due, and a nudge through Redis makes a worker look at once."""

import json
from typing import Any
from uuid import UUID

import structlog
from arq.connections import ArqRedis, RedisSettings
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import parse_url
from redis.exceptions import RedisError

from server import metrics

QUEUE_NAME = "quillroom:jobs"
TIMEOUT_SECONDS = 5
# A nudge older than this has been overtaken by the regular sweep.
NUDGE_SECONDS = 600
DEFAULT_PORT = 6379
_TLS_PARTS = frozenset({"ssl_keyfile", "ssl_certfile", "ssl_cert_reqs", "ssl_ca_certs", "ssl_check_hostname"})

log = structlog.get_logger(__name__)


class Queue:
    """The way to a worker. It may lose a nudge: every job also runs at regular times and reads what is due."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def enqueue(self, job: str, **ids: UUID | str | int) -> None:
        """Ask a worker to run `job` now. Equal nudges that still wait are one."""
        arguments: dict[str, Any] = {
            name: str(value) if isinstance(value, UUID) else value for name, value in ids.items()
        }
        nudge_id = ":".join([job, *(f"{name}={value}" for name, value in sorted(arguments.items()))])
        try:
            await self._redis.enqueue_job(job, _job_id=nudge_id, _expires=NUDGE_SECONDS, **arguments)
        except RedisError as error:
            # The row is the truth; the sweep finds it. Failing the caller would undo work that is done.
            metrics.NUDGES_LOST.inc()
            log.warning("nudge lost", job=job, reason=str(error))

    async def close(self) -> None:
        """Give back the connections."""
        await self._redis.aclose(close_connection_pool=True)


def create_queue(redis_url: str) -> Queue:
    """Make a queue that connects when first used: the pages must open while Redis is away."""
    pool: ConnectionPool = ConnectionPool.from_url(
        redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    )
    return Queue(ArqRedis(pool, job_serializer=serialize, job_deserializer=deserialize, default_queue_name=QUEUE_NAME))


def redis_settings(redis_url: str) -> RedisSettings:
    """Return arq's way to spell an address.

    It is read as the Redis client reads it: arq's own reader knows neither escapes in a password nor what to trust.
    """
    parts: dict[str, Any] = dict(parse_url(redis_url))
    tls = {name: value for name, value in parts.items() if name in _TLS_PARTS}
    return RedisSettings(
        host=str(parts.get("host", "localhost")),
        port=int(parts.get("port", DEFAULT_PORT)),
        unix_socket_path=parts.get("path"),
        database=int(parts.get("db", 0)),
        username=parts.get("username"),
        password=parts.get("password"),
        ssl=redis_url.startswith("rediss://"),
        conn_timeout=TIMEOUT_SECONDS,
        **tls,
    )


def serialize(job: dict[str, Any]) -> bytes:
    """Write a job as JSON: with pickle, whoever can write to Redis could run code in the worker."""
    return json.dumps(job, default=str).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """Read a job."""
    job: dict[str, Any] = json.loads(data)
    return job

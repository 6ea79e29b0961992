"""What machines ask: is the process alive, can it work, what has it counted."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from server import metrics
from server.db import Sessions

LIMIT_SECONDS = 3


async def healthz(request: Request) -> Response:
    """The process answers. Says nothing about the parts it needs, so that nobody restarts it for their sake."""
    del request
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Whether Postgres and Redis answer: 200, or 503 with which one does not.

    `overdue_seconds` tells how late the oldest overdue publication is (null: not known now). It makes no process
    unready: pages work, and taking them away would help nobody.
    """
    state = request.app.state
    database, redis, overdue = await asyncio.gather(
        _database_answers(state.sessions), _redis_answers(state.redis), _overdue_seconds(state)
    )
    parts = {"database": database, "redis": redis}
    return JSONResponse(
        {
            "ready": all(parts.values()),
            **{name: "ok" if fine else "does not answer" for name, fine in parts.items()},
            "overdue_seconds": overdue,
        },
        status_code=200 if all(parts.values()) else 503,
        headers={"Cache-Control": "no-store"},
    )


async def show_metrics(request: Request) -> Response:
    """All figures, as Prometheus reads them."""
    del request
    body, content_type = metrics.render()
    return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


async def _database_answers(sessions: Sessions) -> bool:
    try:
        async with asyncio.timeout(LIMIT_SECONDS), sessions() as session:
            await session.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError, TimeoutError):
        return False
    return True


async def _overdue_seconds(state: State) -> float | None:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            overdue: float = await state.overdue_seconds(state.sessions)
            return round(overdue)
    except (SQLAlchemyError, OSError, TimeoutError):
        return None


async def _redis_answers(redis: Redis) -> bool:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await redis.ping()
    except (RedisError, OSError, TimeoutError):
        return False
    return True


routes = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/metrics", show_metrics, methods=["GET"]),
]

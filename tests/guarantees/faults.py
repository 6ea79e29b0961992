"""What breaks under load. Each fault is a context: it lasts as long as the body."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tests.guarantees.fleet import Fleet, aside

Fault = Callable[[Fleet], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def redis_killed(fleet: Fleet) -> AsyncIterator[None]:
    """Redis dies, with all that it held, and is started again."""
    await aside(fleet.stores.kill_redis)
    yield
    await aside(fleet.stores.start)


@asynccontextmanager
async def redis_hangs(fleet: Fleet) -> AsyncIterator[None]:
    """Redis keeps its connections open and answers nothing."""
    with fleet.stores.redis_held():
        yield


@asynccontextmanager
async def one_line_hangs(fleet: Fleet) -> AsyncIterator[None]:
    """One process's connections to Redis hang, for ever; those that it makes afterwards do not."""
    with fleet.cable.hanging():
        yield


@asynccontextmanager
async def postgres_hangs(fleet: Fleet) -> AsyncIterator[None]:
    """Postgres keeps its connections open and answers nothing."""
    with fleet.stores.postgres_held():
        yield


@asynccontextmanager
async def process_killed(fleet: Fleet) -> AsyncIterator[None]:
    """One of our own processes dies, and is started again."""
    await aside(fleet.kill, 0)
    yield
    await aside(fleet.start)


FAULTS: dict[str, Fault] = {
    "Redis is killed": redis_killed,
    "Redis hangs": redis_hangs,
    "one line to Redis hangs": one_line_hangs,
    "Postgres hangs": postgres_hangs,
    "a process is killed": process_killed,
}

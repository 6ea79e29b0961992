"""The worker with its jobs, on real servers."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from arq.worker import Worker
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from server import db
from server.accounts.models import Session, utc_now
from server.queue import create_queue
from server.settings import Settings
from server.worker import create_worker
from tests import factories


@pytest.fixture
async def worker(settings: Settings, redis: Redis) -> AsyncIterator[Worker]:
    """A worker that ends when nothing waits, and runs nothing by the clock."""
    worker = create_worker(settings)
    worker.burst = True
    worker.poll_delay_s = 0.01
    worker.cron_jobs = []
    yield worker
    await worker.close()


async def _count(sessions: db.Sessions) -> int:
    from sqlalchemy import func, select

    async with sessions() as session:
        return int(await session.scalar(select(func.count()).select_from(Session)) or 0)


async def test_a_nudge_runs_a_job_and_its_time_is_counted(
    worker: Worker, settings: Settings, sessions: db.Sessions
) -> None:
    async with db.transaction(sessions) as session:
        user = await factories.make_user(session)
        session.add(Session(token_hash=uuid4().bytes, user_id=user.id, expires_at=utc_now() - timedelta(days=60)))
    assert await _count(sessions) == 1
    queue = create_queue(settings.redis_url)
    before = REGISTRY.get_sample_value("quillroom_job_seconds_count", {"name": "clean_up", "outcome": "done"}) or 0
    for job in ("clean_up", "clean_up_pictures", "compact_documents"):
        await queue.enqueue(job)
    await worker.main()
    await queue.close()
    assert (worker.jobs_complete, worker.jobs_failed) == (3, 0)
    assert await _count(sessions) == 0
    assert (
        REGISTRY.get_sample_value("quillroom_job_seconds_count", {"name": "clean_up", "outcome": "done"}) == before + 1
    )


async def test_every_job_that_runs_by_the_clock_can_be_nudged_too(settings: Settings) -> None:
    worker = create_worker(settings)
    nudged = {name for name in worker.functions if not name.endswith("_timed")}
    assert {job.name.removesuffix("_timed") for job in worker.cron_jobs} == nudged

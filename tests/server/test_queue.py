"""Nudges, through a real Redis."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from arq.worker import Worker, func
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from server import queue


@pytest.fixture
async def nudges(redis: Redis, redis_url: str) -> AsyncIterator[queue.Queue]:
    nudges = queue.create_queue(redis_url)
    yield nudges
    await nudges.close()


async def _run_waiting(redis_url: str) -> list[dict[str, object]]:
    ran: list[dict[str, object]] = []

    async def fold(ctx: dict[Any, Any], *_: object, **ids: object) -> None:
        del ctx
        ran.append(ids)

    worker = Worker(
        [func(fold, name="fold")],
        queue_name=queue.QUEUE_NAME,
        redis_settings=queue.redis_settings(redis_url),
        job_serializer=queue.serialize,
        job_deserializer=queue.deserialize,
        burst=True,
        handle_signals=False,
        keep_result=0,
        poll_delay=0.01,
    )
    await worker.main()
    await worker.close()
    return ran


async def test_a_nudge_reaches_a_worker_with_its_ids(nudges: queue.Queue, redis_url: str) -> None:
    document_id = uuid4()
    await nudges.enqueue("fold", document_id=document_id, limit=5)
    assert await _run_waiting(redis_url) == [{"document_id": str(document_id), "limit": 5}]


async def test_equal_nudges_that_wait_are_one_and_a_later_one_counts_again(nudges: queue.Queue, redis_url: str) -> None:
    document_id = UUID(int=7)
    await nudges.enqueue("fold", document_id=document_id)
    await nudges.enqueue("fold", document_id=document_id)
    assert len(await _run_waiting(redis_url)) == 1
    await nudges.enqueue("fold", document_id=document_id)
    assert len(await _run_waiting(redis_url)) == 1


async def test_what_waits_in_redis_is_no_pickle(nudges: queue.Queue, redis: Redis) -> None:
    await nudges.enqueue("fold", document_id=UUID(int=7))
    [key] = await redis.keys("arq:job:*")
    assert (await redis.get(key)).startswith(b"{")


async def test_a_nudge_that_cannot_be_sent_is_counted_and_does_not_undo_its_cause(tmp_path: Path) -> None:
    nudges = queue.create_queue(f"unix://{tmp_path}/nobody.sock")
    before = REGISTRY.get_sample_value("quillroom_nudges_lost_total") or 0
    await nudges.enqueue("fold", document_id=uuid4())
    assert REGISTRY.get_sample_value("quillroom_nudges_lost_total") == before + 1
    await nudges.close()


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("unix:///run/redis.sock?db=2", {"unix_socket_path": "/run/redis.sock", "database": 2}),
        ("redis://redis.internal/", {"host": "redis.internal", "port": 6379, "database": 0, "ssl": False}),
        ("redis://ada:p%40ss%2Fword@redis.internal:7000/3", {"username": "ada", "password": "p@ss/word", "port": 7000}),
        (
            "rediss://redis.internal/1?ssl_ca_certs=/etc/ca.pem&ssl_check_hostname=true",
            {"ssl": True, "ssl_ca_certs": "/etc/ca.pem", "ssl_check_hostname": True, "database": 1},
        ),
        ("rediss://redis.internal?ssl_cert_reqs=none", {"ssl": True, "ssl_cert_reqs": "none"}),
    ],
)
def test_the_worker_reads_an_address_as_the_web_process_does(address: str, parts: dict[str, object]) -> None:
    settings = queue.redis_settings(address)
    assert {name: getattr(settings, name) for name in parts} == parts

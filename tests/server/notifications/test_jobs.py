"""The daily mail, the worker's jobs, and tidying up."""

import asyncio
from datetime import timedelta

import pytest
from arq.worker import Worker
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlmodel import col

from server.notifications import bell, choices
from server.notifications.delivery import Delivered, deliver
from server.notifications.jobs import MAIL_KEPT, READ_KEPT, UNREAD_KEPT, clean_up, gather_digests
from server.notifications.models import HowMail, Kind, Mail, PersonalNotice
from server.notifications.noting import MAIL_DELAY
from server.queue import create_queue
from server.settings import Settings
from server.worker import create_worker
from tests.server.notifications.catch_all import CatchAll
from tests.server.notifications.conftest import Post


@pytest.fixture
async def daily(post: Post) -> Post:
    """Ben wants his mail once a day."""
    async with post.sessions() as db:
        await choices.choose(db, post.ben.id, HowMail.DAILY, list(Kind))
        await db.commit()
    return post


async def _gather(post: Post, mailing: Settings) -> int:
    return await gather_digests(post.sessions, mailing, now=post.clock.now)


async def _deliver(post: Post, mailing: Settings) -> Delivered:
    return await deliver(post.sessions, mailing, post.visible, clock=post.clock)


async def test_a_day_of_news_is_one_mail(daily: Post, mailing: Settings, caught: CatchAll) -> None:
    hidden = await daily.note(key="comment:0", text="a secret by now")
    daily.hidden.add(hidden)
    for number in (1, 2):
        daily.clock.pass_by(minutes=1)
        await daily.note(key=f"comment:{number}", text=f"words {number}")
    daily.clock.pass_by(minutes=10)
    assert await _deliver(daily, mailing) == Delivered()
    assert sum(await asyncio.gather(*(_gather(daily, mailing) for _ in range(2)))) == 1
    assert await _deliver(daily, mailing) == Delivered(sent=1)
    (taken,) = caught.taken
    assert taken.message["Subject"] == "2 things happened while you were away"
    for kind in ("plain", "html"):
        part = taken.part(kind)
        assert part.index("words 1") < part.index("words 2")
        assert "secret" not in part
    # What comes later on the same day waits for the next.
    await daily.note(key="comment:3")
    assert await _gather(daily, mailing) == 0
    daily.clock.pass_by(days=1)
    assert await _gather(daily, mailing) == 1
    assert await _deliver(daily, mailing) == Delivered(sent=1)
    assert caught.taken[1].message["Subject"] == "Ada Lovelace mentioned you in “The plan”"


async def test_the_hour_is_waited_for(daily: Post, mailing: Settings) -> None:
    await daily.note()
    late = mailing.model_copy(update={"digest_hour": daily.clock.now.hour + 1})
    assert await _gather(daily, late) == 0
    daily.clock.pass_by(hours=1)
    assert await _gather(daily, late) == 1


async def test_what_was_read_makes_no_daily_mail(daily: Post, mailing: Settings, caught: CatchAll) -> None:
    await daily.note(key="comment:1")
    assert await _gather(daily, mailing) == 1
    async with daily.sessions() as db:
        await bell.read_all(db, daily.ben.id)
        await db.commit()
    assert await _deliver(daily, mailing) == Delivered(dropped=1)
    daily.clock.pass_by(days=1)
    assert await _gather(daily, mailing) == 0
    assert not caught.connections


async def test_who_chose_otherwise_meanwhile_gets_no_daily_mail(daily: Post, mailing: Settings) -> None:
    await daily.note()
    async with daily.sessions() as db:
        await choices.choose(db, daily.ben.id, HowMail.NEVER, list(Kind))
        await db.commit()
    assert await _gather(daily, mailing) == 0


async def test_old_notices_and_mails_go(post: Post) -> None:
    await post.note(key="comment:1")
    await post.note(key="comment:2")
    start = post.clock.now
    async with post.sessions() as db:
        first = (await db.scalars(select(PersonalNotice).order_by(col(PersonalNotice.dedupe_key)))).first()
        assert first is not None
        first.read_at = start
        for mail in await db.scalars(select(Mail)):
            mail.ended_at = start
        await db.commit()

        async def left() -> tuple[int, int]:
            counts = [await db.scalar(select(func.count()).select_from(each)) for each in (PersonalNotice, Mail)]
            return counts[0] or 0, counts[1] or 0

        assert await clean_up(db, now=start + READ_KEPT - timedelta(days=1)) == 0
        await clean_up(db, now=start + READ_KEPT)
        assert await left() == (1, 2)
        await clean_up(db, now=start + max(UNREAD_KEPT, MAIL_KEPT))
        assert await left() == (0, 0)


async def test_a_nudged_worker_sends(post: Post, mailing: Settings, caught: CatchAll, redis: Redis) -> None:
    # By the worker's own clock this is long due. The document never was, so nobody may see it: a role is told anyhow.
    post.clock.now -= MAIL_DELAY
    await post.note(kind=Kind.ROLE, text="You can now comment.")
    worker: Worker = create_worker(mailing)
    worker.burst, worker.poll_delay_s, worker.cron_jobs = True, 0.01, []
    queue = create_queue(mailing.redis_url)
    await queue.enqueue("deliver_mail")
    await queue.enqueue("gather_digests")
    await worker.main()
    await queue.close()
    await worker.close()
    assert (worker.jobs_complete, worker.jobs_failed) == (2, 0)
    assert [taken.recipient for taken in caught.taken] == [post.ben.email]

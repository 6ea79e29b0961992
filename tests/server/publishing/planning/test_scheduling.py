"""What people do with publications, beside a worker that wants to send them."""

from datetime import datetime, timedelta

import pytest
from redis.asyncio import Redis

from server.db import Sessions, transaction
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import scheduling
from server.publishing.planning.scheduling import Finding, OutOfHand, UnderWay, When
from server.publishing.posts import FrozenPost
from server.publishing.publisher.delivering import LEAD, claim, publish_due
from server.publishing.publisher.delivering import _Delivery as Delivery
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State
from server.workspaces.models import Role
from tests.server.publishing.board import failing
from tests.server.publishing.press import NOON, Press, open_press

IN_AN_HOUR = NOON + timedelta(hours=1)


@pytest.fixture
async def press(sessions: Sessions, redis: Redis) -> Press:
    return await open_press(sessions, redis)


def at(time: datetime) -> When:
    return When(time.replace(tzinfo=None), "UTC")


async def plan(press: Press, text: str = "The fox", when: datetime = IN_AN_HOUR) -> scheduling.Planned:
    async with transaction(press.sessions) as db:
        return await scheduling.plan(
            db,
            press.scheduler,
            press.workshop.channels["board"],
            await db.get_one(ChannelAccount, press.account_id),
            document_id=await press.document(db),
            revision_id=None,
            content_hash=bytes(32),
            post=FrozenPost("", text, f"<p>{text}</p>"),
            when=at(when),
            now=press.clock(),
        )


async def test_a_plan_goes_out_at_its_time(press: Press) -> None:
    planned = await plan(press)
    assert planned.publication.state == State.SCHEDULED

    press.clock.now = IN_AN_HOUR
    await publish_due(press.workshop)

    assert press.texts == ["The fox"]


async def test_a_time_that_is_over_or_no_time_is_refused(press: Press) -> None:
    with pytest.raises(Invalid, match="Check"):
        await plan(press, when=NOON - timedelta(minutes=3))
    with pytest.raises(Invalid):
        await plan(press, when=NOON + timedelta(days=3000))


async def test_the_same_text_within_a_day_is_a_warning(press: Press) -> None:
    assert (await plan(press)).warnings == ()
    [warning] = (await plan(press, when=IN_AN_HOUR + timedelta(hours=3))).warnings
    assert not warning.blocks


async def test_moved_and_cancelled_wins_up_to_the_claim(press: Press) -> None:
    moved = (await plan(press, "Moved")).publication.id
    cancelled = (await plan(press, "Cancelled")).publication.id
    press.clock.now = IN_AN_HOUR - LEAD
    # Prepared already, with a draft there that nobody sees.
    await publish_due(press.workshop)
    assert press.wall.calls == ["draft", "draft"]

    async with transaction(press.sessions) as db:
        await scheduling.move(
            db, press.scheduler, moved, at(IN_AN_HOUR + timedelta(hours=2)), version=None, now=press.clock()
        )
        await scheduling.cancel(db, press.scheduler, cancelled, now=press.clock())
    press.clock.now = IN_AN_HOUR
    await publish_due(press.workshop)
    assert press.texts == []

    press.clock.now = IN_AN_HOUR + timedelta(hours=2)
    await publish_due(press.workshop)
    assert press.texts == ["Moved"]


async def test_what_is_claimed_is_under_way_and_a_worker_that_slept_through_a_change_is_idle(
    press: Press,
) -> None:
    planned = (await plan(press)).publication.id
    press.clock.now = IN_AN_HOUR
    claimed = await claim(press.sessions, press.clock())
    assert claimed is not None
    async with transaction(press.sessions) as db:
        with pytest.raises(UnderWay):
            await scheduling.cancel(db, press.scheduler, planned, now=press.clock())

    # The lease is over before the worker wakes up.
    press.clock.pass_by(minutes=3)
    async with transaction(press.sessions) as db:
        await scheduling.cancel(db, press.scheduler, planned, now=press.clock())
    await Delivery(press.workshop, claimed).run()

    assert press.wall.calls == []
    assert (await press.row(planned)).state == State.CANCELLED


async def test_a_change_after_preparing_goes_out_as_changed(press: Press) -> None:
    planned = (await plan(press)).publication.id
    press.clock.now = IN_AN_HOUR - LEAD
    await publish_due(press.workshop)
    before = (await press.row(planned)).handle

    async with transaction(press.sessions) as db:
        await scheduling.change(
            db,
            press.scheduler,
            press.workshop.channels["board"],
            planned,
            post=FrozenPost("", "The vixen", "<p>The vixen</p>"),
            content_hash=bytes(32),
            revision_id=None,
            version=None,
            now=press.clock(),
        )
    press.clock.now = IN_AN_HOUR
    await publish_due(press.workshop)

    assert press.texts == ["The vixen"]
    after = (await press.row(planned)).handle
    assert before is not None
    assert after is not None
    assert before["data"]["key"] != after["data"]["key"]


async def test_who_looked_at_an_older_version_is_told_so(press: Press) -> None:
    planned = (await plan(press)).publication
    async with transaction(press.sessions) as db:
        await scheduling.move(db, press.scheduler, planned.id, at(IN_AN_HOUR), version=planned.version, now=NOON)
    async with transaction(press.sessions) as db:
        with pytest.raises(Conflict):
            await scheduling.move(db, press.scheduler, planned.id, at(IN_AN_HOUR), version=planned.version, now=NOON)


async def test_what_was_sent_is_out_of_hand(press: Press) -> None:
    planned = (await plan(press)).publication.id
    press.clock.now = IN_AN_HOUR
    await publish_due(press.workshop)
    async with transaction(press.sessions) as db:
        for deed in (
            scheduling.cancel(db, press.scheduler, planned, now=press.clock()),
            scheduling.try_again(db, press.scheduler, planned, now=press.clock()),
            scheduling.settle_unknown(db, press.scheduler, planned, Finding.NOT_LIVE, now=press.clock()),
        ):
            with pytest.raises(OutOfHand):
                await deed


async def test_what_failed_is_sent_again_when_somebody_says_so(press: Press) -> None:
    planned = (await plan(press)).publication.id
    press.clock.now = IN_AN_HOUR
    press.wall.before = failing({0: ChannelError(Remedy.FIX_CONTENT, "No.")}, press.wall.calls, "post")
    await publish_due(press.workshop)
    assert (await press.row(planned)).state == State.FAILED

    async with transaction(press.sessions) as db:
        await scheduling.try_again(db, press.scheduler, planned, now=press.clock())
    await publish_due(press.workshop)

    assert press.texts == ["The fox"]


@pytest.mark.parametrize("finding", list(Finding))
async def test_a_person_decides_what_nobody_else_can_find_out(
    sessions: Sessions, redis: Redis, finding: Finding
) -> None:
    press = await open_press(sessions, redis, tells=False)
    planned = (await plan(press)).publication.id
    press.clock.now = IN_AN_HOUR
    press.wall.after = failing({0: ChannelError(Remedy.UNKNOWN, "Lost.")}, press.wall.calls, "post")
    for _ in range(2):
        await publish_due(press.workshop)
        press.clock.pass_by(minutes=1)
    assert (await press.row(planned)).state == State.UNKNOWN

    async with transaction(press.sessions) as db:
        if finding is Finding.LIVE:
            with pytest.raises(Invalid):
                await scheduling.settle_unknown(
                    db, press.scheduler, planned, finding, link="javascript:alert(1)", now=press.clock()
                )
        await scheduling.settle_unknown(
            db, press.scheduler, planned, finding, link="https://board.test/1", now=press.clock()
        )
    if finding is Finding.NOT_LIVE:
        press.wall.posts.clear()
    await publish_due(press.workshop)

    row = await press.row(planned)
    assert press.texts == ["The fox"]
    match finding:
        case Finding.LIVE:
            assert (row.state, row.url, row.published_at) == (State.PUBLISHED, "https://board.test/1", IN_AN_HOUR)
        case Finding.NOT_LIVE:
            assert row.state == State.PUBLISHED
        case Finding.LOOK_AGAIN:
            assert (row.state, row.called_at) == (State.UNKNOWN, IN_AN_HOUR)


async def test_only_those_who_publish_here_may(press: Press) -> None:
    planned = (await plan(press)).publication.id
    other = await open_press(press.sessions, press.workshop.pace._redis)
    async with transaction(press.sessions) as db:
        with pytest.raises(NotFound):
            await scheduling.cancel(db, other.scheduler, planned, now=NOON)
        with pytest.raises(Forbidden):
            await scheduling.cancel(db, press.as_role(Role.MEMBER), planned, now=NOON)
        assert (await db.get_one(Publication, planned)).state == State.SCHEDULED

"""The publisher on a real database: what it does by itself, what it leaves to people, and that it never posts twice."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import anyio
import pytest
from redis.asyncio import Redis
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from server.db import Sessions
from server.publishing.models import Publication
from server.publishing.publisher import patience
from server.publishing.publisher.delivering import LEAD, Workshop, claim, oldest_overdue_seconds, publish_due
from server.publishing.publisher.delivering import _Delivery as Delivery
from server.publishing.publisher.pace import FAILURES
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State
from tests.server.publishing.board import failing
from tests.server.publishing.press import NOON, Press, open_press


class Killed(BaseException):
    """The worker is gone, in the middle of what it does."""


@pytest.fixture
async def press(sessions: Sessions, redis: Redis) -> Press:
    return await open_press(sessions, redis)


async def test_it_goes_out_at_its_minute_and_not_before(press: Press) -> None:
    due_at = NOON + timedelta(minutes=5)
    planned = await press.plan(due_at=due_at)

    await publish_due(press.workshop)
    assert press.wall.calls == []

    # What nobody sees yet is sent a little ahead.
    press.clock.now = due_at - LEAD
    await publish_due(press.workshop)
    assert press.wall.calls == ["draft"]
    assert (await press.row(planned)).state == State.CREATED_REMOTELY

    press.clock.now = due_at
    await publish_due(press.workshop)
    row = await press.row(planned)
    assert press.texts == ["The fox"]
    assert (row.state, row.published_at, row.url) == (State.PUBLISHED, due_at, f"https://board.test/{planned.hex}")
    assert press.told == [State.PUBLISHED]
    assert await press.attempts(planned) == [("prepare", "done"), ("publish", "done")]


async def test_a_channel_that_is_away_is_tried_again_later(press: Press) -> None:
    planned = await press.plan()
    away = ChannelError(Remedy.RETRY, "It cannot be reached.")
    press.wall.before = failing({0: away, 1: away}, press.wall.calls, "post")

    for _ in range(3):
        await publish_due(press.workshop)
        await publish_due(press.workshop)
        press.clock.now += patience.WAITS[1] * 1.3

    assert press.texts == ["The fox"]
    row = await press.row(planned)
    assert (row.state, row.tries, row.problem) == (State.PUBLISHED, 0, "")


async def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(press: Press) -> None:
    planned = await press.plan()
    lost = ChannelError(Remedy.UNKNOWN, "No answer came.")
    press.wall.after = failing({0: lost}, press.wall.calls, "post")

    await publish_due(press.workshop)
    row = await press.row(planned)
    assert row.called_at == NOON
    assert row.state == State.CREATED_REMOTELY

    press.clock.now += patience.LOOK_AFTER
    await publish_due(press.workshop)

    assert press.wall.calls == ["draft", "post", "look"]
    assert press.texts == ["The fox"]
    assert (await press.row(planned)).state == State.PUBLISHED


async def test_a_channel_that_never_answers_is_tried_ever_later_and_then_given_to_a_person(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "MOST_TRIES", 7)
    planned = await press.plan()

    def never_taken(call: str) -> None:
        if call == "post":
            raise ChannelError(Remedy.UNKNOWN, "No answer came.")

    press.wall.before = never_taken
    times: list[datetime] = []
    while (await press.row(planned)).state != State.UNKNOWN:
        await press.workshop.pace._redis.flushall()
        before = press.wall.calls.count("post")
        await publish_due(press.workshop)
        times += [press.clock.now] * (press.wall.calls.count("post") - before)
        press.clock.now = max(press.clock.now, (await press.row(planned)).next_at)

    assert press.told == [State.UNKNOWN]
    assert len(times) == 7
    # The second follows at once, then each waits longer than the one before.
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits[0] == patience.LOOK_AFTER
    assert waits[1:] == sorted(waits[1:])
    assert waits[-1] > timedelta(minutes=3)
    assert press.texts == []


async def test_what_nobody_can_find_out_waits_for_a_person(sessions: Sessions, redis: Redis) -> None:
    press = await open_press(sessions, redis, tells=False)
    planned = await press.plan()
    press.wall.after = failing({0: ChannelError(Remedy.UNKNOWN, "No answer came.")}, press.wall.calls, "post")

    for _ in range(4):
        await publish_due(press.workshop)
        press.clock.pass_by(hours=1)

    row = await press.row(planned)
    assert (row.state, row.evidence) == (State.UNKNOWN, "The board shows nothing.")
    assert row.called_at is not None
    assert press.texts == ["The fox"]
    assert press.told == [State.UNKNOWN]
    assert press.wall.calls == ["draft", "post", "look"]


@pytest.mark.parametrize("remedy", [Remedy.FIX_CONTENT, Remedy.RECONNECT, Remedy.OPERATOR, Remedy.REFRESH])
async def test_what_a_person_must_mend_is_not_tried_again(press: Press, remedy: Remedy) -> None:
    planned = await press.plan()
    press.wall.before = failing({0: ChannelError(remedy, "It is too long.")}, press.wall.calls, "post")

    for _ in range(3):
        await publish_due(press.workshop)
        press.clock.pass_by(hours=1)

    row = await press.row(planned)
    assert row.state == State.FAILED
    assert press.wall.calls == ["draft", "post"]
    assert press.texts == []
    assert press.told == [State.FAILED]
    # A token that cannot be refreshed says so in the words of the refusal.
    assert row.problem == ("Connect it again." if remedy is Remedy.REFRESH else "It is too long.")


async def test_a_quota_rests_the_whole_account(press: Press) -> None:
    await press.plan("First")
    await press.plan("Second")
    full = ChannelError(Remedy.QUOTA, "The day's posts are used up.", after_seconds=1800)
    press.wall.before = failing({0: full}, press.wall.calls, "post")

    await publish_due(press.workshop)
    press.clock.pass_by(minutes=29)
    await publish_due(press.workshop)
    assert press.texts == []
    assert press.wall.calls.count("post") == 1

    press.clock.pass_by(minutes=2)
    await press.workshop.pace._redis.flushall()
    await publish_due(press.workshop)
    assert sorted(press.texts) == ["First", "Second"]


async def test_a_channel_that_keeps_failing_is_left_alone_for_a_while(press: Press) -> None:
    for number in range(FAILURES + 3):
        await press.plan(f"Fox {number}")

    def away(call: str) -> None:
        raise ChannelError(Remedy.RETRY, "It cannot be reached.")

    press.wall.before = away
    await publish_due(press.workshop)

    assert len(press.wall.calls) == FAILURES


async def test_one_account_has_one_publication_under_way(press: Press) -> None:
    await press.plan("First")
    await press.plan("Second")

    first = await claim(press.sessions, press.clock())
    assert first is not None
    assert await claim(press.sessions, press.clock()) is None

    press.clock.pass_by(minutes=2)
    assert await claim(press.sessions, press.clock()) is not None


async def test_a_worker_that_slept_saves_nothing_and_sends_nothing(press: Press) -> None:
    planned = await press.plan()
    slow = await claim(press.sessions, press.clock())
    assert slow is not None
    press.clock.pass_by(minutes=10)
    await publish_due(press.workshop)
    assert press.texts == ["The fox"]

    await Delivery(press.workshop, slow).run()

    assert press.texts == ["The fox"]
    assert (await press.row(planned)).state == State.PUBLISHED


async def test_a_worker_that_sleeps_between_saving_and_calling_calls_nothing(press: Press) -> None:
    planned = await press.plan()
    delivery = Delivery(press.workshop, await _claimed(press))
    begin = delivery._begin

    async def begin_and_sleep(*args: object) -> object:
        begun = await begin(*args)  # type: ignore[arg-type]
        press.clock.pass_by(minutes=5)
        return begun

    delivery._begin = begin_and_sleep  # type: ignore[method-assign, assignment]
    await delivery.run()
    assert press.wall.calls == []

    await publish_due(press.workshop)
    assert press.texts == ["The fox"]
    assert (await press.row(planned)).state == State.PUBLISHED


async def test_a_worker_that_is_told_to_stop_leaves_the_rest_to_the_next(press: Press) -> None:
    planned = await press.plan()
    with anyio.CancelScope() as scope:

        def stop(call: str) -> None:
            if call == "post":
                scope.cancel()

        press.wall.after = stop
        delivery = Delivery(press.workshop, await _claimed(press))
        await delivery.run()
        await anyio.lowlevel.checkpoint()
    press.wall.after = lambda _: None

    await publish_due(press.workshop)

    assert press.texts == ["The fox"]
    assert (await press.row(planned)).state == State.PUBLISHED


@pytest.mark.parametrize("replies", [(), ("And more", "And more still")])
async def test_a_worker_killed_anywhere_makes_no_second_post_and_loses_none(
    sessions: Sessions, redis: Redis, replies: tuple[str, ...]
) -> None:
    # Around each commit and each call there is a moment to die at; the last round is one that nobody dies in.
    for moment in range(200):
        press = await open_press(sessions, redis)
        planned = await press.plan("The fox", replies=replies)
        death = _Death(moment)
        try:
            await _work_until_killed(press, death)
        except Killed:
            pass
        press.wall.before = press.wall.after = lambda _: None
        for _ in range(4):
            # The dead worker's lease runs out; another goes on.
            press.clock.pass_by(minutes=10)
            await publish_due(press.workshop)

        assert press.texts == ["The fox", *replies], f"killed at moment {moment}: {press.wall.calls}"
        assert (await press.row(planned)).state == State.PUBLISHED
        if not death.came:
            assert moment > 10
            return
    raise AssertionError("there is no end to it")


async def test_two_workers_at_once_make_no_second_post(press: Press) -> None:
    for number in range(12):
        await press.plan(f"Fox {number}")

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(publish_due, press.workshop)
    await publish_due(press.workshop)

    assert sorted(press.texts) == sorted(f"Fox {number}" for number in range(12))


async def test_what_people_hold_waits_until_they_let_it_go(press: Press) -> None:
    planned = await press.plan()
    why: list[str] = ["A reviewer holds it."]

    async def stopped(db: AsyncSession, document_id: UUID | None, content_hash: bytes) -> str | None:
        return why[0] if why else None

    workshop = replace(press.workshop, stopped=stopped)
    await publish_due(workshop)
    assert press.wall.calls == []
    assert (await press.row(planned)).problem == "A reviewer holds it."

    why.clear()
    press.clock.now += patience.LOOK_AGAIN
    await publish_due(workshop)
    assert press.texts == ["The fox"]
    assert (await press.row(planned)).problem == ""


async def test_a_hold_that_comes_while_it_is_prepared_is_seen_before_anybody_sees_the_post(press: Press) -> None:
    planned = await press.plan("One", replies=("Two",))
    why: list[str] = []

    async def stopped(db: AsyncSession, document_id: UUID | None, content_hash: bytes) -> str | None:
        return why[0] if why else None

    press.wall.after = lambda call: why.append("A reviewer holds it.") if call == "draft" else None
    workshop = replace(press.workshop, stopped=stopped)
    await publish_due(workshop)
    assert press.wall.calls == ["draft"]
    assert (await press.row(planned)).problem == "A reviewer holds it."

    # Released: what was prepared goes out. Held again once a part can be seen: it is seen to its end.
    why.clear()
    press.wall.after = lambda call: why.append("Held again.") if call == "post" else None
    press.clock.now += patience.LOOK_AGAIN
    await publish_due(workshop)
    assert press.wall.calls == ["draft", "post", "post"]
    assert press.texts == ["One", "Two"]


async def test_a_hold_that_comes_while_an_answer_is_lost_is_seen_once_nothing_was_found(press: Press) -> None:
    planned = await press.plan()
    why: list[str] = []

    async def stopped(db: AsyncSession, document_id: UUID | None, content_hash: bytes) -> str | None:
        return why[0] if why else None

    def lose(call: str) -> None:
        if call == "post" and not why:
            why.append("A reviewer holds it.")
            raise ChannelError(Remedy.UNKNOWN, "The connection broke off.")

    press.wall.before = lose
    workshop = replace(press.workshop, stopped=stopped)
    for _ in range(4):
        await publish_due(workshop)
        press.clock.now += patience.LOOK_AGAIN
    assert press.wall.calls == ["draft", "post", "look"]
    assert (await press.row(planned)).problem == "A reviewer holds it."

    why.clear()
    press.wall.before = lambda _: None
    await publish_due(workshop)
    assert press.texts == ["The fox"]


async def test_what_is_overdue_is_known(press: Press) -> None:
    assert await oldest_overdue_seconds(press.sessions, NOON) == 0
    await press.plan(due_at=NOON - timedelta(minutes=3))
    await press.plan(due_at=NOON - timedelta(minutes=1))

    assert await oldest_overdue_seconds(press.sessions, NOON) == 180


class _Death:
    """Kills at the moment of this number, from 0."""

    def __init__(self, moment: int) -> None:
        self._left = moment
        self.came = False

    def moment(self, *_: object) -> None:
        if self.came:
            return
        if self._left == 0:
            self.came = True
            raise Killed
        self._left -= 1


async def _work_until_killed(press: Press, death: _Death) -> None:
    publication = await _claimed(press)
    press.wall.before = press.wall.after = death.moment
    inner = press.sessions

    def dying() -> AsyncSession:
        session = inner()
        event.listen(session.sync_session, "before_commit", death.moment)
        event.listen(session.sync_session, "after_commit", death.moment)
        return session

    workshop = _with_sessions(press.workshop, dying)
    await Delivery(workshop, publication).run()


def _with_sessions(workshop: Workshop, sessions: Callable[[], AsyncSession]) -> Workshop:
    from dataclasses import replace

    return replace(workshop, sessions=sessions)  # type: ignore[arg-type]  # as much of a maker as is used


async def _claimed(press: Press) -> Publication:
    publication = await claim(press.sessions, press.clock())
    assert publication is not None
    return publication

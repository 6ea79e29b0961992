"""Deadlines: who has not decided is reminded half-way, and at the end somebody else is asked, each once."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from server.db import transaction
from server.documents.models import utc_now
from server.events import Events
from server.notifications.models import PersonalNotice
from server.review import lifecycle
from server.review.jobs import watch_deadlines
from server.review.models import Verdict
from server.review.states import Status
from server.review.steps import Step
from tests.server.review.desk import Desk


async def _watch(desk: Desk, hours: float) -> int:
    async with Events(desk.redis) as events:
        return await watch_deadlines(desk.sessions, events, now=utc_now() + timedelta(hours=hours))


async def test_reminded_half_way_and_escalated_at_the_end(desk: Desk) -> None:
    way = await desk.workflow(Step("Law", people=frozenset({desk.ben.id}), hours=4, escalate_to=desk.cleo.id))
    await desk.request(workflow_id=way)
    assert [await _watch(desk, hours) for hours in (1, 2.1, 2.2, 4.1, 9)] == [0, 1, 0, 1, 0]
    async with transaction(desk.sessions) as db:
        rows = (await db.scalars(select(PersonalNotice).order_by(col(PersonalNotice.created_at)))).all()
    assert [(each.user_id, each.kind) for each in rows] == [
        (desk.ben.id, "review_request"),
        (desk.ben.id, "review_reminder"),
        (desk.cleo.id, "review_escalation"),
    ]
    # And then she may decide.
    assert (await desk.decide(desk.cleo, Verdict.APPROVE)).status is Status.APPROVED


async def test_before_the_deadline_the_other_person_decides_nothing(desk: Desk) -> None:
    way = await desk.workflow(Step("Law", people=frozenset({desk.ben.id}), hours=4, escalate_to=desk.cleo.id))
    await desk.request(workflow_id=way)
    with pytest.raises(lifecycle.NotYourTurn):
        await desk.decide(desk.cleo, Verdict.APPROVE)


async def test_nobody_is_pressed_about_what_is_on_hold_or_done(desk: Desk) -> None:
    way = await desk.workflow(Step("Law", people=frozenset({desk.ben.id}), hours=4, escalate_to=desk.cleo.id))
    await desk.request(workflow_id=way)
    await desk.decide(desk.ben, Verdict.HOLD)
    assert await _watch(desk, 9) == 0
    await desk.decide(desk.ben, Verdict.RELEASE)
    await desk.decide(desk.ben, Verdict.APPROVE)
    assert await _watch(desk, 9) == 0


async def test_each_step_has_its_own_deadline(desk: Desk) -> None:
    way = await desk.workflow(
        Step("First", people=frozenset({desk.ben.id}), hours=2),
        Step("Second", people=frozenset({desk.cleo.id}), hours=2),
    )
    await desk.request(workflow_id=way)
    assert await _watch(desk, 1.1) == 1
    await desk.decide(desk.ben, Verdict.APPROVE)
    assert await _watch(desk, 0.5) == 0
    assert await _watch(desk, 1.1) == 1

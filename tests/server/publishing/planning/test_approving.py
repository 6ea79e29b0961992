"""A document's status follows what becomes of its publications."""

import pytest
from redis.asyncio import Redis

from server.db import Sessions, transaction
from server.documents.models import utc_now
from server.publishing.models import Publication
from server.publishing.planning.approving import approval, approved_content, note_standing
from server.publishing.states import State
from server.review.models import Standing, Verdict
from server.review.states import Status
from tests.server.review.desk import Desk


@pytest.fixture
async def desk(sessions: Sessions, redis: Redis) -> Desk:
    return await Desk.set_up(sessions, redis)


async def _publication(desk: Desk, state: State) -> Publication:
    now = utc_now()
    publication = Publication(
        workspace_id=desk.workspace.id,
        document_id=desk.document.id,
        content_hash=bytes(32),
        post={"tags": []},
        wall_time=now.replace(tzinfo=None),
        zone="UTC",
        due_at=now,
        next_at=now,
        state=state.value,
    )
    async with transaction(desk.sessions) as db:
        db.add(publication)
        await db.flush()
        await note_standing(db, desk.document.id)
    return publication


async def _become(desk: Desk, publication: Publication, state: State) -> Status:
    async with transaction(desk.sessions) as db:
        (await db.get_one(Publication, publication.id)).state = state.value
        await db.flush()
        await note_standing(db, desk.document.id)
    return await desk.status()


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.PREPARING, Status.SCHEDULED),
        # It may be out: nobody knows until somebody has looked.
        (State.UNKNOWN, Status.SCHEDULED),
        (State.PUBLISHED, Status.PUBLISHED),
        (State.FAILED, Status.APPROVED),
        (State.CANCELLED, Status.APPROVED),
    ],
)
async def test_what_is_planned_goes_out_or_is_taken_back(desk: Desk, state: State, status: Status) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    planned = await _publication(desk, State.SCHEDULED)
    assert await desk.status() is Status.SCHEDULED
    assert await _become(desk, planned, state) is status


async def test_one_that_is_planned_counts_before_one_that_is_out(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    await _publication(desk, State.PUBLISHED)
    assert await desk.status() is Status.PUBLISHED
    second = await _publication(desk, State.SCHEDULED)
    assert await desk.status() is Status.SCHEDULED
    assert await _become(desk, second, State.CANCELLED) is Status.PUBLISHED


async def test_a_document_that_is_under_review_again_stays_so(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    planned = await _publication(desk, State.SCHEDULED)
    await desk.write("One\n\nThree")
    await desk.request()
    assert await desk.status() is Status.IN_REVIEW
    assert await _become(desk, planned, State.PUBLISHED) is Status.IN_REVIEW


async def test_it_is_known_who_approved_which_version_and_when(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    async with desk.sessions() as db:
        content = await approved_content(db, desk.document.id)
        assert content is not None
        found = await approval(db, desk.document.id, content.content_hash)
        assert found is not None
        standing = await db.get_one(Standing, desk.document.id)
        assert (found.names, found.at) == ([desk.ben.name], standing.approved_at)
        assert found.revision_number > 0
        assert await approval(db, desk.document.id, bytes(32)) is None

"""What a review says stops what is planned."""

import pytest

from server.db import transaction
from server.documents.models import utc_now
from server.publishing.models import Publication
from server.publishing.planning.approving import stopped
from server.review.models import Verdict
from tests.server.review.desk import Desk

pytestmark = pytest.mark.anyio


async def test_a_hold_and_an_approval_taken_back_stop_what_is_planned(desk: Desk) -> None:
    now = utc_now()
    planned = Publication(
        workspace_id=desk.document.workspace_id,
        document_id=desk.document.id,
        content_hash=bytes(32),
        post={},
        wall_time=now,
        zone="UTC",
        due_at=now,
        next_at=now,
    )

    async def why() -> str | None:
        async with transaction(desk.sessions) as db:
            return await stopped(db, planned)

    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    assert await why() is None
    await desk.decide(desk.ben, Verdict.HOLD)
    assert "holds" in str(await why())
    await desk.decide(desk.ben, Verdict.RELEASE)
    assert await why() is None
    await desk.decide(desk.ben, Verdict.CHANGES, "Not yet.")
    assert "taken back" in str(await why())

"""What a review says stops what is planned."""

import pytest

from server.accounts.models import User
from server.db import transaction
from server.documents.models import Document, utc_now
from server.publishing.planning.approving import stopped
from server.review import lifecycle
from server.review.lifecycle import NotYourTurn, OtherContent
from server.review.models import Verdict
from server.review.states import Status
from tests.server.review.desk import Desk

pytestmark = pytest.mark.anyio


async def why(desk: Desk, signed: bytes) -> str:
    """Say why a content that was planned does not go out; empty: it does."""
    async with transaction(desk.sessions) as db:
        return await stopped(db, desk.document.id, signed) or ""


async def approve(desk: Desk) -> bytes:
    """Let Ben approve what the document says now. Returns its hash."""
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    signed = (await desk.standing()).approved_hash
    assert signed is not None
    return signed


async def test_a_hold_and_an_approval_taken_back_stop_what_is_planned(desk: Desk) -> None:
    assert "taken back" in await why(desk, bytes(32))
    signed = await approve(desk)
    assert await why(desk, signed) == ""
    await desk.decide(desk.ben, Verdict.HOLD)
    assert "holds" in await why(desk, signed)
    await desk.decide(desk.ben, Verdict.RELEASE)
    assert await why(desk, signed) == ""
    await desk.decide(desk.ben, Verdict.CHANGES, "Not yet.")
    assert "taken back" in await why(desk, signed)


async def test_an_approval_of_another_text_lets_none_out_that_was_taken_back(desk: Desk) -> None:
    wrong = await approve(desk)
    await desk.decide(desk.ben, Verdict.CHANGES, "This is wrong.")
    await desk.write("One, right\n\nTwo")
    right = await approve(desk)

    assert "taken back" in await why(desk, wrong)
    assert await why(desk, right) == ""
    # What was merely superseded still is approved.
    await desk.write("One, newer\n\nTwo")
    await approve(desk)
    assert await why(desk, right) == ""
    # And a text that is approved again may go.
    await desk.write("One\n\nTwo")
    assert await approve(desk) == wrong
    assert await why(desk, wrong) == ""


async def test_an_approval_that_a_newer_one_followed_can_be_taken_back(desk: Desk) -> None:
    async def may(user: User) -> bool:
        async with transaction(desk.sessions) as db:
            return await lifecycle.may_take_back(db, user, desk.document.id, old)

    old = await approve(desk)
    assert (await may(desk.ben), await may(desk.ada)) == (True, False)
    await desk.write("One, newer\n\nTwo")
    new = await approve(desk)
    assert (await may(desk.ben), await may(desk.ada)) == (True, False)

    with pytest.raises(NotYourTurn):
        await desk.decide(desk.ada, Verdict.CHANGES, "Not this", signed=old)
    with pytest.raises(OtherContent):
        await desk.decide(desk.ben, Verdict.HOLD, signed=old)
    done = await desk.decide(desk.ben, Verdict.CHANGES, "The old one is wrong", signed=old)
    assert done.status is Status.APPROVED
    assert "taken back" in await why(desk, old)
    assert await why(desk, new) == ""
    # Once is enough.
    assert not await may(desk.ben)
    with pytest.raises(OtherContent):
        await desk.decide(desk.ben, Verdict.CHANGES, "Again", signed=old)


async def test_what_was_approved_before_can_be_taken_back_while_something_newer_is_under_review(desk: Desk) -> None:
    old = await approve(desk)
    await desk.write("One, newer\n\nTwo")
    await desk.request()
    await desk.decide(desk.ben, Verdict.CHANGES, "The old one is wrong", signed=old)
    assert "taken back" in await why(desk, old)
    standing = await desk.standing()
    assert (standing.status, standing.approved_hash) == (Status.IN_REVIEW, None)
    # Left, the newer one does not bring the old one back.
    async with transaction(desk.sessions) as db:
        assert (await lifecycle.withdraw(db, desk.ada, desk.document.id)).status is Status.DRAFT


async def test_a_hold_ends_by_its_release_alone(desk: Desk) -> None:
    signed = await approve(desk)
    await desk.decide(desk.ben, Verdict.HOLD, "The lawyers look at it.")
    await desk.write("One, rewritten\n\nTwo")
    await desk.request()
    assert "holds" in await why(desk, signed)
    await desk.decide(desk.cleo, Verdict.CHANGES, "Not this, either.")
    assert "holds" in await why(desk, signed)
    async with transaction(desk.sessions) as db:
        await lifecycle.withdraw(db, desk.ada, desk.document.id)
    assert "holds" in await why(desk, signed)

    # Whoever holds it may let it go, wherever the document is by then.
    await desk.decide(desk.ben, Verdict.RELEASE)
    assert await why(desk, signed) == ""


async def test_an_admin_releases_what_others_hold_and_a_bystander_does_not(desk: Desk) -> None:
    signed = await approve(desk)
    await desk.decide(desk.ben, Verdict.HOLD)
    await desk.write("One, rewritten\n\nTwo")
    await desk.request()
    async with transaction(desk.sessions) as db:
        await lifecycle.withdraw(db, desk.ada, desk.document.id)
        assert (await lifecycle.release(db, desk.ada, desk.document.id)).document.id == desk.document.id
    assert await why(desk, signed) == ""

    await desk.decide(desk.ben, Verdict.HOLD)
    await desk.write("One, rewritten again\n\nTwo")
    await desk.request()
    await desk.decide(desk.ben, Verdict.CHANGES, "No.")
    with pytest.raises(NotYourTurn):
        await desk.decide(desk.cleo, Verdict.RELEASE)


async def test_what_is_in_the_trash_or_gone_is_not_published(desk: Desk) -> None:
    signed = await approve(desk)
    async with transaction(desk.sessions) as db:
        (await db.get_one(Document, desk.document.id)).trashed_at = utc_now()
    assert "trash" in await why(desk, signed)
    async with transaction(desk.sessions) as db:
        assert "removed" in str(await stopped(db, None, signed))

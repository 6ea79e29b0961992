"""A document on its way through review: who decides, what an approval counts for, and what may go out."""

import asyncio

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from server.audit import ledger
from server.audit.models import LedgerEntry
from server.db import transaction
from server.documents import ydoc
from server.documents.models import Document, DocumentRole, utc_now
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.notifications.models import PersonalNotice
from server.review import content, lifecycle, waiting
from server.review.models import Verdict
from server.review.states import Publication, Status
from server.review.steps import Rule, Step
from server.revisions import states
from server.revisions.models import Revision
from server.workspaces.models import Role
from tests.factories import actor, make_member, make_team, name_on
from tests.server.review.desk import Desk
from tests.server.revisions.writing_room import append


async def _goes_out(desk: Desk) -> str | None:
    async with transaction(desk.sessions) as db:
        found = await lifecycle.approved(db, desk.document.id)
    return found.frozen.node.text_content if found else None


async def test_from_draft_to_approved_with_changes_between(desk: Desk) -> None:
    assert (await desk.request()).status is Status.IN_REVIEW
    with pytest.raises(Conflict, match="Exactly this is under review"):
        await desk.request()
    with pytest.raises(Invalid):
        await desk.decide(desk.ben, Verdict.CHANGES)
    assert (await desk.decide(desk.ben, Verdict.CHANGES, "Three, please")).status is Status.CHANGES_REQUESTED
    assert await _goes_out(desk) is None
    await desk.write("One\n\nThree")
    assert (await desk.request()).status is Status.IN_REVIEW
    done = await desk.decide(desk.ben, Verdict.APPROVE)
    assert done.status is Status.APPROVED
    assert done.noted == {desk.ada.id}
    assert await _goes_out(desk) == "OneThree"
    async with transaction(desk.sessions) as db:
        told = (await db.execute(select(col(LedgerEntry.kind)).order_by(col(LedgerEntry.number)))).scalars().all()
        assert told == [
            "review.requested",
            "review.changes",
            "review.requested",
            "review.approve",
            "review.approved",
        ]
        assert [chain.broken_at for chain in await ledger.verify(db)] == [None]
        reasons = await db.scalars(select(col(Revision.reason)).order_by(col(Revision.number)))
        assert list(reasons)[-1] == "approval"


async def test_an_edit_changes_nothing_about_what_goes_out_and_undoing_it_restores_the_badge(desk: Desk) -> None:
    await desk.write("One\n\nTwo words")
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    assert not await desk.is_changed()
    await desk.write("One\n\nTwo other words")
    assert await desk.is_changed()
    assert await _goes_out(desk) == "OneTwo words"
    await desk.write("One\n\nTwo words")
    assert not await desk.is_changed()
    # Saved once more, with nothing in it: as before.
    await desk.write("One\n\nTwo words")
    assert not await desk.is_changed()
    assert await desk.status() is Status.APPROVED


async def test_the_same_content_sent_again_finds_its_approvals(desk: Desk) -> None:
    two = await desk.workflow(
        Step("Words", Rule.ALL, people=frozenset({desk.ben.id, desk.cleo.id})),
        Step("Law", roles=frozenset({Role.ADMIN})),
    )
    await desk.request(by=desk.ben, workflow_id=two)
    await desk.decide(desk.cleo, Verdict.APPROVE)
    await desk.write("One\n\nTwo and more")
    await desk.request(by=desk.ben, workflow_id=two)
    with pytest.raises(lifecycle.NotYourTurn):
        await desk.decide(desk.ada, Verdict.APPROVE)
    await desk.write("One\n\nTwo")
    await desk.request(by=desk.ben, workflow_id=two)
    # Cleo's word about this content still counts, and Ben asked: it is Ada's turn.
    assert (await desk.decide(desk.ada, Verdict.APPROVE)).status is Status.APPROVED


async def test_nobody_approves_what_they_ask_for_unless_the_workflow_says_so(desk: Desk) -> None:
    await desk.request()
    with pytest.raises(lifecycle.NotYourTurn):
        await desk.decide(desk.ada, Verdict.APPROVE)
    own = await desk.workflow(Step("Anybody"), own_content=True)
    await desk.request(workflow_id=own)
    assert (await desk.decide(desk.ada, Verdict.APPROVE)).status is Status.APPROVED


async def test_who_may_not_even_comment_decides_nothing(desk: Desk) -> None:
    stranger, _ = await make_team(desk.sessions, name="Eve")
    async with transaction(desk.sessions) as db:
        viewer = await make_member(db, desk.workspace, role=Role.GUEST, name="Vic")
        await name_on(db, desk.document, viewer, DocumentRole.VIEWER)
        reviewer = await make_member(db, desk.workspace, role=Role.GUEST, name="Rex")
        await name_on(db, desk.document, reviewer, DocumentRole.REVIEWER)
    done = await desk.request()
    assert viewer.id not in done.noted
    assert {desk.ben.id, desk.cleo.id, reviewer.id} <= done.noted
    with pytest.raises(Forbidden):
        await desk.decide(viewer, Verdict.APPROVE)
    with pytest.raises(NotFound):
        await desk.decide(stranger, Verdict.APPROVE)
    with pytest.raises(Forbidden):
        await desk.request(by=reviewer)
    assert (await desk.decide(reviewer, Verdict.APPROVE)).status is Status.APPROVED


async def test_a_quorum_needs_so_many_and_each_counts_once(desk: Desk) -> None:
    way = await desk.workflow(Step("Two of us", Rule.QUORUM, quorum=2))
    await desk.request(workflow_id=way)
    assert (await desk.decide(desk.ben, Verdict.APPROVE)).status is Status.IN_REVIEW
    assert (await desk.decide(desk.ben, Verdict.APPROVE)).status is Status.IN_REVIEW
    assert (await desk.decide(desk.cleo, Verdict.APPROVE)).status is Status.APPROVED


async def test_two_steps_that_ask_for_the_same_are_two(desk: Desk) -> None:
    way = await desk.workflow(Step("First"), Step("Second"))
    await desk.request(workflow_id=way)
    assert (await desk.decide(desk.ben, Verdict.APPROVE)).status is Status.IN_REVIEW
    assert (await desk.decide(desk.cleo, Verdict.APPROVE)).status is Status.APPROVED


async def test_on_hold_nothing_is_approved_and_nothing_goes_out(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.HOLD, "Legal looks first")
    with pytest.raises(Conflict, match="on hold"):
        await desk.decide(desk.cleo, Verdict.APPROVE)
    await desk.decide(desk.cleo, Verdict.RELEASE)
    await desk.decide(desk.cleo, Verdict.APPROVE)
    await desk.decide(desk.ben, Verdict.HOLD)
    assert await _goes_out(desk) is None
    await desk.decide(desk.ben, Verdict.RELEASE)
    assert await _goes_out(desk) == "OneTwo"


async def test_an_approval_can_be_taken_back(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    assert (await desk.decide(desk.ben, Verdict.CHANGES, "Wait")).status is Status.CHANGES_REQUESTED
    assert await _goes_out(desk) is None
    # Sent again as it is: the one who took their word back is asked anew.
    await desk.request()
    assert await desk.status() is Status.IN_REVIEW


async def test_an_objection_outweighs_what_others_said_before_of_the_same_text(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    # Another reviewer of the step; one approval is enough for it.
    await desk.decide(desk.cleo, Verdict.CHANGES, "This is not true.")
    await desk.request()
    assert await desk.status() is Status.IN_REVIEW
    assert await _goes_out(desk) is None
    async with transaction(desk.sessions) as db:
        assert (await waiting.waiting(db, actor(desk.ben, desk.workspace))).mine
    assert (await desk.decide(desk.ben, Verdict.APPROVE)).status is Status.APPROVED


async def test_what_was_approved_stays_so_while_something_newer_is_under_review(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    await desk.write("One\n\nTwo and three")
    await desk.request()
    assert await desk.status() is Status.IN_REVIEW
    assert await _goes_out(desk) == "OneTwo"
    async with transaction(desk.sessions) as db:
        assert (await lifecycle.withdraw(db, desk.ada, desk.document.id)).status is Status.APPROVED
    assert (await desk.decide(desk.ben, Verdict.CHANGES, "No")).status is Status.CHANGES_REQUESTED


async def test_what_somebody_saw_is_what_they_decide_about(desk: Desk) -> None:
    await desk.request()
    async with transaction(desk.sessions) as db:
        seen = await lifecycle.open_review(db, desk.document.id)
    assert seen is not None
    await desk.write("Something else")
    await desk.request()
    with pytest.raises(lifecycle.OtherContent):
        await desk.decide(desk.ben, Verdict.APPROVE, signed=seen.hash)


async def test_two_who_decide_at_once_come_one_after_the_other(desk: Desk) -> None:
    await desk.request()
    results = await asyncio.gather(
        desk.decide(desk.ben, Verdict.APPROVE),
        desk.decide(desk.cleo, Verdict.CHANGES, "No"),
        return_exceptions=True,
    )
    refused = [each for each in results if isinstance(each, Exception)]
    # Approval and then its withdrawal, or changes and then nothing to approve.
    assert all(isinstance(each, Conflict) for each in refused), refused
    assert await desk.status() is Status.CHANGES_REQUESTED


async def test_publishing_says_how_it_goes_on(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    found = []
    for each in (Publication.SCHEDULED, Publication.SCHEDULED, Publication.PUBLISHED, None):
        async with transaction(desk.sessions) as db:
            found.append(await lifecycle.note_publication(db, desk.document.id, each))
    assert found == [Status.SCHEDULED, Status.SCHEDULED, Status.PUBLISHED, Status.APPROVED]


async def test_content_that_was_altered_past_the_application_does_not_go_out(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.APPROVE)
    async with transaction(desk.sessions) as db:
        await db.execute(text("UPDATE reviewed_contents SET content = jsonb_set(content, '{title}', '\"Other\"')"))
    with pytest.raises(content.Altered):
        await _goes_out(desk)


async def test_news_comes_once_to_whom_it_concerns(desk: Desk) -> None:
    await desk.request()
    await desk.decide(desk.ben, Verdict.CHANGES, "Shorter")
    async with transaction(desk.sessions) as db:
        rows = (await db.scalars(select(PersonalNotice).order_by(col(PersonalNotice.created_at)))).all()
    assert {(each.user_id, each.kind) for each in rows} == {
        (desk.ben.id, "review_request"),
        (desk.cleo.id, "review_request"),
        (desk.ada.id, "review_decision"),
    }
    assert rows[-1].text == "Changes requested. Shorter"
    assert {each.path for each in rows} == {f"/documents/{desk.document.id}/review"}


async def test_what_was_titled_a_moment_ago_is_sent_by_its_title(desk: Desk) -> None:
    async with transaction(desk.sessions) as db:
        doc = states.build((await states.read_log(db, desk.document.id)).updates)
        before = doc.get_state()
        ydoc.write_title(doc, "Soup of the week")
        await append(db, desk.document.id, doc.get_update(before), utc_now(), desk.ada)
    # The list does not know it yet.
    done = await desk.request()
    assert done.document.title == "Soup of the week"


async def test_the_ledger_names_what_was_decided_about_by_the_title_that_it_had(desk: Desk) -> None:
    sent = (await desk.request()).document.title or "Untitled"
    async with transaction(desk.sessions) as db:
        (await db.get_one(Document, desk.document.id)).title = "We sell the company"
    await desk.decide(desk.ben, Verdict.APPROVE)
    async with transaction(desk.sessions) as db:
        told = (await db.scalars(select(col(LedgerEntry.sentence)).order_by(col(LedgerEntry.number)))).all()
    assert all(f"“{sent}” (version" in each for each in told)
    assert "sell" not in " ".join(told)

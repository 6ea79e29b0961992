"""Who is waited for is found for many documents at once, as it is found for each."""

from sqlalchemy import select
from sqlmodel import col

from server.db import transaction
from server.documents.models import Document, DocumentRole
from server.review import lifecycle
from server.review.awaiting import waited_for
from server.review.models import Verdict
from server.review.steps import Rule, Step
from server.workspaces.models import Role
from tests.factories import make_member, name_on
from tests.server.review.desk import Desk
from tests.server.revisions.writing_room import begin


async def _both(desk: Desk) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return by title who is waited for: found at once, and one by one."""
    async with transaction(desk.sessions) as db:
        documents = (await db.scalars(select(Document).where(col(Document.workspace_id) == desk.workspace.id))).all()
        at_once = await waited_for(db, [each.id for each in documents])
        singly: dict[str, list[str]] = {}
        for document in documents:
            review = await lifecycle.open_review(db, document.id)
            under = await lifecycle.look(db, document, review) if review is not None else None
            if under is not None and under.now is not None:
                singly[document.title] = sorted(under.people[each].name for each in under.now.waits_for)
        by_title = {each.title: [one.name for one in at_once[each.id]] for each in documents if each.id in at_once}
        return by_title, singly


async def test_it_is_as_for_each_document_by_itself(desk: Desk) -> None:
    way = await desk.workflow(Step("All", Rule.ALL, people=frozenset({desk.ben.id, desk.cleo.id})))
    async with transaction(desk.sessions) as db:
        # Somebody who reads it, and decides nothing.
        guest = await make_member(db, desk.workspace, role=Role.GUEST, name="Gus")
        await name_on(db, desk.document, guest, DocumentRole.VIEWER)
    other = await begin(desk.sessions, desk.ada, desk.workspace, "Words", title="Other")
    await begin(desk.sessions, desk.ada, desk.workspace, "Words", title="Draft")
    await desk.request(workflow_id=way)
    async with transaction(desk.sessions) as db:
        await lifecycle.request(db, desk.ada, other.id)
    at_once, singly = await _both(desk)
    assert at_once == singly == {"Plan": ["Ben", "Cleo"], "Other": ["Ben", "Cleo"]}
    await desk.decide(desk.ben, Verdict.APPROVE)
    at_once, singly = await _both(desk)
    assert at_once == singly == {"Plan": ["Cleo"], "Other": ["Ben", "Cleo"]}
    await desk.decide(desk.cleo, Verdict.CHANGES, "No")
    await desk.request(workflow_id=way)
    at_once, singly = await _both(desk)
    assert at_once == singly == {"Plan": ["Ben", "Cleo"], "Other": ["Ben", "Cleo"]}

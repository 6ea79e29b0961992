"""What is written down by itself: who may do what, and where the workspace publishes."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.audit.models import LedgerEntry
from server.documents import lifecycle, sharing
from server.documents.models import DocumentRole
from server.workspaces import membership
from server.workspaces.models import Role
from tests.factories import actor, make_member, make_user, make_workspace


async def test_roles_that_change_are_written_down_once(db: AsyncSession) -> None:
    ada = await make_user(db, name="Ada")
    workspace = await make_workspace(db, ada)
    ben, admin = await make_member(db, workspace, name="Ben"), actor(ada, workspace, Role.ADMIN)
    document = await lifecycle.create(db, admin, title="Plan")
    for _ in range(2):
        await membership.change_role(db, admin, ben.id, Role.SCHEDULER)
        await sharing.name(db, ada, document.id, ben.id, DocumentRole.REVIEWER)
    await sharing.unname(db, ada, document.id, ben.id)
    await membership.remove(db, admin, ben.id)
    entries = (await db.scalars(select(LedgerEntry).order_by(col(LedgerEntry.number)))).all()
    assert [each.sentence for each in entries] == [
        "Ada made Ben a scheduler.",
        "Ada made Ben a reviewer in “Plan”.",
        "Ada took Ben’s role away in “Plan”.",
        "Ada removed Ben from the workspace.",
    ]
    assert {each.document_id for each in entries} == {None, document.id}

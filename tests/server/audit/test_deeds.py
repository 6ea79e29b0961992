"""What is written down by itself: who may do what, and where the workspace publishes."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.audit.models import LedgerEntry, WaitingEntry
from server.documents import collections, lifecycle, links, sharing
from server.documents.links import Wish
from server.documents.models import DocumentRole, Reach
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


async def test_who_joins_and_what_is_opened_to_whom_is_written_down(db: AsyncSession) -> None:
    ada = await make_user(db, name="Ada")
    workspace = await make_workspace(db, ada)
    admin, cleo = actor(ada, workspace, Role.ADMIN), await make_user(db, name="Cleo")
    for _ in range(2):
        await membership.join(db, workspace_id=workspace.id, user_id=cleo.id, role=Role.MEMBER)
    document = await lifecycle.create(db, admin, title="Plan")
    shelf = await collections.create(db, admin, ada, "Drafts", None)
    await collections.name(db, ada, shelf.id, cleo.id, DocumentRole.REVIEWER)
    await collections.unname(db, ada, shelf.id, cleo.id)
    await collections.give(db, ada, shelf.id, Reach.PEOPLE, None)
    await sharing.give(db, ada, document.id, Reach.WORKSPACE, DocumentRole.VIEWER)
    await sharing.give(db, ada, document.id, None, None)
    _, link, _ = await links.create(db, ada, document.id, DocumentRole.VIEWER)
    await links.change(db, ada, document.id, link.id, Wish(frozenset({"role"}), DocumentRole.REVIEWER))
    await links.revoke(db, ada, document.id, link.id)
    noted = (await db.scalars(select(WaitingEntry).order_by(col(WaitingEntry.id)))).all()
    assert [(each.kind, each.sentence) for each in noted] == [
        ("member.joined", "Ada joined as an admin."),
        ("member.joined", "Cleo joined as a member."),
        ("collection.role", "Ada made Cleo a reviewer in the collection “Drafts”."),
        ("collection.role", "Ada took Cleo’s role away in the collection “Drafts”."),
        ("collection.reach", "Ada opened the collection “Drafts” only to the people named on it."),
        ("document.reach", "Ada let everybody in the workspace read “Plan”."),
        ("document.reach", "Ada let “Plan” be shared as what is around it."),
        ("link.created", "Ada made a link by which anybody can read “Plan”."),
        ("link.changed", "Ada changed a link: anybody can now comment in “Plan”."),
        ("link.ended", "Ada took back a link by which anybody could comment in “Plan”."),
    ]
    assert {each.document_id for each in noted} == {None, document.id}

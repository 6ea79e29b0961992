from datetime import UTC, datetime, timedelta
from uuid import uuid4

import anyio
import pytest
from sqlalchemy import delete, update
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import people
from server.accounts.models import User
from server.db import Sessions
from server.errors import Forbidden, NotFound
from server.workspaces import invitations, jobs, membership
from server.workspaces.access import actor_for
from server.workspaces.models import Invitation, Member, Role, Workspace
from tests.factories import actor, make_member, make_user, make_workspace

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


async def make_link(db: AsyncSession, *, role: Role = Role.MEMBER) -> tuple[User, Workspace, Invitation, str]:
    admin = await make_user(db)
    workspace = await make_workspace(db, admin)
    invitation, secret = await invitations.create(
        db, actor(admin, workspace, Role.ADMIN), workspace.id, role=role, now=NOW
    )
    return admin, workspace, invitation, secret


async def test_a_link_serves_many_for_a_week(db: AsyncSession) -> None:
    _, workspace, invitation, secret = await make_link(db)
    for _ in range(3):
        user = await make_user(db)
        await invitations.accept(db, secret, user, now=NOW + WEEK - timedelta(seconds=1))
        assert (await actor_for(db, user, workspace.id)).role is Role.MEMBER
    assert invitation.uses == 3
    with pytest.raises(invitations.InvitationOver):
        await invitations.accept(db, secret, await make_user(db), now=NOW + WEEK)


async def test_the_database_does_not_hold_the_secret(db: AsyncSession) -> None:
    *_, secret = await make_link(db)
    assert secret not in (await db.execute(sql("SELECT invitations::text FROM invitations"))).scalar_one()


@pytest.mark.parametrize("secret", ["", "x", "\0", "\ud800", "x" * 10_000])
async def test_a_made_up_link_lets_nobody_in(db: AsyncSession, secret: str) -> None:
    await make_link(db)
    with pytest.raises(invitations.InvitationOver):
        await invitations.accept(db, secret, await make_user(db), now=NOW)


async def test_accepting_twice_changes_nothing_not_even_the_role(db: AsyncSession) -> None:
    admin, workspace, invitation, secret = await make_link(db, role=Role.GUEST)
    await invitations.accept(db, secret, admin, now=NOW)
    assert (await actor_for(db, admin, workspace.id)).role is Role.ADMIN
    assert invitation.uses == 0


async def test_a_revoked_link_is_over(db: AsyncSession) -> None:
    admin, workspace, invitation, secret = await make_link(db)
    await invitations.revoke(db, actor(admin, workspace, Role.ADMIN), invitation.id)
    with pytest.raises(invitations.InvitationOver):
        await invitations.look(db, secret, now=NOW)


async def test_who_may_revoke(db: AsyncSession) -> None:
    _, workspace, _, _ = await make_link(db)
    bo, cy = await make_member(db, workspace), await make_member(db, workspace)
    link, secret = await invitations.create(db, actor(bo, workspace), workspace.id, now=NOW)
    with pytest.raises(Forbidden):
        await invitations.revoke(db, actor(cy, workspace), link.id)
    stranger = await make_user(db)
    elsewhere = await make_workspace(db, stranger)
    with pytest.raises(NotFound):
        await invitations.revoke(db, actor(stranger, elsewhere, Role.ADMIN), link.id)
    with pytest.raises(NotFound):
        await invitations.revoke(db, actor(bo, workspace), uuid4())
    assert await invitations.look(db, secret, now=NOW)
    await invitations.revoke(db, actor(bo, workspace), link.id)


async def test_nobody_invites_to_more_than_they_have_or_elsewhere(db: AsyncSession) -> None:
    _, workspace, _, _ = await make_link(db)
    bo = await make_member(db, workspace)
    guest = await make_member(db, workspace, role=Role.GUEST)
    with pytest.raises(Forbidden):
        await invitations.create(db, actor(bo, workspace), workspace.id, role=Role.ADMIN)
    with pytest.raises(Forbidden):
        await invitations.create(db, actor(guest, workspace, Role.GUEST), workspace.id)
    with pytest.raises(NotFound):
        await invitations.create(db, actor(bo, workspace), uuid4())


@pytest.mark.parametrize("role", Role)
async def test_every_role_is_given_by_an_admin_alone(db: AsyncSession, role: Role) -> None:
    admin, workspace, _, _ = await make_link(db)
    _, secret = await invitations.create(db, actor(admin, workspace, Role.ADMIN), workspace.id, role=role, now=NOW)
    user = await make_user(db)
    await invitations.accept(db, secret, user, now=NOW)
    assert (await actor_for(db, user, workspace.id)).role is role
    for by in (Role.SCHEDULER, Role.MEMBER):
        somebody = await make_member(db, workspace, role=by)
        if role in {Role.MEMBER, Role.GUEST}:
            await invitations.create(db, actor(somebody, workspace, by), workspace.id, role=role)
        else:
            with pytest.raises(Forbidden):
                await invitations.create(db, actor(somebody, workspace, by), workspace.id, role=role)


async def test_one_that_makes_an_admin_lets_one_person_in(db: AsyncSession) -> None:
    _, _, _, secret = await make_link(db, role=Role.ADMIN)
    await invitations.accept(db, secret, await make_user(db), now=NOW)
    with pytest.raises(invitations.InvitationOver):
        await invitations.accept(db, secret, await make_user(db), now=NOW)


async def test_an_open_one_gets_another_role_and_whoever_changes_it_stands_for_it(db: AsyncSession) -> None:
    admin, workspace, _, _ = await make_link(db)
    bo, cy = await make_member(db, workspace), await make_member(db, workspace)
    link, secret = await invitations.create(db, actor(bo, workspace), workspace.id)
    await invitations.change(db, actor(bo, workspace), link.id, Role.GUEST)
    assert (await invitations.look(db, secret)).invitation.role == "guest"
    for by, role in ((bo, Role.SCHEDULER), (cy, Role.GUEST)):
        with pytest.raises(Forbidden):
            await invitations.change(db, actor(by, workspace), link.id, role)
    # Bo could not have given this; with the admin's word it holds.
    await invitations.change(db, actor(admin, workspace, Role.ADMIN), link.id, Role.SCHEDULER)
    found = await invitations.look(db, secret)
    assert (found.invitation.role, found.inviter_name) == ("scheduler", admin.name)
    await invitations.revoke(db, actor(admin, workspace, Role.ADMIN), link.id)
    with pytest.raises(NotFound):
        await invitations.change(db, actor(admin, workspace, Role.ADMIN), link.id, Role.GUEST)


async def test_a_renewed_one_has_a_new_link_and_a_week_more(db: AsyncSession) -> None:
    admin, workspace, invitation, secret = await make_link(db)
    by, later = actor(admin, workspace, Role.ADMIN), NOW + WEEK - timedelta(seconds=1)
    new = await invitations.renew(db, by, invitation.id, now=later)
    with pytest.raises(invitations.InvitationOver):
        await invitations.look(db, secret, now=later)
    assert await invitations.look(db, new, now=NOW + WEEK + timedelta(days=6))
    with pytest.raises(Forbidden):
        await invitations.renew(db, actor(await make_member(db, workspace), workspace), invitation.id)


async def test_a_link_dies_with_its_makers_right_to_invite(db: AsyncSession) -> None:
    _, workspace, _, _ = await make_link(db)
    bo = await make_member(db, workspace)
    _, secret = await invitations.create(db, actor(bo, workspace), workspace.id, now=NOW)
    its_maker = (col(Member.user_id) == bo.id, col(Member.workspace_id) == workspace.id)

    await db.execute(update(Member).where(*its_maker).values(role=Role.GUEST.value))
    with pytest.raises(invitations.InvitationOver):
        await invitations.look(db, secret, now=NOW)
    await db.execute(update(Member).where(*its_maker).values(role=Role.MEMBER.value))
    assert await invitations.look(db, secret, now=NOW)
    await people.disable(db, bo.id)
    with pytest.raises(invitations.InvitationOver):
        await invitations.look(db, secret, now=NOW)
    await db.execute(update(User).values(disabled_at=None))
    await db.execute(delete(Member).where(*its_maker))
    with pytest.raises(invitations.InvitationOver):
        await invitations.look(db, secret, now=NOW)


async def test_many_accepting_at_once_are_all_counted(sessions: Sessions) -> None:
    async with sessions() as db:
        _, workspace, invitation, secret = await make_link(db)
        joining = [await make_user(db) for _ in range(6)]
        await db.commit()

    async def accept(user: User) -> None:
        async with sessions() as db:
            await invitations.accept(db, secret, user, now=NOW)
            await db.commit()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for user in joining:
                tasks.start_soon(accept, user)
    async with sessions() as db:
        counted = await db.get(Invitation, invitation.id)
        assert counted is not None
        assert counted.uses == 6
        assert all([await membership.is_member(db, workspace.id, user.id) for user in joining])


async def test_links_that_ended_long_ago_are_deleted(db: AsyncSession) -> None:
    await make_link(db)
    assert await jobs.clean_up(db, now=NOW + WEEK + timedelta(days=29)) == 0
    assert await jobs.clean_up(db, now=NOW + WEEK + timedelta(days=30)) == 1

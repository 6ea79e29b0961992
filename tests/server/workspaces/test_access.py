from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from server.errors import Forbidden, NotFound, Unauthenticated
from server.workspaces.access import ALLOWED, Actor, Verb, actor_for, can, require
from server.workspaces.models import Member, Role
from tests.factories import make_member, make_user, make_workspace


@dataclass(frozen=True)
class Thing:
    workspace_id: UUID


HERE = Thing(uuid4())
AT_WORK = {Verb.VIEW, Verb.CREATE, Verb.INVITE}


def at_work(role: Role) -> Actor:
    return Actor(user_id=uuid4(), workspace_id=HERE.workspace_id, role=role)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("verb", Verb)
def test_the_table_of_roles(role: Role, verb: Verb) -> None:
    expected = {
        Role.ADMIN: set(Verb),
        Role.SCHEDULER: AT_WORK | {Verb.PUBLISH},
        Role.MEMBER: AT_WORK,
        Role.GUEST: {Verb.VIEW},
    }[role]
    assert can(at_work(role), verb, HERE) is (verb in expected)


def test_every_role_has_a_row() -> None:
    assert set(ALLOWED) == set(Role)


@pytest.mark.parametrize("verb", Verb)
def test_nothing_is_allowed_elsewhere_nor_to_nobody(verb: Verb) -> None:
    for actor in (at_work(Role.ADMIN), None):
        assert not can(actor, verb, Thing(uuid4()))
        with pytest.raises(NotFound):
            require(actor, verb, Thing(uuid4()))
    with pytest.raises(NotFound):
        require(None, verb, HERE)


def test_who_may_look_learns_that_the_rest_is_forbidden() -> None:
    require(at_work(Role.GUEST), Verb.VIEW, HERE)
    with pytest.raises(Forbidden):
        require(at_work(Role.GUEST), Verb.CREATE, HERE)


async def test_a_role_is_that_of_the_moment(db: AsyncSession) -> None:
    admin = await make_user(db)
    workspace = await make_workspace(db, admin)
    guest = await make_member(db, workspace, role=Role.GUEST)
    assert (await actor_for(db, admin, workspace.id)).role is Role.ADMIN
    assert (await actor_for(db, guest, workspace.id)).role is Role.GUEST
    await db.execute(update(Member).values(role="member"))
    assert (await actor_for(db, guest, workspace.id)).role is Role.MEMBER


async def test_strangers_do_not_learn_that_a_workspace_exists(db: AsyncSession) -> None:
    workspace = await make_workspace(db, await make_user(db))
    stranger = await make_user(db)
    with pytest.raises(NotFound):
        await actor_for(db, stranger, workspace.id)
    with pytest.raises(NotFound):
        await actor_for(db, stranger, uuid4())
    with pytest.raises(Unauthenticated):
        await actor_for(db, None, workspace.id)

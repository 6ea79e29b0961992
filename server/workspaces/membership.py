"""Who is in which workspace, how one begins and what it is called, and how a member changes or goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User, utc_now
from server.accounts.signing import signed
from server.audit import ledger
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.web.text import clean_line, has_ink
from server.workspaces import access
from server.workspaces.access import Actor, Verb
from server.workspaces.models import MAX_WORKSPACE_NAME_CHARACTERS, Member, Role, Workspace

_A: Final = {role: f"{'an' if role is Role.ADMIN else 'a'} {role.value}" for role in Role}


class LastAdmin(Conflict):
    """Nobody would be left who may manage the workspace."""

    sentence = "Somebody has to manage the workspace. Make another person an admin first."


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member as the others see them; `is_disabled` says that they cannot sign in any more."""

    user_id: UUID
    name: str
    email: str
    colour: int
    role: Role
    joined_at: datetime
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """A workspace as one of its members sees it."""

    workspace: Workspace
    actor: Actor


async def found(db: AsyncSession, user: User, *, now: datetime | None = None) -> Workspace:
    """Begin a workspace of this person, who becomes its admin."""
    now = now or utc_now()
    workspace = Workspace(
        name=f"{user.name}\N{RIGHT SINGLE QUOTATION MARK}s workspace"[:MAX_WORKSPACE_NAME_CHARACTERS], created_at=now
    )
    db.add(workspace)
    await db.flush()
    await join(db, workspace_id=workspace.id, user_id=user.id, role=Role.ADMIN, now=now)
    return workspace


async def join(db: AsyncSession, *, workspace_id: UUID, user_id: UUID, role: Role, now: datetime | None = None) -> bool:
    """Make somebody a member. Returns False and changes nothing, not even the role, if they are one already."""
    added = await db.scalar(
        insert(Member)
        .values(workspace_id=workspace_id, user_id=user_id, role=role.value, joined_at=now or utc_now())
        .on_conflict_do_nothing()
        .returning(col(Member.user_id))
    )
    if added is None:
        return False
    by = await signed(db, user_id)
    await ledger.append_later(
        db,
        workspace_id,
        by,
        kind="member.joined",
        sentence=f"{by.name} joined as {_A[role]}.",
        data={"user": str(user_id), "role": role.value},
    )
    return True


async def list_for(db: AsyncSession, user_id: UUID) -> Sequence[Membership]:
    """Return a person's memberships, the oldest first."""
    rows = await db.execute(
        select(Workspace, Member)
        .join(Member, col(Member.workspace_id) == col(Workspace.id))
        .where(col(Member.user_id) == user_id)
        .order_by(col(Member.joined_at), col(Member.workspace_id))
    )
    return [
        Membership(workspace, Actor(user_id=user_id, workspace_id=workspace.id, role=Role(member.role)))
        for workspace, member in rows
    ]


async def is_member(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> bool:
    """Whether the person is in the workspace at this moment."""
    found = select(col(Member.user_id)).where(col(Member.workspace_id) == workspace_id, col(Member.user_id) == user_id)
    return bool(await db.scalar(select(found.exists())))


async def oldest(db: AsyncSession) -> Workspace | None:
    """Return the first workspace of this installation: where a command puts a person it makes."""
    first: Workspace | None = await db.scalar(
        select(Workspace).order_by(col(Workspace.created_at), col(Workspace.id)).limit(1)
    )
    return first


async def colleagues(db: AsyncSession, actor: Actor) -> Sequence[Colleague]:
    """Return all members of the actor's workspace by name."""
    access.require(actor, Verb.VIEW, actor)
    rows = await db.execute(
        select(User, Member)
        .join(Member, col(Member.user_id) == col(User.id))
        .where(col(Member.workspace_id) == actor.workspace_id)
        .order_by(func.lower(col(User.name)), col(User.id))
    )
    return [
        Colleague(
            user_id=user.id,
            name=user.name,
            email=user.email,
            colour=user.colour,
            role=Role(member.role),
            joined_at=member.joined_at,
            is_disabled=user.disabled_at is not None,
        )
        for user, member in rows
    ]


async def rename(db: AsyncSession, actor: Actor, name: str) -> None:
    """Give the workspace another name. Raises Invalid, Forbidden."""
    access.require(actor, Verb.MANAGE, actor)
    name = clean_line(name)
    if not has_ink(name) or len(name) > MAX_WORKSPACE_NAME_CHARACTERS:
        raise Invalid({"name": f"Give the workspace a name of at most {MAX_WORKSPACE_NAME_CHARACTERS} characters."})
    await db.execute(update(Workspace).where(col(Workspace.id) == actor.workspace_id).values(name=name))


async def change_role(db: AsyncSession, actor: Actor, user_id: UUID, role: Role) -> bool:
    """Give a member another role; an admin may. Returns whether it is another. Raises Forbidden, NotFound, LastAdmin.

    Pages obey at once; open documents do when the caller says so after the commit, or within half a minute.
    """
    admins = await _lock_admins(db, actor)
    access.require(actor, Verb.MANAGE, actor)
    if actor.user_id not in admins:
        # Somebody else took the role away while this was on its way.
        raise Forbidden
    if role is not Role.ADMIN and admins == {user_id}:
        raise LastAdmin
    of_theirs = (col(Member.workspace_id) == actor.workspace_id, col(Member.user_id) == user_id)
    before = await db.scalar(select(col(Member.role)).where(*of_theirs).with_for_update())
    if before is None:
        raise NotFound
    if before == role.value:
        return False
    await db.execute(update(Member).where(*of_theirs).values(role=role.value))
    by, whom = await signed(db, actor.user_id), await signed(db, user_id)
    await ledger.append(
        db,
        actor.workspace_id,
        by,
        kind="member.role",
        sentence=f"{by.name} made {whom.name} {_A[role]}.",
        data={"user": str(user_id), "before": before, "after": role.value},
    )
    return True


async def remove(db: AsyncSession, actor: Actor, user_id: UUID) -> None:
    """Take a member out of the workspace: an admin may, and everybody themselves.

    Raises Forbidden, NotFound, LastAdmin. What they wrote stays, and their account; invitations they made stop working.
    """
    admins = await _lock_admins(db, actor)
    if user_id != actor.user_id:
        access.require(actor, Verb.MANAGE, actor)
        if actor.user_id not in admins:
            raise Forbidden
    if admins == {user_id}:
        raise LastAdmin
    gone = delete(Member).where(col(Member.workspace_id) == actor.workspace_id, col(Member.user_id) == user_id)
    if await db.scalar(gone.returning(col(Member.user_id))) is None:
        raise NotFound
    by, whom = await signed(db, actor.user_id), await signed(db, user_id)
    left = user_id == actor.user_id
    await ledger.append(
        db,
        actor.workspace_id,
        by,
        kind="member.left" if left else "member.removed",
        sentence=f"{by.name} left the workspace." if left else f"{by.name} removed {whom.name} from the workspace.",
        data={"user": str(user_id)},
    )


async def _lock_admins(db: AsyncSession, actor: Actor) -> set[UUID]:
    """Return the admins who can sign in, held until the transaction ends.

    Two admins who demote each other at the same moment come one after the other, and the second sees the first.
    """
    held = (
        select(col(Member.user_id))
        .join(User, col(User.id) == col(Member.user_id))
        .where(
            col(Member.workspace_id) == actor.workspace_id,
            col(Member.role) == Role.ADMIN.value,
            col(User.disabled_at).is_(None),
        )
        .order_by(col(Member.user_id))
        .with_for_update(of=Member)
    )
    return set((await db.scalars(held)).all())

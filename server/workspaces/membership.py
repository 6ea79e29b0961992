"""Which workspaces a person is in, and how one begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User, utc_now
from server.workspaces.access import Actor
from server.workspaces.models import MAX_WORKSPACE_NAME_CHARACTERS, Member, Role, Workspace


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
    return added is not None


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

"""What befalls a member of a workspace, as news for them."""

from typing import Final
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from server.notifications.models import Kind
from server.notifications.noting import Notice, note, take_back
from server.workspaces.access import Actor
from server.workspaces.models import Role, Workspace

MAY_NOW: Final = {
    Role.ADMIN: "You are an admin: you own all documents, and say who is in the workspace.",
    Role.SCHEDULER: "You are a scheduler: you read and write what the workspace shares, and publish it.",
    Role.MEMBER: "You are a member: you read and write what the workspace shares.",
    Role.GUEST: "You are a guest: you see only what is shared with you by name.",
    None: "You are not in the workspace any more.",
}


async def note_member(db: AsyncSession, actor: Actor, user_id: UUID, role: Role | None) -> frozenset[UUID]:
    """Note that a member has another role in the workspace, or none any more. Returns for whom it is news.

    It stands in the place of what they have not read yet of their role there.
    """
    workspace = await db.get_one(Workspace, actor.workspace_id)
    about = f"member:{workspace.id}:"
    await take_back(db, user_id, about)
    notice = Notice(
        kind=Kind.ROLE,
        to=[user_id],
        workspace_id=workspace.id,
        actor_id=actor.user_id,
        title=workspace.name,
        text=MAY_NOW[role],
        path="/documents",
        dedupe_key=f"{about}{uuid4()}",
    )
    return await note(db, notice)

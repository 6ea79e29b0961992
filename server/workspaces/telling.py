"""What follows when somebody is in a workspace otherwise than before, or may come in: open pages, documents, bells."""

from collections.abc import Awaitable, Callable, Collection
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from server.events import Events
from server.queue import Queue
from server.workspaces.access import Actor
from server.workspaces.models import Invitation, Role

# What pages that show people and invitations listen to; without data, for guests hear it too.
EVENT: Final = "members"

# What this layer needs of the documents above it, handed down by app.py, with the live documents, of which it knows
# nothing: they follow what became of somebody in the workspace.
SpreadMembership = Callable[[AsyncSession, object, Events, UUID], Awaitable[None]]
# What a person handed out at documents, and could not hand out any more, ends.
EndGifts = Callable[[AsyncSession, UUID, UUID], Awaitable[None]]
# Of the notifications above it: news for a member, written at once and told after the commit.
NoteMember = Callable[[AsyncSession, Actor, UUID, Role | None], Awaitable[Collection[UUID]]]
Tell = Callable[[Events, Queue, Collection[UUID]], Awaitable[None]]


async def tell_of_member(request: Request, actor: Actor, user_id: UUID, role: Role | None) -> None:
    """Commit, let everything follow, and tell the member what they are now; without a role they are out."""
    db, state = request.state.db, request.app.state
    end_gifts: EndGifts = state.end_gifts
    await end_gifts(db, user_id, actor.workspace_id)
    note: NoteMember = state.note_member
    noted = await note(db, actor, user_id, role)
    await _spread(request, actor.workspace_id)
    tell: Tell = state.tell
    await tell(state.events, state.queue, noted)


async def tell_of_arrival(request: Request, invitation: Invitation) -> None:
    """Commit, and let everything follow that somebody has come by an invitation."""
    await _spread(request, invitation.workspace_id)


async def _spread(request: Request, workspace_id: UUID) -> None:
    db, state = request.state.db, request.app.state
    await db.commit()
    spread: SpreadMembership = state.spread_membership
    await spread(db, state.live, state.events, workspace_id)
    await announce(request, workspace_id)


async def announce(request: Request, workspace_id: UUID) -> None:
    """Let open pages look again at who is in the workspace, and who is invited. Call it after the commit."""
    await request.app.state.events.publish(workspace_id, EVENT, {})

"""The page of a workspace: who is in it, which invitations are open, what it is called.

Each form is a plain one that comes back to the page, so all of it works without script.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts.notices import go_and_say, said, to_say
from server.errors import Invalid
from server.events import Events
from server.queue import Queue
from server.settings import Settings
from server.web.cookies import WORKSPACE, drop_cookie
from server.web.forms import read_fields
from server.web.render import render
from server.workspaces import invitations, membership
from server.workspaces.access import Actor, Verb, can
from server.workspaces.forms import HereForm, RoleForm, WorkspaceForm
from server.workspaces.middleware import actor_here, current_actor
from server.workspaces.models import Invitation, Role

# What this layer needs of the documents above it, handed down by app.py.
DocumentTitle = Callable[[AsyncSession, UUID], Awaitable[str | None]]
# With the live documents, of which this layer knows nothing.
SpreadMembership = Callable[[AsyncSession, object, Events, UUID], Awaitable[None]]
# Of the notifications above it: news for a member, written at once and told after the commit.
NoteMember = Callable[[AsyncSession, Actor, UUID, Role | None], Awaitable[Collection[UUID]]]
Tell = Callable[[Events, Queue, Collection[UUID]], Awaitable[None]]

SENTENCES: Final = {
    "workspace-name": "The workspace has its new name.",
    "workspace-role": "The role is changed. Documents that are open follow at once.",
    "workspace-removed": "They are out. What they wrote stays; documents they have open close.",
    "workspace-revoked": "The link is taken back. Whoever opens it from now on is told so.",
}
# In the order in which they are offered; publishing is not there yet, so nobody is made its scheduler.
ROLES: Final[Mapping[Role, str]] = {
    Role.ADMIN: "Admin",
    Role.SCHEDULER: "Scheduler",
    Role.MEMBER: "Member",
    Role.GUEST: "Guest",
}
OFFERED: Final = (Role.ADMIN, Role.MEMBER, Role.GUEST)
MAX_SHOWN_AGAIN: Final = 300


@dataclass(frozen=True, slots=True)
class OpenLink:
    """An invitation in the list; without a `document_title` it leads to the workspace, or to one that is gone."""

    invitation: Invitation
    inviter_name: str
    role: str
    document_title: str | None
    may_revoke: bool


async def show(request: Request) -> Response:
    """Show the people of the workspace."""
    return said(request, await _page(request, notice=to_say(request, SENTENCES)))


async def rename(request: Request) -> Response:
    """Give the workspace another name."""
    fields = await read_fields(request)
    try:
        form = WorkspaceForm.parse(fields)
        await membership.rename(request.state.db, actor_here(request, form), form.name)
    except Invalid as error:
        return await _page(request, refused=error, name=fields.get("name", "")[:MAX_SHOWN_AGAIN])
    return go_and_say(request, "/workspace", "workspace-name")


async def change_role(request: Request) -> Response:
    """Give a member another role."""
    form = await RoleForm.read(request)
    actor = actor_here(request, form)
    user_id: UUID = request.path_params["user_id"]
    if await membership.change_role(request.state.db, actor, user_id, form.role):
        await _spread(request, actor, user_id, form.role)
    return go_and_say(request, "/workspace", "workspace-role")


async def remove(request: Request) -> Response:
    """Take a member out, or leave."""
    actor = actor_here(request, await HereForm.read(request))
    user_id: UUID = request.path_params["user_id"]
    await membership.remove(request.state.db, actor, user_id)
    await _spread(request, actor, user_id, None)
    if user_id != actor.user_id:
        return go_and_say(request, "/workspace", "workspace-removed")
    settings: Settings = request.app.state.settings
    # To another workspace of theirs, or to the sentence that they are in none.
    response = RedirectResponse("/documents", status_code=303)
    drop_cookie(response, WORKSPACE, settings)
    return response


async def revoke_invitation(request: Request) -> Response:
    """Take a link back."""
    await invitations.revoke(request.state.db, current_actor(request), request.path_params["invitation_id"])
    return go_and_say(request, "/workspace", "workspace-revoked")


async def _spread(request: Request, actor: Actor, user_id: UUID, role: Role | None) -> None:
    """Commit, let open documents follow, and tell the member; without a role they are out."""
    db, state = request.state.db, request.app.state
    note: NoteMember = state.note_member
    noted = await note(db, actor, user_id, role)
    await db.commit()
    spread: SpreadMembership = state.spread_membership
    await spread(db, state.live, state.events, actor.workspace_id)
    tell: Tell = state.tell
    await tell(state.events, state.queue, noted)


async def _page(
    request: Request, *, notice: str | None = None, refused: Invalid | None = None, name: str | None = None
) -> Response:
    db: AsyncSession = request.state.db
    actor = current_actor(request)
    members = await membership.colleagues(db, actor)
    may_invite = can(actor, Verb.INVITE, actor)
    return render(
        request,
        "workspaces/people.html",
        status=422 if refused else 200,
        notice=notice,
        errors=refused.fields if refused else {},
        typed_name=request.state.workspace.name if name is None else name,
        members=members,
        me=actor.user_id,
        roles=ROLES,
        offered=OFFERED,
        # Who may only read learns who is there, not how to write to them.
        show_emails=may_invite,
        may_invite=may_invite,
        may_manage=can(actor, Verb.MANAGE, actor),
        last_admin=_last_admin(members),
        links=await _links(request, actor) if may_invite else [],
    )


def _last_admin(members: Sequence[membership.Colleague]) -> UUID | None:
    """Return the one who cannot go, for nobody else could manage the workspace."""
    admins = [each.user_id for each in members if each.role is Role.ADMIN and not each.is_disabled]
    return admins[0] if len(admins) == 1 else None


async def _links(request: Request, actor: Actor) -> list[OpenLink]:
    db: AsyncSession = request.state.db
    document_title: DocumentTitle = request.app.state.document_title
    found = await invitations.list_open(db, actor)
    leading = {each.invitation.document_id for each in found if each.invitation.document_id is not None}
    titles = {document_id: await document_title(db, document_id) for document_id in leading}
    return [
        OpenLink(
            invitation=each.invitation,
            inviter_name=each.inviter_name,
            role=ROLES[Role(each.invitation.role)],
            document_title=titles.get(each.invitation.document_id) if each.invitation.document_id else None,
            may_revoke=each.invitation.created_by == actor.user_id or can(actor, Verb.MANAGE, actor),
        )
        for each in found
    ]


routes = [
    Route("/workspace", show, methods=["GET"]),
    Route("/workspace/name", rename, methods=["POST"]),
    Route("/workspace/members/{user_id:uuid}/role", change_role, methods=["POST"]),
    Route("/workspace/members/{user_id:uuid}/remove", remove, methods=["POST"]),
    Route("/workspace/invitations/{invitation_id:uuid}/revoke", revoke_invitation, methods=["POST"]),
]

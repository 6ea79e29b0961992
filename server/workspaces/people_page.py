"""The page of a workspace: who is in it, which invitations are open, what it is called.

Each form is a plain one that comes back to the page, so all of it works without script.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts.notices import go_and_say, said, to_say
from server.errors import Invalid
from server.settings import Settings
from server.web.cookies import WORKSPACE, drop_cookie
from server.web.forms import read_fields
from server.web.render import render, wants_fragment
from server.workspaces import invitations, membership
from server.workspaces.access import GIVES, Actor, Verb, can
from server.workspaces.forms import HereForm, RoleForm, WorkspaceForm
from server.workspaces.middleware import actor_here, current_actor
from server.workspaces.models import Invitation, Role
from server.workspaces.telling import announce, tell_of_member

# What this layer needs of the documents above it, handed down by app.py.
DocumentTitle = Callable[[AsyncSession, UUID], Awaitable[str | None]]
# And of the notifications; it commits, and answers whether a mail is on its way.
SendInvitation = Callable[[Request, Invitation], Awaitable[bool]]

SENTENCES: Final = {
    "workspace-name": "The workspace has its new name.",
    "workspace-role": "The role is changed. Documents that are open follow at once.",
    "workspace-removed": "They are out. What they wrote stays; documents they have open close.",
    "workspace-revoked": "The link is taken back. Whoever opens it from now on is told so.",
    "workspace-sent-again": "A mail with a new link is on its way. The link from before opens nothing any more.",
    "workspace-invitation-role": "The invitation has another role. Whoever comes by it from now on gets that one.",
}
MAX_SHOWN_AGAIN: Final = 300


@dataclass(frozen=True, slots=True)
class OpenLink:
    """An invitation in the list; without a `document_title` it leads to the workspace, or to one that is gone."""

    invitation: Invitation
    inviter_name: str
    document_title: str | None
    may_change: bool


@dataclass(frozen=True, slots=True)
class Made:
    """An invitation with its link, which is shown this once."""

    url: str
    email: str | None
    is_mailed: bool
    is_for_one: bool
    expires_at: datetime


async def show(request: Request) -> Response:
    """Show the people of the workspace."""
    shown = request.query_params.get("workspace")
    here: Actor | None = request.state.actor
    if wants_fragment(request) and shown is not None and (here is None or shown != str(here.workspace_id)):
        # Another tab switched, or they are not in it any more: the page loads anew, and says where they are.
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    if wants_fragment(request):
        # What is to be said waits for the page that the form leads to, which this one may overtake.
        return await _page(request)
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
        await tell_of_member(request, actor, user_id, form.role)
    return go_and_say(request, "/workspace", "workspace-role")


async def remove(request: Request) -> Response:
    """Take a member out, or leave."""
    actor = actor_here(request, await HereForm.read(request))
    user_id: UUID = request.path_params["user_id"]
    await membership.remove(request.state.db, actor, user_id)
    await tell_of_member(request, actor, user_id, None)
    if user_id != actor.user_id:
        return go_and_say(request, "/workspace", "workspace-removed")
    settings: Settings = request.app.state.settings
    # To another workspace of theirs, or to the sentence that they are in none.
    response = RedirectResponse("/documents", status_code=303)
    drop_cookie(response, WORKSPACE, settings)
    return response


async def revoke_invitation(request: Request) -> Response:
    """Take a link back."""
    actor = current_actor(request)
    await invitations.revoke(request.state.db, actor, request.path_params["invitation_id"])
    await _announce(request, actor)
    return go_and_say(request, "/workspace", "workspace-revoked")


async def change_invitation(request: Request) -> Response:
    """Let whoever comes by an open invitation be something else."""
    form = await RoleForm.read(request)
    actor = actor_here(request, form)
    await invitations.change(request.state.db, actor, request.path_params["invitation_id"], form.role)
    await _announce(request, actor)
    return go_and_say(request, "/workspace", "workspace-invitation-role")


async def send_again(request: Request) -> Response:
    """Send an open invitation out once more, with a new link. Where no mail has it, the page shows it."""
    actor = actor_here(request, await HereForm.read(request))
    secret = await invitations.renew(request.state.db, actor, request.path_params["invitation_id"])
    invitation = await request.state.db.get_one(Invitation, request.path_params["invitation_id"])
    made = await hand_on(request, invitation, secret)
    if made.is_mailed:
        return go_and_say(request, "/workspace", "workspace-sent-again")
    response = await _page(request, made=made)
    response.headers["Cache-Control"] = "no-store"
    return response


async def hand_on(request: Request, invitation: Invitation, secret: str) -> Made:
    """Send an invitation if it is for an address, commit, and return its link."""
    settings: Settings = request.app.state.settings
    send: SendInvitation = request.app.state.send_invitation
    is_mailed = await send(request, invitation)
    await announce(request, invitation.workspace_id)
    return Made(
        url=f"{settings.public_url}/join/{secret}",
        email=invitation.email,
        is_mailed=is_mailed,
        is_for_one=invitation.role == Role.ADMIN.value,
        expires_at=invitation.expires_at,
    )


async def _announce(request: Request, actor: Actor) -> None:
    await request.state.db.commit()
    await announce(request, actor.workspace_id)


async def _page(
    request: Request,
    *,
    notice: str | None = None,
    made: Made | None = None,
    refused: Invalid | None = None,
    name: str | None = None,
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
        made=made,
        errors=refused.fields if refused else {},
        typed_name=request.state.workspace.name if name is None else name,
        members=members,
        me=actor.user_id,
        gives=[role for role in Role if role in GIVES[actor.role]],
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
            document_title=titles.get(each.invitation.document_id) if each.invitation.document_id else None,
            may_change=each.invitation.created_by == actor.user_id or can(actor, Verb.MANAGE, actor),
        )
        for each in found
    ]


routes = [
    Route("/workspace", show, methods=["GET"]),
    Route("/workspace/name", rename, methods=["POST"]),
    Route("/workspace/members/{user_id:uuid}/role", change_role, methods=["POST"]),
    Route("/workspace/members/{user_id:uuid}/remove", remove, methods=["POST"]),
    Route("/workspace/invitations/{invitation_id:uuid}/revoke", revoke_invitation, methods=["POST"]),
    Route("/workspace/invitations/{invitation_id:uuid}/send", send_again, methods=["POST"]),
    Route("/workspace/invitations/{invitation_id:uuid}/role", change_invitation, methods=["POST"]),
]

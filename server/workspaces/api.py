"""A workspace over the API: who is in it, in which role, and which invitations are open."""

from datetime import datetime
from types import NoneType
from typing import Final
from uuid import UUID

from pydantic import Field
from starlette.requests import Request

from server.accounts import people
from server.errors import Invalid
from server.web.operations import (
    Answer,
    AnyOperation,
    BodyInput,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Reply,
)
from server.web.operations import routes as routes_of
from server.workspaces import invitations, membership
from server.workspaces.access import Verb, can
from server.workspaces.middleware import current_actor
from server.workspaces.models import Invitation, Role
from server.workspaces.people_page import hand_on
from server.workspaces.telling import announce, tell_of_member


class MemberSeen(Answer):
    """Somebody who is in the workspace."""

    id: UUID
    name: str
    email: str | None = Field(description="Null for guests who ask: they learn who is there, not how to write to them.")
    role: Role
    joined_at: datetime
    is_disabled: bool = Field(description="Whether they can no longer sign in.")


class MemberList(Answer):
    """All members, by name; a team's worth, so there are no pages."""

    members: list[MemberSeen]


class MemberRole(BodyInput):
    """What a member shall be in the workspace, or whoever comes by an invitation."""

    role: Role


class NewInvitation(BodyInput):
    """An invitation to the workspace."""

    role: Role = Field(default=Role.MEMBER, description="Admins give every role, others member or guest.")
    email: str | None = Field(
        default=None, max_length=300, description="For whom it is: they alone come in by it, once."
    )


class WorkspaceInvitation(Answer):
    """An invitation that works now."""

    id: UUID
    role: Role
    email: str | None
    document_id: UUID | None = Field(description="The document that it leads to, if it leads to one.")
    created_at: datetime
    created_by: str
    expires_at: datetime
    uses: int = Field(description="How many have come by it.")


class WorkspaceInvitationList(Answer):
    """All invitations into the workspace that work now, the newest first."""

    invitations: list[WorkspaceInvitation]


class WorkspaceInvitationMade(Answer):
    """An invitation with its address, which is shown this once."""

    id: UUID
    role: Role
    url: str
    expires_at: datetime
    mailed: bool = Field(description="Whether a mail with a link of its own is on its way to its `email`.")


async def list_members(call: Call[NoQuery, NoBody]) -> Reply[MemberList]:
    """List who is in your workspace. A token works in the oldest workspace of its person (`GET /api/v1/me`)."""
    actor = current_actor(call.request)
    shows_emails = can(actor, Verb.INVITE, actor)
    return Reply(
        MemberList(
            members=[
                MemberSeen(
                    id=each.user_id,
                    name=each.name,
                    email=each.email if shows_emails else None,
                    role=each.role,
                    joined_at=each.joined_at,
                    is_disabled=each.is_disabled,
                )
                for each in await membership.colleagues(call.request.state.db, actor)
            ]
        )
    )


async def change_member(call: Call[NoQuery, MemberRole]) -> Reply[None]:
    """Give a member another role; admins may. It holds at once, in documents that are open, too.

    The last admin stays one (409).
    """
    request, role = call.request, call.body.role
    actor = current_actor(request)
    user_id: UUID = request.path_params["user_id"]
    if await membership.change_role(request.state.db, actor, user_id, role):
        await tell_of_member(request, actor, user_id, role)
    return Reply(None)


async def remove_member(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Take a member out of the workspace; admins may, and everybody themselves. What they wrote stays."""
    request = call.request
    actor = current_actor(request)
    user_id: UUID = request.path_params["user_id"]
    await membership.remove(request.state.db, actor, user_id)
    await tell_of_member(request, actor, user_id, None)
    return Reply(None)


async def list_invitations(call: Call[NoQuery, NoBody]) -> Reply[WorkspaceInvitationList]:
    """List the invitations into your workspace that work now. Their addresses are shown only when they are made."""
    actor = current_actor(call.request)
    found = await invitations.list_open(call.request.state.db, actor)
    return Reply(WorkspaceInvitationList(invitations=[_seen(each.invitation, each.inviter_name) for each in found]))


async def invite(call: Call[NoQuery, NewInvitation]) -> Reply[WorkspaceInvitationMade]:
    """Make a link into your workspace, and send it if it is for an `email` and this installation sends mail.

    It works for seven days and for many people; one that makes an admin lets one person in.
    """
    request, body = call.request, call.body
    actor = current_actor(request)
    try:
        email = people.clean_email(body.email) if body.email is not None else None
    except ValueError as error:
        raise Invalid({"email": str(error)}) from error
    invitation, secret = await invitations.create(
        request.state.db, actor, actor.workspace_id, role=body.role, email=email
    )
    return await _made(request, invitation, secret)


async def change_invitation(call: Call[NoQuery, MemberRole]) -> Reply[WorkspaceInvitation]:
    """Let whoever comes by an open invitation be something else; its maker may, and admins."""
    request = call.request
    actor = current_actor(request)
    invitation = await invitations.change(request.state.db, actor, request.path_params["invitation_id"], call.body.role)
    # Whoever changes it is the one who invites from then on.
    seen = _seen(invitation, request.state.user.name)
    await request.state.db.commit()
    await announce(request, actor.workspace_id)
    return Reply(seen)


async def send_again(call: Call[NoQuery, NoBody]) -> Reply[WorkspaceInvitationMade]:
    """Send an open invitation once more: with a new link, for a week from now. The earlier link opens nothing then."""
    request = call.request
    invitation_id: UUID = request.path_params["invitation_id"]
    secret = await invitations.renew(request.state.db, current_actor(request), invitation_id)
    return await _made(request, await request.state.db.get_one(Invitation, invitation_id), secret)


async def revoke_invitation(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Take an invitation back; its maker may, and admins. Whoever has come by it stays."""
    request = call.request
    actor = current_actor(request)
    await invitations.revoke(request.state.db, actor, request.path_params["invitation_id"])
    await request.state.db.commit()
    await announce(request, actor.workspace_id)
    return Reply(None)


async def _made(request: Request, invitation: Invitation, secret: str) -> Reply[WorkspaceInvitationMade]:
    made = await hand_on(request, invitation, secret)
    return Reply(
        WorkspaceInvitationMade(
            id=invitation.id,
            role=Role(invitation.role),
            url=made.url,
            expires_at=made.expires_at,
            mailed=made.is_mailed,
        )
    )


def _seen(invitation: Invitation, inviter_name: str) -> WorkspaceInvitation:
    return WorkspaceInvitation(
        id=invitation.id,
        role=Role(invitation.role),
        email=invitation.email,
        document_id=invitation.document_id,
        created_at=invitation.created_at,
        created_by=inviter_name,
        expires_at=invitation.expires_at,
        uses=invitation.uses,
    )


_WORKSPACE: Final = "/api/v1/workspace"
OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="listMembers",
        method="GET",
        path=f"{_WORKSPACE}/members",
        summary="List who is in the workspace",
        handle=list_members,
        query=NoQuery,
        body=NoBody,
        answer=MemberList,
        refusals=(404,),
    ),
    Operation(
        name="changeMember",
        method="PUT",
        path=f"{_WORKSPACE}/members/{{user_id:uuid}}",
        summary="Give a member another role",
        handle=change_member,
        query=NoQuery,
        body=MemberRole,
        answer=NoneType,
        status=204,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="removeMember",
        method="DELETE",
        path=f"{_WORKSPACE}/members/{{user_id:uuid}}",
        summary="Take a member out of the workspace",
        handle=remove_member,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="listWorkspaceInvitations",
        method="GET",
        path=f"{_WORKSPACE}/invitations",
        summary="List the open invitations into the workspace",
        handle=list_invitations,
        query=NoQuery,
        body=NoBody,
        answer=WorkspaceInvitationList,
        refusals=(403, 404),
    ),
    Operation(
        name="inviteToWorkspace",
        method="POST",
        path=f"{_WORKSPACE}/invitations",
        summary="Invite to the workspace",
        handle=invite,
        query=NoQuery,
        body=NewInvitation,
        answer=WorkspaceInvitationMade,
        status=201,
        refusals=(403, 404),
    ),
    Operation(
        name="changeWorkspaceInvitation",
        method="PATCH",
        path=f"{_WORKSPACE}/invitations/{{invitation_id:uuid}}",
        summary="Give an invitation another role",
        handle=change_invitation,
        query=NoQuery,
        body=MemberRole,
        answer=WorkspaceInvitation,
        refusals=(403, 404),
    ),
    Operation(
        name="sendWorkspaceInvitation",
        method="POST",
        path=f"{_WORKSPACE}/invitations/{{invitation_id:uuid}}/send",
        summary="Send an invitation again",
        handle=send_again,
        query=NoQuery,
        body=NoBody,
        answer=WorkspaceInvitationMade,
        refusals=(403, 404),
    ),
    Operation(
        name="revokeWorkspaceInvitation",
        method="DELETE",
        path=f"{_WORKSPACE}/invitations/{{invitation_id:uuid}}",
        summary="Take an invitation back",
        handle=revoke_invitation,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(403, 404),
    ),
)

routes: Final = routes_of(OPERATIONS)

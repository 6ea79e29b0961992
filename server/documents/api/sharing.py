"""Who a document is shared with, over the API: people, the workspace, links."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import lifecycle, links, sharing
from server.documents.access import DocumentVerb
from server.documents.api.documents import document_id_of, live_of
from server.documents.api.shapes import (
    CollaboratorAdded,
    CollaboratorList,
    CollaboratorRole,
    CollaboratorSeen,
    CollectionNamed,
    InvitationList,
    InvitationMade,
    InvitationSeen,
    LinkChange,
    LinkList,
    LinkMade,
    LinkSeen,
    NewCollaborator,
    NewLink,
    NewOwner,
    Person,
    SharingChange,
    SharingSeen,
)
from server.documents.models import Document, DocumentRole, ShareLink
from server.errors import Invalid
from server.notifications import inviting
from server.notifications.noting import tell
from server.settings import Settings
from server.web.operations import Call, NoBody, NoQuery, Reply


async def list_collaborators(call: Call[NoQuery, NoBody]) -> Reply[CollaboratorList]:
    """List who is named on a document, and on the collections that it lies in. Whoever may share it may ask."""
    return Reply(CollaboratorList(collaborators=await _named(call.request)))


async def add_collaborator(call: Call[NoQuery, NewCollaborator]) -> Reply[CollaboratorAdded]:
    """Share a document with somebody, by `user_id` or by `email`.

    Who is not in the workspace gets an invitation instead, by mail where this installation sends any (`mailed`); else
    send them its `url`. Whoever follows it becomes a guest of the workspace, who sees this document and nothing else.
    """
    request, body = call.request, call.body
    db, user, document_id = _asking(request)
    if (body.user_id is None) == (body.email is None):
        raise Invalid({"user_id": "Name the person by `user_id` or by `email`."})
    if body.user_id is not None:
        document = await sharing.name(db, user, document_id, body.user_id, body.role)
        who: UUID | sharing.Sent = body.user_id
    else:
        document, who = await sharing.add(db, user, document_id, body.email or "", body.role)
    if isinstance(who, sharing.Sent):
        return Reply(CollaboratorAdded(collaborator=None, invitation=await _sent(request, document, who)))
    await _settle(request, document, who)
    return Reply(CollaboratorAdded(collaborator=await _one(request, who), invitation=None))


async def change_collaborator(call: Call[NoQuery, CollaboratorRole]) -> Reply[CollaboratorSeen]:
    """Name a member of the workspace on a document, in this role. Nobody gives more than they have."""
    db, user, document_id = _asking(call.request)
    who: UUID = call.request.path_params["user_id"]
    await _settle(call.request, await sharing.name(db, user, document_id, who, call.body.role), who)
    return Reply(await _one(call.request, who))


async def remove_collaborator(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Take somebody's role by name away; your own, too. What they have by other ways stays."""
    db, user, document_id = _asking(call.request)
    who: UUID = call.request.path_params["user_id"]
    await _settle(call.request, await sharing.unname(db, user, document_id, who), who)
    return Reply(None)


async def list_invitations(call: Call[NoQuery, NoBody]) -> Reply[InvitationList]:
    """List the invitations to a document that work now. Their addresses are shown only when they are made."""
    db, user, document_id = _asking(call.request)
    return Reply(InvitationList(invitations=[_invited(each) for each in await sharing.invited(db, user, document_id)]))


async def change_invitation(call: Call[NoQuery, CollaboratorRole]) -> Reply[InvitationSeen]:
    """Let whoever comes by an open invitation to a document be something else there, up to your own role."""
    db, user, document_id = _asking(call.request)
    invitation_id: UUID = call.request.path_params["invitation_id"]
    await _settle(call.request, await sharing.change_invitation(db, user, document_id, invitation_id, call.body.role))
    seen = await sharing.invited(db, user, document_id)
    return Reply(next(_invited(each) for each in seen if each.invitation.id == invitation_id))


async def send_invitation(call: Call[NoQuery, NoBody]) -> Reply[InvitationMade]:
    """Send an open invitation once more: with a new link, for a week from now. The earlier link opens nothing then."""
    db, user, document_id = _asking(call.request)
    document, sent = await sharing.renew_invitation(db, user, document_id, call.request.path_params["invitation_id"])
    return Reply(await _sent(call.request, document, sent))


async def revoke_invitation(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Take an invitation to a document back. Whoever has come by it stays."""
    db, user, document_id = _asking(call.request)
    await _settle(
        call.request, await sharing.uninvite(db, user, document_id, call.request.path_params["invitation_id"])
    )
    return Reply(None)


async def hand_over(call: Call[NoQuery, NewOwner]) -> Reply[CollaboratorList]:
    """Make another member the owner; you stay as an editor. An owner may, and an admin."""
    db, user, document_id = _asking(call.request)
    who = call.body.user_id
    await _settle(call.request, await sharing.hand_over(db, user, document_id, who), who)
    return Reply(CollaboratorList(collaborators=await _named(call.request)))


async def read_sharing(call: Call[NoQuery, NoBody]) -> Reply[SharingSeen]:
    """Return your role at a document, and what members of its workspace have who are not named."""
    db, user, document_id = _asking(call.request)
    document, actor = await lifecycle.find(db, user, document_id)
    return Reply(await _sharing(db, document, actor.role))


async def change_sharing(call: Call[NoQuery, SharingChange]) -> Reply[SharingSeen]:
    """Say what members of the workspace have who are not named. If you would lose your role by it, you are named."""
    db, user, document_id = _asking(call.request)
    await _settle(call.request, await sharing.give(db, user, document_id, call.body.reach, call.body.role))
    document, actor = await lifecycle.find(db, user, document_id, DocumentVerb.SHARE)
    return Reply(await _sharing(db, document, actor.role))


async def list_links(call: Call[NoQuery, NoBody]) -> Reply[LinkList]:
    """List the links that open a document now, the newest first. Their addresses are shown only when they are made."""
    db, user, document_id = _asking(call.request)
    return Reply(LinkList(links=[_link(each.link, each.made_by) for each in await links.listed(db, user, document_id)]))


async def create_link(call: Call[NoQuery, NewLink]) -> Reply[LinkMade]:
    """Make a link that opens a document. Without an account it can be read; with one, the link's role counts."""
    request, body = call.request, call.body
    db, user, document_id = _asking(request)
    document, link, secret = await links.create(
        db, user, document_id, body.role, expires_at=body.expires_at, password=body.password
    )
    await _settle(request, document)
    settings: Settings = request.app.state.settings
    return Reply(LinkMade(link=_link(link, user.name), url=f"{settings.public_url}/s/{secret}"))


async def change_link(call: Call[NoQuery, LinkChange]) -> Reply[LinkSeen]:
    """Change what a link lets people do, when it ends, or its password (null: none). What you leave out stays."""
    request, body = call.request, call.body
    db, user, document_id = _asking(request)
    wish = links.Wish(frozenset(body.model_fields_set), body.role, body.expires_at, body.password)
    link = await links.change(db, user, document_id, request.path_params["link_id"], wish)
    document, _ = await lifecycle.find(db, user, document_id)
    await _settle(request, document)
    made_by = next(
        (each.made_by for each in await links.listed(db, user, document_id) if each.link.id == link.id), None
    )
    return Reply(_link(link, made_by))


async def revoke_link(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Take a link back, for all who have opened it, too."""
    db, user, document_id = _asking(call.request)
    await links.revoke(db, user, document_id, call.request.path_params["link_id"])
    document, _ = await lifecycle.find(db, user, document_id)
    await _settle(call.request, document)
    return Reply(None)


def _asking(request: Request) -> tuple[AsyncSession, User, UUID]:
    return request.state.db, signed_in(request), document_id_of(request)


async def _settle(request: Request, document: Document, *concerned: UUID) -> None:
    """Commit, and only then let open documents and lists follow, and the bells of those whose role it is."""
    state = request.app.state
    await request.state.db.commit()
    await lifecycle.spread_access(live_of(request), state.events, document, signed_in(request).id)
    if concerned:
        await tell(state.events, state.queue, concerned)


async def _sent(request: Request, document: Document, sent: sharing.Sent) -> InvitationMade:
    """Mail an invitation, commit, let open panels follow, and return its link."""
    settings: Settings = request.app.state.settings
    mailed = await inviting.send(request, sent.invitation)
    await _settle(request, document)
    return InvitationMade(
        url=f"{settings.public_url}/join/{sent.secret}", expires_at=sent.invitation.expires_at, mailed=mailed
    )


def _invited(each: sharing.Invited) -> InvitationSeen:
    return InvitationSeen(
        id=each.invitation.id,
        email=each.invitation.email,
        role=each.role,
        created_at=each.invitation.created_at,
        created_by=each.inviter_name,
        expires_at=each.invitation.expires_at,
    )


async def _named(request: Request) -> list[CollaboratorSeen]:
    db, user, document_id = _asking(request)
    return [
        CollaboratorSeen(
            person=Person(id=each.user_id, name=each.name),
            email=each.email,
            role=each.role,
            added_at=each.added_at,
            inherited_from=CollectionNamed(id=each.inherited.id, name=each.inherited.name) if each.inherited else None,
        )
        for each in await sharing.named(db, user, document_id)
    ]


async def _one(request: Request, who: UUID) -> CollaboratorSeen:
    return next(each for each in await _named(request) if each.person.id == who and each.inherited_from is None)


async def _sharing(db: AsyncSession, document: Document, role: DocumentRole | None) -> SharingSeen:
    given = await sharing.given(db, document)
    return SharingSeen(your_role=role, reach=given.said, role=given.role)


def _link(link: ShareLink, made_by: str | None) -> LinkSeen:
    return LinkSeen(
        id=link.id,
        role=DocumentRole(link.role),
        expires_at=link.expires_at,
        has_password=link.password_hash is not None,
        created_at=link.created_at,
        created_by=made_by,
        last_used_at=link.last_used_at,
    )

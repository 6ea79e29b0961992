"""Links into a workspace. One serves many people, until it expires, is revoked, or its maker may no longer invite.

One that is for an address lets in the person of that address alone, and ends when they have come; one that makes an
admin lets one person in, whoever that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User, utc_now
from server.accounts.secret import digest, new_secret
from server.errors import DomainError, Forbidden, Invalid, NotFound
from server.workspaces import access, membership
from server.workspaces.access import Actor, Verb
from server.workspaces.models import Invitation, Member, Role, Workspace

LASTS: Final = timedelta(days=7)


class InvitationOver(DomainError):
    """The link has expired, was revoked, or never was one."""

    sentence = "This invitation has expired or was taken back. Ask for a new link."


class NotForYou(Invalid):
    """The invitation is for somebody else's address."""

    sentence = "This invitation is for another e-mail address."


@dataclass(frozen=True, slots=True)
class Open:
    """An invitation that works now, with what a page says about it."""

    invitation: Invitation
    workspace_name: str
    inviter_name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An invitation that worked once. `inviter_name` is None if its maker is no longer there to be asked."""

    invitation: Invitation
    workspace_name: str
    inviter_name: str | None


async def create(
    db: AsyncSession,
    actor: Actor,
    workspace_id: UUID,
    document_id: UUID | None = None,
    *,
    role: Role = Role.MEMBER,
    document_role: str | None = None,
    email: str | None = None,
    now: datetime | None = None,
) -> tuple[Invitation, str]:
    """Make a link; the caller has checked that the document is in the workspace, and may be shared in that role.

    Returns the row and the secret.

    Raises NotFound, or Forbidden: also for a role that may do more than the one who invites.
    """
    if actor.workspace_id != workspace_id:
        raise NotFound
    _require_gift(actor, role)
    now = now or utc_now()
    secret = new_secret()
    invitation = Invitation(
        workspace_id=workspace_id,
        document_id=document_id,
        document_role=document_role,
        email=email,
        token_hash=digest(secret),
        role=role.value,
        created_by=actor.user_id,
        created_at=now,
        expires_at=now + LASTS,
    )
    db.add(invitation)
    await db.flush()
    return invitation, secret


async def look(db: AsyncSession, secret: str, *, lock: bool = False, now: datetime | None = None) -> Open:
    """Return the invitation of this secret. Raises InvitationOver.

    With `lock` nobody can revoke it, nor take its maker's role away, until the transaction ends.
    """
    hashed = digest(secret)
    either = (col(Invitation.token_hash) == hashed) | (col(Invitation.mail_token_hash) == hashed)
    statement = _working(now or utc_now()).where(either)
    if lock:
        statement = statement.with_for_update(of=[Invitation, Member]).execution_options(populate_existing=True)
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise InvitationOver
    invitation, workspace_name, inviter_name, inviter_role = row
    if not _may(inviter_role, invitation):
        raise InvitationOver
    return Open(invitation, workspace_name, inviter_name)


async def accept(db: AsyncSession, secret: str, user: User, *, now: datetime | None = None) -> Invitation:
    """Make `user` a member by this link. Who is a member already stays what they are.

    Raises InvitationOver, NotForYou.
    """
    now = now or utc_now()
    invitation = (await look(db, secret, lock=True, now=now)).invitation
    require_address(invitation, user.email)
    joined = await membership.join(
        db, workspace_id=invitation.workspace_id, user_id=user.id, role=Role(invitation.role), now=now
    )
    if joined:
        invitation.uses += 1
    if invitation.email is not None or (joined and invitation.role == Role.ADMIN.value):
        # It was for one person, who is here now.
        invitation.revoked_at = now
    await db.flush()
    return invitation


def require_address(invitation: Invitation, email: str) -> None:
    """Raise NotForYou, naming `email`, unless an invitation lets in the person of this address."""
    if invitation.email not in (None, email):
        raise NotForYou({"email": f"This invitation is for {invitation.email} alone."})


async def look_back(db: AsyncSession, secret: str) -> Ended | None:
    """Return what the invitation of this secret was, for a page that says whom to ask; None if there never was one."""
    hashed = digest(secret)
    rows = await db.execute(
        select(Invitation, col(Workspace.name), col(User.name), col(User.disabled_at), col(Member.role))
        .join(Workspace, col(Workspace.id) == col(Invitation.workspace_id))
        .join(User, col(User.id) == col(Invitation.created_by))
        .outerjoin(
            Member,
            (col(Member.workspace_id) == col(Invitation.workspace_id))
            & (col(Member.user_id) == col(Invitation.created_by)),
        )
        .where((col(Invitation.token_hash) == hashed) | (col(Invitation.mail_token_hash) == hashed))
    )
    row = rows.one_or_none()
    if row is None:
        return None
    invitation, workspace_name, inviter_name, disabled_at, role = row
    is_there = disabled_at is None and role is not None and _may(role, invitation)
    return Ended(invitation, workspace_name, inviter_name if is_there else None)


async def change(db: AsyncSession, actor: Actor, invitation_id: UUID, role: Role) -> Invitation:
    """Let whoever comes by an open invitation be something else; its maker may, and whoever manages the workspace.

    Whoever changes it stands for it from now on. Raises NotFound, Forbidden.
    """
    invitation = await _theirs(db, actor, invitation_id)
    _require_gift(actor, role)
    invitation.role, invitation.created_by = role.value, actor.user_id
    await db.flush()
    return invitation


async def renew(db: AsyncSession, actor: Actor, invitation_id: UUID, *, now: datetime | None = None) -> str:
    """Give an open invitation a new link and a week from now; what was handed out before opens nothing any more.

    Its maker may, and whoever manages the workspace. Returns the secret. Raises NotFound, Forbidden.
    """
    return await renewed(db, actor, await _theirs(db, actor, invitation_id), now=now)


async def renewed(db: AsyncSession, actor: Actor, invitation: Invitation, *, now: datetime | None = None) -> str:
    """Do so with an invitation that the caller holds a lock on, and has asked about."""
    _require_gift(actor, Role(invitation.role))
    secret = new_secret()
    invitation.token_hash, invitation.mail_token_hash = digest(secret), None
    invitation.expires_at = (now or utc_now()) + LASTS
    invitation.created_by = actor.user_id
    await db.flush()
    return secret


async def list_open(db: AsyncSession, actor: Actor, *, now: datetime | None = None) -> Sequence[Open]:
    """Return the invitations to the actor's workspace that work now, the newest first. Raises Forbidden."""
    access.require(actor, Verb.INVITE, actor)
    rows = await db.execute(
        _working(now or utc_now())
        .where(col(Invitation.workspace_id) == actor.workspace_id)
        .order_by(col(Invitation.created_at).desc(), col(Invitation.id))
    )
    return [
        Open(invitation, workspace, inviter) for invitation, workspace, inviter, role in rows if _may(role, invitation)
    ]


async def leading_to(db: AsyncSession, document_id: UUID, *, now: datetime | None = None) -> Sequence[Open]:
    """Return the invitations that work now and give a role at this document, the newest first.

    The caller has asked whether this may be seen.
    """
    rows = await db.execute(
        _working(now or utc_now())
        .where(col(Invitation.document_id) == document_id, col(Invitation.document_role).is_not(None))
        .order_by(col(Invitation.created_at).desc(), col(Invitation.id))
    )
    return [
        Open(invitation, workspace, inviter) for invitation, workspace, inviter, role in rows if _may(role, invitation)
    ]


async def find_open(db: AsyncSession, invitation_id: UUID, *, now: datetime | None = None) -> Open | None:
    """Return an invitation that works now, for whoever is about to mail it."""
    row = (await db.execute(_working(now or utc_now()).where(col(Invitation.id) == invitation_id))).one_or_none()
    if row is None:
        return None
    invitation, workspace_name, inviter_name, inviter_role = row
    return Open(invitation, workspace_name, inviter_name) if _may(inviter_role, invitation) else None


async def mailed(db: AsyncSession, invitation_id: UUID, token_hash: bytes) -> None:
    """Let the secret of this hash open the invitation too; it goes out by mail and stands nowhere else."""
    await db.execute(update(Invitation).where(col(Invitation.id) == invitation_id).values(mail_token_hash=token_hash))


async def revoke(db: AsyncSession, actor: Actor, invitation_id: UUID, *, now: datetime | None = None) -> None:
    """Take a link back: its maker may, and whoever manages the workspace. Raises NotFound, Forbidden."""
    invitation = await db.get(Invitation, invitation_id)
    if invitation is None or invitation.workspace_id != actor.workspace_id:
        raise NotFound
    if invitation.created_by != actor.user_id:
        access.require(actor, Verb.MANAGE, invitation)
    await db.execute(
        update(Invitation)
        .where(col(Invitation.id) == invitation_id, col(Invitation.revoked_at).is_(None))
        .values(revoked_at=now or utc_now())
    )


async def open_at(db: AsyncSession, invitation_id: UUID, *, now: datetime | None = None) -> Invitation:
    """Return an invitation that is neither revoked nor expired, held until the transaction ends. Raises NotFound."""
    invitation: Invitation | None = await db.scalar(
        select(Invitation)
        .where(
            col(Invitation.id) == invitation_id,
            col(Invitation.revoked_at).is_(None),
            col(Invitation.expires_at) > (now or utc_now()),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if invitation is None:
        raise NotFound
    return invitation


async def _theirs(db: AsyncSession, actor: Actor, invitation_id: UUID) -> Invitation:
    """Return an open invitation that the actor may change. Raises NotFound, Forbidden."""
    invitation = await open_at(db, invitation_id)
    if invitation.workspace_id != actor.workspace_id:
        raise NotFound
    if invitation.created_by != actor.user_id:
        access.require(actor, Verb.MANAGE, invitation)
    return invitation


def _require_gift(actor: Actor, role: Role) -> None:
    access.require(actor, Verb.INVITE, actor)
    if role not in access.GIVES[actor.role]:
        raise Forbidden("Only an admin invites people to be more than a member.")


def _working(now: datetime) -> Select[Invitation, str, str, str]:
    """Select invitations that are open, with the workspace's name, the maker's name and the maker's role of today."""
    return (
        select(Invitation, col(Workspace.name), col(User.name), col(Member.role))
        .join(Workspace, col(Workspace.id) == col(Invitation.workspace_id))
        .join(User, col(User.id) == col(Invitation.created_by))
        .join(
            Member,
            (col(Member.workspace_id) == col(Invitation.workspace_id))
            & (col(Member.user_id) == col(Invitation.created_by)),
        )
        .where(col(Invitation.revoked_at).is_(None), col(Invitation.expires_at) > now, col(User.disabled_at).is_(None))
    )


def _may(maker_role: str, invitation: Invitation) -> bool:
    """Whether somebody of this role may still invite as the invitation does."""
    maker = Role(maker_role)
    return Verb.INVITE in access.ALLOWED[maker] and Role(invitation.role) in access.GIVES[maker]

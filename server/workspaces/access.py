"""The one place that decides who may do what. Every door asks here: page, API, socket frame, job."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.errors import Forbidden, NotFound, Unauthenticated
from server.workspaces.models import Member, Role


class Verb(StrEnum):
    """What somebody may want to do, to a document or to the workspace around it."""

    VIEW = "view"
    COMMENT = "comment"
    EDIT = "edit"
    CREATE = "create"
    RENAME = "rename"
    TRASH = "trash"
    RESTORE = "restore"
    UPLOAD = "upload"
    INVITE = "invite"
    MANAGE = "manage"


class InWorkspace(Protocol):
    """What is decided about: anything that belongs to a workspace. A document is one."""

    @property
    def workspace_id(self) -> UUID:
        """The workspace it belongs to."""
        ...


@dataclass(frozen=True, slots=True)
class Actor:
    """A member at work. Made by `actor_for`; short-lived, because a role may change at any time."""

    user_id: UUID
    workspace_id: UUID
    role: Role


_READ: Final = frozenset({Verb.VIEW})
_WRITE: Final = _READ | {
    Verb.COMMENT,
    Verb.EDIT,
    Verb.CREATE,
    Verb.RENAME,
    Verb.TRASH,
    Verb.RESTORE,
    Verb.UPLOAD,
    Verb.INVITE,
}
ALLOWED: Final = MappingProxyType(
    {
        Role.ADMIN: frozenset(Verb),
        Role.SCHEDULER: _WRITE,
        Role.MEMBER: _WRITE,
        Role.GUEST: _READ,
    }
)


def can(actor: Actor | None, verb: Verb, thing: InWorkspace) -> bool:
    """Whether `actor` may do `verb` to `thing`: a document, or the actor itself for the workspace as a whole."""
    return actor is not None and actor.workspace_id == thing.workspace_id and verb in ALLOWED[actor.role]


def require(actor: Actor | None, verb: Verb, thing: InWorkspace) -> None:
    """Raise Forbidden unless `actor` may; NotFound if it must not even learn that `thing` exists."""
    if can(actor, verb, thing):
        return
    if can(actor, Verb.VIEW, thing):
        raise Forbidden
    raise NotFound


async def actor_for(db: AsyncSession, user: User | None, workspace_id: UUID) -> Actor:
    """Return the person as a member of the workspace, in the role of this moment.

    Raises Unauthenticated for nobody, NotFound for somebody who is no member.
    """
    if user is None:
        raise Unauthenticated
    role = await db.scalar(
        select(col(Member.role)).where(col(Member.workspace_id) == workspace_id, col(Member.user_id) == user.id)
    )
    if role is None:
        raise NotFound
    return Actor(user_id=user.id, workspace_id=workspace_id, role=Role(role))

"""The one decision about who may do what. Every door asks `can` or `require`: page, API, socket frame, job.

Somebody stands in a place: a member in a workspace (`Actor`, here), a person at a document
(`server.documents.access.DocumentActor`). Each knows which verbs it holds there; each kind of place has verbs of its
own, so that a question about a document cannot be put to somebody who only stands in its workspace.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.errors import Forbidden, NotFound, Unauthenticated
from server.workspaces.models import Member, Role

_Verb = TypeVar("_Verb", contravariant=True)
_Thing = TypeVar("_Thing", contravariant=True)


class Verb(StrEnum):
    """What a member may want to do in a workspace. What is done to its documents is decided at each document."""

    VIEW = "view"
    CREATE = "create"
    INVITE = "invite"
    PUBLISH = "publish"
    MANAGE = "manage"


class InWorkspace(Protocol):
    """What a member is asked about: anything that belongs to a workspace, or the actor itself for the whole of it."""

    @property
    def workspace_id(self) -> UUID:
        """The workspace it belongs to."""
        ...


class Standing(Protocol[_Verb, _Thing]):
    """Somebody in a place. A frozen value; short-lived, because a role may change at any time."""

    def holds(self, verb: _Verb, thing: _Thing) -> bool:
        """Whether the verb is theirs for this thing."""
        ...

    def sees(self, thing: _Thing) -> bool:
        """Whether they may learn that it exists."""
        ...


@dataclass(frozen=True, slots=True)
class Actor:
    """A member at work. Made by `actor_for`."""

    user_id: UUID
    workspace_id: UUID
    role: Role

    def holds(self, verb: Verb, thing: InWorkspace) -> bool:
        """See Standing."""
        return self.workspace_id == thing.workspace_id and verb in ALLOWED[self.role]

    def sees(self, thing: InWorkspace) -> bool:
        """See Standing."""
        return self.holds(Verb.VIEW, thing)


_AT_WORK: Final = frozenset({Verb.VIEW, Verb.CREATE, Verb.INVITE})
ALLOWED: Final = MappingProxyType(
    {
        Role.ADMIN: frozenset(Verb),
        Role.SCHEDULER: _AT_WORK | {Verb.PUBLISH},
        Role.MEMBER: _AT_WORK,
        Role.GUEST: frozenset({Verb.VIEW}),
    }
)

# What somebody of a role may make others: only who manages the workspace gives what is more than a member's.
GIVES: Final = MappingProxyType(
    {
        Role.ADMIN: frozenset(Role),
        Role.SCHEDULER: frozenset({Role.MEMBER, Role.GUEST}),
        Role.MEMBER: frozenset({Role.MEMBER, Role.GUEST}),
        Role.GUEST: frozenset[Role](),
    }
)

# What whoever may not is told, besides that.
WHO_MAY: Final = MappingProxyType(
    {
        Verb.CREATE: "This is for members of the workspace, not for guests. Ask an admin to make you a member.",
        Verb.INVITE: "Members invite others, guests do not. Ask an admin to make you a member.",
        Verb.PUBLISH: "Only admins and schedulers publish, and look after the accounts. Ask an admin for that role.",
        Verb.MANAGE: "Only an admin of the workspace can do that. Ask one of them.",
    }
)


def can(actor: Standing[_Verb, _Thing] | None, verb: _Verb, thing: _Thing) -> bool:
    """Whether `actor` may do `verb` to `thing`. Nobody may do anything."""
    return actor is not None and actor.holds(verb, thing)


def require(actor: Standing[_Verb, _Thing] | None, verb: _Verb, thing: _Thing) -> None:
    """Raise Forbidden unless `actor` may; NotFound if it must not even learn that `thing` exists."""
    if can(actor, verb, thing):
        return
    if actor is not None and actor.sees(thing):
        raise Forbidden(WHO_MAY.get(verb) if isinstance(verb, Verb) else None)
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

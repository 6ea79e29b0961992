"""Who may do what with a document: the table of roles, and the one place that finds somebody's role.

The decision itself is `can` (`server.workspaces.access`): `can(actor, DocumentVerb.EDIT, document)`, where the actor
comes from `actor_at`, or from a list that was read with `strongest_role`. It works as well for what hangs on a document
(a thread, a revision): anything with a `document_id`.

Somebody's role at a document is the strongest of

- owner, for an admin of its workspace;
- the role they are named with on the document;
- the role they are named with on a collection that it lies in, however deep;
- for members and schedulers, not for guests: what the document gives to its workspace, or else the nearest collection
  that says so, or else editor;
- the role of a link that they opened, while the link works.

A guest of a review, who has no account, has what they were invited to do at their one document, while their link works.
"""

from collections.abc import Collection as Group
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    Uuid,
    and_,
    any_,
    case,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from server.accounts.models import User
from server.documents.models import (
    USUAL_ROLE,
    Collaborator,
    Collection,
    Document,
    DocumentRole,
    LinkVisit,
    Reach,
    ReviewGuest,
    ShareLink,
    utc_now,
)
from server.errors import NotFound, Unauthenticated
from server.workspaces.access import Actor, can, require
from server.workspaces.models import Member, Role

__all__ = ["ALLOWED", "DocumentActor", "DocumentRole", "DocumentVerb", "actor_at", "can", "require", "strongest_role"]


class DocumentVerb(StrEnum):
    """What somebody may want to do with a document or with something that hangs on it."""

    VIEW = "view"  # read it and its comments, see who is there
    COMMENT = "comment"  # begin a thread, answer in one
    SUGGEST = "suggest"  # propose a change that somebody else accepts
    EDIT = "edit"  # change the text
    UPLOAD = "upload"  # bring a picture into it
    DECIDE = "decide"  # approve what was sent for review, where a workflow names the person
    REVIEW = "review"  # accept and reject suggestions, resolve what others began
    RENAME = "rename"
    MOVE = "move"  # put it into another collection
    TRASH = "trash"
    RESTORE = "restore"  # out of the trash, or to an earlier revision
    SHARE = "share"  # say who else may do what, up to one's own role
    OWN = "own"  # hand it over, make and unmake owners


_VIEWER: Final = frozenset({DocumentVerb.VIEW})
_REVIEWER: Final = _VIEWER | {DocumentVerb.COMMENT, DocumentVerb.SUGGEST, DocumentVerb.DECIDE}
_EDITOR: Final = _REVIEWER | {
    DocumentVerb.EDIT,
    DocumentVerb.UPLOAD,
    DocumentVerb.REVIEW,
    DocumentVerb.RENAME,
    DocumentVerb.MOVE,
    DocumentVerb.TRASH,
    DocumentVerb.RESTORE,
    DocumentVerb.SHARE,
}
ALLOWED: Final = MappingProxyType(
    {
        DocumentRole.OWNER: _EDITOR | {DocumentVerb.OWN},
        DocumentRole.EDITOR: _EDITOR,
        DocumentRole.REVIEWER: _REVIEWER,
        DocumentRole.VIEWER: _VIEWER,
    }
)

# For the database, which compares numbers.
_RANK: Final = MappingProxyType({role: rank for rank, role in enumerate(reversed(DocumentRole), start=1)})
_NOBODY: Final = 0
# Above all roles: a guest of a review, and what they may besides reading, one bit each.
_GUEST: Final = 64
_GUESTS_VERBS: Final = MappingProxyType({1: DocumentVerb.COMMENT, 2: DocumentVerb.SUGGEST, 4: DocumentVerb.DECIDE})


class OfDocument(Protocol):
    """What is decided about: a document, or anything that hangs on one."""

    @property
    def document_id(self) -> UUID:
        """The document that it is, or that it hangs on."""
        ...


@dataclass(frozen=True, slots=True)
class DocumentActor:
    """Somebody at a document, in the role of this moment. Made by `actor_at`, or from a row with `role_of`.

    `user_id` is None for somebody without an account, who reads by a link; `workspace_role` is None for everybody who
    is no member of the document's workspace; `role` is None if the document is not shared with them. `only`: of a guest
    of a review, what they were invited to do, which is less than the role.
    """

    user_id: UUID | None
    workspace_id: UUID
    document_id: UUID
    workspace_role: Role | None
    role: DocumentRole | None
    only: frozenset[DocumentVerb] | None = None

    def holds(self, verb: DocumentVerb, thing: OfDocument) -> bool:
        """See Standing."""
        if self.role is None or self.document_id != thing.document_id:
            return False
        return verb in ALLOWED[self.role] and (self.only is None or verb in self.only)

    def sees(self, thing: OfDocument) -> bool:
        """See Standing."""
        return self.holds(DocumentVerb.VIEW, thing)


class OfCollection(Protocol):
    """A collection, as far as a decision about it is concerned."""

    @property
    def collection_id(self) -> UUID:
        """The collection that it is."""
        ...


@dataclass(frozen=True, slots=True)
class CollectionActor:
    """A member at a collection. The verbs mean the same as at a document: what is in it, its name, its place."""

    user_id: UUID
    workspace_id: UUID
    collection_id: UUID
    workspace_role: Role
    role: DocumentRole | None

    def holds(self, verb: DocumentVerb, thing: OfCollection) -> bool:
        """See Standing."""
        return self.role is not None and self.collection_id == thing.collection_id and verb in ALLOWED[self.role]

    def sees(self, thing: OfCollection) -> bool:
        """See Standing."""
        return self.holds(DocumentVerb.VIEW, thing)


def reaches(role: DocumentRole, other: DocumentRole) -> bool:
    """Whether `role` is as strong as `other`, or stronger."""
    return _RANK[role] >= _RANK[other]


def role_of(rank: int | None) -> DocumentRole | None:
    """Return the role that `strongest_role` found."""
    if rank is not None and rank >= _GUEST:
        return DocumentRole.REVIEWER if rank > _GUEST else DocumentRole.VIEWER
    return None if rank is None else next(role for role, each in _RANK.items() if each == rank)


def only_of(rank: int | None) -> frozenset[DocumentVerb] | None:
    """Return what a guest of a review may do, by what `strongest_role` found; None for everybody else."""
    if rank is None or rank < _GUEST:
        return None
    return _VIEWER | {verb for bit, verb in _GUESTS_VERBS.items() if rank & bit}


def strongest_role(
    user_id: SQLColumnExpression[UUID],
    workspace_role: SQLColumnExpression[str],
    now: SQLColumnExpression[datetime],
) -> ColumnElement[int | None]:
    """Return the expression for somebody's role at the `Document` of the statement around it; read it by `role_of`.

    `workspace_role` is the text of their `Role` in the document's workspace, null for no member. Null: it is not shared
    with them. The rules are those at the top of this module, and stand nowhere else.
    """
    named = (
        select(func.max(_rank(col(Collaborator.role))))
        .where(col(Collaborator.document_id) == col(Document.id), col(Collaborator.user_id) == user_id)
        .correlate_except(Collaborator)
        .scalar_subquery()
    )
    opened = (
        select(func.max(_rank(col(ShareLink.role))))
        .join(LinkVisit, col(LinkVisit.link_id) == col(ShareLink.id))
        .where(
            col(ShareLink.document_id) == col(Document.id),
            col(LinkVisit.user_id) == user_id,
            link_works(now),
        )
        .correlate_except(ShareLink, LinkVisit)
        .scalar_subquery()
    )
    invited = (
        select(
            literal(_GUEST)
            + case((col(ReviewGuest.may_comment), 1), else_=0)
            + case((col(ReviewGuest.may_suggest), 2), else_=0)
            + case((col(ReviewGuest.may_approve), 4), else_=0)
        )
        .where(
            col(ReviewGuest.user_id) == user_id,
            col(ReviewGuest.document_id) == col(Document.id),
            guest_works(now),
        )
        .correlate_except(ReviewGuest)
        .scalar_subquery()
    )
    return case(
        (workspace_role == Role.ADMIN.value, _RANK[DocumentRole.OWNER]),
        else_=func.greatest(
            # Members are never guests, and not asked about it.
            case((workspace_role.is_(None), invited)),
            named,
            # Most documents lie in no collection, and are not asked about any.
            case((col(Document.collection_id).is_not(None), _inherited(col(Document.collection_id), user_id))),
            case((_works(workspace_role), reach_rank())),
            opened,
        ),
    )


def link_works(now: SQLColumnExpression[datetime]) -> ColumnElement[bool]:
    """Return the condition that a share link neither was revoked nor has expired."""
    return and_(
        col(ShareLink.revoked_at).is_(None), or_(col(ShareLink.expires_at).is_(None), col(ShareLink.expires_at) > now)
    )


def guest_works(now: SQLColumnExpression[datetime]) -> ColumnElement[bool]:
    """Return the condition that a guest of a review may still come in: neither revoked, nor expired, nor done."""
    return and_(
        col(ReviewGuest.revoked_at).is_(None),
        col(ReviewGuest.expires_at) > now,
        or_(~col(ReviewGuest.ends_when_approved), col(ReviewGuest.approved_at).is_(None)),
    )


def shared_with(actor: Actor) -> ColumnElement[int | None]:
    """Return `strongest_role` for a member, as a value in the statement."""
    return strongest_role(literal(actor.user_id, Uuid), literal(actor.role.value), literal(utc_now()))


async def actor_at(db: AsyncSession, user: User | None, document_id: UUID) -> tuple[Document, DocumentActor]:
    """Return a document and the person as somebody at it, whatever their role; the caller asks `require`.

    Raises Unauthenticated for nobody, NotFound if there is no such document.
    """
    if user is None:
        raise Unauthenticated
    row = (await db.execute(_question(user).where(col(Document.id) == document_id))).one_or_none()
    if row is None:
        raise NotFound
    document, workspace_role, rank = row
    return document, _actor(user, document, workspace_role, rank)


async def actors_at(db: AsyncSession, user: User, document_ids: Group[UUID]) -> dict[UUID, DocumentActor]:
    """Return the person at each of these documents, with one question. Documents that are gone are left out."""
    rows = await db.execute(_question(user).where(col(Document.id).in_(document_ids)))
    return {document.id: _actor(user, document, workspace_role, rank) for document, workspace_role, rank in rows}


async def seen_by(db: AsyncSession, user: User, document_ids: Group[UUID]) -> frozenset[UUID]:
    """Return which of these documents the person may see now."""
    actors = await actors_at(db, user, document_ids)
    return frozenset(document_id for document_id, actor in actors.items() if can(actor, DocumentVerb.VIEW, actor))


async def who_sees(
    db: AsyncSession, document_ids: Group[UUID], user_ids: Group[UUID]
) -> Mapping[UUID, frozenset[UUID]]:
    """Return by document who of these members of its workspace, and guests of its review, sees it: with two questions.

    However many they are.
    """
    role = col(Member.role)
    # What a document gives to all who work there is found once, and not for each of them.
    places = (
        select(col(Document.id), reach_rank().label("given"))
        .where(col(Document.id) == any_(literal(list(document_ids), ARRAY(Uuid))))
        .cte("places")
        .prefix_with("MATERIALIZED")
    )
    sees = case(
        (and_(_works(role), places.c.given.is_not(None)), true()),
        else_=strongest_role(col(Member.user_id), role, literal(utc_now())).is_not(None),
    )
    rows = await db.execute(
        select(col(Document.id), func.array_agg(col(Member.user_id)))
        .join(places, places.c.id == col(Document.id))
        .join(Member, col(Member.workspace_id) == col(Document.workspace_id))
        .where(col(Member.user_id) == any_(literal(list(user_ids), ARRAY(Uuid))), sees)
        .group_by(col(Document.id))
    )
    seen = {document_id: frozenset(people) for document_id, people in rows}
    guests = await db.execute(
        select(col(ReviewGuest.document_id), col(ReviewGuest.user_id)).where(
            col(ReviewGuest.document_id) == any_(literal(list(document_ids), ARRAY(Uuid))),
            col(ReviewGuest.user_id) == any_(literal(list(user_ids), ARRAY(Uuid))),
            guest_works(literal(utc_now())),
        )
    )
    for document_id, user_id in guests:
        seen[document_id] = seen.get(document_id, frozenset()) | {user_id}
    return seen


async def count_change(db: AsyncSession, document_id: UUID) -> None:
    """Count that the answer to "who may do what with it?" has changed. What is open learns of it after the commit."""
    await db.execute(
        update(Document)
        .where(col(Document.id) == document_id)
        .values(access_epoch=col(Document.access_epoch) + 1)
        .execution_options(synchronize_session=False)
    )


def _actor(user: User, document: Document, workspace_role: str | None, rank: int | None) -> DocumentActor:
    return DocumentActor(
        user_id=user.id,
        workspace_id=document.workspace_id,
        document_id=document.id,
        workspace_role=Role(workspace_role) if workspace_role is not None else None,
        role=role_of(rank),
        only=only_of(rank),
    )


def _question(user: User) -> Select[Document, str | None, int | None]:
    of_theirs = and_(col(Member.workspace_id) == col(Document.workspace_id), col(Member.user_id) == user.id)
    rank = strongest_role(literal(user.id, Uuid), col(Member.role), literal(utc_now()))
    return select(Document, col(Member.role), rank).outerjoin(Member, of_theirs)


def reach_rank() -> ColumnElement[int | None]:
    """Return the expression for what members have at the statement's `Document` without being named; see `role_of`."""
    said = func.coalesce(
        _reach_rank(col(Document.reach), col(Document.reach_role)),
        case((col(Document.collection_id).is_not(None), _nearest_reach(col(Document.collection_id)))),
        literal(_RANK[USUAL_ROLE]),
    )
    return func.nullif(said, _NOBODY)


def role_at_collection(
    user_id: SQLColumnExpression[UUID], workspace_role: SQLColumnExpression[str]
) -> ColumnElement[int | None]:
    """Return the expression for somebody's role at the `Collection` of the statement around it; read it by `role_of`.

    It is what they have at a document in it that says nothing itself, links aside.
    """
    said = func.coalesce(_nearest_reach(col(Collection.id)), literal(_RANK[USUAL_ROLE]))
    return case(
        (workspace_role == Role.ADMIN.value, _RANK[DocumentRole.OWNER]),
        else_=func.greatest(
            _inherited(col(Collection.id), user_id), case((_works(workspace_role), func.nullif(said, _NOBODY)))
        ),
    )


def _works(workspace_role: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Whether somebody has what documents give to their workspace."""
    return workspace_role.in_([Role.MEMBER.value, Role.SCHEDULER.value])


def _inherited(
    collection_id: SQLColumnExpression[Any], user_id: SQLColumnExpression[UUID]
) -> ColumnElement[int | None]:
    """What somebody is named as on a collection or on one around it."""
    home = aliased(Collection)
    return (
        select(func.max(_rank(col(Collaborator.role))))
        .select_from(home)
        .join(
            Collaborator,
            and_(col(Collaborator.collection_id) == any_(col(home.path)), col(Collaborator.user_id) == user_id),
        )
        .where(col(home.id) == collection_id)
        .correlate_except(home, Collaborator)
        .scalar_subquery()
    )


def _nearest_reach(collection_id: SQLColumnExpression[Any]) -> ColumnElement[int | None]:
    """What a collection, or the nearest one around it that says so, gives to its workspace; see `_reach_rank`."""
    home, around = aliased(Collection), aliased(Collection)
    return (
        select(_reach_rank(col(around.reach), col(around.reach_role)))
        .select_from(home)
        .join(around, col(around.id) == any_(col(home.path)))
        .where(col(home.id) == collection_id, col(around.reach).is_not(None))
        .order_by(func.cardinality(col(around.path)).desc())
        .limit(1)
        .correlate_except(home, around)
        .scalar_subquery()
    )


def _reach_rank(
    reach: SQLColumnExpression[str | None], role: SQLColumnExpression[str | None]
) -> ColumnElement[int | None]:
    """Null where nothing is said, which is not the same as `_NOBODY`."""
    return case((reach == Reach.PEOPLE.value, _NOBODY), (reach == Reach.WORKSPACE.value, _rank(role)))


def _rank(role: SQLColumnExpression[Any]) -> ColumnElement[int]:
    return case({each.value: rank for each, rank in _RANK.items()}, value=role)

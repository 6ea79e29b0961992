"""Who decides about a document: whom the steps name, as far as they may decide there at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import DocumentActor, DocumentVerb, can, guest_works, role_of, strongest_role
from server.documents.models import Document, ReviewGuest, utc_now
from server.review.steps import Step
from server.workspaces.models import Member, Role


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may decide about the document: a member in their role, or a guest of the review, who has none."""

    id: UUID
    name: str
    colour: int
    role: Role | None

    def decides_at(self, step: Step) -> bool:
        """Whether they are among a step's reviewers."""
        return step.guests if self.role is None else step.is_for(self.id, self.role)


async def able(db: AsyncSession, document: Document) -> Mapping[UUID, Person]:
    """Return the members and guests who may decide about a document, by id."""
    rank = strongest_role(col(User.id), col(Member.role), literal(utc_now()))
    rows = await db.execute(
        select(User, col(Member.role), rank)
        .select_from(Document)
        .join(Member, col(Member.workspace_id) == col(Document.workspace_id))
        .join(User, col(User.id) == col(Member.user_id))
        .where(col(Document.id) == document.id, col(User.disabled_at).is_(None))
        .order_by(col(User.name), col(User.id))
    )
    found: dict[UUID, Person] = {}
    for user, workspace_role, place in rows:
        role = Role(workspace_role)
        actor = DocumentActor(user.id, document.workspace_id, document.id, role, role_of(place))
        if can(actor, DocumentVerb.DECIDE, document):
            found[user.id] = Person(user.id, user.name, user.colour, role)
    return {**found, **await guests_able(db, document.id)}


async def guests_able(db: AsyncSession, document_id: UUID) -> Mapping[UUID, Person]:
    """Return the guests who may approve a document, by id."""
    guests = await db.scalars(
        select(User)
        .join(ReviewGuest, col(ReviewGuest.user_id) == col(User.id))
        .where(
            col(ReviewGuest.document_id) == document_id,
            col(ReviewGuest.may_approve),
            guest_works(literal(utc_now())),
        )
        .order_by(col(User.name), col(User.id))
    )
    return {guest.id: Person(guest.id, guest.name, guest.colour, None) for guest in guests}


def of_steps(
    steps: Sequence[Step], people: Mapping[UUID, Person], *, asked_by: UUID | None, own_content: bool
) -> list[frozenset[UUID]]:
    """Return the reviewers of each step. Nobody decides about what they ask for, unless the workflow says so."""
    return [
        frozenset(each.id for each in people.values() if each.decides_at(step) and (own_content or each.id != asked_by))
        for step in steps
    ]

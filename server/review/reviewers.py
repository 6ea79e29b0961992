"""Who decides about a document: whom the steps name, as far as they may decide there at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import DocumentActor, DocumentVerb, can, role_of, strongest_role
from server.documents.models import Document, utc_now
from server.review.steps import Step
from server.workspaces.models import Member, Role


@dataclass(frozen=True, slots=True)
class Person:
    """A member who may decide about the document."""

    id: UUID
    name: str
    colour: int
    role: Role


async def able(db: AsyncSession, document: Document) -> Mapping[UUID, Person]:
    """Return the members who may decide about a document, by id."""
    rank = strongest_role(col(User.id), col(Member.role), literal(utc_now()))
    rows = await db.execute(
        select(User, col(Member.role), rank)
        .select_from(Document)
        .join(Member, col(Member.workspace_id) == col(Document.workspace_id))
        .join(User, col(User.id) == col(Member.user_id))
        .where(col(Document.id) == document.id, col(User.disabled_at).is_(None))
        .order_by(col(User.name), col(User.id))
    )
    found = {}
    for user, workspace_role, place in rows:
        role = Role(workspace_role)
        actor = DocumentActor(user.id, document.workspace_id, document.id, role, role_of(place))
        if can(actor, DocumentVerb.DECIDE, document):
            found[user.id] = Person(user.id, user.name, user.colour, role)
    return found


def of_steps(
    steps: Sequence[Step], people: Mapping[UUID, Person], *, asked_by: UUID | None, own_content: bool
) -> list[frozenset[UUID]]:
    """Return the reviewers of each step. Nobody decides about what they ask for, unless the workflow says so."""
    return [
        frozenset(
            each.id
            for each in people.values()
            if step.is_for(each.id, each.role) and (own_content or each.id != asked_by)
        )
        for step in steps
    ]

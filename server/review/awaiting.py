"""Who has to decide about documents now: for many at once, in the same few questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import DocumentActor, DocumentVerb, can, guest_works, role_of, strongest_role
from server.documents.models import Document, ReviewGuest, utc_now
from server.review import reviewers, steps
from server.review.models import Decision, Review, ReviewState, Verdict
from server.review.reviewers import Person
from server.workspaces.models import Member, Role

# Nobody reads a longer list of names.
MOST: Final = 50


async def waited_for(db: AsyncSession, document_ids: Collection[UUID]) -> Mapping[UUID, tuple[Person, ...]]:
    """Return who may decide at the step that is on, by document; those that nobody has to decide about are left out.

    For some documents at most: each asks for all members of its workspace.
    """
    if not document_ids:
        return {}
    reviews = (
        await db.scalars(
            select(Review).where(col(Review.document_id).in_(document_ids), col(Review.state) == ReviewState.OPEN.value)
        )
    ).all()
    if not reviews:
        return {}
    people = await _able(db, {review.document_id for review in reviews})
    approvals = await _approvals(db, reviews)
    found = {}
    for review in reviews:
        able = people[review.document_id]
        of_review = [steps.from_json(each) for each in review.steps]
        named = reviewers.of_steps(of_review, able, asked_by=review.requested_by, own_content=review.own_content)
        progress = steps.progress(of_review, named, approvals[review.document_id])
        place = steps.current(progress)
        if place is not None:
            waits = sorted((able[each] for each in progress[place].waits_for), key=lambda person: person.name)
            found[review.document_id] = tuple(waits[:MOST])
    return found


async def _able(db: AsyncSession, document_ids: Collection[UUID]) -> Mapping[UUID, Mapping[UUID, Person]]:
    """Return what `reviewers.able` does, for each document."""
    rank = strongest_role(col(User.id), col(Member.role), literal(utc_now()))
    rows = await db.execute(
        select(Document, User, col(Member.role), rank)
        .select_from(Document)
        .join(Member, col(Member.workspace_id) == col(Document.workspace_id))
        .join(User, col(User.id) == col(Member.user_id))
        .where(col(Document.id).in_(document_ids), col(User.disabled_at).is_(None))
    )
    found: dict[UUID, dict[UUID, Person]] = defaultdict(dict)
    for document, user, workspace_role, place in rows:
        role = Role(workspace_role)
        actor = DocumentActor(user.id, document.workspace_id, document.id, role, role_of(place))
        if can(actor, DocumentVerb.DECIDE, document):
            found[document.id][user.id] = Person(user.id, user.name, user.colour, role)
    guests = await db.execute(
        select(col(ReviewGuest.document_id), User)
        .join(User, col(User.id) == col(ReviewGuest.user_id))
        .where(
            col(ReviewGuest.document_id).in_(document_ids),
            col(ReviewGuest.may_approve),
            guest_works(literal(utc_now())),
        )
    )
    for document_id, guest in guests:
        found[document_id][guest.id] = Person(guest.id, guest.name, guest.colour, None)
    return found


async def _approvals(db: AsyncSession, reviews: Collection[Review]) -> Mapping[UUID, Mapping[str, list[UUID]]]:
    """Return who approves what is under review, by document and step, as `lifecycle` counts it."""
    rows = await db.execute(
        select(col(Decision.document_id), col(Decision.step), col(Decision.user_id), col(Decision.verdict))
        .where(
            tuple_(col(Decision.document_id), col(Decision.hash)).in_(
                [(review.document_id, review.hash) for review in reviews]
            ),
            col(Decision.verdict).in_([Verdict.APPROVE.value, Verdict.CHANGES.value]),
        )
        .order_by(col(Decision.at), col(Decision.id))
    )
    found: dict[UUID, dict[str, list[UUID]]] = defaultdict(lambda: defaultdict(list))
    for document_id, key, user_id, verdict in rows:
        if verdict == Verdict.CHANGES:
            found[document_id].clear()
        elif user_id is not None:
            found[document_id][key].append(user_id)
    return found

"""What waits for somebody, and what they wait for themselves: two questions, however much it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import DocumentActor, DocumentVerb, can, role_of, shared_with
from server.documents.models import Document
from server.review import lifecycle, steps
from server.review.models import Decision, Review, ReviewState, Standing, Verdict
from server.workspaces.access import Actor

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """A review that is under way, as a list shows it."""

    document_id: UUID
    title: str
    asked_by: str
    requested_at: datetime
    workflow: str
    step: str
    note: str
    due_at: datetime | None
    held: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What somebody is asked to decide, and what they asked others."""

    mine: Sequence[Waiting]
    asked: Sequence[Waiting]


async def waiting(db: AsyncSession, actor: Actor) -> Found:
    """Return the reviews of a workspace that concern somebody, the oldest first."""
    rows = (
        await db.execute(
            select(Review, Document, col(User.name), col(Standing.held_at), shared_with(actor))
            .join(Document, col(Document.id) == col(Review.document_id))
            .outerjoin(User, col(User.id) == col(Review.requested_by))
            .join(Standing, col(Standing.document_id) == col(Review.document_id))
            .where(
                col(Review.workspace_id) == actor.workspace_id,
                col(Review.state) == ReviewState.OPEN.value,
                col(Document.trashed_at).is_(None),
            )
            .order_by(col(Review.requested_at), col(Review.id))
            .limit(MOST)
        )
    ).all()
    done = await _approved_by(db, actor.user_id, [review for review, *_ in rows])
    mine, asked = [], []
    for review, document, asked_by, held_at, rank in rows:
        at = DocumentActor(actor.user_id, actor.workspace_id, document.id, actor.role, role_of(rank))
        if not can(at, DocumentVerb.DECIDE, document):
            continue
        shown = _shown(review, document.title, asked_by, held=held_at is not None)
        if review.requested_by == actor.user_id:
            asked.append(shown)
        if _is_theirs(review, actor, done):
            mine.append(shown)
    return Found(mine, asked)


def _is_theirs(review: Review, actor: Actor, done: set[tuple[UUID, bytes, str]]) -> bool:
    of_review = [steps.from_json(each) for each in review.steps]
    step, key = of_review[review.step], steps.keys(of_review)[review.step]
    if (review.document_id, review.hash, key) in done:
        return False
    if review.escalated_at is not None and step.escalate_to == actor.user_id:
        return True
    is_own = review.requested_by == actor.user_id and not review.own_content
    return step.is_for(actor.user_id, actor.role) and not is_own


async def _approved_by(db: AsyncSession, user_id: UUID, reviews: Sequence[Review]) -> set[tuple[UUID, bytes, str]]:
    if not reviews:
        return set()
    pairs = [(each.document_id, each.hash) for each in reviews]
    rows = await db.execute(
        select(col(Decision.document_id), col(Decision.hash), col(Decision.step), col(Decision.verdict))
        .where(
            # Whoever asks for changes ends what others said of the same content, too.
            (col(Decision.user_id) == user_id) | (col(Decision.verdict) == Verdict.CHANGES.value),
            tuple_(col(Decision.document_id), col(Decision.hash)).in_(pairs),
            col(Decision.verdict).in_([Verdict.APPROVE.value, Verdict.CHANGES.value]),
        )
        .order_by(col(Decision.at))
    )
    found: set[tuple[UUID, bytes, str]] = set()
    for document_id, signed, key, verdict in rows:
        if verdict == Verdict.APPROVE:
            found.add((document_id, signed, key))
        else:
            found = {each for each in found if each[:2] != (document_id, signed)}
    return found


def _shown(review: Review, title: str, asked_by: str | None, *, held: bool) -> Waiting:
    step = steps.from_json(review.steps[review.step])
    return Waiting(
        document_id=review.document_id,
        title=title,
        asked_by=asked_by or "Somebody",
        requested_at=review.requested_at,
        workflow=review.workflow,
        step=step.name,
        note=review.note,
        due_at=lifecycle.due_at(review, step.hours) if step.hours is not None else None,
        held=held,
    )

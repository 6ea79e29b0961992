"""Whom it concerns that something is to be decided, and what was. The notices are written in the deed's transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts.models import User
from server.documents.access import DocumentVerb, actor_at, can
from server.documents.models import Document
from server.notifications.models import Kind
from server.notifications.noting import Notice, note
from server.review.models import Review, Verdict

_SAID: Final = {
    Verdict.APPROVE: "Approved.",
    Verdict.CHANGES: "Changes requested.",
    Verdict.HOLD: "On hold.",
    Verdict.RELEASE: "No longer on hold.",
}


async def asked(db: AsyncSession, document: Document, review: Review, people: Collection[UUID]) -> frozenset[UUID]:
    """Tell those whose turn it is."""
    return await _note(
        db,
        document,
        Kind.REVIEW_REQUEST,
        people,
        actor_id=review.requested_by,
        text=review.note,
        deed=f"review:{review.id}:asked:{review.step}",
    )


async def decided(
    db: AsyncSession, document: Document, review: Review, verdict: Verdict, *, by: User, comment: str
) -> frozenset[UUID]:
    """Tell whoever asked what one reviewer said."""
    if review.requested_by is None:
        return frozenset()
    text = f"{_SAID[verdict]} {comment}" if comment else _SAID[verdict]
    deed = f"review:{review.id}:{verdict.value}:{by.id}"
    if verdict in {Verdict.HOLD, Verdict.RELEASE}:
        # These come again.
        deed = f"{deed}:{review.step_since.isoformat()}:{comment[:20]}"
    return await _note(db, document, Kind.REVIEW_DECISION, [review.requested_by], actor_id=by.id, text=text, deed=deed)


async def approved(db: AsyncSession, document: Document, review: Review, by: UUID | None) -> frozenset[UUID]:
    """Tell whoever asked that all agreed."""
    if review.requested_by is None:
        return frozenset()
    text = "All steps are done. It can be scheduled."
    deed = f"review:{review.id}:approved"
    return await _note(db, document, Kind.REVIEW_DECISION, [review.requested_by], actor_id=by, text=text, deed=deed)


async def reminded(db: AsyncSession, document: Document, review: Review, people: Collection[UUID]) -> frozenset[UUID]:
    """Remind those who have not decided."""
    deed = f"review:{review.id}:reminded:{review.step}"
    return await _note(db, document, Kind.REVIEW_REMINDER, people, actor_id=None, text="", deed=deed)


async def escalated(db: AsyncSession, document: Document, review: Review, person: UUID) -> frozenset[UUID]:
    """Ask the person who is asked when nobody decided in time, if they may decide."""
    user = await db.get(User, person)
    if user is None:
        return frozenset()
    _, actor = await actor_at(db, user, document.id)
    if not can(actor, DocumentVerb.DECIDE, document):
        return frozenset()
    text = "Nobody decided in time. You can decide now."
    deed = f"review:{review.id}:escalated:{review.step}"
    return await _note(db, document, Kind.REVIEW_ESCALATION, [person], actor_id=None, text=text, deed=deed)


async def _note(
    db: AsyncSession,
    document: Document,
    kind: Kind,
    people: Collection[UUID],
    *,
    actor_id: UUID | None,
    text: str,
    deed: str,
) -> frozenset[UUID]:
    if not people:
        return frozenset()
    notice = Notice(
        kind=kind,
        to=people,
        workspace_id=document.workspace_id,
        document_id=document.id,
        actor_id=actor_id,
        title=document.title,
        text=text,
        path=f"/documents/{document.id}/review",
        dedupe_key=deed,
    )
    return await note(db, notice)

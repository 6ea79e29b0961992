"""Whom it concerns that something is to be decided, and what was. The notices are written in the deed's transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import DocumentVerb, actor_at, can
from server.documents.models import Document, ReviewGuest, utc_now
from server.notifications.models import Kind
from server.notifications.noting import GuestLetter, Notice, note, write_to_guest
from server.notifications.words import UNTITLED
from server.review.models import Review, Verdict
from server.web.times import day_words

_SAID: Final = {
    Verdict.APPROVE: "Approved.",
    Verdict.CHANGES: "Changes requested.",
    Verdict.HOLD: "On hold.",
    Verdict.RELEASE: "No longer on hold.",
}


async def asked(db: AsyncSession, document: Document, review: Review, people: Collection[UUID]) -> frozenset[UUID]:
    """Tell those whose turn it is."""
    asker = await db.get(User, review.requested_by) if review.requested_by is not None else None
    await write_to_guests(
        db,
        document,
        people,
        subject=f"{asker.name if asker else 'Somebody'} asks you to approve “{document.title or UNTITLED}”",
        text=review.note,
        deed=f"review:{review.id}:asked:{review.step}",
    )
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
    subject = f"“{document.title or UNTITLED}” still waits for your decision"
    await write_to_guests(db, document, people, subject=subject, text="", deed=deed)
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


async def write_to_guests(
    db: AsyncSession, document: Document, people: Collection[UUID], *, subject: str, text: str, deed: str
) -> bool:
    """Write to the guests among these people who left an address. Returns whether a letter goes out."""
    found = select(ReviewGuest).where(
        col(ReviewGuest.user_id).in_(people),
        col(ReviewGuest.document_id) == document.id,
        col(ReviewGuest.email).is_not(None),
    )
    is_due = False
    for guest in (await db.scalars(found)).all() if people else ():
        until = day_words(guest.expires_at, utc_now())
        about = f"No account is needed. The link is for you alone, and works until {until}."
        letter = GuestLetter(
            guest_id=guest.user_id,
            document_id=document.id,
            address=guest.email or "",
            subject=subject,
            text="\n\n".join(each for each in (text, about) if each),
            dedupe_key=f"guest:{guest.user_id}:{deed}",
        )
        is_due |= await write_to_guest(db, letter)
    return is_due


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

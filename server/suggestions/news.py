"""Whom it concerns that something was suggested, and what became of it. The rows say what is due; told once each.

Somebody who suggests does so again and again for a while: that is one sitting and one piece of news, told when they
pause. So are the decisions of one person about the suggestions of another. What was decided or undone before it was
told is told as it stands then, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.access import DocumentActor, DocumentVerb, can, role_of, strongest_role
from server.documents.models import Document, utc_now
from server.documents.telling import owners
from server.notifications.models import Kind
from server.notifications.noting import Notice, followers, note
from server.suggestions.models import RecordedSuggestion, SuggestionState
from server.suggestions.words import quote, sentences
from server.workspaces.models import Member, Role

# Whoever suggested or decided nothing for so long has paused.
PROPOSALS_PAUSE: Final = timedelta(minutes=3)
DECISIONS_PAUSE: Final = timedelta(minutes=1)
# Nobody waits longer for those who do not pause.
SITTING: Final = timedelta(minutes=30)
# In one run; the rest comes with the next.
MOST_SITTINGS: Final = 200
# Of a sitting, so many are quoted and the others counted.
QUOTED: Final = 4


async def tell_due(sessions: Sessions, *, now: datetime | None = None) -> frozenset[UUID]:
    """Note what is due, each sitting in a transaction of its own. Returns for whom that is news."""
    now = now or utc_now()
    async with transaction(sessions) as db:
        proposals = await _proposals_due(db, now)
        decisions = await _decisions_due(db, now)
    noted: set[UUID] = set()
    for document_id, author_id in proposals:
        async with transaction(sessions) as db:
            noted |= await _tell_proposals(db, document_id, author_id, now)
    for document_id, author_id, decider_id in decisions:
        async with transaction(sessions) as db:
            noted |= await _tell_decisions(db, document_id, author_id, decider_id, now)
    return frozenset(noted)


async def _proposals_due(db: AsyncSession, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    changed, begun = col(RecordedSuggestion.changed_at), col(RecordedSuggestion.recorded_at)
    rows = await db.execute(
        select(col(RecordedSuggestion.document_id), col(RecordedSuggestion.author_id))
        .where(col(RecordedSuggestion.by_author), col(RecordedSuggestion.proposal_noted_at).is_(None))
        .group_by(col(RecordedSuggestion.document_id), col(RecordedSuggestion.author_id))
        .having(or_(func.max(changed) <= now - PROPOSALS_PAUSE, func.min(begun) <= now - SITTING))
        .limit(MOST_SITTINGS)
    )
    return [(document_id, author_id) for document_id, author_id in rows]


async def _decisions_due(db: AsyncSession, now: datetime) -> Sequence[tuple[UUID, UUID, UUID | None]]:
    decided = col(RecordedSuggestion.decided_at)
    sitting = (
        col(RecordedSuggestion.document_id),
        col(RecordedSuggestion.author_id),
        col(RecordedSuggestion.decided_by),
    )
    rows = await db.execute(
        select(*sitting)
        .where(
            col(RecordedSuggestion.state) != SuggestionState.PENDING.value,
            col(RecordedSuggestion.decision_noted_at).is_(None),
        )
        .group_by(*sitting)
        .having(or_(func.max(decided) <= now - DECISIONS_PAUSE, func.min(decided) <= now - SITTING))
        .limit(MOST_SITTINGS)
    )
    return [(document_id, author_id, decider_id) for document_id, author_id, decider_id in rows]


async def _tell_proposals(db: AsyncSession, document_id: UUID, author_id: UUID, now: datetime) -> frozenset[UUID]:
    is_new = col(RecordedSuggestion.by_author) & col(RecordedSuggestion.proposal_noted_at).is_(None)
    rows = await _take(db, document_id, author_id, is_new)
    for row in rows:
        row.proposal_noted_at = now
    pending = [row for row in rows if row.state == SuggestionState.PENDING]
    document = await db.get(Document, document_id)
    if not pending or document is None:
        return frozenset()
    concerned = {*await owners(db, document_id), *await followers(db, document_id)} - {author_id}
    words = _listed(_count(len(pending)), pending)
    notice = _notice(document, Kind.PROPOSAL, pending, actor_id=author_id, words=words, now=now)
    return await _note(db, notice, concerned, DocumentVerb.REVIEW)


async def _tell_decisions(
    db: AsyncSession, document_id: UUID, author_id: UUID, decider_id: UUID | None, now: datetime
) -> frozenset[UUID]:
    decided_by = col(RecordedSuggestion.decided_by)
    rows = await _take(
        db,
        document_id,
        author_id,
        (col(RecordedSuggestion.state) != SuggestionState.PENDING.value)
        & col(RecordedSuggestion.decision_noted_at).is_(None)
        & (decided_by.is_(None) if decider_id is None else decided_by == decider_id),
    )
    for row in rows:
        row.decision_noted_at = now
        # Whatever was suggested is known to have been: it was decided.
        row.proposal_noted_at = row.proposal_noted_at or now
    accepted = [row for row in rows if row.state == SuggestionState.ACCEPTED]
    rejected = [row for row in rows if row.state == SuggestionState.REJECTED]
    document = await db.get(Document, document_id)
    if document is None or decider_id == author_id or not (accepted or rejected):
        return frozenset()
    words = "\n".join(
        _listed(f"{what} {len(some)} of your suggestions:", some)
        for what, some in (("Accepted", accepted), ("Rejected", rejected))
        if some
    )
    shown = SuggestionState.ACCEPTED if accepted else SuggestionState.REJECTED
    notice = replace(
        _notice(document, Kind.DECISION, [*accepted, *rejected], actor_id=decider_id, words=words, now=now),
        # The list of those that are pending has nothing of it any more.
        path=f"/documents/{document_id}#suggestions-{shown.value}",
    )
    return await _note(db, notice, {author_id}, DocumentVerb.VIEW)


async def _take(
    db: AsyncSession, document_id: UUID, author_id: UUID, condition: object
) -> Sequence[RecordedSuggestion]:
    """Return the rows that fulfil the condition, held; what another worker has is passed over."""
    return (
        await db.scalars(
            select(RecordedSuggestion)
            .where(
                col(RecordedSuggestion.document_id) == document_id,
                col(RecordedSuggestion.author_id) == author_id,
                condition,  # type: ignore[arg-type]  # any SQL condition
            )
            .order_by(col(RecordedSuggestion.suggested_at), col(RecordedSuggestion.mark))
            .with_for_update(skip_locked=True)
        )
    ).all()


def _notice(
    document: Document,
    kind: Kind,
    rows: Sequence[RecordedSuggestion],
    *,
    actor_id: UUID | None,
    words: str,
    now: datetime,
) -> Notice:
    first = rows[0]
    return Notice(
        kind=kind,
        to=(),
        workspace_id=document.workspace_id,
        document_id=document.id,
        actor_id=actor_id,
        title=document.title,
        # Of several each is said in words; the first one's place would stand there as if it were that of all.
        quote=quote(first.parts) if len(rows) == 1 else "",
        text=words,
        path=f"/documents/{document.id}#suggestions",
        dedupe_key=f"{kind.value}:{first.document_id}:{first.author_id}:{first.mark}:{now.isoformat()}",
    )


async def _note(db: AsyncSession, notice: Notice, people: Collection[UUID], verb: DocumentVerb) -> frozenset[UUID]:
    """Note it for those who may do `verb` at the document."""
    if notice.document_id is None or not people:
        return frozenset()
    rank = strongest_role(col(User.id), col(Member.role), literal(utc_now()))
    rows = await db.execute(
        select(Document, col(User.id), col(Member.role), rank)
        .select_from(Document)
        .join(User, col(User.id).in_(people))
        .outerjoin(
            Member, and_(col(Member.workspace_id) == col(Document.workspace_id), col(Member.user_id) == col(User.id))
        )
        .where(col(Document.id) == notice.document_id, col(Document.trashed_at).is_(None))
    )
    to = [
        user_id
        for document, user_id, role, place in rows
        if can(
            DocumentActor(
                user_id=user_id,
                workspace_id=document.workspace_id,
                document_id=document.id,
                workspace_role=Role(role) if role is not None else None,
                role=role_of(place),
            ),
            verb,
            document,
        )
    ]
    return await note(db, replace(notice, to=to)) if to else frozenset()


def _count(many: int) -> str:
    return "1 suggestion:" if many == 1 else f"{many} suggestions:"


def _listed(head: str, rows: Sequence[RecordedSuggestion]) -> str:
    """Say the first of them below a head, and count the others."""
    said = ["; ".join(sentences(row.parts)) for row in rows[:QUOTED]]
    more = [f"and {len(rows) - QUOTED} more"] if len(rows) > QUOTED else []
    return "\n".join([head, *said, *more])

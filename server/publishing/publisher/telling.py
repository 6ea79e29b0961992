"""Whom it concerns what became of a publication: who planned it and, in trouble, who looks after its account."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.db import Sessions, transaction
from server.documents.models import Document
from server.notifications.models import Kind
from server.notifications.noting import Notice, note
from server.publishing.models import ChannelAccount, Publication
from server.publishing.states import OPEN, State

# A publication that is so late and still under way is worth a look.
LATE_AFTER: Final = timedelta(minutes=5)
A_RUN: Final = 200
_WHAT_TO_DO: Final = {
    State.FAILED: "It was not published. {problem}",
    State.UNKNOWN: "It may be published or not: look on {account}, then say which. {problem}",
    State.PUBLISHED: "It is on {account}.",
}


async def tell_outcome(db: AsyncSession, publication: Publication, state: State) -> frozenset[UUID]:
    """Note how a publication ended, in the transaction that ends it. Returns whom it is news for (`noting.tell`)."""
    words = _WHAT_TO_DO.get(state)
    if words is None:
        return frozenset()
    return await _note(db, publication, words, state.value)


async def tell_late(sessions: Sessions, now: datetime) -> frozenset[UUID]:
    """Note each publication that is late and still under way, once. Returns whom that is news for (`noting.tell`)."""
    async with transaction(sessions) as db:
        late = await db.scalars(
            select(Publication)
            .where(
                col(Publication.state).in_([state.value for state in OPEN]),
                col(Publication.due_at) < now - LATE_AFTER,
                col(Publication.overdue_told_at).is_(None),
            )
            .order_by(col(Publication.due_at))
            .limit(A_RUN)
            # One that is under way is told of with the next run, if it still is late then.
            .with_for_update(skip_locked=True)
        )
        people: frozenset[UUID] = frozenset()
        for publication in late:
            publication.overdue_told_at = now
            people |= await _note(
                db, publication, "It is late: {account} was tried and will be again. {problem}", "late"
            )
    return people


async def _note(db: AsyncSession, publication: Publication, words: str, what: str) -> frozenset[UUID]:
    account = await db.get(ChannelAccount, publication.account_id) if publication.account_id else None
    document = await db.get(Document, publication.document_id) if publication.document_id else None
    is_out = what == State.PUBLISHED
    responsible = account.responsible_id if account is not None and not is_out else None
    people = [person for person in (publication.created_by, responsible) if person is not None]
    name = account.name if account is not None else "an account that is gone"
    notice = Notice(
        kind=Kind.PUBLISHED if is_out else Kind.STUCK,
        to=list(dict.fromkeys(people)),
        workspace_id=publication.workspace_id,
        document_id=document.id if document is not None else None,
        actor_id=None,
        title=publication.post["title"] or (document.title if document is not None else ""),
        quote=publication.post["text"],
        text=words.format(account=name, problem=publication.problem).strip(),
        path=f"/documents/{document.id}" if document is not None else "/",
        dedupe_key=f"publication:{publication.id}:{what}:{publication.fence}",
    )
    return await note(db, notice)

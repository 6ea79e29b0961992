"""What reviews say may go out of a document, as publishing takes it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.models import Document
from server.errors import Conflict
from server.publishing.models import Publication
from server.publishing.planning.composing import ApprovedContent
from server.publishing.states import OPEN, State
from server.review import lifecycle
from server.review.content import Altered
from server.review.models import Decision, FrozenContent, Review, ReviewState, Standing, Verdict
from server.review.states import Publication as Going

log = structlog.get_logger(__name__)

_PLANNED: Final = [*(state.value for state in OPEN), State.UNKNOWN.value]


class NotAsSigned(Conflict):
    """What was approved is not what lies in the database."""

    sentence = (
        "What was approved of this document was altered in the database since, so it is not published. "
        "Tell whoever runs this installation, and ask for a review again."
    )


async def approved_content(db: AsyncSession, document_id: UUID) -> ApprovedContent | None:
    """Return what is approved of a document now; None if nothing is, or somebody holds it. Raises NotAsSigned."""
    try:
        approved = await lifecycle.approved(db, document_id)
    except Altered as error:
        log.exception("approved content was altered", document_id=str(document_id))
        raise NotAsSigned from error
    if approved is None:
        return None
    workspace_id = await db.scalar(select(col(Document.workspace_id)).where(col(Document.id) == document_id))
    if workspace_id is None:
        return None
    frozen = approved.frozen
    return ApprovedContent(
        document_id=document_id,
        workspace_id=workspace_id,
        revision_id=approved.revision_id,
        content_hash=approved.hash,
        title=frozen.title,
        body=frozen.body,
        variants=frozen.variants,
        pictures=frozen.pictures,
    )


@dataclass(frozen=True, slots=True)
class Approval:
    """Which version of a document was approved, since when, and by whom, in the order in which they did."""

    revision_number: int
    at: datetime | None
    names: Sequence[str]


async def approval(db: AsyncSession, document_id: UUID, content_hash: bytes) -> Approval | None:
    """Say how a content of a document came to be approved; None if no review of it is known."""
    frozen = await db.get(FrozenContent, (document_id, content_hash))
    standing = await db.get(Standing, document_id)
    if frozen is None or standing is None:
        return None
    rows = await db.execute(
        select(col(Decision.verdict), col(User.name))
        .outerjoin(User, col(User.id) == col(Decision.user_id))
        .where(
            col(Decision.document_id) == document_id,
            col(Decision.hash) == content_hash,
            col(Decision.verdict).in_([Verdict.APPROVE.value, Verdict.CHANGES.value]),
        )
        .order_by(col(Decision.at), col(Decision.id))
    )
    names: list[str] = []
    for verdict, name in rows:
        # An objection counts for more than what others had said before.
        names = [*names, name or "somebody who left"] if verdict == Verdict.APPROVE.value else []
    at = standing.approved_at if standing.approved_hash == content_hash else None
    return Approval(frozen.revision_number, at, list(dict.fromkeys(names)))


async def stopped(db: AsyncSession, document_id: UUID | None, content_hash: bytes) -> str | None:
    """Say why this content of a document must not go out now; None: nothing stops it."""
    if document_id is None:
        return why_stopped(None, None, is_approved=False)
    document = await db.get(Document, document_id, populate_existing=True)
    standing = await db.get(Standing, document_id, populate_existing=True)
    held = await approved_contents(db, [document_id])
    return why_stopped(document, standing, is_approved=(document_id, content_hash) in held)


def why_stopped(document: Document | None, standing: Standing | None, *, is_approved: bool) -> str | None:
    """Say why content of a document that stands so must not go out; None: nothing stops it.

    `is_approved`: whether this very content is, even if another one was approved since. `document` None: it is gone.
    """
    if document is None:
        return "Its document was removed for ever, so nobody can say any more whether this may go out. Cancel it."
    if document.trashed_at is not None:
        return "Its document is in the trash. It goes out once that is restored; or cancel it."
    if standing is not None and standing.held_at is not None:
        return "A reviewer holds this document. It goes out once they release it."
    if not is_approved:
        return "The approval of this text was taken back. Let it send what is approved now, or cancel it."
    return None


async def approved_contents(db: AsyncSession, document_ids: Collection[UUID]) -> set[tuple[UUID, bytes]]:
    """Return the contents of documents that are approved: what was decided last about each is that it may go out."""
    last = await db.execute(
        select(col(Review.document_id), col(Review.hash), col(Review.state))
        .where(
            col(Review.document_id).in_(document_ids),
            col(Review.state).in_([ReviewState.APPROVED.value, ReviewState.CHANGES.value]),
        )
        .order_by(col(Review.document_id), col(Review.hash), col(Review.ended_at).desc(), col(Review.id))
        .ext(distinct_on(col(Review.document_id), col(Review.hash)))
    )
    return {(document_id, signed) for document_id, signed, state in last if state == ReviewState.APPROVED.value}


async def note_standing(db: AsyncSession, document_id: UUID) -> None:
    """Let the document's status follow its publications: one that is planned counts before one that is out."""
    found = await db.execute(
        select(col(Publication.state), func.count())
        # What was taken down is out no longer.
        .where(col(Publication.document_id) == document_id, col(Publication.taken_down_at).is_(None))
        .group_by(col(Publication.state))
    )
    states = {state for state, _ in found}
    going = (
        Going.SCHEDULED
        if not states.isdisjoint(_PLANNED)
        else Going.PUBLISHED
        if State.PUBLISHED.value in states
        else None
    )
    await lifecycle.note_publication(db, document_id, going)

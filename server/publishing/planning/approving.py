"""What reviews say may go out of a document, as publishing takes it."""

from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents.models import Document
from server.errors import Conflict
from server.publishing.models import Publication
from server.publishing.planning.composing import ApprovedContent
from server.publishing.states import OPEN, State
from server.review import lifecycle
from server.review.content import Altered
from server.review.models import Standing
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
    )


async def stopped(db: AsyncSession, publication: Publication) -> str | None:
    """Say why a planned publication must not go out now; None: nothing stops it."""
    standing = await db.get(Standing, publication.document_id) if publication.document_id is not None else None
    return why_stopped(standing)


def why_stopped(standing: Standing | None) -> str | None:
    """Say why nothing of a document that stands so must go out; None: nothing stops it."""
    if standing is None:
        return None
    if standing.held_at is not None:
        return "A reviewer holds this document. It goes out once they release it."
    if standing.approved_hash is None:
        return "The approval of this document was taken back. It goes out once it is approved again; or cancel it."
    return None


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

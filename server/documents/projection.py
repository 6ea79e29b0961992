"""What lists show of a document, following what its log says."""

from __future__ import annotations

import asyncio
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from server import db
from server.documents import ydoc
from server.documents.lifecycle import Change, announce
from server.documents.models import MAX_EXCERPT_CHARACTERS, Document, utc_now
from server.documents.plain_text import excerpt
from server.events import Events


async def project(
    sessions: db.Sessions, events: Events, document_id: UUID, seq: int, state: bytes, *, by: UUID | None = None
) -> bool:
    """Write title, excerpt and time of `state`, the document up to place `seq` of its log, and tell the lists.

    Returns False, and changes nothing, if a newer state was written already or the document is gone. `by` is who wrote
    last; None leaves the name that the row has, which whoever edits through pages or the API has set.
    """
    title, words = await asyncio.to_thread(_read, state)
    async with db.transaction(sessions) as session:
        written = (
            update(Document)
            .where(col(Document.id) == document_id, col(Document.projected_seq) < seq)
            .values(
                title=title,
                excerpt=words,
                projected_seq=seq,
                updated_at=utc_now(),
                updated_by=by if by is not None else col(Document.updated_by),
            )
            .returning(Document)
        )
        document = (await session.execute(written)).scalar_one_or_none()
    if document is None:
        return False
    await announce(events, document, Change.UPDATED, by)
    return True


def _read(state: bytes) -> tuple[str, str]:
    doc = ydoc.load(state)
    return ydoc.read_title(doc), excerpt(ydoc.read_node(doc), MAX_EXCERPT_CHARACTERS)

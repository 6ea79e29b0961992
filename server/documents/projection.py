"""What lists show of a document, following what its log says."""

from __future__ import annotations

import asyncio
from uuid import UUID

from sqlalchemy import Uuid, case, literal, update
from sqlmodel import col

from server import db
from server.documents import ydoc
from server.documents.lifecycle import Change, announce
from server.documents.models import MAX_EXCERPT_CHARACTERS, Document, utc_now
from server.documents.pairing import digest
from server.documents.plain_text import excerpt
from server.events import Events


async def project(
    sessions: db.Sessions, events: Events, document_id: UUID, seq: int, state: bytes, *, by: UUID | None = None
) -> bool:
    """Write title, excerpt and time of `state`, the document up to place `seq` of its log, and tell the lists.

    Returns False, and changes nothing, if a newer state was written already or the document is gone. `by` is who wrote
    last; None leaves the name that the row has, which whoever edits through pages or the API has set. Where the text
    says the same but for what is only suggested, nobody has edited it: its time and name stay.
    """
    title, words, said = await asyncio.to_thread(_read, state)
    async with db.transaction(sessions) as session:
        is_same = col(Document.said) == said
        writer = literal(by, Uuid) if by is not None else col(Document.updated_by)
        written = (
            update(Document)
            .where(col(Document.id) == document_id, col(Document.projected_seq) < seq)
            .values(
                title=title,
                excerpt=words,
                projected_seq=seq,
                updated_at=case((is_same, col(Document.updated_at)), else_=utc_now()),
                updated_by=case((is_same, col(Document.updated_by)), else_=writer),
                said=said,
            )
            .returning(Document)
        )
        document = (await session.execute(written)).scalar_one_or_none()
    if document is None:
        return False
    await announce(events, document, Change.UPDATED, by)
    return True


def _read(state: bytes) -> tuple[str, str, bytes]:
    doc = ydoc.load(state)
    title, node = ydoc.read_title(doc), ydoc.read_node(doc)
    return title, excerpt(node, MAX_EXCERPT_CHARACTERS), digest(title, node)

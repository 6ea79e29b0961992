"""What lists show of a document, following what its log says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from prosemirror.model import Node
from sqlalchemy import Uuid, case, literal, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server import db
from server.documents import ydoc
from server.documents.freezing import content_hash, digests, words
from server.documents.lifecycle import Change, announce
from server.documents.models import MAX_EXCERPT_CHARACTERS, Document, utc_now
from server.documents.pairing import digest
from server.documents.plain_text import excerpt
from server.documents.suggestions import Suggestion, accepted, suggestions_in
from server.events import Events


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says at one place of its log; `accepted` is its content without what is only suggested.

    `said`: 16 bytes that are others whenever it says something else. `signed` and `pictures`: what
    `freezing.content_hash` is made of.
    """

    title: str
    excerpt: str
    said: bytes
    signed: bytes
    pictures: frozenset[UUID]
    accepted: Node
    suggestions: Sequence[Suggestion]


Keep = Callable[[AsyncSession, Document, Reading], Awaitable[None]]
"""Writes down more of what a document says, in the same transaction."""


async def project(
    sessions: db.Sessions,
    events: Events,
    document_id: UUID,
    seq: int,
    state: bytes,
    *,
    by: UUID | None = None,
    keep: Keep | None = None,
) -> bool:
    """Write title, excerpt and time of `state`, the document up to place `seq` of its log, and tell the lists.

    Returns False, and changes nothing, if a newer state was written already or the document is gone. `by` is who wrote
    last; None leaves the name that the row has, which whoever edits through pages or the API has set. Where the text
    says the same but for what is only suggested, nobody has edited it: its time and name stay.
    """
    reading = await asyncio.to_thread(_read, state)
    async with db.transaction(sessions) as session:
        signed = content_hash(reading.signed, await digests(session, reading.pictures))
        is_same = col(Document.said) == reading.said
        writer = literal(by, Uuid) if by is not None else col(Document.updated_by)
        written = (
            update(Document)
            .where(col(Document.id) == document_id, col(Document.projected_seq) < seq)
            .values(
                title=reading.title,
                excerpt=reading.excerpt,
                projected_seq=seq,
                updated_at=case((is_same, col(Document.updated_at)), else_=utc_now()),
                updated_by=case((is_same, col(Document.updated_by)), else_=writer),
                said=reading.said,
                content_hash=signed,
            )
            .returning(Document)
        )
        document = (await session.execute(written)).scalar_one_or_none()
        if document is not None and keep is not None:
            await keep(session, document, reading)
    if document is None:
        return False
    await announce(events, document, Change.UPDATED, by)
    return True


def _read(state: bytes) -> Reading:
    doc = ydoc.load(state)
    node = ydoc.read_with_suggestions(doc)
    kept = accepted(node)
    title = ydoc.read_title(doc)
    said = words(title, kept, doc)
    return Reading(
        title,
        excerpt(kept, MAX_EXCERPT_CHARACTERS),
        # What is written for an account alone is an edit, too.
        said.digest[:16] if said.variants else digest(title, kept),
        said.digest,
        said.pictures,
        kept,
        suggestions_in(node),
    )

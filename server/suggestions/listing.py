"""Lists of suggestions: those that a document has, and those of which it is known what became of them."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.errors import Invalid
from server.suggestions.models import RecordedSuggestion, SuggestionState


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `next_cursor` asks for the part after it, None at the end."""

    records: Sequence[RecordedSuggestion]
    next_cursor: str | None


async def page(
    db: AsyncSession, document_id: UUID, *, state: SuggestionState | None, limit: int, cursor: str | None
) -> Page:
    """Return records of a document, the newest first; `state` None: all. Raises Invalid for a foreign cursor."""
    place = tuple_(
        col(RecordedSuggestion.suggested_at), col(RecordedSuggestion.author_id), col(RecordedSuggestion.mark)
    )
    found = (
        select(RecordedSuggestion)
        .where(col(RecordedSuggestion.document_id) == document_id)
        .order_by(
            col(RecordedSuggestion.suggested_at).desc(),
            col(RecordedSuggestion.author_id).desc(),
            col(RecordedSuggestion.mark).desc(),
        )
        .limit(limit + 1)
    )
    if state is not None:
        found = found.where(col(RecordedSuggestion.state) == state.value)
    if cursor is not None:
        found = found.where(place < tuple_(*_read(cursor)))
    rows = (await db.scalars(found)).all()
    return Page(rows[:limit], _write(rows[limit - 1]) if len(rows) > limit else None)


def _write(record: RecordedSuggestion) -> str:
    place = [record.suggested_at.isoformat(), str(record.author_id), record.mark]
    return urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read(cursor: str) -> tuple[datetime, UUID, str]:
    try:
        when, author_id, mark = json.loads(urlsafe_b64decode(cursor.encode()))
        written = datetime.fromisoformat(when)
        read = written, UUID(author_id), str(mark)
    except (NotBase64, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid({"cursor": "This cursor is not one of ours."}) from error
    if written.tzinfo is None or "\0" in read[2]:
        raise Invalid({"cursor": "This cursor is not one of ours."})
    return read

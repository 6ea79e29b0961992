"""What the API of suggestions takes and gives. The descriptions become the OpenAPI document."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import Field

from server.accounts.models import User
from server.documents.api.shapes import Author
from server.documents.suggestions import Kind
from server.suggestions.models import MAX_MARK_CHARACTERS, RecordedSuggestion, SuggestionState, Verdict
from server.suggestions.words import sentences
from server.web.operations import Answer, BodyInput, QueryInput

MAX_LIMIT: Final = 1000
MAX_DECISIONS: Final = 1000


class WantedSuggestions(StrEnum):
    """Which suggestions to list: those of one state, or all that are on record."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ALL = "all"


class SuggestionsQuery(QueryInput):
    """Which suggestions to list."""

    state: WantedSuggestions = WantedSuggestions.PENDING
    limit: int = Field(default=200, ge=1, le=MAX_LIMIT, description="How many suggestions to return at most.")
    cursor: str | None = Field(default=None, max_length=400, description="`next_cursor` of the page before this one.")


class NamedSuggestion(BodyInput):
    """A suggestion: its id counts only together with its author."""

    author_id: UUID
    id: str = Field(min_length=1, max_length=MAX_MARK_CHARACTERS, pattern=r"^[\x21-\x7e]+$")


class Decided(BodyInput):
    """What you did with suggestions, in the live document."""

    verdict: Verdict = Field(description="To have rejected your own is to have withdrawn them.")
    suggestions: list[NamedSuggestion] = Field(min_length=1, max_length=MAX_DECISIONS)


class SuggestionPart(Answer):
    """One change that is suggested."""

    kind: Kind
    block_id: str | None
    text: str
    into: str | None


class SuggestionSeen(Answer):
    """What somebody suggests in one go, and what became of it. `author` is null for an account that is gone."""

    id: str
    author: Author | None
    suggested_at: datetime
    state: SuggestionState
    sentences: list[str] = Field(description="What it would do, in English.")
    parts: list[SuggestionPart]
    decided_at: datetime | None
    decided_by: Author | None = Field(description="Null where nobody said so, and before it is decided.")


class SuggestionList(Answer):
    """One page of suggestions."""

    suggestions: list[SuggestionSeen]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")


def author(user: User) -> Author:
    """Return a person as others see them."""
    return Author(id=user.id, name=user.name, colour=user.colour)


def seen(record: RecordedSuggestion, people: dict[UUID, Author]) -> SuggestionSeen:
    """Return what is on record as an answer."""
    return SuggestionSeen(
        id=record.mark,
        author=people.get(record.author_id),
        suggested_at=record.suggested_at,
        state=SuggestionState(record.state),
        sentences=sentences(record.parts),
        parts=[
            SuggestionPart(
                kind=Kind(part["kind"]), block_id=part["block_id"], text=part["text"], into=part["into"] or None
            )
            for part in record.parts
        ],
        decided_at=record.decided_at,
        decided_by=people.get(record.decided_by) if record.decided_by else None,
    )

"""The table of suggestions: docs/data-model.md says how it hangs together with the others."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now

MAX_MARK_CHARACTERS = 64
MAX_PARTS = 20
MAX_PART_CHARACTERS = 300


class SuggestionState(StrEnum):
    """What became of a suggestion; the last three are ends, which an undo takes back."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # by its author


class Verdict(StrEnum):
    """What somebody says they have done with suggestions. To reject one's own is to withdraw it."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


def _one_of(kinds: type[StrEnum]) -> str:
    return ", ".join(f"'{kind.value}'" for kind in kinds)


class RecordedSuggestion(SQLModel, table=True):
    """What somebody suggested in a document, and what became of it.

    `mark` is the id that the document's marks have; it counts only together with the author. `parts` are as many of its
    parts as are kept, each with `kind`, `block_id`, `text` and `into` (`documents.suggestions.Part`).
    """

    __tablename__: ClassVar[Any] = "suggestions"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"state IN ({_one_of(SuggestionState)})", name="suggestions_state_known"),
        CheckConstraint(f"told IS NULL OR told IN ({_one_of(Verdict)})", name="suggestions_told_known"),
        CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="suggestions_decided_once"),
        Index("suggestions_by_time", "document_id", "suggested_at", "author_id", "mark"),
        Index("suggestions_pending", "document_id", postgresql_where="state = 'pending'"),
        Index("suggestions_proposal_news", "changed_at", postgresql_where="by_author AND proposal_noted_at IS NULL"),
        Index(
            "suggestions_decision_news",
            "decided_at",
            postgresql_where="state <> 'pending' AND decision_noted_at IS NULL",
        ),
    )

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    author_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    mark: str = Field(sa_column=Column(Text, primary_key=True))
    parts: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    # By the clock of whoever suggested it, but not later than it was seen here.
    suggested_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    recorded_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    changed_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    # Its author wrote while it came or grew: whoever may edit can write marks in anybody's name.
    by_author: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    state: str = Field(default=SuggestionState.PENDING.value, sa_column=Column(Text, nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    decided_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    # What somebody says they did with it, which holds once the document says that it is gone.
    told: str | None = Field(default=None, sa_column=Column(Text))
    told_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    told_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # When the people whom it concerns were told; null: not yet.
    proposal_noted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    decision_noted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))

"""The tables of reviews: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now
from server.review.states import Publication, Status

MAX_NAME_CHARACTERS: Final = 80
MAX_COMMENT_CHARACTERS: Final = 2000


class ReviewState(StrEnum):
    """Where one way through a workflow is; all but the first are ends."""

    OPEN = "open"
    APPROVED = "approved"
    CHANGES = "changes"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"  # the document was submitted again meanwhile


class Verdict(StrEnum):
    """One reviewer's word about one content."""

    APPROVE = "approve"
    CHANGES = "changes"
    HOLD = "hold"
    RELEASE = "release"


def _one_of(kinds: type[StrEnum]) -> str:
    return ", ".join(f"'{kind.value}'" for kind in kinds)


class Workflow(SQLModel, table=True):
    """A workspace's way to decide.

    `steps`: `server.review.steps.Step` as JSON; `own_content`: whoever asks may decide.
    """

    __tablename__: ClassVar[Any] = "review_workflows"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"char_length(name) BETWEEN 1 AND {MAX_NAME_CHARACTERS}", name="review_workflows_name_length"),
        Index(
            "review_workflows_one_usual",
            "workspace_id",
            unique=True,
            postgresql_where="is_usual AND removed_at IS NULL",
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(
        sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    name: str = Field(sa_column=Column(Text, nullable=False))
    steps: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    own_content: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    is_usual: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    removed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class FrozenContent(SQLModel, table=True):
    """What a document said when it was submitted: all that its hash signs. Never changed."""

    __tablename__: ClassVar[Any] = "reviewed_contents"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    content: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    revision_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("revisions.id", ondelete="SET NULL")))
    revision_number: int = Field(sa_column=Column(BigInteger, nullable=False))
    frozen_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Review(SQLModel, table=True):
    """One way of one content through a workflow, whose steps are copied: a later change of them changes no review."""

    __tablename__: ClassVar[Any] = "reviews"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"state IN ({_one_of(ReviewState)})", name="reviews_state_known"),
        CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="reviews_ended_once"),
        Index("reviews_one_open", "document_id", unique=True, postgresql_where="state = 'open'"),
        Index("reviews_open_by_workspace", "workspace_id", postgresql_where="state = 'open'"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    document_id: UUID = Field(
        sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False))
    workflow: str = Field(sa_column=Column(Text, nullable=False))
    steps: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    own_content: bool = Field(sa_column=Column(Boolean, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    requested_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    requested_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    note: str = Field(default="", sa_column=Column(Text, nullable=False))
    state: str = Field(default=ReviewState.OPEN.value, sa_column=Column(Text, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # The step that is decided now, since when, and what was said about its deadline.
    step: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    step_since: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    reminded_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    escalated_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class Decision(SQLModel, table=True):
    """What somebody said about a content. It counts for that content, in whatever review it comes again.

    `step`: the key of the step it was for (`Step.key`).
    """

    __tablename__: ClassVar[Any] = "review_decisions"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"verdict IN ({_one_of(Verdict)})", name="review_decisions_verdict_known"),
        Index("review_decisions_by_content", "document_id", "hash", "at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    review_id: UUID = Field(sa_column=Column(ForeignKey("reviews.id", ondelete="CASCADE"), nullable=False))
    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    step: str = Field(sa_column=Column(Text, nullable=False))
    user_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    verdict: str = Field(sa_column=Column(Text, nullable=False))
    comment: str = Field(default="", sa_column=Column(Text, nullable=False))
    at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Standing(SQLModel, table=True):
    """How far a document is on its way out; without a row it is a draft. The row that is locked to decide about it.

    `approved_hash`: what may go out. `publication`: what publishing has said of it. `review_id`: the newest review.
    """

    __tablename__: ClassVar[Any] = "document_standings"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"status IN ({_one_of(Status)})", name="document_standings_status_known"),
        CheckConstraint(
            f"publication IS NULL OR publication IN ({_one_of(Publication)})",
            name="document_standings_publication_known",
        ),
    )

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    status: str = Field(default=Status.DRAFT.value, sa_column=Column(Text, nullable=False))
    review_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("reviews.id", ondelete="SET NULL")))
    approved_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    approved_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    publication: str | None = Field(default=None, sa_column=Column(Text))
    held_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    held_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    held_note: str = Field(default="", sa_column=Column(Text, nullable=False))

"""The tables of documents: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, NewType
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

DocumentId = NewType("DocumentId", UUID)

MAX_TITLE_CHARACTERS = 300
MAX_EXCERPT_CHARACTERS = 200


def utc_now() -> datetime:
    """Return the time of this moment, aware, in UTC."""
    return datetime.now(UTC)


class Document(SQLModel, table=True):
    """A document as lists see it. `title`, `excerpt` and `projected_seq` follow the log; the log is the truth."""

    __tablename__: ClassVar[Any] = "documents"
    __table_args__: ClassVar[Any] = (
        # The two lists, newest change first; the id breaks ties so that paging never skips or repeats.
        Index("documents_live_by_change", "workspace_id", "updated_at", "id", postgresql_where="trashed_at IS NULL"),
        Index("documents_trash_by_time", "workspace_id", "trashed_at", "id", postgresql_where="trashed_at IS NOT NULL"),
        CheckConstraint(f"char_length(title) <= {MAX_TITLE_CHARACTERS}", name="documents_title_length"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(
        sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    title: str = Field(default="", sa_column=Column(Text, nullable=False))
    excerpt: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    trashed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    trashed_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    projected_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class Lineage(SQLModel, table=True):
    """The identity of a document's history, and the row that is locked to give out places in its log."""

    __tablename__: ClassVar[Any] = "lineages"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    epoch: UUID = Field(default_factory=uuid4)
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class DocumentUpdate(SQLModel, table=True):
    """One place in the log: a Yjs update (v1 encoding), never changed once written."""

    __tablename__: ClassVar[Any] = "document_updates"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class DocumentSnapshot(SQLModel, table=True):
    """The log folded up to and including `seq`: one Yjs update that stands for all of them."""

    __tablename__: ClassVar[Any] = "document_snapshots"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))

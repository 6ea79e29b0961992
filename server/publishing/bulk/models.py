"""The tables of imports and of calendars that others subscribe to: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import Column, DateTime, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now


class KeptImport(SQLModel, table=True):
    """A spreadsheet that somebody brought, and what its dry run showed, until they carry it out or it is forgotten.

    `shown`: a verdict per row (server.publishing.bulk.importing.Verdict as JSON).
    """

    __tablename__: ClassVar[Any] = "publication_imports"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
        ),
        Index("publication_imports_of_person", "workspace_id", "user_id", "created_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID
    user_id: UUID
    name: str = Field(sa_column=Column(Text, nullable=False))
    content: str = Field(sa_column=Column(Text, nullable=False))
    # For the rows that name no time zone.
    zone: str = Field(sa_column=Column(Text, nullable=False))
    shown: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    notes: list[str] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, index=True))
    carried_out_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class ImportedRow(SQLModel, table=True):
    """That a row of a spreadsheet was planned: the same row again plans nothing. `key_hash`: SHA-256 of its key."""

    __tablename__: ClassVar[Any] = "imported_rows"

    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True))
    key_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    publication_id: UUID = Field(
        sa_column=Column(ForeignKey("publications.id", ondelete="CASCADE"), nullable=False, index=True)
    )


class CalendarFeed(SQLModel, table=True):
    """A secret address at which somebody's calendar program reads the publications they see. One a person and place.

    It goes with the membership, so that whoever comes back begins anew.
    """

    __tablename__: ClassVar[Any] = "calendar_feeds"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
        ),
    )

    workspace_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True), repr=False)
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    # When a calendar program last asked, to the hour: enough to see whether one does.
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))

"""The tables of what comes after publishing: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now


class Deed(StrEnum):
    """What is to be done with a published post."""

    UPDATE = "update"
    TAKE_DOWN = "take_down"
    REPLAY = "replay"  # sent once more as the same, to a receiver that lost it


class Standing(StrEnum):
    """Where a change is."""

    WAITING = "waiting"  # it is tried, again and again
    DONE = "done"
    FAILED = "failed"  # only a person can help
    LEFT = "left"  # somebody thought better of it, or wants another one


class Change(SQLModel, table=True):
    """What somebody wants done with a published post. Each deed may be repeated, so this row need not know for sure.

    `post`, `content_hash`, `revision_id`: of an update, what is to be read then. `called_at`: when a call was begun
    whose outcome is not known. `fence` counts claims.
    """

    __tablename__: ClassVar[Any] = "publication_changes"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("deed IN ('update', 'take_down', 'replay')", name="publication_changes_deed_known"),
        CheckConstraint("state IN ('waiting', 'done', 'failed', 'left')", name="publication_changes_state_known"),
        CheckConstraint("(deed = 'update') = (post IS NOT NULL)", name="publication_changes_update_whole"),
        # One at a time: two would overtake one another.
        Index("publication_changes_one", "publication_id", unique=True, postgresql_where="state = 'waiting'"),
        Index("publication_changes_open_by_time", "next_at", postgresql_where="state = 'waiting'"),
        Index("publication_changes_by_publication", "publication_id", "created_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    publication_id: UUID = Field(sa_column=Column(ForeignKey("publications.id", ondelete="CASCADE"), nullable=False))
    deed: str = Field(sa_column=Column(Text, nullable=False))
    post: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    content_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    revision_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("revisions.id", ondelete="SET NULL")))
    state: str = Field(default=Standing.WAITING.value, sa_column=Column(Text, nullable=False))
    next_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    lease_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    called_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    remedy: str | None = Field(default=None, sa_column=Column(Text))
    problem: str = Field(default="", sa_column=Column(Text, nullable=False))
    evidence: str = Field(default="", sa_column=Column(Text, nullable=False))
    asked_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class Look(SQLModel, table=True):
    """When a published post is looked at next, and how often it was.

    `next_at` None: not any more by itself. `sentence`: why the channel shows it no longer, or why it could not be
    looked at; empty while all is well. `failures` in a row.
    """

    __tablename__: ClassVar[Any] = "publication_looks"
    __table_args__: ClassVar[Any] = (
        Index("publication_looks_by_time", "next_at", postgresql_where="next_at IS NOT NULL"),
    )

    publication_id: UUID = Field(sa_column=Column(ForeignKey("publications.id", ondelete="CASCADE"), primary_key=True))
    next_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    looks: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    looked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # When somebody asked for a look out of turn.
    asked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    lease_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    sentence: str = Field(default="", sa_column=Column(Text, nullable=False))


class Figures(SQLModel, table=True):
    """What a channel told about a published post at a moment. None: it does not tell."""

    __tablename__: ClassVar[Any] = "publication_metrics"

    publication_id: UUID = Field(sa_column=Column(ForeignKey("publications.id", ondelete="CASCADE"), primary_key=True))
    taken_at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    views: int | None = Field(default=None, sa_column=Column(BigInteger))
    likes: int | None = Field(default=None, sa_column=Column(BigInteger))
    replies: int | None = Field(default=None, sa_column=Column(BigInteger))
    shares: int | None = Field(default=None, sa_column=Column(BigInteger))

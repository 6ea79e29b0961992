"""The tables of comments: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Boolean, CheckConstraint, Column, DateTime, ForeignKey, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now

MAX_TEXT_CHARACTERS = 4000
MAX_QUOTE_CHARACTERS = 1000
MAX_CONTEXT_CHARACTERS = 64
MAX_BLOCK_ID_CHARACTERS = 64


class PlaceKind(StrEnum):
    """What a thread is about."""

    TEXT = "text"
    BLOCK = "block"
    IMAGE = "image"


class Reaction(StrEnum):
    """What can be said without words."""

    THUMBS_UP = "thumbs_up"
    HEART = "heart"
    CELEBRATE = "celebrate"
    LAUGH = "laugh"
    EYES = "eyes"
    DONE = "done"


def _one_of(kinds: type[StrEnum]) -> str:
    return ", ".join(f"'{kind.value}'" for kind in kinds)


class Thread(SQLModel, table=True):
    """A conversation about a place in a document.

    `anchor` holds two Yjs relative positions as JSON, `start` and `end`; `before` and `after` are the words around the
    quote in its block. One about a suggestion, of which there is one at most, names it by its author and its mark.
    """

    __tablename__: ClassVar[Any] = "threads"
    __table_args__: ClassVar[Any] = (
        Index("threads_by_document", "document_id", "created_at", "id"),
        CheckConstraint(f"kind IN ({_one_of(PlaceKind)})", name="threads_kind_known"),
        CheckConstraint(f"char_length(quote) <= {MAX_QUOTE_CHARACTERS}", name="threads_quote_length"),
        Index(
            "threads_one_by_suggestion",
            "document_id",
            "suggestion_author",
            "suggestion_mark",
            unique=True,
            postgresql_where="suggestion_mark IS NOT NULL",
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    anchor: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    block_id: str | None = Field(default=None, sa_column=Column(Text))
    quote: str = Field(default="", sa_column=Column(Text, nullable=False))
    before: str = Field(default="", sa_column=Column(Text, nullable=False))
    after: str = Field(default="", sa_column=Column(Text, nullable=False))
    suggestion_author: UUID | None = Field(default=None, sa_column=Column(Uuid))
    suggestion_mark: str | None = Field(default=None, sa_column=Column(Text))
    # It was put aside because its suggestion was decided; if that is undone, it is taken up again.
    ended_by_decision: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    resolved_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    resolved_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))


class Comment(SQLModel, table=True):
    """What somebody said in a thread. In `text` a person is mentioned as `<@id>`; `mentions` lists the ids.

    The first one of a thread that was answered stays as an empty row with `deleted_at`: the answers hang on it.
    """

    __tablename__: ClassVar[Any] = "comments"
    __table_args__: ClassVar[Any] = (
        Index("comments_by_thread", "thread_id", "created_at", "id"),
        CheckConstraint(f"char_length(text) <= {MAX_TEXT_CHARACTERS}", name="comments_text_length"),
        CheckConstraint("(text = '') = (deleted_at IS NOT NULL)", name="comments_empty_when_deleted"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    thread_id: UUID = Field(sa_column=Column(ForeignKey("threads.id", ondelete="CASCADE"), nullable=False))
    author_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    text: str = Field(sa_column=Column(Text, nullable=False))
    mentions: list[UUID] = Field(default_factory=list, sa_column=Column(ARRAY(Uuid), nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    edited_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class CommentReaction(SQLModel, table=True):
    """Somebody's reaction to a comment; one person may have several, each once."""

    __tablename__: ClassVar[Any] = "reactions"
    __table_args__: ClassVar[Any] = (CheckConstraint(f"kind IN ({_one_of(Reaction)})", name="reactions_kind_known"),)

    comment_id: UUID = Field(sa_column=Column(ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True))
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))

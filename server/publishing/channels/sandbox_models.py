"""The table of what was sent to a sandbox: docs/data-model.md."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class SandboxPost(SQLModel, table=True):
    """What a sandbox was sent. `id` is the publication's. `texts`: of the post and its replies, in order.

    `shown`: how many of them are to be seen; 0 if the sandbox lost the post, as was wished.
    """

    __tablename__: ClassVar[Any] = "sandbox_posts"
    __table_args__: ClassVar[Any] = (Index("sandbox_posts_by_time", "account_id", "sent_at", "id"),)

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(sa_column=Column(ForeignKey("channel_accounts.id", ondelete="CASCADE"), nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    texts: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    pictures: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    outcome: str = Field(sa_column=Column(Text, nullable=False))
    shown: int = Field(sa_column=Column(Integer, nullable=False))
    sent_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))

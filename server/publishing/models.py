"""The tables of publishing: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(each.value) for each in values)})"


class Health(StrEnum):
    """Whether an account works."""

    OK = "ok"
    FAILING = "failing"  # it did not answer as it should; it is looked at again
    RECONNECT = "reconnect"  # only a person can help, by connecting it again


class ChannelAccount(SQLModel, table=True):
    """Somebody's standing on a channel, connected to a workspace.

    A disconnected one stays, without its secrets: what it published names it. Connected again it is the same row.
    """

    __tablename__: ClassVar[Any] = "channel_accounts"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(_one_of("health", Health), name="channel_accounts_health_known"),
        CheckConstraint(
            "(disconnected_at IS NULL) = (secrets IS NOT NULL)", name="channel_accounts_secrets_while_connected"
        ),
        Index("channel_accounts_once", "workspace_id", "channel", "base_url", "remote_id", unique=True),
        Index("channel_accounts_by_refresh", "refresh_at", postgresql_where="disconnected_at IS NULL"),
        Index("channel_accounts_by_check", "checked_at", postgresql_where="disconnected_at IS NULL"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False))
    # The `kind` of a channel; its module may be gone by now.
    channel: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    base_url: str = Field(default="", sa_column=Column(Text, nullable=False))
    remote_id: str = Field(default="", sa_column=Column(Text, nullable=False))
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    # Encrypted (server.publishing.vault), and by which key.
    secrets: bytes | None = Field(default=None, sa_column=Column(LargeBinary), repr=False)
    key_id: str = Field(default="", sa_column=Column(Text, nullable=False))
    # When its access token ends, and from when on it is refreshed. None: it does not end.
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    refresh_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    health: str = Field(default=Health.OK.value, sa_column=Column(Text, nullable=False))
    # What is wrong, for a person; empty while nothing is.
    health_sentence: str = Field(default="", sa_column=Column(Text, nullable=False))
    health_since: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    checked_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    connected_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    # Who is asked to connect it again.
    responsible_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL"), nullable=True, index=True)
    )
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    disconnected_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class ChannelConsent(SQLModel, table=True):
    """That a person was sent to a channel to agree, and what is needed when they are back. For minutes, and once."""

    __tablename__: ClassVar[Any] = "channel_consents"

    # Of the `state` that the person carries there and back.
    state_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True), repr=False)
    workspace_id: UUID = Field(
        sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True))
    channel: str = Field(sa_column=Column(Text, nullable=False))
    # Encrypted.
    kept: bytes = Field(sa_column=Column(LargeBinary, nullable=False), repr=False)
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, index=True))

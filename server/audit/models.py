"""The tables of the ledger: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class LedgerHead(SQLModel, table=True):
    """How long a workspace's chain is and its newest hash; the row that is locked to add an entry."""

    __tablename__: ClassVar[Any] = "ledger_heads"

    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class LedgerEntry(SQLModel, table=True):
    """What somebody did. Never changed: a trigger refuses that, and the hashes would show it."""

    __tablename__: ClassVar[Any] = "ledger_entries"
    __table_args__: ClassVar[Any] = (
        Index("ledger_by_document", "document_id", "number", postgresql_where="document_id IS NOT NULL"),
    )

    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # No foreign keys: an entry outlives whom and what it is about.
    actor_id: UUID | None = None
    actor_name: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    sentence: str = Field(sa_column=Column(Text, nullable=False))
    document_id: UUID | None = None
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    previous: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class WaitingEntry(SQLModel, table=True):
    """What somebody did, noted in the transaction of the deed and not in the chain yet.

    A worker chains it and removes it here, in one transaction of its own. So no deed waits for the row that ends the
    chain: those of the publisher must not wait on people's.
    """

    __tablename__: ClassVar[Any] = "ledger_waiting"
    __table_args__: ClassVar[Any] = (
        Index("ledger_waiting_by_document", "document_id", "id", postgresql_where="document_id IS NOT NULL"),
        Index("ledger_waiting_by_workspace", "workspace_id", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    actor_id: UUID | None = None
    actor_name: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    sentence: str = Field(sa_column=Column(Text, nullable=False))
    document_id: UUID | None = None
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))

"""The table of pictures: docs/data-model.md says how it hangs together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, NewType
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

AssetId = NewType("AssetId", UUID)


class Asset(SQLModel, table=True):
    """A picture of a workspace. The bytes lie in the store; `server.assets.storage.key_for` says where."""

    __tablename__: ClassVar[Any] = "assets"
    __table_args__: ClassVar[Any] = (UniqueConstraint("workspace_id", "sha256", name="assets_once_per_workspace"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False))
    # Its home: the document it was put into last. No foreign key: layers point down, and a picture may outlive that
    # document because another one shows it too.
    document_id: UUID | None = Field(default=None, index=True)
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    media_type: str = Field(sa_column=Column(Text, nullable=False))
    width: int
    height: int
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    file_name: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(
        default_factory=lambda: datetime.now(UTC), sa_column=Column(DateTime(timezone=True), nullable=False)
    )
    # Since when the clean-up has found no document that shows it; it goes some days later.
    unused_since: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))

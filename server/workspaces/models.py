"""The tables of workspaces, members and invitations: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NewType
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel

from server.accounts.models import utc_now

WorkspaceId = NewType("WorkspaceId", UUID)
InvitationId = NewType("InvitationId", UUID)

MAX_WORKSPACE_NAME_CHARACTERS = 120


class Role(StrEnum):
    """What a member is in a workspace; `access` says what each may do."""

    ADMIN = "admin"
    SCHEDULER = "scheduler"
    MEMBER = "member"
    GUEST = "guest"


_ROLES = ", ".join(f"'{role.value}'" for role in Role)


class Workspace(SQLModel, table=True):
    """A team's place."""

    __tablename__: ClassVar[Any] = "workspaces"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Member(SQLModel, table=True):
    """A user in a workspace. `role` holds the text of a `Role`."""

    __tablename__: ClassVar[Any] = "members"
    __table_args__: ClassVar[Any] = (CheckConstraint(f"role IN ({_ROLES})", name="role_known"),)

    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True))
    # Indexed, because every page asks "which workspace is this person's?".
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True))
    role: str = Field(sa_column=Column(Text, nullable=False))
    joined_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Invitation(SQLModel, table=True):
    """A link into a workspace, good for many people until it expires or is revoked."""

    __tablename__: ClassVar[Any] = "invitations"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"role IN ({_ROLES})", name="role_known"),
        CheckConstraint(
            "document_role IS NULL OR (document_role IN ('editor', 'reviewer', 'viewer') AND document_id IS NOT NULL)",
            name="invitations_document_role_known",
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(
        sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    # The document to open after joining. No foreign key: layers point down, and an invitation outlives the document.
    document_id: UUID | None = Field(default=None)
    # What whoever comes by it is at that document; the documents' own domain gives it a meaning.
    document_role: str | None = Field(default=None, sa_column=Column(Text))
    # To whom it was sent; anybody who has it may use it.
    email: str | None = Field(default=None, sa_column=Column(Text))
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True), repr=False)
    # Of a second secret, in the mail that brought it: the first was shown to its maker and is kept nowhere.
    mail_token_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary, unique=True), repr=False)
    role: str = Field(sa_column=Column(Text, nullable=False))
    created_by: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    uses: int = Field(default=0, sa_column=Column(Integer, nullable=False))

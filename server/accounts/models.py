"""The tables of people, sessions and secrets: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, NewType
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, LargeBinary, SmallInteger, Text
from sqlmodel import Field, SQLModel

import server.db  # noqa: F401 - names the constraints of every table declared after it

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
ApiTokenId = NewType("ApiTokenId", UUID)

MAX_NAME_CHARACTERS = 80
MAX_EMAIL_CHARACTERS = 254
PRESENCE_COLOURS = 12


def utc_now() -> datetime:
    """Return the time of this moment, aware, in UTC."""
    return datetime.now(UTC)


class UserKind(StrEnum):
    """What somebody is: a person with an account, or a guest, who came by a link to one document."""

    PERSON = "person"
    GUEST = "guest"


class GuestKeyKind(StrEnum):
    """Where a guest's secret counts: in the address of a link, in a browser's cookie, or at a document's socket."""

    LINK = "link"
    BROWSER = "browser"
    SOCKET = "socket"


def _one_of(column: str, kinds: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(kind.value) for kind in kinds)})"


class User(SQLModel, table=True):
    """A person. `email` is kept in lower case; `colour` is a place in the palette of presence colours.

    Also a guest, so that what they say and suggest has somebody behind it: with no password that opens anything, and an
    address that is nobody's. Only their keys let them in.
    """

    __tablename__: ClassVar[Any] = "users"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("email = lower(email)", name="email_lower_case"),
        CheckConstraint(f"colour >= 0 AND colour < {PRESENCE_COLOURS}", name="colour_range"),
        CheckConstraint(_one_of("kind", UserKind), name="users_kind_known"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    email: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    password_hash: str = Field(sa_column=Column(Text, nullable=False), repr=False)
    colour: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False))
    # The database says it for the release before this one, which does not know the column.
    kind: str = Field(default=UserKind.PERSON.value, sa_column=Column(Text, nullable=False, server_default="person"))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    disabled_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class Session(SQLModel, table=True):
    """A signed-in browser. `expires_at` slides forward while it is used."""

    __tablename__: ClassVar[Any] = "sessions"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True), repr=False)
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, index=True))
    last_seen_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    user_agent: str = Field(default="", sa_column=Column(Text, nullable=False))
    address: str = Field(default="", sa_column=Column(Text, nullable=False))


class ApiToken(SQLModel, table=True):
    """A program's key to its user's documents. `hint` is the first characters, so that a person can tell them apart."""

    __tablename__: ClassVar[Any] = "api_tokens"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True))
    name: str = Field(sa_column=Column(Text, nullable=False))
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True), repr=False)
    hint: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class SetupLink(SQLModel, table=True):
    """A link that creates the first account, once, within its time."""

    __tablename__: ClassVar[Any] = "setup_links"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True), repr=False)
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class GuestKey(SQLModel, table=True):
    """A secret that lets a guest in, by its hash. How long it works is for who invited them to say: it is not here."""

    __tablename__: ClassVar[Any] = "guest_keys"
    __table_args__: ClassVar[Any] = (CheckConstraint(_one_of("kind", GuestKeyKind), name="guest_keys_kind_known"),)

    secret_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True), repr=False)
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))

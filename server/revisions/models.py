"""The tables of revisions: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now

MAX_NAME_CHARACTERS: Final = 120


class Reason(StrEnum):
    """Why a revision was made."""

    AUTOMATIC = "automatic"
    NAMED = "named"
    IMPORT = "import"
    RESTORE = "restore"
    APPROVAL = "approval"
    PUBLICATION = "publication"


_REASONS = ", ".join(f"'{reason.value}'" for reason in Reason)


class History(SQLModel, table=True):
    """How far a document's revisions have come; the row that is locked to make one.

    `number`: of the newest. `seq`: the place in the log up to which nothing is left to be kept. `authorship`: whose the
    letters of the newest are (server.revisions.authorship).
    """

    __tablename__: ClassVar[Any] = "histories"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    authorship: bytes | None = Field(default=None, sa_column=Column(LargeBinary), repr=False)


class Keyframe(SQLModel, table=True):
    """A document's whole state as one Yjs update (v1, deflated), which revisions build on."""

    __tablename__: ClassVar[Any] = "revision_keyframes"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    document_id: UUID = Field(
        sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False), repr=False)


class Revision(SQLModel, table=True):
    """A document as it was. Only its name ever changes, and its reason when somebody approves it.

    `delta`: what the state has beyond its keyframe, as a Yjs update (v1, deflated); none if it is the keyframe.
    `state_vector`: what the state has of each client. `authorship`: whose its letters are, of one that people are
    likely to go back to. `added`, `removed`: characters since the revision before.
    """

    __tablename__: ClassVar[Any] = "revisions"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("document_id", "number", name="revisions_numbered"),
        CheckConstraint(f"reason IN ({_REASONS})", name="revisions_reason_known"),
        CheckConstraint(f"char_length(name) BETWEEN 1 AND {MAX_NAME_CHARACTERS}", name="revisions_name_length"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=False))
    number: int = Field(sa_column=Column(BigInteger, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    name: str | None = Field(default=None, sa_column=Column(Text))
    # Who named, imported or restored; nobody did what came by itself.
    made_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    # Of a restore of the whole text: the number of what was restored, which may be thinned out one day.
    restored: int | None = Field(default=None, sa_column=Column(BigInteger))
    title: str = Field(default="", sa_column=Column(Text, nullable=False))
    added: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    removed: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    keyframe_id: UUID = Field(sa_column=Column(ForeignKey("revision_keyframes.id"), nullable=False, index=True))
    delta: bytes | None = Field(default=None, sa_column=Column(LargeBinary), repr=False)
    state_vector: bytes = Field(sa_column=Column(LargeBinary, nullable=False), repr=False)
    authorship: bytes | None = Field(default=None, sa_column=Column(LargeBinary), repr=False)


class RevisionAuthor(SQLModel, table=True):
    """Somebody who wrote between the revision before and this one."""

    __tablename__: ClassVar[Any] = "revision_authors"

    revision_id: UUID = Field(sa_column=Column(ForeignKey("revisions.id", ondelete="CASCADE"), primary_key=True))
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))


class Writer(SQLModel, table=True):
    """Somebody who wrote since the newest revision: an author of the next."""

    __tablename__: ClassVar[Any] = "document_writers"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))


class Deletions(SQLModel, table=True):
    """What somebody deleted before revision `number` was made, and after the one before it.

    `ranges`: of letters and all else that Yjs counts, by client and clock (server.revisions.tracing). One more is put
    behind it.
    """

    __tablename__: ClassVar[Any] = "document_deletions"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    ranges: bytes = Field(sa_column=Column(LargeBinary, nullable=False), repr=False)


class DocumentClient(SQLModel, table=True):
    """Whose a Yjs client id is: of the person whose connection first brought something by it."""

    __tablename__: ClassVar[Any] = "document_clients"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    client_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False))
    first_seen_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    last_seen_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))

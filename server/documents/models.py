"""The tables of documents: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, NewType
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlmodel import Field, SQLModel

DocumentId = NewType("DocumentId", UUID)

MAX_TITLE_CHARACTERS = 300
MAX_EXCERPT_CHARACTERS = 200
MAX_COLLECTION_NAME_CHARACTERS = 120
# A path of so many names can still be read; each level is another step for whoever looks for a document.
MAX_COLLECTION_DEPTH = 8


class DocumentRole(StrEnum):
    """What somebody is at a document, the strongest first; `access` says what each may do."""

    OWNER = "owner"
    EDITOR = "editor"
    REVIEWER = "reviewer"
    VIEWER = "viewer"


class Reach(StrEnum):
    """Whom a document is there for without being named: nobody, or the workspace's members."""

    PEOPLE = "people"
    WORKSPACE = "workspace"


# The role of members who are not named, where neither the document nor a collection around it says otherwise.
USUAL_ROLE = DocumentRole.EDITOR

_ROLES = ", ".join(f"'{role.value}'" for role in DocumentRole)
# Being the owner is personal: it is given to somebody by name.
_ROLES_FOR_MANY = ", ".join(f"'{role.value}'" for role in DocumentRole if role is not DocumentRole.OWNER)
_REACH_IS_WHOLE = (
    "(reach IS NULL AND reach_role IS NULL) OR (reach IS NOT NULL AND reach = 'people' AND reach_role IS NULL)"
    " OR (reach IS NOT NULL AND reach = 'workspace' AND reach_role IS NOT NULL"
    f" AND reach_role IN ({_ROLES_FOR_MANY}))"
)


def utc_now() -> datetime:
    """Return the time of this moment, aware, in UTC."""
    return datetime.now(UTC)


class Collection(SQLModel, table=True):
    """A folder of documents. Whoever is named on one has their role at all that lies in it.

    `path` leads from the top to this collection, its own id at the end: so one look finds all that is inherited.
    """

    __tablename__: ClassVar[Any] = "collections"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            f"char_length(name) BETWEEN 1 AND {MAX_COLLECTION_NAME_CHARACTERS}", name="collections_name_length"
        ),
        CheckConstraint(f"cardinality(path) BETWEEN 1 AND {MAX_COLLECTION_DEPTH}", name="collections_depth"),
        CheckConstraint(_REACH_IS_WHOLE, name="collections_reach_whole"),
        Index("collections_by_path", "path", postgresql_using="gin"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(
        sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    # What lies in a collection moves up before it goes; this is for a whole workspace that goes.
    parent_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("collections.id", ondelete="CASCADE"), index=True)
    )
    path: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    position: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    # None: as the collection around it.
    reach: str | None = Field(default=None, sa_column=Column(Text))
    reach_role: str | None = Field(default=None, sa_column=Column(Text))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))

    @property
    def collection_id(self) -> UUID:
        """Its own id, by the name that `access.OfCollection` asks for."""
        return self.id


class Document(SQLModel, table=True):
    """A document as lists see it. `title`, `excerpt` and `projected_seq` follow the log; the log is the truth."""

    __tablename__: ClassVar[Any] = "documents"
    __table_args__: ClassVar[Any] = (
        # The two lists, newest change first; the id breaks ties so that paging never skips or repeats.
        Index("documents_live_by_change", "workspace_id", "updated_at", "id", postgresql_where="trashed_at IS NULL"),
        Index("documents_trash_by_time", "workspace_id", "trashed_at", "id", postgresql_where="trashed_at IS NOT NULL"),
        CheckConstraint(f"char_length(title) <= {MAX_TITLE_CHARACTERS}", name="documents_title_length"),
        CheckConstraint(_REACH_IS_WHOLE, name="documents_reach_whole"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(
        sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    title: str = Field(default="", sa_column=Column(Text, nullable=False))
    excerpt: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    trashed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    trashed_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    projected_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    collection_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("collections.id", ondelete="SET NULL"), index=True)
    )
    # None: as the collection around it; without one, members edit.
    reach: str | None = Field(default=None, sa_column=Column(Text))
    reach_role: str | None = Field(default=None, sa_column=Column(Text))
    # What the title and the text are, in a few bytes, without what is only suggested: `pairing.digest`. None: not
    # known yet.
    said: bytes | None = Field(default=None, sa_column=Column(LargeBinary), repr=False)
    # What approvals sign: `freezing.content_hash`. None: not known yet.
    content_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary), repr=False)
    # How often the answer to "who may do what with it?" has changed. The database counts from 0 also for the release
    # before this one, which does not know the column.
    access_epoch: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))

    @property
    def document_id(self) -> UUID:
        """Its own id, by the name that everything else about a document has it under (`access.OfDocument`)."""
        return self.id


class Lineage(SQLModel, table=True):
    """The identity of a document's history, and the row that is locked to give out places in its log."""

    __tablename__: ClassVar[Any] = "lineages"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    epoch: UUID = Field(default_factory=uuid4)
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class DocumentUpdate(SQLModel, table=True):
    """One place in the log: a Yjs update (v1 encoding), never changed once written.

    `written_by`: whose all of it is; None if several people wrote it, or nobody can tell.
    """

    __tablename__: ClassVar[Any] = "document_updates"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    # No foreign key: it would be looked up at every commit of what people type.
    written_by: UUID | None = None


class DocumentSnapshot(SQLModel, table=True):
    """The log folded up to and including `seq`: one Yjs update that stands for all of them."""

    __tablename__: ClassVar[Any] = "document_snapshots"

    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Collaborator(SQLModel, table=True):
    """A member who is named on a document or on a collection, with the text of a `DocumentRole`.

    Whoever leaves the workspace is named nowhere in it any more.
    """

    __tablename__: ClassVar[Any] = "collaborators"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
        ),
        UniqueConstraint("document_id", "user_id", name="collaborators_once_per_document"),
        UniqueConstraint("collection_id", "user_id", name="collaborators_once_per_collection"),
        CheckConstraint("(document_id IS NULL) <> (collection_id IS NULL)", name="collaborators_of_one_thing"),
        CheckConstraint(f"role IN ({_ROLES})", name="collaborators_role_known"),
        Index("collaborators_by_member", "workspace_id", "user_id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    document_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=True)
    )
    collection_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("collections.id", ondelete="CASCADE"), nullable=True)
    )
    user_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False))
    added_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    added_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class ShareLink(SQLModel, table=True):
    """A link that opens a document for whoever has it: without an account to read, with one in the link's role."""

    __tablename__: ClassVar[Any] = "share_links"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"role IN ({_ROLES_FOR_MANY})", name="share_links_role_known"),
        Index("share_links_by_expiry", "expires_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    document_id: UUID = Field(
        sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True), repr=False)
    role: str = Field(sa_column=Column(Text, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    password_hash: str | None = Field(default=None, sa_column=Column(Text), repr=False)
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class LinkVisit(SQLModel, table=True):
    """Somebody who opened a link: a person with an account, who has its role while it works, or a browser that reads.

    Of a browser the row holds the hash of what its visit cookie says.
    """

    __tablename__: ClassVar[Any] = "link_visits"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("link_id", "user_id", name="link_visits_once_per_person"),
        UniqueConstraint("link_id", "secret_hash", name="link_visits_once_per_browser"),
        CheckConstraint("(user_id IS NULL) <> (secret_hash IS NULL)", name="link_visits_of_one_visitor"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    link_id: UUID = Field(sa_column=Column(ForeignKey("share_links.id", ondelete="CASCADE"), nullable=False))
    user_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=True, index=True)
    )
    secret_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary), repr=False)
    opened_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class AccessRequest(SQLModel, table=True):
    """A member asks to be let into a document; `answered_at` says when somebody agreed or declined."""

    __tablename__: ClassVar[Any] = "access_requests"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
        ),
        UniqueConstraint("document_id", "user_id", name="access_requests_once"),
        CheckConstraint(f"role IN ({_ROLES_FOR_MANY})", name="access_requests_role_known"),
        CheckConstraint("char_length(message) <= 500", name="access_requests_message_length"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    document_id: UUID = Field(sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=False))
    user_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False))
    message: str = Field(default="", sa_column=Column(Text, nullable=False))
    asked_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    answered_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class ReviewGuest(SQLModel, table=True):
    """Somebody without an account who was asked to look at one document: a user of the kind guest, and what they may.

    `ends_when_approved`: their link is over once they approved; `reads_after`: until it expires they can still read
    what they approved, which `approved_hash` says. `email`: where the link was sent.
    """

    __tablename__: ClassVar[Any] = "review_guests"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 72", name="review_guests_name_length"),
        CheckConstraint("(approved_at IS NULL) = (approved_hash IS NULL)", name="review_guests_approved_something"),
        Index("review_guests_by_expiry", "expires_at"),
    )

    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    document_id: UUID = Field(
        sa_column=Column(ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    name: str = Field(sa_column=Column(Text, nullable=False))
    email: str | None = Field(default=None, sa_column=Column(Text))
    note: str = Field(default="", sa_column=Column(Text, nullable=False))
    may_comment: bool = Field(sa_column=Column(Boolean, nullable=False))
    may_suggest: bool = Field(sa_column=Column(Boolean, nullable=False))
    may_approve: bool = Field(sa_column=Column(Boolean, nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends_when_approved: bool = Field(sa_column=Column(Boolean, nullable=False))
    reads_after: bool = Field(sa_column=Column(Boolean, nullable=False))
    invited_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    invited_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    opened_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    approved_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    approved_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))

    @property
    def is_done(self) -> bool:
        """Whether it is over because they approved."""
        return self.ends_when_approved and self.approved_at is not None

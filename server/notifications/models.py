"""The tables of notices and mails: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlmodel import Field, SQLModel

from server.accounts.models import utc_now

MAX_TITLE_CHARACTERS = 300
MAX_TEXT_CHARACTERS = 1000


class Kind(StrEnum):
    """What a notice is about."""

    INVITATION = "invitation"  # a document or a workspace was opened to the person
    MENTION = "mention"
    REPLY = "reply"  # in a thread they are part of, or new in a document they follow
    RESOLUTION = "resolution"  # a thread was put aside
    REOPENING = "reopening"  # or taken up again
    ACCESS_REQUEST = "access_request"
    ROLE = "role"  # what they may do with something changed
    PROPOSAL = "proposal"  # somebody suggested changes
    DECISION = "decision"  # somebody decided about theirs
    RECONNECT = "reconnect"  # an account on a channel works no more until somebody connects it again
    PUBLISHED = "published"  # what they planned is out
    STUCK = "stuck"  # what they planned is not out, or nobody knows whether it is
    REVIEW_REQUEST = "review_request"  # it is their turn to decide about a document
    REVIEW_DECISION = "review_decision"  # somebody decided about what they asked a review for
    REVIEW_REMINDER = "review_reminder"  # they have not decided yet
    REVIEW_ESCALATION = "review_escalation"  # nobody decided in time, and they are asked to
    FORESEEN = "foreseen"  # what they planned, or look after, will go wrong as it stands


class Letter(StrEnum):
    """What a mail is about."""

    NOTICE = "notice"
    DIGEST = "digest"
    INVITATION = "invitation"
    GUEST = "guest"  # to somebody without an account, about the document that they were asked to look at


class MailState(StrEnum):
    """Where a mail is; the order is that of its life. The last four are ends."""

    WAITING = "waiting"
    CLAIMED = "claimed"  # a worker has it; nothing that the mail server would act on has been said
    SENDING = "sending"  # the text may be on its way: from here on it is never sent again
    SENT = "sent"
    DROPPED = "dropped"  # not needed any more: read in the page, switched off, the invitation taken back
    FAILED = "failed"  # refused for good
    UNKNOWN = "unknown"  # the connection was lost, or the worker died, before the mail server said how it ended


class HowMail(StrEnum):
    """How a person wants mail."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    NEVER = "never"


class Attention(StrEnum):
    """What a person wants to hear of a document beyond what is meant for them."""

    FOLLOWING = "following"
    MUTED = "muted"


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(each.value) for each in values)})"


class Mail(SQLModel, table=True):
    """A mail that is due, on its way, or over. To a person, or to the address of somebody without an account."""

    __tablename__: ClassVar[Any] = "mails"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(_one_of("letter", Letter), name="mails_letter_known"),
        CheckConstraint(_one_of("state", MailState), name="mails_state_known"),
        CheckConstraint("(user_id IS NULL) <> (address IS NULL)", name="mails_to_one"),
        CheckConstraint("(letter = 'invitation') = (invitation_id IS NOT NULL)", name="mails_invitation_named"),
        CheckConstraint("(letter = 'guest') = (guest_id IS NOT NULL)", name="mails_guest_named"),
        Index("mails_open_by_time", "due_at", postgresql_where="state IN ('waiting', 'claimed', 'sending')"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    letter: str = Field(sa_column=Column(Text, nullable=False))
    user_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=True, index=True)
    )
    address: str | None = Field(default=None, sa_column=Column(Text))
    invitation_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("invitations.id", ondelete="CASCADE"), nullable=True, index=True)
    )
    # Of a letter to a guest: who they are here, and what it is about. The document's layer is above.
    guest_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=True, index=True)
    )
    document_id: UUID | None = Field(default=None)
    # Of an invitation: the document it leads to, and what the one who invites says. Of a letter to a guest: its subject
    # and its words.
    title: str = Field(default="", sa_column=Column(Text, nullable=False))
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
    dedupe_key: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    state: str = Field(default=MailState.WAITING.value, sa_column=Column(Text, nullable=False))
    due_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    # Counts claims: a worker whose lease ran out finds another number here, and lets go.
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    lease_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # What the mail server said last, or why it was not asked.
    problem: str = Field(default="", sa_column=Column(Text, nullable=False))
    # Of the secret in its List-Unsubscribe header.
    stop_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary, unique=True), repr=False)
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class PersonalNotice(SQLModel, table=True):
    """One piece of news, as one person has it."""

    __tablename__: ClassVar[Any] = "notices"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(_one_of("kind", Kind), name="notices_kind_known"),
        UniqueConstraint("user_id", "dedupe_key", name="notices_once"),
        Index("notices_by_time", "user_id", "created_at", "id"),
        Index("notices_unread", "user_id", postgresql_where="read_at IS NULL"),
        Index("notices_for_digest", "user_id", postgresql_where="by_digest AND mail_id IS NULL AND read_at IS NULL"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False))
    workspace_id: UUID = Field(
        sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    kind: str = Field(sa_column=Column(Text, nullable=False))
    actor_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    # No foreign keys: documents and threads are layers above.
    document_id: UUID | None = Field(default=None, sa_column=Column(Uuid, index=True))
    thread_id: UUID | None = Field(default=None)
    title: str = Field(sa_column=Column(Text, nullable=False))
    quote: str = Field(default="", sa_column=Column(Text, nullable=False))
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
    path: str = Field(sa_column=Column(Text, nullable=False))
    dedupe_key: str = Field(sa_column=Column(Text, nullable=False))
    by_digest: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    # Checked at the commit: notices are written first, and only those that are new get a mail.
    mail_id: UUID | None = Field(
        default=None,
        sa_column=Column(
            ForeignKey("mails.id", ondelete="SET NULL", deferrable=True, initially="DEFERRED"),
            nullable=True,
            index=True,
        ),
    )
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    read_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class MailChoice(SQLModel, table=True):
    """How a person wants mail, and about what (texts of `Kind`). Without a row: at once, about everything."""

    __tablename__: ClassVar[Any] = "mail_choices"
    __table_args__: ClassVar[Any] = (CheckConstraint(_one_of("how", HowMail), name="mail_choices_how_known"),)

    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    how: str = Field(sa_column=Column(Text, nullable=False))
    kinds: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))


class DocumentAttention(SQLModel, table=True):
    """That a person follows a document, or has muted it."""

    __tablename__: ClassVar[Any] = "document_attention"
    __table_args__: ClassVar[Any] = (CheckConstraint(_one_of("attention", Attention), name="document_attention_known"),)

    user_id: UUID = Field(sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    document_id: UUID = Field(sa_column=Column(Uuid, primary_key=True, index=True))
    attention: str = Field(sa_column=Column(Text, nullable=False))


class StoppedAddress(SQLModel, table=True):
    """An address without an account whose owner wants no more invitations by mail. In lower case."""

    __tablename__: ClassVar[Any] = "stopped_addresses"

    address: str = Field(sa_column=Column(Text, primary_key=True))
    stopped_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))

"""The tables of publishing: docs/data-model.md says how they hang together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now
from server.publishing.states import OPEN, State

MAX_SENTENCE_CHARACTERS = 1000
# Written as Postgres writes it down.
_TAG_KEYS = "(lower(((post -> 'tags'::text))::text))::jsonb"


def _one_of(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


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
        # A site's address leads to one site in all of the installation.
        Index("channel_accounts_one_site", "remote_id", unique=True, postgresql_where="channel = 'site'"),
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


class Publication(SQLModel, table=True):
    """One variant of one revision on one account at one time. This row is the truth; the queue only nudges.

    `post`: what goes out, frozen (server.publishing.posts). `content_hash`: of what was approved. `wall_time` and
    `zone`: the time as it was said; `due_at`: the instant it means. `next_at`: when a worker takes it up, which is
    later than `due_at` after a failure and a little before it to prepare. `called_at`: when a call was begun that makes
    something visible and whose outcome is not known. `version` counts what people changed, `edition` how often `post`.
    """

    __tablename__: ClassVar[Any] = "publications"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(_one_of("state", State), name="publications_state_known"),
        CheckConstraint("octet_length(content_hash) = 32", name="publications_hash_whole"),
        Index("publications_open_by_time", "next_at", postgresql_where=_one_of("state", sorted(OPEN))),
        Index("publications_by_time", "workspace_id", "due_at", "id"),
        Index("publications_by_account", "account_id", "due_at"),
        Index("publications_by_tag", "tag_keys", postgresql_using="gin"),
        Index("publications_out_by_time", "published_at", postgresql_where="state = 'published'"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False))
    # What was published stays known when its document or its account is gone.
    document_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("documents.id", ondelete="SET NULL"), index=True)
    )
    account_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("channel_accounts.id", ondelete="SET NULL"))
    )
    revision_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("revisions.id", ondelete="SET NULL")))
    content_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    post: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    # The tags of `post` in small letters, made by Postgres: lists are filtered by them, without reading whole posts.
    tag_keys: list[str] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), Computed(_TAG_KEYS, persisted=True))
    )

    wall_time: datetime = Field(sa_column=Column(DateTime(timezone=False), nullable=False))
    zone: str = Field(sa_column=Column(Text, nullable=False))
    due_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    next_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # Whether it took a slot of its account: it is part of the queue, until somebody gives it a time by hand.
    is_queued: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    series_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("publication_series.id", ondelete="SET NULL"), index=True)
    )
    version: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    edition: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))

    state: str = Field(default=State.SCHEDULED.value, sa_column=Column(Text, nullable=False))
    handle: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    called_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # Counts claims: a worker whose lease ran out finds another number here, and lets go.
    fence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    lease_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # Failures in a row.
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    remedy: str | None = Field(default=None, sa_column=Column(Text))
    problem: str = Field(default="", sa_column=Column(Text, nullable=False))
    evidence: str = Field(default="", sa_column=Column(Text, nullable=False))

    remote_id: str | None = Field(default=None, sa_column=Column(Text))
    url: str | None = Field(default=None, sa_column=Column(Text))
    published_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # When a newer text took the place of what was published; when we took it down; since when its channel, for reasons
    # of its own, shows it no longer (server.publishing.aftercare).
    changed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    taken_down_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    gone_since: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # When people were told that it is late.
    overdue_told_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Series(SQLModel, table=True):
    """Publications that were planned together, one every so many days, weeks or months. Each is a row of its own."""

    __tablename__: ClassVar[Any] = "publication_series"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(
        sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    every: int = Field(sa_column=Column(Integer, nullable=False))
    # "days", "weeks", "months".
    unit: str = Field(sa_column=Column(Text, nullable=False))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Attempt(SQLModel, table=True):
    """One call for a publication, noted before it is made. `outcome`: "done", a remedy, or none while it is open."""

    __tablename__: ClassVar[Any] = "publication_attempts"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    publication_id: UUID = Field(
        sa_column=Column(ForeignKey("publications.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    fence: int = Field(sa_column=Column(BigInteger, nullable=False))
    # "prepare", "publish", "look": what was asked of the channel.
    call: str = Field(sa_column=Column(Text, nullable=False))
    begun_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    outcome: str | None = Field(default=None, sa_column=Column(Text))
    sentence: str = Field(default="", sa_column=Column(Text, nullable=False))
    evidence: str = Field(default="", sa_column=Column(Text, nullable=False))

"""The tables of public pages: docs/data-model.md says how they hang together."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class SitePost(SQLModel, table=True):
    """A page of a site, as everybody can read it. `id` is its publication's: written twice it is one page.

    `pictures`: what `server.publishing.site.pages.Shown` holds. `html` has its pictures by their names.
    """

    __tablename__: ClassVar[Any] = "site_posts"
    __table_args__: ClassVar[Any] = (
        Index("site_posts_by_slug", "account_id", "slug", unique=True),
        Index("site_posts_by_time", "account_id", "published_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(sa_column=Column(ForeignKey("channel_accounts.id", ondelete="CASCADE"), nullable=False))
    slug: str = Field(sa_column=Column(Text, nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    summary: str = Field(sa_column=Column(Text, nullable=False))
    html: str = Field(sa_column=Column(Text, nullable=False))
    language: str = Field(default="", sa_column=Column(Text, nullable=False))
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))
    pictures: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))
    published_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # When what is to be read was last changed.
    modified_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class SiteSlug(SQLModel, table=True):
    """Where a page stood before: who comes there is led on."""

    __tablename__: ClassVar[Any] = "site_slugs"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(["post_id"], ["site_posts.id"], ondelete="CASCADE", name="site_slugs_post"),
        Index("site_slugs_by_post", "post_id"),
    )

    account_id: UUID = Field(sa_column=Column(ForeignKey("channel_accounts.id", ondelete="CASCADE"), primary_key=True))
    slug: str = Field(sa_column=Column(Text, primary_key=True))
    post_id: UUID = Field(nullable=False)


class SiteGone(SQLModel, table=True):
    """Where a page stood that was taken down: who comes there is told that it is gone for good."""

    __tablename__: ClassVar[Any] = "site_gone"
    __table_args__: ClassVar[Any] = (Index("site_gone_by_post", "post_id"),)

    account_id: UUID = Field(sa_column=Column(ForeignKey("channel_accounts.id", ondelete="CASCADE"), primary_key=True))
    slug: str = Field(sa_column=Column(Text, primary_key=True))
    post_id: UUID = Field(nullable=False)
    gone_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))

"""The tables of posting rules."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, Date, DateTime, ForeignKey, Index, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from server.documents.models import utc_now


class PostingRules(SQLModel, table=True):
    """When an account posts. The row that is locked while somebody takes a slot; without it there are no rules.

    `slots`: minutes since Monday, midnight, on the account's clock, in order. `quiet_from`, `quiet_until`: minutes of
    the day, the latter exclusive; over midnight if it is the smaller one.
    """

    __tablename__: ClassVar[Any] = "posting_rules"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("gap_minutes >= 0", name="posting_rules_gap_known"),
        CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL) AND (quiet_from <> quiet_until) IS NOT FALSE",
            name="posting_rules_quiet_whole",
        ),
        CheckConstraint("most_a_day >= 1", name="posting_rules_most_a_day_known"),
    )

    account_id: UUID = Field(sa_column=Column(ForeignKey("channel_accounts.id", ondelete="CASCADE"), primary_key=True))
    zone: str = Field(default="UTC", sa_column=Column(Text, nullable=False))
    slots: list[int] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))
    gap_minutes: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    quiet_from: int | None = Field(default=None, sa_column=Column(Integer))
    quiet_until: int | None = Field(default=None, sa_column=Column(Integer))
    most_a_day: int | None = Field(default=None, sa_column=Column(Integer))
    changed_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Blackout(SQLModel, table=True):
    """Days on which nothing is to be posted, the last one included. `account_id` None: on all accounts."""

    __tablename__: ClassVar[Any] = "blackouts"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("first_day <= last_day", name="blackouts_in_order"),
        Index("blackouts_by_day", "workspace_id", "last_day"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: UUID = Field(sa_column=Column(ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False))
    account_id: UUID | None = Field(
        default=None, sa_column=Column(ForeignKey("channel_accounts.id", ondelete="CASCADE"), index=True)
    )
    name: str = Field(sa_column=Column(Text, nullable=False))
    first_day: date = Field(sa_column=Column(Date, nullable=False))
    last_day: date = Field(sa_column=Column(Date, nullable=False))
    created_by: UUID | None = Field(default=None, sa_column=Column(ForeignKey("users.id", ondelete="SET NULL")))
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(DateTime(timezone=True), nullable=False))

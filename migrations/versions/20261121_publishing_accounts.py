"""Accounts on channels, and consents that are under way.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_publishing_accounts, after 20261121_suggestions. Created: 2026-11-21 20:05:00+00:00.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261121_publishing_accounts"
down_revision = "20261121_suggestions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "channel_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("health", sa.Text(), nullable=False),
        sa.Column("health_sentence", sa.Text(), nullable=False),
        sa.Column("health_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("connected_by", sa.Uuid(), nullable=True),
        sa.Column("responsible_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disconnected_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("health IN ('ok', 'failing', 'reconnect')", name="channel_accounts_health_known"),
        sa.CheckConstraint(
            "(disconnected_at IS NULL) = (secrets IS NOT NULL)", name="channel_accounts_secrets_while_connected"
        ),
        sa.ForeignKeyConstraint(["connected_by"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["responsible_id"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "channel_accounts_once", "channel_accounts", ["workspace_id", "channel", "base_url", "remote_id"], unique=True
    )
    op.create_index(
        "channel_accounts_by_refresh",
        "channel_accounts",
        ["refresh_at"],
        unique=False,
        postgresql_where="disconnected_at IS NULL",
    )
    op.create_index(
        "channel_accounts_by_check",
        "channel_accounts",
        ["checked_at"],
        unique=False,
        postgresql_where="disconnected_at IS NULL",
    )
    op.create_index(op.f("ix_channel_accounts_responsible_id"), "channel_accounts", ["responsible_id"], unique=False)
    op.create_table(
        "channel_consents",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kept", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("state_hash"),
    )
    op.create_index(op.f("ix_channel_consents_expires_at"), "channel_consents", ["expires_at"], unique=False)
    op.create_index(op.f("ix_channel_consents_user_id"), "channel_consents", ["user_id"], unique=False)
    op.create_index(op.f("ix_channel_consents_workspace_id"), "channel_consents", ["workspace_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("channel_consents")
    op.drop_table("channel_accounts")

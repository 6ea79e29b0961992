"""Posting rules, blackouts, and publications that repeat or wait in a queue.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261122_posting_rules, after 20261121_sites. Created: 2026-11-22 00:00:00+00:00.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_posting_rules"
down_revision = "20261121_sites"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "posting_rules",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("slots", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("gap_minutes", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.Column("most_a_day", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("gap_minutes >= 0", name="posting_rules_gap_known"),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL) AND (quiet_from <> quiet_until) IS NOT FALSE",
            name="posting_rules_quiet_whole",
        ),
        sa.CheckConstraint("most_a_day >= 1", name="posting_rules_most_a_day_known"),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "blackouts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name="blackouts_in_order"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("blackouts_by_day", "blackouts", ["workspace_id", "last_day"])
    op.create_index("ix_blackouts_account_id", "blackouts", ["account_id"])
    op.create_table(
        "publication_series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("every", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_publication_series_workspace_id", "publication_series", ["workspace_id"])
    op.add_column("publications", sa.Column("is_queued", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("publications", sa.Column("series_id", sa.Uuid(), nullable=True))
    op.create_index("ix_publications_series_id", "publications", ["series_id"])
    op.create_foreign_key(
        "publications_series_id_fkey", "publications", "publication_series", ["series_id"], ["id"], ondelete="SET NULL"
    )


def downgrade() -> None:
    """Undo."""
    op.drop_column("publications", "series_id")
    op.drop_column("publications", "is_queued")
    op.drop_table("publication_series")
    op.drop_table("blackouts")
    op.drop_table("posting_rules")

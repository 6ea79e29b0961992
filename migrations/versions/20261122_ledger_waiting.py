"""Deeds that are noted for the ledger, and wait to be chained.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261122_ledger_waiting, after 20261122_posting_rules. Created: 2026-11-22 00:10:00+00:00.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_ledger_waiting"
down_revision = "20261122_posting_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "ledger_waiting",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ledger_waiting_by_workspace", "ledger_waiting", ["workspace_id", "id"])
    op.create_index(
        "ledger_waiting_by_document",
        "ledger_waiting",
        ["document_id", "id"],
        postgresql_where=sa.text("document_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back. What waits is chained by a worker of this version first."""
    op.drop_table("ledger_waiting")

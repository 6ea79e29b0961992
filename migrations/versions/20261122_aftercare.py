"""What comes after publishing: changes of published posts, looks at them, what they showed; pages that are gone.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261122_aftercare, after 20261122_posting_rules. Created: 2026-11-21 23:35:00+00:00.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_aftercare"
down_revision = "20261122_foreseen"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("changed_at", "taken_down_at", "gone_since"):
        op.add_column("publications", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "publications_out_by_time", "publications", ["published_at"], postgresql_where="state = 'published'"
    )
    _create_changes()
    op.create_table(
        "publication_looks",
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("publication_id"),
    )
    op.create_index(
        "publication_looks_by_time", "publication_looks", ["next_at"], postgresql_where="next_at IS NOT NULL"
    )
    op.create_table(
        "publication_metrics",
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=True),
        sa.Column("likes", sa.BigInteger(), nullable=True),
        sa.Column("replies", sa.BigInteger(), nullable=True),
        sa.Column("shares", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("publication_id", "taken_at"),
    )
    op.create_table(
        "site_gone",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "slug"),
    )
    op.create_index("site_gone_by_post", "site_gone", ["post_id"])


def downgrade() -> None:
    """Take back."""
    for table in ("site_gone", "publication_metrics", "publication_looks", "publication_changes"):
        op.drop_table(table)
    op.drop_index("publications_out_by_time", "publications")
    for name in ("gone_since", "taken_down_at", "changed_at"):
        op.drop_column("publications", name)


def _create_changes() -> None:
    op.create_table(
        "publication_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("post", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("revision_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("deed IN ('update', 'take_down')", name="publication_changes_deed_known"),
        sa.CheckConstraint("state IN ('waiting', 'done', 'failed', 'left')", name="publication_changes_state_known"),
        sa.CheckConstraint("(deed = 'update') = (post IS NOT NULL)", name="publication_changes_update_whole"),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["revision_id"], ["revisions.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    waiting = "state = 'waiting'"
    op.create_index(
        "publication_changes_one", "publication_changes", ["publication_id"], unique=True, postgresql_where=waiting
    )
    op.create_index("publication_changes_open_by_time", "publication_changes", ["next_at"], postgresql_where=waiting)
    op.create_index("publication_changes_by_publication", "publication_changes", ["publication_id", "created_at"])

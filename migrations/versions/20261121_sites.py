"""Public pages, where they stood before, and what was sent to sandboxes.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_sites, after 20261121_reviews. Created: 2026-11-21 21:15:00+00:00.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261121_sites"
down_revision = "20261121_reviews"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "site_posts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("pictures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("site_posts_by_slug", "site_posts", ["account_id", "slug"], unique=True)
    op.create_index("site_posts_by_time", "site_posts", ["account_id", "published_at", "id"])
    op.create_table(
        "site_slugs",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["post_id"], ["site_posts.id"], name="site_slugs_post", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "slug"),
    )
    op.create_index("site_slugs_by_post", "site_slugs", ["post_id"])
    op.create_table(
        "sandbox_posts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("texts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("pictures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sandbox_posts_by_time", "sandbox_posts", ["account_id", "sent_at", "id"])
    op.create_index(
        "channel_accounts_one_site",
        "channel_accounts",
        ["remote_id"],
        unique=True,
        postgresql_where=sa.text("channel = 'site'"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("channel_accounts_one_site", table_name="channel_accounts")
    op.drop_table("sandbox_posts")
    op.drop_table("site_slugs")
    op.drop_table("site_posts")

"""Publications by spreadsheet, calendars to subscribe to, and publications by tag.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261122_bulk, after 20261122_aftercare. Created: 2026-11-21 23:30:00+00:00.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_bulk"
down_revision = "20261122_aftercare"
branch_labels = None
depends_on = None

TAG_KEYS = "(lower(((post -> 'tags'::text))::text))::jsonb"


def upgrade() -> None:
    """Apply."""
    keys = sa.Column("tag_keys", postgresql.JSONB(astext_type=sa.Text()), sa.Computed(TAG_KEYS, persisted=True))
    op.add_column("publications", keys)
    op.create_index("publications_by_tag", "publications", ["tag_keys"], postgresql_using="gin")
    op.create_table(
        "publication_imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("shown", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("carried_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "publication_imports_of_person", "publication_imports", ["workspace_id", "user_id", "created_at"], unique=False
    )
    op.create_index(op.f("ix_publication_imports_expires_at"), "publication_imports", ["expires_at"], unique=False)
    op.create_table(
        "imported_rows",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace_id", "key_hash"),
    )
    op.create_index(op.f("ix_imported_rows_publication_id"), "imported_rows", ["publication_id"], unique=False)
    op.create_table(
        "calendar_feeds",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "user_id"),
        sa.UniqueConstraint("token_hash"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("calendar_feeds")
    op.drop_table("imported_rows")
    op.drop_table("publication_imports")
    op.drop_index("publications_by_tag", "publications")
    op.drop_column("publications", "tag_keys")

"""Revisions: what documents said at a moment, who wrote it, and whose the clients in their histories are.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_revisions, after 20261121_comments. Created: 2026-11-21 15:30:00+00:00.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_revisions"
down_revision = "20261121_comments"
branch_labels = None
depends_on = None

REASONS = "'automatic', 'named', 'import', 'restore', 'approval', 'publication'"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "histories",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id"),
    )
    op.create_table(
        "revision_keyframes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_revision_keyframes_document_id"), "revision_keyframes", ["document_id"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("restored", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.Column("keyframe_id", sa.Uuid(), nullable=False),
        sa.Column("delta", sa.LargeBinary(), nullable=True),
        sa.Column("state_vector", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(f"reason IN ({REASONS})", name="revisions_reason_known"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 120", name="revisions_name_length"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["keyframe_id"], ["revision_keyframes.id"]),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "number", name="revisions_numbered"),
    )
    op.create_index(op.f("ix_revisions_keyframe_id"), "revisions", ["keyframe_id"], unique=False)
    op.create_table(
        "revision_authors",
        sa.Column("revision_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["revision_id"], ["revisions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("revision_id", "user_id"),
    )
    op.create_table(
        "document_writers",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "user_id"),
    )
    op.create_table(
        "document_clients",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "client_id"),
    )


def downgrade() -> None:
    """Take back, with all revisions."""
    op.drop_table("document_clients")
    op.drop_table("document_writers")
    op.drop_table("revision_authors")
    op.drop_index(op.f("ix_revisions_keyframe_id"), table_name="revisions")
    op.drop_table("revisions")
    op.drop_index(op.f("ix_revision_keyframes_document_id"), table_name="revision_keyframes")
    op.drop_table("revision_keyframes")
    op.drop_table("histories")

"""Review: workflows, content that was frozen, reviews with their decisions, and where each document stands.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_reviews, after 20261121_ledger. Created: 2026-11-21 21:15:00+00:00.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261121_reviews"
down_revision = "20261121_ledger"
branch_labels = None
depends_on = None

BEFORE = (
    "invitation",
    "mention",
    "reply",
    "resolution",
    "reopening",
    "access_request",
    "role",
    "proposal",
    "decision",
    "reconnect",
    "published",
    "stuck",
)
NEW = ("review_request", "review_decision", "review_reminder", "review_escalation")
STATUSES = "'draft', 'in_review', 'changes_requested', 'approved', 'scheduled', 'published'"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "review_workflows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("own_content", sa.Boolean(), nullable=False),
        sa.Column("is_usual", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="review_workflows_name_length"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_review_workflows_workspace_id", "review_workflows", ["workspace_id"])
    op.create_index(
        "review_workflows_one_usual",
        "review_workflows",
        ["workspace_id"],
        unique=True,
        postgresql_where=sa.text("is_usual AND removed_at IS NULL"),
    )
    op.create_table(
        "reviewed_contents",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revision_id", sa.Uuid(), nullable=True),
        sa.Column("revision_number", sa.BigInteger(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["revision_id"], ["revisions.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("document_id", "hash"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("own_content", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("step_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'changes', 'withdrawn', 'replaced')", name="reviews_state_known"
        ),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="reviews_ended_once"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["requested_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reviews_document_id", "reviews", ["document_id"])
    op.create_index(
        "reviews_one_open", "reviews", ["document_id"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index(
        "reviews_open_by_workspace", "reviews", ["workspace_id"], postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "review_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('approve', 'changes', 'hold', 'release')", name="review_decisions_verdict_known"
        ),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("review_decisions_by_content", "review_decisions", ["document_id", "hash", "at"])
    op.create_table(
        "document_standings",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=True),
        sa.Column("approved_hash", sa.LargeBinary(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publication", sa.Text(), nullable=True),
        sa.Column("held_by", sa.Uuid(), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_note", sa.Text(), nullable=False),
        sa.CheckConstraint(f"status IN ({STATUSES})", name="document_standings_status_known"),
        sa.CheckConstraint(
            "publication IS NULL OR publication IN ('scheduled', 'published')",
            name="document_standings_publication_known",
        ),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["held_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("document_id"),
    )
    op.add_column("documents", sa.Column("content_hash", sa.LargeBinary(), nullable=True))
    _know((*BEFORE, *NEW))
    # Whoever chose hears of the new kinds by mail: somebody waits for them.
    for kind in NEW:
        op.execute(sa.text("UPDATE mail_choices SET kinds = array_append(kinds, :kind)").bindparams(kind=kind))


def downgrade() -> None:
    """Take back, with all reviews; the ledger still tells of them."""
    for kind in NEW:
        op.execute(sa.text("UPDATE mail_choices SET kinds = array_remove(kinds, :kind)").bindparams(kind=kind))
        op.execute(sa.text("DELETE FROM notices WHERE kind = :kind").bindparams(kind=kind))
    _know(BEFORE)
    op.drop_column("documents", "content_hash")
    op.drop_table("document_standings")
    op.drop_table("review_decisions")
    op.drop_table("reviews")
    op.drop_table("reviewed_contents")
    op.drop_table("review_workflows")


def _know(kinds: tuple[str, ...]) -> None:
    op.drop_constraint("notices_kind_known", "notices")
    op.create_check_constraint("notices_kind_known", "notices", f"kind IN ({', '.join(map(repr, kinds))})")

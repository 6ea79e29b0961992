"""What became of suggestions, the threads about them, and the news of both.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_suggestions, after 20261121_hands. Created: 2026-11-21 20:00:00+00:00.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261121_suggestions"
down_revision = "20261121_hands"
branch_labels = None
depends_on = None

BEFORE = ("invitation", "mention", "reply", "resolution", "reopening", "access_request", "role")
AFTER = (*BEFORE, "proposal", "decision")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "suggestions",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("suggested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_author", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("told", sa.Text(), nullable=True),
        sa.Column("told_by", sa.Uuid(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposal_noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'accepted', 'rejected', 'withdrawn')", name="suggestions_state_known"),
        sa.CheckConstraint("told IS NULL OR told IN ('accepted', 'rejected')", name="suggestions_told_known"),
        sa.CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="suggestions_decided_once"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["told_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("document_id", "author_id", "mark"),
    )
    op.create_index("suggestions_by_time", "suggestions", ["document_id", "suggested_at", "author_id", "mark"])
    op.create_index(
        "suggestions_pending", "suggestions", ["document_id"], postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index(
        "suggestions_proposal_news",
        "suggestions",
        ["changed_at"],
        postgresql_where=sa.text("by_author AND proposal_noted_at IS NULL"),
    )
    op.create_index(
        "suggestions_decision_news",
        "suggestions",
        ["decided_at"],
        postgresql_where=sa.text("state <> 'pending' AND decision_noted_at IS NULL"),
    )
    op.add_column("threads", sa.Column("suggestion_author", sa.Uuid(), nullable=True))
    op.add_column("threads", sa.Column("suggestion_mark", sa.Text(), nullable=True))
    op.add_column(
        "threads", sa.Column("ended_by_decision", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_index(
        "threads_one_by_suggestion",
        "threads",
        ["document_id", "suggestion_author", "suggestion_mark"],
        unique=True,
        postgresql_where=sa.text("suggestion_mark IS NOT NULL"),
    )
    _know(AFTER)
    # Whoever chose hears of the new kinds by mail if they do of those that are most like them.
    op.execute("UPDATE mail_choices SET kinds = array_append(kinds, 'proposal') WHERE 'reply' = ANY (kinds)")
    op.execute("UPDATE mail_choices SET kinds = array_append(kinds, 'decision') WHERE 'resolution' = ANY (kinds)")


def downgrade() -> None:
    """Take back. Threads about suggestions stay, as threads about their words; the news of suggestions goes."""
    op.execute("UPDATE mail_choices SET kinds = array_remove(array_remove(kinds, 'proposal'), 'decision')")
    op.execute("DELETE FROM notices WHERE kind IN ('proposal', 'decision')")
    _know(BEFORE)
    op.drop_index("threads_one_by_suggestion", table_name="threads")
    op.drop_column("threads", "ended_by_decision")
    op.drop_column("threads", "suggestion_mark")
    op.drop_column("threads", "suggestion_author")
    op.drop_table("suggestions")


def _know(kinds: tuple[str, ...]) -> None:
    op.drop_constraint("notices_kind_known", "notices")
    op.create_check_constraint("notices_kind_known", "notices", f"kind IN ({', '.join(map(repr, kinds))})")

"""Whose an update in the log is, who deleted what, and what a document says without what is only suggested.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_hands, after 20261121_kept_authorship. Created: 2026-11-21 20:05:00+00:00.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_hands"
down_revision = "20261121_kept_authorship"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("documents", sa.Column("said", sa.LargeBinary(), nullable=True))
    # No foreign key: it would be looked up at every commit of what people type, and who is gone is left out when read.
    op.add_column("document_updates", sa.Column("written_by", sa.Uuid(), nullable=True))
    op.create_table(
        "document_deletions",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("ranges", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "user_id", "number"),
    )


def downgrade() -> None:
    """Take back. Who deleted what is known only where one person wrote, then."""
    op.drop_table("document_deletions")
    op.drop_column("document_updates", "written_by")
    op.drop_column("documents", "said")

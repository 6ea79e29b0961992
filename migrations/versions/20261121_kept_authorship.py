"""Whose the letters of a revision are, of those that people go back to.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_kept_authorship, after 20261121_reopening. Created: 2026-11-21 17:35:00+00:00.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_kept_authorship"
down_revision = "20261121_reopening"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("revisions", sa.Column("authorship", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Take back. What is restored from then on is told apart by Yjs clients alone."""
    op.drop_column("revisions", "authorship")

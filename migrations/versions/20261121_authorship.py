"""Whose the letters of a document are, as of its newest revision.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_authorship, after 20261121_notifications. Created: 2026-11-21 16:45:00+00:00.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_authorship"
down_revision = "20261121_notifications"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("histories", sa.Column("authorship", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Take back. Revisions that come later begin anew to say who wrote what."""
    op.drop_column("histories", "authorship")

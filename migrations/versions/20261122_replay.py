"""Published posts that are sent once more, to a receiver that lost them.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261122_replay, after 20261122_review_guests. Created: 2026-11-22 03:20:00+00:00.
"""

from alembic import op

revision = "20261122_replay"
down_revision = "20261122_review_guests"
branch_labels = None
depends_on = None

_TABLE = "publication_changes"
_NAME = "publication_changes_deed_known"
_DEEDS = "deed IN ('update', 'take_down'{})"


def upgrade() -> None:
    """Apply."""
    op.drop_constraint(_NAME, _TABLE, type_="check")
    op.create_check_constraint(_NAME, _TABLE, _DEEDS.format(", 'replay'"))


def downgrade() -> None:
    """Revert."""
    op.execute("DELETE FROM publication_changes WHERE deed = 'replay'")
    op.drop_constraint(_NAME, _TABLE, type_="check")
    op.create_check_constraint(_NAME, _TABLE, _DEEDS.format(""))

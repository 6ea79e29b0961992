"""A kind of notices of its own for a discussion that is opened again.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_reopening, after 20261121_authorship. Created: 2026-11-21 17:00:00+00:00.
"""

from alembic import op

revision = "20261121_reopening"
down_revision = "20261121_authorship"
branch_labels = None
depends_on = None

BEFORE = ("invitation", "mention", "reply", "resolution", "access_request", "role")
AFTER = ("invitation", "mention", "reply", "resolution", "reopening", "access_request", "role")


def upgrade() -> None:
    """Apply."""
    _know(AFTER)


def downgrade() -> None:
    """Take back. What was opened again is then told as what it was told as before."""
    op.execute("UPDATE notices SET kind = 'resolution' WHERE kind = 'reopening'")
    _know(BEFORE)


def _know(kinds: tuple[str, ...]) -> None:
    op.drop_constraint("notices_kind_known", "notices")
    op.create_check_constraint("notices_kind_known", "notices", f"kind IN ({', '.join(map(repr, kinds))})")

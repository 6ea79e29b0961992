"""Kinds of notices for what became of publications.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_publication_news, after 20261121_reconnecting. Created: 2026-11-21 21:00:00+00:00.
"""

from alembic import op

revision = "20261121_publication_news"
down_revision = "20261121_reconnecting"
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
)
AFTER = (*BEFORE, "published", "stuck")


def upgrade() -> None:
    """Apply."""
    _know(AFTER)


def downgrade() -> None:
    """Take back."""
    op.execute("DELETE FROM notices WHERE kind IN ('published', 'stuck')")
    _know(BEFORE)


def _know(kinds: tuple[str, ...]) -> None:
    op.drop_constraint("notices_kind_known", "notices")
    op.create_check_constraint("notices_kind_known", "notices", f"kind IN ({', '.join(map(repr, kinds))})")

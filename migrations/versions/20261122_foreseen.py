"""A kind of notices for what a rehearsal foresees.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261122_foreseen, after 20261122_ledger_waiting. Created: 2026-11-22 00:12:00+00:00.
"""

from alembic import op

revision = "20261122_foreseen"
down_revision = "20261122_ledger_waiting"
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
    "review_request",
    "review_decision",
    "review_reminder",
    "review_escalation",
)


def upgrade() -> None:
    """Apply."""
    _know((*BEFORE, "foreseen"))


def downgrade() -> None:
    """Take back."""
    op.execute("DELETE FROM notices WHERE kind = 'foreseen'")
    _know(BEFORE)


def _know(kinds: tuple[str, ...]) -> None:
    op.drop_constraint("notices_kind_known", "notices")
    op.create_check_constraint("notices_kind_known", "notices", f"kind IN ({', '.join(map(repr, kinds))})")

"""Guests of a review: users without an account, their keys, and what they may do at one document.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261122_review_guests, after 20261122_bulk. Created: 2026-11-21 23:35:00+00:00.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_review_guests"
down_revision = "20261122_bulk"
branch_labels = None
depends_on = None

_LETTERS = "letter IN ('notice', 'digest', 'invitation'{})"


def upgrade() -> None:
    """Apply."""
    op.add_column("users", sa.Column("kind", sa.Text(), server_default="person", nullable=False))
    op.create_check_constraint("users_kind_known", "users", "kind IN ('person', 'guest')")
    op.create_table(
        "guest_keys",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('link', 'browser', 'socket')", name="guest_keys_kind_known"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("secret_hash"),
    )
    op.create_index(op.f("ix_guest_keys_user_id"), "guest_keys", ["user_id"])
    op.create_table(
        "review_guests",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("may_comment", sa.Boolean(), nullable=False),
        sa.Column("may_suggest", sa.Boolean(), nullable=False),
        sa.Column("may_approve", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_when_approved", sa.Boolean(), nullable=False),
        sa.Column("reads_after", sa.Boolean(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_hash", sa.LargeBinary(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 72", name="review_guests_name_length"),
        sa.CheckConstraint("(approved_at IS NULL) = (approved_hash IS NULL)", name="review_guests_approved_something"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["invited_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_index(op.f("ix_review_guests_document_id"), "review_guests", ["document_id"])
    op.create_index("review_guests_by_expiry", "review_guests", ["expires_at"])
    op.create_index("share_links_by_expiry", "share_links", ["expires_at"])
    op.add_column("mails", sa.Column("guest_id", sa.Uuid(), nullable=True))
    op.add_column("mails", sa.Column("document_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "mails", "users", ["guest_id"], ["id"], ondelete="CASCADE")
    op.create_index(op.f("ix_mails_guest_id"), "mails", ["guest_id"])
    op.drop_constraint("mails_letter_known", "mails", type_="check")
    op.create_check_constraint("mails_letter_known", "mails", _LETTERS.format(", 'guest'"))
    op.create_check_constraint("mails_guest_named", "mails", "(letter = 'guest') = (guest_id IS NOT NULL)")


def downgrade() -> None:
    """Undo. What guests said and suggested stays, by nobody."""
    op.execute("DELETE FROM mails WHERE letter = 'guest'")
    op.drop_constraint("mails_guest_named", "mails", type_="check")
    op.drop_constraint("mails_letter_known", "mails", type_="check")
    op.create_check_constraint("mails_letter_known", "mails", _LETTERS.format(""))
    op.drop_index(op.f("ix_mails_guest_id"), table_name="mails")
    op.drop_column("mails", "document_id")
    op.drop_column("mails", "guest_id")
    op.drop_index("share_links_by_expiry", table_name="share_links")
    op.drop_table("review_guests")
    op.drop_table("guest_keys")
    op.execute("DELETE FROM users WHERE kind = 'guest'")
    op.drop_constraint("users_kind_known", "users", type_="check")
    op.drop_column("users", "kind")

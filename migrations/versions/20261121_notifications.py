"""Notices, mails, what each person chose about both; a second secret for invitations that are mailed.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_notifications, after 20261121_revisions. Created: 2026-11-21 15:22:21.533614+00:00.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_notifications"
down_revision = "20261121_revisions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "stopped_addresses",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_table(
        "document_attention",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("attention", sa.Text(), nullable=False),
        sa.CheckConstraint("attention IN ('following', 'muted')", name="document_attention_known"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "document_id"),
    )
    op.create_index(op.f("ix_document_attention_document_id"), "document_attention", ["document_id"], unique=False)
    op.create_table(
        "mail_choices",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("kinds", sa.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("how IN ('at_once', 'daily', 'never')", name="mail_choices_how_known"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("stop_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(letter = 'invitation') = (invitation_id IS NOT NULL)", name="mails_invitation_named"),
        sa.CheckConstraint("letter IN ('notice', 'digest', 'invitation')", name="mails_letter_known"),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'sending', 'sent', 'dropped', 'failed', 'unknown')",
            name="mails_state_known",
        ),
        sa.CheckConstraint("(user_id IS NULL) <> (address IS NULL)", name="mails_to_one"),
        sa.ForeignKeyConstraint(["invitation_id"], ["invitations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dedupe_key"),
        sa.UniqueConstraint("stop_hash"),
    )
    op.create_index(op.f("ix_mails_invitation_id"), "mails", ["invitation_id"], unique=False)
    op.create_index(op.f("ix_mails_user_id"), "mails", ["user_id"], unique=False)
    op.create_index(
        "mails_open_by_time",
        "mails",
        ["due_at"],
        unique=False,
        postgresql_where="state IN ('waiting', 'claimed', 'sending')",
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("thread_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("by_digest", sa.Boolean(), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('invitation', 'mention', 'reply', 'resolution', 'access_request', 'role')",
            name="notices_kind_known",
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["mail_id"], ["mails.id"], ondelete="SET NULL", initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "dedupe_key", name="notices_once"),
    )
    op.create_index(op.f("ix_notices_document_id"), "notices", ["document_id"], unique=False)
    op.create_index(op.f("ix_notices_mail_id"), "notices", ["mail_id"], unique=False)
    op.create_index(op.f("ix_notices_workspace_id"), "notices", ["workspace_id"], unique=False)
    op.create_index("notices_by_time", "notices", ["user_id", "created_at", "id"], unique=False)
    op.create_index(
        "notices_for_digest",
        "notices",
        ["user_id"],
        unique=False,
        postgresql_where="by_digest AND mail_id IS NULL AND read_at IS NULL",
    )
    op.create_index("notices_unread", "notices", ["user_id"], unique=False, postgresql_where="read_at IS NULL")
    op.add_column("invitations", sa.Column("mail_token_hash", sa.LargeBinary(), nullable=True))
    op.create_unique_constraint("invitations_mail_token_hash_key", "invitations", ["mail_token_hash"])


def downgrade() -> None:
    """Take back."""
    op.drop_constraint("invitations_mail_token_hash_key", "invitations", type_="unique")
    op.drop_column("invitations", "mail_token_hash")
    op.drop_index("notices_unread", table_name="notices", postgresql_where="read_at IS NULL")
    op.drop_index(
        "notices_for_digest", table_name="notices", postgresql_where="by_digest AND mail_id IS NULL AND read_at IS NULL"
    )
    op.drop_index("notices_by_time", table_name="notices")
    op.drop_index(op.f("ix_notices_workspace_id"), table_name="notices")
    op.drop_index(op.f("ix_notices_mail_id"), table_name="notices")
    op.drop_index(op.f("ix_notices_document_id"), table_name="notices")
    op.drop_table("notices")
    op.drop_index(
        "mails_open_by_time", table_name="mails", postgresql_where="state IN ('waiting', 'claimed', 'sending')"
    )
    op.drop_index(op.f("ix_mails_user_id"), table_name="mails")
    op.drop_index(op.f("ix_mails_invitation_id"), table_name="mails")
    op.drop_table("mails")
    op.drop_table("mail_choices")
    op.drop_index(op.f("ix_document_attention_document_id"), table_name="document_attention")
    op.drop_table("document_attention")
    op.drop_table("stopped_addresses")

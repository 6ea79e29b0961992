"""Sharing: collections, people named on documents and collections, links, requests, and what members have.

Phase: expand. (Add only; what this replaces is removed by a contract migration one release later.)
Revision: 20261121_sharing, after 20261121_first. Created: 2026-11-21 15:00:00+00:00.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261121_sharing"
down_revision = "20261121_first"
branch_labels = None
depends_on = None

REACH_IS_WHOLE = (
    "(reach IS NULL AND reach_role IS NULL) OR (reach IS NOT NULL AND reach = 'people' AND reach_role IS NULL)"
    " OR (reach IS NOT NULL AND reach = 'workspace' AND reach_role IS NOT NULL"
    " AND reach_role IN ('editor', 'reviewer', 'viewer'))"
)
NAME_THE_MAKERS = """
INSERT INTO collaborators (id, workspace_id, document_id, user_id, role, added_by, added_at)
SELECT gen_random_uuid(), d.workspace_id, d.id, d.created_by, 'owner', d.created_by, d.created_at
FROM documents d JOIN members m ON m.workspace_id = d.workspace_id AND m.user_id = d.created_by
WHERE m.role <> 'guest'
"""
NAME_THE_GUESTS = """
INSERT INTO collaborators (id, workspace_id, document_id, user_id, role, added_by, added_at)
SELECT gen_random_uuid(), d.workspace_id, d.id, m.user_id, 'viewer', NULL, now()
FROM documents d JOIN members m ON m.workspace_id = d.workspace_id
WHERE m.role = 'guest'
"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "collections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("path", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("reach", sa.Text(), nullable=True),
        sa.Column("reach_role", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(REACH_IS_WHOLE, name="collections_reach_whole"),
        sa.CheckConstraint("cardinality(path) BETWEEN 1 AND 8", name="collections_depth"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 120", name="collections_name_length"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["parent_id"], ["collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("collections_by_path", "collections", ["path"], unique=False, postgresql_using="gin")
    op.create_index(op.f("ix_collections_parent_id"), "collections", ["parent_id"], unique=False)
    op.create_index(op.f("ix_collections_workspace_id"), "collections", ["workspace_id"], unique=False)
    op.create_table(
        "access_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('editor', 'reviewer', 'viewer')", name="access_requests_role_known"),
        sa.CheckConstraint("char_length(message) <= 500", name="access_requests_message_length"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "user_id", name="access_requests_once"),
    )
    op.create_table(
        "collaborators",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("collection_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('owner', 'editor', 'reviewer', 'viewer')", name="collaborators_role_known"),
        sa.CheckConstraint("(document_id IS NULL) <> (collection_id IS NULL)", name="collaborators_of_one_thing"),
        sa.ForeignKeyConstraint(["added_by"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "user_id", name="collaborators_once_per_collection"),
        sa.UniqueConstraint("document_id", "user_id", name="collaborators_once_per_document"),
    )
    op.create_index("collaborators_by_member", "collaborators", ["workspace_id", "user_id"], unique=False)
    op.create_table(
        "share_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('editor', 'reviewer', 'viewer')", name="share_links_role_known"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_index(op.f("ix_share_links_document_id"), "share_links", ["document_id"], unique=False)
    op.create_table(
        "link_visits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(user_id IS NULL) <> (secret_hash IS NULL)", name="link_visits_of_one_visitor"),
        sa.ForeignKeyConstraint(["link_id"], ["share_links.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("link_id", "user_id", name="link_visits_once_per_person"),
        sa.UniqueConstraint("link_id", "secret_hash", name="link_visits_once_per_browser"),
    )
    op.create_index(op.f("ix_link_visits_user_id"), "link_visits", ["user_id"], unique=False)
    op.add_column("documents", sa.Column("collection_id", sa.Uuid(), nullable=True))
    op.add_column("documents", sa.Column("reach", sa.Text(), nullable=True))
    op.add_column("documents", sa.Column("reach_role", sa.Text(), nullable=True))
    op.add_column("documents", sa.Column("access_epoch", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(op.f("ix_documents_collection_id"), "documents", ["collection_id"], unique=False)
    op.create_foreign_key(
        "documents_collection_id_fkey", "documents", "collections", ["collection_id"], ["id"], ondelete="SET NULL"
    )
    op.add_column("invitations", sa.Column("document_role", sa.Text(), nullable=True))
    op.add_column("invitations", sa.Column("email", sa.Text(), nullable=True))

    op.create_check_constraint("documents_reach_whole", "documents", REACH_IS_WHOLE)
    op.create_check_constraint(
        "invitations_document_role_known",
        "invitations",
        "document_role IS NULL OR (document_role IN ('editor', 'reviewer', 'viewer') AND document_id IS NOT NULL)",
    )
    # Nobody loses anything by the change: whoever made a document owns it, and guests, who from now on see only what
    # they are named on, are named on what they could read until now.
    op.execute(NAME_THE_MAKERS)
    op.execute(NAME_THE_GUESTS)


def downgrade() -> None:
    """Take back."""
    op.drop_constraint("invitations_document_role_known", "invitations", type_="check")
    op.drop_constraint("documents_reach_whole", "documents", type_="check")
    op.drop_column("invitations", "email")
    op.drop_column("invitations", "document_role")
    op.drop_constraint("documents_collection_id_fkey", "documents", type_="foreignkey")
    op.drop_index(op.f("ix_documents_collection_id"), table_name="documents")
    op.drop_column("documents", "access_epoch")
    op.drop_column("documents", "reach_role")
    op.drop_column("documents", "reach")
    op.drop_column("documents", "collection_id")
    op.drop_index(op.f("ix_link_visits_user_id"), table_name="link_visits")
    op.drop_table("link_visits")
    op.drop_index(op.f("ix_share_links_document_id"), table_name="share_links")
    op.drop_table("share_links")
    op.drop_index("collaborators_by_member", table_name="collaborators")
    op.drop_table("collaborators")
    op.drop_table("access_requests")
    op.drop_index(op.f("ix_collections_workspace_id"), table_name="collections")
    op.drop_index(op.f("ix_collections_parent_id"), table_name="collections")
    op.drop_index("collections_by_path", table_name="collections", postgresql_using="gin")
    op.drop_table("collections")

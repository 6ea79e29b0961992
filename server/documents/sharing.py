"""Giving and taking roles at documents: by name, by what members have, and by coming through an invitation.

None of the functions commits. After the commit, whoever called tells the documents that are open
(`LiveDocuments.access_changed`).
"""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import DocumentRole, actor_at, reaches
from server.documents.models import Collaborator, Document, utc_now
from server.errors import NotFound
from server.workspaces.models import Invitation


async def arrive(db: AsyncSession, invitation: Invitation, user: User) -> None:
    """Let somebody who came into the workspace by this invitation into the document that it leads to.

    An invitation without a role at the document lets people read. Nobody gets less than they have.
    """
    if invitation.document_id is None:
        return
    given = DocumentRole(invitation.document_role or DocumentRole.VIEWER)
    try:
        document, actor = await actor_at(db, user, invitation.document_id)
    except NotFound:
        # Removed for good since; the invitation still leads into the workspace.
        return
    if document.workspace_id != invitation.workspace_id or (actor.role is not None and reaches(actor.role, given)):
        return
    await _name(db, document, user.id, given, added_by=invitation.created_by)


async def _name(db: AsyncSession, document: Document, user_id: UUID, role: DocumentRole, *, added_by: UUID) -> None:
    values = {"role": role.value, "added_by": added_by, "added_at": utc_now()}
    await db.execute(
        insert(Collaborator)
        .values(workspace_id=document.workspace_id, document_id=document.id, user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["document_id", "user_id"], set_=values)
    )
    await db.execute(
        update(Document).where(col(Document.id) == document.id).values(access_epoch=col(Document.access_epoch) + 1)
    )

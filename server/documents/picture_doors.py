"""Who may bring pictures into documents and see them (`server.assets.placing.Doors`)."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.assets.models import Asset
from server.assets.placing import Place
from server.documents.access import DocumentVerb, actor_at, can, require
from server.errors import NotFound
from server.workspaces.models import Member, Role


class PictureDoors:
    """See Doors."""

    async def require_upload(self, db: AsyncSession, user: User, place: Place) -> None:
        """See Doors."""
        _, actor = await actor_at(db, user, place.document_id)
        require(actor, DocumentVerb.UPLOAD, place)

    async def require_view(self, db: AsyncSession, user: User, asset: Asset) -> None:
        """See Doors. Whoever may read the picture's home may see it, and whoever works in its workspace.

        The same picture may stand in documents of which only one is its home: members, who copy from one document to
        another, must not find holes there. Its address is 122 random bits that only readers of a document learn.
        """
        role = await db.scalar(
            select(col(Member.role)).where(
                col(Member.workspace_id) == asset.workspace_id, col(Member.user_id) == user.id
            )
        )
        if role is not None and Role(role) is not Role.GUEST:
            return
        if asset.document_id is None:
            raise NotFound
        document, actor = await actor_at(db, user, asset.document_id)
        if document.workspace_id != asset.workspace_id or not can(actor, DocumentVerb.VIEW, document):
            raise NotFound

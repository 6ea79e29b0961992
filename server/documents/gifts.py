"""What somebody handed out at documents ends when they could not hand it out any more.

That is links, invitations, and what guests of a review were let in to.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import (
    DocumentRole,
    DocumentVerb,
    actor_at,
    can,
    count_change,
    guest_works,
    link_works,
    reaches,
)
from server.documents.models import Document, ReviewGuest, ShareLink, utc_now
from server.errors import NotFound
from server.workspaces.models import Invitation


async def end_beyond(db: AsyncSession, user_id: UUID, workspace_id: UUID, document_id: UUID | None = None) -> None:
    """End the links and invitations of a person that give more than they now could, at one document or all.

    Call it after their role went down. What they have by a link of their own does not count for it: else nobody could
    be removed who made one before.
    """
    person = await db.get(User, user_id)
    links = await _links(db, user_id, workspace_id, document_id)
    invitations = await _invitations(db, user_id, workspace_id, document_id)
    now = utc_now()
    for link in links:
        link.revoked_at = now
    await db.flush()
    guests = await _guests(db, user_id, workspace_id, document_id)
    places = (
        {each.document_id for each in guests}
        | {each.document_id for each in links}
        | {each.document_id for each in invitations if each.document_id}
    )
    for place in places:
        strongest = await _gives(db, person, place)
        for link in links:
            if link.document_id == place and strongest is not None and reaches(strongest, DocumentRole(link.role)):
                link.revoked_at = None
        for guest in guests:
            if guest.document_id == place and strongest is None:
                guest.revoked_at = now
        for invitation in invitations:
            role = DocumentRole(invitation.document_role or DocumentRole.VIEWER)
            if invitation.document_id == place and (strongest is None or not reaches(strongest, role)):
                invitation.revoked_at = now
        await count_change(db, place)
    await db.flush()


async def _gives(db: AsyncSession, person: User | None, document_id: UUID) -> DocumentRole | None:
    """Return the strongest role that somebody may give at a document; None: none."""
    try:
        document, actor = await actor_at(db, person, document_id)
    except NotFound:
        return None
    return actor.role if can(actor, DocumentVerb.SHARE, document) else None


async def _links(db: AsyncSession, user_id: UUID, workspace_id: UUID, document_id: UUID | None) -> Sequence[ShareLink]:
    found = (
        select(ShareLink)
        .join(Document, col(Document.id) == col(ShareLink.document_id))
        .where(
            col(ShareLink.created_by) == user_id,
            col(Document.workspace_id) == workspace_id,
            link_works(literal(utc_now())),
        )
        .with_for_update(of=ShareLink)
    )
    if document_id is not None:
        found = found.where(col(ShareLink.document_id) == document_id)
    return (await db.scalars(found)).all()


async def _guests(
    db: AsyncSession, user_id: UUID, workspace_id: UUID, document_id: UUID | None
) -> Sequence[ReviewGuest]:
    found = (
        select(ReviewGuest)
        .join(Document, col(Document.id) == col(ReviewGuest.document_id))
        .where(
            col(ReviewGuest.invited_by) == user_id,
            col(Document.workspace_id) == workspace_id,
            guest_works(literal(utc_now())),
        )
        .with_for_update(of=ReviewGuest)
    )
    if document_id is not None:
        found = found.where(col(ReviewGuest.document_id) == document_id)
    return (await db.scalars(found)).all()


async def _invitations(
    db: AsyncSession, user_id: UUID, workspace_id: UUID, document_id: UUID | None
) -> Sequence[Invitation]:
    found = (
        select(Invitation)
        .where(
            col(Invitation.created_by) == user_id,
            col(Invitation.workspace_id) == workspace_id,
            col(Invitation.document_role).is_not(None),
            col(Invitation.revoked_at).is_(None),
            col(Invitation.expires_at) > utc_now(),
        )
        .with_for_update()
    )
    if document_id is not None:
        found = found.where(col(Invitation.document_id) == document_id)
    return (await db.scalars(found)).all()

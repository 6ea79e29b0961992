"""Whom it concerns how a document or a collection is shared: who got a role there, who lost one, who is asked for one.

The notices are written in the transaction of what they tell of; give their people to `noting.tell` after the commit.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.accounts.signing import signed
from server.audit import ledger
from server.documents.access import DocumentRole, actor_at
from server.documents.models import AccessRequest, Collaborator, Collection, Document, Reach, ShareLink
from server.notifications.models import Kind
from server.notifications.noting import Notice, note, take_back
from server.workspaces.models import Member, Role

MAY_NOW: Final = {
    DocumentRole.OWNER: "You own it now.",
    DocumentRole.EDITOR: "You can edit it.",
    DocumentRole.REVIEWER: "You can comment and suggest changes.",
    DocumentRole.VIEWER: "You can read it.",
    None: "You cannot open it any more.",
}
_WISHED: Final = {
    DocumentRole.EDITOR: "You asked to edit it.",
    DocumentRole.REVIEWER: "You asked to comment and suggest changes.",
    DocumentRole.VIEWER: "You asked to read it.",
}
_BECAME: Final = {
    DocumentRole.OWNER: "an owner",
    DocumentRole.EDITOR: "an editor",
    DocumentRole.REVIEWER: "a reviewer",
    DocumentRole.VIEWER: "a viewer",
}
_LETS: Final = {
    DocumentRole.EDITOR: "edit",
    DocumentRole.REVIEWER: "comment in",
    DocumentRole.VIEWER: "read",
}
_ASKED_FOR: Final = {
    DocumentRole.EDITOR: "To edit it.",
    DocumentRole.REVIEWER: "To comment and suggest changes.",
    DocumentRole.VIEWER: "To read it.",
}


class LinkDeed(StrEnum):
    """What happened to a link."""

    CREATED = "created"
    CHANGED = "changed"
    ENDED = "ended"


async def note_place(
    db: AsyncSession,
    document: Document,
    user_id: UUID,
    *,
    by: UUID,
    before: DocumentRole | None,
    after: DocumentRole | None,
    wish: DocumentRole | None = None,
) -> None:
    """Note that somebody's role by name changed, if it did, or that they got an answer to their `wish` for one.

    A change stands in the ledger.

    What they have not heard of yet is replaced by it, or taken back where all is as it was. It says what they may do
    now, by whatever way, and what they had asked for where that is something else.
    """
    person = await db.get(User, user_id)
    if person is None or (before is after and wish is None):
        return
    if before is not after:
        doer = await signed(db, by)
        became = f"made {person.name} {_BECAME[after]}" if after else f"took {person.name}’s role away"
        await ledger.append(
            db,
            document.workspace_id,
            doer,
            kind="document.role",
            sentence=f"{doer.name} {became} in “{document.title or 'Untitled'}”.",
            document_id=document.id,
            data={"user": str(user_id), "before": before and before.value, "after": after and after.value},
        )
    known = await _known(db, user_id, document.id, before)
    if known is after and wish is None:
        return
    _, actor = await actor_at(db, person, document.id)
    notice = Notice(
        kind=Kind.INVITATION if known is None else Kind.ROLE,
        to=[user_id],
        workspace_id=document.workspace_id,
        document_id=document.id,
        actor_id=by,
        title=document.title,
        text=MAY_NOW[actor.role] if wish in (None, actor.role) else f"{_WISHED[wish]} {MAY_NOW[actor.role]}",
        path=f"/documents/{document.id}",
        dedupe_key=_key(document.id, known),
    )
    await note(db, notice)


async def note_shelf(
    db: AsyncSession,
    collection: Collection,
    user_id: UUID,
    *,
    by: UUID,
    before: DocumentRole | None,
    after: DocumentRole | None,
) -> None:
    """Note that somebody's role by name at a collection changed, if it did; in place of what they have not heard.

    A change stands in the ledger.
    """
    if before is after:
        return
    doer, whom = await signed(db, by), await signed(db, user_id)
    became = f"made {whom.name} {_BECAME[after]}" if after else f"took {whom.name}’s role away"
    await ledger.append_later(
        db,
        collection.workspace_id,
        doer,
        kind="collection.role",
        sentence=f"{doer.name} {became} in the collection “{collection.name}”.",
        data={
            "collection": str(collection.id),
            "user": str(user_id),
            "before": before and before.value,
            "after": after and after.value,
        },
    )
    known = await _known(db, user_id, collection.id, before)
    if known is after:
        return
    notice = Notice(
        kind=Kind.INVITATION if known is None else Kind.ROLE,
        to=[user_id],
        workspace_id=collection.workspace_id,
        actor_id=by,
        title=collection.name,
        text=MAY_NOW[after] if after is not None else "You are not named on it any more.",
        path=f"/documents?collection={collection.id}" if after is not None else "/documents",
        dedupe_key=_key(collection.id, known),
    )
    await note(db, notice)


async def note_reach(
    db: AsyncSession, place: Document | Collection, reach: Reach | None, role: DocumentRole | None, *, by: UUID
) -> None:
    """Put into the ledger what members of the workspace have somewhere without being named there."""
    doer = await signed(db, by)
    document = place if isinstance(place, Document) else None
    name = f"“{place.title or 'Untitled'}”" if isinstance(place, Document) else f"the collection “{place.name}”"
    if role is not None:
        said = f"let everybody in the workspace {_LETS[role]} {name}"
    elif reach is not None:
        said = f"opened {name} only to the people named on it"
    else:
        said = f"let {name} be shared as what is around it"
    await ledger.append_later(
        db,
        place.workspace_id,
        doer,
        kind="document.reach" if document else "collection.reach",
        sentence=f"{doer.name} {said}.",
        document_id=document.id if document else None,
        data={"place": str(place.id), "reach": reach and reach.value, "role": role and role.value},
    )


async def note_link(db: AsyncSession, document: Document, link: ShareLink, what: LinkDeed, *, by: UUID) -> None:
    """Put into the ledger that a link to a document was made, changed or taken back."""
    doer = await signed(db, by)
    role = DocumentRole(link.role)
    sentence = {
        LinkDeed.CREATED: "made a link by which anybody can",
        LinkDeed.CHANGED: "changed a link: anybody can now",
        LinkDeed.ENDED: "took back a link by which anybody could",
    }[what]
    await ledger.append_later(
        db,
        document.workspace_id,
        doer,
        kind=f"link.{what.value}",
        sentence=f"{doer.name} {sentence} {_LETS[role]} “{document.title or 'Untitled'}”.",
        document_id=document.id,
        data={
            "link": str(link.id),
            "role": role.value,
            "expires": link.expires_at.isoformat() if link.expires_at is not None else None,
            "password": link.password_hash is not None,
        },
    )


async def _known(db: AsyncSession, user_id: UUID, place_id: UUID, before: DocumentRole | None) -> DocumentRole | None:
    """Return the role at a place that the person last heard of; what they were not told since is taken back.

    Naming somebody and taking the name away, over and over, rings no bell and sends no mail that way.
    """
    untold = await take_back(db, user_id, f"place:{place_id}:")
    if untold is None:
        return before
    role = untold.split(":")[2]
    return DocumentRole(role) if role else None


def _key(place_id: UUID, known: DocumentRole | None) -> str:
    """Return a key for a change of role, with the one that the person knew."""
    return f"place:{place_id}:{known.value if known else ''}:{uuid4()}"


async def owners(db: AsyncSession, document_id: UUID) -> Sequence[UUID]:
    """Return who owns the document by name."""
    return (
        await db.scalars(
            select(col(Collaborator.user_id)).where(
                col(Collaborator.document_id) == document_id, col(Collaborator.role) == DocumentRole.OWNER.value
            )
        )
    ).all()


async def note_request(db: AsyncSession, document: Document, request: AccessRequest) -> frozenset[UUID]:
    """Note that somebody asks to be let in, for the owners, or for the admins if nobody owns it; once a day.

    Returns for whom that is news.
    """
    around = select(func.unnest(col(Collection.path))).where(col(Collection.id) == document.collection_id)
    owning = (
        await db.scalars(
            select(col(Collaborator.user_id))
            .join(
                Member,
                (col(Member.user_id) == col(Collaborator.user_id))
                & (col(Member.workspace_id) == document.workspace_id),
            )
            .where(
                col(Collaborator.role) == DocumentRole.OWNER.value,
                (col(Collaborator.document_id) == document.id) | col(Collaborator.collection_id).in_(around),
            )
        )
    ).all()
    admins = select(col(Member.user_id)).where(
        col(Member.workspace_id) == document.workspace_id, col(Member.role) == Role.ADMIN.value
    )
    notice = Notice(
        kind=Kind.ACCESS_REQUEST,
        to=owning or (await db.scalars(admins)).all(),
        workspace_id=document.workspace_id,
        document_id=document.id,
        actor_id=request.user_id,
        title=document.title,
        text=f"{_ASKED_FOR[DocumentRole(request.role)]}\n\n{request.message}",
        path=f"/documents/{document.id}/sharing",
        # Asking again changes what the panel says; whoever asks all day must not ring a bell each time.
        dedupe_key=f"asked:{document.id}:{request.user_id}:{request.asked_at.date()}",
    )
    return await note(db, notice)

"""Giving and taking roles at a document: by name, by what its workspace has, through an invitation, on request.

None of the functions commits. Each returns or raises before anything is told; after the commit the caller calls
`changes.spread`, so that open documents and lists follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import people
from server.accounts.models import User
from server.documents import telling
from server.documents.access import (
    DocumentActor,
    DocumentRole,
    DocumentVerb,
    actor_at,
    can,
    count_change,
    reach_rank,
    reaches,
    require,
    role_of,
)
from server.documents.gifts import end_beyond
from server.documents.models import AccessRequest, Collaborator, Collection, Document, Reach, utc_now
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.workspaces import invitations, membership
from server.workspaces.access import Verb, actor_for
from server.workspaces.access import require as require_in_workspace
from server.workspaces.models import Invitation, Member, Role

MAX_NAMED: Final = 500
MAX_MESSAGE_CHARACTERS: Final = 500


class LastOwner(Conflict):
    """Nobody would own the document any more."""

    sentence = "Somebody has to own this document. Hand it to another person first."


class AnsweredAlready(Conflict):
    """Nobody waits for an answer any more."""

    sentence = "Somebody has answered this already."


@dataclass(frozen=True, slots=True)
class Inherited:
    """The collection that somebody's role comes from."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody who is named on a document, or on a collection around it (`inherited`)."""

    user_id: UUID
    name: str
    email: str
    colour: int
    role: DocumentRole
    added_at: datetime
    inherited: Inherited | None


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation for somebody who is not in the workspace; the secret is shown this once."""

    invitation: Invitation
    secret: str


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation to the document that works now, with the role that it gives and its maker's name."""

    invitation: Invitation
    role: DocumentRole
    inviter_name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An open request to be let in."""

    user_id: UUID
    name: str
    email: str
    colour: int
    role: DocumentRole
    message: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """What a document gives to its workspace: without a `role`, nothing. `said` is None where that is inherited."""

    role: DocumentRole | None
    said: Reach | None


async def named(db: AsyncSession, user: User, document_id: UUID) -> Sequence[Named]:
    """Return who is named on the document and on the collections around it, the strongest first.

    Raises NotFound, Forbidden.
    """
    document, actor = await actor_at(db, user, document_id)
    require(actor, DocumentVerb.SHARE, document)
    around = select(func.unnest(col(Collection.path))).where(col(Collection.id) == document.collection_id)
    rows = await db.execute(
        select(Collaborator, User, Collection)
        .join(User, col(User.id) == col(Collaborator.user_id))
        .outerjoin(Collection, col(Collection.id) == col(Collaborator.collection_id))
        .where((col(Collaborator.document_id) == document_id) | col(Collaborator.collection_id).in_(around))
    )
    found = [
        Named(
            user_id=person.id,
            name=person.name,
            email=person.email,
            colour=person.colour,
            role=DocumentRole(row.role),
            added_at=row.added_at,
            inherited=Inherited(collection.id, collection.name) if collection is not None else None,
        )
        for row, person, collection in rows
    ]
    order = list(DocumentRole)
    return sorted(found, key=lambda each: (each.inherited is not None, order.index(each.role), each.name.casefold()))


def without_repeats(people: Sequence[Named]) -> Sequence[Named]:
    """Leave out what gives somebody no more than what stands before it. `people` come sorted as `named` sorts them.

    When what made them needless is taken away, they are shown again.
    """
    order = list(DocumentRole)
    strongest: dict[UUID, int] = {}
    kept = []
    for each in people:
        rank = order.index(each.role)
        if rank < strongest.get(each.user_id, len(order)):
            strongest[each.user_id] = rank
            kept.append(each)
    return kept


async def name(db: AsyncSession, user: User, document_id: UUID, user_id: UUID, role: DocumentRole) -> Document:
    """Give a member a role at the document by name, or another one. If they asked for one, that is answered by it.

    Raises NotFound, Forbidden for a role above one's own, Conflict when too many are named, LastOwner.
    """
    document, actor = await _locked(db, user, document_id, DocumentVerb.SHARE)
    before = await _role_by_name(db, document_id, user_id)
    _require_reach(actor, role, before)
    if not await membership.is_member(db, document.workspace_id, user_id):
        raise NotFound("This person is not in the workspace. Add them by their e-mail address.")
    if before is DocumentRole.OWNER and role is not DocumentRole.OWNER:
        await _refuse_the_last(db, document_id)
    if before is None and len(await _ids_by_name(db, document_id)) >= MAX_NAMED:
        raise Conflict(f"At most {MAX_NAMED} people can be named. Share a collection, or with the workspace.")
    await _name(db, document, user_id, role, by=user.id)
    if before is not None and not reaches(role, before):
        await end_beyond(db, user_id, document.workspace_id, document_id)
    wish = await _close_request(db, document_id, user_id)
    await telling.note_place(db, document, user_id, by=user.id, before=before, after=role, wish=wish)
    return document


async def approve(db: AsyncSession, user: User, document_id: UUID, user_id: UUID, role: DocumentRole) -> Document:
    """Let somebody in who asked, in this role, whichever they asked for.

    Raises as `name` does, and Conflict if the request is answered already: nobody's role is lowered by a late yes.
    """
    await _locked(db, user, document_id, DocumentVerb.SHARE)
    still_open = select(col(AccessRequest.id)).where(*_open_request(document_id, user_id))
    if await db.scalar(still_open) is None:
        raise AnsweredAlready
    return await name(db, user, document_id, user_id, role)


async def add(
    db: AsyncSession, user: User, document_id: UUID, email: str, role: DocumentRole
) -> tuple[Document, UUID | Sent]:
    """Share with the person of this address: with a member by name, with anybody else by an invitation.

    Whoever follows the invitation becomes a guest of the workspace. Raises NotFound, Forbidden, Invalid naming `email`.
    """
    document, actor = await _locked(db, user, document_id, DocumentVerb.SHARE)
    _require_reach(actor, role, None)
    try:
        email = people.clean_email(email)
    except ValueError as error:
        raise Invalid({"email": str(error)}) from error
    person = await people.find_by_email(db, email)
    if person is not None and await membership.is_member(db, document.workspace_id, person.id):
        return await name(db, user, document_id, person.id, role), person.id
    if role is DocumentRole.OWNER:
        raise Invalid({"role": "Only somebody in the workspace can own a document."})
    member = await actor_for(db, user, document.workspace_id)
    invitation, secret = await invitations.create(
        db, member, document.workspace_id, document_id, role=Role.GUEST, document_role=role.value, email=email
    )
    return document, Sent(invitation, secret)


async def invited(db: AsyncSession, user: User, document_id: UUID) -> Sequence[Invited]:
    """Return the invitations to the document that work now, the newest first. Raises NotFound, Forbidden.

    Also those by which somebody else has come: whoever was sent the link may have passed it on.
    """
    document, actor = await actor_at(db, user, document_id)
    require(actor, DocumentVerb.SHARE, document)
    return [
        Invited(each.invitation, DocumentRole(each.invitation.document_role or DocumentRole.VIEWER), each.inviter_name)
        for each in await invitations.leading_to(db, document_id)
    ]


async def uninvite(db: AsyncSession, user: User, document_id: UUID, invitation_id: UUID) -> Document:
    """Take an invitation to the document back. Who has come by it stays. Raises NotFound, Forbidden."""
    document, _ = await _locked(db, user, document_id, DocumentVerb.SHARE)
    invitation = await db.get(Invitation, invitation_id, with_for_update=True)
    if invitation is None or invitation.document_id != document_id or invitation.document_role is None:
        raise NotFound
    if invitation.revoked_at is None:
        invitation.revoked_at = utc_now()
        await db.flush()
    return document


async def change_invitation(
    db: AsyncSession, user: User, document_id: UUID, invitation_id: UUID, role: DocumentRole
) -> Document:
    """Let whoever comes by an open invitation to the document be something else there.

    Whoever changes it stands for it from now on, so they must be able to invite. Raises NotFound, Forbidden, Invalid.
    """
    document, actor = await _locked(db, user, document_id, DocumentVerb.SHARE)
    invitation = await _open_invitation(db, document_id, invitation_id)
    if role is DocumentRole.OWNER:
        raise Invalid({"role": "Only somebody in the workspace can own a document."})
    _require_reach(actor, role, DocumentRole(invitation.document_role or DocumentRole.VIEWER))
    member = await actor_for(db, user, document.workspace_id)
    require_in_workspace(member, Verb.INVITE, member)
    invitation.document_role, invitation.created_by = role.value, user.id
    await db.flush()
    return document


async def renew_invitation(
    db: AsyncSession, user: User, document_id: UUID, invitation_id: UUID
) -> tuple[Document, Sent]:
    """Give an open invitation to the document a new link and a week from now. Raises NotFound, Forbidden."""
    document, actor = await _locked(db, user, document_id, DocumentVerb.SHARE)
    invitation = await _open_invitation(db, document_id, invitation_id)
    _require_reach(actor, DocumentRole(invitation.document_role or DocumentRole.VIEWER), None)
    secret = await invitations.renewed(db, await actor_for(db, user, document.workspace_id), invitation)
    return document, Sent(invitation, secret)


async def unname(db: AsyncSession, user: User, document_id: UUID, user_id: UUID) -> Document:
    """Take somebody's role by name away; one's own, too, in any role. Links and invitations of theirs end with it.

    Raises NotFound, Forbidden, LastOwner.
    """
    verb = DocumentVerb.VIEW if user_id == user.id else DocumentVerb.SHARE
    document, actor = await _locked(db, user, document_id, verb)
    before = await _role_by_name(db, document_id, user_id)
    if before is None:
        raise NotFound
    if before is DocumentRole.OWNER:
        require(actor, DocumentVerb.OWN, document)
        await _refuse_the_last(db, document_id)
    await db.execute(
        delete(Collaborator).where(col(Collaborator.document_id) == document_id, col(Collaborator.user_id) == user_id)
    )
    await count_change(db, document_id)
    await end_beyond(db, user_id, document.workspace_id, document_id)
    await telling.note_place(db, document, user_id, by=user.id, before=before, after=None)
    return document


async def hand_over(db: AsyncSession, user: User, document_id: UUID, user_id: UUID) -> Document:
    """Make another member the owner; who hands it over stays as an editor. Raises NotFound, Forbidden, Conflict."""
    document, _ = await _locked(db, user, document_id, DocumentVerb.OWN)
    if user_id == user.id:
        raise Conflict("You own this document already.")
    if not await membership.is_member(db, document.workspace_id, user_id):
        raise NotFound("This person is not in the workspace. Add them by their e-mail address.")
    before = await _role_by_name(db, document_id, user_id)
    await _name(db, document, user_id, DocumentRole.OWNER, by=user.id)
    await telling.note_place(db, document, user_id, by=user.id, before=before, after=DocumentRole.OWNER)
    if await _role_by_name(db, document_id, user.id) is DocumentRole.OWNER:
        await _name(db, document, user.id, DocumentRole.EDITOR, by=user.id)
    return document


async def given(db: AsyncSession, document: Document) -> Given:
    """Return what members of the workspace have who are not named."""
    if document.reach is not None:
        said = Reach(document.reach)
        return Given(DocumentRole(document.reach_role) if document.reach_role else None, said)
    return Given(role_of(await db.scalar(select(reach_rank()).where(col(Document.id) == document.id))), None)


async def give(
    db: AsyncSession, user: User, document_id: UUID, reach: Reach | None, role: DocumentRole | None
) -> Document:
    """Say what members have who are not named: nothing, a role, or (`reach` None) what the collection around it says.

    Whoever would lose their own role by it is named with it. Raises NotFound, Forbidden, Invalid naming `role`.
    """
    document, actor = await _locked(db, user, document_id, DocumentVerb.SHARE)
    if (reach is Reach.WORKSPACE) != (role is not None):
        raise Invalid({"role": "Say what the members may do, or leave it out where they are given nothing."})
    if role is not None:
        if role is DocumentRole.OWNER:
            raise Invalid({"role": "Owners are people with names."})
        _require_reach(actor, role, None)
    document.reach, document.reach_role = reach and reach.value, role and role.value
    await db.flush()
    await count_change(db, document_id)
    _, after = await actor_at(db, user, document_id)
    if actor.role is not None and (after.role is None or not reaches(after.role, actor.role)):
        await _name(db, document, user.id, actor.role, by=user.id)
    await telling.note_reach(db, document, reach, role, by=user.id)
    return document


async def ask(
    db: AsyncSession, user: User, document_id: UUID, role: DocumentRole, message: str
) -> tuple[Document, frozenset[UUID]]:
    """Ask to be let in, as a member of the workspace who has not the role yet. Asking again replaces what was asked.

    Returns the document, and for whom it is news that somebody asks. Raises NotFound for others, Conflict for somebody
    who has the role, Invalid.
    """
    document, actor = await actor_at(db, user, document_id)
    if actor.workspace_role is None or document.trashed_at is not None:
        raise NotFound
    if role is DocumentRole.OWNER:
        raise Invalid({"role": "Ask for editing, commenting or reading."})
    if len(message) > MAX_MESSAGE_CHARACTERS:
        raise Invalid({"message": f"Use at most {MAX_MESSAGE_CHARACTERS} characters."})
    if actor.role is not None and reaches(actor.role, role):
        raise Conflict("This document is shared with you already. Reload the page.")
    values = {"role": role.value, "message": message, "asked_at": utc_now(), "answered_at": None}
    written = await db.scalars(
        insert(AccessRequest)
        .values(id=uuid4(), workspace_id=document.workspace_id, document_id=document_id, user_id=user.id, **values)
        .on_conflict_do_update(index_elements=["document_id", "user_id"], set_=values)
        .returning(AccessRequest)
        .execution_options(populate_existing=True)
    )
    return document, await telling.note_request(db, document, written.one())


async def asked(db: AsyncSession, user: User, document_id: UUID) -> Sequence[Asked]:
    """Return the open requests, the oldest first. Raises NotFound, Forbidden."""
    document, actor = await actor_at(db, user, document_id)
    require(actor, DocumentVerb.SHARE, document)
    rows = await db.execute(
        select(AccessRequest, User)
        .join(User, col(User.id) == col(AccessRequest.user_id))
        .where(col(AccessRequest.document_id) == document_id, col(AccessRequest.answered_at).is_(None))
        .order_by(col(AccessRequest.asked_at))
        .limit(MAX_NAMED)
    )
    return [
        Asked(each.user_id, who.name, who.email, who.colour, DocumentRole(each.role), each.message, each.asked_at)
        for each, who in rows
    ]


async def decline(db: AsyncSession, user: User, document_id: UUID, user_id: UUID) -> Document:
    """Put a request aside; agreeing to one is `approve`. Raises NotFound, Forbidden, AnsweredAlready."""
    document, _ = await _locked(db, user, document_id, DocumentVerb.SHARE)
    if await _close_request(db, document_id, user_id) is None:
        raise AnsweredAlready
    return document


async def others(db: AsyncSession, user: User, document_id: UUID) -> Sequence[User]:
    """Return the members of the document's workspace who can sign in and are not named on it, by name.

    Raises NotFound, Forbidden. Guests are told nobody: they add people by address.
    """
    document, actor = await actor_at(db, user, document_id)
    require(actor, DocumentVerb.SHARE, document)
    if actor.workspace_role in (None, Role.GUEST):
        return []
    by_name = select(col(Collaborator.user_id)).where(col(Collaborator.document_id) == document_id)
    return (
        await db.scalars(
            select(User)
            .join(Member, col(Member.user_id) == col(User.id))
            .where(
                col(Member.workspace_id) == document.workspace_id,
                col(User.disabled_at).is_(None),
                col(User.id).not_in(by_name),
            )
            .order_by(func.lower(col(User.name)), col(User.id))
            .limit(MAX_NAMED)
        )
    ).all()


async def arrive(db: AsyncSession, invitation: Invitation, user: User) -> None:
    """Let somebody who came into the workspace by this invitation into the document that it leads to.

    An invitation without a role at the document lets people read. Nobody gets less than they have.
    """
    if invitation.document_id is None:
        return
    role = DocumentRole(invitation.document_role or DocumentRole.VIEWER)
    try:
        document, actor = await actor_at(db, user, invitation.document_id)
    except NotFound:
        # Removed for good since; the invitation still leads into the workspace.
        return
    if document.workspace_id != invitation.workspace_id or (actor.role is not None and reaches(actor.role, role)):
        return
    if invitation.document_role is not None:
        # What the maker could give then, they must be able to give now.
        maker = await db.get(User, invitation.created_by)
        _, giver = await actor_at(db, maker, document.id)
        if not can(giver, DocumentVerb.SHARE, document) or giver.role is None or not reaches(giver.role, role):
            return
    await _name(db, document, user.id, role, by=invitation.created_by)


async def _locked(
    db: AsyncSession, user: User, document_id: UUID, verb: DocumentVerb
) -> tuple[Document, DocumentActor]:
    """Return the document and the person at it, who may do `verb`; others who share it wait until this ends.

    So two owners who take each other's role come one after the other, and the second sees what the first did.
    """
    await db.execute(select(col(Document.id)).where(col(Document.id) == document_id).with_for_update())
    document, actor = await actor_at(db, user, document_id)
    require(actor, verb, document)
    return document, actor


async def _open_invitation(db: AsyncSession, document_id: UUID, invitation_id: UUID) -> Invitation:
    """Return an invitation that works and gives a role at this document, held until this ends. Raises NotFound."""
    invitation = await invitations.open_at(db, invitation_id)
    if invitation.document_id != document_id or invitation.document_role is None:
        raise NotFound
    return invitation


def _open_request(document_id: UUID, user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        col(AccessRequest.document_id) == document_id,
        col(AccessRequest.user_id) == user_id,
        col(AccessRequest.answered_at).is_(None),
    )


async def _close_request(db: AsyncSession, document_id: UUID, user_id: UUID) -> DocumentRole | None:
    """Note that somebody's request is answered. Returns what they asked for, None if they wait for nothing."""
    answered = (
        update(AccessRequest)
        .where(*_open_request(document_id, user_id))
        .values(answered_at=utc_now())
        .returning(col(AccessRequest.role))
    )
    wish = await db.scalar(answered)
    return None if wish is None else DocumentRole(wish)


def _require_reach(actor: DocumentActor, role: DocumentRole, before: DocumentRole | None) -> None:
    """Raise Forbidden for giving more than one has, and for changing what an owner is without being one."""
    for each in (role, before):
        if each is not None and (actor.role is None or not reaches(actor.role, each)):
            raise Forbidden("You can give others what you have yourself, not more, and not take more away.")


async def _role_by_name(db: AsyncSession, document_id: UUID, user_id: UUID) -> DocumentRole | None:
    found = await db.scalar(
        select(col(Collaborator.role)).where(
            col(Collaborator.document_id) == document_id, col(Collaborator.user_id) == user_id
        )
    )
    return None if found is None else DocumentRole(found)


async def _ids_by_name(db: AsyncSession, document_id: UUID, role: DocumentRole | None = None) -> Sequence[UUID]:
    found = select(col(Collaborator.user_id)).where(col(Collaborator.document_id) == document_id)
    if role is not None:
        found = found.where(col(Collaborator.role) == role.value)
    return (await db.scalars(found)).all()


async def _refuse_the_last(db: AsyncSession, document_id: UUID) -> None:
    if len(await _ids_by_name(db, document_id, DocumentRole.OWNER)) == 1:
        raise LastOwner


async def _name(db: AsyncSession, document: Document, user_id: UUID, role: DocumentRole, *, by: UUID) -> None:
    values = {"role": role.value, "added_by": by, "added_at": utc_now()}
    await db.execute(
        insert(Collaborator)
        .values(id=uuid4(), workspace_id=document.workspace_id, document_id=document.id, user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["document_id", "user_id"], set_=values)
    )
    await count_change(db, document.id)

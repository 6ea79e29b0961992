"""Folders of documents: making, naming, moving, removing them, and who is named on one.

Roles at a collection hold for all that lies in it, so each change of its place or of who is named on it is one of the
access to its documents: the functions return the ids of those documents, which the caller tells after the commit
(`lifecycle.spread_collection`). None commits.

Whoever owns what is around a thing owns it. Only owners make owners and unmake them: whoever is none moves things only
between places where the same people own them. All else that a new place gives or takes, an editor may give and take by
sharing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Uuid, any_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts import people
from server.accounts.models import User
from server.documents import telling
from server.documents.access import (
    CollectionActor,
    DocumentActor,
    DocumentRole,
    DocumentVerb,
    actor_at,
    count_change,
    reaches,
    require,
    role_at_collection,
    role_of,
)
from server.documents.gifts import end_beyond
from server.documents.models import (
    MAX_COLLECTION_DEPTH,
    MAX_COLLECTION_NAME_CHARACTERS,
    Collaborator,
    Collection,
    Document,
    Reach,
    utc_now,
)
from server.documents.sharing import Given, Inherited, Named
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.web.text import clean_line, has_ink
from server.workspaces import access, membership
from server.workspaces.access import Actor, Verb, actor_for
from server.workspaces.models import Member, Role, Workspace

MAX_COLLECTIONS: Final = 1000
MAX_NAMED: Final = 500


class OthersWouldOwn(Forbidden):
    """By the move somebody would become an owner, or an owner would be none any more; so only an owner makes it."""

    sentence = "It has other owners there. Only one of its owners can move it."


@dataclass(frozen=True, slots=True)
class Listed:
    """A collection with what the asker is at it."""

    collection: Collection
    role: DocumentRole


async def listed(db: AsyncSession, actor: Actor) -> Sequence[Listed]:
    """Return the collections of the workspace that the actor may see, by name; those in others come with their parents.

    One in a collection that they may not see stands for itself.
    """
    rank = role_at_collection(literal(actor.user_id, Uuid), literal(actor.role.value))
    rows = await db.execute(
        select(Collection, rank)
        .where(col(Collection.workspace_id) == actor.workspace_id, rank.is_not(None))
        .order_by(col(Collection.position), func.lower(col(Collection.name)), col(Collection.id))
    )
    return [Listed(collection, role) for collection, its_rank in rows if (role := role_of(its_rank)) is not None]


async def find(
    db: AsyncSession, user: User, collection_id: UUID, verb: DocumentVerb = DocumentVerb.VIEW
) -> tuple[Collection, CollectionActor]:
    """Return a collection and the person at it, who may do `verb`. Raises NotFound, Forbidden."""
    collection, actor = await _standing(db, user, collection_id)
    require(actor, verb, collection)
    return collection, actor


async def _standing(db: AsyncSession, user: User, collection_id: UUID) -> tuple[Collection, CollectionActor]:
    """Return a collection and the person at it, whatever their role. Raises NotFound."""
    collection = await db.get(Collection, collection_id, populate_existing=True)
    if collection is None:
        raise NotFound
    member = await actor_for(db, user, collection.workspace_id)
    rank = role_at_collection(literal(user.id, Uuid), literal(member.role.value))
    its_rank = await db.scalar(select(rank).where(col(Collection.id) == collection_id))
    actor = CollectionActor(
        user_id=user.id,
        workspace_id=collection.workspace_id,
        collection_id=collection_id,
        workspace_role=member.role,
        role=role_of(its_rank),
    )
    return collection, actor


async def create(db: AsyncSession, actor: Actor, user: User, name: str, parent_id: UUID | None) -> Collection:
    """Make a collection at the top, or in one where the person may edit. Whoever makes it owns it.

    Raises Invalid, NotFound, Forbidden, Conflict for one that would lie too deep or be one too many.
    """
    access.require(actor, Verb.CREATE, actor)
    await _hold_still(db, actor.workspace_id)
    around: list[UUID] = []
    if parent_id is not None:
        parent, _ = await find(db, user, parent_id, DocumentVerb.EDIT)
        if parent.workspace_id != actor.workspace_id:
            raise NotFound
        around = parent.path
    if len(around) >= MAX_COLLECTION_DEPTH:
        raise Conflict(f"Collections lie at most {MAX_COLLECTION_DEPTH} deep in each other.")
    many = select(func.count()).where(col(Collection.workspace_id) == actor.workspace_id)
    if (await db.scalar(many) or 0) >= MAX_COLLECTIONS:
        raise Conflict(f"A workspace has at most {MAX_COLLECTIONS} collections.")
    collection_id = uuid4()
    collection = Collection(
        id=collection_id,
        workspace_id=actor.workspace_id,
        parent_id=parent_id,
        path=[*around, collection_id],
        name=_clean(name),
        created_by=user.id,
    )
    db.add(collection)
    await db.flush()
    await _name(db, collection, user.id, DocumentRole.OWNER, by=user.id)
    return collection


async def rename(db: AsyncSession, user: User, collection_id: UUID, name: str) -> Collection:
    """Give a collection another name. Raises Invalid, NotFound, Forbidden."""
    collection, _ = await find(db, user, collection_id, DocumentVerb.RENAME)
    collection.name = _clean(name)
    await db.flush()
    return collection


async def move(db: AsyncSession, user: User, collection_id: UUID, parent_id: UUID | None) -> Sequence[UUID]:
    """Put a collection, with all in it, into another one or at the top. Returns the documents that this concerns.

    Unless the person owns it, only to where the same people own it (OthersWouldOwn).
    To the top only for whoever may make one there. Raises NotFound, Forbidden, Conflict for a place inside of itself or
    too deep.
    """
    collection, actor = await find(db, user, collection_id, DocumentVerb.MOVE)
    await _hold_still(db, collection.workspace_id)
    around: list[UUID] = []
    if parent_id is not None:
        parent, _ = await find(db, user, parent_id, DocumentVerb.EDIT)
        if parent.workspace_id != actor.workspace_id:
            raise NotFound
        if collection_id in parent.path:
            raise Conflict("A collection cannot lie in itself.")
        around = parent.path
    else:
        await _require_top(db, user, collection.workspace_id)
    collection, actor = await find(db, user, collection_id, DocumentVerb.MOVE)
    await _require_same_owners(db, actor, collection.path, [*around, collection_id])
    depth = select(func.max(func.cardinality(col(Collection.path)))).where(_inside(collection_id))
    below = (await db.scalar(depth) or 0) - len(collection.path)
    if len(around) + 1 + below > MAX_COLLECTION_DEPTH:
        raise Conflict(f"Collections lie at most {MAX_COLLECTION_DEPTH} deep in each other.")
    collection.parent_id = parent_id
    await db.flush()
    await _repath(db, collection_id, around, skip=len(collection.path) - 1)
    return await _concerned(db, collection_id)


async def remove(db: AsyncSession, user: User, collection_id: UUID) -> Sequence[UUID]:
    """Take a collection away. What lies in it moves up to the one around it, or to the top; nothing is trashed.

    Unless the person owns it, only one whose owners own what is around it as well (OthersWouldOwn). Returns the
    documents that this concerns. Raises NotFound, Forbidden.
    """
    collection, _ = await find(db, user, collection_id, DocumentVerb.TRASH)
    await _hold_still(db, collection.workspace_id)
    collection, actor = await find(db, user, collection_id, DocumentVerb.TRASH)
    try:
        await _require_same_owners(db, actor, collection.path, collection.path[:-1])
    except OthersWouldOwn:
        raise OthersWouldOwn("What lies in it would have fewer owners. Only an owner of it can delete it.") from None
    concerned = await _concerned(db, collection_id)
    depth, parent_id = len(collection.path), collection.parent_id
    await db.execute(
        update(Document).where(col(Document.collection_id) == collection_id).values(collection_id=parent_id)
    )
    children = (await db.scalars(select(col(Collection.id)).where(col(Collection.parent_id) == collection_id))).all()
    for child_id in children:
        await _repath(db, child_id, collection.path[:-1], skip=depth)
    await db.execute(update(Collection).where(col(Collection.parent_id) == collection_id).values(parent_id=parent_id))
    await db.execute(delete(Collection).where(col(Collection.id) == collection_id))
    db.expunge(collection)
    return concerned


async def put(db: AsyncSession, user: User, document_id: UUID, collection_id: UUID | None) -> Document:
    """Move a document into a collection where the person may edit, or to the top. Raises NotFound, Forbidden.

    Unless the person owns it, only to where the same people own it (OthersWouldOwn).
    """
    document, actor = await actor_at(db, user, document_id)
    require(actor, DocumentVerb.MOVE, document)
    around = await _path(db, document.collection_id)
    goal: Sequence[UUID] = []
    if collection_id is not None:
        collection, _ = await find(db, user, collection_id, DocumentVerb.EDIT)
        if collection.workspace_id != document.workspace_id:
            raise NotFound
        goal = collection.path
    else:
        await _require_top(db, user, document.workspace_id)
    await _require_same_owners(db, actor, around, goal, document_id=document_id)
    document.collection_id = collection_id
    await db.flush()
    await count_change(db, document_id)
    return document


async def named(db: AsyncSession, user: User, collection_id: UUID) -> Sequence[Named]:
    """Return who is named on the collection and on those around it: its own first, the strongest of them first.

    Raises NotFound, Forbidden.
    """
    collection, _ = await find(db, user, collection_id, DocumentVerb.SHARE)
    rows = await db.execute(
        select(User, Collaborator, col(Collection.id), col(Collection.name))
        .join(Collaborator, col(Collaborator.user_id) == col(User.id))
        .join(Collection, col(Collection.id) == col(Collaborator.collection_id))
        .where(col(Collaborator.collection_id).in_(collection.path))
    )
    found = [
        Named(
            user_id=person.id,
            name=person.name,
            email=person.email,
            colour=person.colour,
            role=DocumentRole(row.role),
            added_at=row.added_at,
            inherited=None if its_id == collection_id else Inherited(its_id, its_name),
        )
        for person, row, its_id, its_name in rows
    ]
    order = list(DocumentRole)
    return sorted(found, key=lambda each: (each.inherited is not None, order.index(each.role), each.name.casefold()))


async def others(db: AsyncSession, user: User, collection_id: UUID) -> Sequence[User]:
    """Return the members of the workspace who can sign in and are not named on the collection itself, by name.

    Raises NotFound, Forbidden. Guests are told nobody: they add people by address.
    """
    collection, actor = await find(db, user, collection_id, DocumentVerb.SHARE)
    if actor.workspace_role is Role.GUEST:
        return []
    by_name = select(col(Collaborator.user_id)).where(col(Collaborator.collection_id) == collection_id)
    return (
        await db.scalars(
            select(User)
            .join(Member, col(Member.user_id) == col(User.id))
            .where(
                col(Member.workspace_id) == collection.workspace_id,
                col(User.disabled_at).is_(None),
                col(User.id).not_in(by_name),
            )
            .order_by(func.lower(col(User.name)), col(User.id))
            .limit(MAX_NAMED)
        )
    ).all()


async def member_of(db: AsyncSession, user: User, collection_id: UUID, email: str) -> UUID:
    """Return the member of the workspace who has this address. Raises NotFound, Forbidden, Invalid naming `email`."""
    collection, _ = await find(db, user, collection_id, DocumentVerb.SHARE)
    try:
        email = people.clean_email(email)
    except ValueError as error:
        raise Invalid({"email": str(error)}) from error
    person = await people.find_by_email(db, email)
    if person is None or not await membership.is_member(db, collection.workspace_id, person.id):
        raise Invalid({"email": "Nobody in the workspace has this address. Invite them to the workspace first."})
    return person.id


async def name(db: AsyncSession, user: User, collection_id: UUID, user_id: UUID, role: DocumentRole) -> Sequence[UUID]:
    """Name a member on a collection; they have the role at all in it. Returns the documents that this concerns.

    Raises NotFound, Forbidden for more than one has oneself, Conflict when too many are named.
    """
    collection, actor = await _locked(db, user, collection_id, DocumentVerb.SHARE)
    before = await _role_by_name(db, collection_id, user_id)
    _require_reach(actor, role, before)
    if not await membership.is_member(db, collection.workspace_id, user_id):
        raise NotFound("This person is not in the workspace.")
    many = select(func.count()).where(col(Collaborator.collection_id) == collection_id)
    if (await db.scalar(many) or 0) >= MAX_NAMED:
        raise Conflict(f"At most {MAX_NAMED} people can be named. Share with the workspace.")
    await _name(db, collection, user_id, role, by=user.id)
    if before is not None and not reaches(role, before):
        await end_beyond(db, user_id, collection.workspace_id)
    await telling.note_shelf(db, collection, user_id, by=user.id, before=before, after=role)
    return await _concerned(db, collection_id)


async def unname(db: AsyncSession, user: User, collection_id: UUID, user_id: UUID) -> Sequence[UUID]:
    """Take somebody's name away from a collection; one's own, too. Admins own it even when nobody is named.

    Returns the documents that this concerns. Raises NotFound, Forbidden.
    """
    verb = DocumentVerb.VIEW if user_id == user.id else DocumentVerb.SHARE
    collection, actor = await _locked(db, user, collection_id, verb)
    before = await _role_by_name(db, collection_id, user_id)
    if before is None:
        raise NotFound
    _require_reach(actor, before, None)
    await db.execute(
        delete(Collaborator).where(
            col(Collaborator.collection_id) == collection_id, col(Collaborator.user_id) == user_id
        )
    )
    await end_beyond(db, user_id, collection.workspace_id)
    await telling.note_shelf(db, collection, user_id, by=user.id, before=before, after=None)
    return await _concerned(db, collection_id)


async def hand_over(db: AsyncSession, user: User, collection_id: UUID, user_id: UUID) -> Sequence[UUID]:
    """Make another member the owner; who hands it over stays as an editor. Returns the documents that this concerns.

    Raises NotFound, Forbidden, Conflict.
    """
    collection, _ = await _locked(db, user, collection_id, DocumentVerb.OWN)
    if user_id == user.id:
        raise Conflict("You own this collection already.")
    if not await membership.is_member(db, collection.workspace_id, user_id):
        raise NotFound("This person is not in the workspace.")
    before = await _role_by_name(db, collection_id, user_id)
    await _name(db, collection, user_id, DocumentRole.OWNER, by=user.id)
    await telling.note_shelf(db, collection, user_id, by=user.id, before=before, after=DocumentRole.OWNER)
    if await _role_by_name(db, collection_id, user.id) is DocumentRole.OWNER:
        await _name(db, collection, user.id, DocumentRole.EDITOR, by=user.id)
    return await _concerned(db, collection_id)


def given(collection: Collection) -> Given:
    """Return what the collection itself gives to members who are not named; `said` is None where it says nothing."""
    return Given(
        DocumentRole(collection.reach_role) if collection.reach_role else None,
        Reach(collection.reach) if collection.reach else None,
    )


async def give(
    db: AsyncSession, user: User, collection_id: UUID, reach: Reach | None, role: DocumentRole | None
) -> Sequence[UUID]:
    """Say what members have at all in it that says nothing itself. Returns the documents that this concerns.

    Whoever would lose their own role by it is named with it. Raises NotFound, Forbidden, Invalid naming `role`.
    """
    collection, actor = await _locked(db, user, collection_id, DocumentVerb.SHARE)
    if (reach is Reach.WORKSPACE) != (role is not None) or role is DocumentRole.OWNER:
        raise Invalid({"role": "Say whether the members may edit, comment or read; with `workspace` only."})
    if role is not None:
        _require_reach(actor, role, None)
    collection.reach, collection.reach_role = reach and reach.value, role and role.value
    await db.flush()
    _, after = await _standing(db, user, collection_id)
    if actor.role is not None and (after.role is None or not reaches(after.role, actor.role)):
        await _name(db, collection, user.id, actor.role, by=user.id)
    await telling.note_reach(db, collection, reach, role, by=user.id)
    return await _concerned(db, collection_id)


def _require_reach(actor: CollectionActor, role: DocumentRole, before: DocumentRole | None) -> None:
    for each in (role, before):
        if each is not None and (actor.role is None or not reaches(actor.role, each)):
            raise Forbidden("You can give others what you have yourself, not more, and not take more away.")


def _clean(name: str) -> str:
    name = clean_line(name)
    if not has_ink(name) or len(name) > MAX_COLLECTION_NAME_CHARACTERS:
        raise Invalid({"name": f"Give it a name of at most {MAX_COLLECTION_NAME_CHARACTERS} characters."})
    return name


async def _require_top(db: AsyncSession, user: User, workspace_id: UUID) -> None:
    """What lies in no collection is the workspace's: guests put nothing there. Raises NotFound, Forbidden."""
    member = await actor_for(db, user, workspace_id)
    access.require(member, Verb.CREATE, member)


async def _path(db: AsyncSession, collection_id: UUID | None) -> Sequence[UUID]:
    if collection_id is None:
        return []
    return await db.scalar(select(col(Collection.path)).where(col(Collection.id) == collection_id)) or []


async def _require_same_owners(
    db: AsyncSession,
    actor: DocumentActor | CollectionActor,
    before: Sequence[UUID],
    after: Sequence[UUID],
    *,
    document_id: UUID | None = None,
) -> None:
    """Raise OthersWouldOwn if a thing would have other owners, and who moves it is none of them.

    `before` and `after` are the collections that it lies in, itself included if it is one; whoever is named on the
    document owns it anywhere, and so do the workspace's admins.
    """
    if actor.role is DocumentRole.OWNER:
        return
    rows = await db.execute(
        select(col(Collaborator.user_id), col(Collaborator.collection_id))
        .join(
            Member,
            (col(Member.workspace_id) == col(Collaborator.workspace_id))
            & (col(Member.user_id) == col(Collaborator.user_id)),
        )
        .where(
            or_(
                col(Collaborator.collection_id).in_([*before, *after]),
                col(Collaborator.document_id).in_([document_id] if document_id is not None else []),
            ),
            col(Collaborator.role) == DocumentRole.OWNER.value,
            col(Member.role) != Role.ADMIN.value,
        )
    )
    owned = [(who, where) for who, where in rows]

    def owners(within: Sequence[UUID]) -> set[UUID]:
        return {who for who, where in owned if where is None or where in within}

    if owners(before) != owners(after):
        raise OthersWouldOwn


def _inside(collection_id: UUID) -> ColumnElement[bool]:
    return literal(collection_id, Uuid) == any_(col(Collection.path))


async def _locked(
    db: AsyncSession, user: User, collection_id: UUID, verb: DocumentVerb
) -> tuple[Collection, CollectionActor]:
    """Return a collection and the person at it, who may do `verb`; others who share it wait until this ends.

    So two owners who take each other's name away come one after the other, and the second sees what the first did.
    """
    await db.execute(select(col(Collection.id)).where(col(Collection.id) == collection_id).with_for_update())
    return await find(db, user, collection_id, verb)


async def _hold_still(db: AsyncSession, workspace_id: UUID) -> None:
    """Let nobody else move collections of the workspace meanwhile: two moves at once could make a circle."""
    await db.execute(select(col(Workspace.id)).where(col(Workspace.id) == workspace_id).with_for_update())


async def _repath(db: AsyncSession, collection_id: UUID, around: Sequence[UUID], *, skip: int) -> None:
    """Write the paths of a collection and of all in it anew: `around` in place of their first `skip` ids."""
    paths = (await db.execute(select(col(Collection.id), col(Collection.path)).where(_inside(collection_id)))).all()
    for each_id, path in paths:
        await db.execute(
            update(Collection)
            .where(col(Collection.id) == each_id)
            .values(path=literal([*around, *path[skip:]], ARRAY(Uuid)))
        )


async def _concerned(db: AsyncSession, collection_id: UUID) -> Sequence[UUID]:
    """Count a change of access to all documents in a collection and those in it; return them, newest change first."""
    within = select(col(Collection.id)).where(_inside(collection_id))
    changed = (
        update(Document)
        .where(col(Document.collection_id).in_(within))
        .values(access_epoch=col(Document.access_epoch) + 1)
        .returning(col(Document.id), col(Document.updated_at))
        .execution_options(synchronize_session=False)
    )
    rows = (await db.execute(changed)).all()
    return [row[0] for row in sorted(rows, key=lambda row: row[1], reverse=True)]


async def _role_by_name(db: AsyncSession, collection_id: UUID, user_id: UUID) -> DocumentRole | None:
    found = await db.scalar(
        select(col(Collaborator.role)).where(
            col(Collaborator.collection_id) == collection_id, col(Collaborator.user_id) == user_id
        )
    )
    return None if found is None else DocumentRole(found)


async def _name(db: AsyncSession, collection: Collection, user_id: UUID, role: DocumentRole, *, by: UUID) -> None:
    values = {"role": role.value, "added_by": by, "added_at": utc_now()}
    await db.execute(
        insert(Collaborator)
        .values(
            id=uuid4(),
            workspace_id=collection.workspace_id,
            collection_id=collection.id,
            user_id=user_id,
            **values,
        )
        .on_conflict_do_update(index_elements=["collection_id", "user_id"], set_=values)
    )

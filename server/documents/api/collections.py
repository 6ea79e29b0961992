"""Collections over the API: folders of documents, and who is named on one."""

from collections.abc import Sequence
from uuid import UUID

from starlette.requests import Request

from server.accounts.identity import signed_in
from server.documents import collections, lifecycle
from server.documents.access import DocumentRole, DocumentVerb
from server.documents.api.documents import document_id_of, live_of, one
from server.documents.api.shapes import (
    CollaboratorRole,
    CollectionChange,
    CollectionList,
    CollectionPeople,
    CollectionPerson,
    CollectionSeen,
    DocumentPlace,
    DocumentSeen,
    NewCollection,
    NewOwner,
    Person,
    SharingChange,
)
from server.documents.models import Collection, Reach
from server.errors import Invalid
from server.notifications.noting import tell
from server.web.operations import Call, NoBody, NoQuery, Reply
from server.workspaces.middleware import current_actor


async def list_collections(call: Call[NoQuery, NoBody]) -> Reply[CollectionList]:
    """List the collections of your workspace that you may see. One whose parent is not among them stands for itself."""
    found = await collections.listed(call.request.state.db, current_actor(call.request))
    return Reply(CollectionList(collections=[_seen(each.collection, each.role) for each in found]))


async def create_collection(call: Call[NoQuery, NewCollection]) -> Reply[CollectionSeen]:
    """Make a collection in your workspace, at the top or in one where you may edit. You own it."""
    request, body = call.request, call.body
    collection = await collections.create(
        request.state.db, current_actor(request), signed_in(request), body.name, body.parent_id
    )
    await _settle(request, collection.workspace_id, [])
    return Reply(_seen(collection, DocumentRole.OWNER))


async def change_collection(call: Call[NoQuery, CollectionChange]) -> Reply[CollectionSeen]:
    """Give a collection another name, or put it with all in it into another one. Roles around it count anew."""
    request, body = call.request, call.body
    db, user, collection_id = request.state.db, signed_in(request), _id(request)
    concerned: Sequence[UUID] = []
    if "name" in body.model_fields_set:
        if body.name is None:
            raise Invalid({"name": "A collection has a name."})
        await collections.rename(db, user, collection_id, body.name)
    if "parent_id" in body.model_fields_set:
        concerned = await collections.move(db, user, collection_id, body.parent_id)
    return await _answer(request, concerned)


async def remove_collection(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Take a collection away. What lies in it moves up to the one around it; nothing goes to the trash."""
    request = call.request
    collection, _ = await collections.find(request.state.db, signed_in(request), _id(request))
    concerned = await collections.remove(request.state.db, signed_in(request), collection.id)
    await _settle(request, collection.workspace_id, concerned)
    return Reply(None)


async def put_document(call: Call[NoQuery, DocumentPlace]) -> Reply[DocumentSeen]:
    """Put a document into a collection where you may edit, or into none. Roles around it count from then on."""
    request = call.request
    document = await collections.put(
        request.state.db, signed_in(request), document_id_of(request), call.body.collection_id
    )
    await request.state.db.commit()
    await lifecycle.spread_access(live_of(request), request.app.state.events, document, signed_in(request).id)
    return Reply(await one(request, document))


async def list_people(call: Call[NoQuery, NoBody]) -> Reply[CollectionPeople]:
    """List who is named on a collection itself. Whoever may share it may ask."""
    return Reply(await _people(call.request))


async def name_person(call: Call[NoQuery, CollaboratorRole]) -> Reply[CollectionPeople]:
    """Name a member of the workspace on a collection: they have the role at all that lies in it, however deep."""
    request = call.request
    who: UUID = request.path_params["user_id"]
    concerned = await collections.name(request.state.db, signed_in(request), _id(request), who, call.body.role)
    collection, _ = await collections.find(request.state.db, signed_in(request), _id(request))
    await _settle(request, collection.workspace_id, concerned)
    await tell(request.app.state.events, request.app.state.queue, [who])
    return Reply(await _people(request))


async def remove_person(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Take somebody's name away from a collection; your own, too."""
    request = call.request
    collection, _ = await collections.find(request.state.db, signed_in(request), _id(request))
    who: UUID = request.path_params["user_id"]
    concerned = await collections.unname(request.state.db, signed_in(request), collection.id, who)
    await _settle(request, collection.workspace_id, concerned)
    await tell(request.app.state.events, request.app.state.queue, [who])
    return Reply(None)


async def hand_over(call: Call[NoQuery, NewOwner]) -> Reply[CollectionPeople]:
    """Make another member the owner of a collection; you stay as an editor. An owner may, and an admin."""
    request, who = call.request, call.body.user_id
    concerned = await collections.hand_over(request.state.db, signed_in(request), _id(request), who)
    collection, _ = await collections.find(request.state.db, signed_in(request), _id(request))
    await _settle(request, collection.workspace_id, concerned)
    await tell(request.app.state.events, request.app.state.queue, [who])
    return Reply(await _people(request))


async def change_reach(call: Call[NoQuery, SharingChange]) -> Reply[CollectionSeen]:
    """Say what members have at all in a collection that says nothing itself. Whoever would lose a role is named."""
    request, body = call.request, call.body
    concerned = await collections.give(request.state.db, signed_in(request), _id(request), body.reach, body.role)
    return await _answer(request, concerned)


def _id(request: Request) -> UUID:
    collection_id: UUID = request.path_params["collection_id"]
    return collection_id


async def _answer(request: Request, concerned: Sequence[UUID]) -> Reply[CollectionSeen]:
    collection, actor = await collections.find(request.state.db, signed_in(request), _id(request), DocumentVerb.VIEW)
    await _settle(request, collection.workspace_id, concerned)
    return Reply(_seen(collection, actor.role or DocumentRole.VIEWER))


async def _settle(request: Request, workspace_id: UUID, concerned: Sequence[UUID]) -> None:
    await request.state.db.commit()
    await lifecycle.spread_collection(live_of(request), request.app.state.events, workspace_id, concerned)


async def _people(request: Request) -> CollectionPeople:
    found = await collections.named(request.state.db, signed_in(request), _id(request))
    return CollectionPeople(
        collaborators=[
            CollectionPerson(person=Person(id=each.user_id, name=each.name), email=each.email, role=each.role)
            for each in found
            if each.inherited is None
        ]
    )


def _seen(collection: Collection, role: DocumentRole) -> CollectionSeen:
    return CollectionSeen(
        id=collection.id,
        workspace_id=collection.workspace_id,
        parent_id=collection.parent_id,
        name=collection.name,
        your_role=role,
        reach=Reach(collection.reach) if collection.reach else None,
        role=DocumentRole(collection.reach_role) if collection.reach_role else None,
    )

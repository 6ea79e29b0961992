"""Collections in the browser: the shelf above the list, and the panels that make, rename, move and delete them.

A panel is a page of its own, and the content of a dialog where there is a script.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.documents import collections, lifecycle
from server.documents.access import DocumentRole, DocumentVerb, reaches
from server.documents.collections import Listed, OthersWouldOwn
from server.documents.forms import CollectionForm, PlaceForm
from server.documents.models import Collection
from server.errors import Conflict, Invalid
from server.web.render import render, wants_fragment
from server.workspaces.access import Verb, actor_for, can, require
from server.workspaces.middleware import actor_here, current_actor

# As many are seen at once; the others are unfolded.
SHOWN_AT_ONCE: Final = 12


class Panel(StrEnum):
    """What a panel is for."""

    NEW = "new"
    RENAME = "rename"
    MOVE = "move"
    REMOVE = "remove"
    MOVE_DOCUMENT = "move-document"


@dataclass(frozen=True, slots=True)
class Folder:
    """A collection on the shelf; `documents` counts what lies in it, however deep."""

    id: UUID
    name: str
    documents: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the list stands: the way to the present collection, it itself, and the collections to go on to."""

    way: Sequence[Collection]
    here: Collection | None
    documents: int
    folders: Sequence[Folder]
    more: Sequence[Folder]
    may_edit: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where something can be moved: a collection in the tree of those that are offered; `depth` from 1."""

    id: UUID
    name: str
    depth: int


def shelf(places: Sequence[Listed], collection_id: UUID | None, documents: Mapping[UUID | None, int]) -> Shelf:
    """Return what stands above the list.

    `places` are all collections that the person may see; `documents` counts what they may see in each one itself.
    """
    by_id = {each.collection.id: each for each in places}
    inside: Counter[UUID] = Counter()
    for each in places:
        for step in each.collection.path:
            inside[step] += documents.get(each.collection.id, 0)
    here = by_id[collection_id] if collection_id is not None else None
    # One whose parent they may not see stands at the top for them.
    folders = [
        Folder(each.collection.id, each.collection.name, inside[each.collection.id])
        for each in places
        if (each.collection.parent_id if each.collection.parent_id in by_id else None) == collection_id
    ]
    return Shelf(
        way=[by_id[step].collection for step in here.collection.path[:-1] if step in by_id] if here else [],
        here=here.collection if here else None,
        documents=documents.get(collection_id, 0),
        folders=folders[:SHOWN_AT_ONCE],
        more=folders[SHOWN_AT_ONCE:],
        may_edit=here is not None and reaches(here.role, DocumentRole.EDITOR),
    )


async def new(request: Request) -> Response:
    """Ask for the name of a new collection."""
    actor = current_actor(request)
    require(actor, Verb.CREATE, actor)
    parent = PlaceForm.model_validate(dict(request.query_params)).collection
    return _panel(request, Panel.NEW, parent=parent)


async def create(request: Request) -> Response:
    """Make a collection, and go there."""
    form = await CollectionForm.read(request)
    actor = actor_here(request, form)
    db: AsyncSession = request.state.db
    try:
        collection = await collections.create(db, actor, signed_in(request), form.name, form.parent)
    except (Invalid, Conflict) as error:
        return _panel(request, Panel.NEW, parent=form.parent, typed=form.name, problem=error)
    return await _done(request, collection, [], to=collection.id)


async def show_rename(request: Request) -> Response:
    """Ask for another name."""
    collection = await _find(request, DocumentVerb.RENAME)
    return _panel(request, Panel.RENAME, collection=collection, typed=collection.name)


async def rename(request: Request) -> Response:
    """Give a collection another name."""
    db: AsyncSession = request.state.db
    form = await CollectionForm.read(request)
    try:
        collection = await collections.rename(db, signed_in(request), _id(request), form.name)
    except Invalid as error:
        collection = await _find(request, DocumentVerb.RENAME)
        return _panel(request, Panel.RENAME, collection=collection, typed=form.name, problem=error)
    return await _done(request, collection, [], to=collection.id)


async def show_move(request: Request) -> Response:
    """Show where a collection can be moved."""
    return await _moving(request)


async def move(request: Request) -> Response:
    """Put a collection somewhere else."""
    form = await PlaceForm.read(request)
    try:
        concerned = await collections.move(request.state.db, signed_in(request), _id(request), form.collection)
    except (Conflict, OthersWouldOwn) as error:
        return await _moving(request, problem=error)
    collection, _ = await collections.find(request.state.db, signed_in(request), _id(request))
    return await _done(request, collection, concerned, to=collection.id)


async def show_remove(request: Request) -> Response:
    """Say what becomes of what lies in a collection, and ask."""
    collection = await _find(request, DocumentVerb.TRASH)
    around = await _visible_parent(request, collection)
    return _panel(request, Panel.REMOVE, collection=collection, around=around)


async def remove(request: Request) -> Response:
    """Delete a collection, and go where its documents are now."""
    collection = await _find(request, DocumentVerb.TRASH)
    around = await _visible_parent(request, collection)
    try:
        concerned = await collections.remove(request.state.db, signed_in(request), collection.id)
    except OthersWouldOwn as error:
        return _panel(request, Panel.REMOVE, collection=collection, around=around, problem=error)
    return await _done(request, collection, concerned, to=around.id if around else None)


async def places(request: Request) -> Response:
    """Show where a document can be moved."""
    db, user = request.state.db, signed_in(request)
    document, _ = await lifecycle.find(db, user, request.path_params["document_id"], DocumentVerb.MOVE)
    actor = await actor_for(db, user, document.workspace_id)
    return _panel(
        request,
        Panel.MOVE_DOCUMENT,
        document=document,
        present=document.collection_id,
        places=_tree(_writable(await collections.listed(db, actor))),
        may_top=can(actor, Verb.CREATE, actor),
    )


async def put(request: Request) -> Response:
    """Move a document; to a script there is nothing more to say, since the list follows by itself."""
    db, user = request.state.db, signed_in(request)
    form = await PlaceForm.read(request)
    document = await collections.put(db, user, request.path_params["document_id"], form.collection)
    await db.commit()
    await lifecycle.spread_access(request.app.state.live, request.app.state.events, document, user.id)
    if wants_fragment(request):
        return Response(status_code=204, headers={"HX-Trigger": f"quillroom:{lifecycle.EVENT}"})
    return _to(form.collection)


async def _moving(request: Request, *, problem: Conflict | OthersWouldOwn | None = None) -> Response:
    collection = await _find(request, DocumentVerb.MOVE)
    actor = await actor_for(request.state.db, signed_in(request), collection.workspace_id)
    found = _writable(await collections.listed(request.state.db, actor))
    outside = [each for each in found if collection.id not in each.collection.path]
    return _panel(
        request,
        Panel.MOVE,
        collection=collection,
        present=collection.parent_id,
        places=_tree(outside),
        may_top=can(actor, Verb.CREATE, actor),
        problem=problem,
    )


async def _find(request: Request, verb: DocumentVerb) -> Collection:
    collection, _ = await collections.find(request.state.db, signed_in(request), _id(request), verb)
    return collection


async def _visible_parent(request: Request, collection: Collection) -> Collection | None:
    db, user = request.state.db, signed_in(request)
    actor = await actor_for(db, user, collection.workspace_id)
    seen = [each.collection for each in await collections.listed(db, actor)]
    return next((each for each in seen if each.id == collection.parent_id), None)


def _writable(found: Sequence[Listed]) -> Sequence[Listed]:
    return [each for each in found if reaches(each.role, DocumentRole.EDITOR)]


def _tree(found: Sequence[Listed]) -> Sequence[Place]:
    """Return the collections in the order of a tree, each under the nearest one around it that is among them."""
    names = {each.collection.id: each.collection.name for each in found}

    def steps(collection: Collection) -> list[str]:
        return [f"{names[step].casefold()}\0{step}" for step in collection.path if step in names]

    return [
        Place(each.collection.id, each.collection.name, len(steps(each.collection)))
        for each in sorted(found, key=lambda each: steps(each.collection))
    ]


def _panel(
    request: Request, panel: Panel, *, problem: Invalid | Conflict | OthersWouldOwn | None = None, **context: object
) -> Response:
    sentence = None
    if problem is not None:
        fields = problem.fields if isinstance(problem, Invalid) else {}
        sentence = " ".join(fields.values()) or str(problem)
    unsaid = dict.fromkeys(("parent", "collection", "document", "present", "around", "may_top"))
    return render(
        request,
        "documents/collection.html",
        block="panel" if wants_fragment(request) else None,
        status=422 if problem else 200,
        panel=panel.value,
        problem=sentence,
        **{**unsaid, "typed": "", "places": (), **context},
    )


async def _done(request: Request, collection: Collection, concerned: Sequence[UUID], *, to: UUID | None) -> Response:
    await request.state.db.commit()
    await lifecycle.spread_collection(
        request.app.state.live,
        request.app.state.events,
        collection.workspace_id,
        concerned,
    )
    return _to(to)


def _to(collection_id: UUID | None) -> Response:
    address = f"/documents?collection={collection_id}" if collection_id else "/documents"
    return RedirectResponse(address, status_code=303)


def _id(request: Request) -> UUID:
    collection_id: UUID = request.path_params["collection_id"]
    return collection_id


_HERE: Final = "/collections/{collection_id:uuid}"
routes: Final = [
    Route("/collections", create, methods=["POST"]),
    Route("/collections/new", new, methods=["GET"]),
    Route(f"{_HERE}/rename", show_rename, methods=["GET"]),
    Route(f"{_HERE}/rename", rename, methods=["POST"]),
    Route(f"{_HERE}/move", show_move, methods=["GET"]),
    Route(f"{_HERE}/move", move, methods=["POST"]),
    Route(f"{_HERE}/remove", show_remove, methods=["GET"]),
    Route(f"{_HERE}/remove", remove, methods=["POST"]),
    Route("/documents/{document_id:uuid}/move", places, methods=["GET"]),
    Route("/documents/{document_id:uuid}/move", put, methods=["POST"]),
]

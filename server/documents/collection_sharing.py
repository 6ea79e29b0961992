"""The panel that shares a collection: that of a document (`share_panel`), without links and requests.

Whoever is named on a collection is a member of its workspace; whoever is invited into one document comes as a guest.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import collections, lifecycle, panel
from server.documents.access import CollectionActor, DocumentRole, DocumentVerb, can, require
from server.documents.forms import AddPersonForm, PersonForm, ReachForm
from server.documents.models import Collection
from server.documents.panel import NOTHING, WORDS, Refusal, Said
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.notifications.noting import tell
from server.web.forms import read_fields
from server.web.render import wants_fragment


async def show(request: Request) -> Response:
    """Show who has the collection. A panel that is open when the right to share is taken away says so."""
    collection, actor = await _find(request)
    if wants_fragment(request) and not can(actor, DocumentVerb.SHARE, collection):
        return panel.over(request, collection, has_left=False)
    require(actor, DocumentVerb.SHARE, collection)
    return await _panel(request, collection, actor)


async def add(request: Request) -> Response:
    """Name a member on the collection, by name or e-mail."""
    db, user = request.state.db, signed_in(request)
    fields = await read_fields(request)
    try:
        form = AddPersonForm.parse(fields)
        who = await _member(db, user, _id(request), form.who)
        concerned = await collections.name(db, user, _id(request), who, form.role)
    except (Invalid, Conflict, Forbidden) as error:
        return await _refused(request, error, who=fields.get("who", ""))
    person = await db.get_one(User, who)
    return await _done(request, concerned, f"{person.name}: {WORDS[form.role].lower()}.", concerns=who)


async def change(request: Request) -> Response:
    """Give somebody another role, make them the owner, or take their name away."""
    db, user = request.state.db, signed_in(request)
    who: UUID = request.path_params["user_id"]
    form = await PersonForm.read(request)
    try:
        if form.role is DocumentRole.OWNER and who != user.id and not form.sure:
            collection, actor = await _find(request, DocumentVerb.OWN)
            return await _panel(request, collection, actor, Said(handing_to=who))
        if form.role == "remove":
            concerned = await collections.unname(db, user, _id(request), who)
        elif form.role is DocumentRole.OWNER and who != user.id:
            concerned = await collections.hand_over(db, user, _id(request), who)
        else:
            concerned = await collections.name(db, user, _id(request), who, form.role)
    except Conflict as error:
        return await _refused(request, error)
    said = "The role is changed, at all that lies here. Whoever has some of it open feels it at once."
    if form.role is DocumentRole.OWNER:
        said = "It is handed over. You can go on editing what lies in it."
    return await _done(request, concerned, said, concerns=who)


async def reach(request: Request) -> Response:
    """Say what members have who are not named."""
    kind, role = panel.reach_in(await ReachForm.read(request))
    try:
        concerned = await collections.give(request.state.db, signed_in(request), _id(request), kind, role)
    except (Invalid, Conflict) as error:
        return await _refused(request, error)
    return await _done(request, concerned, "That is how it is shared from now on.")


async def _member(db: AsyncSession, user: User, collection_id: UUID, typed: str) -> UUID:
    """Return the one member of that name or address. Raises Invalid if there is none, or there are several."""
    if "@" in typed:
        return await collections.member_of(db, user, collection_id, typed)
    return panel.called(await collections.others(db, user, collection_id), typed).id


async def _done(
    request: Request, concerned: Sequence[UUID], notice: str | None, *, concerns: UUID | None = None
) -> Response:
    state = request.app.state
    try:
        collection, actor = await _find(request)
    except NotFound:
        # They took it from themselves; a row of it is still here to say of which workspace.
        collection, actor = await request.state.db.get_one(Collection, _id(request)), None
    await request.state.db.commit()
    await lifecycle.spread_collection(state.live, state.events, collection.workspace_id, concerned)
    if concerns is not None:
        await tell(state.events, state.queue, [concerns])
    if actor is None or not can(actor, DocumentVerb.SHARE, collection):
        return panel.over(request, collection, has_left=True)
    return await _panel(request, collection, actor, Said(notice=notice))


async def _refused(request: Request, error: Refusal, *, who: str = "") -> Response:
    collection, actor = await _find(request, DocumentVerb.SHARE)
    return await _panel(request, collection, actor, panel.refused(error, who=who))


async def _panel(request: Request, collection: Collection, actor: CollectionActor, said: Said = NOTHING) -> Response:
    db: AsyncSession = request.state.db
    user = signed_in(request)
    shown = panel.Shown(
        people=await collections.named(db, user, collection.id),
        others=await collections.others(db, user, collection.id),
        own=actor.role,
        may_own=can(actor, DocumentVerb.OWN, collection),
        reach=panel.reach_of(collections.given(collection)),
        inherited=collection.parent_id is not None,
    )
    return await panel.draw(request, collection, shown, said, invited=(), asked=())


async def _find(request: Request, verb: DocumentVerb = DocumentVerb.VIEW) -> tuple[Collection, CollectionActor]:
    return await collections.find(request.state.db, signed_in(request), _id(request), verb)


def _id(request: Request) -> UUID:
    collection_id: UUID = request.path_params["collection_id"]
    return collection_id


_HERE: Final = "/collections/{collection_id:uuid}/sharing"
routes: Final = [
    Route(_HERE, show, methods=["GET"]),
    Route(f"{_HERE}/people", add, methods=["POST"]),
    Route(f"{_HERE}/people/{{user_id:uuid}}", change, methods=["POST"]),
    Route(f"{_HERE}/reach", reach, methods=["POST"]),
]

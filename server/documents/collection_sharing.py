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
from server.documents import collections, lifecycle, sharing
from server.documents.access import CollectionActor, DocumentRole, DocumentVerb, can
from server.documents.forms import AddPersonForm, PersonForm, ReachForm
from server.documents.models import Collection, Reach
from server.documents.share_panel import WORDS, offered, reach_of
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.notifications.noting import tell
from server.web.forms import read_fields
from server.web.render import render, wants_fragment
from server.workspaces.models import Workspace


async def show(request: Request) -> Response:
    """Show who has the collection."""
    collection, actor = await _find(request, DocumentVerb.SHARE)
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
        return await _refused(request, error, who=fields.get("who", "")[:300])
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
            return await _panel(request, collection, actor, handing_to=who)
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
    form = await ReachForm.read(request)
    kind = {"people": Reach.PEOPLE, "inherit": None}.get(form.reach, Reach.WORKSPACE)
    role = DocumentRole(form.reach) if kind is Reach.WORKSPACE else None
    try:
        concerned = await collections.give(request.state.db, signed_in(request), _id(request), kind, role)
    except (Invalid, Conflict) as error:
        return await _refused(request, error)
    return await _done(request, concerned, "That is how it is shared from now on.")


async def _member(db: AsyncSession, user: User, collection_id: UUID, typed: str) -> UUID:
    """Return the one member of that name or address. Raises Invalid if there is none, or there are several."""
    if "@" in typed:
        return await collections.member_of(db, user, collection_id, typed)
    others = await collections.others(db, user, collection_id)
    found = [each for each in others if each.name.casefold() == typed.casefold()]
    if len(found) != 1:
        said = "Nobody else here has that name." if not found else "Several people here have that name."
        raise Invalid({"who": f"{said} Enter an e-mail address."})
    return found[0].id


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
        return render(request, "documents/sharing.html", block=_block(request), collection=collection, gone=True)
    return await _panel(request, collection, actor, notice=notice)


async def _refused(request: Request, error: Invalid | Conflict | Forbidden, *, who: str = "") -> Response:
    collection, actor = await _find(request, DocumentVerb.SHARE)
    sentence = " ".join(error.fields.values()) if isinstance(error, Invalid) and error.fields else str(error)
    # To a script as a success: its page swaps the panel, which says what was wrong.
    status = 200 if wants_fragment(request) else 422
    return await _panel(request, collection, actor, problem=sentence, who=who, status=status)


async def _panel(
    request: Request,
    collection: Collection,
    actor: CollectionActor,
    *,
    notice: str | None = None,
    problem: str | None = None,
    handing_to: UUID | None = None,
    who: str = "",
    status: int = 200,
) -> Response:
    db: AsyncSession = request.state.db
    user = signed_in(request)
    workspace = await db.get_one(Workspace, collection.workspace_id)
    response = render(
        request,
        "documents/sharing.html",
        block=_block(request),
        status=status,
        gone=False,
        collection=collection,
        its_workspace=workspace.name,
        people=sharing.without_repeats(await collections.named(db, user, collection.id)),
        me=user.id,
        others=await collections.others(db, user, collection.id),
        invited=(),
        asked=(),
        handing_to=handing_to,
        reach=reach_of(collections.given(collection)),
        inherited=collection.parent_id is not None,
        words=WORDS,
        roles=offered(actor.role),
        may_own=can(actor, DocumentVerb.OWN, collection),
        notice=notice,
        problem=problem,
        made=None,
        who=who,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _find(request: Request, verb: DocumentVerb = DocumentVerb.VIEW) -> tuple[Collection, CollectionActor]:
    return await collections.find(request.state.db, signed_in(request), _id(request), verb)


def _block(request: Request) -> str | None:
    return "panel" if wants_fragment(request) else None


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

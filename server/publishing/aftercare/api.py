"""What comes after publishing, for programs: below `/api/v1/publications/{publication_id}`."""

from collections.abc import Sequence
from types import NoneType
from typing import Final
from uuid import UUID

from starlette.requests import Request

from server.documents.models import utc_now
from server.publishing.aftercare import changing, watching
from server.publishing.aftercare.pages import nudge
from server.publishing.aftercare.shapes import ChangeSeen, FaringSeen, UpdateWish
from server.publishing.planning import planning
from server.publishing.planning.api import means_of
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of
from server.workspaces.access import Verb
from server.workspaces.middleware import current_actor

_ONE: Final = "/api/v1/publications/{publication_id:uuid}"


async def read_faring(call: Call[NoQuery, NoBody]) -> Reply[FaringSeen]:
    """Read how a publication fares: every figure its channel told, and what was changed of it since it went out."""
    request = call.request
    db, publication_id = request.state.db, _id(request)
    seen = await planning.find(db, current_actor(request), publication_id)
    entry = seen.entry
    told = FaringSeen.telling(
        await watching.find_figures(db, publication_id),
        await watching.find_look(db, publication_id),
        await changing.newest_change(db, publication_id),
        times=(entry.changed_at, entry.taken_down_at, entry.gone_since),
    )
    return Reply(told)


async def look_at_publication(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Have a published post looked at now, once a minute at most; `faring` tells what was seen, moments later."""
    request = call.request
    db, publication_id = request.state.db, _id(request)
    seen = await planning.find(db, current_actor(request), publication_id, Verb.PUBLISH)
    channel = request.app.state.reach.channels.get(seen.entry.channel or "")
    await watching.ask_look(db, seen.publication, channel, utc_now())
    await db.commit()
    await request.app.state.queue.enqueue("watch_published")
    return Reply(None)


async def update_published(call: Call[NoQuery, UpdateWish]) -> Reply[ChangeSeen]:
    """Bring a published post up to what is approved now, where its channel can.

    It is done by a worker, moments later. 409 if nothing newer is approved, or the channel changes nothing; 422 with
    what the channel would refuse. An update that waits already gives way to this one.
    """
    request = call.request
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    change = await changing.ask_update(db, actor, means_of(request), publication_id, shown=call.body.content_hash)
    await nudge(request, seen.publication)
    return Reply(ChangeSeen.of(change))


async def take_down_published(call: Call[NoQuery, NoBody]) -> Reply[ChangeSeen]:
    """Take a published post down, where its channel can. A worker does it, moments later; it cannot be undone."""
    request = call.request
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    change = await changing.ask_take_down(db, actor, means_of(request), publication_id)
    await nudge(request, seen.publication)
    return Reply(ChangeSeen.of(change))


async def replay_published(call: Call[NoQuery, NoBody]) -> Reply[ChangeSeen]:
    """Send a published post once more to a receiver that lost it, as the same: webhooks take it by its `webhook-id`.

    A worker does it, moments later. 409 where a channel keeps what it took, or another change waits.
    """
    request = call.request
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    change = await changing.ask_replay(db, actor, means_of(request), publication_id)
    await nudge(request, seen.publication)
    return Reply(ChangeSeen.of(change))


async def leave_published(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Let an update, or whatever else waits to be done with it, not be made. 409 if it may be made already."""
    request = call.request
    db, actor, publication_id = request.state.db, current_actor(request), _id(request)
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    await changing.leave(db, actor, publication_id)
    await nudge(request, seen.publication)
    return Reply(None)


def _id(request: Request) -> UUID:
    publication_id: UUID = request.path_params["publication_id"]
    return publication_id


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="readFaring",
        method="GET",
        path=f"{_ONE}/faring",
        summary="Read how a publication fares",
        handle=read_faring,
        query=NoQuery,
        body=NoBody,
        answer=FaringSeen,
        refusals=(404,),
    ),
    Operation(
        name="lookAtPublication",
        method="POST",
        path=f"{_ONE}/look",
        summary="Look how a publication fares",
        handle=look_at_publication,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(403, 404, 409, 429),
    ),
    Operation(
        name="updatePublished",
        method="POST",
        path=f"{_ONE}/update",
        summary="Update what is published",
        handle=update_published,
        query=NoQuery,
        body=UpdateWish,
        answer=ChangeSeen,
        status=202,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="takeDownPublished",
        method="POST",
        path=f"{_ONE}/take-down",
        summary="Take down what is published",
        handle=take_down_published,
        query=NoQuery,
        body=NoBody,
        answer=ChangeSeen,
        status=202,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="replayPublished",
        method="POST",
        path=f"{_ONE}/replay",
        summary="Send again what a receiver lost",
        handle=replay_published,
        query=NoQuery,
        body=NoBody,
        answer=ChangeSeen,
        status=202,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="leavePublished",
        method="POST",
        path=f"{_ONE}/leave",
        summary="Leave what is published as it is",
        handle=leave_published,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(403, 404, 409),
    ),
)

routes: Final = routes_of(OPERATIONS)

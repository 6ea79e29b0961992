"""Queues, series, and documents that fill slots, for programs."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from starlette.requests import Request

from server.accounts.identity import signed_in
from server.publishing.planning import planning, queueing, repeating, spreading
from server.publishing.planning.api import means_of, tell_of
from server.publishing.planning.planning import Wish
from server.publishing.planning.queue_shapes import (
    NewSeries,
    NewSpread,
    PlaceSaid,
    QueueSeen,
    SeriesPlanned,
    SpreadSeen,
)
from server.publishing.planning.shapes import ProblemSeen, PublicationSeen
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of
from server.workspaces.access import Actor, actor_for
from server.workspaces.middleware import current_actor

_QUEUE: Final = "/api/v1/workspaces/{workspace_id:uuid}/accounts/{account_id:uuid}/queue"


async def read_queue(call: Call[NoQuery, NoBody]) -> Reply[QueueSeen]:
    """List what waits in the slots of an account, by time."""
    return await _queue(call.request, await _actor(call.request))


async def change_queue(call: Call[NoQuery, PlaceSaid]) -> Reply[QueueSeen]:
    """Move a publication to another place of its queue; those between move up or down by a slot."""
    request, body = call.request, call.body
    actor = await _actor(request)
    moved = await queueing.put(request.state.db, actor, _account_id(request), body.publication_id, body.place)
    for each in moved:
        await tell_of(request, each.publication)
    return await _queue(request, actor)


async def fill_gaps(call: Call[NoQuery, NoBody]) -> Reply[QueueSeen]:
    """Let what waits move up into slots that have become free, in order; nothing goes to a later time."""
    request = call.request
    actor = await _actor(request)
    for each in await queueing.fill_gaps(request.state.db, actor, _account_id(request)):
        await tell_of(request, each.publication)
    return await _queue(request, actor)


async def plan_series(call: Call[NoQuery, NewSeries]) -> Reply[SeriesPlanned]:
    """Plan a publication every so many days, weeks or months, at most 52: all of them or none.

    Each is a publication of its own and sends what is approved now. A month that has no such day gives its last one.
    """
    request, body = call.request, call.body
    db, actor = request.state.db, current_actor(request)
    wish = Wish(body.document_id, body.account_id, body.time.when(), body.additions())
    planned = await repeating.plan(db, actor, means_of(request), wish, body.repeat.repeat())
    for each in planned:
        await tell_of(request, each.publication)
    entries = await planning.by_id(db, actor, [each.publication.id for each in planned])
    found = {problem.sentence: problem for each in planned for problem in each.warnings}
    [series_id] = {each.publication.series_id for each in planned if each.publication.series_id is not None}
    return Reply(
        SeriesPlanned(
            series_id=series_id,
            publications=[PublicationSeen.of(entries[each.publication.id]) for each in planned],
            warnings=[ProblemSeen.of(each) for each in found.values()],
        )
    )


async def fill_slots(call: Call[NoQuery, NewSpread]) -> Reply[SpreadSeen]:
    """Say where approved documents would go in the next free slots of accounts, or plan exactly that.

    First without `shown`, which plans nothing. Then with the `shown` that it answered: all is planned, or nothing (409)
    if a slot was taken or a text approved anew meanwhile.
    """
    request, body = call.request, call.body
    db, actor, means = request.state.db, current_actor(request), means_of(request)
    spread = await spreading.rehearse(db, actor, means, body.choice(), hold=body.shown is not None)
    if body.shown is None:
        return Reply(SpreadSeen.of(spread))
    planned = await spreading.carry_out(db, actor, means, body.choice(), body.shown)
    for each in planned:
        await tell_of(request, each.publication)
    return Reply(SpreadSeen.of(spread, [each.publication.id for each in planned]))


async def _queue(request: Request, actor: Actor) -> Reply[QueueSeen]:
    return Reply(QueueSeen.of(await queueing.listed(request.state.db, actor, _account_id(request))))


async def _actor(request: Request) -> Actor:
    return await actor_for(request.state.db, signed_in(request), request.path_params["workspace_id"])


def _account_id(request: Request) -> UUID:
    account_id: UUID = request.path_params["account_id"]
    return account_id


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="readQueue",
        method="GET",
        path=_QUEUE,
        summary="Read an account's queue",
        handle=read_queue,
        query=NoQuery,
        body=NoBody,
        answer=QueueSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="changeQueue",
        method="POST",
        path=_QUEUE,
        summary="Put an account's queue in another order",
        handle=change_queue,
        query=NoQuery,
        body=PlaceSaid,
        answer=QueueSeen,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="fillGaps",
        method="POST",
        path=f"{_QUEUE}/fill-gaps",
        summary="Fill the gaps of an account's queue",
        handle=fill_gaps,
        query=NoQuery,
        body=NoBody,
        answer=QueueSeen,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="planSeries",
        method="POST",
        path="/api/v1/publications/series",
        summary="Plan a publication that repeats",
        handle=plan_series,
        query=NoQuery,
        body=NewSeries,
        answer=SeriesPlanned,
        status=201,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="fillSlots",
        method="POST",
        path="/api/v1/publications/fill",
        summary="Put approved documents into free slots",
        handle=fill_slots,
        query=NoQuery,
        body=NewSpread,
        answer=SpreadSeen,
        refusals=(403, 404, 409),
    ),
)

routes: Final = routes_of(OPERATIONS)

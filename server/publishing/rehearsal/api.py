"""Rehearsals for programs: `/api/v1/rehearsal`."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request

from server.publishing.publisher.pace import Pace
from server.publishing.rehearsal.reading import Means
from server.publishing.rehearsal.rehearsing import rehearse
from server.publishing.rehearsal.shapes import RehearsalQuery, RehearsalRead
from server.web.operations import AnyOperation, Call, NoBody, Operation, Reply
from server.web.operations import routes as routes_of
from server.workspaces.middleware import current_actor


async def read_rehearsal(call: Call[RehearsalQuery, NoBody]) -> Reply[RehearsalRead]:
    """Play the next days' publications through, and say what will fail, what is at risk, why, and who can act.

    Nothing is sent or changed. Admins and schedulers hear of all that is planned, other members of the documents that
    they see. Each page rehearses anew; follow `next_cursor` until it is null.
    """
    query, request = call.query, call.request
    rehearsal = await rehearse(request.state.db, means_of(request), current_actor(request), days=query.days)
    found = [each for each in rehearsal.findings if query.severity is None or each.severity is query.severity]
    until = query.cursor + query.limit
    next_cursor = until if until < len(found) else None
    return Reply(RehearsalRead.of(rehearsal, found[query.cursor : until], next_cursor))


def means_of(request: Request) -> Means:
    """Return what a rehearsal needs of the application."""
    state = request.app.state
    return Means(state.reach, state.store, Pace(state.redis))


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="readRehearsal",
        method="GET",
        path="/api/v1/rehearsal",
        summary="Rehearse what is planned",
        handle=read_rehearsal,
        query=RehearsalQuery,
        body=NoBody,
        answer=RehearsalRead,
        refusals=(403, 404),
    ),
)

routes: Final = routes_of(OPERATIONS)

"""A publication begun at a place in the calendar: the time is chosen, the text is not yet. It works without script."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.errors import Invalid
from server.publishing.planning import boards, spreading
from server.publishing.planning.asking import local_time, zone_shown
from server.web.render import render
from server.workspaces.access import Verb, require
from server.workspaces.middleware import current_actor

_MOST_DRAFTS: Final = 20


async def begin(request: Request) -> Response:
    """Show which texts could go out at a time: those that are approved, and those that must be first."""
    db, actor = request.state.db, current_actor(request)
    require(actor, Verb.PUBLISH, actor)
    try:
        at = local_time(request.query_params.get("at", ""))
    except Invalid:
        return RedirectResponse("/calendar", status_code=303)
    drafts = await boards.drafts(db, actor, limit=_MOST_DRAFTS)
    return render(
        request,
        "publishing/begin.html",
        at=at,
        asked=f"{at:%Y-%m-%dT%H:%M}",
        zone=zone_shown(request).key,
        approved=await spreading.candidates(db, actor, used=True),
        drafts=[each for each in drafts.drafts if not each.is_approved],
    )


routes: Final = [Route("/calendar/plan", begin, methods=["GET"])]

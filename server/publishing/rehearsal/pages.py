"""The page of the rehearsal. It works without script; with it, a long one says that it is under way."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.publishing.rehearsal.api import means_of
from server.publishing.rehearsal.days import timeline
from server.publishing.rehearsal.reading import count_planned
from server.publishing.rehearsal.rehearsing import rehearse
from server.publishing.rehearsal.scene import Severity
from server.publishing.rehearsal.spans import DAYS
from server.publishing.rehearsal.words import SEVERITY_WORDS
from server.publishing.wall_time import zones
from server.web.render import render, wants_fragment
from server.web.times import zone_of
from server.workspaces.access import Verb, require
from server.workspaces.middleware import current_actor

SPANS: Final[Mapping[int, str]] = {7: "7 days", DAYS: "30 days", 90: "90 days"}
# Reading and counting so many takes about a second: more of them are played while the page is there already.
AT_ONCE: Final = 400


async def show(request: Request) -> Response:
    """Show what would become of all that is planned for the next days."""
    db, actor, asked = request.state.db, current_actor(request), request.query_params
    require(actor, Verb.CREATE, actor)
    days = int(asked["days"]) if asked.get("days") in {str(each) for each in SPANS} else DAYS
    severity = Severity(asked["only"]) if asked.get("only") in set(Severity) else None
    parts = {"days": str(days), "only": severity.value if severity is not None else ""}

    def to(**changes: object) -> str:
        said = parts | {name: str(value) for name, value in changes.items()}
        return "/calendar/rehearsal?" + urlencode({name: value for name, value in said.items() if value})

    later = None
    if not wants_fragment(request) and "whole" not in asked:
        many = await count_planned(db, actor.workspace_id, days)
        later = many if many > AT_ONCE else None
    rehearsal = await rehearse(db, means_of(request), actor, days=days) if later is None else None
    found = zone_of(request)
    zone = found if isinstance(found, ZoneInfo) and found.key in zones() else ZoneInfo("UTC")
    return render(
        request,
        "publishing/rehearsal.html",
        rehearsal=rehearsal,
        timeline=timeline(rehearsal, zone, severity) if rehearsal is not None else None,
        later=later,
        days=days,
        spans=SPANS,
        only=severity,
        Severity=Severity,
        severities=SEVERITY_WORDS,
        to=to,
        zone=zone.key,
    )


routes: Final = [Route("/calendar/rehearsal", show, methods=["GET"])]

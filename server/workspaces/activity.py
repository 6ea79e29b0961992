"""The workspace's ledger for its admins: all that was decided, published, opened and granted, by whom and when."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.audit import ledger
from server.web.render import render
from server.web.times import zone_of
from server.workspaces import membership
from server.workspaces.access import Verb, require
from server.workspaces.middleware import current_actor

A_PAGE: Final = 50
# What can be asked for, with the beginnings of the kinds that belong to it.
ABOUT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Reviews": ("review.", "workflow."),
        "Publications": ("publication.", "site."),
        "Channels": ("channel.",),
        "Sharing": ("document.", "collection.", "link.", "guest."),
        "People": ("member.",),
    }
)


async def show(request: Request) -> Response:
    """Show the ledger, the newest first; by what it is about and by whom, if asked so."""
    db: AsyncSession = request.state.db
    actor = current_actor(request)
    require(actor, Verb.MANAGE, actor)
    asked = request.query_params
    about = asked.get("about", "") if asked.get("about") in ABOUT else ""
    people = await membership.colleagues(db, actor)
    person = next((each.user_id for each in people if str(each.user_id) == asked.get("by")), None)
    before = _number(asked.get("before"))
    deeds = await ledger.of_workspace(
        db, actor.workspace_id, before=before, limit=A_PAGE + 1, kinds=ABOUT.get(about, ()), actor_id=person
    )
    shown = deeds[:A_PAGE]
    return render(
        request,
        "workspaces/activity.html",
        days=ledger.by_day(shown, zone_of(request)),
        people=people,
        person=person,
        about=about,
        kinds=list(ABOUT),
        before=before,
        older=_address(about, person, shown[-1].number) if len(deeds) > A_PAGE and shown[-1].number else None,
        here=_address(about, person, before),
        newest=_address(about, person, None),
    )


def _address(about: str, person: UUID | None, before: int | None) -> str:
    said = {"about": about, "by": str(person) if person else "", "before": str(before) if before else ""}
    kept = urlencode({name: value for name, value in said.items() if value})
    return "/workspace/activity" + (f"?{kept}" if kept else "")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 18 else None


routes: Final = [Route("/workspace/activity", show, methods=["GET"])]

"""Finds the workspace a signed-in person is in."""

from uuid import UUID

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from server.errors import Conflict, NotFound, Unauthenticated
from server.settings import Settings
from server.web.cookies import WORKSPACE, read_cookie
from server.workspaces import membership
from server.workspaces.access import Actor, Verb, can
from server.workspaces.forms import HereForm


class OtherWorkspace(Conflict):
    """The page that sent a form shows another workspace than the browser is in by now."""

    sentence = "You switched to another workspace since this page was loaded. Reload it and try again."


class WorkspaceMiddleware:
    """Sets `request.state.workspace`, `.actor` (None for nobody) and `.workspaces` (all of the person's, oldest first).

    `.manages`: whether the actor may manage the workspace, `.publishes`: whether they may publish, `.works_here`:
    whether they are more than a guest; all for menus, whoever acts asks `access`.

    The workspace is the one this browser last chose, by a cookie that is only a wish: membership is looked up. Without
    a choice it is the oldest, so that a program's answer does not change when its person joins another.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look up, then pass on."""
        if scope["type"] == "http":
            await self._find(Request(scope))
        await self._app(scope, receive, send)

    async def _find(self, request: Request) -> None:
        state = request.state
        state.workspace = state.actor = None
        state.manages = state.publishes = state.works_here = False
        state.workspaces = ()
        if state.user is None:
            return
        memberships = await membership.list_for(state.db, state.user.id)
        for each in memberships:
            state.db.expunge(each.workspace)
        state.workspaces = tuple(each.workspace for each in memberships)
        wish = _chosen(request, self._settings) if state.identity.session else None
        chosen = next((each for each in memberships if each.workspace.id == wish), None)
        if chosen is None and memberships:
            chosen = memberships[0]
        if chosen is not None:
            state.workspace, state.actor = chosen.workspace, chosen.actor
            state.manages = can(chosen.actor, Verb.MANAGE, chosen.actor)
            state.publishes = can(chosen.actor, Verb.PUBLISH, chosen.actor)
            state.works_here = can(chosen.actor, Verb.CREATE, chosen.actor)


def current_actor(request: Request) -> Actor:
    """Return the person who asks, in the workspace they are in. Raises Unauthenticated, or NotFound without one."""
    if request.state.user is None:
        raise Unauthenticated
    actor: Actor | None = request.state.actor
    if actor is None:
        raise NotFound("You are in no workspace any more. Ask somebody for an invitation link.")
    return actor


def actor_here(request: Request, form: HereForm) -> Actor:
    """Return the current actor, if the form's page showed the workspace they are in. Raises OtherWorkspace.

    A person with two tabs may have switched in the other one. What they asked for here must not happen there: an
    invitation would let strangers in, a member of both would be removed from the wrong one.
    """
    actor = current_actor(request)
    if form.workspace is not None and form.workspace != actor.workspace_id:
        raise OtherWorkspace
    return actor


def _chosen(request: Request, settings: Settings) -> UUID | None:
    try:
        return UUID(read_cookie(request, WORKSPACE, settings) or "")
    except ValueError:
        return None

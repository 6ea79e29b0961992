"""The page that shows what a sandbox was sent."""

from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.publishing.accounts import accounts
from server.publishing.accounts.refreshing import PATH
from server.publishing.channels.sandbox import WORDS, Outcome
from server.publishing.channels.sandbox_shelf import NEWEST, newest
from server.web.render import render
from server.workspaces.middleware import current_actor


async def posts(request: Request) -> Response:
    """Show the newest posts of a sandbox; whoever asks for those of another account is led to that account."""
    account_id: UUID = request.path_params["account_id"]
    account = await accounts.find(request.state.db, current_actor(request), account_id)
    if account.channel != "sandbox":
        return RedirectResponse(f"{PATH}/{account_id}", 303)
    found = await newest(request.state.db, account_id)
    return render(
        request,
        "publishing/sandbox.html",
        account=account,
        posts=found,
        words=lambda outcome: WORDS[Outcome(outcome)],
        most=NEWEST,
    )


routes: Final = [Route(f"{PATH}/{{account_id:uuid}}/posts", posts, methods=["GET"])]

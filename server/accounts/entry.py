"""Opening and closing the door of a browser: the session row and its cookie together."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from server.accounts import sessions
from server.accounts.models import User
from server.settings import Settings
from server.web.cookies import SESSION, VISIT, WORKSPACE, drop_cookie, read_cookie, set_cookie


async def let_in(request: Request, response: Response, user: User) -> None:
    """Begin a session for `user` in this browser; the one it had before ends."""
    settings: Settings = request.app.state.settings
    db: AsyncSession = request.state.db
    if previous := read_cookie(request, SESSION, settings):
        await sessions.end(db, previous)
    lasts = timedelta(days=settings.session_days)
    secret = await sessions.start(
        db,
        user,
        lasts=lasts,
        user_agent=request.headers.get("User-Agent", ""),
        address=address_of(request),
    )
    set_cookie(response, SESSION, secret, settings, max_age_seconds=int(lasts.total_seconds()))
    drop_cookie(response, VISIT, settings)


async def let_out(request: Request, response: Response) -> None:
    """End this browser's session. What it keeps for offline work stays: it may hold words that were never sent."""
    settings: Settings = request.app.state.settings
    if secret := read_cookie(request, SESSION, settings):
        await sessions.end(request.state.db, secret)
    for name in (SESSION, VISIT, WORKSPACE):
        drop_cookie(response, name, settings)


def address_of(request: Request) -> str:
    """Return the address the request came from, as uvicorn and its trusted proxies give it."""
    return request.client.host if request.client else ""

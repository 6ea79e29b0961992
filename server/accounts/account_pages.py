"""The page of one's own account: how others see one, the password, the browsers one is signed in with, API tokens.

Each form is a plain one that comes back to the page, so all of it works without script.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts import devices, people, sessions, throttle, tokens
from server.accounts.forms import PasswordForm, ProfileForm, TokenForm
from server.accounts.identity import in_browser
from server.accounts.models import PRESENCE_COLOURS, Session, utc_now
from server.accounts.notices import go_and_say, said, to_say
from server.errors import DomainError, Invalid, TooMany, Unavailable
from server.web.forms import read_fields
from server.web.render import render

# The names of --presence-0 to --presence-11, for those who do not see them.
COLOUR_NAMES: Final = (
    *("Red", "Orange", "Amber", "Olive", "Green", "Emerald"),
    *("Teal", "Cyan", "Blue", "Indigo", "Purple", "Pink"),
)
TOKEN_DAYS: Final = ((7, "In 7 days"), (30, "In 30 days"), (90, "In 90 days"), (365, "In a year"))
SENTENCES: Final = {
    "profile": "Saved. Pages that are open show it after they are loaded again.",
    "password": "Your password is changed. You stay signed in here; every other browser has been signed out.",
    "session": "That browser has been signed out.",
    "sessions": "All other browsers have been signed out.",
    "token": "The token is revoked. Whatever used it is refused from now on.",
}
MAX_SHOWN_AGAIN: Final = 300


@dataclass(frozen=True, slots=True)
class Device:
    """A signed-in browser in the list; `name` is what it says about itself, in words."""

    id: UUID
    name: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


async def show(request: Request) -> Response:
    """Show the account."""
    return said(request, await _page(request, notice=to_say(request, SENTENCES)))


async def describe(request: Request) -> Response:
    """Change one's name and colour."""
    user, _ = in_browser(request)
    fields = await read_fields(request)
    try:
        form = ProfileForm.parse(fields)
        await people.describe(request.state.db, user.id, name=form.name, colour=form.colour)
    except Invalid as error:
        return await _page(request, refused=error, part="profile", values=fields)
    return go_and_say(request, "/account", "profile")


async def change_password(request: Request) -> Response:
    """Replace the password, and end every other session: somebody else may know the old one."""
    user, session = in_browser(request)
    db: AsyncSession = request.state.db
    try:
        form = PasswordForm.parse(await read_fields(request))
        await throttle.count_password_change(request.app.state.redis, user_id=user.id)
        await people.change_password(db, user, old=form.old_password, new=form.new_password, session_id=session.id)
    except (Invalid, TooMany, Unavailable) as error:
        return await _page(request, refused=error, part="password")
    return go_and_say(request, "/account", "password")


async def end_session(request: Request) -> Response:
    """Sign one of the person's browsers out. Signing this one out is what `/sign-out` is for."""
    user, _ = in_browser(request)
    await sessions.end_one(request.state.db, user.id, request.path_params["session_id"])
    return go_and_say(request, "/account", "session")


async def end_other_sessions(request: Request) -> Response:
    """Sign all of the person's other browsers out."""
    user, session = in_browser(request)
    await sessions.end_others(request.state.db, user.id, session.id)
    return go_and_say(request, "/account", "sessions")


async def create_token(request: Request) -> Response:
    """Make a token, and show its text this once: no redirect, because nothing keeps the text for another page."""
    user, _ = in_browser(request)
    fields = await read_fields(request)
    try:
        form = TokenForm.parse(fields)
        expires_at = utc_now() + timedelta(days=form.days) if form.days is not None else None
        token, text = await tokens.create(request.state.db, user, form.name, expires_at=expires_at)
    except Invalid as error:
        return await _page(request, refused=error, part="token", values=fields)
    return await _page(request, made={"id": token.id, "name": token.name, "text": text})


async def revoke_token(request: Request) -> Response:
    """Make a token useless."""
    user, _ = in_browser(request)
    await tokens.revoke(request.state.db, user.id, request.path_params["token_id"])
    return go_and_say(request, "/account", "token")


async def _page(
    request: Request,
    *,
    notice: str | None = None,
    refused: DomainError | None = None,
    part: str = "",
    values: dict[str, str] | None = None,
    made: dict[str, Any] | None = None,
) -> Response:
    """Show the page; `part` is the form whose `values` were refused, `made` a token that was just made."""
    user, session = in_browser(request)
    db: AsyncSession = request.state.db
    errors: dict[str, str] = {}
    status = 200
    if refused is not None:
        status = {TooMany: 429, Unavailable: 503}.get(type(refused), 422)
        errors = (refused.fields if isinstance(refused, Invalid) else {}) or {"form": str(refused)}
    typed = {name: value[:MAX_SHOWN_AGAIN] for name, value in (values or {}).items()}
    response = render(
        request,
        "accounts/account.html",
        status=status,
        notice=notice,
        # What concerns no field stands at the top: its form may be far down the page.
        problem=errors.pop("form", None),
        errors={part: errors} if part else {},
        profile=typed if part == "profile" else {"name": user.name, "colour": str(user.colour)},
        token=typed if part == "token" else {},
        made=made,
        colours=list(enumerate(COLOUR_NAMES[:PRESENCE_COLOURS])),
        token_days=TOKEN_DAYS,
        devices=sorted(
            (_device(each, session) for each in await sessions.list_for(db, user.id)),
            key=lambda device: not device.is_this,
        ),
        tokens=await tokens.list_for(db, user.id),
    )
    # It may show a secret, and on the way back it must not show browsers that were signed out meanwhile.
    response.headers["Cache-Control"] = "no-store"
    if isinstance(refused, TooMany):
        response.headers["Retry-After"] = str(refused.retry_after_seconds)
    return response


def _device(session: Session, this: Session) -> Device:
    return Device(
        id=session.id,
        name=devices.in_words(session.user_agent),
        address=session.address,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        is_this=session.id == this.id,
    )


routes = [
    Route("/account", show, methods=["GET"]),
    Route("/account/profile", describe, methods=["POST"]),
    Route("/account/password", change_password, methods=["POST"]),
    Route("/account/sessions/end-others", end_other_sessions, methods=["POST"]),
    Route("/account/sessions/{session_id:uuid}/end", end_session, methods=["POST"]),
    Route("/account/tokens", create_token, methods=["POST"]),
    Route("/account/tokens/{token_id:uuid}/revoke", revoke_token, methods=["POST"]),
]

"""Recognises the person behind each request, once, before any route runs."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.accounts import guest_keys, sessions, tokens
from server.accounts.identity import Identity, bearer_of, recognise
from server.accounts.models import GuestKeyKind
from server.settings import Settings
from server.web.cookies import (
    GUEST_PREFIX,
    SESSION,
    cookie_name,
    guest_cookie,
    guests_place,
    read_cookie,
    set_cookie,
)

# Asked for by browsers and monitors without a person; they must not cost a query, nor fail without a database. And
# public pages: they are the same for everybody, and caches keep them, so no cookie may travel with one.
IMPERSONAL = ("/static/", "/healthz", "/readyz", "/metrics", "/favicon.ico", "/robots.txt", "/p/")


class IdentityMiddleware:
    """Sets `request.state.user` and `request.state.identity` (None for nobody), and keeps a session in use open.

    Needs `request.state.db` from the middleware around it.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._lasts = timedelta(days=settings.session_days)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Recognise, then pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.user = request.state.identity = None
        if request.url.path.startswith(IMPERSONAL):
            await self._app(scope, receive, send)
            return
        if request.url.path.startswith(GUEST_PREFIX):
            # Here people are guests, whoever else they are, and guests are nobody anywhere else.
            await self._find_guest(request)
            await self._app(scope, receive, send)
            return
        cookie = read_cookie(request, SESSION, self._settings)
        bearer = bearer_of(request)
        renewed = False
        if cookie is not None or bearer is not None:
            db: AsyncSession = request.state.db
            identity = await recognise(db, cookie=cookie, bearer=bearer)
            if identity is not None:
                renewed = await self._note_use(db, identity)
                # A value from here on: a route's own rollback empties every row of the session, and the header of the
                # error page still shows the person's name.
                db.expunge(identity.user)
                request.state.user, request.state.identity = identity.user, identity

        async def send_renewed(message: Message) -> None:
            if message["type"] == "http.response.start" and renewed and cookie is not None:
                headers = MutableHeaders(scope=message)
                if not _sets_session(headers, self._settings):
                    answer = Response()
                    set_cookie(
                        answer, SESSION, cookie, self._settings, max_age_seconds=int(self._lasts.total_seconds())
                    )
                    headers.append("set-cookie", answer.headers["set-cookie"])
            await send(message)

        await self._app(scope, receive, send_renewed)

    async def _find_guest(self, request: Request) -> None:
        place = guests_place(request.url.path)
        # A request with a bearer token is free of the CSRF check, so it never is the cookie's guest's.
        if place is None or bearer_of(request) is not None:
            return
        key = read_cookie(request, guest_cookie(place), self._settings)
        db: AsyncSession = request.state.db
        guest = await guest_keys.find(db, key, GuestKeyKind.BROWSER)
        if guest is not None:
            db.expunge(guest)
            request.state.user, request.state.identity = guest, Identity(user=guest)

    async def _note_use(self, db: AsyncSession, identity: Identity) -> bool:
        """Write down the use, now and then. Returns whether the browser must be sent its cookie again."""
        if identity.session is not None:
            renewed = await sessions.renew(db, identity.session, lasts=self._lasts)
            db.expunge(identity.session)
            return renewed
        if identity.token is not None:
            await tokens.note_use(db, identity.token)
            db.expunge(identity.token)
        return False


def _sets_session(headers: MutableHeaders, settings: Settings) -> bool:
    """Whether the route has spoken about the session itself: it signed somebody in or out."""
    start = f"{cookie_name(SESSION, secure=settings.secure)}="
    return any(value.startswith(start) for value in headers.getlist("set-cookie"))

"""Proof that a change was asked for by a page of ours.

Two independent checks, because each has failed somewhere: where the browser says the request comes from
(`Sec-Fetch-Site`, `Origin`), and a token that only our pages can know, in the form field `csrf` or the header
`X-CSRF-Token`. The token is derived from the session cookie, or from the visit cookie of a browser that is not signed
in, so nothing needs to be stored. A request with a bearer token needs neither: no browser adds that header by itself,
and whoever sends it is recognised by it alone.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import Forbidden, Unauthenticated
from server.settings import Settings
from server.web.bodies import MAX_FORM_BYTES, MAX_FORM_FIELDS, read_bounded
from server.web.cookies import SESSION, VISIT, read_cookie, set_cookie

FIELD = "csrf"
HEADER = "X-CSRF-Token"
# What a mail program sends by itself (RFC 8058): it has no page of ours, and a secret in the path proves that it may.
OPEN_TO_MAIL = "/mail/stop/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NONCE_BYTES = 16
_MAX_TOKEN_CHARACTERS = 100
_PORTS = {"http": 80, "https": 443}


class StalePage(Forbidden):
    """The form's token is missing or belongs to another session: the page is older than the sign-in, or not ours."""

    sentence = "Nothing was changed, because this page is out of date. Reload it and try again."


class CsrfMiddleware:
    """Refuses changes that no page of ours asked for, and gives a new browser its visit cookie."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on; the body that was read for the check is given again to the route."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        secret = read_cookie(request, SESSION, self._settings) or read_cookie(request, VISIT, self._settings)
        for_mail = request.url.path.startswith(OPEN_TO_MAIL)
        if request.method not in SAFE_METHODS and not has_bearer(request) and not for_mail:
            receive = await self._check(request, secret)
        visit = None if secret else secrets.token_urlsafe(32)
        request.state.csrf_secret = secret or visit
        request.state.csrf_shown = False

        async def remember_visit(message: Message) -> None:
            # Only when a page showed a token: a cookie for everybody would spoil shared caches.
            if message["type"] == "http.response.start" and visit and request.state.csrf_shown:
                cookie = Response()
                set_cookie(cookie, VISIT, visit, self._settings)
                MutableHeaders(scope=message).append("set-cookie", cookie.headers["set-cookie"])
            await send(message)

        await self._app(scope, receive, remember_visit)

    async def _check(self, request: Request, secret: str | None) -> Receive:
        if not from_here(request, public_url=self._settings.public_url):
            raise Forbidden("This request came from another site. Open the page here and try again.")
        sent = request.headers.get(HEADER)
        receive = request.receive
        if sent is None and _is_form(request):
            body = await read_bounded(request, MAX_FORM_BYTES)
            sent = _field(body)
            receive = _again(body, request.receive)
        if secret is None and request.url.path.startswith("/api/"):
            # A program that forgot its token has no page to reload.
            raise Unauthenticated("Send a token that is valid, as `Authorization: Bearer qr_…`, or sign in.")
        if secret is None or sent is None or not matches(secret, sent):
            raise StalePage
        return receive


def token_for(request: Request) -> str:
    """Return a token for a form on the page that answers `request`. Each is different, so compression leaks nothing."""
    secret: str | None = getattr(request.state, "csrf_secret", None)
    if secret is None:
        # An error page for a request that never came this far; it holds no form that would need a token.
        return ""
    request.state.csrf_shown = True
    return issue(secret)


def issue(secret: str) -> str:
    """Make a token that only the holder of `secret` can be given."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return urlsafe_b64encode(nonce + _sign(secret, nonce)).decode("ascii")


def matches(secret: str, token: str) -> bool:
    """Whether `token` was issued for `secret`."""
    if len(token) > _MAX_TOKEN_CHARACTERS:
        return False
    try:
        data = urlsafe_b64decode(token.encode("ascii"))
    except (BadBase64, ValueError):
        return False
    nonce, signature = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
    return hmac.compare_digest(signature, _sign(secret, nonce))


def from_here(request: Request, *, public_url: str) -> bool:
    """Whether the browser says that a page of this server sent the request, or says nothing at all."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    # A proxy may end https or rename the host, so either the address it calls us by or the public one will do.
    ours = {_host_of(public_url), _host_of(f"{request.url.scheme}://{request.headers.get('Host', '')}")}
    return _host_of(origin) in ours - {None}


def has_bearer(request: Request) -> bool:
    """Whether the request proves who asks by a token in its header."""
    return request.headers.get("Authorization", "")[:7].lower() == "bearer "


def _sign(secret: str, nonce: bytes) -> bytes:
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), b"csrf:" + nonce, "sha256")


def _host_of(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _is_form(request: Request) -> bool:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind == "application/x-www-form-urlencoded"


def _field(body: bytes) -> str | None:
    try:
        values = parse_qs(body.decode("utf-8", "replace"), max_num_fields=MAX_FORM_FIELDS).get(FIELD, [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again

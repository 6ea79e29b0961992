"""One place that turns what went wrong into what a person or a program sees.

Under `/api/`, and for scripts that ask for JSON, it is a problem as RFC 9457 describes; otherwise a page. A person who
is not signed in is led to the sign-in page and back.
"""

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import errors
from server.web.cookies import GUEST_PREFIX, guests_place
from server.web.redirects import page_asked_for, page_behind, sign_in_path
from server.web.render import render, wants_fragment

log = structlog.get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"

_TITLES = {
    400: "That request cannot be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "Nothing here",
    405: "That is not possible here",
    408: "That took too long",
    409: "This has changed",
    413: "Too large",
    415: "Not accepted",
    422: "Please check what you entered",
    429: "Too many attempts",
    500: "Something broke on this server",
    503: "Not reachable right now",
}
_STALE = "stale-page"
_TITLES_OF_KINDS = {_STALE: "This page is out of date"}
_STATUS: dict[type[errors.DomainError], int] = {
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Unsupported: 415,
    errors.Invalid: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
_HTTP_SENTENCES = {
    404: errors.NotFound.sentence,
    405: "This address does not accept that kind of request.",
    413: errors.TooLarge.sentence,
}
# The parts that a page needs do not answer; the same request may pass in a moment.
_OUTAGES = (
    InterfaceError,
    OperationalError,
    PoolTimeoutError,
    RedisConnectionError,
    RedisTimeoutError,
    ConnectionError,
    TimeoutError,
)
_OUTAGE_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the asker is told: the status, a sentence, what is wrong with which field, further headers."""

    status: int
    detail: str
    fields: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = ""

    @property
    def type(self) -> str:
        """A URI that programs can tell refusals apart by; where the status says it all, that is its meaning."""
        return f"urn:quillroom:problem:{self.kind}" if self.kind else "about:blank"

    @property
    def title(self) -> str:
        """A few words for the heading."""
        return _TITLES_OF_KINDS.get(self.kind) or _TITLES.get(self.status) or HTTPStatus(self.status).phrase


async def pass_on(request: Request, error: Exception) -> Response:
    """Raise `error` again.

    Registered for HTTPException, which Starlette would otherwise answer inside the router, in plain text.
    """
    del request
    raise error


class ErrorsMiddleware:
    """Answers every exception of what it wraps, unless the response has begun already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and turn an exception into a response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            # Nobody is left to be told.
            return
        except Exception as error:
            if started:
                raise
            response = respond(Request(scope, receive), error)
            await response(scope, receive, send)


def respond(request: Request, error: Exception) -> Response:
    """Return the page or problem for `error`; logs it if it is a defect or an outage."""
    refusal = refusal_for(error)
    if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        refusal.headers["Allow"] = _allowed(request) or refusal.headers.get("Allow", "")
    if refusal.status == 500:
        log.error("request failed", exc_info=error)
    elif refusal.status == 503:
        log.warning("a part does not answer", error=type(error).__name__, exc_info=error)
    if wants_problem(request):
        return problem(refusal)
    if refusal.status == 401:
        return _to_sign_in(request)
    return _page(request, refusal)


def refusal_for(error: Exception) -> Refusal:
    """Say what the asker is told about `error`. An unknown exception tells nothing of its inside."""
    if isinstance(error, errors.DomainError):
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)
        headers: dict[str, str] = {}
        if isinstance(error, errors.TooMany):
            headers["Retry-After"] = str(max(1, error.retry_after_seconds))
        if isinstance(error, errors.Unavailable):
            headers["Retry-After"] = str(_OUTAGE_RETRY_SECONDS)
        if isinstance(error, errors.Unauthenticated):
            headers["WWW-Authenticate"] = 'Bearer realm="quillroom"'
        fields = error.fields if isinstance(error, errors.Invalid) else {}
        return Refusal(status, str(error), fields, headers, kind=_kebab(type(error).__name__))
    if isinstance(error, HTTPException):
        sentence = _HTTP_SENTENCES.get(error.status_code, error.detail)
        return Refusal(error.status_code, sentence, headers=dict(error.headers or {}))
    if _is_outage(error):
        return refusal_for(errors.Unavailable())
    return Refusal(500, "The fault is ours and has been written to the log. Nothing you typed caused it.")


def _is_outage(error: Exception) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # The socket file of a private server that is gone; a missing file that somebody opened has a name.
    return isinstance(error, _OUTAGES) or (isinstance(error, FileNotFoundError) and error.filename is None)


def wants_problem(request: Request) -> bool:
    """Whether the asker is a program: the API, or a script of a page that did not ask for HTML."""
    if request.url.path.startswith("/api/"):
        return True
    if wants_fragment(request):
        return False
    accept = request.headers.get("Accept", "*/*")
    if "text/html" in accept:
        return False
    return "json" in accept or "event-stream" in accept or request.headers.get("Sec-Fetch-Dest") == "empty"


def problem(refusal: Refusal) -> Response:
    """Return `refusal` as a problem. `errors` lists the fields at fault. Source: RFC 9457."""
    body: dict[str, Any] = {
        "type": refusal.type,
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    if refusal.fields:
        body["errors"] = [{"field": name, "detail": sentence} for name, sentence in refusal.fields.items()]
    return JSONResponse(
        body,
        status_code=refusal.status,
        headers={"Cache-Control": "no-store", **refusal.headers},
        media_type=PROBLEM_TYPE,
    )


def _way_on(request: Request, refusal: Refusal) -> tuple[str, str]:
    """Return the address and the words of the link that helps."""
    if refusal.kind == _STALE and (page := page_behind(request)):
        return page, "Reload"
    if refusal.status == 503 and (page := page_asked_for(request)):
        return page, "Try again"
    place = guests_place(request.url.path)
    if place is not None:
        return f"{GUEST_PREFIX}{place}", "Back to the document"
    if getattr(request.state, "user", None) is not None:
        return "/documents", "Back to documents"
    return "/", "To the start"


def _allowed(request: Request) -> str:
    """Return the methods of every route at the address; the router knows those of the first."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.methods and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods
    return ", ".join(sorted(methods))


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _to_sign_in(request: Request) -> Response:
    path = sign_in_path(request)
    if wants_fragment(request):
        return Response(status_code=401, headers={"HX-Redirect": path})
    return RedirectResponse(path, status_code=303)


def _page(request: Request, refusal: Refusal) -> Response:
    detail = refusal.detail
    if refusal.fields:
        detail = " ".join([detail, *(f"{name}: {sentence}" for name, sentence in refusal.fields.items())])
    action_url, action_label = _way_on(request, refusal)
    response = render(
        request,
        "errors/error.html",
        status=refusal.status,
        title=refusal.title,
        detail=detail,
        action_url=action_url,
        action_label=action_label,
    )
    response.headers.update({"Cache-Control": "no-store", **refusal.headers})
    return response

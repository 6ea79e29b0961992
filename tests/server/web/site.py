"""A small application with the middleware of the real one around it, for tests of that middleware."""

from collections.abc import Sequence

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from server.settings import Settings
from server.web import csrf
from server.web.csrf import CsrfMiddleware
from server.web.errors import ErrorsMiddleware, pass_on
from server.web.forms import Form, Line
from server.web.headers import SecurityHeadersMiddleware

PLAIN = "http://quillroom.test"
SECURE = "https://quillroom.test"


class NoteForm(Form):
    """A form with one field."""

    note: Line = ""


async def _page(request: Request) -> Response:
    return HTMLResponse(csrf.token_for(request))


async def _asset(_request: Request) -> Response:
    return Response(b"x", media_type="text/css")


async def _change(request: Request) -> Response:
    form = await NoteForm.read(request)
    return JSONResponse({"note": form.note})


async def _upload(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body())})


def site(*, public_url: str = PLAIN, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """Build the application; pages `/page` (shows a token), `/change` (reads a form), `/upload`, `/style`."""
    settings = Settings(base_url=public_url)
    app = Starlette(
        routes=[
            Route("/page", _page),
            Route("/style", _asset),
            Route("/change", _change, methods=["POST"]),
            Route("/api/v1/change", _change, methods=["POST"]),
            Route("/upload", _upload, methods=["POST"]),
            *routes,
        ],
        middleware=[
            Middleware(SecurityHeadersMiddleware, settings=settings),
            Middleware(ErrorsMiddleware),
            Middleware(CsrfMiddleware, settings=settings),
        ],
        exception_handlers={HTTPException: pass_on},
    )
    app.state.settings = settings
    return app


def browser(app: Starlette, *, url: str = PLAIN) -> httpx.AsyncClient:
    """A client that keeps cookies and shows errors of the server as answers."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=url, headers={"Accept": "text/html"})

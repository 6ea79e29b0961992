"""What somebody meets who opens a shared link: its password, the text to read, or the document itself.

Without an account a link lets people read, whatever its role: the page is the text, without the editor. It follows the
document by asking every few seconds (`follow`), which costs a question to the database and nothing to whoever writes.
Somebody who is signed in has the link's role from then on, and goes to the document.
"""

from typing import Any, Final
from uuid import UUID

from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts import throttle
from server.accounts.entry import address_of
from server.accounts.models import User
from server.assets.models import Asset
from server.assets.routes import send
from server.documents import links
from server.documents.access import DocumentVerb, require
from server.documents.forms import PasswordForm
from server.documents.lifecycle import LiveDocuments
from server.documents.links import LinkOver, Opened
from server.documents.models import ShareLink, utc_now
from server.documents.reading import EVERY_SECONDS, Readings, Text
from server.errors import Invalid, NotFound, TooMany, Unavailable
from server.settings import Settings
from server.web.cookies import VISIT, read_cookie
from server.web.render import render

# The address is the key: no page that it leads to may learn it, no cache may keep it, no index list it.
_SECRET: Final[dict[str, str]] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}

FOR_PICTURES_SECONDS: Final = 0.5


async def show(request: Request) -> Response:
    """Show what the link opens, or ask for its password."""
    try:
        opened = await links.look(request.state.db, request.path_params["secret"])
    except LinkOver:
        return _over(request)
    if not await _may_read(request, opened.link):
        return _ask(request)
    return await _open(request, opened)


async def follow(request: Request) -> Response:
    """Send the text of the page anew, if it is another than the page has.

    410: the link is over; 403: its password is asked for again. The page then loads anew, and says so.
    """
    try:
        opened = await links.look(request.state.db, request.path_params["secret"])
    except LinkOver:
        return Response(status_code=410, headers=_SECRET)
    if not await _may_read(request, opened.link):
        return Response(status_code=403, headers=_SECRET)
    text = await _text(request, opened)
    headers = {**_SECRET, "ETag": f'"{text.version}"'}
    if f'"{text.version}"' == request.headers.get("If-None-Match"):
        return Response(status_code=304, headers=headers)
    page = render(request, "documents/read.html", block="text", **_shown(opened, text, _path(request)))
    page.headers.update(headers)
    return page


async def enter(request: Request) -> Response:
    """Take the password, and show what the link opens."""
    db: AsyncSession = request.state.db
    form = await PasswordForm.read(request)
    try:
        opened = await links.look(db, request.path_params["secret"])
    except LinkOver:
        return _over(request)
    link, document = opened.link, opened.document
    if link.password_hash is not None:
        try:
            await throttle.count_link_password(request.app.state.redis, link_id=link.id, address=address_of(request))
            await links.check_password(link, form.password)
        except Invalid as error:
            return _ask(request, error.fields["password"])
        except TooMany as error:
            return _ask(request, str(error), status=429, retry_after_seconds=error.retry_after_seconds)
        except Unavailable as error:
            return _ask(request, str(error), status=503, retry_after_seconds=5)
    await links.open_for(db, link, user=request.state.user, cookie=_visit(request))
    if request.state.user is not None:
        return RedirectResponse(f"/documents/{document.id}", status_code=303, headers=_SECRET)
    return RedirectResponse(request.url.path, status_code=303, headers=_SECRET)


async def picture(request: Request) -> Response:
    """Send a picture that the text behind the link shows."""
    db: AsyncSession = request.state.db
    try:
        opened = await links.look(db, request.path_params["secret"])
    except LinkOver as error:
        raise NotFound from error
    if not await _may_read(request, opened.link):
        raise NotFound
    asset_id: UUID = request.path_params["asset_id"]
    asset = await db.get(Asset, asset_id)
    if asset is None or asset.workspace_id != opened.document.workspace_id:
        raise NotFound
    # Another process may have sent a page that is newer than what this one keeps.
    text = await _text(request, opened, within_seconds=FOR_PICTURES_SECONDS)
    if f'src="/assets/{asset_id}' not in text.html:
        raise NotFound
    return await send(request, asset)


async def _open(request: Request, opened: Opened) -> Response:
    db: AsyncSession = request.state.db
    user: User | None = request.state.user
    link, document = opened.link, opened.document
    if user is not None:
        await links.open_for(db, link, user=user, cookie=None)
        return RedirectResponse(f"/documents/{document.id}", status_code=303, headers=_SECRET)
    require(links.reader(link, document), DocumentVerb.VIEW, document)
    link.last_used_at = utc_now()
    text = await _text(request, opened)
    page = render(
        request,
        "documents/read.html",
        next_url=request.url.path,
        follow_url=f"{request.url.path}/text",
        version=text.version,
        **_shown(opened, text, request.url.path),
    )
    page.headers.update(_SECRET)
    return page


async def _text(request: Request, opened: Opened, *, within_seconds: float = EVERY_SECONDS) -> Text:
    live: LiveDocuments = request.app.state.live
    readings: Readings = request.app.state.readings
    # Whoever waits for a text that is being made holds no connection to the database.
    await request.state.db.commit()
    return await readings.of(opened.document.id, opened.seq, live.read, within_seconds=within_seconds)


def _shown(opened: Opened, text: Text, path: str) -> dict[str, Any]:
    return {
        "title": text.title,
        # Pictures ask who is there; here the link answers for whoever has it.
        "content_html": Markup(text.html.replace('src="/assets/', f'src="{path}/assets/')),  # noqa: S704 - escaped by write_html; the path is the secret's own letters
        "role": opened.link.role,
        "updated_at": opened.document.updated_at,
    }


def _path(request: Request) -> str:
    return request.url.path.removesuffix("/text")


async def _may_read(request: Request, link: ShareLink) -> bool:
    """Whether a link has no password, or this person or browser has given it."""
    return link.password_hash is None or await links.has_opened(
        request.state.db, link, user=request.state.user, cookie=_visit(request)
    )


def _ask(
    request: Request, problem: str | None = None, *, status: int | None = None, retry_after_seconds: int | None = None
) -> Response:
    page = render(
        request,
        "documents/link_password.html",
        status=status or (422 if problem else 200),
        problem=problem,
    )
    page.headers.update(_SECRET)
    if retry_after_seconds is not None:
        page.headers["Retry-After"] = str(retry_after_seconds)
    return page


def _over(request: Request) -> Response:
    known = request.state.user is not None
    page = render(
        request,
        "errors/error.html",
        status=410,
        title="This link is over",
        detail=LinkOver.sentence,
        action_url="/documents" if known else "/sign-in",
        action_label="Back to documents" if known else "Sign in",
    )
    page.headers.update(_SECRET)
    return page


def _visit(request: Request) -> str | None:
    settings: Settings = request.app.state.settings
    return read_cookie(request, VISIT, settings)


routes: Final = [
    Route("/s/{secret}", show, methods=["GET"]),
    Route("/s/{secret}", enter, methods=["POST"]),
    Route("/s/{secret}/text", follow, methods=["GET"]),
    Route("/s/{secret}/assets/{asset_id:uuid}", picture, methods=["GET"]),
]

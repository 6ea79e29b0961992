"""What somebody meets who opens a shared link: its password, the text to read, or the document itself.

Without an account a link lets people read, whatever its role: the page is the text as it is now, without the editor.
Somebody who is signed in has the link's role from then on, and goes to the document.
"""

import asyncio
from typing import Final
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
from server.documents import content, links
from server.documents.access import DocumentVerb, require
from server.documents.forms import PasswordForm
from server.documents.lifecycle import LiveDocuments
from server.documents.links import LinkOver
from server.documents.models import Document, ShareLink, utc_now
from server.documents.write_html import write_html
from server.errors import Invalid, NotFound, TooMany, Unavailable
from server.settings import Settings
from server.web.cookies import VISIT, read_cookie
from server.web.render import render

# The address is the key: no page that it leads to may learn it, no cache may keep it, no index list it.
_SECRET: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


async def show(request: Request) -> Response:
    """Show what the link opens, or ask for its password."""
    try:
        link, document = await links.look(request.state.db, request.path_params["secret"])
    except LinkOver:
        return _over(request)
    if link.password_hash is not None and not await _has_opened(request, link):
        return _ask(request)
    return await _open(request, link, document)


async def enter(request: Request) -> Response:
    """Take the password, and show what the link opens."""
    db: AsyncSession = request.state.db
    form = await PasswordForm.read(request)
    try:
        link, document = await links.look(db, request.path_params["secret"])
    except LinkOver:
        return _over(request)
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
        link, document = await links.look(db, request.path_params["secret"])
    except LinkOver as error:
        raise NotFound from error
    if link.password_hash is not None and not await _has_opened(request, link):
        raise NotFound
    asset_id: UUID = request.path_params["asset_id"]
    asset = await db.get(Asset, asset_id)
    live: LiveDocuments = request.app.state.live
    # Text in a Yjs update stands there as it is: what the document shows, it mentions.
    if (
        asset is None
        or asset.workspace_id != document.workspace_id
        or str(asset_id).encode() not in await live.read(document.id)
    ):
        raise NotFound
    return await send(request, asset)


async def _open(request: Request, link: ShareLink, document: Document) -> Response:
    db: AsyncSession = request.state.db
    user: User | None = request.state.user
    if user is not None:
        await links.open_for(db, link, user=user, cookie=None)
        return RedirectResponse(f"/documents/{document.id}", status_code=303, headers=_SECRET)
    require(links.reader(link, document), DocumentVerb.VIEW, document)
    link.last_used_at = utc_now()
    live: LiveDocuments = request.app.state.live
    title, content_html = await asyncio.to_thread(_read, await live.read(document.id), request.url.path)
    page = render(
        request,
        "documents/read.html",
        title=title,
        content_html=content_html,
        role=link.role,
        next_url=request.url.path,
        updated_at=document.updated_at,
    )
    page.headers.update(_SECRET)
    return page


def _read(state: bytes, path: str) -> tuple[str, Markup]:
    read = content.load(state)
    # Pictures ask who is there; here the link answers for whoever has it.
    return read.title, Markup(str(write_html(read.node)).replace('src="/assets/', f'src="{path}/assets/'))  # noqa: S704 - escaped by write_html; the path is the secret's own letters


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


async def _has_opened(request: Request, link: ShareLink) -> bool:
    return await links.has_opened(request.state.db, link, user=request.state.user, cookie=_visit(request))


def _visit(request: Request) -> str | None:
    settings: Settings = request.app.state.settings
    return read_cookie(request, VISIT, settings)


routes: Final = [
    Route("/s/{secret}", show, methods=["GET"]),
    Route("/s/{secret}", enter, methods=["POST"]),
    Route("/s/{secret}/assets/{asset_id:uuid}", picture, methods=["GET"]),
]

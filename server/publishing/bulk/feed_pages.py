"""Where a person makes the address of their calendar, and the address itself."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final

import anyio
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts import throttle
from server.accounts.entry import address_of
from server.errors import NotFound, Unavailable
from server.publishing.bulk import feeds
from server.web.forms import Form
from server.web.render import render
from server.workspaces.middleware import current_actor

# Calendars as they were last written, by ETag: who asks again and again, with several programs, costs no writing. One
# is written at a time, so that no number of them holds up everybody else.
_WRITTEN: Final[OrderedDict[str, bytes]] = OrderedDict()
_WRITING: Final = anyio.Lock()
MOST_WRITTEN: Final = 16


async def show(request: Request) -> Response:
    """Show whether there is an address, and how it is used."""
    return await _show(request)


async def make(request: Request) -> Response:
    """Make an address, or another one; and show it this once: nothing keeps it for another page."""
    await Form.read(request)
    secret = await feeds.make(request.state.db, current_actor(request))
    await request.state.db.commit()
    response = await _show(request, secret=secret)
    response.headers["Cache-Control"] = "no-store"
    return response


async def end(request: Request) -> Response:
    """Let the address lead nowhere."""
    await Form.read(request)
    await feeds.end(request.state.db, current_actor(request))
    return RedirectResponse("/calendar/feed", status_code=303)


async def read(request: Request) -> Response:
    """Send somebody's calendar to whoever has its address. Nobody needs to be signed in."""
    db: AsyncSession = request.state.db
    found = await feeds.reader(db, request.path_params["secret"])
    user_id = found.actor.user_id if found is not None else None
    # A secret of 256 bits is not guessed; so a calendar is read also while nobody can count.
    with contextlib.suppress(Unavailable):
        redis = request.app.state.redis
        await throttle.count_calendar_feed(redis, user_id=user_id, address=address_of(request))
    if found is None:
        raise NotFound("There is no calendar at this address, or not any more. Make a new address in the calendar.")
    await feeds.note_use(db, found.actor)
    entries = await feeds.entries(db, found.actor)
    await db.commit()
    public_url = request.app.state.settings.public_url
    etag = f'"{feeds.etag_of(entries, found.workspace, public_url)}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=300",
        "Content-Disposition": 'inline; filename="publications.ics"',
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
    if etag in {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    written = await _written(etag, partial(feeds.write, entries, found.workspace, public_url))
    return Response(written, media_type="text/calendar", headers=headers)


async def _written(etag: str, write: Callable[[], bytes]) -> bytes:
    async with _WRITING:
        if etag not in _WRITTEN:
            _WRITTEN[etag] = await asyncio.to_thread(write)
        _WRITTEN.move_to_end(etag)
        while len(_WRITTEN) > MOST_WRITTEN:
            _WRITTEN.popitem(last=False)
        return _WRITTEN[etag]


async def _show(request: Request, *, secret: str | None = None) -> Response:
    feed = await feeds.find(request.state.db, current_actor(request))
    public_url = request.app.state.settings.public_url
    address = f"{public_url}/calendar/feeds/{secret}.ics" if secret else None
    return render(
        request,
        "publishing/feed.html",
        feed=feed,
        address=address,
        # What programs on a phone or computer open by themselves.
        webcal=f"webcal{address[address.index('://') :]}" if address else None,
        before=feeds.BEFORE.days,
        ahead=feeds.AHEAD.days,
    )


routes: Final = [
    Route("/calendar/feed", show, methods=["GET"]),
    Route("/calendar/feed", make, methods=["POST"]),
    Route("/calendar/feed/end", end, methods=["POST"]),
    Route("/calendar/feeds/{secret}.ics", read, methods=["GET"]),
]

"""The two addresses of pictures: bring one into a document, and show one."""

from datetime import UTC
from email.utils import format_datetime
from typing import Final
from uuid import UUID

import anyio
from anyio import to_thread
from obstore.store import ObjectStore
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.assets import keeping, pictures, placing, ranges, storage, uploads
from server.assets.file_names import inline
from server.assets.kinds import Kind
from server.assets.models import Asset
from server.assets.pictures import Picture
from server.assets.placing import Doors, Place
from server.errors import Conflict, DomainError, NotFound, Unavailable
from server.settings import Settings
from server.web.errors import problem, refusal_for

# A picture of 40 megapixels needs 150 to 650 MB while it is drawn (WebP the most): one at a time in a process. Who
# waits longer than this is asked to come back.
_EXAMINING: Final = anyio.Semaphore(1)
EXAMINE_WAIT_SECONDS: Final = 30

_HEADERS: Final = {
    # The bytes at an address never change, but who may see them does: only the asker's own browser keeps them.
    "Cache-Control": "private, max-age=31536000, immutable",
    # Opened as a page of its own it can do nothing, whatever it may hold besides a picture.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    "Vary": "Cookie, Authorization",
}


async def upload(request: Request) -> Response:
    """Bring a picture into a document: 201 with its address, or a problem that says what to do."""
    try:
        asset = await _upload(request)
    except (DomainError, HTTPException) as error:
        # Always for a script, whatever it says it accepts.
        return problem(refusal_for(error))
    url = f"/assets/{asset.id}"
    return JSONResponse(
        {
            "id": str(asset.id),
            "url": url,
            "width": asset.width,
            "height": asset.height,
            "media_type": asset.media_type,
        },
        status_code=201,
        headers={"Location": url, "Cache-Control": "no-store"},
    )


async def _upload(request: Request) -> Asset:
    db: AsyncSession = request.state.db
    store: ObjectStore = request.app.state.store
    settings: Settings = request.app.state.settings
    await _admit(request)
    # Gives the connection back: an upload may take minutes, and the pool is small.
    await db.commit()
    received = await uploads.receive(request, max_bytes=settings.max_upload_bytes)
    picture = await _examine(received, max_pixels=settings.max_image_pixels)
    with picture.file:
        # Again, because minutes may have passed since the door.
        user, place = await _admit(request)
        await db.commit()
        key = storage.key_for(place.workspace_id, picture.sha256, picture.kind)
        await storage.put(store, key, picture.file)
        return await keeping.keep(db, store, picture, by=user.id, place=place, file_name=received.name)


async def _admit(request: Request) -> tuple[User, Place]:
    """Return who brings something where. Raises Unauthenticated, NotFound, Forbidden, Conflict."""
    db: AsyncSession = request.state.db
    user = signed_in(request)
    place = await placing.find(db, request.path_params["document_id"])
    doors: Doors = request.app.state.picture_doors
    await doors.require_upload(db, user, place)
    if place.trashed_at is not None:
        raise Conflict("This document is in the trash. Restore it before you add pictures.")
    return user, place


async def _examine(received: uploads.Upload, *, max_pixels: int) -> Picture:
    try:
        with anyio.fail_after(EXAMINE_WAIT_SECONDS):
            await _EXAMINING.acquire()
    except TimeoutError as error:
        received.file.close()
        raise Unavailable("Many pictures are arriving at once. Try again in a moment.") from error
    except BaseException:
        received.file.close()
        raise
    try:
        return await to_thread.run_sync(lambda: pictures.examine(received.file, max_pixels=max_pixels))
    finally:
        _EXAMINING.release()


async def show(request: Request) -> Response:
    """Send a picture, or the part of it that is asked for, to somebody who may see it."""
    db: AsyncSession = request.state.db
    user = signed_in(request)
    asset_id: UUID = request.path_params["asset_id"]
    asset = await db.get(Asset, asset_id)
    if asset is None:
        raise NotFound
    doors: Doors = request.app.state.picture_doors
    await doors.require_view(db, user, asset)
    return await send(request, asset)


async def send(request: Request, asset: Asset) -> Response:
    """Send a picture, or the part that is asked for; the caller has decided that whoever asks may see it."""
    etag = f'"{asset.sha256.hex()}"'
    headers = {
        **_HEADERS,
        "ETag": etag,
        "Last-Modified": format_datetime(asset.created_at.astimezone(UTC), usegmt=True),
        "Content-Disposition": inline(asset.file_name),
    }
    if ranges.has_already(request.headers.get("If-None-Match"), etag):
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("Range")
    if request.headers.get("If-Range", etag) != etag:
        asked = None
    size_bytes = asset.size_bytes
    try:
        span = ranges.span(asked, size_bytes=size_bytes)
    except ranges.Unsatisfiable:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size_bytes}"})
    status = 200 if span is None else 206
    if span is None:
        span = ranges.Span(0, size_bytes)
    else:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size_bytes}"
    headers["Content-Length"] = str(span.stop - span.start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=asset.media_type)
    key = storage.key_for(asset.workspace_id, asset.sha256, Kind.from_media_type(asset.media_type))
    body = await storage.read(request.app.state.store, key, span)
    return StreamingResponse(body, status_code=status, headers=headers, media_type=asset.media_type)


routes: Final[list[BaseRoute]] = [
    Route("/documents/{document_id:uuid}/assets", upload, methods=["POST"], name="assets.upload"),
    Route("/assets/{asset_id:uuid}", show, methods=["GET"], name="assets.show"),
]

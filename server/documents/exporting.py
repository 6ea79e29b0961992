"""A document as a file to take away: for whoever may read it, without what is only suggested."""

from __future__ import annotations

import asyncio
from typing import Final

from markupsafe import escape
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.assets.file_names import attachment
from server.documents import content, lifecycle
from server.documents.api.turns import turn
from server.documents.content import MEDIA_TYPES, Content, Format
from server.documents.lifecycle import LiveDocuments
from server.documents.schema import node, text
from server.errors import NotFound
from server.settings import Settings

_EXTENSIONS: Final = {Format.MARKDOWN: ".md", Format.HTML: ".html", Format.TEXT: ".txt", Format.JSON: ".json"}


async def export(request: Request) -> Response:
    """Send the text as it is at this moment, below its title, as a file of the document's name."""
    db: AsyncSession = request.state.db
    settings: Settings = request.app.state.settings
    live: LiveDocuments = request.app.state.live
    try:
        into = Format(request.query_params.get("format", Format.MARKDOWN))
    except ValueError:
        raise NotFound from None
    document, _ = await lifecycle.find(db, signed_in(request), request.path_params["document_id"])
    state = await live.read(document.id)
    async with turn(request, len(state)):
        name, written = await asyncio.to_thread(_written, state, into, settings.public_url)
    headers = {"Content-Disposition": attachment(name, _EXTENSIONS[into]), "Cache-Control": "no-store"}
    return Response(written, media_type=MEDIA_TYPES[into], headers=headers)


def _written(state: bytes, into: Format, public_url: str) -> tuple[str, str]:
    read = content.load(state)
    return read.title or "Untitled", write(read, into, public_url)


def write(read: Content, into: Format, public_url: str) -> str:
    """Return a title and a text as a file of their own. `public_url`: where the pictures in it are.

    JSON is the text alone, as the API has it.
    """
    if into is Format.JSON:
        return content.write(read.node, into)
    heading = [node("heading", {"level": 1}, [text(read.title)])] if read.title else []
    written = content.write(node("doc", content=[*heading, *read.node.content.content]), into)
    if into is not Format.HTML:
        return written if written.endswith("\n") else f"{written}\n"
    return (
        '<!doctype html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f'<title>{escape(read.title or "Untitled")}</title>\n<base href="{escape(public_url)}/">\n</head>\n'
        f"<body>\n{written}\n</body>\n</html>\n"
    )


routes = [Route("/documents/{document_id:uuid}/export", export, methods=["GET"])]

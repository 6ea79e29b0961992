"""Reading and replacing the content of documents over the API.

A version of a document's content is named by a hash of what it says, block ids included, so that it is the same in
every process and after every restart. Its entity tag has the format at the end, because a strong tag stands for bytes:
`"<hash>-html"`. For `If-Match` any format's tag will do, since all of them name the version.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from typing import Final

from prosemirror.model import Node
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request

from server.accounts.identity import signed_in
from server.documents import content, lifecycle, ydoc
from server.documents.access import DocumentVerb
from server.documents.api.documents import document_id_of, live_of
from server.documents.api.shapes import ContentQuery, ContentReplaced, NewContent
from server.documents.api.turns import turn
from server.documents.content import MEDIA_TYPES, Format
from server.web.negotiation import preferred, strong_tags, tags
from server.web.operations import NOT_MODIFIED, Call, NoBody, NoQuery, Reply

# What people wrote must never act in the name of this address, wherever a browser shows it.
_INERT: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
_FORMATS: Final = {media_type.partition(";")[0]: written_in for written_in, media_type in MEDIA_TYPES.items()}


async def read_content(call: Call[ContentQuery, NoBody]) -> Reply[str]:
    """Return the content of a document as it is at this moment, what people are typing included.

    JSON is the editor's own tree of nodes with the id of every block. `ETag` names the version: send it back in
    `If-None-Match` to be told cheaply that nothing changed, or in the `If-Match` of a replacement.
    """
    request = call.request
    db: AsyncSession = request.state.db
    document, _ = await lifecycle.find(db, signed_in(request), document_id_of(request))
    written_in = call.query.format or _wanted(request)
    state = await live_of(request).read(document.id)
    async with turn(request, len(state)):
        text, etag = await asyncio.to_thread(_write, state, written_in)
    headers = {"ETag": etag, "Vary": "Accept, Authorization, Cookie", "Content-Security-Policy": _INERT}
    known = request.headers.get("If-None-Match")
    if known is not None:
        listed = tags(known)
        if listed is None or etag.strip('"') in listed:
            return Reply("", headers=headers, status=NOT_MODIFIED)
    return Reply(text, headers=headers, media_type=MEDIA_TYPES[written_in])


async def replace_content(call: Call[NoQuery, NewContent]) -> Reply[ContentReplaced]:
    """Make a document say something else, as an edit like any other: whoever has it open sees it happen.

    What stays the same is not touched, so that carets stay where they are, and what people type during the replacement
    is kept beside it. With `If-Match` it happens only if the document still says what that version said.
    """
    request, body = call.request, call.body
    db: AsyncSession = request.state.db
    user, document_id = signed_in(request), document_id_of(request)
    required = _required(request)
    # Before the work: whoever may not do this is told so at once.
    await lifecycle.find(db, user, document_id, DocumentVerb.EDIT)
    async with turn(request, len(body.content)):
        node = await asyncio.to_thread(content.parse, body.content, body.format)
        replacement = _Replacement(node, required)
        _, seq = await lifecycle.replace_content(db, live_of(request), user, document_id, replacement)
    etag = f'"{replacement.version}-{body.format.value}"'
    return Reply(ContentReplaced(changed=seq > 0, etag=etag))


@dataclass(slots=True)
class _Replacement:
    """A change for `live.edit`. Afterwards `version` names what it left behind."""

    node: Node
    required: frozenset[str] | None
    version: str = field(default="", init=False)

    def __call__(self, doc: ydoc.YDoc) -> None:
        # Compared here, on the very copy that is changed, and not on one that was read earlier.
        if self.required is not None and version_of(ydoc.read_node(doc)) not in self.required:
            raise HTTPException(412, "The document has changed since the version you know. Read it again.")
        content.replacement(self.node)(doc)
        self.version = version_of(ydoc.read_node(doc))


def version_of(node: Node) -> str:
    """Return the name of what a document says: equal for equal content, whatever its history."""
    written = json.dumps(node.to_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _write(state: bytes, written_in: Format) -> tuple[str, str]:
    node = content.load(state).node
    return content.write(node, written_in), f'"{version_of(node)}-{written_in.value}"'


def _wanted(request: Request) -> Format:
    media_type = preferred(request.headers.get("Accept", ""), list(_FORMATS))
    if media_type is None:
        raise HTTPException(406, f"Content can be read as {', '.join(_FORMATS)}.")
    return _FORMATS[media_type]


def _required(request: Request) -> frozenset[str] | None:
    """Return the versions one of which the document must have, or None if any will do."""
    header = request.headers.get("If-Match")
    listed = strong_tags(header) if header is not None else None
    return None if listed is None else frozenset(tag.rpartition("-")[0] for tag in listed)

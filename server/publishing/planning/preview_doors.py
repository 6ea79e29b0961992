"""Where pages and programs ask how a document would look on an account."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.documents import lifecycle
from server.documents.access import DocumentVerb
from server.documents.api.turns import turn
from server.documents.models import MAX_TITLE_CHARACTERS, Document
from server.documents.read_json import read_json
from server.documents.variants import (
    MAX_OPTIONS,
    MAX_REPLIES,
    MAX_TAG_CHARACTERS,
    MAX_TAGS,
    MAX_WORDS,
    Whole,
    described,
    whole,
)
from server.errors import Invalid, NotFound
from server.publishing.channel import Channel
from server.publishing.models import ChannelAccount
from server.publishing.planning import previewing
from server.publishing.planning.previewing import Preview
from server.review import content
from server.web.bodies import read_bounded
from server.web.forms import field_sentences
from server.web.render import render, wants_fragment

# A hundred pages of text. To write so much as Markdown for a meter takes a core seconds, and people type on meanwhile.
MAX_BODY_BYTES: Final = 512 * 1024
# As many blocks as anybody looks at beside what they write.
MAX_BLOCKS: Final = 10_000
_HASH: Final = re.compile(r"[0-9a-f]{64}")

Words = Annotated[str, StringConstraints(max_length=MAX_WORDS)]
Blocks = Annotated[list[dict[str, Any]], Field(max_length=MAX_BLOCKS)]


class Sent(BaseModel):
    """A text for an account as the page has it: whole, whatever of it follows the document."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: Annotated[str, StringConstraints(max_length=MAX_TITLE_CHARACTERS)] = ""
    body: Blocks
    link: Words | None = None
    tags: Annotated[
        list[Annotated[str, StringConstraints(max_length=MAX_TAG_CHARACTERS)]], Field(max_length=MAX_TAGS)
    ] = []
    options: Annotated[dict[str, Words], Field(max_length=MAX_OPTIONS)] = {}
    replies: Annotated[list[Blocks], Field(max_length=MAX_REPLIES)] = []

    def whole(self) -> Whole:
        """Return it as it would be kept. Raises Invalid for blocks that the schema does not allow."""
        body, *replies = (_document(blocks) for blocks in (self.body, *self.replies))
        options = {name: value.strip() for name, value in self.options.items() if value.strip()}
        return Whole(self.title, body, (self.link or "").strip() or None, tuple(self.tags), options, tuple(replies))


async def preview(request: Request) -> Response:
    """Say what goes out of a text that somebody writes for an account, and how it looks there. Nothing is kept."""
    body = await read_bounded(request, MAX_BODY_BYTES)
    document, account, channel = await _place(request)
    async with turn(request, len(body)):
        try:
            said = await asyncio.to_thread(lambda: Sent.model_validate_json(body).whole())
        except ValidationError as error:
            raise Invalid(field_sentences(error)) from error
        found = await previewing.preview(request.state.db, document.workspace_id, said, account, channel)
    return JSONResponse(told(found), headers={"Cache-Control": "no-store"})


async def preview_frozen(request: Request) -> Response:
    """Show how a content that was sent for review looks on an account. `content`: its hash, as hex."""
    document, account, channel = await _place(request, DocumentVerb.DECIDE)
    asked = request.query_params.get("content", "")
    if not _HASH.fullmatch(asked):
        raise NotFound
    db: AsyncSession = request.state.db
    frozen = await content.find(db, document.id, bytes.fromhex(asked))
    if frozen is None:
        raise NotFound
    said = whole(frozen.title, frozen.body, frozen.variants.get(str(account.id)))
    found = await previewing.preview(db, document.workspace_id, said, account, channel)
    return render(
        request,
        "publishing/preview.html",
        block="preview" if wants_fragment(request) else None,
        document={"id": document.id, "title": frozen.title},
        account=account,
        channel=channel,
        preview=found,
    )


def told(found: Preview) -> dict[str, Any]:
    """Return a preview as JSON."""
    return {
        "meters": [
            {"name": each.name, "used": each.used, "most": each.most, "unit": each.unit} for each in found.meters
        ],
        "problems": [
            {"where": each.where, "sentence": each.sentence, "blocks": each.blocks} for each in found.problems
        ],
        "parts": list(found.parts),
        "html": str(found.html),
    }


async def _place(request: Request, verb: DocumentVerb = DocumentVerb.VIEW) -> tuple[Document, ChannelAccount, Channel]:
    """Return the document, if the person may do that with it, and an account of its workspace.

    Raises NotFound, Forbidden.
    """
    db: AsyncSession = request.state.db
    document, at = await lifecycle.find(db, signed_in(request), request.path_params["document_id"], verb)
    if at.workspace_role is None:
        raise NotFound
    account_id: UUID = request.path_params["account_id"]
    account = await db.scalar(
        select(ChannelAccount).where(
            col(ChannelAccount.id) == account_id,
            col(ChannelAccount.workspace_id) == document.workspace_id,
            col(ChannelAccount.disconnected_at).is_(None),
        )
    )
    channel = request.app.state.reach.channels.get(account.channel) if account is not None else None
    if account is None or channel is None:
        raise NotFound
    return document, account, channel


def _document(blocks: Sequence[object]) -> dict[str, Any]:
    return {"type": "doc", "content": [described(block) for block in read_json(blocks)]}


_PREVIEW: Final = "/documents/{document_id:uuid}/variants/{account_id:uuid}/preview"
routes: Final = [
    Route(_PREVIEW, preview, methods=["POST"]),
    Route(_PREVIEW, preview_frozen, methods=["GET"]),
]

"""Content that was frozen: what a document said at a revision, and the proof that it is still the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prosemirror.model import Node
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents import freezing
from server.documents.freezing import Words
from server.documents.models import Document, utc_now
from server.documents.schema import schema
from server.review.models import FrozenContent
from server.revisions import recording, states
from server.revisions.models import Reason, Revision

REVISION_NAME = "Sent for review"


class Altered(Exception):
    """A frozen content is not what its hash says: somebody wrote past Quillroom, or the database is damaged."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a document said. `pictures`: the SHA-256 of each picture in it, as hex, by its id."""

    hash: bytes
    title: str
    body: dict[str, Any]
    variants: dict[str, Any]
    pictures: dict[str, str | None]
    revision_id: UUID | None
    revision_number: int

    @property
    def node(self) -> Node:
        """The text."""
        node: Node = Node.from_json(schema, self.body)
        return node


async def freeze(db: AsyncSession, document_id: UUID, *, by: UUID) -> Frozen:
    """Keep what the document says now as a revision that stays, and as content that can be signed. Raises NotFound."""
    revision = await recording.record(db, document_id, by=by)
    if revision.reason == Reason.AUTOMATIC and revision.name is None:
        # One that came by itself would be thinned out.
        revision = await recording.record(db, document_id, reason=Reason.NAMED, name=REVISION_NAME, by=by)
    words, digest = await asyncio.to_thread(_read, await states.read_state(db, revision))
    pictures = await freezing.digests(db, words.pictures)
    signed = freezing.content_hash(digest, pictures)
    content = {"title": words.title, "body": words.body, "variants": words.variants, "pictures": pictures}
    await db.execute(
        insert(FrozenContent)
        .values(
            document_id=document_id,
            hash=signed,
            content=content,
            revision_id=revision.id,
            revision_number=revision.number,
            frozen_at=utc_now(),
        )
        .on_conflict_do_nothing()
    )
    # Unless a newer state was written already. A document that nobody has edited since an upgrade has none yet.
    await db.execute(
        update(Document)
        .where(col(Document.id) == document_id, col(Document.projected_seq) <= revision.seq)
        .values(content_hash=signed, title=words.title)
        .execution_options(synchronize_session=False)
    )
    found = await find(db, document_id, signed)
    assert found is not None, "it was kept just now"  # noqa: S101 - for the type
    return found


async def find(db: AsyncSession, document_id: UUID, signed: bytes) -> Frozen | None:
    """Return a content that was frozen. Raises Altered if it is not what was signed."""
    kept = await db.get(FrozenContent, (document_id, signed))
    if kept is None:
        return None
    content = kept.content
    digest = await asyncio.to_thread(lambda: Words(content["title"], content["body"], content["variants"]).digest)
    if freezing.content_hash(digest, content["pictures"]) != signed:
        message = f"content {signed.hex()} of document {document_id}"
        raise Altered(message)
    return Frozen(
        hash=signed,
        title=content["title"],
        body=content["body"],
        variants=content["variants"],
        pictures=content["pictures"],
        revision_id=kept.revision_id,
        revision_number=kept.revision_number,
    )


async def mark_approved(db: AsyncSession, frozen: Frozen) -> None:
    """Let the history say that this revision was approved."""
    if frozen.revision_id is not None:
        await db.execute(
            update(Revision).where(col(Revision.id) == frozen.revision_id).values(reason=Reason.APPROVAL.value)
        )


def _read(state: tuple[bytes, ...]) -> tuple[Words, bytes]:
    words = freezing.read(states.unpack(state))
    return words, words.digest

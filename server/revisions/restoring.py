"""The way back: making a live document say what a revision says, or a part of it.

A restore is an edit like any other. What is the same is not touched, so that carets, ids and comments stay; everybody
who has the document open sees it happen, and what somebody types or brings from offline is merged with it. It is in
nobody's own undo; the revision made just before it is the way back from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from prosemirror.model import Node
from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts.models import User
from server.documents import content, lifecycle, variants, ydoc
from server.documents.access import DocumentActor, DocumentVerb
from server.documents.foreign import as_paragraph, is_foreign
from server.documents.lifecycle import LiveDocuments
from server.documents.models import Document, Reach
from server.documents.schema import empty_document, schema
from server.errors import Forbidden, Invalid
from server.revisions import attribution, authorship, listing, recording, states
from server.revisions.authorship import Recalled
from server.revisions.comparing import words
from server.revisions.models import Reason, Revision
from server.workspaces.access import Actor, Verb, require

# A name says it in a line: with the words around it, it is shorter than MAX_NAME_CHARACTERS.
_MOST_SAID: Final = 48


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `before`: what the document said until then; `after`: None if that was the same already."""

    before: Revision
    after: Revision | None


class _Edit(Protocol):
    client_id: int | None

    def __call__(self, doc: ydoc.YDoc) -> None: ...


@dataclass(slots=True)
class _Whole:
    """A change for `live.edit`: text, title and variants. Afterwards `client_id` is who did it in the document."""

    node: Node
    title: str
    packed: tuple[bytes, ...]
    client_id: int | None = field(default=None, init=False)

    def __call__(self, doc: ydoc.YDoc) -> None:
        self.client_id = doc.client_id
        content.replacement(self.node)(doc)
        if ydoc.read_title(doc) != self.title:
            ydoc.write_title(doc, self.title)
        variants.bring_back(doc, states.unpack(self.packed))


@dataclass(slots=True)
class _OneBlock:
    """A change for `live.edit`: one block becomes what it was, comes back to its place, or goes if it was not there."""

    node: Node
    block_id: str
    client_id: int | None = field(default=None, init=False)
    gone: Node | None = field(default=None, init=False)

    def __call__(self, doc: ydoc.YDoc) -> None:
        self.client_id = doc.client_id
        present = ydoc.read_node(doc)
        self.gone = _with_id(present.content.content, self.block_id)
        blocks = with_block_of(list(present.content.content), list(self.node.content.content), self.block_id)
        content.replacement(document_of(writable(blocks)))(doc)

    def done(self, number: int) -> str:
        """Return what was done, as a name. `number`: of the revision that was gone back to."""
        block = _with_id(self.node.content.content, self.block_id)
        said = first_words(block or self.gone)
        if block is None:
            return f"Took out one block that version {number} does not have{said}"
        return f"Restored one block from version {number}{said}"


async def restore(
    db: AsyncSession,
    live: LiveDocuments,
    user: User,
    document_id: UUID,
    revision_id: UUID,
    *,
    block_id: str | None = None,
) -> tuple[Document, Restored]:
    """Make a document say what a revision says, all of it or one top-level block.

    Raises NotFound, Forbidden, Conflict for a document in the trash, Invalid for a block that neither has.
    """
    await lifecycle.find(db, user, document_id, DocumentVerb.EDIT)
    revision = await listing.find(db, document_id, revision_id)
    packed = await states.read_state(db, revision)
    node, title = await asyncio.to_thread(read, packed)
    back = await asyncio.to_thread(recall, packed, revision)
    change: _Edit = _Whole(node, title, packed) if block_id is None else _OneBlock(node, block_id)
    before = await recording.record_before(db, document_id)
    document, seq = await lifecycle.replace_content(db, live, user, document_id, change)
    if not seq:
        return document, Restored(before, None)
    if change.client_id is not None:
        await attribution.claim(db, document_id, {change.client_id: user.id})
    after = await recording.record(
        db,
        document_id,
        reason=Reason.RESTORE,
        name=change.done(revision.number) if isinstance(change, _OneBlock) else None,
        by=user.id,
        restored=revision.number if block_id is None else None,
        back=back,
    )
    return document, Restored(before, after)


async def copy(db: AsyncSession, user: User, document_id: UUID, revision_id: UUID) -> Document:
    """Make a new document in the same workspace that says what a revision says. Raises NotFound, Forbidden.

    Only its maker sees it until they share it: the text may be of a document that few may see.
    """
    _, actor = await lifecycle.find(db, user, document_id, DocumentVerb.EDIT)
    maker = at_work(actor)
    if maker is None:
        # They read by a link and are no member of the workspace.
        raise Forbidden
    require(maker, Verb.CREATE, maker)
    revision = await listing.find(db, document_id, revision_id)
    node, title = await asyncio.to_thread(read, await states.read_state(db, revision))
    made = await lifecycle.create(db, maker, title=f"{title or 'Untitled'} (copy)", content=node)
    made.reach = Reach.PEOPLE.value
    await db.flush()
    return made


def at_work(actor: DocumentActor) -> Actor | None:
    """Return somebody at a document as what they are in its workspace, None if they are no member."""
    if actor.user_id is None or actor.workspace_role is None:
        return None
    return Actor(user_id=actor.user_id, workspace_id=actor.workspace_id, role=actor.workspace_role)


def read(packed: tuple[bytes, ...]) -> tuple[Node, str]:
    """Return text and title of a state, as they can be written into a document. Use a thread."""
    doc = states.unpack(packed)
    return document_of(writable(ydoc.read_node(doc).content.content)), ydoc.read_title(doc)


def recall(packed: tuple[bytes, ...], revision: Revision) -> Recalled:
    """Return whose the text of a revision is: as it is written down, or else as its clients say. Use a thread."""
    doc = states.unpack(packed)
    if revision.authorship is not None:
        whose = authorship.unpack(revision.authorship)
    else:
        whose = authorship.begin(doc, revision.created_at)
    return authorship.recall(ydoc.read_node(doc), whose)


def with_block_of(present: list[Node], past: list[Node], block_id: str) -> list[Node]:
    """Return the present blocks with one of them as it was in the past. Raises Invalid if it is in neither."""
    was = _with_id(past, block_id)
    at = next((place for place, block in enumerate(present) if _id(block) == block_id), None)
    if was is None and at is None:
        raise Invalid({"block_id": "Neither the document nor the revision has this block."})
    if at is not None:
        return [*present[:at], *([was] if was is not None else []), *present[at + 1 :]]
    places = {_id(block): place for place, block in enumerate(present) if _id(block) is not None}
    earlier = past[: next(place for place, block in enumerate(past) if _id(block) == block_id)]
    # Behind the nearest block before it that is still there.
    after = next((places[_id(block)] + 1 for block in reversed(earlier) if _id(block) in places), 0)
    return [*present[:after], *([was] if was is not None else []), *present[after:]]


def writable(blocks: Sequence[Node]) -> list[Node]:
    """Return blocks without foreign ones: a paragraph with its words keeps one that is there, and brings back no other.

    See server.documents.replacing.
    """
    written = [as_paragraph(block) if is_foreign(block) else block for block in blocks]
    return [block for block in written if block is not None]


def document_of(blocks: list[Node]) -> Node:
    """Return a document of blocks, which has a first paragraph at least."""
    return schema.nodes["doc"].create({}, blocks) if blocks else empty_document()


def first_words(block: Node | None) -> str:
    """Return what a block begins with, behind a colon and in quotation marks; nothing for a picture or a rule."""
    said = " ".join(words(block).split()) if block is not None else ""
    if len(said) > _MOST_SAID:
        said = f"{said[:_MOST_SAID].rpartition(' ')[0] or said[:_MOST_SAID]}…"
    return f": “{said}”" if said else ""


def _with_id(blocks: Sequence[Node], block_id: str) -> Node | None:
    return next((block for block in blocks if _id(block) == block_id), None)


def _id(block: Node) -> object:
    return block.attrs.get("id")

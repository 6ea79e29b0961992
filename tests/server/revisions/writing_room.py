"""Documents whose log is written directly, for tests of what follows from it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents import lifecycle, ydoc
from server.documents.content import replacement
from server.documents.models import Document, DocumentUpdate, Lineage, utc_now
from server.documents.read_markdown import read_markdown
from server.documents.schema import empty_document, node
from server.revisions import attribution, states
from server.workspaces.models import Role, Workspace
from tests.factories import actor


def parsed(markdown: str) -> Any:
    """Return a document that says this."""
    blocks = read_markdown(markdown)
    return node("doc", content=blocks) if blocks else empty_document()


async def begin(sessions: Sessions, user: User, workspace: Workspace, markdown: str = "", title: str = "") -> Document:
    """Create a document."""
    async with transaction(sessions) as db:
        return await lifecycle.create(
            db, actor(user, workspace, Role.ADMIN), title=title, content=parsed(markdown) if markdown else None
        )


async def write(
    sessions: Sessions,
    document_id: UUID,
    markdown: str,
    *,
    ago: timedelta = timedelta(0),
    by: User | None = None,
    noted: bool = True,
) -> int:
    """Make the document say this, as an edit in its log that came so long ago. Returns its place."""
    async with transaction(sessions) as db:
        seq, client = await _append(db, document_id, markdown, utc_now() - ago, by)
    if by is not None and noted:
        await attribution.note(sessions, document_id, seq, writers=[by.id], authors={client: by.id})
    return seq


async def _append(
    db: AsyncSession, document_id: UUID, markdown: str, when: datetime, by: User | None
) -> tuple[int, int]:
    doc = states.build((await states.read_log(db, document_id)).updates)
    before = doc.get_state()
    replacement(parsed(markdown))(doc)
    return await append(db, document_id, doc.get_update(before), when, by), doc.client_id


async def append(db: AsyncSession, document_id: UUID, data: bytes, when: datetime, by: User | None) -> int:
    """Put an update into the log. Returns its place."""
    seq: int | None = await db.scalar(
        update(Lineage)
        .where(col(Lineage.document_id) == document_id)
        .values(seq=col(Lineage.seq) + 1, bytes=col(Lineage.bytes) + len(data))
        .returning(col(Lineage.seq))
    )
    assert seq is not None
    db.add(
        DocumentUpdate(document_id=document_id, seq=seq, data=data, created_at=when, written_by=by.id if by else None)
    )
    return seq


async def says(db: AsyncSession, document_id: UUID) -> str:
    """Return what the log of the document says, a line per block."""
    doc = states.build((await states.read_log(db, document_id)).updates)
    return text_of(doc)


def text_of(doc: ydoc.YDoc) -> str:
    """Return what a document says, a line per block."""
    return "\n".join(block.text_content for block in ydoc.read_node(doc).content.content)


async def clear_log(db: AsyncSession, document_id: UUID) -> None:
    """Fold the log as the compaction does: one snapshot, no rows."""
    from server.documents.models import DocumentSnapshot

    logged = await states.read_log(db, document_id)
    folded = states.build(logged.updates).get_update()
    await db.merge(DocumentSnapshot(document_id=document_id, seq=logged.seq, data=folded))
    for row in await db.scalars(select(DocumentUpdate).where(col(DocumentUpdate.document_id) == document_id)):
        await db.delete(row)
    await db.flush()

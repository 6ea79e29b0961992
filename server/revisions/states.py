"""The states that revisions hold: packed for the database, and read from the log.

A delta is always on top of a keyframe and never of another delta: so reading a state takes two rows, and thinning one
revision touches no other.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pycrdt import Doc
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents import ydoc
from server.documents.suggestions import INSERTED, INSERTION
from server.documents.ydoc import YDoc
from server.errors import NotFound
from server.revisions.models import Keyframe, Revision

# A delta that is as long as this part of its keyframe asks for a new keyframe; for little texts it is not worth one.
_LONG_DELTA: Final = 0.5
_SHORT_BYTES: Final = 2048

# One statement sees one state of the database: it never meets a log that is being folded.
_LOG: Final = text("""
SELECT
    lineages.seq,
    snapshot.seq AS folded_seq,
    snapshot.data AS folded,
    later.seqs,
    later.updates,
    later.times,
    later.writers
FROM lineages
LEFT JOIN document_snapshots AS snapshot USING (document_id)
CROSS JOIN LATERAL (
    SELECT
        array_agg(seq ORDER BY seq) AS seqs,
        array_agg(data ORDER BY seq) AS updates,
        array_agg(created_at ORDER BY seq) AS times,
        array_agg(written_by ORDER BY seq) AS writers
    FROM document_updates
    WHERE document_updates.document_id = lineages.document_id AND seq > coalesce(snapshot.seq, 0)
) AS later
WHERE lineages.document_id = :document_id
""")


class Row(NamedTuple):
    """A row of the log. `by`: whose all of it is; None where that is not known."""

    seq: int
    data: bytes
    at: datetime
    by: UUID | None


@dataclass(frozen=True, slots=True)
class Logged:
    """A document as its log has it, and the newest place. `folded`: what came up to `folded_seq`, None if nothing."""

    seq: int
    folded: bytes | None
    folded_seq: int
    rows: tuple[Row, ...]

    @property
    def updates(self) -> tuple[bytes, ...]:
        """All updates, which are the whole of it."""
        return (*((self.folded,) if self.folded is not None else ()), *(row.data for row in self.rows))


@dataclass(frozen=True, slots=True)
class Packed:
    """A state as it is put into rows. `keyframe` is None where it builds on the one given."""

    keyframe: bytes | None
    delta: bytes | None
    state_vector: bytes


async def read_log(db: AsyncSession, document_id: UUID) -> Logged:
    """Return what is durable of a document at this moment. Raises NotFound."""
    row = (await db.execute(_LOG, {"document_id": document_id})).one_or_none()
    if row is None:
        raise NotFound
    rows = tuple(map(Row, row.seqs or (), row.updates or (), row.times or (), row.writers or ()))
    return Logged(seq=row.seq, folded=row.folded, folded_seq=row.folded_seq or 0, rows=rows)


async def read_state(db: AsyncSession, revision: Revision) -> tuple[bytes, ...]:
    """Return the updates that are a revision's state, packed as they are."""
    found = (
        select(col(Keyframe.data), col(Revision.delta))
        .join(Revision, col(Revision.keyframe_id) == col(Keyframe.id))
        .where(col(Revision.id) == revision.id)
    )
    row = (await db.execute(found)).one_or_none()
    if row is None:
        # Thinned out in this very moment.
        raise NotFound
    keyframe, delta = row
    return (keyframe,) if delta is None else (keyframe, delta)


def unpack(packed: tuple[bytes, ...]) -> YDoc:
    """Make the document of what `read_state` returns. Milliseconds a hundred kilobytes: use a thread."""
    return build(tuple(zlib.decompress(each) for each in packed))


def build(updates: tuple[bytes, ...]) -> YDoc:
    """Make the document of updates that are all of it."""
    doc: YDoc = Doc()
    with doc.transaction():
        for update in updates:
            doc.apply_update(update)
    return doc


def hold_suggestions(packed: tuple[bytes, ...]) -> bool:
    """Say whether somebody may have suggested text in what `read_state` returns. Use a thread."""
    states = (zlib.decompress(each) for each in packed)
    return any(name.encode() in state for state in states for name in (INSERTION, INSERTED))


def pack(doc: YDoc, keyframe: bytes | None) -> Packed:
    """Return the state of a document for the database, on top of a packed keyframe if that is short enough."""
    state_vector = doc.get_state()
    if keyframe is not None:
        delta = zlib.compress(doc.get_update(ydoc.load(zlib.decompress(keyframe)).get_state()))
        if len(delta) <= max(_SHORT_BYTES, _LONG_DELTA * len(keyframe)):
            return Packed(keyframe=None, delta=delta, state_vector=state_vector)
    return Packed(keyframe=zlib.compress(doc.get_update()), delta=None, state_vector=state_vector)

"""Adding to the ledger, in the transaction of the deed, and looking whether a chain is whole.

    await ledger.append(db, workspace_id, ledger.By(user.id, user.name), kind="review.approved",
                        sentence="Ada approved “Plan”.", document_id=document.id, data={"hash": "…"})

Add last, right before the commit: the workspace's chain is locked from then on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.audit.models import LedgerEntry, LedgerHead

# What the first entry of a chain follows.
BEGINNING: Final = bytes(32)
_ROWS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class By:
    """Who did it: a person, or with no id a guest, a worker or the command line, by name."""

    id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What was found about the chain of one workspace: how long it is, its newest hash, and where it breaks if so."""

    workspace_id: UUID
    entries: int
    head: bytes
    broken_at: int | None = None
    reason: str = ""


async def append(
    db: AsyncSession,
    workspace_id: UUID,
    by: By,
    *,
    kind: str,
    sentence: str,
    document_id: UUID | None = None,
    data: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> LedgerEntry:
    """Add what was done. It is there exactly if the caller's transaction commits.

    `data`: JSON without fractions, which a database may write otherwise than they came. Raises TypeError.
    """
    await db.execute(
        insert(LedgerHead).values(workspace_id=workspace_id, number=0, hash=BEGINNING).on_conflict_do_nothing()
    )
    held = select(LedgerHead).where(col(LedgerHead.workspace_id) == workspace_id).with_for_update()
    head = (await db.scalars(held.execution_options(populate_existing=True))).one()
    entry = LedgerEntry(
        workspace_id=workspace_id,
        number=head.number + 1,
        at=now or datetime.now(UTC),
        actor_id=by.id,
        actor_name=_storable(by.name),
        kind=kind,
        sentence=_storable(sentence),
        document_id=document_id,
        data=_plain(data or {}),
        previous=head.hash,
        hash=b"",
    )
    entry.hash = hash_of(entry)
    head.number, head.hash = entry.number, entry.hash
    db.add(entry)
    await db.flush()
    return entry


async def of_document(
    db: AsyncSession, document_id: UUID, *, before: int | None = None, limit: int = 50
) -> Sequence[LedgerEntry]:
    """Return what was done to a document, the newest first; `before` is the number of the oldest that is known."""
    wanted = select(LedgerEntry).where(col(LedgerEntry.document_id) == document_id)
    if before is not None:
        wanted = wanted.where(col(LedgerEntry.number) < before)
    return (await db.scalars(wanted.order_by(col(LedgerEntry.number).desc()).limit(limit))).all()


def hash_of(entry: LedgerEntry) -> bytes:
    """Return the hash of all that an entry says and of the hash before it."""
    said = {
        "workspace": str(entry.workspace_id),
        "number": entry.number,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": str(entry.actor_id) if entry.actor_id else None,
        "name": entry.actor_name,
        "kind": entry.kind,
        "sentence": entry.sentence,
        "document": str(entry.document_id) if entry.document_id else None,
        "data": entry.data,
        "previous": entry.previous.hex(),
    }
    return sha256(canonical(said)).digest()


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return the one way to write a JSON value: keys in order, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


async def verify(db: AsyncSession) -> Sequence[Chain]:
    """Look at every chain of the installation."""
    heads = (await db.scalars(select(LedgerHead).order_by(col(LedgerHead.workspace_id)))).all()
    with_entries = set(await db.scalars(select(col(LedgerEntry.workspace_id)).distinct()))
    found = [await _follow(db, head) for head in heads]
    headless = with_entries - {head.workspace_id for head in heads}
    return [*found, *(Chain(each, 0, BEGINNING, 1, "the row that ends its chain is gone") for each in sorted(headless))]


async def _follow(db: AsyncSession, head: LedgerHead) -> Chain:
    number, previous = 0, BEGINNING

    def broken(at: int, reason: str) -> Chain:
        return Chain(head.workspace_id, head.number, head.hash, at, reason)

    while True:
        rows = (
            await db.scalars(
                select(LedgerEntry)
                .where(col(LedgerEntry.workspace_id) == head.workspace_id, col(LedgerEntry.number) > number)
                .order_by(col(LedgerEntry.number))
                .limit(_ROWS_AT_ONCE)
                .execution_options(populate_existing=True)
            )
        ).all()
        for entry in rows:
            if entry.number != number + 1:
                return broken(number + 1, "it is gone")
            if entry.previous != previous:
                return broken(entry.number, "it does not follow the one before")
            if hash_of(entry) != entry.hash:
                return broken(entry.number, "it was changed")
            number, previous = entry.number, entry.hash
        if len(rows) < _ROWS_AT_ONCE:
            break
        db.expunge_all()
    if number < head.number:
        return broken(number + 1, "it is gone, and all after it")
    if number > head.number or previous != head.hash:
        return broken(number, "the chain ends otherwise than its last row says")
    return Chain(head.workspace_id, number, previous)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON as the database gives it back. Raises TypeError."""
    if isinstance(value, Mapping):
        return {_storable(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return _storable(value)
    if value is None or isinstance(value, bool | int):
        return value
    message = f"the ledger takes no {type(value).__name__}"
    raise TypeError(message)


def _storable(text: str) -> str:
    # Neither column takes these; a lone surrogate has no UTF-8.
    return text.replace("\0", "").encode("utf-8", "replace").decode()

"""Adding to the ledger, in the transaction of the deed, and looking whether a chain is whole.

    await ledger.append(db, workspace_id, ledger.By(user.id, user.name), kind="review.approved",
                        sentence="Ada approved “Plan”.", document_id=document.id, data={"hash": "…"})

Add last, right before the commit: the workspace's chain is locked from then on. Where that could hold somebody up, or
other locks are taken afterwards, `append_later` notes the deed in the same transaction without any lock, and a worker
chains it (`chain_waiting`) moments after the commit.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.audit.models import LedgerEntry, LedgerHead, WaitingEntry
from server.db import Sessions, transaction

# What the first entry of a chain follows.
BEGINNING: Final = bytes(32)
_ROWS_AT_ONCE: Final = 1000
_WORKSPACES_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class By:
    """Who did it: a person, or with no id a guest, a worker or the command line, by name."""

    id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, as people see it. `number`: of its entry; None while it waits for the chain."""

    at: datetime
    actor_id: UUID | None
    kind: str
    sentence: str
    document_id: UUID | None
    number: int | None


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
    head = await _hold(db, workspace_id)
    entry = _linked(
        head,
        WaitingEntry(
            workspace_id=workspace_id,
            at=now or datetime.now(UTC),
            actor_id=by.id,
            actor_name=_storable(by.name),
            kind=kind,
            sentence=_storable(sentence),
            document_id=document_id,
            data=_plain(data or {}),
        ),
    )
    db.add(entry)
    await db.flush()
    return entry


async def append_later(
    db: AsyncSession,
    workspace_id: UUID,
    by: By,
    *,
    kind: str,
    sentence: str,
    document_id: UUID | None = None,
    data: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> None:
    """Note what was done, for the chain. As `append`, but nobody waits for anybody, and it may be at any place."""
    db.add(
        WaitingEntry(
            workspace_id=workspace_id,
            at=now or datetime.now(UTC),
            actor_id=by.id,
            actor_name=_storable(by.name),
            kind=kind,
            sentence=_storable(sentence),
            document_id=document_id,
            data=_plain(data or {}),
        )
    )
    await db.flush()


async def chain_waiting(sessions: Sessions) -> int:
    """Put into the chains what was noted for them, in the order in which it came. Returns how many were chained."""
    async with sessions() as db:
        waiting = select(col(WaitingEntry.workspace_id)).distinct().limit(_WORKSPACES_AT_ONCE)
        workspace_ids = (await db.scalars(waiting)).all()
    chained = 0
    for workspace_id in workspace_ids:
        async with transaction(sessions) as db:
            # Whoever else chains waits here, and then finds the rows gone.
            head = await _hold(db, workspace_id)
            rows = (
                await db.scalars(
                    select(WaitingEntry)
                    .where(col(WaitingEntry.workspace_id) == workspace_id)
                    .order_by(col(WaitingEntry.id))
                    .limit(_ROWS_AT_ONCE)
                )
            ).all()
            db.add_all([_linked(head, row) for row in rows])
            await db.execute(delete(WaitingEntry).where(col(WaitingEntry.id).in_([row.id for row in rows])))
            chained += len(rows)
    return chained


async def of_document(
    db: AsyncSession,
    document_id: UUID,
    *,
    before: int | None = None,
    limit: int = 50,
    but: Collection[str] = (),
) -> Sequence[Deed]:
    """Return what was done to a document, the newest first; `before` is the number of the oldest that is known.

    `but`: beginnings of kinds that are left out. What waits for the chain comes first, and has no number.
    """
    deeds: list[Deed] = []
    if before is None:
        waiting = select(WaitingEntry).where(col(WaitingEntry.document_id) == document_id)
        waiting = waiting.where(*_without(col(WaitingEntry.kind), but)).order_by(col(WaitingEntry.id).desc())
        deeds = [_deed(row, None) for row in await db.scalars(waiting.limit(limit))]
    wanted = select(LedgerEntry).where(col(LedgerEntry.document_id) == document_id)
    if before is not None:
        wanted = wanted.where(col(LedgerEntry.number) < before)
    wanted = wanted.where(*_without(col(LedgerEntry.kind), but)).order_by(col(LedgerEntry.number).desc())
    return [*deeds, *(_deed(row, row.number) for row in await db.scalars(wanted.limit(limit)))]


async def of_workspace(
    db: AsyncSession,
    workspace_id: UUID,
    *,
    before: int | None = None,
    limit: int = 50,
    kinds: Collection[str] = (),
    actor_id: UUID | None = None,
) -> Sequence[Deed]:
    """Return what was done in a workspace, the newest first. `kinds`: beginnings of those that are wanted, if not all.

    What waits for the chain comes with the newest, and has no number.
    """
    deeds: list[Deed] = []
    if before is None:
        waiting = select(WaitingEntry).where(
            col(WaitingEntry.workspace_id) == workspace_id,
            *_about(col(WaitingEntry.kind), kinds),
            *([col(WaitingEntry.actor_id) == actor_id] if actor_id is not None else []),
        )
        rows = await db.scalars(waiting.order_by(col(WaitingEntry.id).desc()).limit(limit))
        deeds = [_deed(row, None) for row in rows]
    wanted = select(LedgerEntry).where(
        col(LedgerEntry.workspace_id) == workspace_id,
        *_about(col(LedgerEntry.kind), kinds),
        *([col(LedgerEntry.actor_id) == actor_id] if actor_id is not None else []),
    )
    if before is not None:
        wanted = wanted.where(col(LedgerEntry.number) < before)
    entries = await db.scalars(wanted.order_by(col(LedgerEntry.number).desc()).limit(limit))
    return [*deeds, *(_deed(row, row.number) for row in entries)]


def by_day(deeds: Sequence[Deed], zone: tzinfo) -> list[tuple[datetime, list[Deed]]]:
    """Return deeds by the days of a zone, in their order, each day with a moment of it."""
    days = groupby(deeds, key=lambda deed: deed.at.astimezone(zone).date())
    grouped = [list(of_day) for _, of_day in days]
    return [(of_day[0].at, of_day) for of_day in grouped]


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


async def waiting_since(db: AsyncSession) -> datetime | None:
    """Return when the deed was done that has waited for the chain the longest; None: all are in it."""
    oldest: datetime | None = await db.scalar(select(func.min(col(WaitingEntry.at))))
    return oldest


async def _hold(db: AsyncSession, workspace_id: UUID) -> LedgerHead:
    """Return the end of a workspace's chain, locked until the transaction ends."""
    await db.execute(
        insert(LedgerHead).values(workspace_id=workspace_id, number=0, hash=BEGINNING).on_conflict_do_nothing()
    )
    held = select(LedgerHead).where(col(LedgerHead.workspace_id) == workspace_id).with_for_update()
    return (await db.scalars(held.execution_options(populate_existing=True))).one()


def _linked(head: LedgerHead, deed: WaitingEntry) -> LedgerEntry:
    """Return the next entry of a chain whose end is held, and move the end on."""
    entry = LedgerEntry(
        workspace_id=deed.workspace_id,
        number=head.number + 1,
        at=deed.at,
        actor_id=deed.actor_id,
        actor_name=deed.actor_name,
        kind=deed.kind,
        sentence=deed.sentence,
        document_id=deed.document_id,
        data=deed.data,
        previous=head.hash,
        hash=b"",
    )
    entry.hash = hash_of(entry)
    head.number, head.hash = entry.number, entry.hash
    return entry


def _deed(row: LedgerEntry | WaitingEntry, number: int | None) -> Deed:
    return Deed(row.at, row.actor_id, row.kind, row.sentence, row.document_id, number)


def _about(kind: SQLColumnExpression[str], kinds: Collection[str]) -> list[ColumnElement[bool]]:
    return [or_(*[kind.startswith(each, autoescape=True) for each in kinds])] if kinds else []


def _without(kind: SQLColumnExpression[str], but: Collection[str]) -> list[ColumnElement[bool]]:
    return [~kind.startswith(each, autoescape=True) for each in but]


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

"""What the rows of a spreadsheet name: documents by title or id, accounts, publications, and rows that came before."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents.access import shared_with
from server.documents.models import Document
from server.publishing.accounts import accounts
from server.publishing.bulk.models import ImportedRow
from server.publishing.bulk.reading import Row, Unclear, is_later, wall_time
from server.publishing.bulk.verdicts import proof_of
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import planning
from server.publishing.planning.planning import Entry
from server.publishing.states import OPEN, State
from server.workspaces.access import Actor

_MOST_TITLES: Final = 2000
_WAITING: Final = sorted({*OPEN, State.UNKNOWN})
_NO_DOCUMENT: Final = "There is no such document, or it is not shared with you."


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of what the rows name. `imported`: rows that were planned before, by their keys.

    `waiting`: when a document goes out on an account already, with the zone, by both their ids.
    """

    accounts: Sequence[ChannelAccount]
    titles: Mapping[UUID, str]
    by_title: Mapping[str, Sequence[UUID]]
    publications: Mapping[UUID, Entry]
    imported: Mapping[bytes, tuple[State, datetime]]
    waiting: Mapping[tuple[UUID, UUID], tuple[datetime, str]]

    def publication(self, row: Row) -> Entry | None:
        """Return the publication whose id an export wrote."""
        named = _uuid(row.cell("id"))
        return self.publications.get(named) if named is not None else None

    def document(self, row: Row) -> UUID:
        """Return the document. Raises Unclear."""
        said = row.cell("document_id")
        if said:
            found = _uuid(said)
            if found is None or found not in self.titles:
                raise Unclear("document_id", _NO_DOCUMENT)
            return found
        title = row.cell("document")
        if not title:
            raise Unclear("document", "Name the document by its title, or by its id.")
        called = self.by_title.get(_folded(title), [])
        if not called:
            raise Unclear("document", "No document that you see has this title.")
        if len(called) > 1:
            words = f"{len(called)} documents have this title. Say its “document_id”, too: it is in its address."
            raise Unclear("document", words)
        return called[0]

    def account(self, row: Row) -> ChannelAccount:
        """Return the account. Raises Unclear."""
        said = row.cell("account_id")
        if said:
            found = [each for each in self.accounts if each.id == _uuid(said)]
            if not found:
                raise Unclear("account_id", "There is no such account here. Connect it first.")
            return found[0]
        name, channel = row.cell("account"), row.cell("channel")
        if not name:
            raise Unclear("account", "Name the account on which it goes out.")
        found = [each for each in self.accounts if _folded(each.name) == _folded(name)]
        if channel:
            found = [each for each in found if _folded(each.channel) == _folded(channel)]
        if not found:
            raise Unclear("account", "No account that is connected here has this name. Connect it, or mend the name.")
        if len(found) > 1:
            raise Unclear("account", "Several accounts have this name. Say its “account_id”, too.")
        return found[0]

    def key(self, row: Row, zone: str) -> bytes:
        """Return what a row is known by when it comes again: its own key, or all that it says. Raises Unclear."""
        given = row.cell("key") or row.cell("id")
        if given:
            return hashlib.sha256(f"{'key' if row.cell('key') else 'id'}:{given}".encode()).digest()
        about = [
            str(self.document(row)),
            str(self.account(row).id),
            wall_time(row).isoformat(),
            row.cell("zone") or zone,
            is_later(row),
            row.cell("link"),
            row.cell("tags"),
            sorted(row.options.items()),
        ]
        return bytes.fromhex(proof_of(about))


async def look_up(db: AsyncSession, actor: Actor, rows: Sequence[Row], zone: str) -> Known:
    """Read what rows name, with as many questions for a thousand as for one."""
    ids = {found for row in rows if (found := _uuid(row.cell("document_id")))}
    called = {" ".join(row.cell("document").split()) for row in rows if not row.cell("document_id")} - {""}
    lowered = func.lower(func.btrim(col(Document.title)))
    documents = await db.execute(
        select(col(Document.id), col(Document.title))
        .where(
            col(Document.workspace_id) == actor.workspace_id,
            col(Document.trashed_at).is_(None),
            shared_with(actor).is_not(None),
            col(Document.id).in_(ids) | lowered.in_([func.lower(each) for each in sorted(called)]),
        )
        .limit(_MOST_TITLES)
    )
    titles = {document_id: title for document_id, title in documents}  # noqa: C416 - rows, which mypy takes for one
    by_title: dict[str, list[UUID]] = {}
    for document_id, title in titles.items():
        by_title.setdefault(_folded(title), []).append(document_id)
    known = Known(
        accounts=[each.account for each in await accounts.listed(db, actor)],
        titles=titles,
        by_title=by_title,
        publications=await planning.by_id(db, actor, {found for row in rows if (found := _uuid(row.cell("id")))}),
        imported={},
        waiting=await _waiting(db, actor, titles),
    )
    keys = []
    for row in rows:
        try:
            keys.append(known.key(row, zone))
        except Unclear:
            continue
    return replace(known, imported=await _imported(db, actor, keys))


async def _imported(db: AsyncSession, actor: Actor, keys: Collection[bytes]) -> dict[bytes, tuple[State, datetime]]:
    rows = await db.execute(
        select(col(ImportedRow.key_hash), col(Publication.state), col(Publication.due_at))
        .join(Publication, col(Publication.id) == col(ImportedRow.publication_id))
        .where(col(ImportedRow.workspace_id) == actor.workspace_id, col(ImportedRow.key_hash).in_(keys))
    )
    return {key: (State(state), due_at) for key, state, due_at in rows}


async def _waiting(
    db: AsyncSession, actor: Actor, document_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], tuple[datetime, str]]:
    rows = await db.execute(
        select(
            col(Publication.document_id), col(Publication.account_id), col(Publication.wall_time), col(Publication.zone)
        )
        .where(
            col(Publication.workspace_id) == actor.workspace_id,
            col(Publication.document_id).in_(document_ids),
            col(Publication.account_id).is_not(None),
            col(Publication.state).in_(_WAITING),
        )
        # The first one is the one that is told.
        .order_by(col(Publication.due_at).desc())
    )
    found: dict[tuple[UUID, UUID], tuple[datetime, str]] = {}
    for document_id, account_id, wall, zone in rows:
        if document_id is not None and account_id is not None:
            found[document_id, account_id] = wall, zone
    return found


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

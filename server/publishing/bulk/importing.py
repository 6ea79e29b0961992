"""Planning what the rows of a spreadsheet say: first as a dry run, then for good, exactly as it was shown.

A dry run does all that is done for good, in a transaction that is then rolled back; so it can show nothing else than
what would happen. Each verdict holds a proof of what it is about, the text that would go out included: if it is another
one when the import is carried out, nothing is planned, and the new verdicts are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from anyio.lowlevel import checkpoint
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from server.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from server.publishing.bulk.models import ImportedRow
from server.publishing.bulk.naming import Known, look_up
from server.publishing.bulk.reading import Row, Spreadsheet, Unclear, is_later, wall_time
from server.publishing.bulk.verdicts import Fate, Remark, Verdict, proof_of
from server.publishing.planning import planning, scheduling, sheets
from server.publishing.planning.composing import ApprovedContent
from server.publishing.planning.planning import Entry, Means, Wish
from server.publishing.planning.scheduling import Planned, When
from server.publishing.posts import Additions
from server.publishing.states import State
from server.publishing.wall_time import zone_named
from server.workspaces.access import Actor, Verb, require

# A file moves what is planned; what a publication says, and where, is changed on its page.
_NOT_TAKEN: Final = ("account", "account_id", "document_id", "link", "tags")
_OWN_COLUMNS: Final = frozenset({"time", "zone", "later", "link", "tags", "account", "document", "state"})
_COLUMN_OF: Final = {"account_id": "account", "document_id": "document"}


@dataclass(frozen=True, slots=True)
class _Work:
    """What it takes to judge one row. `numbers`: rows of this file, by their keys.

    `contents`: what is approved of documents, or why nothing is, for the rows after the first of each.
    """

    db: AsyncSession
    actor: Actor
    means: Means
    known: Known
    zone: str
    numbers: dict[bytes, int] = field(default_factory=dict)
    contents: dict[UUID, ApprovedContent | DomainError] = field(default_factory=dict)


class UnderWay(Conflict):
    """Imports of a workspace go one after the other."""

    sentence = "Another import of this workspace is under way. Wait a minute, and try again."


async def take_turn(db: AsyncSession, actor: Actor) -> None:
    """Let no other import of the workspace go on until this transaction ends, so that no row is planned twice.

    Who comes meanwhile is told at once: to wait would hold a connection that everybody else needs. Raises UnderWay.
    """
    key = func.hashtextextended(f"imports of {actor.workspace_id}", 0)
    if not await db.scalar(select(func.pg_try_advisory_xact_lock(key))):
        raise UnderWay


async def examine(db: AsyncSession, actor: Actor, means: Means, sheet: Spreadsheet, zone: str) -> list[Verdict]:
    """Plan what the rows say, in the transaction of this session, and return what became of each.

    The caller commits, or rolls back. `zone`: of rows that name none. Raises Forbidden, Invalid for the zone, UnderWay.
    """
    require(actor, Verb.PUBLISH, actor)
    zone_named(zone)
    await take_turn(db, actor)
    known = await look_up(db, actor, sheet.rows, zone)
    work = _Work(db, actor, means, known, zone)
    verdicts = []
    for row in sheet.rows:
        verdicts.append(await _judge(work, row))
        # A thousand rows take seconds: others shall not wait for all of them.
        await checkpoint()
    return verdicts


async def _content(work: _Work, document_id: UUID) -> ApprovedContent:
    """Return what is approved of a document: the same for all rows of a transaction, so it is asked for once."""
    found = work.contents.get(document_id)
    if found is None:
        try:
            found = await planning.approved_content(work.db, work.actor, work.means, document_id)
        except (Conflict, NotFound) as error:
            found = error
        work.contents[document_id] = found
    if isinstance(found, DomainError):
        raise found
    return found


async def _judge(work: _Work, row: Row) -> Verdict:
    shown = Verdict(
        row.number,
        Fate.REFUSED,
        document=row.cell("document") or row.cell("document_id"),
        account=row.cell("account") or row.cell("account_id"),
        time=" ".join(each for each in (row.cell("date"), row.cell("time")) if each),
        zone=row.cell("zone") or work.zone,
    )
    try:
        existing = work.known.publication(row)
        return await (_plan(work, row, shown) if existing is None else _move(work, row, existing, shown))
    except Unclear as error:
        return _ended(shown, Fate.REFUSED, Remark(error.column, error.sentence))
    except Invalid as error:
        remarks = [Remark(_column(name, row), sentence) for name, sentence in error.fields.items()]
        return _ended(shown, Fate.REFUSED, *(remarks or [Remark("", str(error))]))
    except (Conflict, Forbidden, NotFound) as error:
        return _ended(shown, Fate.REFUSED, Remark("document", str(error)))


async def _plan(work: _Work, row: Row, shown: Verdict) -> Verdict:
    if row.fault:
        raise Unclear("", row.fault)
    said = row.cell("state").casefold()
    if said not in {"", State.SCHEDULED.value}:
        if said not in {state.value for state in State}:
            raise Unclear("state", f"Write “{State.SCHEDULED.value}”, or nothing.")
        words = f"It says “{said}”: only what is scheduled, or says nothing, is planned."
        return _ended(shown, Fate.SKIPPED, Remark("state", words))
    key = work.known.key(row, work.zone)
    if key in work.numbers:
        words = f"This is row {work.numbers[key]} once more. If it shall go out twice, give each a “key” of its own."
        raise Unclear("key" if row.cell("key") else "", words)
    work.numbers[key] = row.number
    document_id, account = work.known.document(row), work.known.account(row)
    title = work.known.titles[document_id] or "Untitled"
    found = replace(shown, document=title, document_id=document_id, account=account.name)
    if key in work.known.imported:
        return _ended(found, Fate.SKIPPED, _again(*work.known.imported[key]))
    when = When(wall_time(row), shown.zone, later=is_later(row))
    # What the row leaves out, the text for the account says itself.
    tags = tuple(row.cell("tags").split(",")) if row.cell("tags") else None
    additions = Additions(row.cell("link") or None, tags, row.options or None)
    wish = Wish(document_id, account.id, when, additions)
    content = await _content(work, document_id)
    planned = await planning.plan(work.db, work.actor, work.means, wish, content=content)
    publication = planned.publication
    work.db.add(ImportedRow(workspace_id=publication.workspace_id, key_hash=key, publication_id=publication.id))
    about = [str(document_id), str(account.id), publication.content_hash.hex(), publication.post]
    remarks = _remarks(planned, row)
    if waiting := work.known.waiting.get((document_id, account.id)):
        wall, zone = waiting
        words = f"This document goes out there already, on {wall:%Y-%m-%d} at {wall:%H:%M} ({zone})."
        remarks.append(Remark("", words))
    return _as_planned(found, Fate.PLANNED, planned, about, remarks)


async def _move(work: _Work, row: Row, existing: Entry, shown: Verdict) -> Verdict:
    """Give a publication that an export named another time, if the row says another."""
    if row.fault:
        raise Unclear("", row.fault)
    account = existing.account_name or ""
    found = replace(shown, document=existing.name, document_id=existing.document_id, account=account)
    if existing.state is State.CANCELLED:
        return _ended(found, Fate.SKIPPED, Remark("id", "It was cancelled. Without its id, the row is planned anew."))
    if not existing.is_movable:
        return _ended(found, Fate.SKIPPED, Remark("id", "It is out already, or on its way."))
    when = When(wall_time(row), row.cell("zone") or existing.zone, later=is_later(row))
    said = sheets.cells(existing)
    other = [name for name in _NOT_TAKEN if name in row.cells and row.cell(name) != said[name]]
    remarks = [Remark(name, "Of what is planned only the time is taken; change this on its page.") for name in other]
    if (when.wall_time, when.zone, when.later) == (existing.wall_time, existing.zone, sheets.is_later(existing)):
        return _ended(found, Fate.SKIPPED, *(remarks or [Remark("", "It is planned so already.")]))
    planned = await scheduling.move(work.db, work.actor, existing.id, when, version=existing.version)
    about = [str(existing.id), existing.version]
    return _as_planned(found, Fate.MOVED, planned, about, [*_remarks(planned, row), *remarks])


def _as_planned(
    found: Verdict, fate: Fate, planned: Planned, about: Sequence[Any], remarks: Sequence[Remark]
) -> Verdict:
    publication = planned.publication
    time = publication.wall_time.isoformat(timespec="minutes")
    what = [fate, *about, time, publication.zone, publication.due_at, [each.sentence for each in remarks]]
    return replace(
        found,
        fate=fate,
        time=time,
        zone=publication.zone,
        at=publication.due_at,
        remarks=tuple(remarks),
        publication_id=publication.id,
        proof=proof_of(what),
    )


def _remarks(planned: Planned, row: Row) -> list[Remark]:
    found = [Remark(_column(each.where, row), each.sentence) for each in planned.warnings]
    return [*found, Remark("time", planned.moment.rule)] if planned.moment.rule else found


def _ended(shown: Verdict, fate: Fate, *remarks: Remark) -> Verdict:
    proof = proof_of([fate, *([each.column, each.sentence] for each in remarks)])
    return replace(shown, fate=fate, remarks=remarks, proof=proof)


def _again(state: State, due_at: datetime) -> Remark:
    if state is State.CANCELLED:
        words = "It was planned from this row before, and cancelled since. With another “key” it is planned anew."
        return Remark("", words)
    return Remark("", f"It was planned from this row before, for {due_at:%Y-%m-%d %H:%M} UTC.")


def _column(name: str, row: Row) -> str:
    """Return the column of the file that a fault of a post is about."""
    name = _COLUMN_OF.get(name, name)
    if name in _OWN_COLUMNS:
        return name
    option = f"{sheets.OPTION}{name}"
    return option if option in row.cells else "document"

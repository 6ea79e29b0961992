"""The queue of an account: what took slots of it, in order. Their times are those of the slots, whoever takes which."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from server.documents.models import utc_now
from server.errors import Conflict
from server.publishing.accounts import accounts
from server.publishing.models import Publication
from server.publishing.planning import planning, scheduling
from server.publishing.planning.planning import Entry
from server.publishing.planning.scheduling import Planned, When
from server.publishing.rules import rules, timetables
from server.publishing.rules.slots import NothingFree
from server.publishing.rules.timetables import Timetable
from server.publishing.states import MOVABLE
from server.workspaces.access import Actor, Verb

MOST: Final = 500


class Gone(Conflict):
    """It is not in the queue, or no longer."""

    sentence = "This is not in the queue any more. Look at it again."


async def listed(db: AsyncSession, actor: Actor, account_id: UUID) -> list[Entry]:
    """Return what waits in the slots of an account, by time. Raises NotFound, Forbidden."""
    await accounts.find(db, actor, account_id)
    ids = await db.scalars(_queued(account_id, utc_now()).with_only_columns(col(Publication.id)))
    found = await planning.by_id(db, actor, ids.all())
    return sorted(found.values(), key=lambda each: (each.due_at, each.id))


async def put(db: AsyncSession, actor: Actor, account_id: UUID, publication_id: UUID, place: int) -> list[Planned]:
    """Move a publication to a place of the queue, 0 for the first; those between move up or down by a slot.

    Returns what got another time. Raises NotFound, Forbidden, Gone, UnderWay.
    """
    now = utc_now()
    _, queue = await _held(db, actor, account_id, now)
    ids = [each.id for each in queue]
    if publication_id not in ids:
        raise Gone
    ids.remove(publication_id)
    ids.insert(min(max(place, 0), len(ids)), publication_id)
    slots = [When(each.wall_time, each.zone) for each in queue]
    changes = [(mine, slot) for mine, slot, before in zip(ids, slots, queue, strict=True) if mine != before.id]
    return [
        await scheduling.move(db, actor, mine, slot, version=None, is_queued=True, now=now) for mine, slot in changes
    ]


async def fill_gaps(db: AsyncSession, actor: Actor, account_id: UUID) -> list[Planned]:
    """Let everything in the queue move up into slots that have become free, in order; nothing moves to later.

    Returns what got another time. Raises NotFound, Forbidden, UnderWay.
    """
    now = utc_now()
    table, queue = await _held(db, actor, account_id, now)
    taken = list((await rules.taken(db, [account_id], now, besides=[each.id for each in queue]))[account_id])
    after, moved = now, []
    for each in queue:
        try:
            [slot] = Timetable(table.rules, {account_id: taken}).next(account_id, after)
        except NothingFree:
            break
        if slot.at < each.due_at:
            when = When(slot.wall, slot.zone)
            moved.append(await scheduling.move(db, actor, each.id, when, version=None, is_queued=True, now=now))
        # Moved or not, the next one comes behind it.
        after = min(slot.at, each.due_at)
        taken.append(after)
    return moved


async def _held(
    db: AsyncSession, actor: Actor, account_id: UUID, now: datetime
) -> tuple[Timetable, Sequence[Publication]]:
    """Return an account's timetable and queue, that nobody else changes until the transaction ends."""
    await accounts.find(db, actor, account_id, Verb.PUBLISH)
    table = await timetables.read(db, actor.workspace_id, [account_id], now, hold=True)
    found = await db.scalars(_queued(account_id, now).execution_options(populate_existing=True))
    return table, found.all()


def _queued(account_id: UUID, now: datetime) -> SelectOfScalar[Publication]:
    return (
        select(Publication)
        .where(
            col(Publication.account_id) == account_id,
            col(Publication.is_queued),
            col(Publication.state).in_(sorted(MOVABLE)),
            col(Publication.called_at).is_(None),
            col(Publication.due_at) > now,
        )
        .order_by(col(Publication.due_at), col(Publication.id))
        .limit(MOST)
    )

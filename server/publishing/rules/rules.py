"""The rules of accounts as people set them, and what of an account's time is taken."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents.models import utc_now
from server.errors import Conflict, Invalid, NotFound
from server.publishing.accounts import accounts
from server.publishing.models import ChannelAccount, Publication
from server.publishing.rules.models import Blackout, PostingRules
from server.publishing.rules.slots import Quiet, Rules, Silence, WeeklySlot, clock
from server.publishing.states import State
from server.publishing.wall_time import zone_named
from server.web.text import clean_line, has_ink
from server.workspaces.access import Actor, Verb, require

MAX_SLOTS: Final = 168
MAX_GAP: Final = timedelta(days=7)
MAX_A_DAY: Final = 100
MAX_BLACKOUTS: Final = 500
MAX_BLACKOUT_DAYS: Final = 400
MAX_NAME_CHARACTERS: Final = 120
_EARLIEST: Final = date(2000, 1, 1)
_LATEST: Final = date(2199, 12, 31)
# What is cancelled or failed leaves its time to others.
_GIVEN_UP: Final = (State.CANCELLED.value, State.FAILED.value)


@dataclass(frozen=True, slots=True)
class NewRules:
    """Rules as somebody wants them. Times are of the account's clock; `gap_minutes` 0: none is kept."""

    zone: str
    slots: Sequence[WeeklySlot]
    gap_minutes: int = 0
    quiet_from: time | None = None
    quiet_until: time | None = None
    most_a_day: int | None = None


@dataclass(frozen=True, slots=True)
class NewBlackout:
    """A blackout as somebody wants it. `account_id` None: on all accounts."""

    name: str
    first: date
    last: date
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListedBlackout:
    """A blackout with the name of its account; None: it is of all."""

    blackout: Blackout
    account_name: str | None


async def of_account(db: AsyncSession, actor: Actor, account_id: UUID) -> Rules:
    """Return an account's rules for whoever may see it. Raises NotFound, Forbidden."""
    account = await accounts.find(db, actor, account_id)
    return (await read(db, account.workspace_id, [account_id]))[account_id]


async def read(
    db: AsyncSession, workspace_id: UUID, account_ids: Collection[UUID], *, hold: bool = False
) -> dict[UUID, Rules]:
    """Return the rules of accounts of a workspace, by id, in two statements.

    `hold`: nobody else takes a slot of them, or changes what they are, until the transaction ends. Whoever holds
    several holds them in the order of their ids, so that no two wait for each other.
    """
    wanted = select(PostingRules).where(col(PostingRules.account_id).in_(account_ids))
    if hold:
        wanted = wanted.order_by(col(PostingRules.account_id)).with_for_update()
    rows = {row.account_id: row for row in await db.scalars(wanted.execution_options(populate_existing=True))}
    yesterday = utc_now().date() - timedelta(days=2)
    found = await db.scalars(
        select(Blackout)
        .where(
            col(Blackout.workspace_id) == workspace_id,
            col(Blackout.last_day) >= yesterday,
            or_(col(Blackout.account_id).is_(None), col(Blackout.account_id).in_(account_ids)),
        )
        .order_by(col(Blackout.first_day))
    )
    blackouts = found.all()
    return {each: _rules(rows.get(each), each, blackouts) for each in account_ids}


async def taken(
    db: AsyncSession, account_ids: Collection[UUID], since: datetime, *, besides: Collection[UUID] = ()
) -> dict[UUID, list[datetime]]:
    """Return when something goes out or went out on accounts, by account: from a week before `since` on.

    `besides`: publications that do not count.
    """
    found = await db.execute(
        select(col(Publication.account_id), col(Publication.due_at)).where(
            col(Publication.account_id).in_(account_ids),
            # Nobody plans further ahead than five years, so this has an end.
            col(Publication.due_at) >= since - MAX_GAP,
            col(Publication.state).not_in(_GIVEN_UP),
            col(Publication.id).not_in(besides),
        )
    )
    by_account: dict[UUID, list[datetime]] = {each: [] for each in account_ids}
    for account_id, due_at in found:
        if account_id is not None:
            by_account[account_id].append(due_at)
    return by_account


async def change(db: AsyncSession, actor: Actor, account_id: UUID, wanted: NewRules) -> Rules:
    """Give an account other rules. What is planned stays where it is. Raises Invalid, NotFound, Forbidden."""
    account = await accounts.find(db, actor, account_id, Verb.PUBLISH)
    errors: dict[str, str] = {}
    try:
        zone_named(wanted.zone)
    except Invalid as error:
        errors |= error.fields
    if len(wanted.slots) > MAX_SLOTS:
        errors["slots"] = f"Use at most {MAX_SLOTS} posting times a week."
    if not 0 <= wanted.gap_minutes <= MAX_GAP.total_seconds() // 60:
        errors["gap_minutes"] = f"Use 0 to {int(MAX_GAP.total_seconds()) // 60:,} minutes, which is a week."
    if (wanted.quiet_from is None) != (wanted.quiet_until is None):
        errors["quiet_until" if wanted.quiet_until is None else "quiet_from"] = "Give both ends, or neither."
    elif wanted.quiet_from is not None and wanted.quiet_from == wanted.quiet_until:
        errors["quiet_until"] = "The quiet hours end when they begin. Choose another end, or leave both empty."
    if wanted.most_a_day is not None and not 1 <= wanted.most_a_day <= MAX_A_DAY:
        errors["most_a_day"] = f"Use 1 to {MAX_A_DAY}, or leave it empty."
    if errors:
        raise Invalid(errors)
    values = {
        "zone": wanted.zone,
        "slots": sorted({each.minutes for each in wanted.slots}),
        "gap_minutes": wanted.gap_minutes,
        "quiet_from": _minutes(wanted.quiet_from),
        "quiet_until": _minutes(wanted.quiet_until),
        "most_a_day": wanted.most_a_day,
        "changed_at": utc_now(),
    }
    await db.execute(
        insert(PostingRules)
        .values(account_id=account_id, **values)
        .on_conflict_do_update(index_elements=["account_id"], set_=values)
    )
    return (await read(db, account.workspace_id, [account_id]))[account_id]


async def change_slots(
    db: AsyncSession,
    actor: Actor,
    account_id: UUID,
    *,
    add: Collection[WeeklySlot] = (),
    remove: Collection[WeeklySlot] = (),
    zone: str = "UTC",
) -> Rules:
    """Add and remove posting times, whatever others add at once. `zone`: of an account that has no rules yet.

    Raises as `change` does.
    """
    account = await accounts.find(db, actor, account_id, Verb.PUBLISH)
    first = {"account_id": account_id, "zone": zone, "slots": [], "gap_minutes": 0, "changed_at": utc_now()}
    zone_named(zone)
    await db.execute(insert(PostingRules).values(**first).on_conflict_do_nothing())
    rules = (await read(db, account.workspace_id, [account_id], hold=True))[account_id]
    slots = (set(rules.slots) | set(add)) - set(remove)
    return await change(db, actor, account_id, _wanted(rules, slots))


async def list_blackouts(db: AsyncSession, actor: Actor) -> Sequence[ListedBlackout]:
    """Return the blackouts of the actor's workspace that are not over, by day."""
    require(actor, Verb.CREATE, actor)
    found = await db.execute(
        select(Blackout, col(ChannelAccount.name))
        .outerjoin(ChannelAccount, col(ChannelAccount.id) == col(Blackout.account_id))
        .where(
            col(Blackout.workspace_id) == actor.workspace_id,
            col(Blackout.last_day) >= utc_now().date() - timedelta(days=1),
        )
        .order_by(col(Blackout.first_day), col(Blackout.id))
        .limit(MAX_BLACKOUTS)
    )
    return [ListedBlackout(blackout, name) for blackout, name in found]


async def add_blackout(db: AsyncSession, actor: Actor, wanted: NewBlackout) -> Blackout:
    """Let nothing be planned by itself on some days. What is planned stays. Raises Invalid, Forbidden, Conflict."""
    require(actor, Verb.PUBLISH, actor)
    name = clean_line(wanted.name)
    errors = _wrong_days(wanted.first, wanted.last)
    if not has_ink(name):
        errors["name"] = "Say what these days are, such as “Office closed”."
    elif len(name) > MAX_NAME_CHARACTERS:
        errors["name"] = f"Use at most {MAX_NAME_CHARACTERS} characters."
    if wanted.account_id is not None:
        try:
            await accounts.find(db, actor, wanted.account_id, Verb.PUBLISH)
        except NotFound:
            errors["account_id"] = "There is no such account here."
    if errors:
        raise Invalid(errors)
    if (await _count_blackouts(db, actor)) >= MAX_BLACKOUTS:
        raise Conflict(f"There are {MAX_BLACKOUTS} blackouts already. Remove some first.")
    blackout = Blackout(
        workspace_id=actor.workspace_id,
        account_id=wanted.account_id,
        name=name,
        first_day=wanted.first,
        last_day=wanted.last,
        created_by=actor.user_id,
    )
    db.add(blackout)
    await db.flush()
    return blackout


async def remove_blackout(db: AsyncSession, actor: Actor, blackout_id: UUID) -> None:
    """End a blackout. Raises NotFound, Forbidden."""
    require(actor, Verb.VIEW, actor)
    blackout: Blackout | None = await db.get(Blackout, blackout_id)
    if blackout is None:
        raise NotFound
    require(actor, Verb.PUBLISH, blackout)
    await db.delete(blackout)
    await db.flush()


def _wrong_days(first: date, last: date) -> dict[str, str]:
    if not _EARLIEST <= first <= _LATEST:
        return {"first": "Choose a day of this century or the next."}
    if last < first:
        return {"last": "The last day comes before the first one."}
    if (last - first).days >= MAX_BLACKOUT_DAYS:
        return {"last": f"Use at most {MAX_BLACKOUT_DAYS} days. For longer, disconnect the account."}
    if last < utc_now().date() - timedelta(days=1):
        return {"last": "These days are over."}
    return {}


async def _count_blackouts(db: AsyncSession, actor: Actor) -> int:
    return int(
        await db.scalar(
            select(func.count())
            .select_from(Blackout)
            .where(
                col(Blackout.workspace_id) == actor.workspace_id,
                col(Blackout.last_day) >= utc_now().date() - timedelta(days=1),
            )
        )
        or 0
    )


def _rules(row: PostingRules | None, account_id: UUID, blackouts: Sequence[Blackout]) -> Rules:
    silences = tuple(
        Silence(each.name, each.first_day, each.last_day) for each in blackouts if each.account_id in {None, account_id}
    )
    if row is None:
        return Rules(silences=silences)
    return Rules(
        row.zone,
        tuple(WeeklySlot.of(each) for each in row.slots),
        timedelta(minutes=row.gap_minutes),
        Quiet(clock(row.quiet_from), clock(row.quiet_until))
        if row.quiet_from is not None and row.quiet_until is not None
        else None,
        row.most_a_day,
        silences,
    )


def _wanted(rules: Rules, slots: Collection[WeeklySlot]) -> NewRules:
    return NewRules(
        rules.zone,
        sorted(slots),
        int(rules.gap.total_seconds()) // 60,
        rules.quiet.begins if rules.quiet else None,
        rules.quiet.until if rules.quiet else None,
        rules.most_a_day,
    )


def _minutes(at: time | None) -> int | None:
    return None if at is None else at.hour * 60 + at.minute


def by_weekday(rules: Rules) -> Mapping[int, Sequence[WeeklySlot]]:
    """Return the posting times of each weekday, 0 for Monday, by time."""
    return {day: [each for each in sorted(rules.slots) if each.weekday == day] for day in range(7)}

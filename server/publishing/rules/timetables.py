"""What accounts keep to and what is planned on them, read together: what speaks against a time, and what is free."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.publishing.channel import Problem
from server.publishing.rules import rules
from server.publishing.rules.slots import Rules, Slot, broken, free_slots, next_free


@dataclass(frozen=True, slots=True)
class Timetable:
    """The rules of accounts, and the instants that are taken, by account."""

    rules: Mapping[UUID, Rules]
    taken: Mapping[UUID, Sequence[datetime]]

    def broken(self, account_id: UUID, at: datetime) -> list[Problem]:
        """Say which rules of an account a time would break; none of it blocks."""
        return broken(self.rules[account_id], self.taken[account_id], at)

    def next(self, account_id: UUID, after: datetime, *, count: int = 1) -> list[Slot]:
        """Return the first free slots of an account after an instant. Raises NothingFree."""
        return next_free(self.rules[account_id], self.taken[account_id], after, count=count)

    def free(self, account_id: UUID, since: datetime, until: datetime) -> list[Slot]:
        """Return the free slots of an account between two instants."""
        return free_slots(self.rules[account_id], self.taken[account_id], since, until)


async def read(
    db: AsyncSession,
    workspace_id: UUID,
    account_ids: Collection[UUID],
    now: datetime,
    *,
    hold: bool = False,
    besides: Collection[UUID] = (),
) -> Timetable:
    """Read the timetable of accounts of a workspace from now on, in three statements.

    `hold`: nobody else takes a slot of them until the transaction ends. `besides`: publications that take no time.
    """
    # The rules first: what others planned until they let go of them must be seen in what is taken.
    own = await rules.read(db, workspace_id, account_ids, hold=hold)
    return Timetable(own, await rules.taken(db, account_ids, now, besides=besides))

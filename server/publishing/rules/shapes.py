"""What the API says about posting rules and blackouts."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field

from server.publishing.rules.rules import MAX_SLOTS, ListedBlackout, NewBlackout, NewRules
from server.publishing.rules.slots import Rules, Slot, WeeklySlot
from server.web.operations import Answer, BodyInput, Instant, QueryInput


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_DAYS = list(Weekday)


def _whole_minute(at: time) -> time:
    if at.second or at.microsecond or at.tzinfo is not None:
        raise ValueError("Give hours and minutes without an offset, such as 09:30.")
    return at


Minute = Annotated[time, Field(strict=False, description="Hours and minutes: `09:30`."), AfterValidator(_whole_minute)]


class SlotSaid(BodyInput):
    """A posting time of the week."""

    weekday: Weekday = Field(strict=False)
    time: Minute


class QuietSaid(BodyInput):
    """Hours of every day in which nothing is to go out; over midnight if `until` is the earlier one."""

    begins: Minute
    until: Minute


class RulesSaid(BodyInput):
    """All rules of an account. They replace what it had; what is planned stays where it is."""

    zone: str = Field(max_length=64, description="The IANA name of the time zone that the account's clock shows.")
    slots: list[SlotSaid] = Field(default_factory=list, max_length=MAX_SLOTS)
    gap_minutes: int = Field(default=0, description="How long two posts are apart at least.")
    quiet: QuietSaid | None = None
    most_a_day: int | None = Field(default=None, description="How many go out on a day at most.")

    def wanted(self) -> NewRules:
        """Return them as rules are set."""
        return NewRules(
            self.zone,
            [WeeklySlot(_DAYS.index(each.weekday), each.time) for each in self.slots],
            self.gap_minutes,
            self.quiet.begins if self.quiet else None,
            self.quiet.until if self.quiet else None,
            self.most_a_day,
        )


class WeeklySlotSeen(Answer):
    """A posting time of the week."""

    weekday: Weekday
    time: str


class QuietSeen(Answer):
    """Quiet hours."""

    begins: str
    until: str


class RulesSeen(Answer):
    """The posting rules of an account."""

    zone: str
    slots: list[WeeklySlotSeen]
    gap_minutes: int
    quiet: QuietSeen | None
    most_a_day: int | None

    @classmethod
    def of(cls, rules: Rules) -> Self:
        """Describe rules."""
        quiet = rules.quiet
        return cls(
            zone=rules.zone,
            slots=[WeeklySlotSeen(weekday=_DAYS[each.weekday], time=f"{each.at:%H:%M}") for each in rules.slots],
            gap_minutes=int(rules.gap / timedelta(minutes=1)),
            quiet=QuietSeen(begins=f"{quiet.begins:%H:%M}", until=f"{quiet.until:%H:%M}") if quiet else None,
            most_a_day=rules.most_a_day,
        )


class SlotsQuery(QueryInput):
    """Between which instants."""

    since: Instant | None = Field(default=None, description="Only slots after this moment; now if it is left out.")
    until: Instant | None = Field(
        default=None, description="Only slots before this moment; 30 days later if it is left out, and at most 400."
    )


class SlotSeen(Answer):
    """A free slot."""

    at: datetime
    wall_time: datetime = Field(description="What the clock of the account really shows then.")
    rule: str = Field(description="How a time that the clock jumps over, or shows twice, was settled; else empty.")


class SlotList(Answer):
    """The free slots of an account, by time, as if each in turn were taken."""

    zone: str
    slots: list[SlotSeen]

    @classmethod
    def of(cls, zone: str, found: Sequence[Slot]) -> Self:
        """Describe slots."""
        return cls(
            zone=zone,
            slots=[SlotSeen(at=each.at, wall_time=each.moment.wall, rule=each.moment.rule) for each in found],
        )


class BlackoutSaid(BodyInput):
    """Days on which nothing is to go out."""

    name: str = Field(max_length=1000)
    first: date = Field(strict=False)
    last: date | None = Field(default=None, strict=False, description="Included; the first one if it is left out.")
    account_id: UUID | None = Field(default=None, strict=False, description="Without it: all accounts.")

    def wanted(self) -> NewBlackout:
        """Return it as blackouts are added."""
        return NewBlackout(self.name, self.first, self.last or self.first, self.account_id)


class BlackoutSeen(Answer):
    """Days on which nothing is to go out."""

    id: UUID
    name: str
    first: date
    last: date
    account_id: UUID | None
    account_name: str | None

    @classmethod
    def of(cls, listed: ListedBlackout) -> Self:
        """Describe a blackout."""
        row = listed.blackout
        return cls(
            id=row.id,
            name=row.name,
            first=row.first_day,
            last=row.last_day,
            account_id=row.account_id,
            account_name=listed.account_name,
        )


class BlackoutList(Answer):
    """The blackouts of a workspace that are not over, by day."""

    blackouts: list[BlackoutSeen]

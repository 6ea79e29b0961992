"""What a rehearsal is played with: values only, read once, so that the rest needs neither database nor network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from server.publishing.channel import Account, Channel, Problem
from server.publishing.models import Health
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.rules.slots import Rules
from server.publishing.states import State


class Severity(StrEnum):
    """How bad a finding is, the worst first."""

    WILL_FAIL = "will_fail"  # it does not go out unless somebody acts
    AT_RISK = "at_risk"  # it may go out late, or otherwise than was meant
    REMARK = "remark"  # it goes out; worth knowing


class Rule(StrEnum):
    """What was found, in the order in which it is told."""

    HELD = "held"
    UNAPPROVED = "unapproved"
    ACCOUNT_GONE = "account_gone"
    DISCONNECTED = "disconnected"
    NO_CHANNEL = "no_channel"
    RECONNECT = "reconnect"
    ACCESS_ENDS = "access_ends"
    BREAKS_LIMITS = "breaks_limits"
    PICTURE_MISSING = "picture_missing"
    QUOTA = "quota"
    OVERDUE = "overdue"
    ACCOUNT_FAILING = "account_failing"
    ACCOUNT_RESTS = "account_rests"
    IN_TRASH = "in_trash"
    TIME_CHANGE = "time_change"
    TOO_CLOSE = "too_close"
    POSTING_RULES = "posting_rules"
    CHANGED_SINCE = "changed_since"
    NEWER_APPROVED = "newer_approved"
    SERIES_SHIFTS = "series_shifts"
    CROWDED = "crowded"
    LIKELY_MISTAKE = "likely_mistake"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can act."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Play:
    """A planned publication. `problems`: what its channel says about it now. `posts`: how many it is, with replies.

    `pictures`: their keys in the store. `stopped`: why the publisher does not take it up, whatever its time is.
    `is_visible`: whether whoever asked may see it.
    """

    id: UUID
    document_id: UUID | None
    account_id: UUID | None
    name: str
    wall_time: datetime
    zone: str
    due_at: datetime
    next_at: datetime
    version: int
    content_hash: bytes
    state: State
    tries: int = 0
    problem: str = ""
    planned_by: UUID | None = None
    series_id: UUID | None = None
    problems: tuple[Problem, ...] = ()
    posts: int = 1
    pictures: tuple[str, ...] = ()
    is_begun: bool = False
    stopped: str | None = None
    is_visible: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """An account as it stands. `channel` None: this installation has none of that kind."""

    account: Account
    channel: Channel | None
    health: Health = Health.OK
    sentence: str = ""
    since: datetime | None = None
    is_connected: bool = True
    expires_at: datetime | None = None
    responsible_id: UUID | None = None
    rules: Rules = field(default_factory=Rules)
    rests_until: datetime | None = None
    # When each post of the last day went out, in order.
    sent: tuple[datetime, ...] = ()

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.account.name

    @property
    def renews(self) -> bool:
        """Whether its tokens are renewed without a person."""
        return self.health is Health.OK and self.channel is not None and self.channel.capabilities.renews


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as it stands. `waited_for`: who has to decide about it."""

    title: str
    content_hash: bytes | None = None
    approved_hash: bytes | None = None
    is_trashed: bool = False
    is_held: bool = False
    held_by: UUID | None = None
    held_at: datetime | None = None
    waited_for: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """All of it. `plays` by the time at which they are due; `is_cut`: there were more of them than are rehearsed."""

    now: datetime
    until: datetime
    plays: Sequence[Play]
    places: Mapping[UUID, Place] = field(default_factory=dict)
    papers: Mapping[UUID, Paper] = field(default_factory=dict)
    publishers: Mapping[UUID, Person] = field(default_factory=dict)
    people: Mapping[UUID, Person] = field(default_factory=dict)
    missing_pictures: frozenset[str] = frozenset()
    is_cut: bool = False

    def place_of(self, play: Play) -> Place | None:
        """Return the account that a play goes to."""
        return self.places.get(play.account_id) if play.account_id is not None else None

    def paper_of(self, play: Play) -> Paper | None:
        """Return the document that a play is of."""
        return self.papers.get(play.document_id) if play.document_id is not None else None

    def planner(self, play: Play) -> tuple[Person, ...]:
        """Return who planned it, or everybody who may change it if they are gone or may no longer."""
        return self._one_of(play.planned_by)

    def keeper(self, place: Place) -> tuple[Person, ...]:
        """Return who looks after an account, or everybody who may."""
        return self._one_of(place.responsible_id)

    def _one_of(self, user_id: UUID | None) -> tuple[Person, ...]:
        one = self.publishers.get(user_id) if user_id is not None else None
        return (one,) if one is not None else tuple(self.publishers.values())


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands against a play. `remedy` as the publisher would meet it; None: the publisher does not call at all.

    `subject`: the same for all that one deed mends, so that people are told of it once. `until`: when the publisher
    takes it up again by itself.
    """

    rule: Rule
    sentence: str
    deed: str
    who: tuple[Person, ...]
    link: str
    subject: str
    remedy: Remedy | None = None
    until: datetime | None = None

    @property
    def error(self) -> ChannelError | None:
        """What the publisher would get from the call."""
        return ChannelError(self.remedy, self.sentence) if self.remedy is not None else None


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a play. `at`: when; None: it waits for people. `troubles`: all that was in its way."""

    state: State
    at: datetime | None
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What people should know about a planned publication. `at`: when it is due."""

    rule: Rule
    severity: Severity
    play: Play
    account_name: str
    sentence: str
    deed: str
    who: tuple[Person, ...]
    link: str
    subject: str

    @property
    def at(self) -> datetime:
        """When it would go out."""
        return self.play.due_at


# Looks for one thing in the whole scene, with the fates at hand.
Look = Callable[[Scene, Mapping[UUID, Fate]], list[Finding]]

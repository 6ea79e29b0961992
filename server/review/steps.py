"""The steps of a workflow and how far a content has come through them. Decided here, from values alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from server.audit.ledger import canonical
from server.workspaces.models import Role

MAX_STEPS: Final = 8
MAX_NAME_CHARACTERS: Final = 60
MAX_HOURS: Final = 24 * 60


class Rule(StrEnum):
    """How many of a step's reviewers must approve."""

    ANY = "any"
    ALL = "all"
    QUORUM = "quorum"


@dataclass(frozen=True, slots=True)
class Step:
    """Who decides at one point: `people` by name and all of `roles`; with none of both anybody who may review.

    `guests`: those whom somebody invited to this review, without an account, to approve. Only a step that says so is
    for them: nobody shall approve their own text as a guest of theirs, where the workflow wants a colleague.
    `quorum` counts for that rule alone. `hours`: the deadline, from when it is their turn; half-way those who have not
    decided are reminded, and at its end `escalate_to` is asked, who may then decide, too.
    """

    name: str
    rule: Rule = Rule.ANY
    quorum: int = 1
    people: frozenset[UUID] = frozenset()
    roles: frozenset[Role] = frozenset()
    hours: int | None = None
    escalate_to: UUID | None = None
    guests: bool = False

    @property
    def key(self) -> str:
        """What the step asks for, whatever its name and deadline: a decision counts where the same was asked."""
        asked = {name: each for name, each in to_json(self).items() if name not in {"name", "hours", "escalate_to"}}
        return sha256(canonical(asked)).hexdigest()[:16]

    def is_for(self, user_id: UUID, role: Role | None) -> bool:
        """Whether a member is among its reviewers, as far as the workflow says."""
        return user_id in self.people or role in self.roles or not (self.people or self.roles or self.guests)

    def needs(self, reviewers: int) -> int:
        """Return how many must approve, of so many reviewers. At least one: nothing approves itself."""
        wanted = {Rule.ANY: 1, Rule.ALL: reviewers, Rule.QUORUM: self.quorum}[self.rule]
        return max(1, wanted)


USUAL: Final = Step("Approval")
USUAL_NAME: Final = "One approval"
# Added to a review whose workflow asks no guests, when one is invited to approve: never in the place of a step.
OF_GUESTS: Final = Step("Client approval", guests=True)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one step is: who approved, of whom how many are needed."""

    step: Step
    reviewers: frozenset[UUID]
    approved_by: tuple[UUID, ...]
    needed: int = field(default=1)

    @property
    def is_done(self) -> bool:
        """Whether enough approved."""
        if self.step.rule is Rule.ALL:
            return bool(self.approved_by) and self.reviewers <= set(self.approved_by)
        return len(self.approved_by) >= self.needed

    @property
    def waits_for(self) -> frozenset[UUID]:
        """Who may still decide."""
        return self.reviewers - set(self.approved_by)


def progress(
    steps: Sequence[Step], reviewers: Sequence[Collection[UUID]], approvals: Mapping[str, Sequence[UUID]]
) -> list[Progress]:
    """Return how far each step is. `approvals`: who approved this content, by the step's key, in order of time.

    Whoever is no reviewer of a step any more has approved it all the same: they were when they did.
    """
    return [
        Progress(step, frozenset(people), tuple(approvals.get(key, ())), step.needs(len(people)))
        for step, key, people in zip(steps, keys(steps), reviewers, strict=True)
    ]


def keys(steps: Sequence[Step]) -> list[str]:
    """Return what decisions about each step are kept by. Of two steps that ask for the same, each has its own."""
    found: list[str] = []
    for step in steps:
        found.append(f"{step.key}:{sum(each.startswith(step.key) for each in found)}")
    return found


def current(found: Sequence[Progress]) -> int | None:
    """Return the step that is decided now; None if all agreed."""
    return next((place for place, each in enumerate(found) if not each.is_done), None)


def to_json(step: Step) -> dict[str, Any]:
    """Return a step as the database keeps it."""
    # Left out where it is not so: what was approved before there were guests was asked for by the same key.
    guests = {"guests": True} if step.guests else {}
    return {
        **guests,
        "name": step.name,
        "rule": step.rule.value,
        "quorum": step.quorum,
        "people": sorted(map(str, step.people)),
        "roles": sorted(role.value for role in step.roles),
        "hours": step.hours,
        "escalate_to": str(step.escalate_to) if step.escalate_to else None,
    }


def from_json(kept: Mapping[str, Any]) -> Step:
    """Read what `to_json` wrote."""
    return Step(
        name=kept["name"],
        rule=Rule(kept["rule"]),
        quorum=kept["quorum"],
        people=frozenset(map(UUID, kept["people"])),
        roles=frozenset(map(Role, kept["roles"])),
        hours=kept["hours"],
        escalate_to=UUID(kept["escalate_to"]) if kept["escalate_to"] else None,
        guests=kept.get("guests", False),
    )

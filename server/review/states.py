"""The states a document goes through on its way out, and every way from one to another. docs/review.md shows them."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from server.errors import Conflict


class Status(StrEnum):
    """How far a document is."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"


class Event(StrEnum):
    """What moves a document on."""

    REQUEST = "request"  # somebody asks for a review, or submits it again
    APPROVE = "approve"  # the last step agreed
    REQUEST_CHANGES = "request changes"  # a reviewer wants it otherwise
    WITHDRAW = "withdraw"  # it is not to be reviewed now; nothing was approved before
    RESUME = "resume"  # the same, and what was approved before still is
    SCHEDULE = "schedule"  # a publication of it is planned
    PUBLISH = "publish"  # a publication of it is out
    UNPLAN = "unplan"  # none is planned or out any more


class Publication(StrEnum):
    """What publishing says of a document."""

    SCHEDULED = "scheduled"
    PUBLISHED = "published"


WORDS: Final = MappingProxyType(
    {
        Status.DRAFT: "Draft",
        Status.IN_REVIEW: "In review",
        Status.CHANGES_REQUESTED: "Changes requested",
        Status.APPROVED: "Approved",
        Status.SCHEDULED: "Scheduled",
        Status.PUBLISHED: "Published",
    }
)

TRANSITIONS: Final = MappingProxyType(
    {
        (Status.DRAFT, Event.REQUEST): Status.IN_REVIEW,
        (Status.IN_REVIEW, Event.REQUEST): Status.IN_REVIEW,
        (Status.IN_REVIEW, Event.APPROVE): Status.APPROVED,
        (Status.IN_REVIEW, Event.REQUEST_CHANGES): Status.CHANGES_REQUESTED,
        (Status.IN_REVIEW, Event.WITHDRAW): Status.DRAFT,
        (Status.IN_REVIEW, Event.RESUME): Status.APPROVED,
        (Status.CHANGES_REQUESTED, Event.REQUEST): Status.IN_REVIEW,
        (Status.CHANGES_REQUESTED, Event.WITHDRAW): Status.DRAFT,
        (Status.CHANGES_REQUESTED, Event.RESUME): Status.APPROVED,
        (Status.APPROVED, Event.REQUEST): Status.IN_REVIEW,
        (Status.APPROVED, Event.REQUEST_CHANGES): Status.CHANGES_REQUESTED,
        (Status.APPROVED, Event.SCHEDULE): Status.SCHEDULED,
        (Status.APPROVED, Event.PUBLISH): Status.PUBLISHED,
        (Status.SCHEDULED, Event.REQUEST): Status.IN_REVIEW,
        (Status.SCHEDULED, Event.REQUEST_CHANGES): Status.CHANGES_REQUESTED,
        (Status.SCHEDULED, Event.PUBLISH): Status.PUBLISHED,
        (Status.SCHEDULED, Event.UNPLAN): Status.APPROVED,
        (Status.PUBLISHED, Event.REQUEST): Status.IN_REVIEW,
        (Status.PUBLISHED, Event.REQUEST_CHANGES): Status.CHANGES_REQUESTED,
        (Status.PUBLISHED, Event.SCHEDULE): Status.SCHEDULED,
        (Status.PUBLISHED, Event.UNPLAN): Status.APPROVED,
    }
)


class NoWay(Conflict):
    """From where the document is there is no such way."""


def after(status: Status, event: Event) -> Status:
    """Return where an event leads. Raises NoWay."""
    found = TRANSITIONS.get((status, event))
    if found is None:
        raise NoWay(f"That cannot be done while the document is “{WORDS[status]}”. Reload the page to see where it is.")
    return found


def settled(status: Status, publication: Publication | None) -> Status:
    """Return where a document that is approved, planned or out is, by what publishing says; others stay."""
    if status not in {Status.APPROVED, Status.SCHEDULED, Status.PUBLISHED}:
        return status
    wanted = Status(publication.value) if publication is not None else Status.APPROVED
    if wanted is status:
        return status
    event = {Status.SCHEDULED: Event.SCHEDULE, Status.PUBLISHED: Event.PUBLISH}.get(wanted, Event.UNPLAN)
    return after(status, event)

"""The states of a publication, and which may follow which. docs/publishing.md shows them as a table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class State(StrEnum):
    """Where a publication is."""

    SCHEDULED = "scheduled"  # nothing was sent; it waits for its time
    PREPARING = "preparing"  # what nobody sees yet is being sent: pictures, a draft
    CREATED_REMOTELY = "created_remotely"  # all of it is there, or the first of several posts can be seen
    PROCESSING = "processing"  # sent; the channel works on it
    PUBLISHED = "published"
    FAILED = "failed"  # it is not there, and will not be without somebody
    UNKNOWN = "unknown"  # it may be there; somebody has to look
    CANCELLED = "cancelled"


ALLOWED: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.SCHEDULED: frozenset({State.PREPARING, State.FAILED, State.CANCELLED}),
        State.PREPARING: frozenset(
            {
                State.CREATED_REMOTELY,
                State.PROCESSING,
                State.PUBLISHED,
                State.FAILED,
                State.UNKNOWN,
                State.CANCELLED,
                State.SCHEDULED,
            }
        ),
        State.CREATED_REMOTELY: frozenset(
            {State.PROCESSING, State.PUBLISHED, State.FAILED, State.UNKNOWN, State.CANCELLED, State.SCHEDULED}
        ),
        State.PROCESSING: frozenset({State.PUBLISHED, State.CREATED_REMOTELY, State.FAILED, State.UNKNOWN}),
        State.UNKNOWN: frozenset(
            {
                State.PUBLISHED,
                State.PROCESSING,
                State.CREATED_REMOTELY,
                State.PREPARING,
                State.FAILED,
                State.CANCELLED,
            }
        ),
        State.FAILED: frozenset({State.SCHEDULED, State.PREPARING, State.CREATED_REMOTELY, State.CANCELLED}),
        State.PUBLISHED: frozenset(),
        State.CANCELLED: frozenset({State.SCHEDULED}),
    }
)
# What a worker takes up by itself when its time has come.
OPEN: Final = frozenset({State.SCHEDULED, State.PREPARING, State.CREATED_REMOTELY, State.PROCESSING})
# What people may move, change and cancel, as long as no call that shows something was begun.
MOVABLE: Final = frozenset({State.SCHEDULED, State.PREPARING, State.CREATED_REMOTELY, State.FAILED})


def may_follow(before: State, after: State) -> bool:
    """Whether a publication may go from one state to the other. To stay is always allowed."""
    return before is after or after in ALLOWED[before]

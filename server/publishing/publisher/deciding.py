"""What follows from a call that failed: another try, a look, or a person. Pure: values in, a verdict out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from server.publishing.channel import Handle, Stage
from server.publishing.publisher import patience
from server.publishing.publisher.advancing import Progress
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.states import State

# What only a person can mend: trying again would fail in the same way.
_FOR_PEOPLE: Final = frozenset({Remedy.RECONNECT, Remedy.FIX_CONTENT, Remedy.OPERATOR, Remedy.REFRESH})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a publication goes after a failure.

    `called_at`: since when a call is in doubt; None: none is. `rest_until`: until when the whole account is not called.
    `blames_channel`: the failure counts against the account, which rests after some.
    """

    state: State
    next_at: datetime
    tries: int
    called_at: datetime | None = None
    rest_until: datetime | None = None
    blames_channel: bool = False

    @property
    def is_for_people(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in {State.FAILED, State.UNKNOWN}


def state_of(handle: Handle) -> State:
    """Return the state that a post is in by where it stands on its channel."""
    match handle.stage:
        case Stage.PREPARING:
            return State.PREPARING
        case Stage.READY:
            return State.CREATED_REMOTELY if handle.remote_id else State.PREPARING
        case Stage.PROCESSING:
            return State.PROCESSING
        case Stage.PUBLISHED:
            return State.PUBLISHED


def judge(error: ChannelError, *, before: Progress, begun: Progress, tries: int, now: datetime) -> Verdict:
    """Say what follows. `before` is where the post stood, `begun` what was saved before the call that failed."""
    stays = state_of(before.handle)
    if error.remedy is Remedy.UNKNOWN and (before.called_at is not None or tries + 1 >= patience.MOST_TRIES):
        # It was looked for, and nothing there decides it; or answers were lost all day.
        return Verdict(State.UNKNOWN, now, tries, before.called_at or begun.called_at)
    if error.remedy is Remedy.UNKNOWN and begun.called_at is not None:
        # It may be there. A look decides, but not at once: lists there may be some seconds behind.
        return Verdict(stays, now + patience.LOOK_AFTER, tries + 1, begun.called_at, blames_channel=True)
    # Nothing was carried out by this call. What was in doubt before a look that failed still is.
    doubt = before.called_at
    if error.remedy in _FOR_PEOPLE:
        return Verdict(State.FAILED if doubt is None else State.UNKNOWN, now, tries, doubt)
    if tries + 1 >= patience.MOST_TRIES:
        return Verdict(State.FAILED if doubt is None else State.UNKNOWN, now, tries + 1, doubt)
    if error.remedy is Remedy.QUOTA:
        wait = _asked(error) or patience.QUOTA_WAIT
        return Verdict(stays, now + wait, tries + 1, doubt, rest_until=now + wait)
    wait = patience.wait_after(tries + 1, asked_seconds=error.after_seconds)
    # A channel that says when to come back means the account, not this post.
    rest_until = now + wait if error.after_seconds else None
    return Verdict(stays, now + wait, tries + 1, doubt, rest_until, blames_channel=True)


def _asked(error: ChannelError) -> timedelta | None:
    if error.after_seconds is None:
        return None
    return min(timedelta(seconds=max(1.0, error.after_seconds)), patience.LONGEST_WAIT)

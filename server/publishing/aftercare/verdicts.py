"""What follows when a change of a published post did not succeed. Pure: values in, a verdict out.

Each deed may be repeated, so an answer that was lost needs no look: the call is made again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from server.publishing.aftercare.models import Standing
from server.publishing.publisher import patience
from server.publishing.remedies import ChannelError, Remedy

_FOR_PEOPLE: Final = frozenset({Remedy.RECONNECT, Remedy.FIX_CONTENT, Remedy.OPERATOR, Remedy.REFRESH})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a change goes after a failure.

    `called_at`: since when something of it may be carried out; None: nothing is. `rests_account`: the channel said of
    the whole account when it may be asked again.
    """

    state: Standing
    next_at: datetime
    tries: int
    called_at: datetime | None
    rests_account: bool = False


def judge(
    error: ChannelError,
    *,
    tries: int,
    called_before: datetime | None,
    called_at: datetime,
    now: datetime,
    in_parts: bool = False,
) -> Verdict:
    """Say what follows. `called_before`: since when it was in doubt before this call, which began at `called_at`.

    `in_parts`: the post is a thread, of which some may be changed although the call was refused in the end.
    """
    doubt = called_before or (called_at if in_parts or error.remedy is Remedy.UNKNOWN else None)
    if error.remedy in _FOR_PEOPLE or tries + 1 >= patience.MOST_TRIES:
        return Verdict(Standing.FAILED, now, tries + 1, doubt)
    if error.remedy is Remedy.UNKNOWN and tries == 0:
        # A lost answer costs no time, once.
        return Verdict(Standing.WAITING, now + patience.LOOK_AFTER, 1, doubt)
    asked = error.after_seconds
    if error.remedy is Remedy.QUOTA and asked is None:
        asked = patience.QUOTA_WAIT.total_seconds()
    wait = max(patience.wait_after(tries + 1, asked_seconds=asked), timedelta(seconds=1))
    return Verdict(Standing.WAITING, now + wait, tries + 1, doubt, rests_account=asked is not None)

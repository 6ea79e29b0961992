"""What states and attempts are called before people."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from server.publishing.models import Attempt
from server.publishing.states import State

STATE_WORDS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.SCHEDULED: "Scheduled",
        State.PREPARING: "Being prepared",
        State.CREATED_REMOTELY: "Ready on the channel",
        State.PROCESSING: "The channel works on it",
        State.PUBLISHED: "Published",
        State.FAILED: "Failed",
        State.UNKNOWN: "Outcome unknown",
        State.CANCELLED: "Cancelled",
    }
)
_BADGES: Final = {
    "bluesky": "Bs",
    "mastodon": "Ma",
    "reddit": "Re",
    "sandbox": "Sb",
    "site": "Si",
    "webhook": "Wh",
    "wordpress": "Wp",
}
_DONE: Final = {
    "prepare": "Sent ahead what nobody sees yet.",
    "publish": "Sent it; the channel took it.",
    "look": "Looked on the channel.",
    "update": "Changed it on the channel.",
    "delete": "Took it down on the channel.",
    "replay": "Sent it once more, as the same; the channel took it.",
}
_OPEN: Final = {
    "prepare": "Began to send ahead what nobody sees yet; how it ended is not known.",
    "publish": "Began to send it; how it ended is not known.",
    "look": "Began to look on the channel; no answer yet.",
    "update": "Began to change it there; how that ended is not known.",
    "delete": "Began to take it down there; how that ended is not known.",
    "replay": "Began to send it once more; how that ended is not known.",
}


def badge_of(channel: str | None, plays: str | None = None) -> str:
    """Return two letters for a kind of channel, where its name is too long. `plays`: the one that a sandbox plays."""
    shown = plays if channel == "sandbox" and plays in _BADGES else channel
    return _BADGES.get(shown or "", (shown or "?")[:2].capitalize())


def attempt_sentence(attempt: Attempt) -> str:
    """Return what happened in a call, in a sentence."""
    if attempt.outcome is None:
        return _OPEN.get(attempt.call, "Under way.")
    if attempt.outcome == "absent":
        return "Looked on the channel: it is not there, so it may be sent again."
    if attempt.outcome == "done":
        return _DONE.get(attempt.call, "Done.")
    return attempt.sentence or "It did not work."

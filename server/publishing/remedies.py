"""What can go wrong on a channel, classed by what helps. A channel names the class; the publisher does what it says."""

from enum import StrEnum


class Remedy(StrEnum):
    """What helps against a failure."""

    RETRY = "retry"  # nothing happened there; the same call may pass later
    REFRESH = "refresh"  # the access token has run out; with a new one the same call passes
    RECONNECT = "reconnect"  # a person must connect the account again
    FIX_CONTENT = "fix_content"  # the channel refuses the post as it is
    QUOTA = "quota"  # the account has sent its share; wait until some of it is free
    OPERATOR = "operator"  # this installation is set up wrongly, or the channel has changed
    UNKNOWN = "unknown"  # the call may have been carried out; look before it is made again


class ChannelError(Exception):
    """A call to a channel that did not succeed. `str(error)` is a sentence for a person, without secrets.

    `after_seconds`: the earliest time for another try, from now, where the channel said one. `evidence`: what the
    channel answered, shortened and without secrets, for whoever has to decide.
    """

    def __init__(
        self, remedy: Remedy, sentence: str, *, after_seconds: float | None = None, evidence: str = ""
    ) -> None:
        super().__init__(sentence)
        self.remedy = remedy
        self.after_seconds = after_seconds
        self.evidence = evidence

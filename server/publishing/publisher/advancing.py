"""One step of a post on its way out: which call is next, and what its outcome means. It does no I/O of its own.

The publisher saves what comes back before it takes the next step; the contract suite of the channels takes the same
steps, and loses the answers of any of them.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from server.publishing.channel import Caller, Channel, Finding, Handle, Post, Stage
from server.publishing.remedies import ChannelError, Remedy


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a post stands, as it is saved.

    `called_at`: when a call that makes something visible was begun with this handle, whose outcome is not known.
    """

    handle: Handle
    called_at: datetime | None = None
    # How long to wait before the next step, because the channel works on it.
    wait_seconds: float = 0.0

    @property
    def is_done(self) -> bool:
        """Whether all of it can be seen."""
        return self.handle.stage is Stage.PUBLISHED


def begun(progress: Progress, now: datetime) -> Progress:
    """Return what must be saved before the next step: from `publish` on, its outcome is open until it is saved."""
    if progress.handle.stage is Stage.READY and progress.called_at is None:
        return replace(progress, called_at=now)
    return progress


async def advance(channel: Channel, caller: Caller, post: Post, progress: Progress) -> Progress:
    """Take the next step and return where the post stands now.

    `progress` is as it was before `begun`: with a `called_at`, the step before this one was lost, and this one only
    looks. Raises ChannelError: what helps is in it. Unless that is UNKNOWN nothing was carried out, and the post stands
    where it stood.
    """
    handle = progress.handle
    if progress.called_at is not None or handle.stage is Stage.PROCESSING:
        return await _look(channel, caller, post, progress)
    if handle.stage is Stage.PREPARING:
        return Progress(await channel.prepare(caller, post, handle))
    if handle.stage is Stage.READY:
        return Progress(await channel.publish(caller, post, handle))
    return progress


async def _look(channel: Channel, caller: Caller, post: Post, progress: Progress) -> Progress:
    status = await channel.status(caller, post, progress.handle, called_at=progress.called_at)
    match status.finding:
        case Finding.CARRIED_OUT | Finding.ABSENT:
            return Progress(status.handle)
        case Finding.PROCESSING:
            return Progress(status.handle, wait_seconds=status.after_seconds)
        case Finding.REFUSED:
            sentence = f"{channel.name} took the post and then refused it."
            raise ChannelError(Remedy.FIX_CONTENT, sentence, evidence=status.evidence)
        case Finding.UNCLEAR:
            sentence = f"Nothing on {channel.name} tells whether the post is there."
            raise ChannelError(Remedy.UNKNOWN, sentence, evidence=status.evidence)

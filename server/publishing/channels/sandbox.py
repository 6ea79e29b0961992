"""A channel for trying things out: the limits of any other one, and whichever failure is wished. Nobody else sees it.

What happens to a post is chosen with it. The failures are those that channels really have, told to the publisher as
they tell it, so that what people see and what they can do about it is the real thing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from server.publishing.channel import (
    Account,
    Caller,
    Capabilities,
    Channel,
    Connection,
    Consent,
    Field,
    Finding,
    Handle,
    Limits,
    Metrics,
    Post,
    Problem,
    Stage,
    Status,
)
from server.publishing.channels.sandbox_shelf import SandboxShelf, Sent
from server.publishing.http import Http
from server.publishing.remedies import ChannelError, Remedy

# So long a slow channel works on a post, and one that is asked too often wants to be left alone.
SLOW: Final = timedelta(seconds=30)
LIMITED: Final = timedelta(seconds=60)
MAX_REPLIES: Final = 25
MAX_PICTURES: Final = 50
_ANY: Final = "any"
_CAPABILITIES: Final = Capabilities(
    titles=True,
    rich_text=True,
    pictures=True,
    replies=True,
    updates=True,
    deletes=True,
    updating="What the sandbox has of it is changed.",
    taking_down="It is taken out of the sandbox.",
)


class Outcome(StrEnum):
    """What becomes of a post."""

    WELL = "well"
    SLOW = "slow"
    REFUSED = "refused"
    LIMITED = "limited"
    LOST_AND_FOUND = "lost_and_found"
    LOST = "lost"


WORDS: Final[Mapping[Outcome, str]] = {
    Outcome.WELL: "All goes well",
    Outcome.SLOW: "It works on the post for half a minute",
    Outcome.REFUSED: "It refuses the post",
    Outcome.LIMITED: "It wants to be left alone for a minute first",
    Outcome.LOST_AND_FOUND: "Its answer is lost, and the post is found there",
    Outcome.LOST: "Its answer is lost, and nothing tells whether the post is there",
}
_OPTIONS: Final = (
    Field(
        "outcome",
        "What shall happen",
        "The sandbox does as you choose, so that you see what follows.",
        required=False,
        choices=tuple((outcome.value, words) for outcome, words in WORDS.items()),
    ),
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A channel for trying things out. `played`: the channels whose limits it can take on, by kind."""

    shelf: SandboxShelf
    public_url: str
    played: Mapping[str, Channel]
    kind: str = "sandbox"
    name: str = "Sandbox"
    about: str = "Plays any other channel, failures included; nothing leaves this installation"
    capabilities: Capabilities = _CAPABILITIES
    options: Sequence[Field] = _OPTIONS

    @property
    def form(self) -> Sequence[Field]:
        """Ask whose limits it shall have."""
        names = sorted((channel.name, kind) for kind, channel in self.played.items())
        return (
            Field(
                "plays",
                "Whose limits it has",
                "Posts are held to that channel's rules. They go nowhere, and nobody outside this workspace sees them.",
                choices=((_ANY, "Nobody's: everything is taken"), *((kind, name) for name, kind in names)),
            ),
        )

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        """Open a sandbox with the limits of a channel; a workspace has one for each."""
        plays = answers.get("plays", "") or _ANY
        channel = self.played.get(plays)
        if channel is None and plays != _ANY:
            raise ChannelError(Remedy.RECONNECT, "Choose one of the channels.")
        name = f"Sandbox as {channel.name}" if channel else "Sandbox"
        return Connection(name, remote_id=plays, facts={"plays": plays})

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        """Never called: nobody is asked for consent. Raises ChannelError."""
        raise ChannelError(Remedy.OPERATOR, "A sandbox needs no consent.")

    async def check(self, caller: Caller) -> Connection:
        """Return the sandbox as it is."""
        account = caller.account
        return Connection(account.name, remote_id=account.remote_id, facts=account.facts)

    async def refresh(self, caller: Caller) -> Connection:
        """A sandbox has no tokens."""
        return await self.check(caller)

    def limits(self, account: Account) -> Limits:
        """Return those of the channel that is played, as they usually are there."""
        channel = self._channel(account)
        if channel is None:
            return Limits(replies=MAX_REPLIES, pictures=MAX_PICTURES)
        return channel.limits(_usual(account, channel))

    def validate(self, post: Post, account: Account) -> list[Problem]:
        """Say what the channel that is played would refuse; but for what it asks for with each post."""
        channel = self._channel(account)
        if channel is None:
            return []
        asked = {option.name for option in channel.options}
        return [each for each in channel.validate(post, _usual(account, channel)) if each.where not in asked]

    def said(self, post: Post, account: Account) -> list[str]:
        """Return what the channel that is played would be sent."""
        channel = self._channel(account)
        return [post.text, *post.replies] if channel is None else channel.said(post, _usual(account, channel))

    def begin(self, post: Post, account: Account) -> Handle:
        """The post is known by its publication; `part` is how many of its texts were sent."""
        return Handle(Stage.READY, {"part": 0}, remote_id=str(post.publication_id))

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """There is nothing to prepare."""
        return handle.moved(Stage.READY)

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Take one text of the post, or fail as was chosen."""
        outcome = _outcome(post)
        before = await self._before(caller, post, outcome)
        part = _part(handle)
        if outcome is Outcome.LOST and before is None:
            await self.shelf.put(self._sent(caller, post, shown=0))
            raise ChannelError(
                Remedy.UNKNOWN,
                "The sandbox took the post and said nothing, as was chosen.",
                evidence="The answer was lost, and the sandbox shows no posts that one could look through.",
            )
        # What is there stays there, however often a part is sent.
        await self.shelf.put(self._sent(caller, post, shown=max(part + 1, before.shown if before else 0)))
        if outcome is Outcome.LOST_AND_FOUND:
            raise ChannelError(Remedy.UNKNOWN, "The sandbox's answer was lost, as was chosen.", evidence="no answer")
        return self._next(caller, post, handle)

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        """Look whether the text of which nothing was heard is there, or whether the slow work is done."""
        if called_at is None:
            return _worked_on(handle, caller.now())
        sent = await self.shelf.find(post.publication_id)
        if sent is None:
            return Status(Finding.ABSENT, handle, "The sandbox has not heard of the post.")
        if sent.shown > _part(handle):
            return Status(Finding.CARRIED_OUT, self._next(caller, post, handle), "The sandbox has the post.")
        if _outcome(post) is Outcome.LOST and sent.shown == 0:
            return Status(
                Finding.UNCLEAR, handle, "The sandbox took the post and shows nothing that could be looked through."
            )
        return Status(Finding.ABSENT, handle, "The sandbox has only what came before.")

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Change a post, all of it."""
        await self.shelf.put(self._sent(caller, post, shown=1 + len(post.replies)))
        return handle

    async def delete(self, caller: Caller, handle: Handle) -> None:
        """Take a post away."""
        await self.shelf.remove(UUID(str(handle.remote_id)))

    async def revoke(self, caller: Caller) -> str:
        """Nothing was given to anybody."""
        return ""

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        """Nobody reads what is in a sandbox."""
        return Metrics()

    def plays(self, account: Account) -> Channel:
        """Return the channel whose rules hold for an account; the sandbox itself, if nobody's do."""
        return self._channel(account) or self

    def _channel(self, account: Account) -> Channel | None:
        return self.played.get(str(account.facts.get("plays", "")))

    def _sent(self, caller: Caller, post: Post, *, shown: int) -> Sent:
        return Sent(
            post.publication_id,
            caller.account.id,
            post.title,
            tuple(self.said(post, caller.account)),
            tuple(picture.alt or picture.name for picture in post.pictures),
            _outcome(post).value,
            shown,
            caller.now(),
        )

    async def _before(self, caller: Caller, post: Post, outcome: Outcome) -> Sent | None:
        """Return what the sandbox has of the post by now. Raises ChannelError if it shall not take it."""
        if outcome is Outcome.REFUSED:
            raise ChannelError(
                Remedy.FIX_CONTENT,
                "The sandbox refused the post, as was chosen. Choose another outcome, then try again.",
                evidence='{"error": "refused", "message": "This post was refused by the sandbox."}',
            )
        blocking = [each.sentence for each in self.validate(post, caller.account) if each.blocks]
        if blocking:
            # Also what was planned before the limits were these.
            raise ChannelError(Remedy.FIX_CONTENT, " ".join(blocking), evidence='{"error": "against the limits"}')
        wait = (post.due_at + LIMITED - caller.now()).total_seconds()
        if outcome is Outcome.LIMITED and wait > 0:
            raise ChannelError(
                Remedy.QUOTA, "The sandbox wants to be left alone for a minute, as was chosen.", after_seconds=wait
            )
        return await self.shelf.find(post.publication_id)

    def _next(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Return the handle after one more text was taken."""
        part = _part(handle) + 1
        url = f"{self.public_url}/workspace/channels/{caller.account.id}/posts#post-{post.publication_id}"
        if part <= len(post.replies):
            return handle.moved(Stage.READY, url=url, part=part)
        if _outcome(post) is Outcome.SLOW:
            return handle.moved(Stage.PROCESSING, url=url, part=part, done_at=(caller.now() + SLOW).isoformat())
        return handle.moved(Stage.PUBLISHED, url=url, part=part)


def _worked_on(handle: Handle, now: datetime) -> Status:
    done_at = datetime.fromisoformat(str(handle.data["done_at"]))
    if now < done_at:
        left = (done_at - now).total_seconds()
        return Status(Finding.PROCESSING, handle, "The sandbox works on it, as was chosen.", after_seconds=left)
    return Status(Finding.CARRIED_OUT, handle.moved(Stage.PUBLISHED), "The sandbox is done.")


def _outcome(post: Post) -> Outcome:
    chosen = post.options.get("outcome", "")
    return Outcome(chosen) if chosen in set(Outcome) else Outcome.WELL


def _part(handle: Handle) -> int:
    part: Any = handle.data.get("part", 0)
    return int(part)


def _usual(account: Account, channel: Channel) -> Account:
    """Return an account of the channel that is played, about which nothing particular is known."""
    return Account(account.id, channel.kind, account.name)

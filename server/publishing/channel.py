"""What a channel is to the publisher: one small Protocol, and the values that pass through it.

How a post gets out, whatever the channel: `begin` chooses, before anything is sent, what it will be recognised by.
`prepare` is called until the handle is READY: uploads, drafts, whatever nobody sees yet. Then `publish`, until nothing
is left to send: each call makes at most one thing visible. If the channel works on it for a while, `status` is asked
until it is PUBLISHED. The publisher saves the handle between any two calls, and notes before each what it is about to
do. If the answer to a `publish` is lost (ChannelError with Remedy.UNKNOWN, or the worker died), `status` is asked with
the handle from before that call: only if it says ABSENT is the call made again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

from server.publishing.http import Http


def utc_now() -> datetime:
    """Return the time of this moment, aware, in UTC."""
    return datetime.now(UTC)


# What JSON can hold, without saying how deep.
Json = object
MAX_ADDRESS_CHARACTERS: Final = 2000


def web_address(said: Json) -> str | None:
    """Return an address out of a channel's answer, if it is one that people may be led to; None if not."""
    is_one = isinstance(said, str) and said.startswith(("https://", "http://")) and len(said) <= MAX_ADDRESS_CHARACTERS
    return str(said) if is_one else None


class Counting(StrEnum):
    """How a channel counts the characters of a text. Whoever writes sees the same count: the server meters it, too."""

    CODE_POINTS = "code_points"
    GRAPHEMES = "graphemes"
    # Graphemes, but any address counts as 23 and a mention by its first part alone.
    MASTODON = "mastodon"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can do beyond sending a text."""

    titles: bool = False  # a post has a title of its own
    rich_text: bool = False  # headings, lists, links as HTML; else plain text
    pictures: bool = False
    replies: bool = False  # further posts below the first: a thread, or a first comment
    updates: bool = False  # a post can be changed after it was published
    deletes: bool = False
    metrics: bool = False
    # What changing and taking down a post means there, in a sentence for whoever is about to do it.
    updating: str = ""
    taking_down: str = ""
    renews: bool = True  # a token that ends is renewed without a person; else they connect the account again


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account's channel takes. None: no limit that is known."""

    text: int | None = None  # characters, as `counting` counts
    text_bytes: int | None = None  # bytes of the text in UTF-8
    counting: Counting = Counting.CODE_POINTS
    title: int | None = None  # code points
    replies: int = 0
    pictures: int = 0
    picture_bytes: int | None = None
    picture_pixels: int | None = None
    picture_types: frozenset[str] = frozenset()  # content types
    alt: int | None = None  # code points
    alt_required: bool = False
    tags: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a post. `read` gives its bytes; `size_bytes` is how many.

    `url`: where anybody can fetch it (for a while at least), if anywhere.
    """

    name: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    alt: str
    read: Callable[[], Awaitable[bytes]] = field(compare=False, repr=False)
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """What a publication sends, frozen. `text` is plain text, `html` the same with its form (no scripts, no styles).

    `key`: the same for every attempt of this publication and for no other. `link`: where the whole text is to be read,
    if anywhere. `tags`: without a leading '#'. `replies`: the texts of further posts below the first, in order.
    `options`: what this channel asks for besides (a subreddit, who may see it), as the channel's `options` name it.
    """

    publication_id: UUID
    key: str
    due_at: datetime
    title: str
    text: str
    html: str
    summary: str = ""
    link: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    replies: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """A connected account. `secrets` are open here and nowhere else: they lie encrypted in the database.

    `base_url`: the host that is its own (an instance, a site), without a slash at the end. `remote_id`: who it is
    there. `facts`: what the channel said about itself and the account when last asked (limits of the instance).
    `app`: what the operator has been given to sign people in there (client id and secret).
    """

    id: UUID
    channel: str
    name: str
    base_url: str = ""
    remote_id: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    app: Mapping[str, str] = field(default_factory=dict, repr=False)


class Stage(StrEnum):
    """How far a post has come on its channel."""

    PREPARING = "preparing"  # nothing can be seen; `prepare` is next
    READY = "ready"  # all is there that the post needs; `publish` is next
    PROCESSING = "processing"  # sent; the channel works on it; ask `status`
    PUBLISHED = "published"  # it can be seen


@dataclass(frozen=True, slots=True)
class Handle:
    """Where a post stands on its channel. `data` is the channel's own, JSON; `url` is where people see the post."""

    stage: Stage
    data: Mapping[str, Json] = field(default_factory=dict)
    remote_id: str | None = None
    url: str | None = None

    def moved(self, stage: Stage, *, remote_id: str | None = None, url: str | None = None, **data: Json) -> "Handle":
        """Return it at another stage, with what is new; what is not named stays."""
        return replace(
            self,
            stage=stage,
            data={**self.data, **data},
            remote_id=remote_id or self.remote_id,
            url=url or self.url,
        )


class Finding(StrEnum):
    """What a look at the channel has shown about the call that was made, or may have been."""

    CARRIED_OUT = "carried_out"  # it was; the handle says what is next, if anything
    PROCESSING = "processing"  # it was, and the channel works on it
    # It was not carried out, or making it again cannot make a second post (the channel or our own key sees to that).
    ABSENT = "absent"
    REFUSED = "refused"  # the channel worked on it and gave up; `evidence` says why
    UNCLEAR = "unclear"  # nothing there decides it; a person has to


@dataclass(frozen=True, slots=True)
class Status:
    """What `status` found. `handle`: where the post stands now. `after_seconds`: when it is worth asking again.

    `evidence`: what was seen there, in a sentence for a person.
    """

    finding: Finding
    handle: Handle
    evidence: str = ""
    after_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a post that the channel would refuse (`blocks`) or that is likely a mistake.

    `where`: "text", "title", "tags", "replies", "pictures", "picture 2", or the name of an option. `sentence`: the
    rule, the figure and what to do, for a person.
    """

    where: str
    sentence: str
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a channel tells about a published post. None: it does not tell.

    `gone`: why people can see it there no longer, in a sentence; None: they can.
    """

    views: int | None = None
    likes: int | None = None
    replies: int | None = None
    shares: int | None = None
    gone: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """Something a person fills in: to connect an account, or with a post (`Channel.options`).

    `choices`: the only values it takes, each with its words; empty: any text. `secret`: never shown again. `counts`:
    its characters count with those of each text.
    """

    name: str
    label: str
    help: str = ""
    secret: bool = False
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Connection:
    """An account that has just been connected, or was looked at anew. See Account for the fields.

    `shown_once`: what the person must take to the other side now, label to value (a secret that was made here).
    `was_asked`: whether the other side said so; new secrets that are made here do not show that it works.
    """

    name: str
    base_url: str = ""
    remote_id: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    # When the access token ends; None: the channel did not say. It is refreshed well before.
    expires_at: datetime | None = None
    shown_once: Mapping[str, str] = field(default_factory=dict, repr=False)
    was_asked: bool = True


@dataclass(frozen=True, slots=True)
class Consent:
    """A person must agree at the channel: send them to `url`. `kept` is what `finish` needs when they are back.

    `kept` holds secrets (a PKCE verifier, a client secret): it is stored encrypted, for minutes.
    """

    url: str
    kept: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """What a call needs: how to reach the network, whose call it is, and the time."""

    http: Http
    account: Account
    now: Callable[[], datetime] = utc_now


class Channel(Protocol):
    """A place where posts appear. One module each; all pass the same contract suite."""

    @property
    def kind(self) -> str:
        """Its name in the database and in addresses: "mastodon"."""
        ...

    @property
    def name(self) -> str:
        """Its name for people: "Mastodon"."""
        ...

    @property
    def about(self) -> str:
        """What goes there and what it takes, in a line for somebody who chooses a channel."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    @property
    def form(self) -> Sequence[Field]:
        """What a person fills in to connect an account."""
        ...

    @property
    def options(self) -> Sequence[Field]:
        """What a person chooses with each post."""
        ...

    async def connect(
        self, http: Http, answers: Mapping[str, str], *, app: Mapping[str, str], return_to: str
    ) -> Connection | Consent:
        """Connect an account with what was filled in, or say where the person has to agree first.

        `return_to`: the address that the channel sends the person back to. Raises ChannelError.
        """
        ...

    async def finish(self, http: Http, kept: Mapping[str, str], answer: Mapping[str, str]) -> Connection:
        """Connect after the person agreed. `answer`: the query that they came back with. Raises ChannelError."""
        ...

    async def check(self, caller: Caller) -> Connection:
        """Look whether the account still works, and what its limits are now. Raises ChannelError."""
        ...

    async def refresh(self, caller: Caller) -> Connection:
        """Get new tokens. Called by one process at a time for an account. Raises ChannelError.

        Where the secret is one that was made here, a new one is made, and the old one holds on for a while.
        """
        ...

    def limits(self, account: Account) -> Limits:
        """What the account's channel takes."""
        ...

    def validate(self, post: Post, account: Account) -> list[Problem]:
        """Everything about a post that the channel would refuse, and what looks like a mistake. No I/O."""
        ...

    def said(self, post: Post, account: Account) -> list[str]:
        """The texts of a post as they go out, one for each that is made: what `limits` counts. No I/O.

        The link and the tags are part of them where they stand in the text there. Of HTML, the words.
        """
        ...

    def begin(self, post: Post, account: Account) -> Handle:
        """Choose what the post will be recognised by. Pure but for chance; saved before anything is sent."""
        ...

    async def prepare(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Go one call further towards READY. Raises ChannelError.

        May be repeated at any time: it finds again what it made, or what it makes twice is never seen.
        """
        ...

    async def publish(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Make at most one thing visible. Raises ChannelError; with UNKNOWN if it may have happened."""
        ...

    async def status(self, caller: Caller, post: Post, handle: Handle, *, called_at: datetime | None) -> Status:
        """Look where the post stands, without changing anything. Raises ChannelError if it cannot be looked at now.

        `called_at`: when a `publish` with this very handle was begun, whose outcome is not known; None: none was, and
        the channel works on the post.
        """
        ...

    async def update(self, caller: Caller, post: Post, handle: Handle) -> Handle:
        """Change a published post into `post`. May be repeated. Only where `capabilities.updates`."""
        ...

    async def delete(self, caller: Caller, handle: Handle) -> None:
        """Take a published post back; done if it is gone already. Only where `capabilities.deletes`."""
        ...

    async def revoke(self, caller: Caller) -> str:
        """Take back there what was given to this account here: its token, its password. May be repeated.

        Returns what remains for a person to do there, in a sentence; empty: nothing. Raises ChannelError.
        """
        ...

    async def metrics(self, caller: Caller, handle: Handle) -> Metrics:
        """How a published post fares. Only where `capabilities.metrics`."""
        ...


@runtime_checkable
class Replaying(Protocol):
    """What a channel also has if whoever receives its posts may have lost one that they took, and knows it again."""

    async def replay(self, caller: Caller, post: Post, handle: Handle) -> None:
        """Send a published post once more, as the same. May be repeated. Raises ChannelError."""
        ...

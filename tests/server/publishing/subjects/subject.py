"""What the contract suite needs to know about a channel under test."""

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID, uuid4

from PIL import Image

from server.publishing.channel import Caller, Channel, Picture, Post
from tests.server.publishing.elsewhere.running import Place


@dataclass
class Clock:
    """A clock that stands still until somebody lets time pass."""

    time: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))

    def now(self) -> datetime:
        return self.time

    def passes(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Subject:
    """A channel, an account that works on it, and a look behind the scenes of its server."""

    channel: Channel
    caller: Caller
    place: Place
    # The texts that people see there now, oldest first, replies after what they answer.
    seen: Callable[[], Sequence[str]]
    # Makes the server refuse the access token that the account holds, as if it had run out.
    expire: Callable[[], None] | None = None
    # Whether a lost answer always ends with the post published once, without asking a person.
    decides: bool = True
    # Lets so many seconds go by on the clock of `caller`, if the channel goes by it.
    passes: Callable[[float], None] | None = None
    # What a post on this channel has to choose.
    options: dict[str, str] = field(default_factory=dict)


def _png() -> bytes:
    file = BytesIO()
    Image.new("RGB", (2, 2), "brown").save(file, "PNG")
    return file.getvalue()


PNG = _png()

# Opens a subject: `async with opening() as subject`.
Opening = Callable[[], AbstractAsyncContextManager[Subject]]


def a_post(subject: Subject, text: str = "The brown fox", **changes: object) -> Post:
    """Return a post that every channel takes."""
    publication = uuid4()
    values: dict[str, object] = {
        "publication_id": publication,
        "key": publication.hex,
        "due_at": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "title": "The fox",
        "text": text,
        "html": f"<p>{text}</p>",
        "options": subject.options,
    }
    return Post(**{**values, **changes})  # type: ignore[arg-type]  # the dictionary is spread over its fields


def a_whole_post(subject: Subject, text: str = "The brown fox") -> Post:
    """Return a post with two pictures and two replies, as far as the channel has them.

    The replies say what `text` does, of a vixen.
    """
    can = subject.channel.capabilities
    limits = subject.channel.limits(subject.caller.account)
    pictures = tuple(a_picture(PNG, alt=f"Fox {number}") for number in range(min(2, limits.pictures)))
    reply = re.sub("fox", "vixen", text, flags=re.IGNORECASE)
    return a_post(
        subject,
        text,
        pictures=pictures if can.pictures else (),
        replies=(reply, f"Once more: {reply}, too")[: limits.replies] if can.replies else (),
    )


def a_picture(data: bytes, *, read: Callable[[], Awaitable[bytes]] | None = None, alt: str = "A fox") -> Picture:
    """Return a PNG picture of 2 by 2 pixels by its bytes."""

    async def give() -> bytes:
        return data

    return Picture("fox.png", "image/png", len(data), 2, 2, alt, read or give)


def an_id() -> UUID:
    """Return an account's id."""
    return uuid4()

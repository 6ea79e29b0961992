"""A post as it is kept with its publication: frozen when it is planned, read back when it goes out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server.publishing.channel import Picture, Post
from server.publishing.models import Publication

# Counts the shapes below: a row that an older release wrote is still read after one is added.
SHAPE: Final = 1

# Gives the bytes of a picture by its key in the store. Raises ChannelError if they are not there.
ReadPicture = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class FrozenPicture:
    """A picture of a post, by its key in the store. The key holds the digest of its bytes, so it is frozen, too."""

    key: str
    name: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    alt: str


@dataclass(frozen=True, slots=True)
class Additions:
    """What somebody wishes a post to have besides its text: a link, tags (without '#'), and what its channel asks for.

    None: what the text for the account says itself. An empty one is a wish: no link, no tags, this option not chosen.
    """

    link: str | None = None
    tags: tuple[str, ...] | None = None
    options: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FrozenPost:
    """What a publication will send; see `channel.Post` for the fields.

    `wished`: what somebody wished besides the text; it is part of the fields already.
    """

    title: str
    text: str
    html: str
    summary: str = ""
    link: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    pictures: tuple[FrozenPicture, ...] = ()
    replies: tuple[str, ...] = ()
    options: Mapping[str, str] | None = None
    wished: Additions = field(default_factory=Additions)


def pack(post: FrozenPost) -> dict[str, Any]:
    """Return the post as JSON for its row."""
    return {
        "shape": SHAPE,
        "title": post.title,
        "text": post.text,
        "html": post.html,
        "summary": post.summary,
        "link": post.link,
        "language": post.language,
        "tags": list(post.tags),
        "replies": list(post.replies),
        "options": dict(post.options or {}),
        "wished": asdict(post.wished),
        "pictures": [
            {
                "key": picture.key,
                "name": picture.name,
                "content_type": picture.content_type,
                "size_bytes": picture.size_bytes,
                "width": picture.width,
                "height": picture.height,
                "alt": picture.alt,
            }
            for picture in post.pictures
        ],
    }


def unpack(packed: Mapping[str, Any]) -> FrozenPost:
    """Read what `pack` wrote."""
    # Before texts had links and tags of their own, all that a post had of them was wished.
    wished = packed.get("wished", {name: packed[name] for name in ("link", "tags", "options")})
    tags = wished["tags"]
    return FrozenPost(
        title=packed["title"],
        text=packed["text"],
        html=packed["html"],
        summary=packed["summary"],
        link=packed["link"],
        language=packed["language"],
        tags=tuple(packed["tags"]),
        replies=tuple(packed["replies"]),
        options=dict(packed["options"]),
        pictures=tuple(FrozenPicture(**picture) for picture in packed["pictures"]),
        wished=Additions(wished["link"], None if tags is None else tuple(tags), wished["options"]),
    )


def post_of(publication: Publication, read: ReadPicture, *, instead: Mapping[str, Any] | None = None) -> Post:
    """Return what a publication sends, ready for its channel. `instead`: a packed post that takes the place of its."""
    frozen = unpack(publication.post if instead is None else instead)
    # The same for every attempt, and for no other publication. A post that was changed is another one: what was
    # prepared for the one before (a draft, found again by its key) must not go out in its place.
    key = f"{publication.id.hex}{publication.edition or ''}"
    return as_post(frozen, publication.id, key=key, due_at=publication.due_at, read=read)


def as_post(frozen: FrozenPost, publication_id: UUID, *, key: str, due_at: datetime, read: ReadPicture) -> Post:
    """Return a frozen post as channels take it."""
    return Post(
        publication_id=publication_id,
        key=key,
        due_at=due_at,
        title=frozen.title,
        text=frozen.text,
        html=frozen.html,
        summary=frozen.summary,
        link=frozen.link,
        language=frozen.language,
        tags=frozen.tags,
        pictures=tuple(_picture(picture, read) for picture in frozen.pictures),
        replies=frozen.replies,
        options=dict(frozen.options or {}),
    )


def _picture(frozen: FrozenPicture, read: ReadPicture) -> Picture:
    async def give() -> bytes:
        return await read(frozen.key)

    return Picture(
        name=frozen.name,
        content_type=frozen.content_type,
        size_bytes=frozen.size_bytes,
        width=frozen.width,
        height=frozen.height,
        alt=frozen.alt,
        read=give,
    )

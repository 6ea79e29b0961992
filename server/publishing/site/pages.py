"""A page of a site as a value, and the port through which a channel puts it where people read it."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

MAX_SLUG_CHARACTERS: Final = 80
SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Letters that fall apart into none that an address should have.
_LETTERS: Final = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l"})

# What no XML may hold, not even escaped; Postgres and browsers do not want it, either.
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a page, in the sizes in which it is kept.

    `digest` is of the bytes that came and `ending` of the files; `width` and `height` are those of the largest one,
    `widths` of all, smallest first. `shared`: whether there is a JPEG of it for previews elsewhere.
    """

    name: str
    alt: str
    digest: str
    ending: str
    width: int
    height: int
    widths: tuple[int, ...]
    shared: bool = False

    def file(self, width: int) -> str:
        """Return the name of the file that is so wide."""
        return f"{self.digest}-{width}.{self.ending}"

    @property
    def shared_file(self) -> str:
        """The name of the file for previews elsewhere, if there is one; else of the largest."""
        return f"{self.digest}-shared.jpg" if self.shared else self.file(self.width)

    def files(self) -> Iterator[str]:
        """Give the names of all files of it."""
        yield from (self.file(width) for width in self.widths)
        if self.shared:
            yield self.shared_file


@dataclass(frozen=True, slots=True)
class Page:
    """What people read. `slug` is the wanted one until the page is put; `html` has its pictures by their names."""

    id: UUID
    account_id: UUID
    slug: str
    title: str
    summary: str
    html: str
    language: str = ""
    tags: tuple[str, ...] = ()
    pictures: tuple[Shown, ...] = ()


class Shelf(Protocol):
    """Where pages and their pictures stand. All of it raises ChannelError."""

    async def put(self, page: Page, *, now: datetime) -> str:
        """Show a page, in place of what it was before. Returns its slug: the wanted one, or the next that is free.

        A page whose wanted slug is the same as before stays where it is. Its files that it no longer shows go.
        """
        ...

    async def find(self, page_id: UUID) -> str | None:
        """Return the slug of a page, or None if it is not shown."""
        ...

    async def remove(self, page_id: UUID) -> None:
        """Show a page no more, if it is."""
        ...

    async def keep(self, account_id: UUID, page_id: UUID, files: Mapping[str, bytes]) -> None:
        """Keep files of pictures for a page. Nobody can read them before the page that names them is put."""
        ...


def legal(text: str) -> str:
    """Return the text without characters that no XML may hold."""
    return _ILLEGAL.sub("", text)


def slug_of(title: str) -> str:
    """Return the last part of a page's address, made of its title: "Füchse im Schnee" is "fuchse-im-schnee"."""
    plain = unicodedata.normalize("NFKD", title.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word[:MAX_SLUG_CHARACTERS]
        if len(longer) > MAX_SLUG_CHARACTERS:
            break
        slug = longer
    return slug


def picture_key(account_id: UUID, page_id: UUID, file: str) -> str:
    """Return where a file of a page's picture lies in the store."""
    return f"sites/{account_id.hex}/{page_id.hex}/{file}"

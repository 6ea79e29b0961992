"""Parts of a file, and whether the asker has it already. Source: RFC 9110, sections 13 and 14."""

import re
from dataclasses import dataclass
from typing import Final

_ONE_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int


class Unsatisfiable(Exception):
    """The range lies behind the end of the file."""


def span(header: str | None, *, size_bytes: int) -> Span | None:
    """Return the span that is asked for; None means the whole file.

    What cannot be read, and several ranges at once, get the whole file, as the standard allows.
    Raises Unsatisfiable.
    """
    found = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        if int(last) == 0:
            raise Unsatisfiable
        return Span(max(0, size_bytes - int(last)), size_bytes)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size_bytes:
        raise Unsatisfiable
    return Span(start, min(int(last) + 1, size_bytes) if last else size_bytes)


def has_already(if_none_match: str | None, etag: str) -> bool:
    """Whether the asker's copy is this one."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag in tags

"""Which of several forms an asker prefers, and which version it knows. Source: RFC 9110, 12.5.1 and 13.1."""

import re
from collections.abc import Sequence
from typing import Final

_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_QUALITY: Final = re.compile(r"(0(\.\d{0,3})?|1(\.0{0,3})?)")
ANY: Final = "*"


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """Return the offered media type that `accept` likes best, the earliest of equals; None if it likes none.

    `offered` holds types without parameters, the one for no preference first. An empty header likes everything.
    """
    ranges = [_range(part) for part in accept.lower().split(",") if part.strip()]
    if not ranges:
        return offered[0]
    likings = [_liking(media_type, ranges) for media_type in offered]
    best = max(likings)
    return offered[likings.index(best)] if best > 0 else None


def tags(header: str) -> frozenset[str] | None:
    """Return the entity tags of an If-None-Match without their weakness; None for `*`, which any version matches."""
    if header.strip() == ANY:
        return None
    return frozenset(text for _, text in _TAG.findall(header))


def strong_tags(header: str) -> frozenset[str] | None:
    """Return the entity tags of an If-Match; weak ones match nothing and are left out. None for `*`."""
    if header.strip() == ANY:
        return None
    return frozenset(text for weak, text in _TAG.findall(header) if not weak)


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (each.strip() for each in part.split(";"))
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    return kind, float(quality) if _QUALITY.fullmatch(quality) else 0.0


def _liking(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Say how much a type is liked: by the most exact range that covers it."""
    liked = dict(ranges)
    for kind in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if kind in liked:
            return liked[kind]
    return 0.0

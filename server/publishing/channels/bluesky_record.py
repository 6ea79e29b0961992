"""What a post is on Bluesky: records with keys of our own choice, and what of their text is a link, a mention or a tag.

Bluesky finds nothing in a text by itself. A facet says which bytes of it, in UTF-8, are what; what people see is
counted in graphemes.
"""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import regex

from server.publishing.channel import Json, Post
from server.publishing.counting import addresses, graphemes

COLLECTION: Final = "app.bsky.feed.post"
MAX_TAG: Final = 64
_ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"
_FACET: Final = "app.bsky.richtext.facet"
_MENTION: Final = regex.compile(
    r"(?<![^\s(])@(?P<handle>(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?![\w-])",
    regex.IGNORECASE,
)
_TAG: Final = regex.compile(r"(?<!\S)[#＃](?!\uFE0F)(?P<tag>[^\s\u00AD\u2060\u200A\u200B\u200C\u20E2]+)")
_WORD: Final = regex.compile(r"[^\d\p{P}]")


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a text, by code points, that means more than its letters. `value`: the address, the handle or the tag."""

    start: int
    end: int
    kind: Literal["link", "mention", "tag"]
    value: str


def said(post: Post) -> str:
    """Return the text of the first post: with the link if pictures take the place of its card."""
    text = post.text.strip()
    if post.link and post.pictures and post.link not in text:
        return f"{text}\n\n{post.link}" if text else post.link
    return text


def parts(post: Post) -> list[str]:
    """Return the texts of the thread, the first post's and those of its replies."""
    return [said(post), *(reply.strip() for reply in post.replies)]


def keys_of(post: Post) -> list[str]:
    """Return the record keys of a thread: the same whenever they are asked for, in the order of its parts.

    A TID is 53 bits of microseconds and 10 bits by which machines that write at the same time differ. The second is
    when the post is due; below it the post's key decides, so two posts of an account share one in a billion cases.
    """
    digest = int.from_bytes(hashlib.sha256(post.key.encode()).digest()[:8], "big")
    first = int(post.due_at.timestamp()) * 1_000_000 + (digest & 0xFFFFF)
    return [_tid(first + number, digest >> 20 & 0x3FF) for number in range(len(post.replies) + 1)]


def spans(text: str) -> list[Span]:
    """Find what a text holds of addresses, mentions and tags, in order."""
    found = [Span(start, end, "link", text[start:end]) for start, end in addresses(text)]
    found += [Span(at.start(), at.end(), "mention", at["handle"].lower()) for at in _MENTION.finditer(text)]
    for at in _TAG.finditer(text):
        tag = _without_punctuation_behind(at["tag"])
        if _WORD.search(tag) and graphemes(tag) <= MAX_TAG:
            found.append(Span(at.start(), at.start("tag") + len(tag), "tag", tag))
    return sorted(found, key=lambda span: span.start)


def handles_of(post: Post) -> list[str]:
    """Return the handles that are mentioned anywhere in the thread, each once."""
    return list(dict.fromkeys(span.value for text in parts(post) for span in spans(text) if span.kind == "mention"))


def facets(text: str, dids: Mapping[str, str]) -> list[Json]:
    """Return the facets of a text. `dids`: who is meant by a handle; one that is not in it is nobody, so plain text."""
    made: list[Json] = []
    for span in spans(text):
        feature = _feature(span, dids)
        if feature is not None:
            start = len(text[: span.start].encode())
            index = {"byteStart": start, "byteEnd": start + len(text[span.start : span.end].encode())}
            made.append({"index": index, "features": [feature]})
    return made


def tags_of(post: Post) -> list[str]:
    """Return the tags that do not stand in the text already."""
    written = {span.value.casefold() for span in spans(said(post)) if span.kind == "tag"}
    cleaned = dict.fromkeys(tag.strip().lstrip("#").strip() for tag in post.tags)
    return [tag for tag in cleaned if tag and tag.casefold() not in written]


def record_of(
    post: Post,
    number: int,
    *,
    created_at: datetime,
    dids: Mapping[str, str],
    images: list[Json],
    thread: list[Mapping[str, str]],
) -> dict[str, Json]:
    """Return the record of a part of a thread. `thread`: `uri` and `cid` of the parts above it."""
    text = parts(post)[number]
    # A thread is sorted by these times.
    created = (created_at + timedelta(milliseconds=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record: dict[str, Json] = {"$type": COLLECTION, "text": text, "createdAt": created}
    if post.language:
        record["langs"] = [post.language]
    found = facets(text, dids)
    if found:
        record["facets"] = found
    if number:
        record["reply"] = {"root": dict(thread[0]), "parent": dict(thread[-1])}
        return record
    tags = tags_of(post)
    if tags:
        record["tags"] = tags
    if images:
        record["embed"] = {"$type": "app.bsky.embed.images", "images": images}
    elif post.link:
        card = {"uri": post.link, "title": post.title, "description": post.summary}
        record["embed"] = {"$type": "app.bsky.embed.external", "external": card}
    return record


def _without_punctuation_behind(tag: str) -> str:
    end = len(tag)
    while end and unicodedata.category(tag[end - 1]).startswith("P"):
        end -= 1
    return tag[:end]


def _feature(span: Span, dids: Mapping[str, str]) -> Json | None:
    match span.kind:
        case "link":
            return {"$type": f"{_FACET}#link", "uri": span.value}
        case "tag":
            return {"$type": f"{_FACET}#tag", "tag": span.value}
        case "mention":
            did = dids.get(span.value)
            return {"$type": f"{_FACET}#mention", "did": did} if did else None


def _tid(microseconds: int, machine: int) -> str:
    value = (microseconds & (1 << 53) - 1) << 10 | machine
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in reversed(range(13)))

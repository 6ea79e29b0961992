"""What would change for readers if one text took the place of another: word by word, and what stands around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from prosemirror.model import Node

from server.documents.schema import node, text
from server.publishing.posts import FrozenPost
from server.revisions.comparing import Kind, compare
from server.revisions.writing import Hands, write_block

# Longer texts are compared in a page of their own, the review's.
MOST_CHARACTERS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a post, with what came and what went marked in it. `is_same`: nothing did."""

    name: str
    html: Markup
    is_same: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """Something beside the text that is another then: its name, what it is and what it will be, in words."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """All of it. `form_only`: the words stay; headings, emphasis or links differ."""

    parts: tuple[Part, ...]
    facts: tuple[Fact, ...]
    form_only: bool

    @property
    def is_empty(self) -> bool:
        """Whether readers would see the same."""
        return all(part.is_same for part in self.parts) and not self.facts and not self.form_only


def difference(before: FrozenPost, after: FrozenPost) -> Difference:
    """Compare two posts. A second or so of work for the longest: use a thread."""
    parts = tuple(_parts(before, after))
    same = all(part.is_same for part in parts)
    return Difference(parts, tuple(_facts(before, after)), same and before.html != after.html)


def _parts(before: FrozenPost, after: FrozenPost) -> Iterator[Part]:
    yield _part("Text", before.text, after.text)
    for number in range(max(len(before.replies), len(after.replies))):
        old = before.replies[number] if number < len(before.replies) else ""
        new = after.replies[number] if number < len(after.replies) else ""
        yield _part(f"Post {number + 2}", old, new)


def _part(name: str, old: str, new: str) -> Part:
    compared = compare(_lines(old), _lines(new))
    shown = [write_block(block, Hands())[0] for block in compared.blocks]
    return Part(name, Markup("").join(shown), all(block.kind is Kind.SAME for block in compared.blocks))


def _lines(said: str) -> Node:
    """Return a text as a document of its lines, so that it is compared as documents are."""
    lines = [line for line in said[:MOST_CHARACTERS].split("\n") if line.strip()]
    return node("doc", content=[node("paragraph", content=[text(line)]) for line in lines] or [node("paragraph")])


def _facts(before: FrozenPost, after: FrozenPost) -> Iterator[Fact]:
    if before.title != after.title:
        yield Fact("Title", before.title or "none", after.title or "none")
    if before.tags != after.tags:
        yield Fact("Tags", ", ".join(before.tags) or "none", ", ".join(after.tags) or "none")
    if before.link != after.link:
        yield Fact("Link", before.link or "none", after.link or "none")
    if before.pictures != after.pictures:
        yield Fact("Pictures", _pictures(before), _pictures(after))
    old, new = dict(before.options or {}), dict(after.options or {})
    for name in sorted(old.keys() | new.keys()):
        if old.get(name, "") != new.get(name, ""):
            yield Fact(name.replace("_", " ").capitalize(), old.get(name) or "none", new.get(name) or "none")


def _pictures(post: FrozenPost) -> str:
    if not post.pictures:
        return "none"
    names = ", ".join(picture.alt or "without a description" for picture in post.pictures)
    return f"{len(post.pictures)}: {names}"

"""What a document says on single accounts, compared: its text there, further posts, and link, tags and options.

An account is told of if something else goes out there, also where it only follows what changed in the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from prosemirror.model import Node

from server.documents.schema import empty_document, schema
from server.documents.variants import Whole, whole
from server.revisions.comparing import Comparison, compare

_NOTHING: Mapping[str, Any] = {"type": "doc", "content": []}


@dataclass(frozen=True, slots=True)
class Text:
    """A document's words as they are frozen."""

    title: str
    body: Mapping[str, Any]
    variants: Mapping[str, Any]

    def on(self, account: str) -> Whole:
        """Return what is said on an account."""
        return whole(self.title, self.body, self.variants.get(account))


@dataclass(frozen=True, slots=True)
class Fact:
    """Something besides the text: what it was, and what it is. Empty: not said."""

    label: str
    was: str
    now: str

    @property
    def is_other(self) -> bool:
        """Whether it changed."""
        return self.was != self.now


@dataclass(frozen=True, slots=True)
class Overlay:
    """What goes out on an account, compared. `posts`: the text, then the further posts in order."""

    account: str
    posts: tuple[Comparison, ...]
    facts: tuple[Fact, ...]

    @property
    def changes(self) -> int:
        """How many blocks and facts are otherwise; a title counts as one."""
        blocks = sum(len(post.changes) + (post.old_title != post.new_title) for post in self.posts)
        return blocks + sum(fact.is_other for fact in self.facts)


def compared(old: Text, new: Text, *, most: int) -> tuple[list[Overlay], int]:
    """Return the accounts on which something else goes out now, or another text than the document's. Use a thread.

    Of more than `most` those where something changed come first, and the number of the others is returned, too.
    """
    accounts = sorted({*old.variants, *new.variants})
    changed = [account for account in accounts if old.on(account) != new.on(account)]
    same = [account for account in accounts if account in new.variants and account not in set(changed)]
    found = []
    for account in [*changed, *same][:most]:
        before, after = old.on(account), new.on(account)
        found.append(Overlay(account, tuple(_posts(before, after)), tuple(_facts(before, after))))
    return found, max(0, len(changed) + len(same) - most)


def _posts(before: Whole, after: Whole) -> Iterator[Comparison]:
    yield compare(_node(before.body), _node(after.body), old_title=before.title, new_title=after.title)
    for was, now in zip_longest(before.replies, after.replies, fillvalue=_NOTHING):
        yield compare(_node(was), _node(now))


def _facts(before: Whole, after: Whole) -> Iterator[Fact]:
    names = sorted({*before.options, *after.options})
    pairs = [
        ("Link", before.link or "", after.link or ""),
        ("Tags", ", ".join(before.tags), ", ".join(after.tags)),
        *((_label(name), before.options.get(name, ""), after.options.get(name, "")) for name in names),
    ]
    return (Fact(label, was, now) for label, was, now in pairs if was or now)


def _label(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").capitalize()


def _node(described: Mapping[str, Any]) -> Node:
    return Node.from_json(schema, described) if described["content"] else empty_document()

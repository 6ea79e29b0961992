"""What a document says on one account where it is to be published: an overlay on its text, in the same Yjs document.

A block that nobody touched follows the document; one that was adapted has words of its own, and one that was left out
is not sent. How a variant is written down: docs/data-model.md, "Variants"; why so: docs/adr/0015. Whatever is not
written as it is described there says nothing: any client can write anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from prosemirror.model import Node
from pycrdt import Map, Text

from server.documents import ydoc
from server.documents.foreign import is_foreign
from server.documents.schema import schema
from server.documents.suggestions import PENDING_ATTRIBUTES, accepted
from server.documents.ydoc import YDoc

VARIANTS: Final = "variants"
# Of accounts on which something else is said. Beyond, whatever is planned is refused: see `is_full`.
MAX_ACCOUNTS: Final = 200
MAX_REPLIES: Final = 20
MAX_TAGS: Final = 20
MAX_TAG_CHARACTERS: Final = 100
MAX_OPTIONS: Final = 40
MAX_WORDS: Final = 2000

_ACCOUNT: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLAIN: Final = (str, bool, int, float, dict, list)
_OURS: Final = frozenset({"id", *PENDING_ATTRIBUTES})

Described = Mapping[str, Any]
"""A node as ProseMirror's JSON."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All that a document says on an account. `body` and each of `replies` are documents as JSON, without ids.

    `link` None: none was given. `tags` stand without '#'.
    """

    title: str
    body: Described
    link: str | None = None
    tags: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    replies: tuple[Described, ...] = ()


def resolve(doc: YDoc, title: str, body: Node) -> dict[str, Any]:
    """Return what a document says otherwise than in its text, by account, as JSON that `whole` reads.

    `title` and `body`: what the document itself says, accepted. A variant in which nothing is otherwise is left out, so
    that taking back what was adapted leaves no trace.
    """
    written: Map[Any] = doc.get(VARIANTS, type=Map)
    told: dict[str, dict[str, Any]] = {}
    for key, value in written.items():
        account, _, what = key.partition("/")
        if what and _ACCOUNT.fullmatch(account):
            told.setdefault(account, {})[what] = value
    if not told:
        return {}
    document = _Document(doc, title, body)
    found: dict[str, Any] = {}
    for account in sorted(told):
        variant = document.resolve(account, told[account])
        if variant is not None:
            found[account] = variant
        if len(found) == MAX_ACCOUNTS:
            break
    return found


def whole(title: str, body: Described, variant: Mapping[str, Any] | None) -> Whole:
    """Return what is said on an account. `variant`: what `resolve` found of it, None where nothing is otherwise."""
    if variant is None:
        return Whole(title, body)
    blocks: Sequence[Described] = body.get("content", ())
    said: list[Described] = []
    for each in variant["body"]:
        said += [each] if isinstance(each, Mapping) else blocks[each[0] : each[0] + each[1]]
    own = variant["title"]
    return Whole(
        title if own is None else own,
        {"type": "doc", "content": said},
        variant["link"],
        tuple(variant["tags"]),
        variant["options"],
        tuple({"type": "doc", "content": reply} for reply in variant["replies"]),
    )


def bring_back(doc: YDoc, past: YDoc) -> None:
    """Make the variants of a live document say what they did in another state; what is the same is not touched."""
    now: Map[Any] = doc.get(VARIANTS, type=Map)
    was: Map[Any] = past.get(VARIANTS, type=Map)
    kept = {key: value for key, value in was.items() if value is None or isinstance(value, _PLAIN)}
    spare = ydoc.Spare(past)
    with doc.transaction():
        for key in [key for key in now.keys() if key not in kept]:  # noqa: SIM118 - a Map yields pairs
            del now[key]
        for key, value in kept.items():
            if now.get(key) != value:
                now[key] = value
            account, _, what = key.partition("/")
            root = f"{VARIANTS[:-1]}/{account}/{what}"
            if what == "title":
                text: Text = doc.get(root, type=Text)
                ydoc.edit_characters(text, str(text), str(past.get(root, type=Text)))
            elif what == "start" or what.startswith(("block/", "reply/")):
                _bring_back_text(doc, past, root, spare)


def _bring_back_text(doc: YDoc, past: YDoc, root: str, spare: ydoc.Spare) -> None:
    was = [block for block in ydoc.read_blocks(past, root, spare) if block is not None and not is_foreign(block)]
    present = [block for block in ydoc.read_blocks(doc, root) if block is not None]
    if [block.to_json() for block in was] == [block.to_json() for block in present]:
        return
    place = ydoc.fragment(doc, root)
    del place.children[0 : len(place.children)]
    for at, block in enumerate(was):
        ydoc.insert(place, at, block)


def is_full(variants: Mapping[str, Any]) -> bool:
    """Whether there may be more variants than were read."""
    return len(variants) >= MAX_ACCOUNTS


def described(node: Node) -> dict[str, Any]:
    """Return a node as JSON without what says nothing to a reader: ids, and the empty places for suggestions."""
    return _bare(dict(node.to_json()))


def split_tags(written: str) -> tuple[str, ...]:
    """Return tags that were written with commas between, without '#', each once."""
    cleaned = (" ".join(each.split()).lstrip("#").strip() for each in written.split(","))
    return tuple(dict.fromkeys(tag for tag in cleaned if tag))


class _Document:
    """What is looked at of a document, once for all its variants: reading takes time by its size, and no more."""

    def __init__(self, doc: YDoc, title: str, body: Node) -> None:
        self._doc = doc
        self._title = title
        self._blocks = [described(block) for block in body.content.content]
        self._places = _first_places(body)
        # Asked for each text, all names would be gone through each time.
        self._roots = frozenset(doc.keys())
        self._spare = ydoc.Spare(doc)

    def resolve(self, account: str, told: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what is otherwise on an account, None if nothing is. `told`: what is written of it, by key."""
        root = f"{VARIANTS[:-1]}/{account}"
        body = self._body(root, told)
        found: dict[str, Any] = {
            "title": self._own_title(f"{root}/title") if told.get("title") is True else None,
            "link": _words(told.get("link")),
            "tags": _tags(told.get("tags")),
            "options": _options(told),
            "replies": [list(self._described(f"{root}/reply/{name}")) for name in _replies(told)],
        }
        if body is None and found["title"] is None and not any(found.values()):
            return None
        return {**found, "body": [[0, len(self._blocks)]] if body is None else body}

    def _body(self, root: str, told: Mapping[str, Any]) -> list[Any] | None:
        """Return the text, in it stretches that follow as `[first, how many]`; None if all of it follows."""
        start = list(self._described(f"{root}/start")) if told.get("start") is True else []
        own = told.get("text") == "own"
        instead: dict[int, list[dict[str, Any]] | None] = {}
        for key, value in told.items():
            name = key.removeprefix("block/")
            place = self._places.get(name) if name != key else None
            kind = _kind(value) if place is not None else None
            if place is None or kind is None:
                continue
            blocks = list(self._described(f"{root}/block/{name}")) if kind == "adapted" else []
            # Written as the document has it, it says nothing of its own.
            if kind != "adapted" or blocks != [self._blocks[place]]:
                instead[place] = blocks
            elif own:
                instead[place] = None
        if own:
            return [*start, *_joined((place, instead[place]) for place in sorted(instead))]
        if not start and not instead:
            return None
        return [*start, *_joined((place, instead.get(place)) for place in range(len(self._blocks)))]

    def _described(self, root: str) -> Iterator[dict[str, Any]]:
        """Read the blocks of a text of a variant's own; none if nobody has written it."""
        if root not in self._roots:
            return
        blocks = [block for block in ydoc.read_blocks(self._doc, root, self._spare) if block is not None]
        if blocks:
            # Suggestions are made in the document's own text alone; marks of them that got in here say nothing.
            read = accepted(schema.nodes["doc"].create({}, blocks))
            yield from (described(block) for block in read.content.content)

    def _own_title(self, root: str) -> str | None:
        own = ydoc.clean_title(str(self._doc.get(root, type=Text))) if root in self._roots else ""
        return None if own == self._title else own


def _joined(places: Iterable[tuple[int, list[dict[str, Any]] | None]]) -> Iterator[Any]:
    """Yield blocks, and for those that follow, None, the stretches of them."""
    first = count = 0
    for place, instead in places:
        if instead is None and count and place == first + count:
            count += 1
            continue
        if count:
            yield [first, count]
            count = 0
        if instead is None:
            first, count = place, 1
        else:
            yield from instead
    if count:
        yield [first, count]


def _first_places(body: Node) -> dict[str, int]:
    """Return where the blocks stand, by id. Of two with one id, which two people can make at once, the first has it."""
    found: dict[str, int] = {}
    for place, block in enumerate(body.content.content):
        name = block.attrs.get("id")
        if isinstance(name, str):
            found.setdefault(name, place)
    return found


def _kind(value: object) -> str | None:
    """Return what became of a block: adapted, left out, or None for one that follows."""
    kind = value.get("kind") if isinstance(value, Mapping) else None
    return kind if kind in {"adapted", "left out"} else None


def _words(value: object) -> str | None:
    words = value.strip() if isinstance(value, str) else ""
    return words if 0 < len(words) <= MAX_WORDS else None


def _tags(value: object) -> list[str]:
    if not isinstance(value, str) or len(value) > MAX_WORDS * MAX_TAGS:
        return []
    return [tag for tag in split_tags(value) if len(tag) <= MAX_TAG_CHARACTERS][:MAX_TAGS]


def _options(told: Mapping[str, Any]) -> dict[str, str]:
    named = ((key.removeprefix("option/"), value) for key, value in sorted(told.items()) if key.startswith("option/"))
    said = ((name, words) for name, value in named if _NAME.fullmatch(name) and (words := _words(value)) is not None)
    return dict(islice(said, MAX_OPTIONS))


def _replies(told: Mapping[str, Any]) -> Iterable[str]:
    """Return the ids of the further posts, in their order."""
    placed = []
    for key, value in told.items():
        name = key.removeprefix("reply/")
        at = value.get("at") if isinstance(value, Mapping) else None
        if name != key and _NAME.fullmatch(name) and isinstance(at, int | float) and math.isfinite(at):
            placed.append((at, name))
    return [name for _, name in sorted(placed)[:MAX_REPLIES]]


def _bare(value: dict[str, Any]) -> dict[str, Any]:
    kept = {name: each for name, each in value.items() if name not in {"attrs", "content"}}
    attributes = {name: each for name, each in value.get("attrs", {}).items() if name not in _OURS}
    if attributes:
        kept["attrs"] = attributes
    if "content" in value:
        kept["content"] = [_bare(each) for each in value["content"]]
    return kept

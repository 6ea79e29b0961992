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
MAX_ACCOUNTS: Final = 50
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
    blocks = [described(block) for block in body.content.content]
    names = _first_places(body)
    found = {}
    for account in islice(sorted(told), MAX_ACCOUNTS):
        variant = _resolve(doc, f"{VARIANTS[:-1]}/{account}", told[account], title=title, blocks=blocks, names=names)
        if variant is not None:
            found[account] = variant
    return found


def whole(title: str, body: Described, variant: Mapping[str, Any] | None) -> Whole:
    """Return what is said on an account. `variant`: what `resolve` found of it, None where nothing is otherwise."""
    if variant is None:
        return Whole(title, body)
    blocks: Sequence[Described] = body.get("content", ())
    said = [blocks[each] if isinstance(each, int) else each for each in variant["body"]]
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
                _bring_back_text(doc, past, root)


def _bring_back_text(doc: YDoc, past: YDoc, root: str) -> None:
    was = [block for block in ydoc.read_blocks(past, root) if block is not None and not is_foreign(block)]
    present = [block for block in ydoc.read_blocks(doc, root) if block is not None]
    if [block.to_json() for block in was] == [block.to_json() for block in present]:
        return
    place = ydoc.fragment(doc, root)
    del place.children[0 : len(place.children)]
    for at, block in enumerate(was):
        ydoc.insert(place, at, block)


def described(node: Node) -> dict[str, Any]:
    """Return a node as JSON without what says nothing to a reader: ids, and the empty places for suggestions."""
    return _bare(dict(node.to_json()))


def split_tags(written: str) -> tuple[str, ...]:
    """Return tags that were written with commas between, without '#', each once."""
    cleaned = (" ".join(each.split()).lstrip("#").strip() for each in written.split(","))
    return tuple(dict.fromkeys(tag for tag in cleaned if tag))


def _resolve(
    doc: YDoc,
    root: str,
    told: Mapping[str, Any],
    *,
    title: str,
    blocks: Sequence[Described],
    names: Mapping[str, int],
) -> dict[str, Any] | None:
    said: list[int | Described] = list(_described(doc, f"{root}/start")) if told.get("start") is True else []
    own = told.get("text") == "own"
    at = {place: name for name, place in names.items()}
    for place, block in enumerate(blocks):
        kind = _kind(told.get(f"block/{at[place]}")) if place in at else None
        if kind == "adapted":
            instead = list(_described(doc, f"{root}/block/{at[place]}"))
            # Written as the document has it, it says nothing of its own.
            said += [place] if instead == [block] else instead
        elif kind is None and not own:
            said.append(place)
    found = {
        "title": _title(doc, f"{root}/title", title) if told.get("title") is True else None,
        "body": said,
        "link": _words(told.get("link")),
        "tags": _tags(told.get("tags")),
        "options": _options(told),
        "replies": [list(_described(doc, f"{root}/reply/{name}")) for name in _replies(told)],
    }
    is_plain = said == list(range(len(blocks))) and found["title"] is None
    return None if is_plain and not any(found[name] for name in ("link", "tags", "options", "replies")) else found


def _first_places(body: Node) -> dict[str, int]:
    """Return where the blocks stand, by id. Of two with one id, which two people can make at once, the first has it."""
    found: dict[str, int] = {}
    for place, block in enumerate(body.content.content):
        name = block.attrs.get("id")
        if isinstance(name, str):
            found.setdefault(name, place)
    return found


def _described(doc: YDoc, root: str) -> Iterator[dict[str, Any]]:
    """Read the blocks of a text of a variant's own; none if nobody has written it."""
    if root not in doc.keys():  # noqa: SIM118 - a Doc is no mapping
        return
    blocks = [block for block in ydoc.read_blocks(doc, root) if block is not None]
    if blocks:
        # Suggestions are made in the document's own text alone; marks of them that got in here say nothing.
        read = accepted(schema.nodes["doc"].create({}, blocks))
        yield from (described(block) for block in read.content.content)


def _title(doc: YDoc, root: str, title: str) -> str | None:
    own = ydoc.clean_title(str(doc.get(root, type=Text))) if root in doc.keys() else ""  # noqa: SIM118 - see above
    return None if own == title else own


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

"""Whether what somebody changes in a document is theirs to change: the judge of people who may only suggest.

It applies a change to one of two copies of the document, and looks at what that did: nothing was put in but suggestions
of this person, nothing was said of others' text but that it is to go or to be formatted, and of the blocks that were
touched all but the person's own suggestions is as it was. So others' letters stay the very ones that they wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from prosemirror.model import Node
from pycrdt import Doc, Map, XmlElement, XmlFragment, XmlText

from server.documents.schema import honours
from server.documents.suggestions import (
    BLOCK_REMARKS,
    INSERTED,
    INSERTION,
    REMARKS,
    accepted_block,
    said_by_others,
    without,
)
from server.documents.ydoc import FRAGMENT, Misfit, YDoc, fragment, mark_name, read_block

# A person's own paragraph may hold a list and that a table; nobody nests deeper by hand.
_DEEPEST: Final = 200

_ID: Final = "id"

_Pairs = tuple[tuple[str, str], ...]
_Text = tuple[tuple[str, _Pairs], ...]
"""Stretches of characters with their formatting."""


@dataclass(frozen=True, slots=True)
class _Event:
    """What a change did to one part of the document, as pycrdt tells it; lengths of text are bytes of UTF-8."""

    target: object
    path: Sequence[int | str]
    delta: Sequence[Mapping[str, Any]]
    keys: frozenset[str]


class SuggestionJudge:
    """See realtime.ports.Judge."""

    def __init__(self, state: Sequence[bytes]) -> None:
        """Know a document from updates that are its state."""
        self._before: YDoc = Doc()
        for update in state:
            self._before.apply_update(update)
        self._after: YDoc = Doc()
        self._after.apply_update(self._before.get_update())
        self._events: list[_Event] = []
        self._elsewhere = False

    def take(self, update: bytes) -> None:
        """See Judge."""
        self._before.apply_update(update)
        self._after.apply_update(update)

    def allows(self, update: bytes, user: Mapping[str, object]) -> bool:
        """See Judge. All that the update builds on must be known: what the core keeps aside is not seen."""
        person = str(user.get("id"))
        self._events, self._elsewhere = [], False
        roots = set(self._after.keys()) | {FRAGMENT}
        with self._watched(roots - {FRAGMENT}):
            self._after.apply_update(update)
        if self._elsewhere or set(self._after.keys()) | {FRAGMENT} != roots:
            return False
        try:
            only_theirs = all(self._only_suggests(event, person) for event in self._events)
            if not only_theirs or not self._same_but_for(person):
                return False
        except _Unreadable:
            return False
        self._before.apply_update(update)
        return True

    @contextmanager
    def _watched(self, others: Iterable[str]) -> Iterator[None]:
        """Note what happens in the text, and whether anything does in the other roots, whatever those are.

        Not for longer than it must be: the core holds on to whoever watches, and a judge that watched would keep its
        copies of the document in memory for ever.
        """
        subscriptions = [fragment(self._after).observe_deep(self._note)]
        try:
            subscriptions += [self._after.get(name, type=Map).observe_deep(self._note_elsewhere) for name in others]
            yield
        finally:
            for each in subscriptions:
                each.drop()

    def _note(self, events: list[Any]) -> None:
        self._events += [_Event(each.target, each.path, each.delta, frozenset(each.keys)) for each in events]

    def _note_elsewhere(self, _: list[Any]) -> None:
        self._elsewhere = True

    def _only_suggests(self, event: _Event, person: str) -> bool:
        """Say whether all that came is a suggestion of the person. What went is compared afterwards."""
        target = event.target
        if isinstance(target, XmlText):
            return not event.keys and (self._is_in_own(event.path, person) or _only_marks(target, event.delta, person))
        if isinstance(target, XmlElement):
            if self._is_in_own(event.path, person):
                return True
            return event.keys <= BLOCK_REMARKS | {INSERTED, _ID} and not any(
                _of(child, person) for child in _inserted(target, event.delta)
            )
        # The document itself; its blocks must be such that everybody can see them.
        return (
            isinstance(target, XmlFragment)
            and not event.path
            and not event.keys
            and all(
                _fits(child) and not _of(child, person) and _accepted(child) is None
                for child in _inserted(target, event.delta)
            )
        )

    def _is_in_own(self, path: Sequence[int | str], person: str) -> bool:
        node: Any = fragment(self._after)
        for step in path:
            node = node.children[step]
            if isinstance(node, XmlElement) and _is_own(node, person):
                # Whatever else it holds, this block is to come or not to come as one.
                return True
        return False

    def _same_but_for(self, person: str) -> bool:
        touched = sorted({int(event.path[0]) for event in self._events if event.path})
        order = next((event.delta for event in self._events if not event.path), [])
        before, after = fragment(self._before).children, fragment(self._after).children
        i = j = 0
        gone: list[object] = []
        come: list[object] = []
        pairs: list[tuple[object, object]] = []
        for kind, length in _runs(order, len(after)):
            if kind == "delete":
                gone += [before[at] for at in range(i, i + length)]
                i += length
            elif kind == "insert":
                come += [after[at] for at in range(j, j + length)]
                j += length
            else:
                pairs += [(before[i + at - j], after[at]) for at in touched if j <= at < j + length]
                i, j = i + length, j + length
        if i != len(before) or j != len(after) or any(_of(block, person) is not None for block in gone):
            return False
        # What came was looked at before; as what is in the person's own, not for what it says in others' names.
        was = [_read(block) for block in (*gone, *(block for block, _ in pairs))]
        now = [_read(block) for block in (*come, *(block for _, block in pairs))]
        for (one, other), old, new in zip(pairs, was[len(gone) :], now[len(come) :], strict=True):
            left, names = _of(one, person), frozenset[str]()
            if left is not None:
                # A block without an id gets one from the page of whoever touches it first.
                names = _ids(other) - _ids(one)
            if left != _of(other, person, names):
                return False
            # The person's own block has only to be one that can be shown.
            if not (_reads_as_it_did(old, new, person, names) if left is not None else new is not None or old is None):
                return False
        brought = _count_ids((*come, *(block for _, block in pairs)))
        brought -= _count_ids((*gone, *(block for block, _ in pairs)))
        return self._are_new(brought) and _speaks_for_nobody(was, now, person)

    def _are_new(self, ids: Counter[str]) -> bool:
        """Say whether these are ids, each of which came once, and no block had one. Comments go by them."""
        # Through the document as it is written: to ask each block takes the square of their number. Words that look
        # like an attribute only keep that id from being taken.
        written = str(fragment(self._before)) if ids else ""
        return all(
            count == 1 and honours("paragraph", _ID, each) and f'id="{each}"' not in written
            for each, count in ids.items()
        )


def _inserted(parent: XmlElement | XmlFragment, delta: Sequence[Mapping[str, Any]]) -> Iterator[object]:
    """Yield the children that came."""
    at = 0
    for kind, length in _runs(delta, 0):
        if kind == "insert":
            yield from (parent.children[at + i] for i in range(length))
        at += 0 if kind == "delete" else length


def _all_ids(thing: object) -> Iterator[str]:
    """Yield the ids in a part of a document, however deep."""
    ways = [thing]
    while ways:
        element = ways.pop()
        if not isinstance(element, XmlElement):
            continue
        own = dict(element.attributes).get(_ID)  # type: ignore[call-overload]  # an iterator of pairs
        if isinstance(own, str):
            yield own
        ways += list(element.children)


def _count_ids(things: Iterable[object]) -> Counter[str]:
    return Counter(each for thing in things for each in _all_ids(thing))


def _ids(thing: object) -> frozenset[str]:
    return frozenset(_all_ids(thing))


def _reads_as_it_did(before: Node | None, after: Node | None, person: str, names: frozenset[str]) -> bool:
    """Say whether a block is to every reader what it was but for the person's suggestions, and for ids that came.

    One that does not fit the schema is shown as its words, whoever suggests them: nothing can be suggested in it.
    """
    if before is None or after is None:
        return False
    return _json(without(before, person), names) == _json(without(after, person), names) and _json(
        accepted_block(before), names
    ) == _json(accepted_block(after), names)


def _speaks_for_nobody(before: Sequence[Node | None], after: Sequence[Node | None], person: str) -> bool:
    """Say whether nothing came in somebody else's name: what is said in it was said before, and of the same letters."""
    said = said_by_others((node for node in before if node is not None), person)
    says = said_by_others((node for node in after if node is not None), person)
    return all(whose in said and _is_within(letters, said[whose]) for whose, letters in says.items())


def _is_within(letters: str, others: str) -> bool:
    """Say whether a text is another one from which letters were taken."""
    left = iter(others)
    return all(letter in left for letter in letters)


def _json(node: Node | None, names: frozenset[str] = frozenset()) -> object:
    """Return a node to be compared, without these ids."""

    def nameless(said: dict[str, Any]) -> dict[str, Any]:
        if said.get("attrs", {}).get(_ID) in names:
            said = {**said, "attrs": {**said["attrs"], _ID: None}}
        return {**said, "content": [nameless(each) for each in said["content"]]} if "content" in said else said

    return nameless(dict(node.to_json())) if node is not None else None


def _read(block: object) -> Node | None:
    """Return a block as it is shown; None for one that shows nothing or does not fit."""
    try:
        return read_block(block) if isinstance(block, XmlElement) else None
    except Misfit:
        return None


def _fits(block: object) -> bool:
    """Say whether something among the blocks is one that can be shown and edited."""
    return _read(block) is not None


def _accepted(block: object) -> object:
    """Return what every reader takes for accepted in a block; None for nothing, and for what cannot be shown."""
    node = _read(block)
    return _json(accepted_block(node)) if node is not None else None


class _Unreadable(Exception):
    """There is something in a block that cannot be compared."""


def _only_marks(text: XmlText, delta: Sequence[Mapping[str, Any]], person: str) -> bool:
    """Say whether what a change did to a text put in only the person's own words, and marks on those of others."""
    own = list(_own_stretches(text, person))
    at = 0
    for kind, length, formats in _changes(delta):
        if kind == "delete":
            continue
        end = at + length
        is_theirs = any(start <= at and end <= stop for start, stop in own)
        if not is_theirs and (kind == "insert" or not formats <= REMARKS):
            return False
        at = end
    return True


def _changes(delta: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int, frozenset[str]]]:
    """Yield what was done to a text: the kind, the length in bytes, and which formats were set or taken away."""
    for step in delta:
        if "insert" in step:
            if not isinstance(step["insert"], str):
                raise _Unreadable
            yield "insert", len(step["insert"].encode()), frozenset()
        elif "delete" in step:
            yield "delete", step["delete"], frozenset()
        else:
            # To end an insertion within a text, Yjs says after it that there is none, also where there was none
            # before. Whether words lost theirs, and so were accepted, shows in what is compared afterwards.
            formats = step.get("attributes") or {}
            yield (
                "retain",
                step["retain"],
                frozenset(
                    name
                    for each, value in formats.items()
                    if (name := mark_name(each)) != INSERTION or value is not None
                ),
            )


def _own_stretches(text: XmlText, person: str) -> Iterator[tuple[int, int]]:
    """Yield where the person's own suggested words begin and end, in bytes; neighbouring ones are one."""
    at = 0
    start: int | None = None
    for characters, formatting in text.diff():
        if not isinstance(characters, str):
            raise _Unreadable
        if _is_by((formatting or {}).get(INSERTION), person):
            start = at if start is None else start
        elif start is not None:
            yield start, at
            start = None
        at += len(characters.encode())
    if start is not None:
        yield start, at


def _runs(delta: Sequence[Mapping[str, Any]], length: int) -> Iterator[tuple[str, int]]:
    """Yield what a change did to a list of children, in order, to its end. `length`: how long it is now."""
    left = length
    for step in delta:
        if "delete" in step:
            yield "delete", step["delete"]
        elif "insert" in step:
            yield "insert", len(step["insert"])
            left -= len(step["insert"])
        else:
            yield "retain", step["retain"]
            left -= step["retain"]
    if left > 0:
        yield "retain", left


@dataclass(frozen=True, slots=True)
class _Element:
    tag: str | None
    attributes: _Pairs
    children: tuple[_Element | _Text, ...]


def _of(thing: object, person: str, names: frozenset[str] = frozenset(), depth: int = 0) -> _Element | _Text | None:
    """Return what there is in a part of a document, however it is written down, without a person's own suggestions.

    Ids that are among `names` are left out, too.
    """
    if depth > _DEEPEST:
        raise _Unreadable
    if isinstance(thing, XmlText):
        return _of_text(thing, person)
    if not isinstance(thing, XmlElement):
        raise _Unreadable
    # pycrdt annotates `__iter__` as Iterable; it is an iterator of pairs.
    attributes: dict[str, object] = dict(thing.attributes)  # type: ignore[call-overload]
    tag = thing.tag or ""
    if _is_by(attributes.get(INSERTED), person) and honours(tag, INSERTED, attributes[INSERTED]):
        return None
    kept = {
        name: value
        for name, value in attributes.items()
        if value is not None
        and not (name in BLOCK_REMARKS and _is_by(value, person) and honours(tag, name, value))
        and not (name == _ID and isinstance(value, str) and value in names)
    }
    return _Element(thing.tag, _pairs(kept), _of_children(thing, person, names, depth + 1))


def _of_children(element: XmlElement, person: str, names: frozenset[str], depth: int) -> tuple[_Element | _Text, ...]:
    present = list(element.children)
    if len(present) != len(element.children):
        raise _Unreadable
    joined: list[_Element | _Text] = []
    for child in present:
        content = _of(child, person, names, depth)
        # Neighbouring texts are one; an empty one is none.
        if isinstance(content, tuple) and joined and isinstance(joined[-1], tuple):
            joined[-1] = _join(joined[-1], content)
        elif content:
            joined.append(content)
    return tuple(joined)


def _of_text(text: XmlText, person: str) -> _Text:
    content: _Text = ()
    for characters, formatting in text.diff():
        if not isinstance(characters, str):
            raise _Unreadable
        marks = {name: value for name, value in (formatting or {}).items() if value is not None}
        if not _is_by(marks.get(INSERTION), person):
            said = {
                name: each for name, each in marks.items() if not (mark_name(name) in REMARKS and _is_by(each, person))
            }
            content = _join(content, ((characters, _pairs(said)),))
    return content


def _join(one: _Text, other: _Text) -> _Text:
    """Put two texts together; neighbouring stretches of one formatting become one."""
    if not one or not other or one[-1][1] != other[0][1]:
        return one + other
    return (*one[:-1], (one[-1][0] + other[0][0], other[0][1]), *other[1:])


def _pairs(given: Mapping[str, object]) -> _Pairs:
    return tuple(sorted((name, repr(_sorted(value))) for name, value in given.items()))


def _sorted(value: object) -> object:
    return sorted((name, repr(each)) for name, each in value.items()) if isinstance(value, dict) else value


def _is_own(element: XmlElement, person: str) -> bool:
    """Say whether a block is one that the person suggests, to every reader."""
    value = dict(element.attributes).get(INSERTED)  # type: ignore[call-overload]  # an iterator of pairs
    return _is_by(value, person) and honours(element.tag or "", INSERTED, value)


def _is_by(value: object, person: str) -> bool:
    """Say whose a mark or an attribute is."""
    if isinstance(value, Mapping):
        return value.get("by") == person
    return isinstance(value, str) and value.split(" ")[1:2] == [person]


def open_judge(state: Sequence[bytes]) -> SuggestionJudge:
    """See realtime.ports.OpenJudge."""
    return SuggestionJudge(state)

"""Whether what somebody changes in a document is theirs to change: the judge of people who may only suggest.

It looks at what a change does and not at how it is written down: in two copies of the document, one with the change,
all but the person's own suggestions must be the same. Only the blocks that the change touches are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pycrdt import Doc, Map, XmlElement, XmlText

from server.documents.suggestions import BLOCK_REMARKS, INSERTED, INSERTION, REMARKS
from server.documents.ydoc import META, YDoc, fragment

# A person's own paragraph may hold a list and that a table; nobody nests deeper by hand.
_DEEPEST: Final = 200

_Pairs = tuple[tuple[str, str], ...]
_Text = tuple[tuple[str, _Pairs], ...]
"""Stretches of characters with their formatting."""


class SuggestionJudge:
    """See realtime.ports.Judge."""

    def __init__(self, state: Sequence[bytes]) -> None:
        """Know a document from updates that are its state."""
        self._before: YDoc = Doc()
        for update in state:
            self._before.apply_update(update)
        self._after: YDoc = Doc()
        self._after.apply_update(self._before.get_update())
        self._events: list[tuple[list[int | str], list[dict[str, Any]]]] = []
        self._elsewhere = False
        self._watching = False
        self._subscriptions = [
            fragment(self._after).observe_deep(self._note),
            self._after.get(META, type=Map).observe_deep(self._note_elsewhere),
        ]

    def take(self, update: bytes) -> None:
        """See Judge."""
        self._before.apply_update(update)
        self._after.apply_update(update)

    def allows(self, update: bytes, user: Mapping[str, object]) -> bool:
        """See Judge. All that the update builds on must be known: what the core keeps aside is not seen."""
        roots = set(self._after.keys())
        self._events, self._elsewhere, self._watching = [], False, True
        self._after.apply_update(update)
        self._watching = False
        if self._elsewhere or set(self._after.keys()) != roots or not self._same_but_for(str(user.get("id"))):
            return False
        self._before.apply_update(update)
        return True

    def _note(self, events: list[Any]) -> None:
        if self._watching:
            self._events += [(event.path, event.delta) for event in events]

    def _note_elsewhere(self, _: list[Any]) -> None:
        self._elsewhere = self._watching

    def _same_but_for(self, person: str) -> bool:
        touched = {path[0] for path, _ in self._events if path}
        order = next((delta for path, delta in self._events if not path), [])
        before, after = list(fragment(self._before).children), list(fragment(self._after).children)
        if len(before) != len(fragment(self._before).children) or len(after) != len(fragment(self._after).children):
            # Something that is no XML hides what stands behind it.
            return False
        i = j = 0
        gone: list[Any] = []
        come: list[Any] = []
        try:
            for kind, length in _runs(order, len(after)):
                if kind == "delete":
                    gone += before[i : i + length]
                    i += length
                elif kind == "insert":
                    come += after[j : j + length]
                    j += length
                else:
                    if _all_of(gone, person) != _all_of(come, person):
                        return False
                    gone, come = [], []
                    for place in sorted(each for each in touched if j <= int(each) < j + length):
                        at = int(place)
                        if _of(before[i + at - j], person) != _of(after[at], person):
                            return False
                    i, j = i + length, j + length
            return _all_of(gone, person) == _all_of(come, person) and len(before) - i == len(after) - j
        except _Unreadable:
            return False


class _Unreadable(Exception):
    """There is something in a block that cannot be compared."""


def _runs(delta: Sequence[Mapping[str, Any]], length: int) -> Iterator[tuple[str, int]]:
    """Yield what a change did to a list, in order, to its end. `length`: how long it is now."""
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


def _all_of(blocks: Sequence[object], person: str) -> list[_Element | _Text]:
    return [each for block in blocks if (each := _of(block, person)) is not None]


def _of(thing: object, person: str, depth: int = 0) -> _Element | _Text | None:
    """Return what there is in a part of a document, however it is written down, without a person's own suggestions."""
    if depth > _DEEPEST:
        raise _Unreadable
    if isinstance(thing, XmlText):
        return _of_text(thing, person)
    if not isinstance(thing, XmlElement):
        raise _Unreadable
    # pycrdt annotates `__iter__` as Iterable; it is an iterator of pairs.
    attributes: dict[str, object] = dict(thing.attributes)  # type: ignore[call-overload]
    if _is_by(attributes.get(INSERTED), person):
        return None
    kept = {
        name: value
        for name, value in attributes.items()
        if value is not None and not (name in BLOCK_REMARKS and _is_by(value, person))
    }
    return _Element(thing.tag, _pairs(kept), _of_children(thing, person, depth + 1))


def _of_children(element: XmlElement, person: str, depth: int) -> tuple[_Element | _Text, ...]:
    present = list(element.children)
    if len(present) != len(element.children):
        raise _Unreadable
    joined: list[_Element | _Text] = []
    for child in present:
        content = _of(child, person, depth)
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
            said = {name: each for name, each in marks.items() if not (name in REMARKS and _is_by(each, person))}
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


def _is_by(value: object, person: str) -> bool:
    """Say whose a mark or an attribute is."""
    if isinstance(value, Mapping):
        return value.get("by") == person
    return isinstance(value, str) and value.split(" ")[1:2] == [person]


def open_judge(state: Sequence[bytes]) -> SuggestionJudge:
    """See realtime.ports.OpenJudge."""
    return SuggestionJudge(state)

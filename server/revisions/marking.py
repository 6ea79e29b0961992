"""Whose each letter of a document is, by Yjs client, and who gave it its form.

Yjs knows of every letter by which client it came, and neither the CRDT core nor its XML types tell. So a copy is made
in which every letter is a mark of what is asked about it, and so are the end of every element's name, what its
attributes say, and the values of bold and all other forms: read beside the document itself, letter by letter, it tells
of each. The order, which is the hard part, stays the core's work.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, groupby
from typing import Final, Generic, NamedTuple, TypeVar

from pycrdt import XmlElement, XmlFragment, XmlText

from realtime.encoding import ANY, FORMAT, STRING, TYPE, skip_bytes, skip_content, string_units
from realtime.structs import Struct, read_structs
from realtime.wire import read_state_vector, read_var_uint, write_var_bytes, write_var_uint
from server.documents import ydoc
from server.documents.suggestions import INSERTED, INSERTION
from server.documents.ydoc import YDoc

# One UTF-16 code unit each, none of a surrogate pair, none that anybody treats as a space or a control character.
_FIRST_MARK: Final = 0x3400
_MOST_MARKS: Final = 0xD7FF - _FIRST_MARK
_XML_ELEMENT: Final = 3
# How Yjs writes a text among the values of an attribute.
_ANY_TEXT: Final = b"\x77"

T = TypeVar("T", bound=Hashable)
Ask = Callable[[int, int, int], Iterable[tuple[int, T | None]]]
"""Client, clock and length -> in order, how many of so many letters, and what is said of them."""


class Hand(NamedTuple):
    """Who wrote a letter: a Yjs client, and whether that was after the moment that was asked about, and when."""

    client: int
    is_new: bool
    at: datetime | None = None


Marks = Mapping[str, Sequence[tuple[int, Hand | None]]]
"""Block id -> in order, how many characters and whose; None where there are more than can be told apart.

A picture, a line break or a rule counts as one character.
"""

_S = TypeVar("_S")

Stretches = Sequence[tuple[int, int, _S]]
"""Stretches of a clock, [start, end), in order, and what is said of each."""

Times = Mapping[int, Stretches[datetime]]
"""Yjs client -> when what is new of it came."""


class Whose(NamedTuple):
    """Who wrote a letter, and when. `client`: None if nobody can be named; `at`: None if it is not known when."""

    client: int | None
    at: datetime | None


Returned = Mapping[int, Stretches[Whose]]
"""Yjs client -> whose the letters are that it only brought back, by undo."""


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What is said of a block.

    `letters`: in order, of how many of them; `forms`: the same of each form that they have, or do not have any more,
    by its name in Yjs. `element`: of the block as one of its type; `attributes`: of each of them.
    """

    letters: Sequence[tuple[int, T | None]]
    forms: Sequence[tuple[int, Mapping[str, T]]]
    element: T | None
    attributes: Mapping[str, T]


def counts_of(state_vector: bytes) -> dict[int, int]:
    """Return how much a state vector counts of each client."""
    return read_state_vector(state_vector)


def read_marks(
    doc: YDoc, since: bytes | None = None, times: Times | None = None, returned: Returned | None = None
) -> Marks:
    """Return whose the letters of a document are. `since`: a state vector; what it does not count is new.

    A tenth of a second or so for a hundred thousand characters: use a thread.
    """
    told = tell(doc, hands(since, times, returned))
    return {block_id: each.letters for block_id, each in told.items() if each.letters}


def hands(since: bytes | None, times: Times | None = None, returned: Returned | None = None) -> Ask[Hand]:
    """Return what asks whose something is. `since`: as for `read_marks`."""
    known = read_state_vector(since) if since is not None else {}
    times = times or {}
    returned = returned or {}

    def ask(client: int, clock: int, length: int) -> Iterator[tuple[int, Hand | None]]:
        old = min(max(known.get(client, 0) - clock, 0), length)
        for start, end, is_new in ((clock, clock + old, False), (clock + old, clock + length, True)):
            at = start
            for step, whose in cut(returned.get(client, ()), start, end) if start < end else ():
                if whose is not None:
                    its = Hand(whose.client, is_new=is_new, at=whose.at) if whose.client is not None else None
                    yield step, its
                elif is_new:
                    yield from (
                        (n, Hand(client, is_new=True, at=on)) for n, on in cut(times.get(client, ()), at, at + step)
                    )
                else:
                    yield step, Hand(client, is_new=False)
                at += step

    return ask


def cut(stretches: Stretches[_S], start: int, end: int) -> Iterator[tuple[int, _S | None]]:
    """Yield what is said of a stretch: in order, of how much of it; None where nothing is."""
    first = bisect_right(stretches, start, key=lambda each: each[1])
    for begun, ended, said in stretches[first:]:
        if begun >= end:
            break
        if begun > start:
            yield begun - start, None
            start = begun
        yield min(ended, end) - start, said
        start = min(ended, end)
    if start < end:
        yield end - start, None


def tell(doc: YDoc, ask: Ask[T]) -> dict[str, Told[T]]:
    """Return what is said of each block that has an id, by whose struct each part of it is. Use a thread."""
    state = doc.get_update()
    marks = _Marks[T]()
    copy = ydoc.load(
        _marked(state, read_structs(state), lambda *place: [(n, marks.of(said)) for n, said in ask(*place)])
    )
    told: dict[str, Told[T]] = {}
    with doc.transaction(), copy.transaction():
        for block_id, each in _walk(ydoc.fragment(doc), ydoc.fragment(copy), marks):
            told.setdefault(block_id, each)
    return told


class _Marks(Generic[T]):
    """A mark for each thing that is said. State: those that are in use."""

    def __init__(self) -> None:
        self._said: list[T | None] = [None]
        self._places: dict[T | None, int] = {None: 0}

    def of(self, said: T | None) -> str:
        place = self._places.get(said)
        if place is None:
            place = len(self._said) if len(self._said) <= _MOST_MARKS else 0
            self._places[said] = place
            if place:
                self._said.append(said)
        return chr(_FIRST_MARK + place)

    def read(self, mark: object) -> T | None:
        place = ord(mark[0]) - _FIRST_MARK if isinstance(mark, str) and mark else 0
        return self._said[place] if 0 <= place < len(self._said) else None


def _marked(
    state: bytes, structs: Mapping[int, list[Struct]], marks: Callable[[int, int, int], list[tuple[int, str]]]
) -> bytes:
    """Return the update with marks for what it holds. Where all of it stands it says as it did."""
    changes: list[tuple[int, int, bytes]] = []
    for client, its in structs.items():
        for struct in its:
            at = struct.content_at
            if struct.content == STRING:
                _, past = string_units(state, at)
                letters = "".join(mark * step for step, mark in marks(client, struct.clock, struct.length))
                changes.append((at, past, write_var_bytes(letters.encode())))
            elif struct.content == TYPE:
                kind, at = read_var_uint(state, at)
                if kind == _XML_ELEMENT:
                    length, start = read_var_uint(state, at)
                    [(_, mark)] = marks(client, struct.clock, 1)
                    name = state[start : start + length] + mark.encode()
                    changes.append((at, start + length, write_var_bytes(name)))
            elif struct.content == FORMAT:
                [(_, mark)] = marks(client, struct.clock, 1)
                start = skip_bytes(state, at)
                value = json.dumps(mark, ensure_ascii=False).encode()
                changes.append((start, skip_bytes(state, start), write_var_bytes(value)))
            elif struct.content == ANY:
                each = (
                    write_var_bytes(mark.encode())
                    for n, mark in marks(client, struct.clock, struct.length)
                    for _ in range(n)
                )
                values = b"".join(_ANY_TEXT + mark for mark in each)
                changes.append((at, skip_content(state, at, ANY)[1], write_var_uint(struct.length) + values))
    pieces: list[bytes] = []
    done = 0
    for start, past, instead in sorted(changes):
        pieces += (state[done:start], instead)
        done = past
    return b"".join([*pieces, state[done:]])


def _walk(
    parent: XmlFragment | XmlElement, marked: XmlFragment | XmlElement, marks: _Marks[T]
) -> Iterator[tuple[str, Told[T]]]:
    """Yield the id of each block and what is said of it; not of what is only suggested."""
    for child, its_marked in zip(parent.children, marked.children, strict=True):
        if not isinstance(child, XmlElement) or not isinstance(its_marked, XmlElement):
            continue
        attributes = dict(_attributes(child))
        if attributes.get(INSERTED) is not None:
            continue
        block_id = attributes.get("id")
        inside = list(zip(child.children, its_marked.children, strict=True))
        if block_id is not None:
            yield str(block_id), _told(inside, its_marked, marks)
        yield from _walk(child, its_marked, marks)


def _told(inside: Sequence[tuple[object, object]], marked: XmlElement, marks: _Marks[T]) -> Told[T]:
    end = (marked.tag or "")[-1:]
    letters, forms = "", list[tuple[int, Mapping[str, T]]]()
    if not inside:
        # A block without anything in it is a picture or a rule, or waits for its first letter.
        letters = end
    elif any(isinstance(each, XmlText) for each, _ in inside):
        for each, its in inside:
            more, formatted = _letters(each, its)
            letters += more
            forms += [(length, _read(formatting, marks)) for length, formatting in formatted]
        letters = letters or end
    return Told(
        letters=[(len(list(run)), marks.read(letter)) for letter, run in groupby(letters)],
        forms=forms,
        element=marks.read(end),
        attributes=_read(dict(_attributes(marked)), marks),
    )


def _read(said: Mapping[str, object], marks: _Marks[T]) -> Mapping[str, T]:
    read = ((name, marks.read(mark)) for name, mark in said.items())
    return {name: each for name, each in read if each is not None}


def _attributes(element: XmlElement) -> Iterator[tuple[str, object]]:
    # pycrdt annotates `__iter__` as Iterable; it is an iterator of pairs.
    return iter(element.attributes)  # type: ignore[arg-type]


_Formatted = list[tuple[int, Mapping[str, object]]]


def _letters(child: object, marked: object) -> tuple[str, _Formatted]:
    """Return a mark for each character, and the marks of their forms; not of those that are only suggested."""
    if isinstance(child, XmlElement) and isinstance(marked, XmlElement):
        mark = (marked.tag or "")[-1:] if dict(_attributes(child)).get(INSERTED) is None else ""
        return mark, [(len(mark), {})]
    if not isinstance(child, XmlText) or not isinstance(marked, XmlText):
        return "", []
    whole = [(text, its or {}) for text, its in marked.diff() if isinstance(text, str)]
    marks = "".join(text for text, _ in whole)
    ends = list(accumulate(len(text) for text, _ in whole))
    letters: list[str] = []
    forms: _Formatted = []
    at = 0
    for text, formatting in child.diff():
        if not isinstance(text, str):
            continue
        # One beyond the first plane is two code units, which came together.
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        if not any(each.type.name == INSERTION for each in ydoc.read_marks(formatting or {})):
            places = list(_places(text, at))
            letters += [marks[place] for place in places]
            steps = groupby(places, lambda place: bisect_right(ends, place))
            forms += [(len(list(its)), whole[index][1]) for index, its in steps]
        at += units
    return "".join(letters), forms


def _places(text: str, at: int) -> Iterable[int]:
    """Yield where each letter is among code units."""
    if text.isascii():
        return range(at, at + len(text))
    return accumulate((1 + (ord(letter) > 0xFFFF) for letter in text[:-1]), initial=at)

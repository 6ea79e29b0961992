"""Whose each letter of a document is, by Yjs client.

Yjs knows of every letter by which client it came, and neither the CRDT core nor its XML types tell. So a copy is made
in which every letter is a mark of its client, and so is the end of every element's name: read beside the document
itself, letter by letter, it says who wrote each. The order, which is the hard part, stays the core's work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from pycrdt import XmlElement, XmlFragment, XmlText

from realtime.encoding import STRING, TYPE, string_units
from realtime.structs import Struct, read_structs
from realtime.wire import read_state_vector, read_var_uint, write_var_bytes
from server.documents import ydoc
from server.documents.suggestions import INSERTED, INSERTION
from server.documents.ydoc import YDoc

# One UTF-16 code unit each, none of a surrogate pair, none that anybody treats as a space or a control character.
_FIRST_MARK: Final = 0x3400
_LAST_MARK: Final = 0xD7FF
_MOST_CLIENTS: Final = (_LAST_MARK - _FIRST_MARK) // 2
_XML_ELEMENT: Final = 3


class Hand(NamedTuple):
    """Who wrote a letter: a Yjs client, and whether that was after the moment that was asked about."""

    client: int
    is_new: bool


Marks = Mapping[str, Sequence[tuple[int, Hand | None]]]
"""Block id -> in order, how many characters and whose; None where there are more clients than can be told apart.

A picture, a line break or a rule counts as one character.
"""


def counts_of(state_vector: bytes) -> dict[int, int]:
    """Return how much a state vector counts of each client."""
    return read_state_vector(state_vector)


def read_marks(doc: YDoc, since: bytes | None = None) -> Marks:
    """Return whose the letters of a document are. `since`: a state vector; what it does not count is new.

    A tenth of a second or so for a hundred thousand characters: use a thread.
    """
    state = doc.get_update()
    structs = read_structs(state)
    known = read_state_vector(since) if since is not None else {}
    numbers = {client: number for number, client in enumerate(sorted(structs)[:_MOST_CLIENTS])}
    clients = list(numbers)
    copy = ydoc.load(_marked(state, structs, numbers, known))

    def hand(letter: str) -> Hand | None:
        number, is_new = divmod(ord(letter) - _FIRST_MARK, 2)
        return Hand(clients[number], bool(is_new)) if number < len(clients) else None

    marks: dict[str, Sequence[tuple[int, Hand | None]]] = {}
    with doc.transaction(), copy.transaction():
        for block_id, letters in _walk(ydoc.fragment(doc), ydoc.fragment(copy)):
            marks.setdefault(block_id, [(len(list(run)), hand(letter)) for letter, run in groupby(letters)])
    return marks


def _marked(
    state: bytes, structs: Mapping[int, list[Struct]], numbers: Mapping[int, int], known: Mapping[int, int]
) -> bytes:
    """Return the update with marks for letters. Nothing else in it changes, so it says where everything stands."""
    changes: list[tuple[int, int, bytes]] = []
    for client, its in structs.items():
        old = chr(_FIRST_MARK + 2 * numbers.get(client, _MOST_CLIENTS))
        new = chr(ord(old) + 1)
        end = known.get(client, 0)
        for struct in its:
            at = struct.content_at
            if struct.content == STRING:
                length, past = string_units(state, at)
                olds = min(max(end - struct.clock, 0), length)
                changes.append((at, past, write_var_bytes((old * olds + new * (length - olds)).encode())))
            elif struct.content == TYPE:
                kind, at = read_var_uint(state, at)
                if kind == _XML_ELEMENT:
                    length, start = read_var_uint(state, at)
                    name = state[start : start + length] + (old if struct.clock < end else new).encode()
                    changes.append((at, start + length, write_var_bytes(name)))
    pieces: list[bytes] = []
    done = 0
    for start, past, instead in sorted(changes):
        pieces += (state[done:start], instead)
        done = past
    return b"".join([*pieces, state[done:]])


def _walk(parent: XmlFragment | XmlElement, marked: XmlFragment | XmlElement) -> Iterator[tuple[str, str]]:
    """Yield the id of each block that holds letters itself, and a mark for each of them; not what is only suggested."""
    for child, its_marked in zip(parent.children, marked.children, strict=True):
        if not isinstance(child, XmlElement) or not isinstance(its_marked, XmlElement):
            continue
        attributes = dict(_attributes(child))
        if attributes.get(INSERTED) is not None:
            continue
        block_id = attributes.get("id")
        inside = list(zip(child.children, its_marked.children, strict=True))
        if block_id is not None and (not inside or any(isinstance(each, XmlText) for each, _ in inside)):
            # A block without anything in it is a picture or a rule, or waits for its first letter.
            letters = "".join(_letters(each, its) for each, its in inside)
            yield str(block_id), letters or (its_marked.tag or "")[-1:]
        yield from _walk(child, its_marked)


def _attributes(element: XmlElement) -> Iterator[tuple[str, object]]:
    # pycrdt annotates `__iter__` as Iterable; it is an iterator of pairs.
    return iter(element.attributes)  # type: ignore[arg-type]


def _letters(child: object, marked: object) -> str:
    """Return a mark for each character."""
    if isinstance(child, XmlElement) and isinstance(marked, XmlElement):
        return (marked.tag or "")[-1:] if dict(_attributes(child)).get(INSERTED) is None else ""
    if not isinstance(child, XmlText) or not isinstance(marked, XmlText):
        return ""
    letters, marks = _accepted(child), _accepted(marked)
    if len(letters) == len(marks):
        return marks
    # One beyond the first plane is two code units, which came together.
    places = []
    at = 0
    for letter in letters:
        places.append(at)
        at += 1 + (ord(letter) > 0xFFFF)
    return "".join(marks[place] for place in places)


def _accepted(text: XmlText) -> str:
    return "".join(
        characters
        for characters, formatting in text.diff()
        if isinstance(characters, str)
        and not any(each.type.name == INSERTION for each in ydoc.read_marks(formatting or {}))
    )

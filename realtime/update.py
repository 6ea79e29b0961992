"""What a Yjs update brings and what it builds on, read without applying it.

The CRDT core takes an update whose history is missing and keeps it aside for ever: nobody sees the text, and nothing
fails. Reading the update first lets the room refuse it by name instead. The walk also proves that every byte belongs to
the update, which the core does not.
Source: docs/protocol.md, "Updates"; the v1 encoding of Yjs 13.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from realtime.encoding import (
    ANY,
    FORMAT,
    GC,
    LEFT,
    PARENT_KEY,
    RIGHT,
    SKIP,
    STRING,
    TYPE,
    skip_bytes,
    skip_content,
    string_units,
)
from realtime.structs import nesting
from realtime.wire import MalformedFrame, read_var_uint

# The core counts in 32 bits and silently drops what goes beyond; no document comes near.
_LARGEST_CLOCK = 2**31 - 1
# What the core joins where it follows on one another, and how dear a piece of it is beside one of text.
_PIECES = {STRING: 1, ANY: 20}
# A character of four bytes in UTF-8 is two code units in UTF-16.
_PAIR = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")
# Up to so many types an update is taken to nest them all, which is cheaper than to look.
_FEW_TYPES = 4
# Nearly every update: one struct of a client, which is ASCII text behind another, or between two, and no deletion.
_KEYSTROKE = re.compile(
    rb"""\x01\x01 (N) (N)                              # who, and from which clock on
    (?: \x84 ((N) (N)) | \xc4 (N) (N) (N) (N) )      # its neighbours: on the left, or on both sides
    ([\x01-\x7f]) ([\x00-\x7f]+) \x00""".replace(b"N", rb"[\x80-\xff]{0,7}[\x00-\x7f]"),
    re.VERBOSE,
)
_NONE: Mapping[bytes, int] = MappingProxyType({})


class Reach(NamedTuple):
    """What an update brings and needs, each as client id -> clock.

    `starts` and `ends`: the structs it brings, as [start, end) of each client. `needs`: the clock up to which each
    client's structs must be known, here or in the update itself. `nesting`: no fewer than the types that it puts into
    one another. `stands_elsewhere`: whether one is put into a type that the update does not bring itself.
    `may_hold_pairs`: whether a character of two code units may be in it. `firsts`: how many structs are put into each
    type, or root, or under each key of one, without a neighbour, and how many behind one struct with nothing behind
    them; a place is written as in the update, and the first in a type that the update brings itself is left out.
    `structs`: how many there are. `placed`: how many of them are put among others, and do not just follow on their
    client's last. `pieces`: how many do, though Yjs would have written them as one with it; a value counts as many.
    `deletions`: how many ranges are deleted.
    """

    starts: dict[int, int]
    ends: dict[int, int]
    needs: dict[int, int]
    nesting: int = 0
    stands_elsewhere: bool = False
    may_hold_pairs: bool = False
    firsts: Mapping[bytes, int] = _NONE
    structs: int = 1
    placed: int = 1
    pieces: int = 0
    deletions: int = 0

    @property
    def empty(self) -> bool:
        """Whether the update says nothing at all."""
        return not self.ends and not self.needs

    def fits(self, known: Mapping[int, int]) -> bool:
        """Whether everything the update builds on is in `known` (client id -> next clock) or in the update."""
        ends = self.ends
        for client, start in self.starts.items():
            if start > known.get(client, 0):
                return False
        for client, clock in self.needs.items():
            if clock > known.get(client, 0) and clock > ends.get(client, 0):
                return False
        return True

    def needs_rehearsal(self, known: Mapping[int, int]) -> bool:
        """Whether the core might stop half-way in it: nearly no keystroke is such an update."""
        if self.stands_elsewhere or len(self.ends) > 1:
            return True
        return any(start < known.get(client, 0) for client, start in self.starts.items())

    def brings_structs(self, known: Mapping[int, int]) -> bool:
        """Whether there is a struct in it that `known` lacks."""
        return any(end > known.get(client, 0) for client, end in self.ends.items())

    def extend(self, known: dict[int, int]) -> tuple[bool, bool]:
        """Count the structs it brings as known.

        Returns whether the update must be rehearsed (see `needs_rehearsal`), and whether it brought any.
        """
        doubtful, news = self.stands_elsewhere or len(self.ends) > 1, False
        for client, end in self.ends.items():
            has = known.get(client, 0)
            if self.starts[client] < has:
                doubtful = True
            if end > has:
                known[client] = end
                news = True
        return doubtful, news


def read_reach(data: bytes) -> Reach:
    """Walk an update in v1 encoding.

    Raises MalformedFrame if it ends early, has bytes left over, holds a content that Yjs 13 does not have, leaves a
    gap inside one client's structs (only a peer that lacks history itself can make one), or has a struct build on what
    its own client made later (the core may never finish with one).
    """
    return read_keystroke(data) or walk(data)


def read_keystroke(data: bytes) -> Reach | None:
    """Read the update that nearly all are, in a fraction of the time; None for all others.

    What is said here about one update `walk` says, too, the guess about pairs aside: the tests hold them against each
    other.
    """
    match = _KEYSTROKE.fullmatch(data)
    if match is None:
        return None
    its_client, its_clock, place, left, left_clock, *between, length, text = match.groups()
    units = len(text)
    if length[0] != units:
        return None
    client, clock = _number(its_client), _number(its_clock)
    if clock + units > _LARGEST_CLOCK:
        return None
    if place is None:
        left, left_clock, right, right_clock = between
        other, needed = _number(right), _number(right_clock)
        needs = {other: needed + 1}
        if other == client and needed >= clock:
            return None
    else:
        needs = {}
    other, needed = _number(left), _number(left_clock)
    if other == client and needed >= clock:
        return None
    if needed >= needs.get(other, 0):
        needs[other] = needed + 1
    follows = place is not None and other == client and needed == clock - 1
    firsts = _NONE if place is None or follows else {place: 1}
    return Reach({client: clock}, {client: clock + units}, needs, firsts=firsts, placed=not follows)


@lru_cache(maxsize=4096)
def _number(raw: bytes) -> int:
    # The ids of clients come again with each keystroke.
    return read_var_uint(raw, 0)[0]


def walk(data: bytes) -> Reach:  # noqa: C901, PLR0912, PLR0915 - one format, read in one pass: splitting it would cost a call a struct
    """Read any update, struct by struct."""
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    needs: dict[int, int] = {}
    types: set[tuple[int, int]] = set()
    parents: set[tuple[int, int]] = set()
    firsts: dict[bytes, int] = {}
    own_places: set[bytes] = set()
    pieces = structs = placed = 0
    try:
        clients, at = read_var_uint(data, 0)
        for _ in range(clients):
            count, at = read_var_uint(data, at)
            client, at = read_var_uint(data, at)
            clock, at = read_var_uint(data, at)
            if client in starts:
                raise MalformedFrame("a client comes twice in an update")
            starts[client] = clock
            structs += count
            before = GC
            for _ in range(count):
                info = data[at]
                at += 1
                content = info & 0x1F
                if content == GC:
                    length, at = read_var_uint(data, at)
                elif content == SKIP:
                    raise MalformedFrame("an update has a gap")
                else:
                    if info & LEFT:
                        place_at = at
                        other, at = read_var_uint(data, at)
                        needed, at = read_var_uint(data, at)
                        if other == client and needed == clock - 1 and content == before and content in _PIECES:
                            pieces += _PIECES[content]
                        if needed >= needs.get(other, 0):
                            needs[other] = needed + 1
                        if other == client and needed >= clock:
                            raise MalformedFrame("a struct builds on itself or on what follows it")
                        if not info & RIGHT and (other != client or needed != clock - 1):
                            place = data[place_at:at]
                            firsts[place] = firsts.get(place, 0) + 1
                            placed += 1
                    if info & RIGHT:
                        placed += 1
                        other, at = read_var_uint(data, at)
                        needed, at = read_var_uint(data, at)
                        if needed >= needs.get(other, 0):
                            needs[other] = needed + 1
                        if other == client and needed >= clock:
                            raise MalformedFrame("a struct builds on itself or on what follows it")
                    if not info & (LEFT | RIGHT):
                        named, at = read_var_uint(data, at)
                        place_at = at
                        own = False
                        if named == 1:
                            at = skip_bytes(data, at)
                        elif named == 0:
                            other, at = read_var_uint(data, at)
                            needed, at = read_var_uint(data, at)
                            if needed >= needs.get(other, 0):
                                needs[other] = needed + 1
                            if other == client and needed >= clock:
                                raise MalformedFrame("a struct builds on itself or on what follows it")
                            parents.add((other, needed))
                            own = (other, needed) in types
                        else:
                            raise MalformedFrame("a struct has no readable parent")
                        if info & PARENT_KEY:
                            if content in (STRING, FORMAT):
                                raise MalformedFrame("text stands under a key, where Yjs has values")
                            at = skip_bytes(data, at)
                        place = data[place_at:at]
                        if own and place not in own_places:
                            # Nothing else stands there yet.
                            own_places.add(place)
                        else:
                            firsts[place] = firsts.get(place, 0) + 1
                            placed += 1
                    if content == STRING:
                        length, at = string_units(data, at)
                    else:
                        length, at = skip_content(data, at, content)
                        if content == TYPE:
                            types.add((client, clock))
                before = content
                if length == 0:
                    raise MalformedFrame("a struct is empty")
                clock += length
            if clock > _LARGEST_CLOCK:
                raise MalformedFrame("a client counts further than documents do")
            ends[client] = clock
        deletions, at = _count_deletions(data, at, needs)
    except IndexError:
        raise MalformedFrame("the update ends early") from None
    if at != len(data):
        raise MalformedFrame("bytes are left over behind an update")
    return Reach(
        starts,
        ends,
        needs,
        len(types) if len(types) <= _FEW_TYPES else nesting(data) + 1,
        stands_elsewhere=not parents <= types,
        may_hold_pairs=may_hold_pairs(data),
        firsts=firsts,
        structs=structs,
        placed=placed,
        pieces=pieces,
        deletions=deletions,
    )


def may_hold_pairs(data: bytes) -> bool:
    """Say, without reading it, whether a character of two code units may be in an update."""
    return _PAIR.search(data) is not None


def _count_deletions(data: bytes, at: int, needs: dict[int, int]) -> tuple[int, int]:
    """Read what is deleted. Returns how many ranges there are, and the offset past them."""
    ranges = 0
    clients, at = read_var_uint(data, at)
    for _ in range(clients):
        client, at = read_var_uint(data, at)
        count, at = read_var_uint(data, at)
        ranges += count
        for _ in range(count):
            clock, at = read_var_uint(data, at)
            length, at = read_var_uint(data, at)
            if clock + length > needs.get(client, 0):
                needs[client] = clock + length
    return ranges, at

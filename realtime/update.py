"""What a Yjs update brings and what it builds on, read without applying it.

The CRDT core takes an update whose history is missing and keeps it aside for ever: nobody sees the text, and nothing
fails. Reading the update first lets the room refuse it by name instead. The walk also proves that every byte belongs to
the update, which the core does not.
Source: docs/protocol.md, "Updates"; the v1 encoding of Yjs 13.
"""

from bisect import bisect_right
from dataclasses import dataclass

from realtime.wire import MalformedFrame, read_var_uint

_LEFT, _RIGHT, _PARENT_KEY = 0x80, 0x40, 0x20
_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, _SKIP = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
_XML_ELEMENT, _XML_HOOK, _XML_TEXT = 3, 5, 6
# Yjs itself nests no deeper than people write JSON by hand; a limit keeps hostile nesting off our stack.
_DEEPEST_VALUE = 64
# The core counts in 32 bits and silently drops what goes beyond; no document comes near.
_LARGEST_CLOCK = 2**31 - 1
# Yjs writes what follows on one another as one struct. The core joins the pieces of a client that did not, in time and
# memory that grow with the square of their number: seconds of text, gigabytes of values.
_MOST_PIECES = 20_000
_PIECES = {_STRING: 1, _ANY: 20, _JSON: 20}
# Up to so many types an update is taken to nest them all, which is cheaper than to look.
_FEW_TYPES = 4


@dataclass(frozen=True, slots=True)
class Reach:
    """What an update brings and needs, each as client id -> clock.

    `starts` and `ends`: the structs it brings, as [start, end) of each client. `needs`: the clock up to which each
    client's structs must be known, here or in the update itself. `nesting`: no fewer than the types that it puts into
    one another.
    """

    starts: dict[int, int]
    ends: dict[int, int]
    needs: dict[int, int]
    nesting: int = 0

    @property
    def empty(self) -> bool:
        """Whether the update says nothing at all."""
        return not self.ends and not self.needs

    def fits(self, known: dict[int, int]) -> bool:
        """Whether everything the update builds on is in `known` (client id -> next clock) or in the update."""
        ends = self.ends
        for client, start in self.starts.items():
            if start > known.get(client, 0):
                return False
        for client, clock in self.needs.items():
            if clock > known.get(client, 0) and clock > ends.get(client, 0):
                return False
        return True

    def brings_structs(self, known: dict[int, int]) -> bool:
        """Whether there is a struct in it that `known` lacks."""
        return any(end > known.get(client, 0) for client, end in self.ends.items())

    def extend(self, known: dict[int, int]) -> None:
        """Count the structs it brings as known."""
        for client, end in self.ends.items():
            if end > known.get(client, 0):
                known[client] = end


def read_reach(data: bytes) -> Reach:  # noqa: C901, PLR0912, PLR0915 - one format, read in one pass: splitting it would cost a call a struct
    """Walk an update in v1 encoding.

    Raises MalformedFrame if it ends early, has bytes left over, holds a content that Yjs 13 does not have, leaves a
    gap inside one client's structs (only a peer that lacks history itself can make one), or has a struct build on what
    its own client made later (the core may never finish with one).
    """
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    needs: dict[int, int] = {}
    types = pieces = 0
    try:
        clients, at = read_var_uint(data, 0)
        for _ in range(clients):
            count, at = read_var_uint(data, at)
            client, at = read_var_uint(data, at)
            clock, at = read_var_uint(data, at)
            if client in starts:
                raise MalformedFrame("a client comes twice in an update")
            starts[client] = clock
            before = _GC
            for _ in range(count):
                info = data[at]
                at += 1
                content = info & 0x1F
                if content == _GC:
                    length, at = read_var_uint(data, at)
                elif content == _SKIP:
                    raise MalformedFrame("an update has a gap")
                else:
                    if info & _LEFT:
                        other, at = read_var_uint(data, at)
                        needed, at = read_var_uint(data, at)
                        if other == client and needed == clock - 1 and content == before and content in _PIECES:
                            pieces += _PIECES[content]
                            if pieces > _MOST_PIECES:
                                raise MalformedFrame("an update is cut into too many pieces")
                        if needed >= needs.get(other, 0):
                            needs[other] = needed + 1
                        if other == client and needed >= clock:
                            raise MalformedFrame("a struct builds on itself or on what follows it")
                    if info & _RIGHT:
                        other, at = read_var_uint(data, at)
                        needed, at = read_var_uint(data, at)
                        if needed >= needs.get(other, 0):
                            needs[other] = needed + 1
                        if other == client and needed >= clock:
                            raise MalformedFrame("a struct builds on itself or on what follows it")
                    if not info & (_LEFT | _RIGHT):
                        named, at = read_var_uint(data, at)
                        if named == 1:
                            at = _skip_bytes(data, at)
                        elif named == 0:
                            other, at = read_var_uint(data, at)
                            needed, at = read_var_uint(data, at)
                            if needed >= needs.get(other, 0):
                                needs[other] = needed + 1
                            if other == client and needed >= clock:
                                raise MalformedFrame("a struct builds on itself or on what follows it")
                        else:
                            raise MalformedFrame("a struct has no readable parent")
                        if info & _PARENT_KEY:
                            if content in (_STRING, _FORMAT):
                                raise MalformedFrame("text stands under a key, where Yjs has values")
                            at = _skip_bytes(data, at)
                    if content == _STRING:
                        length, at = _string_units(data, at)
                    else:
                        types += content == _TYPE
                        length, at = _content(data, at, content)
                before = content
                if length == 0:
                    raise MalformedFrame("a struct is empty")
                clock += length
            if clock > _LARGEST_CLOCK:
                raise MalformedFrame("a client counts further than documents do")
            ends[client] = clock
        at = _deletions(data, at, needs)
    except IndexError:
        raise MalformedFrame("the update ends early") from None
    if at != len(data):
        raise MalformedFrame("bytes are left over behind an update")
    return Reach(starts, ends, needs, types if types <= _FEW_TYPES else nesting(data) + 1)


def nesting(data: bytes) -> int:
    """Return how many types an update nests in one another, those aside that it does not hold itself.

    The core and every browser delete a type and what it holds by recursion, so depth is what they die of. `data` must
    have passed `read_reach`.
    """
    starts: dict[int, list[int]] = {}
    # What each struct stands in (1) or beside (0), and where that is; None for a root or nothing known.
    places: dict[int, list[tuple[int, int, int] | None]] = {}
    clients, at = read_var_uint(data, 0)
    for _ in range(clients):
        count, at = read_var_uint(data, at)
        client, at = read_var_uint(data, at)
        clock, at = read_var_uint(data, at)
        clocks, stands = starts[client], places[client] = [], []
        for _ in range(count):
            clocks.append(clock)
            place, length, at = _placed(data, at)
            stands.append(place)
            clock += length
    depths = {client: [-1] * len(stands) for client, stands in places.items()}
    deepest = 0
    for client, stands in places.items():
        for index in range(len(stands)):
            deepest = max(deepest, _depth(client, index, starts, places, depths))
    return deepest


def _placed(data: bytes, at: int) -> tuple[tuple[int, int, int] | None, int, int]:
    """Read one struct. Returns its place, its length in clocks and the offset past it."""
    info = data[at]
    at += 1
    content = info & 0x1F
    place: tuple[int, int, int] | None = None
    if content == _GC:
        length, at = read_var_uint(data, at)
        return None, length, at
    for side in (_LEFT, _RIGHT):
        if info & side:
            other, at = read_var_uint(data, at)
            clock, at = read_var_uint(data, at)
            place = place or (0, other, clock)
    if place is None:
        named, at = read_var_uint(data, at)
        if named == 1:
            at = _skip_bytes(data, at)
        else:
            other, at = read_var_uint(data, at)
            clock, at = read_var_uint(data, at)
            place = (1, other, clock)
        if info & _PARENT_KEY:
            at = _skip_bytes(data, at)
    length, at = _string_units(data, at) if content == _STRING else _content(data, at, content)
    return place, length, at


def _depth(
    client: int,
    index: int,
    starts: dict[int, list[int]],
    places: dict[int, list[tuple[int, int, int] | None]],
    depths: dict[int, list[int]],
) -> int:
    """Return in how many types of the update a struct stands, and keep it for all on the way."""
    way = []
    depth = 0
    while True:
        if depths[client][index] >= 0:
            depth = depths[client][index]
            break
        # Until it is known better, which also ends a circle.
        depths[client][index] = 0
        place = places[client][index]
        way.append((client, index, place[0] if place else 0))
        if place is None or place[1] not in starts:
            break
        client = place[1]
        index = bisect_right(starts[client], place[2]) - 1
        if index < 0:
            break
    for its_client, its_index, deeper in reversed(way):
        depth += deeper
        depths[its_client][its_index] = depth
    return depth


def _deletions(data: bytes, at: int, needs: dict[int, int]) -> int:
    clients, at = read_var_uint(data, at)
    for _ in range(clients):
        client, at = read_var_uint(data, at)
        count, at = read_var_uint(data, at)
        for _ in range(count):
            clock, at = read_var_uint(data, at)
            length, at = read_var_uint(data, at)
            if clock + length > needs.get(client, 0):
                needs[client] = clock + length
    return at


def _content(data: bytes, at: int, content: int) -> tuple[int, int]:
    """Skip a content other than a string. Returns its length in clocks and the offset past it."""
    if content == _DELETED:
        return read_var_uint(data, at)
    if content in (_BINARY, _EMBED):
        return 1, _skip_bytes(data, at)
    if content == _FORMAT:
        return 1, _skip_bytes(data, _skip_bytes(data, at))
    if content == _TYPE:
        kind, at = read_var_uint(data, at)
        if kind > _XML_TEXT or kind == _XML_HOOK:
            # The core forgets the name of a hook: what it writes down afterwards nobody can read.
            raise MalformedFrame("an update holds a type that is not known here")
        return 1, _skip_bytes(data, at) if kind == _XML_ELEMENT else at
    if content in (_JSON, _ANY):
        length, at = read_var_uint(data, at)
        for _ in range(length):
            at = _skip_bytes(data, at) if content == _JSON else _skip_any(data, at, 0)
        return length, at
    if content == _DOC:
        return 1, _skip_any(data, _skip_bytes(data, at), 0)
    raise MalformedFrame("an update holds a content that Yjs 13 does not have")


def _string_units(data: bytes, at: int) -> tuple[int, int]:
    """Skip a string. Returns its length in UTF-16 code units, in which Yjs counts, and the offset past it."""
    length, at = read_var_uint(data, at)
    end = at + length
    if end > len(data):
        raise MalformedFrame("the update ends inside a string")
    raw = data[at:end]
    if raw.isascii():
        return length, end
    try:
        return len(raw.decode().encode("utf-16-le")) // 2, end
    except UnicodeDecodeError:
        raise MalformedFrame("a string in an update is not UTF-8") from None


def _skip_bytes(data: bytes, at: int) -> int:
    length, at = read_var_uint(data, at)
    if at + length > len(data):
        raise MalformedFrame("the update ends early")
    return at + length


def _skip_any(data: bytes, at: int, depth: int) -> int:  # noqa: C901 - one case for each kind of value  # noqa: PLR0911 - one return for each kind of value
    """Skip one value of lib0's `any` encoding."""
    if depth > _DEEPEST_VALUE:
        raise MalformedFrame("a value in an update is nested too deeply")
    kind = data[at]
    at += 1
    match kind:
        case 127 | 126 | 121 | 120:  # undefined, null, false, true
            return at
        case 125:  # a signed integer, seven bits a byte after the first
            while data[at] >= 0x80:
                at += 1
            return at + 1
        case 124:  # float32
            return _past(data, at, 4)
        case 123 | 122:  # float64, bigint
            return _past(data, at, 8)
        case 119 | 116:  # string, bytes
            return _skip_bytes(data, at)
        case 118:  # object
            count, at = read_var_uint(data, at)
            for _ in range(count):
                at = _skip_any(data, _skip_bytes(data, at), depth + 1)
            return at
        case 117:  # array
            count, at = read_var_uint(data, at)
            for _ in range(count):
                at = _skip_any(data, at, depth + 1)
            return at
        case _:
            raise MalformedFrame("a value in an update is of no known kind")


def _past(data: bytes, at: int, length: int) -> int:
    if at + length > len(data):
        raise MalformedFrame("the update ends early")
    return at + length

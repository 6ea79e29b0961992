"""The structs of a Yjs update one by one: how deep they stand, and whether the CRDT core can take them in.

`realtime.update` reads what every update brings, fast. What is asked here costs more and is asked of few updates.
All data must have passed `read_reach`.
Source: docs/protocol.md, "Updates"; the v1 encoding of Yjs 13.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from realtime.encoding import DELETED, GC, LEFT, PARENT_KEY, RIGHT, STRING, TYPE, skip_bytes, skip_content, string_units
from realtime.wire import MalformedFrame, read_var_uint, write_state_vector

Id = tuple[int, int]
"""A client and a clock."""
_HOLDS = frozenset({TYPE, DELETED, GC})
# Of so many clients the core is asked for what stands at a place one by one.
_FEW_CLIENTS = 4


class Struct(NamedTuple):
    """One struct. `parent` is known only of those that stand beside nothing, and is None in a root.

    `content`: its kind. `content_at`: the offset of what comes after its place.
    """

    clock: int
    length: int
    content: int
    content_at: int
    left: Id | None = None
    right: Id | None = None
    parent: Id | None = None

    @property
    def end(self) -> int:
        """The clock past it."""
        return self.clock + self.length


def read_structs(data: bytes) -> dict[int, list[Struct]]:
    """Read the structs of each client, by clock."""
    return _walk(data)[0]


def read_deletions(data: bytes) -> dict[int, list[tuple[int, int]]]:
    """Read what an update deletes of each client's structs: [start, end) by clock, in the update's order."""
    ranges: dict[int, list[tuple[int, int]]] = {}
    for client, start, end in _deletions(data, _walk(data)[1]):
        ranges.setdefault(client, []).append((start, end))
    return ranges


def _deletions(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    clients, at = read_var_uint(data, at)
    for _ in range(clients):
        client, at = read_var_uint(data, at)
        count, at = read_var_uint(data, at)
        for _ in range(count):
            clock, at = read_var_uint(data, at)
            length, at = read_var_uint(data, at)
            yield client, clock, clock + length


def _walk(data: bytes) -> tuple[dict[int, list[Struct]], int]:
    """Read the structs. Returns them and the offset of the deletions."""
    structs: dict[int, list[Struct]] = {}
    clients, at = read_var_uint(data, 0)
    for _ in range(clients):
        count, at = read_var_uint(data, at)
        client, at = read_var_uint(data, at)
        clock, at = read_var_uint(data, at)
        its = structs[client] = []
        for _ in range(count):
            struct, at = _read_struct(data, at, clock)
            its.append(struct)
            clock += struct.length
    return structs, at


def _read_struct(data: bytes, at: int, clock: int) -> tuple[Struct, int]:
    info = data[at]
    at += 1
    content = info & 0x1F
    left = right = parent = None
    if content == GC:
        length, at = read_var_uint(data, at)
        return Struct(clock, length, content, at), at
    if info & LEFT:
        left, at = _read_id(data, at)
    if info & RIGHT:
        right, at = _read_id(data, at)
    if left is None and right is None:
        named, at = read_var_uint(data, at)
        if named == 1:
            at = skip_bytes(data, at)
        else:
            parent, at = _read_id(data, at)
        if info & PARENT_KEY:
            at = skip_bytes(data, at)
    content_at = at
    length, at = string_units(data, at) if content == STRING else skip_content(data, at, content)
    return Struct(clock, length, content, content_at, left, right, parent), at


def _read_id(data: bytes, at: int) -> tuple[Id, int]:
    client, at = read_var_uint(data, at)
    clock, at = read_var_uint(data, at)
    return (client, clock), at


def _find(structs: Mapping[int, list[Struct]], place: Id) -> int:
    """Return the index of the struct at a place, or -1 if it comes before all of its client's."""
    return bisect_right(structs[place[0]], place[1], key=lambda struct: struct.clock) - 1


# How deep


def nesting(data: bytes) -> int:
    """Return how many types an update nests in one another, those aside that it does not hold itself.

    The core and every browser delete a type and what it holds by recursion, so depth is what they die of.
    """
    structs = read_structs(data)
    depths = {client: [-1] * len(its) for client, its in structs.items()}
    return max(
        (_depth(client, index, structs, depths) for client, its in structs.items() for index in range(len(its))),
        default=0,
    )


def _depth(client: int, index: int, structs: dict[int, list[Struct]], depths: dict[int, list[int]]) -> int:
    """Return in how many types of the update a struct stands, and keep it for all on the way."""
    way = []
    depth = 0
    while True:
        if depths[client][index] >= 0:
            depth = depths[client][index]
            break
        # Until it is known better, which also ends a circle.
        depths[client][index] = 0
        struct = structs[client][index]
        place = struct.left or struct.right or struct.parent
        way.append((client, index, place is not None and place is struct.parent))
        if place is None or place[0] not in structs:
            break
        client, index = place[0], _find(structs, place)
        if index < 0:
            break
    for its_client, its_index, deeper in reversed(way):
        depth += deeper
        depths[its_client][its_index] = depth
    return depth


# Whether the core can take it in


def rehearse(update: bytes, state: Mapping[int, int], difference: Callable[[bytes], bytes]) -> None:
    """Go through what the core will do with an update, because it stops half-way where it cannot go on.

    `state`: what the document has, client id -> next clock. `difference(state_vector)`: its structs beyond a vector.
    Raises MalformedFrame for structs that wait for one another, or that stand in what can hold nothing.
    """
    structs = read_structs(update)
    _integrate(structs, dict(state))
    elsewhere = set()
    for client, its in structs.items():
        known = state.get(client, 0)
        for struct in its:
            parent = struct.parent
            if parent is None or struct.end <= known:
                continue
            if parent[1] < state.get(parent[0], 0):
                elsewhere.add(parent)
            elif structs[parent[0]][_find(structs, parent)].content not in _HOLDS:
                raise MalformedFrame("a struct stands in what can hold nothing")
    if elsewhere:
        _check_holders(elsewhere, state, difference)


def _integrate(structs: dict[int, list[Struct]], state: dict[int, int]) -> None:
    """Take every struct in once all that it names is in `state`."""
    next_of = dict.fromkeys(structs, 0)
    waiting: dict[int, list[int]] = {}
    ready = list(structs)
    while ready:
        client = ready.pop()
        its = structs[client]
        index = next_of[client]
        while index < len(its):
            struct = its[index]
            for place in (struct.left, struct.right, struct.parent):
                if place is not None and place[1] >= state.get(place[0], 0):
                    waiting.setdefault(place[0], []).append(client)
                    break
            else:
                state[client] = max(state.get(client, 0), struct.end)
                index += 1
                continue
            break
        if index > next_of[client]:
            next_of[client] = index
            ready += waiting.pop(client, ())
    if any(next_of[client] < len(its) for client, its in structs.items()):
        raise MalformedFrame("structs of an update wait for one another")


def _check_holders(places: Iterable[Id], state: Mapping[int, int], difference: Callable[[bytes], bytes]) -> None:
    """Raise MalformedFrame unless every place of the document can hold something."""
    clocks: dict[int, list[int]] = {}
    for client, clock in places:
        clocks.setdefault(client, []).append(clock)
    if len(clocks) > _FEW_CLIENTS:
        lowest = {client: min(its) for client, its in clocks.items()}
        structs = read_structs(difference(write_state_vector({**state, **lowest})))
        contents = [structs[client][_find(structs, (client, clock))].content for client, clock in places]
    else:
        # What comes behind the last place is not read: it may be most of the document.
        contents = []
        for client, its in clocks.items():
            update = difference(write_state_vector({**state, client: min(its)}))
            contents += _contents_at(update, sorted(its))
    if not _HOLDS.issuperset(contents):
        raise MalformedFrame("a struct stands in what can hold nothing")


def _contents_at(update: bytes, clocks: list[int]) -> Iterator[int]:
    """Yield what stands at some clocks, in their order, of the only client in an update."""
    _, at = read_var_uint(update, 0)
    _, at = read_var_uint(update, at)
    _, at = read_var_uint(update, at)
    end, at = read_var_uint(update, at)
    content = GC
    for clock in clocks:
        while end <= clock:
            struct, at = _read_struct(update, at, end)
            content, end = struct.content, struct.end
        yield content


# Whether it cuts a character in two


def pairs(data: bytes) -> set[Id]:
    """Return the second halves of the characters that are two code units, in which Yjs counts."""
    found = set()
    for client, its in read_structs(data).items():
        for struct in its:
            if struct.content != STRING:
                continue
            length, at = read_var_uint(data, struct.content_at)
            raw = data[at : at + length]
            if raw.isascii():
                continue
            clock = struct.clock
            for character in raw.decode():
                clock += 1
                if character > "\uffff":
                    found.add((client, clock))
                    clock += 1
    return found


def cuts(data: bytes) -> Iterator[Id]:
    """Yield every place before which an update parts what stood together, or may do so."""
    structs, at = _walk(data)
    for client, its in structs.items():
        for struct in its:
            if struct.left:
                yield struct.left[0], struct.left[1] + 1
            if struct.right:
                yield struct.right
            if struct.parent:
                yield struct.parent
            # Parts what another update says of the same clocks.
            yield client, struct.clock
            yield client, struct.end
    for client, start, end in _deletions(data, at):
        yield client, start
        yield client, end

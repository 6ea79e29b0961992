"""Random updates as no library would make them: anything that reads, built on anything that there is."""

import random

from realtime.wire import write_var_uint

CLIENTS = (5, 6, 7)
LEFT, RIGHT, KEY = 0x80, 0x40, 0x20
WORDS = ("a", "abc", "é", "🙂", "x🙂y", "")
# By number of the content: what may stand there. Broken ones among them, as JSON without an end.
CONTENTS: dict[int, tuple[bytes, ...]] = {
    1: (b"\x01", b"\x02", b"\x03"),
    2: (b"\x01\x011",),
    3: (b"\x01z",),
    4: tuple(write_var_uint(len(word.encode())) + word.encode() for word in WORDS),
    5: (b"\x011", b"\x02{}", b"\x01{"),
    6: (b"\x01b\x011", b"\x01b\x04true", b"\x01b\x04null"),
    7: (b"\x00", b"\x01", b"\x02", b"\x03\x01p", b"\x04", b"\x06"),
    8: (b"\x01\x7f", b"\x01\x7d\x05", b"\x01\x77\x01a", b"\x01\x75\x00"),
    9: (b"\x01g\x76\x00",),
}
# Text and types are what most attacks stand on.
KINDS = (4, 4, 4, 7, 7, 8, 1, 2, 3, 5, 6, 9)


def update(chance: random.Random, known: dict[int, int]) -> bytes:
    """One update. `known`: what the document has, client id -> next clock."""
    clients = chance.sample(CLIENTS, chance.choice((1, 1, 1, 2, 3)))
    parts = [write_var_uint(len(clients))]
    for client in clients:
        structs = [_struct(chance, known) for _ in range(chance.randint(1, 3))]
        # Mostly what comes next; now and then what was told before, differently.
        clock = known.get(client, 0) if chance.random() < 0.8 else chance.randrange(10)
        parts += [write_var_uint(len(structs)), write_var_uint(client), write_var_uint(clock), *structs]
    deleted = chance.sample(CLIENTS, chance.choice((0, 0, 1, 2)))
    parts.append(write_var_uint(len(deleted)))
    for client in deleted:
        ranges = [
            write_var_uint(chance.randrange(max(1, known.get(client, 1)))) + write_var_uint(chance.randint(1, 3))
            for _ in range(chance.randint(1, 2))
        ]
        parts += [write_var_uint(client), write_var_uint(len(ranges)), *ranges]
    return b"".join(parts)


def _struct(chance: random.Random, known: dict[int, int]) -> bytes:
    if chance.random() < 0.05:
        return b"\x00" + write_var_uint(chance.randrange(1, 4))
    kind = chance.choice(KINDS)
    sides = chance.choices((LEFT, RIGHT, LEFT | RIGHT, 0), weights=(35, 15, 15, 35))[0]
    place = b"".join(_place(chance, known) for side in (LEFT, RIGHT) if sides & side)
    info = kind | sides
    if not sides:
        roots = (b"\x01\x04text", b"\x01\x01m")
        place = chance.choice(roots) if chance.random() < 0.5 else b"\x00" + _place(chance, known)
        if chance.random() < 0.2:
            info |= KEY
            place += b"\x01k"
    return bytes([info]) + place + chance.choice(CONTENTS[kind])


def _place(chance: random.Random, known: dict[int, int]) -> bytes:
    clients = [client for client, clock in known.items() if clock]
    if clients and chance.random() < 0.93:
        client = chance.choice(clients)
        return write_var_uint(client) + write_var_uint(chance.randrange(known[client]))
    return write_var_uint(chance.choice(CLIENTS)) + write_var_uint(chance.randrange(12))

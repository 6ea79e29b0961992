"""The contents of structs in the v1 encoding of Yjs updates, skipped and measured, and never looked into.

Source: docs/protocol.md, "Updates"; the v1 encoding of Yjs 13.
"""

from realtime.wire import MalformedFrame, read_var_uint

# What the first byte of a struct says: which neighbours and keys are named, and the kind of content.
LEFT, RIGHT, PARENT_KEY = 0x80, 0x40, 0x20
GC, DELETED, JSON, BINARY, STRING, EMBED, FORMAT, TYPE, ANY, DOC, SKIP = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
_XML_ELEMENT, _XML_HOOK, _XML_TEXT = 3, 5, 6
# Yjs itself nests no deeper than people write JSON by hand; a limit keeps hostile nesting off our stack.
_DEEPEST_VALUE = 64


def skip_content(data: bytes, at: int, content: int) -> tuple[int, int]:
    """Skip a content other than a string. Returns its length in clocks and the offset past it."""
    if content == DELETED:
        return read_var_uint(data, at)
    if content in (BINARY, EMBED):
        return 1, skip_bytes(data, at)
    if content == FORMAT:
        return 1, skip_bytes(data, skip_bytes(data, at))
    if content == TYPE:
        kind, at = read_var_uint(data, at)
        if kind > _XML_TEXT or kind == _XML_HOOK:
            # The core forgets the name of a hook: what it writes down afterwards nobody can read.
            raise MalformedFrame("an update holds a type that is not known here")
        return 1, skip_bytes(data, at) if kind == _XML_ELEMENT else at
    if content == ANY:
        length, at = read_var_uint(data, at)
        for _ in range(length):
            at = _skip_any(data, at, 0)
        return length, at
    if content == DOC:
        return 1, _skip_any(data, skip_bytes(data, at), 0)
    # JSON among them, which no Yjs has written since version 13 and which the core writes down so that nobody can read
    # it, itself included.
    raise MalformedFrame("an update holds a content that Yjs 13 does not write")


def string_units(data: bytes, at: int) -> tuple[int, int]:
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


def skip_bytes(data: bytes, at: int) -> int:
    """Skip bytes behind their length. Returns the offset past them."""
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
            return skip_bytes(data, at)
        case 118:  # object
            count, at = read_var_uint(data, at)
            for _ in range(count):
                at = _skip_any(data, skip_bytes(data, at), depth + 1)
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

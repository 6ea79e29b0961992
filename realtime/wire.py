"""Bytes to messages and back, strictly: the y-websocket dialect and the Hocuspocus dialect.

Every byte of a frame must be accounted for; anything else is a MalformedFrame. Nothing here knows a document.
Source: docs/protocol.md.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

# JavaScript numbers are exact up to here; lib0 refuses more and so do we.
_LARGEST = 2**53 - 1
# A frame has no use for longer names; refusing early keeps hostile frames cheap.
LONGEST_NAME_BYTES = 256
LONGEST_TOKEN_BYTES = 4096
LONGEST_STATELESS_BYTES = 64 * 1024


class MalformedFrame(ValueError):
    """The bytes are not a message of this protocol."""


class UnknownMessage(MalformedFrame):
    """The message is well formed but of a type that no dialect here has."""


class MessageType(IntEnum):
    """The first number of a message. Source: docs/protocol.md, "Messages"."""

    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    SYNC_REPLY = 4
    STATELESS = 5
    BROADCAST_STATELESS = 6
    CLOSE = 7
    SYNC_STATUS = 8
    PING = 9
    PONG = 10


class SyncType(IntEnum):
    """The second number of a SYNC message."""

    STEP_1 = 0
    STEP_2 = 1
    UPDATE = 2


class AuthType(IntEnum):
    """The second number of an AUTH message."""

    TOKEN = 0
    PERMISSION_DENIED = 1
    AUTHENTICATED = 2


@dataclass(frozen=True, slots=True)
class SyncStep1:
    """A peer tells what it has: client id -> next clock."""

    state_vector: bytes


class Update(NamedTuple):
    """A Yjs update, v1 encoding, not looked into. `answer` marks a sync step 2, the answer to our step 1."""

    update: bytes
    answer: bool = False


@dataclass(frozen=True, slots=True)
class AwarenessUpdate:
    """Presence of some clients, not looked into."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """A peer asks for everybody's presence."""


@dataclass(frozen=True, slots=True)
class Token:
    """Hocuspocus: who the peer is. The grammar of `token` is the host's."""

    token: str


@dataclass(frozen=True, slots=True)
class Stateless:
    """Hocuspocus: words outside the document. `broadcast` asks to pass them on."""

    payload: str
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class Detach:
    """Hocuspocus: the peer leaves this document and keeps the socket."""


@dataclass(frozen=True, slots=True)
class Pong:
    """Hocuspocus: the answer to our ping; it belongs to the socket, not to a document."""


Message = SyncStep1 | Update | AwarenessUpdate | QueryAwareness | Token | Stateless | Detach


def read_var_uint(data: bytes, at: int) -> tuple[int, int]:
    """Read a variable-length unsigned integer at byte `at`.

    Returns the value and the offset just past it.
    Raises MalformedFrame if the data ends early or the value needs more than 53 bits.
    Source: docs/protocol.md, "Numbers".
    """
    try:
        value = data[at]
        at += 1
        if value < 0x80:
            return value, at
        value &= 0x7F
        shift = 7
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 53:
                raise MalformedFrame("a number needs more than 53 bits")
    except IndexError:
        raise MalformedFrame("the frame ends inside a number") from None
    if value > _LARGEST:
        raise MalformedFrame("a number needs more than 53 bits")
    return value, at


def write_var_uint(value: int) -> bytes:
    """Write `value` (0 to 2**53 - 1), seven bits a byte, lowest first."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_var_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Read bytes behind their length. Returns them and the offset just past them."""
    length, at = read_var_uint(data, at)
    end = at + length
    if end > len(data):
        raise MalformedFrame("the frame ends inside a byte string")
    return data[at:end], end


def write_var_bytes(value: bytes) -> bytes:
    """Write the length in bytes, then the bytes."""
    return write_var_uint(len(value)) + value


def read_var_string(data: bytes, at: int, *, longest_bytes: int) -> tuple[str, int]:
    """Read UTF-8 text behind its length in bytes. Raises MalformedFrame if it is longer or not UTF-8."""
    raw, at = read_var_bytes(data, at)
    if len(raw) > longest_bytes:
        raise MalformedFrame("a text is too long")
    try:
        return raw.decode(), at
    except UnicodeDecodeError:
        raise MalformedFrame("a text is not UTF-8") from None


def write_var_string(value: str) -> bytes:
    """Write the length in bytes of the UTF-8 text, then the text."""
    return write_var_bytes(value.encode())


def read_state_vector(data: bytes) -> dict[int, int]:
    """Read a state vector: client id -> next clock. Raises MalformedFrame."""
    count, at = read_var_uint(data, 0)
    if count > len(data):
        raise MalformedFrame("a state vector names more clients than it has bytes")
    vector: dict[int, int] = {}
    for _ in range(count):
        client, at = read_var_uint(data, at)
        vector[client], at = read_var_uint(data, at)
    if at != len(data):
        raise MalformedFrame("bytes are left over behind a state vector")
    return vector


def write_state_vector(vector: dict[int, int]) -> bytes:
    """Write a state vector, clients in descending order as Yjs does."""
    parts = [write_var_uint(len(vector))]
    parts += [write_var_uint(client) + write_var_uint(vector[client]) for client in sorted(vector, reverse=True)]
    return b"".join(parts)


def decode(data: bytes) -> Message:
    """Read one message of the y-websocket dialect: one frame, one message, no byte left over.

    Raises UnknownMessage for a type that clients of this dialect do not send, MalformedFrame for the rest.
    """
    # Nearly every message is a short update, and the length of it all says so already.
    if 3 <= len(data) <= 0x82 and data[2] == len(data) - 3 and data[:2] == _UPDATE:
        return Update(data[3:])
    return _decode(data, 0, _Y_MESSAGES)


def decode_multiplexed(data: bytes) -> tuple[str, Message] | Pong:
    """Read one message of the Hocuspocus dialect. Returns the routing key and the message.

    The routing key is a document's name, or name, NUL and session id; every answer must carry it unchanged.
    """
    if len(data) == 1 and data[0] == MessageType.PONG:
        return Pong()
    key, at = read_var_string(data, 0, longest_bytes=LONGEST_NAME_BYTES)
    return key, _decode(data, at, _HOCUSPOCUS_MESSAGES)


_UPDATE = bytes((MessageType.SYNC, SyncType.UPDATE))
_Y_MESSAGES = frozenset({MessageType.SYNC, MessageType.AWARENESS, MessageType.QUERY_AWARENESS})
_HOCUSPOCUS_MESSAGES = _Y_MESSAGES | {
    MessageType.AUTH,
    MessageType.SYNC_REPLY,
    MessageType.STATELESS,
    MessageType.BROADCAST_STATELESS,
    MessageType.CLOSE,
}


def _decode(data: bytes, at: int, known: frozenset[MessageType]) -> Message:
    kind, at = read_var_uint(data, at)
    if kind not in known:
        raise UnknownMessage(f"message type {kind} is not known here")
    message: Message
    match kind:
        case MessageType.SYNC | MessageType.SYNC_REPLY:
            message, at = _decode_sync(data, at)
        case MessageType.AWARENESS:
            payload, at = read_var_bytes(data, at)
            message = AwarenessUpdate(payload)
        case MessageType.QUERY_AWARENESS:
            message = QueryAwareness()
        case MessageType.AUTH:
            message, at = _decode_token(data, at)
        case MessageType.STATELESS | MessageType.BROADCAST_STATELESS:
            payload_text, at = read_var_string(data, at, longest_bytes=LONGEST_STATELESS_BYTES)
            message = Stateless(payload_text, broadcast=kind == MessageType.BROADCAST_STATELESS)
        case _:
            # A reason may follow; it is for people who read frames, not for us.
            if at < len(data):
                _, at = read_var_string(data, at, longest_bytes=LONGEST_NAME_BYTES)
            message = Detach()
    if at != len(data):
        raise MalformedFrame("bytes are left over behind a message")
    return message


def _decode_sync(data: bytes, at: int) -> tuple[SyncStep1 | Update, int]:
    step, at = read_var_uint(data, at)
    if step not in (SyncType.STEP_1, SyncType.STEP_2, SyncType.UPDATE):
        raise UnknownMessage(f"sync message {step} is not known here")
    body, at = read_var_bytes(data, at)
    if step == SyncType.STEP_1:
        return SyncStep1(body), at
    return Update(body, answer=step == SyncType.STEP_2), at


def _decode_token(data: bytes, at: int) -> tuple[Token, int]:
    kind, at = read_var_uint(data, at)
    if kind != AuthType.TOKEN:
        raise UnknownMessage(f"authentication message {kind} is not for a server")
    token, at = read_var_string(data, at, longest_bytes=LONGEST_TOKEN_BYTES)
    if at < len(data):
        # Providers since version 3 add their own version.
        _, at = read_var_string(data, at, longest_bytes=LONGEST_NAME_BYTES)
    return Token(token), at


# What the server says. Each returns a frame of the y-websocket dialect; `prefix` (the routing key as written by
# `routing_prefix`) makes it one of the Hocuspocus dialect.

PING = bytes((MessageType.PING,))
NO_AWARENESS = bytes((MessageType.AWARENESS, 1, 0))
"""Presence of nobody: says nothing and keeps the connection from looking dead."""


def routing_prefix(key: str) -> bytes:
    """What a frame of the Hocuspocus dialect begins with."""
    return write_var_string(key)


def sync_step_1(state_vector: bytes) -> bytes:
    """Ask a peer for what is missing here."""
    return bytes((MessageType.SYNC, SyncType.STEP_1)) + write_var_bytes(state_vector)


def sync_step_2(update: bytes) -> bytes:
    """Answer a peer's step 1 with what it lacks."""
    return sync_step_2_head(len(update)) + update


def sync_step_2_head(length: int) -> bytes:
    """What such an answer with an update of so many bytes begins with."""
    return bytes((MessageType.SYNC, SyncType.STEP_2)) + write_var_uint(length)


def sync_update(update: bytes) -> bytes:
    """Pass on an edit."""
    return _UPDATE + write_var_bytes(update)


def awareness(payload: bytes) -> bytes:
    """Pass on presence."""
    return bytes((MessageType.AWARENESS,)) + write_var_bytes(payload)


def permission_denied(reason: str) -> bytes:
    """Refuse one document and keep the socket."""
    return bytes((MessageType.AUTH, AuthType.PERMISSION_DENIED)) + write_var_string(reason)


def authenticated(scope: str) -> bytes:
    """Hocuspocus: the token was taken, and with it this scope."""
    return bytes((MessageType.AUTH, AuthType.AUTHENTICATED)) + write_var_string(scope)


def sync_status(*, saved: bool) -> bytes:
    """Hocuspocus: one sync message of the peer's is in the database, or never will be."""
    return bytes((MessageType.SYNC_STATUS, 1 if saved else 0))


def detached(reason: str) -> bytes:
    """Hocuspocus: the server ends one document on this socket."""
    return bytes((MessageType.CLOSE,)) + write_var_string(reason)

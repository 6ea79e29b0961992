"""WebSocket, the server's side, without I/O: the opening handshake, frames in, frames out.

No extension is ever agreed on, so a frame with a reserved bit is an error.
Source: RFC 6455; sections are named where a rule comes from one.
"""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping

from realtime import close
from realtime.close import Close

try:
    from websockets.speedups import apply_mask
except ImportError:
    # Where no compiled one was to be had.
    from websockets.utils import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _RESERVED, _MASKED = 0x80, 0x70, 0x80
_LENGTH_16, _LENGTH_64 = 126, 127
_LARGEST_CONTROL = 125
_KEY_BYTES = 16
# Section 1.3: proves that the answer was made for this handshake.
_ACCEPT_SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# Section 7.4: codes that may stand in a close frame; 1004 to 1006 and 1015 may not.
_SENDABLE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})


class ProtocolError(Exception):
    """The peer breaks the protocol; `close` is how it must be told."""

    def __init__(self, why: Close) -> None:
        super().__init__(str(why))
        self.close = why


class BadHandshake(Exception):
    """The request does not open a WebSocket. `answer` is the whole HTTP response."""

    def __init__(self, status: str, sentence: str, *headers: str) -> None:
        super().__init__(sentence)
        lines = [f"HTTP/1.1 {status}", "content-type: text/plain", "connection: close", *headers]
        body = sentence.encode() + b"\n"
        self.answer = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def handshake(method: str, headers: Mapping[str, str]) -> bytes:
    """Answer an opening handshake (section 4.2). `headers` by lower-case name. Raises BadHandshake."""
    if method != "GET":
        raise BadHandshake("400 Bad Request", "A WebSocket begins with GET.")
    if headers.get("sec-websocket-version") != "13":
        raise BadHandshake("426 Upgrade Required", "WebSocket version 13 is needed.", "sec-websocket-version: 13")
    if "upgrade" not in {token.strip() for token in headers.get("connection", "").lower().split(",")}:
        raise BadHandshake("400 Bad Request", "The Connection header does not ask for an upgrade.")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        # What came there would be taken for frames, or lost.
        raise BadHandshake("400 Bad Request", "A WebSocket does not begin with a body.")
    key = headers.get("sec-websocket-key", "")
    try:
        known = len(b64decode(key, validate=True)) == _KEY_BYTES
    except (NotBase64, ValueError):
        known = False
    if not known:
        raise BadHandshake("400 Bad Request", "The Sec-WebSocket-Key header is not 16 bytes in base64.")
    proof = b64encode(hashlib.sha1(key.encode() + _ACCEPT_SALT, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: "
        + proof
        + b"\r\n\r\n"
    )


def frame_head(length: int, opcode: int = BINARY) -> bytes:
    """Make what stands before a payload of so many bytes, sent as one frame."""
    if length < _LENGTH_16:
        return bytes((_FINAL | opcode, length))
    if length < 0x10000:
        return bytes((_FINAL | opcode, _LENGTH_16)) + length.to_bytes(2)
    return bytes((_FINAL | opcode, _LENGTH_64)) + length.to_bytes(8)


def frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """Make one whole message of a payload."""
    return frame_head(len(payload), opcode) + payload


def close_frame(why: Close) -> bytes:
    """Make the frame that ends a connection (section 5.5.1)."""
    return frame(why.code.to_bytes(2) + why.reason.encode(), CLOSE)


def read_close(payload: bytes) -> int:
    """Return the code of a peer's close frame; 1005 if it names none. Raises ProtocolError."""
    if not payload:
        return close.NO_CODE
    code = int.from_bytes(payload[:2])
    if len(payload) == 1 or code not in _SENDABLE_CODES:
        raise ProtocolError(close.PROTOCOL_ERROR)
    check_text(payload[2:])
    return code


def check_text(payload: bytes) -> None:
    """Raise ProtocolError unless it is UTF-8 (section 8.1)."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise ProtocolError(close.INVALID_TEXT) from None


class Frames:
    """Reads what a client sends. Give it bytes with `feed`, take messages with `next` until there is none.

    Holds at most one message of `largest_bytes`, in pieces, and the last chunk that was fed.
    """

    __slots__ = ("_at", "_data", "_kind", "_largest_bytes", "_length", "_parts")

    def __init__(self, *, largest_bytes: int) -> None:
        self._largest_bytes = largest_bytes
        self._data: bytes | bytearray = b""
        self._at = 0
        # The message under way, if it came in several frames: its opcode and what there is of it.
        self._kind: int | None = None
        self._parts: list[bytes] | None = None
        self._length = 0

    def feed(self, data: bytes) -> None:
        """Take what the network brought."""
        if self._at == len(self._data):
            self._data = data
        elif isinstance(self._data, bytearray):
            del self._data[: self._at]
            self._data += data
        else:
            # From here on a frame is gathered, in place.
            self._data = bytearray(self._data[self._at :])
            self._data += data
        self._at = 0

    def next(self) -> tuple[int, bytes] | None:
        """Return the next message as opcode and payload, or None until more is fed.

        A frame that does not finish a message is returned, too, as CONTINUATION with nothing in it, so that whoever
        counts frames sees it. Raises ProtocolError.
        """
        # Most of what comes is one frame, after which there is none.
        found = self._next_frame() if self._at < len(self._data) else None
        if found is None:
            return None
        final, opcode, payload = found
        if opcode >= CLOSE:
            return opcode, payload
        if opcode == CONTINUATION:
            if self._kind is None:
                raise ProtocolError(close.PROTOCOL_ERROR)
        elif self._kind is not None:
            raise ProtocolError(close.PROTOCOL_ERROR)
        elif final:
            return opcode, payload
        else:
            self._kind = opcode
        # An empty piece adds nothing, and there may be many.
        if self._parts is None:
            self._parts = []
        if payload:
            self._parts.append(payload)
            self._length += len(payload)
        if not final:
            return CONTINUATION, b""
        kind, whole = self._kind, b"".join(self._parts)
        self._kind, self._parts, self._length = None, None, 0
        return kind, whole

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        """Read one frame (section 5.2)."""
        data, at = self._data, self._at
        have = len(data) - at
        if have < 2:
            return None
        first, second = data[at], data[at + 1]
        opcode, length = first & 0x0F, second & 0x7F
        if first & _RESERVED or not second & _MASKED or opcode not in _OPCODES:
            raise ProtocolError(close.PROTOCOL_ERROR)
        head = 2
        if opcode >= CLOSE:
            if length > _LARGEST_CONTROL or not first & _FINAL:
                raise ProtocolError(close.PROTOCOL_ERROR)
        else:
            if length >= _LENGTH_16:
                head = 4 if length == _LENGTH_16 else 10
                if have < head:
                    return None
                length = int.from_bytes(data[at + 2 : at + head])
                if length < (_LENGTH_16 if head == 4 else 0x10000):
                    # The shortest form is the only one.
                    raise ProtocolError(close.PROTOCOL_ERROR)
            if self._length + length > self._largest_bytes:
                raise ProtocolError(close.TOO_BIG)
        begin = at + head + 4
        end = begin + length
        if len(data) < end:
            return None
        self._at = end
        return bool(first & _FINAL), opcode, apply_mask(data[begin:end], data[begin - 4 : begin])


_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

"""Frames and handshakes as RFC 6455 has them: what is taken, what is refused and with which code."""

import os
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from realtime import close, websocket
from realtime.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    BadHandshake,
    Frames,
    ProtocolError,
    frame,
    handshake,
    read_close,
)

HEADERS = {
    "connection": "keep-alive, Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def sent(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame as a client sends it, made by somebody else's code."""
    return Frame(Opcode(opcode), payload, fin=final).serialize(mask=True)


def read(chunks: Iterable[bytes], largest_bytes: int = 2**20) -> list[tuple[int, bytes]]:
    frames, messages = Frames(largest_bytes=largest_bytes), []
    for chunk in chunks:
        frames.feed(chunk)
        while (message := frames.next()) is not None:
            messages.append(message)
    return messages


def code_of(data: bytes, largest_bytes: int = 2**20) -> int:
    with pytest.raises(ProtocolError) as error:
        read([data], largest_bytes)
    return error.value.close.code


@given(st.lists(st.tuples(st.sampled_from([BINARY, TEXT]), st.binary(max_size=200)), max_size=8), st.randoms())
def test_messages_are_read_however_the_network_cuts_them(
    messages: list[tuple[int, bytes]], chance: random.Random
) -> None:
    data = b"".join(sent(*message) for message in messages)
    chunks = []
    while data:
        length = chance.randint(1, 40)
        chunks.append(data[:length])
        data = data[length:]
    assert read(chunks) == messages


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 0xFFFF, 0x10000, 0x10001])
def test_every_form_of_a_length_is_written_and_read(length: int) -> None:
    payload = os.urandom(length)
    assert read([sent(BINARY, payload)]) == [(BINARY, payload)]
    # As a server sends it: unmasked.
    assert frame(payload) == Frame(Opcode.BINARY, payload).serialize(mask=False)


def test_a_large_message_in_small_chunks_is_read_once_it_is_there() -> None:
    payload = os.urandom(300_000)
    data = sent(BINARY, payload) + sent(BINARY, b"next")
    chunks = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    assert read(chunks) == [(BINARY, payload), (BINARY, b"next")]


def test_pieces_are_put_together_and_control_frames_may_come_between() -> None:
    data = (
        sent(BINARY, b"one ", final=False)
        + sent(PING, b"?")
        + sent(CONTINUATION, b"two ", final=False)
        + sent(PONG, b"!")
        + sent(CONTINUATION, b"three")
    )
    assert read([data]) == [
        (CONTINUATION, b""),
        (PING, b"?"),
        (CONTINUATION, b""),
        (PONG, b"!"),
        (BINARY, b"one two three"),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(Frame(Opcode.BINARY, b"x").serialize(mask=False), 1002, id="unmasked"),
        pytest.param(bytes([0x80 | 0x40 | BINARY]) + sent(BINARY, b"x")[1:], 1002, id="reserved bit 1"),
        pytest.param(bytes([0x80 | 0x20 | BINARY]) + sent(BINARY, b"x")[1:], 1002, id="reserved bit 2"),
        pytest.param(bytes([0x80 | 0x10 | BINARY]) + sent(BINARY, b"x")[1:], 1002, id="reserved bit 3"),
        pytest.param(bytes([0x83]) + sent(BINARY, b"x")[1:], 1002, id="unknown data opcode"),
        pytest.param(bytes([0x8B]) + sent(BINARY, b"x")[1:], 1002, id="unknown control opcode"),
        pytest.param(bytes([PING]) + sent(PING, b"x")[1:], 1002, id="control frame in pieces"),
        pytest.param(bytes([0x89, 0x80 | 126, 0, 126]) + bytes(130), 1002, id="oversized control frame"),
        pytest.param(sent(CONTINUATION, b"x"), 1002, id="a piece of nothing"),
        pytest.param(sent(BINARY, b"x", final=False) + sent(BINARY, b"y"), 1002, id="a message inside a message"),
        pytest.param(bytes([0x82, 0x80 | 126, 0, 5]) + bytes(9), 1002, id="a short length in two bytes"),
        pytest.param(bytes([0x82, 0x80 | 127]) + (5).to_bytes(8) + bytes(9), 1002, id="a short length in eight bytes"),
        pytest.param(bytes([0x82, 0x80 | 127]) + (2**63).to_bytes(8), 1009, id="an endless length"),
        pytest.param(sent(BINARY, bytes(1001)), 1009, id="too big"),
        pytest.param(
            sent(BINARY, bytes(600), final=False) + sent(CONTINUATION, bytes(600)), 1009, id="too big in pieces"
        ),
    ],
)
def test_what_is_no_frame_ends_the_connection_with_the_right_code(data: bytes, code: int) -> None:
    assert code_of(data, largest_bytes=1000) == code


def test_what_is_too_big_is_refused_before_it_has_come() -> None:
    assert code_of(sent(BINARY, bytes(2000))[:8], largest_bytes=1000) == 1009


def test_a_flood_of_empty_pieces_holds_no_memory() -> None:
    frames = Frames(largest_bytes=1000)
    frames.feed(sent(BINARY, b"x", final=False))
    for _ in range(1000):
        frames.feed(sent(CONTINUATION, b"", final=False))
        while frames.next() is not None:
            pass
    frames.feed(sent(CONTINUATION, b"y"))
    assert frames.next() == (BINARY, b"xy")


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 3000, 4999])
def test_codes_that_may_be_sent_are_read(code: int) -> None:
    assert read_close(code.to_bytes(2) + "good-bye ü".encode()) == code


def test_a_close_may_name_no_code() -> None:
    assert read_close(b"") == close.NO_CODE


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x03", 1002),
        *(((number).to_bytes(2), 1002) for number in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)),
        ((1000).to_bytes(2) + b"\xff", 1007),
    ],
)
def test_a_close_with_a_code_or_reason_that_may_not_be_is_refused(payload: bytes, code: int) -> None:
    with pytest.raises(ProtocolError) as error:
        read_close(payload)
    assert error.value.close.code == code


def test_every_close_of_ours_is_one_frame_that_others_read() -> None:
    for why in close.ALL:
        data = websocket.close_frame(why)
        assert data[0] == 0x80 | CLOSE
        assert data[1] <= 125
        assert read_close(data[2:]) == why.code


def test_the_handshake_is_answered_as_the_standard_says() -> None:
    # The example of RFC 6455, section 1.3.
    answer = handshake("GET", HEADERS)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("sec-websocket-version", "8", b"426"),
        ("sec-websocket-version", "", b"426"),
        ("sec-websocket-key", "", b"400"),
        ("sec-websocket-key", "c2hvcnQ=", b"400"),
        ("sec-websocket-key", "not base64!", b"400"),
        ("sec-websocket-key", "\u00fc", b"400"),
        ("connection", "keep-alive", b"400"),
        ("connection", "keep-alive, noupgrade", b"400"),
        ("content-length", "5", b"400"),
        ("transfer-encoding", "chunked", b"400"),
    ],
)
def test_a_handshake_that_is_none_is_refused_in_http(name: str, value: str, status: bytes) -> None:
    with pytest.raises(BadHandshake) as bad:
        handshake("GET", {**HEADERS, name: value})
    assert bad.value.answer.split(b" ")[1] == status
    head, _, body = bad.value.answer.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head


def test_a_handshake_is_a_get() -> None:
    with pytest.raises(BadHandshake):
        handshake("POST", HEADERS)


def test_random_bytes_are_read_or_refused() -> None:
    chance = random.Random(5)
    for _ in range(3000):
        frames = Frames(largest_bytes=1000)
        frames.feed(chance.randbytes(chance.randint(0, 60)))
        try:
            while frames.next() is not None:
                pass
        except ProtocolError as error:
            assert error.close.code in (1002, 1009)

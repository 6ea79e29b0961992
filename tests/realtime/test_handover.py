"""The first reading of a connection: what is taken for a plain handshake, and what is left to the HTTP parser."""

import pytest

from realtime.handover import _read_plain_request

HANDSHAKE = (
    b"GET /collab/5f0c?token=a%20b HTTP/1.1\r\nHost: example.test\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: a=b; session=\xc3\xa9 \r\n"
    b"\r\n"
)


def test_a_browsers_handshake_is_read() -> None:
    request = _read_plain_request(HANDSHAKE)
    assert request is not None
    method, path, query, headers = request
    assert (method, path, query) == (b"GET", b"/collab/5f0c", b"token=a%20b")
    assert dict(headers)[b"upgrade"] == b"WebSocket"
    assert dict(headers)[b"cookie"] == b"a=b; session=\xc3\xa9"
    assert len(headers) == 6


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"GET", b"POST", id="another method"),
        pytest.param(b"/collab/", b"/documents/", id="another path"),
        pytest.param(b"5f0c", b"5f%30c", id="a path to be decoded"),
        pytest.param(b"5f0c", b"5f 0c", id="a path with a space"),
        pytest.param(b"GET /", b"GET http://there/", id="a whole address"),
        pytest.param(b"HTTP/1.1", b"HTTP/1.0", id="another version"),
        pytest.param(b"Upgrade: WebSocket", b"Upgrade: h2c", id="another upgrade"),
        pytest.param(b"Upgrade: WebSocket\r\n", b"", id="no upgrade"),
        pytest.param(b"Host:", b"Content-Length: 5\r\nHost:", id="a body"),
        pytest.param(b"Host:", b"Transfer-Encoding: chunked\r\nHost:", id="a body in pieces"),
        pytest.param(b"Host:", b"Expect: 100-continue\r\nHost:", id="an expectation"),
        pytest.param(b"Host:", b"Host :", id="a space before the colon"),
        pytest.param(b"Host:", b" Host:", id="a folded line"),
        pytest.param(b"Host: example", b"Host: exa\x00mple", id="a control character"),
        pytest.param(b"example.test\r\n", b"example.test\n", id="a bare line feed"),
        pytest.param(b"\r\n\r\n", b"\r\n", id="not the whole of it"),
        pytest.param(b"\r\n\r\n", b"\r\n\r\nmore", id="more than it"),
        pytest.param(b"a=b", b"a" * 9000, id="very long"),
    ],
)
def test_what_is_unusual_is_left_to_the_parser(old: bytes, new: bytes) -> None:
    assert old in HANDSHAKE
    assert _read_plain_request(HANDSHAKE.replace(old, new)) is None


@pytest.mark.parametrize("filler", [b" ", b"a", b"a:", b":", b"\t", b"a: b\r\n"])
def test_hostile_bytes_are_no_handshake(filler: bytes) -> None:
    data = (HANDSHAKE.removesuffix(b"\r\n\r\n") + b"\r\nx: " + filler * 8000)[:8192]
    assert _read_plain_request(data) is None

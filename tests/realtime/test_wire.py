"""The frame codec: every byte accounted for, nothing but MalformedFrame for the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import wire
from realtime.wire import MalformedFrame, UnknownMessage

numbers = st.integers(0, 2**53 - 1)


@given(numbers)
def test_numbers_come_back(value: int) -> None:
    written = wire.write_var_uint(value)
    assert wire.read_var_uint(written, 0) == (value, len(written))


@given(st.text(max_size=60))
def test_texts_come_back_whatever_their_script(text: str) -> None:
    try:
        written = wire.write_var_string(text)
    except UnicodeEncodeError:
        return  # lone surrogates are no text
    assert wire.read_var_string(written, 0, longest_bytes=1000) == (text, len(written))


@given(st.dictionaries(numbers, numbers, max_size=20))
def test_state_vectors_come_back(vector: dict[int, int]) -> None:
    assert wire.read_state_vector(wire.write_state_vector(vector)) == vector


@given(st.binary(max_size=200))
def test_messages_come_back(body: bytes) -> None:
    assert wire.decode(wire.sync_step_1(body)) == wire.SyncStep1(body)
    assert wire.decode(wire.sync_step_2(body)) == wire.Update(body, answer=True)
    assert wire.decode(wire.sync_update(body)) == wire.Update(body)
    assert wire.decode(wire.awareness(body)) == wire.AwarenessUpdate(body)
    key = "b1946ac9-2f0e-4a63-8a7a-000000000000\0session"
    assert wire.decode_multiplexed(wire.routing_prefix(key) + wire.sync_update(body)) == (key, wire.Update(body))


@given(st.binary(max_size=64))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (wire.decode, wire.decode_multiplexed, wire.read_state_vector):
        try:
            read(data)
        except MalformedFrame:
            continue


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_frame_cut_short_is_refused(body: bytes, data: st.DataObject) -> None:
    frame = wire.sync_update(body)
    cut = data.draw(st.integers(0, len(frame) - 1))
    with pytest.raises(MalformedFrame):
        wire.decode(frame[:cut])


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=5))
def test_bytes_left_over_are_refused(body: bytes, extra: bytes) -> None:
    with pytest.raises(MalformedFrame):
        wire.decode(wire.sync_update(body) + extra)


@pytest.mark.parametrize("kind", [2, 4, 5, 7, 8, 11, 99, 2**40])
def test_types_of_no_y_websocket_client_are_named_unknown(kind: int) -> None:
    with pytest.raises(UnknownMessage):
        wire.decode(wire.write_var_uint(kind) + b"\x00")


@pytest.mark.parametrize("kind", [8, 9, 10, 11, 99])
def test_types_of_no_hocuspocus_client_are_named_unknown(kind: int) -> None:
    with pytest.raises(UnknownMessage):
        wire.decode_multiplexed(wire.routing_prefix("name") + wire.write_var_uint(kind) + b"\x00")


def test_a_number_of_more_than_53_bits_is_refused() -> None:
    with pytest.raises(MalformedFrame):
        wire.read_var_uint(b"\xff" * 7 + b"\x7f", 0)
    with pytest.raises(MalformedFrame):
        wire.read_var_uint(b"\x80" * 40 + b"\x01", 0)


def test_a_pong_belongs_to_the_socket() -> None:
    assert wire.decode_multiplexed(b"\x0a") == wire.Pong()


def test_a_token_is_read_with_and_without_the_version_of_the_provider() -> None:
    key = wire.routing_prefix("d")
    token = bytes((2, 0)) + wire.write_var_string("secret")
    assert wire.decode_multiplexed(key + token) == ("d", wire.Token("secret"))
    assert wire.decode_multiplexed(key + token + wire.write_var_string("4.8.0")) == ("d", wire.Token("secret"))


def test_a_text_that_is_not_utf_8_or_too_long_is_refused() -> None:
    with pytest.raises(MalformedFrame):
        wire.read_var_string(b"\x02\xff\xfe", 0, longest_bytes=10)
    with pytest.raises(MalformedFrame):
        wire.read_var_string(wire.write_var_string("x" * 11), 0, longest_bytes=10)

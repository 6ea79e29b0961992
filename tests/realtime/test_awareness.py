"""Presence: clocks, owners, expiry, and who may speak for whom."""

import json

import pytest

from realtime import awareness
from realtime.awareness import GONE, Awareness, Entry
from realtime.wire import MalformedFrame

ADA = {"id": "1", "name": "Ada", "colour": 3}


def present(**fields: object) -> str:
    return json.dumps(fields)


def make() -> Awareness:
    return Awareness(lifetime_seconds=30)


def test_a_state_is_passed_on_with_the_true_name() -> None:
    [news] = make().receive("ada", [Entry(7, 1, present(user={"name": "Somebody else"}, cursor=4))], user=ADA, now=0)
    assert json.loads(news.state) == {"user": ADA, "cursor": 4}
    assert (news.client, news.clock) == (7, 1)


def test_an_older_or_repeated_clock_is_no_news() -> None:
    room = make()
    room.receive("ada", [Entry(7, 5, present())], user=ADA, now=0)
    assert room.receive("ada", [Entry(7, 5, present(x=1)), Entry(7, 4, present())], user=ADA, now=0) == []
    assert len(room.receive("ada", [Entry(7, 6, present())], user=ADA, now=0)) == 1


def test_what_is_said_of_another_is_ignored() -> None:
    room = make()
    room.receive("ada", [Entry(7, 5, present(cursor=1))], user=ADA, now=0)
    assert room.receive("eve", [Entry(7, 99, present(cursor=2)), Entry(7, 99, GONE)], user=ADA, now=0) == []
    assert len(room.everybody()) == 1


def test_leaving_is_told_under_the_same_clock_so_that_the_client_may_come_back() -> None:
    room = make()
    room.receive("ada", [Entry(7, 5, present())], user=ADA, now=0)
    assert room.leave("ada") == [Entry(7, 5, GONE)]
    assert room.everybody() == []
    assert len(room.receive("ada again", [Entry(7, 5, present())], user=ADA, now=1)) == 1


def test_who_says_nothing_for_a_lifetime_is_gone() -> None:
    room = make()
    room.receive("ada", [Entry(7, 5, present())], user=ADA, now=0)
    assert room.expire(29) == []
    room.receive("ada", [Entry(7, 6, present())], user=ADA, now=29)
    assert room.expire(58) == []
    assert room.expire(60) == [Entry(7, 6, GONE)]


def test_one_connection_cannot_fill_the_room_with_ghosts() -> None:
    room = make()
    with pytest.raises(MalformedFrame):
        room.receive("eve", [Entry(n, 1, present()) for n in range(100)], user=ADA, now=0)
    assert len(room) <= awareness.MOST_CLIENTS_OF_A_PEER


@pytest.mark.parametrize(
    "state",
    [
        "",
        "{",
        "[1]",
        '"text"',
        "[" * 4000 + "]" * 4000,
        '{"a":' * 1300 + "1" + "}" * 1300,
        "true",
        '{"cursor": NaN}',
        '{"cursor": [-Infinity]}',
        '{"cursor": 1e999}',
    ],
)
def test_a_state_that_is_no_json_object_is_refused(state: str) -> None:
    with pytest.raises(MalformedFrame):
        make().receive("eve", [Entry(1, 1, state)], user=ADA, now=0)


def test_entries_come_back() -> None:
    entries = [Entry(1, 2, present(a="é🙂")), Entry(2**40, 0, GONE)]
    assert awareness.decode(awareness.encode(entry.encode() for entry in entries)) == entries


def test_a_payload_with_too_many_entries_bytes_left_over_or_a_large_state_is_refused() -> None:
    one = Entry(1, 1, GONE).encode()
    for payload in (b"\xff\xff\x7f", awareness.encode([one]) + b"\0", b"\x02" + one):
        with pytest.raises(MalformedFrame):
            awareness.decode(payload)
    with pytest.raises(MalformedFrame):
        awareness.decode(awareness.encode([Entry(1, 1, "x" * (awareness.LARGEST_STATE_BYTES + 1)).encode()]))


def test_a_state_with_a_lone_surrogate_can_still_be_sent() -> None:
    [news] = make().receive("eve", [Entry(1, 1, '{"x":"\\ud800"}')], user=ADA, now=0)
    assert news.encode()

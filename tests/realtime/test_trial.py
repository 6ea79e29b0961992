"""Trials in a process of their own: what is found out about honest updates and about others."""

import asyncio
from typing import Any

import pytest
from pycrdt import Array, Doc

from realtime import close, trial
from realtime.close import Refused
from realtime.effort import needs_trial
from realtime.trial import Trials
from realtime.update import read_reach
from realtime.wire import MalformedFrame, write_var_uint

from .documents import EMPTY_UPDATE, far_apart, in_turns

pytestmark = pytest.mark.anyio


def _list_of_two(count: int) -> bytes:
    """A list that two people have added to by turns."""
    ada: Doc[Any] = Doc(client_id=5)
    ben: Doc[Any] = Doc(client_id=6)
    hers, his = ada.get("list", type=Array), ben.get("list", type=Array)
    for number in range(count):
        hers.append(number)
        his.append(str(number))
        if number % 50 == 0:
            ada.apply_update(ben.get_update(ada.get_state()))
            ben.apply_update(ada.get_update(ben.get_state()))
    ada.apply_update(ben.get_update(ada.get_state()))
    return ada.get_update()


async def tried(document: list[bytes], update: bytes) -> float:
    """Try an update. Returns the seconds that are to be paid for it."""
    paid: list[float] = []
    await Trials().run(lambda: document, update, person="ada", pay=paid.append)
    return sum(paid)


async def test_a_long_honest_history_is_found_to_be_cheap() -> None:
    history = in_turns(20_000)
    assert needs_trial(read_reach(history), {}, 2)
    assert await tried([EMPTY_UPDATE], history) >= 0


async def test_a_long_list_of_two_people_is_found_to_be_cheap() -> None:
    history = _list_of_two(4_000)
    assert needs_trial(read_reach(history)._replace(pieces=20_001), {}, 2)
    assert await tried([EMPTY_UPDATE], history) >= 0


async def test_what_makes_the_core_walk_through_the_document_again_and_again_is_ended() -> None:
    with pytest.raises(MalformedFrame, match="too long"):
        await tried([in_turns(20_000)], far_apart(3_000, (5, 0), (6, 9_999)))


async def test_values_whose_joining_takes_gigabytes_are_ended() -> None:
    values = b"".join(b"\x88\x05" + write_var_uint(clock) + b"\x01\x78" for clock in range(59_999))
    update = b"\x01" + write_var_uint(60_000) + b"\x05\x00" + b"\x08\x01\x04list\x01\x78" + values + b"\x00"
    assert needs_trial(read_reach(update), {}, 2)
    with pytest.raises(MalformedFrame):
        await tried([EMPTY_UPDATE], update)


async def test_what_asks_for_more_memory_than_is_allowed_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_MEMORY_BYTES", 2**20)
    monkeypatch.setattr(trial, "_MEMORY_BYTES_PER_BYTE", 0)
    with pytest.raises(MalformedFrame):
        await tried([EMPTY_UPDATE], in_turns(200_000))


async def test_a_document_that_cannot_be_read_is_nobodys_fault() -> None:
    with pytest.raises(Refused) as refusal:
        await tried([b"\xff\xff"], EMPTY_UPDATE)
    assert refusal.value.close is close.TRY_LATER


async def test_a_trial_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_LIMIT_SECONDS", 0.001)
    with pytest.raises(Refused) as refusal:
        await tried([EMPTY_UPDATE], EMPTY_UPDATE)
    assert refusal.value.close is close.TRY_LATER


async def test_what_is_refused_is_paid_for_too() -> None:
    paid: list[float] = []
    with pytest.raises(MalformedFrame):
        await Trials().run(
            lambda: [in_turns(20_000)], far_apart(3_000, (5, 0), (6, 9_999)), person="eve", pay=paid.append
        )
    assert sum(paid) > 0.5


async def test_who_wants_many_trials_leaves_the_others_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[bytes] = []
    first = asyncio.Event()

    async def run(_: object, update: bytes, __: object) -> None:
        turns.append(update)
        await first.wait()

    monkeypatch.setattr(trial, "_run", run)
    trials = Trials()

    def ask(person: str, update: bytes) -> asyncio.Task[None]:
        return asyncio.create_task(trials.run(list, update, person=person, pay=lambda _: None))

    eves = [ask("eve", b"eve %d" % number) for number in range(5)]
    others = [ask("ada", b"ada"), ask("ben", b"ben")]
    while not turns:
        await asyncio.sleep(0)
    # Whoever leaves has no turn, nor keeps one from the others.
    eves[1].cancel()
    others[0].cancel()
    first.set()
    await asyncio.gather(*eves, *others, return_exceptions=True)
    assert turns == [b"eve 0", b"ben", b"eve 2", b"eve 3", b"eve 4"]
    await ask("ada", b"again")
    assert turns[-1] == b"again"

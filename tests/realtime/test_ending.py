"""The end of what runs for as long as the process lives."""

import asyncio

import pytest

from realtime import ending
from realtime.ending import end

pytestmark = pytest.mark.anyio


async def test_a_task_that_loses_a_word_of_its_end_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_AGAIN_AFTER_SECONDS", 0.01)
    lost = 0

    async def run_on() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost == 2:
                    raise
                lost += 1

    async def fail() -> None:
        raise LookupError

    running, failed = asyncio.create_task(run_on()), asyncio.create_task(fail())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end([running, failed])
    assert running.cancelled()
    assert lost == 2
    assert isinstance(failed.exception(), LookupError)

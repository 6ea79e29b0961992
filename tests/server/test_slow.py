"""Words about what took too long."""

import asyncio
import time
from collections.abc import MutableMapping

import pytest
from prometheus_client import REGISTRY

from server.slow import EVERY_SECONDS, SlowLog, watching_loop


@pytest.fixture
def clock() -> list[float]:
    """The time, in a list so that a test can set it."""
    return [1000.0]


@pytest.fixture
def slow(clock: list[float]) -> SlowLog:
    return SlowLog(0.25, clock=lambda: clock[0])


def _counted(kind: str) -> float:
    return REGISTRY.get_sample_value("quillroom_slow_total", {"kind": kind}) or 0.0


def test_what_is_quick_is_not_worth_a_word(slow: SlowLog, told: list[MutableMapping[str, object]]) -> None:
    before = _counted("commit")
    slow.note("commit", 0.249)
    assert told == []
    assert _counted("commit") == before


def test_of_each_kind_one_line_is_written_with_the_number_of_those_left_out(
    slow: SlowLog, told: list[MutableMapping[str, object]], clock: list[float]
) -> None:
    before = _counted("load")
    for _ in range(40):
        slow.note("load", 0.3, document_id="d1")
    slow.note("request", 2.0, route="/documents")
    clock[0] += EVERY_SECONDS
    slow.note("load", 0.5, document_id="d2")
    assert told == [
        {"event": "slow", "log_level": "warning", "kind": "load", "ms": 300.0, "left_out": 0, "document_id": "d1"},
        {"event": "slow", "log_level": "warning", "kind": "request", "ms": 2000.0, "left_out": 0}
        | {"route": "/documents"},
        {"event": "slow", "log_level": "warning", "kind": "load", "ms": 500.0, "left_out": 39, "document_id": "d2"},
    ]
    assert _counted("load") == before + 41, "the figure counts them all"


def test_zero_means_never(told: list[MutableMapping[str, object]]) -> None:
    SlowLog(0).note("stall", 1000)
    assert told == []


async def test_a_stalled_loop_is_measured_and_told(told: list[MutableMapping[str, object]]) -> None:
    before = REGISTRY.get_sample_value("quillroom_loop_lag_seconds_sum") or 0.0
    async with watching_loop(SlowLog(0.1)), asyncio.timeout(20):
        while not told:
            await asyncio.sleep(0)
            # What a stall is: nothing else gets its turn.
            time.sleep(0.3)
    assert told[0]["kind"] == "stall"
    assert (REGISTRY.get_sample_value("quillroom_loop_lag_seconds_sum") or 0.0) > before + 0.1
    assert (REGISTRY.get_sample_value("quillroom_resident_bytes", {"process": "web"}) or 0.0) > 1_000_000

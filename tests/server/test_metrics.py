"""Figures of one process and of several."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server import metrics

ROOT = Path(__file__).resolve().parents[2]

# Counts one request, shows 3 rooms, and ends: at once without cleaning up, or after telling what all count.
PROCESS = """
import asyncio, os, sys
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from server import metrics

class Rooms(Collector):
    def collect(self):
        yield GaugeMetricFamily("quillroom_rooms", "Rooms.", value=3)

async def main():
    async with metrics.including(Rooms()):
        await asyncio.sleep(0.05)
        metrics.REQUEST_SECONDS.labels("GET", "/", 200).observe(0.1)
        if sys.argv[1] == "die":
            os._exit(0)
        print(metrics.render()[0].decode())

asyncio.run(main())
"""


class Rooms(Collector):
    def collect(self) -> list[Metric]:
        return [GaugeMetricFamily("quillroom_test_rooms", "Rooms.", value=3)]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, metrics.DIRECTORY: str(tmp_path)}


def _run(environment: dict[str, str], what: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, what], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


async def test_a_collector_is_shown_while_it_is_included() -> None:
    async with metrics.including(Rooms()):
        assert b"quillroom_test_rooms 3.0" in metrics.render()[0]
    assert b"quillroom_test_rooms" not in metrics.render()[0]


def test_one_process_answers_for_all(environment: dict[str, str]) -> None:
    _run(environment, "die")
    shown = _run(environment, "tell")
    label = 'method="GET",route="/",status="200"'
    assert f"quillroom_request_seconds_count{{{label}}} 2.0" in shown, "what a process counted outlives it"
    assert "quillroom_rooms 3.0" in shown, "what is true only now ends with its process"

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
LABELS = 'method="GET",route="/",status="200"'

# Counts one request, shows 3 rooms, a largest of as many bytes as it is told, and 7 flushes; then it ends: at once
# without cleaning up, when it is told to, or after telling what all count.
PROCESS = """
import asyncio, os, sys
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

what, largest, taking_over = sys.argv[1:]
if taking_over:
    # As if this process had the number of the one that left the file.
    os.rename(taking_over, os.path.join(os.path.dirname(taking_over), f"counter_{os.getpid()}.db"))

from server import metrics

class Rooms(Collector):
    def collect(self):
        yield GaugeMetricFamily("quillroom_rooms", "Rooms.", value=3)
        yield GaugeMetricFamily("quillroom_rooms_largest_bytes", "Bytes.", value=float(largest))
        yield CounterMetricFamily("quillroom_flushes", "Flushes.", value=7)

async def main():
    async with metrics.including(Rooms()):
        metrics.REQUEST_SECONDS.labels("GET", "/", 200).observe(0.1)
        if what == "die":
            os._exit(0)
        if what == "wait":
            print("waiting", flush=True)
            sys.stdin.read()
        if what == "tell":
            print(metrics.render()[0].decode())

asyncio.run(main())
"""


class Rooms(Collector):
    def collect(self) -> list[Metric]:
        return [GaugeMetricFamily("quillroom_test_rooms", "Rooms.", value=3)]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, metrics.DIRECTORY: str(tmp_path)}


def _command(what: str, *, largest: int = 100, taking_over: Path | str = "") -> list[str]:
    return [sys.executable, "-c", PROCESS, what, str(largest), str(taking_over)]


def _run(environment: dict[str, str], what: str, *, largest: int = 100, taking_over: Path | str = "") -> str:
    done = subprocess.run(
        _command(what, largest=largest, taking_over=taking_over),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


async def test_a_collector_is_shown_while_it_is_included() -> None:
    async with metrics.including(Rooms()):
        assert b"quillroom_test_rooms 3.0" in metrics.render()[0]
    assert b"quillroom_test_rooms" not in metrics.render()[0]


def test_one_process_answers_for_all(environment: dict[str, str]) -> None:
    _run(environment, "die")
    shown = _run(environment, "tell")
    assert f"quillroom_request_seconds_count{{{LABELS}}} 2.0" in shown, "what a process counted outlives it"
    assert "quillroom_rooms 3.0" in shown, "what is true only now ends with its process"
    assert "# TYPE quillroom_flushes_total counter" in shown
    assert "quillroom_flushes_total 14.0" in shown, "a counter that falls is read as one that began anew"


def test_a_process_with_the_number_of_another_adds_to_what_that_one_left(
    environment: dict[str, str], tmp_path: Path
) -> None:
    _run(environment, "die")
    (left,) = tmp_path.glob("counter_*.db")
    assert "quillroom_flushes_total 14.0" in _run(environment, "tell", taking_over=left)


def test_of_what_is_largest_the_largest_counts_and_of_the_rest_the_sum(environment: dict[str, str]) -> None:
    other = subprocess.Popen(
        _command("wait", largest=900),
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
        shown = _run(environment, "tell", largest=100)
    finally:
        other.communicate("", timeout=30)
    assert "quillroom_rooms_largest_bytes 900.0" in shown
    assert "quillroom_rooms 6.0" in shown
    assert "quillroom_rooms_largest_bytes 100.0" in _run(environment, "tell", largest=100)


def test_a_lone_web_process_answers_for_the_worker_beside_it(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(environment, "die")
    metrics.REQUEST_SECONDS.labels("GET", "/", 200).observe(0.2)
    monkeypatch.delenv(metrics.DIRECTORY, raising=False)
    before = _value(metrics.render()[0].decode(), f"quillroom_request_seconds_count{{{LABELS}}}")
    monkeypatch.setenv(metrics.BESIDE, str(tmp_path))
    shown = metrics.render()[0].decode()
    assert _value(shown, f"quillroom_request_seconds_count{{{LABELS}}}") == before + 1
    assert _value(shown, "quillroom_flushes_total") == 7
    families = [line for line in shown.splitlines() if line.startswith("# TYPE ")]
    assert len(families) == len(set(families)), "each family once, or Prometheus takes none of them"
    buckets = [
        float(line.rpartition(" ")[2])
        for line in shown.splitlines()
        if line.startswith("quillroom_request_seconds_bucket") and LABELS.partition(",")[2] in line
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == before + 1


def _value(shown: str, sample: str) -> float:
    (line,) = [line for line in shown.splitlines() if line.startswith(f"{sample} ")]
    return float(line.rpartition(" ")[2])

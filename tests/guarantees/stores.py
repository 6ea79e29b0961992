"""A Postgres and a Redis of one's own, to be killed, held and started again."""

import contextlib
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from server.embedded import postgres, redis
from server.embedded.account import let_in, server_account
from server.embedded.servers import socket_directory

KILLED_SECONDS = 30


class Stores:
    """Both servers, in `directory`. Postgres is as durable as it ships: an acknowledgement must mean something."""

    def __init__(self, directory: Path) -> None:
        self._home = directory
        self._sockets = socket_directory(directory)
        directory.mkdir(mode=0o700, parents=True)
        self._account = server_account(directory / "postgres")
        let_in(directory, self._account)
        self._postgres: postgres.Postgres | None = None
        self._redis: redis.Redis | None = None

    @property
    def database_url(self) -> str:
        """The address of Postgres, whether it runs or not."""
        return postgres.database_url(self._sockets)

    @property
    def redis_url(self) -> str:
        """The address of Redis, whether it runs or not."""
        return redis.redis_url(self._sockets)

    @property
    def redis_path(self) -> Path:
        """The socket of Redis, whether it runs or not."""
        return Path(self.redis_url.removeprefix("unix://"))

    def start(self) -> None:
        """Start what does not run."""
        if self._postgres is None:
            self._postgres = postgres.start_postgres(
                self._home / "postgres", self._sockets, self._account, say=lambda _: None
            )
        if self._redis is None:
            self._redis = redis.start_redis(self._home / "redis", self._sockets, self._account, say=lambda _: None)

    def kill_postgres(self) -> None:
        """End Postgres with SIGKILL."""
        if self._postgres is not None:
            _kill(self._postgres.process)
            self._postgres = None

    def kill_redis(self) -> None:
        """End Redis with SIGKILL; all that it held is gone."""
        if self._redis is not None:
            _kill(self._redis.process)
            self._redis = None

    @contextmanager
    def postgres_held(self) -> Iterator[None]:
        """Let Postgres stand still: its connections stay open, and nothing answers on them."""
        assert self._postgres is not None
        with _held(self._postgres.process):
            yield

    @contextmanager
    def redis_held(self) -> Iterator[None]:
        """Let Redis stand still: its connections stay open, and nothing answers on them."""
        assert self._redis is not None
        with _held(self._redis.process):
            yield


@contextmanager
def opened(directory: Path) -> Iterator[Stores]:
    """Run both servers until the context ends."""
    stores = Stores(directory)
    try:
        stores.start()
        yield stores
    finally:
        stores.kill_redis()
        stores.kill_postgres()


def _kill(process: psutil.Process) -> None:
    doomed = _family(process)
    _send(doomed, signal.SIGKILL)
    psutil.wait_procs(doomed, timeout=KILLED_SECONDS)


@contextmanager
def _held(process: psutil.Process) -> Iterator[None]:
    # The parent first, so that it makes no more children.
    _send([process], signal.SIGSTOP)
    _send(_family(process)[1:], signal.SIGSTOP)
    try:
        yield
    finally:
        _send(_family(process)[::-1], signal.SIGCONT)


def _family(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)

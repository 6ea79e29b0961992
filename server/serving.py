"""`quillroom serve`: private servers where none are given, migration, worker, web; and all of it ended in order."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.importer import import_from_string

from server import db, lifeline, metrics
from server.accounts import setup
from server.embedded import open_servers, refuse_second
from server.migrating import migrate
from server.settings import Settings
from server.stopping import Ending

log = structlog.get_logger(__name__)

STOP_LIMIT_SECONDS = 15
READY_LIMIT_SECONDS = 60
HEALTH_LIMIT_SECONDS = 60
# Web processes of a `serve` that was killed leave the port within this time.
PORT_LIMIT_SECONDS = 3
RESTART_AFTER_SECONDS = (1, 2, 5, 10, 30)


class PortInUse(Exception):
    """Something else listens where Quillroom should."""


def serve(settings: Settings) -> None:
    """Run until told to stop; nothing that it started runs on afterwards.

    Raises PortInUse, EmbeddedError or DatabaseUnreachable if it cannot start.
    """
    private = not (settings.database_url and settings.redis_url)
    if private:
        # Before the port: where both are taken, it is by the same Quillroom, and another port would be no help.
        refuse_second(settings.data_dir)
    _check_port(settings)
    # uvicorn raises the signal again when it has stopped; this turns it into an orderly way out.
    signal.signal(signal.SIGTERM, _leave)
    with contextlib.ExitStack() as stack:
        inherited: tuple[int, ...] = ()
        if private:
            servers = stack.enter_context(
                open_servers(
                    settings.data_dir,
                    with_postgres=not settings.database_url,
                    with_redis=not settings.redis_url,
                    say=_say,
                )
            )
            stack.callback(_stop_undisturbed)
            inherited = (servers.lock_fd,)
            settings = settings.model_copy(
                update={
                    "database_url": settings.database_url or servers.database_url,
                    "redis_url": settings.redis_url or servers.redis_url,
                }
            )
        # Web processes and the worker read these as an operator's own.
        os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = settings.database_url, settings.redis_url
        os.environ[lifeline.PARENT] = str(os.getpid())
        if settings.workers > 1 or private:
            # Where the processes count together, so that any of them can answer /metrics for all. A lone web process
            # is this one, which counts in memory; only its worker counts there.
            together = stack.enter_context(tempfile.TemporaryDirectory(prefix="quillroom-"))
            os.environ[metrics.DIRECTORY if settings.workers > 1 else metrics.BESIDE] = together
        asyncio.run(db.check(settings.database_url))
        migrate(settings.database_url)
        if private:
            stack.enter_context(_worker(inherited))
            stack.callback(_stop_undisturbed)
        threading.Thread(target=_announce, args=(settings,), name="announce", daemon=True).start()
        _serve_web(settings, stack)


def web_process() -> Starlette:
    """Build the application of one web process of several; uvicorn calls this in each."""
    return _watched(Ending(lambda: None))


def _serve_web(settings: Settings, stack: contextlib.ExitStack) -> None:
    # A lone web process is this very one, and takes along what it has started.
    ending = Ending(stack.close)
    with ending.until_here():
        _run_web(settings, "server.serving:web_process" if settings.workers > 1 else partial(_watched, ending))


def _watched(ending: Ending) -> Starlette:
    # Named as text: the other commands need not wait for all that pages need.
    app: Starlette = import_from_string("server.app:from_environment")()
    return ending.watch(app)


def _run_web(settings: Settings, app: str | Callable[[], Starlette]) -> None:
    uvicorn.run(
        app,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="server.documents.live.sockets:Connections",
        ws="server.documents.live.sockets:Sockets",
        ws_max_size=settings.max_frame_bytes,
        # The same frame goes to every peer; compressing it for each would cost more than it saves.
        ws_per_message_deflate=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or "",
        server_header=False,
        access_log=False,
        log_config=None,
        lifespan="on",
        # Merging a very large document may keep a process busy for seconds; that is no reason to kill it.
        timeout_worker_healthcheck=HEALTH_LIMIT_SECONDS,
        timeout_graceful_shutdown=STOP_LIMIT_SECONDS,
    )


@contextlib.contextmanager
def _worker(inherited: tuple[int, ...]) -> Iterator[None]:
    """Keep a worker running for the time of the block."""
    stopping = threading.Event()
    # Held while one is started, so that none is started past the decision to stop.
    starting = threading.Lock()
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        # In a session of its own: Ctrl-C is for `serve`, which ends its children in order.
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "worker"],
            env=_environment_of_worker(),
            start_new_session=True,
            pass_fds=inherited,
        )
        processes[:] = [process]
        return process

    def keep() -> None:
        tries = 0
        while True:
            begun = time.monotonic()
            with starting:
                if stopping.is_set():
                    return
                process = start()
            code = process.wait()
            if stopping.is_set():
                return
            tries = 0 if time.monotonic() - begun > READY_LIMIT_SECONDS else tries + 1
            log.error("the worker ended; starting it again", code=code)
            stopping.wait(RESTART_AFTER_SECONDS[min(tries, len(RESTART_AFTER_SECONDS) - 1)])

    keeper = threading.Thread(target=keep, name="worker", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        with starting:
            stopping.set()
        for process in processes:
            process.terminate()
            try:
                process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment_of_worker() -> dict[str, str]:
    environment = dict(os.environ)
    beside = environment.pop(metrics.BESIDE, None)
    return environment if beside is None else environment | {metrics.DIRECTORY: beside}


def _announce(settings: Settings) -> None:
    """Print where Quillroom is, once it answers, and how to make the first account."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared, not bound
    until = time.monotonic() + READY_LIMIT_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((host, settings.port), timeout=1):
            break
        time.sleep(0.05)
    _say(f"Quillroom is at {settings.public_url}")
    if settings.host not in {"127.0.0.1", "::1", "localhost"} and not settings.secure:
        _say("It listens beyond this machine without https: put a proxy with TLS in front (docs/operations.md).")
    link = asyncio.run(_setup_link(settings))
    if link is not None:
        _say(f"Create the first account (works once, for a day): {settings.public_url}{link}")
    if settings.host in {"127.0.0.1", "::1", "localhost"} and not settings.base_url:
        _say("Only this machine can reach it. Ctrl-C stops it.")


async def _setup_link(settings: Settings) -> str | None:
    engine = db.create_engine(settings.database_url)
    try:
        async with db.transaction(db.create_sessions(engine)) as session:
            return await setup.issue_link(session)
    finally:
        await engine.dispose()


def _check_port(settings: Settings) -> None:
    """Raise PortInUse now rather than after everything else has started."""
    until = time.monotonic() + PORT_LIMIT_SECONDS
    while True:
        try:
            _try_port(settings)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.1)
                continue
            sentence = (
                f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}. "
                "Set QUILLROOM_PORT to another port, or stop what uses this one."
            )
            raise PortInUse(sentence) from error
        return


def _try_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((settings.host, settings.port))
        # Binding alone succeeds beside a listener that is just going away.
        probe.listen()


def _stop_undisturbed() -> None:
    # A second Ctrl-C must not leave half of it running. What follows has its own limits.
    if threading.current_thread() is not threading.main_thread():
        # The main thread hangs, and so does whatever a signal would do.
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        return
    _say("Stopping …")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _leave(number: int, frame: object) -> None:
    del frame
    raise SystemExit(128 + number)


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201 - words for the person who started it

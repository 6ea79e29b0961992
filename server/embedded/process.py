"""Starting, finding and stopping a server process, each with a limit on the wait."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from server.embedded.account import Account
from server.embedded.failure import EmbeddedError

POLL_SECONDS = 0.02
PROGRESS_SECONDS = 5.0
LOG_TAIL_LINES = 15


def start(command: Sequence[str], *, log: Path, account: Account, directory: Path) -> psutil.Popen:
    """Start a server that writes to `log`, out of reach of the terminal's Ctrl-C.

    In its own session: the interrupt key reaches only Quillroom, which then stops the servers in order.
    """
    with log.open("ab") as output:
        return psutil.Popen(
            list(command),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=_environment(),
            **account.popen_options(),
        )


def _environment() -> Mapping[str, str]:
    # Nothing of the caller's environment: no secrets in the servers, no PG* variable that changes them.
    # The C locale exists everywhere; the database's own collation is chosen when it is created.
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def wait_until_ready(
    process: psutil.Popen,
    is_ready: Callable[[], bool],
    *,
    name: str,
    log: Path,
    limit_seconds: float,
    say: Callable[[str], None],
) -> None:
    """Return when `is_ready()`; raise EmbeddedError when the process ends or the limit passes."""
    begun = time.monotonic()
    next_word = begun + PROGRESS_SECONDS
    while not is_ready():
        if process.poll() is not None:
            message = f"The private {name} stopped while starting. The end of {log}:\n{tail(log)}"
            raise EmbeddedError(message)
        now = time.monotonic()
        if now - begun > limit_seconds:
            stop(process, signals=(signal.SIGINT, signal.SIGKILL), wait_seconds=10)
            message = f"The private {name} was not ready after {limit_seconds:.0f} s. The end of {log}:\n{tail(log)}"
            raise EmbeddedError(message)
        if now > next_word:
            last_words = tail(log, lines=1)
            say(f"Still waiting for the private {name}, {now - begun:.0f} s so far. It last said: {last_words}")
            next_word = now + PROGRESS_SECONDS
        time.sleep(POLL_SECONDS)


def stop(process: psutil.Process, *, signals: Sequence[signal.Signals], wait_seconds: float) -> None:
    """Stop a process, with the next, harsher signal whenever the last one did not end it in time."""
    for number in signals:
        try:
            process.send_signal(number)
            process.wait(timeout=wait_seconds)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue
        return
    message = f"Process {process.pid} could not be stopped."
    raise EmbeddedError(message)


def find(pid: int, *, executable_name: str, home: Path) -> psutil.Process | None:
    """Return the process `pid` if it is a server of `home`, not a stranger that got the same number."""
    try:
        process = psutil.Process(pid)
        if process.name().startswith(executable_name) and Path(process.cwd()) == home.resolve():
            return process
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        # Gone, or another account's: a server of ours runs as us or as an account that root may look into.
        return None
    return None


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a log, or a word that there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(empty log)"

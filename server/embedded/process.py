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
# A server that is being given up gets this long for each way of ending it.
INTERRUPTED_SECONDS = 5.0


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
    log: Callable[[], Path],
    limit_seconds: float,
    say: Callable[[str], None],
) -> None:
    """Return when `is_ready()`; raise EmbeddedError when the process ends or the limit passes.

    Unless it returns, the process is stopped: also when the wait is interrupted, as by Ctrl-C.
    """
    begun = time.monotonic()
    next_word = PROGRESS_SECONDS
    try:
        while not is_ready():
            waited = time.monotonic() - begun
            _check_start(process, name=name, log=log(), is_over=waited > limit_seconds)
            if waited > next_word:
                last_words = tail(log(), lines=1)
                say(f"Still waiting for the private {name}, {waited:.0f} s so far. It last said: {last_words}")
                next_word = waited + PROGRESS_SECONDS
            time.sleep(POLL_SECONDS)
    except BaseException:
        stop(process, signals=(signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL), wait_seconds=INTERRUPTED_SECONDS)
        raise


def _check_start(process: psutil.Popen, *, name: str, log: Path, is_over: bool) -> None:
    if process.poll() is not None:
        raise EmbeddedError(f"The private {name} stopped while starting. The end of {log}:\n{tail(log)}")
    if is_over:
        raise EmbeddedError(f"The private {name} was not ready in time. The end of {log}:\n{tail(log)}")


def stop(process: psutil.Process, *, signals: Sequence[signal.Signals], wait_seconds: float) -> None:
    """Stop a process, with the next, harsher signal whenever the last one did not end it in time."""
    for number in signals:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return
        until = time.monotonic() + wait_seconds
        while time.monotonic() < until:
            if has_ended(process):
                return
            time.sleep(POLL_SECONDS)
    raise EmbeddedError(f"Process {process.pid} could not be stopped.")


def has_ended(process: psutil.Process) -> bool:
    """Whether a process is over. One that nobody has collected yet is: in a container that can last for ever."""
    if isinstance(process, psutil.Popen):
        return process.poll() is not None
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


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

"""Children that end when the `serve` that started them is gone, even if it was killed."""

import os
import signal
import threading
import time

PARENT = "QUILLROOM_SUPERVISED_BY"
POLL_SECONDS = 0.5
STOP_LIMIT_SECONDS = 20


def hold_on() -> None:
    """From now on, end this process as on SIGTERM once its supervisor is gone. Does nothing without one."""
    supervisor = os.environ.get(PARENT)
    if supervisor is None or supervisor == str(os.getpid()):
        return
    threading.Thread(target=_watch, args=(int(supervisor),), name="lifeline", daemon=True).start()


def _watch(supervisor: int) -> None:
    # An orphan is given to another parent; there is no signal for that on every system. Compared with what the
    # supervisor said of itself: it may be gone before this process first looks.
    while os.getppid() == supervisor:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_LIMIT_SECONDS)
    # Whatever keeps it alive must not keep the port and the data directory from the next start.
    os._exit(1)

"""The process that tries one update on a copy of its document: a script of `realtime.trial`, without our modules.

Standard input: the limits as a line "<seconds of CPU> <bytes of memory>", then parts, each its length in 8 bytes (big
endian) and as many bytes; the last one is the update, the others are the document. Standard output: a line when the
document is read, and one with the seconds of CPU that the update took.
"""

import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pycrdt import Doc

_STATM = Path("/proc/self/statm")
_NICENESS = 10
# A document that takes longer to be read, at 1 s of CPU a megabyte beside, keeps others from their trials.
_READING_SECONDS = 5.0
_READING_SECONDS_PER_BYTE = 1e-6


def main() -> None:
    """Try it. The process ends by a signal, or with an error, if the update asks for more than the limits."""
    # People's letters go before.
    os.nice(_NICENESS)
    source = sys.stdin.buffer
    seconds, more_bytes = source.readline().split()
    parts = []
    while length := source.read(8):
        parts.append(source.read(int.from_bytes(length, "big")))
    *document, update = parts
    _limit_time(_READING_SECONDS + _READING_SECONDS_PER_BYTE * sum(map(len, document)))
    doc: Doc[Any] = Doc()
    for part in document:
        doc.apply_update(part)
    _allow(float(seconds), int(more_bytes))
    print("read", flush=True)  # noqa: T201 - standard output is how it answers
    begun = time.process_time()
    doc.apply_update(update)
    print(time.process_time() - begun, flush=True)  # noqa: T201


def _allow(seconds: float, more_bytes: int) -> None:
    """Have the system end this process once it has used up what is allowed from here on."""
    _limit_time(seconds)
    try:
        held = int(_STATM.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        # Not Linux: only time is limited.
        return
    resource.setrlimit(resource.RLIMIT_AS, (held + more_bytes, held + more_bytes))


def _limit_time(seconds: float) -> None:
    # The core runs without the interpreter, so the signal must do by itself what signals do.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()

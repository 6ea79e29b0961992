"""Updates of which only trying can tell what they cost are tried on a copy of their document, in another process.

The core walks from a struct's left neighbour to its right one. In an honest history hardly anything stands between
them; an update that was made to name neighbours far apart has the core walk through the whole document for each of its
structs, and looks like any other. The core cannot be interrupted, a process can be ended.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from realtime import close
from realtime.close import Refused
from realtime.wire import MalformedFrame

_SCRIPT = Path(__file__).with_name("trial_process.py")
# What the room's own copy may take afterwards, on the event loop: it can wait for this long, but not for long.
_CPU_SECONDS = 0.5
_CPU_SECONDS_PER_BYTE = 0.5e-6
_MEMORY_BYTES = 256 * 1024 * 1024
_MEMORY_BYTES_PER_BYTE = 64
# Reading the document goes before. On a busy machine all of it takes a multiple.
_LIMIT_SECONDS = 60.0


class Trials:
    """Runs trials, one after another: whoever sends many must not take the machine."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, document: Callable[[], Sequence[bytes]], update: bytes) -> float:
        """Try an update on a document. Returns the seconds of CPU that it took.

        `document`: asked for the updates that it is when the turn has come, since it goes on changing until then.
        Raises MalformedFrame if it takes too long or too much memory; Refused(TRY_LATER) if that cannot be found out.
        """
        async with self._turn:
            try:
                return await _run(document(), update)
            except (OSError, TimeoutError):
                raise Refused(close.TRY_LATER) from None


async def _run(document: Sequence[bytes], update: bytes) -> float:
    seconds = _CPU_SECONDS + _CPU_SECONDS_PER_BYTE * len(update)
    memory = _MEMORY_BYTES + _MEMORY_BYTES_PER_BYTE * len(update)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        # Nothing of the surroundings: neither variables nor modules that lie beside the script.
        "-I",
        str(_SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        told = [f"{seconds} {memory}\n".encode()]
        for part in (*document, update):
            told += [len(part).to_bytes(8, "big"), part]
        async with asyncio.timeout(_LIMIT_SECONDS):
            answer, _ = await process.communicate(b"".join(told))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    match answer.split():
        case [_, taken]:
            return float(taken)
        case [_]:
            raise MalformedFrame("an update would take too long to be taken in")
        case _:
            # The document itself was not read: no fault of whoever sent the update.
            raise Refused(close.TRY_LATER)

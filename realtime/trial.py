"""Updates of which only trying can tell what they cost are tried on a copy of their document, in another process.

The core walks from a struct's left neighbour to its right one. In an honest history hardly anything stands between
them; an update that was made to name neighbours far apart has the core walk through the whole document for each of its
structs, and looks like any other. The core cannot be interrupted, a process can be ended.
"""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
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
    """Runs trials, one after another: whoever sends many must not take the machine, nor the others' turns."""

    def __init__(self) -> None:
        self._busy = False
        # By person, those who wait; whose turn comes next is first.
        self._waiting: dict[object, deque[asyncio.Future[None]]] = {}

    async def run(
        self, document: Callable[[], Sequence[bytes]], update: bytes, *, person: object, pay: Callable[[float], None]
    ) -> None:
        """Try an update of a person on a document.

        `document`: asked for the updates that it is when the turn has come, since it goes on changing until then.
        `pay`: told of the seconds of CPU that it took, whatever comes of it. Raises MalformedFrame if it takes too long
        or too much memory; Refused(TRY_LATER) if that cannot be found out.
        """
        async with self._turn(person):
            try:
                await _run(document(), update, pay)
            except (OSError, TimeoutError):
                raise Refused(close.TRY_LATER) from None

    @asynccontextmanager
    async def _turn(self, person: object) -> AsyncIterator[None]:
        """Wait for a turn: each person who waits has one, before anybody has another."""
        if self._busy:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(person, deque()).append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():
                    # It was given the turn as it left.
                    self._pass_on()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            person = next(iter(self._waiting))
            its = self._waiting.pop(person)
            turn = its.popleft()
            if its:
                # Behind all the others.
                self._waiting[person] = its
            if not turn.done():
                turn.set_result(None)
                return
        self._busy = False


async def _run(document: Sequence[bytes], update: bytes, pay: Callable[[float], None]) -> None:
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
            pay(float(taken))
        case [_]:
            pay(seconds)
            raise MalformedFrame("an update would take too long to be taken in")
        case _:
            # The document itself was not read: no fault of whoever sent the update.
            raise Refused(close.TRY_LATER)

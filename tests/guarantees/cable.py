"""A line to a unix socket that can hang: its connections stay open, and nothing comes through any more.

A process of its own (`python -m tests.guarantees.cable here there`), so that busy tests do not slow the line down.
It takes `hang` and `mend`, a word a line, and says each back when it holds.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READ_BYTES = 256 * 1024
_STOP_SECONDS = 10
_ROOT = Path(__file__).resolve().parents[2]


class Cable:
    """The end of the line that tests hold."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let everything hang. Afterwards new connections pass; the old ones hang for ever, as behind a lost router."""
        self._say("hang")
        try:
            yield
        finally:
            self._say("mend")

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == f"{word}\n"


@contextmanager
def laid(here: Path, there: Path) -> Iterator[Cable]:
    """Lay a cable that lasts until the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.guarantees.cable", here, there],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            cable = Cable(process)
            cable._say("mend")
            yield cable
        finally:
            process.kill()
            process.wait(_STOP_SECONDS)


class _Line:
    """The process: listens at `here` and passes on to `there`."""

    def __init__(self, there: str) -> None:
        self._there = there
        self._hangs = False
        # A connection passes on as long as it is in this set.
        self._sound: set[asyncio.Task[None]] = set()

    def obey(self, word: str) -> None:
        self._hangs = word == "hang"
        if self._hangs:
            self._sound.clear()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        if not self._hangs:
            self._sound.add(this)
        try:
            # While the other end is away, this connection ends at once, as without a cable.
            other_reader, other_writer = await asyncio.open_unix_connection(self._there)
        except OSError:
            writer.close()
            return
        here = asyncio.create_task(self._pump(this, reader, other_writer))
        there = asyncio.create_task(self._pump(this, other_reader, writer))
        await asyncio.wait([here, there], return_when=asyncio.FIRST_COMPLETED)
        if this not in self._sound:
            # Only whoever hangs can end it.
            await here
        self._sound.discard(this)
        here.cancel()
        there.cancel()
        other_writer.close()
        writer.close()

    async def _pump(
        self, connection: "asyncio.Task[None]", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                if connection in self._sound:
                    writer.write(data)
                    await writer.drain()


async def _run(here: str, there: str) -> None:
    line = _Line(there)
    async with await asyncio.start_unix_server(line.connect, here):
        # Ends with whoever laid the cable.
        while word := await asyncio.to_thread(sys.stdin.readline):
            line.obey(word.strip())
            print(word.strip(), flush=True)


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))

"""A line to a unix socket that can hang: its connections stay open, and nothing comes through any more."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READ_BYTES = 256 * 1024
_STARTED_SECONDS = 10


class Cable:
    """Listens at `here` and passes on to `there`, on a thread of its own: tests block their event loop."""

    def __init__(self, here: Path, there: Path) -> None:
        self._here = here
        self._there = there
        self._loop = asyncio.new_event_loop()
        # A connection passes on as long as it is in this set.
        self._sound: set[asyncio.Task[None]] = set()
        self._hangs = False

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let everything hang. Afterwards new connections pass; the old ones hang for ever, as behind a lost router."""
        self._hangs = True
        self._loop.call_soon_threadsafe(self._sound.clear)
        try:
            yield
        finally:
            self._hangs = False

    def run(self, started: threading.Event) -> None:
        """Pass on until `stop`."""
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_unix_server(self._connect, self._here))
        started.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def stop(self) -> None:
        """End `run`."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
        pumps = [
            asyncio.create_task(self._pump(this, reader, other_writer)),
            asyncio.create_task(self._pump(this, other_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if this not in self._sound:
                # Only whoever hangs can end it.
                await pumps[0]
        except asyncio.CancelledError:
            # The end of the cable, which is no news to whoever waits for the connections.
            return
        finally:
            self._sound.discard(this)
            for pump in pumps:
                pump.cancel()
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


@contextmanager
def laid(here: Path, there: Path) -> Iterator[Cable]:
    """Lay a cable that lasts until the context ends."""
    cable, started = Cable(here, there), threading.Event()
    thread = threading.Thread(target=cable.run, args=(started,), name="cable")
    thread.start()
    try:
        assert started.wait(_STARTED_SECONDS)
        yield cable
    finally:
        cable.stop()
        thread.join()

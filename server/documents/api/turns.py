"""Long texts take turns.

Converting a megabyte is seconds of work that the process's other requests feel, and one program may send many at once.
So a few are converted at a time, and those that wait hold no connection to the database.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from starlette.requests import Request

from server.errors import Unavailable

MOST_AT_ONCE: Final = 2
MOST_WAITING_SECONDS: Final = 15
# Below this it takes less than a tenth of a second, and waiting behind a megabyte would be the greater evil.
SHORT_BYTES: Final = 16 * 1024


@asynccontextmanager
async def turn(request: Request, size_bytes: int) -> AsyncIterator[None]:
    """Hold a turn for work on this much text. Commits, so that waiting holds no connection. Raises Unavailable."""
    await request.state.db.commit()
    if size_bytes <= SHORT_BYTES:
        yield
        return
    state = request.app.state
    if not hasattr(state, "long_texts"):
        state.long_texts = anyio.Semaphore(MOST_AT_ONCE)
    turns: anyio.Semaphore = state.long_texts
    try:
        with anyio.fail_after(MOST_WAITING_SECONDS):
            await turns.acquire()
    except TimeoutError as error:
        message = "This server is busy with other long texts. Nothing was changed; try again in a moment."
        raise Unavailable(message) from error
    try:
        yield
    finally:
        turns.release()

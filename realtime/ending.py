"""Tasks that run for as long as the process lives, and their end."""

import asyncio
from collections.abc import Collection
from typing import Any

_AGAIN_AFTER_SECONDS = 0.5


async def end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until all of them are done. What they raised stays with them.

    Again and again, since one word may be lost: `asyncio.wait_for` of Python 3.11, through which redis-py sends,
    swallows it if what it waited for is done at that moment.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_AGAIN_AFTER_SECONDS)

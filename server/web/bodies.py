"""Reading request bodies with a limit in bytes and in time, before anything else looks at them."""

from collections.abc import AsyncIterator
from typing import Final

import anyio
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request

from server.errors import TooLarge

MAX_FORM_BYTES: Final = 64 * 1024
MAX_FORM_FIELDS: Final = 100
SILENCE_SECONDS: Final = 20
TOTAL_SECONDS: Final = 120


async def read_bounded(request: Request, max_bytes: int) -> bytes:
    """Read the whole body.

    Raises TooLarge as soon as it is known to be longer than `max_bytes`, and HTTPException 408 if the sender is silent
    or slow for too long. Commits what was done before, so that waiting for a sender holds no connection to the
    database: a few who send half a body would otherwise hold them all.
    """
    declared = request.headers.get("Content-Length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > max_bytes:
        raise TooLarge
    db: AsyncSession | None = getattr(request.state, "db", None)
    if db is not None:
        await db.commit()
    body = bytearray()
    with anyio.move_on_after(TOTAL_SECONDS):
        async for chunk in _chunks(request):
            body += chunk
            if len(body) > max_bytes:
                raise TooLarge
        return bytes(body)
    raise HTTPException(408, "The request took too long to arrive. Try again with a faster connection.")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    while True:
        try:
            with anyio.fail_after(SILENCE_SECONDS):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise HTTPException(408, "The rest of the request did not arrive. Try again.") from error
        yield chunk

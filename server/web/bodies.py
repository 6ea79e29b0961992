"""Reading request bodies with a limit, before anything else looks at them."""

from starlette.requests import Request

from server.errors import TooLarge

MAX_FORM_BYTES = 64 * 1024
MAX_FORM_FIELDS = 100


async def read_bounded(request: Request, max_bytes: int) -> bytes:
    """Read the whole body. Raises TooLarge as soon as it is known to be longer than `max_bytes`."""
    declared = request.headers.get("Content-Length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > max_bytes:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge
    return bytes(body)

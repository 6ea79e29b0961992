"""Reading request bodies with a limit, before anything else looks at them."""

import json
from typing import Any

from starlette.requests import Request

from server.errors import Invalid, TooLarge

MAX_FORM_BYTES = 64 * 1024
MAX_FORM_FIELDS = 100
MAX_JSON_BYTES = 1024 * 1024


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


async def read_json(request: Request, *, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Read the body as JSON. Raises Invalid when it is none, TooLarge when it is too long."""
    body = await read_bounded(request, max_bytes)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid(sentence="The body is not JSON.") from error

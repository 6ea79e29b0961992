"""Where a person goes next: only ever to an address on this server."""

from urllib.parse import quote, urlsplit

from starlette.datastructures import URL
from starlette.requests import Request

MAX_NEXT_CHARACTERS = 2000


def safe_next(value: str | None, *, default: str = "/documents") -> str:
    """Return `value` if it is a path on this server, `default` otherwise.

    Browsers drop tabs and newlines from addresses and read `\\` as `/`, so `/\\evil.example` and `/<tab>/evil.example`
    would leave the site: both are refused, as is everything that is not a plain path.
    """
    if not value or len(value) > MAX_NEXT_CHARACTERS or not value.startswith("/") or value.startswith("//"):
        return default
    if "\\" in value or any(ord(character) < 0x21 or ord(character) == 0x7F for character in value):
        return default
    try:
        parts = urlsplit(value)
    except ValueError:
        return default
    if parts.scheme or parts.netloc:
        return default
    return value


def sign_in_path(request: Request) -> str:
    """Return the address of the sign-in page that comes back to where the person is."""
    here = request.url.path
    if request.headers.get("HX-Request") == "true":
        here = URL(request.headers.get("HX-Current-URL", "")).path
    elif request.method not in {"GET", "HEAD"}:
        here = ""
    elif request.url.query:
        here = f"{here}?{request.url.query}"
    onward = safe_next(here, default="")
    if onward in {"", "/", "/documents"}:
        return "/sign-in"
    return f"/sign-in?next={quote(onward, safe='/')}"

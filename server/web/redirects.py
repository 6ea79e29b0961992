"""Where a person goes next: only ever to an address on this server."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request

MAX_NEXT_CHARACTERS = 2000
_PAGE_METHODS = frozenset({"GET", "HEAD"})


def safe_next(value: str | None, *, default: str = "/documents") -> str:
    r"""Return `value` if it is a path on this server, `default` otherwise.

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


def page_behind(request: Request) -> str:
    """Return the path of the page that sent this request, as far as the browser tells; empty if it does not."""
    address = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return safe_next(f"{parts.path}?{parts.query}" if parts.query else parts.path, default="")


def page_asked_for(request: Request) -> str:
    """Return the path to ask for again: of this page, or of the one whose form or script sent this; may be empty."""
    if request.method not in _PAGE_METHODS or _is_fragment(request):
        return page_behind(request)
    here = request.url.path
    return safe_next(f"{here}?{request.url.query}" if request.url.query else here, default="")


def sign_in_path(request: Request) -> str:
    """Return the address of the sign-in page that comes back to where the person is."""
    is_form = request.method not in _PAGE_METHODS and not _is_fragment(request)
    onward = "" if is_form else page_asked_for(request)
    if onward in {"", "/", "/documents"}:
        return "/sign-in"
    return f"/sign-in?next={quote(onward, safe='/')}"


def _is_fragment(request: Request) -> bool:
    return request.headers.get("HX-Request") == "true"

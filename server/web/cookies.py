"""Our cookies: a person's session, the visit of a browser that is not signed in, the workspace, a guest's key."""

from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.responses import Response

from server.settings import Settings

SESSION = "quillroom_session"
VISIT = "quillroom_visit"
WORKSPACE = "quillroom_workspace"
GUEST = "quillroom_guest"

GUEST_PREFIX = "/guest/"

# Longer than any of ours; a longer value is not worth hashing.
MAX_COOKIE_CHARACTERS = 200


def cookie_name(name: str, *, secure: bool) -> str:
    """Return the name to send. `__Host-` makes browsers refuse the cookie from a subdomain or without https."""
    return f"__Host-{name}" if secure else name


def read_cookie(connection: HTTPConnection, name: str, settings: Settings) -> str | None:
    """Return the value of one of our cookies, or None if it is missing or cannot be ours."""
    value = connection.cookies.get(cookie_name(name, secure=settings.secure))
    return value if value and len(value) <= MAX_COOKIE_CHARACTERS else None


def set_cookie(
    response: Response, name: str, value: str, settings: Settings, *, max_age_seconds: int | None = None
) -> None:
    """Set one of our cookies. Without an age it lasts as long as the browser runs."""
    response.set_cookie(
        cookie_name(name, secure=settings.secure),
        value,
        max_age=max_age_seconds,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, name: str, settings: Settings) -> None:
    """Make the browser forget one of our cookies."""
    response.delete_cookie(
        cookie_name(name, secure=settings.secure), path="/", secure=settings.secure, httponly=True, samesite="lax"
    )


def guest_cookie(document_id: UUID) -> str:
    """Return the name of the cookie of a guest at one document: each document has its own."""
    return f"{GUEST}_{document_id.hex}"


def guests_place(path: str) -> UUID | None:
    """Return the document at whose guest pages a path is. None: it is elsewhere, where guests are nobody."""
    if not path.startswith(GUEST_PREFIX):
        return None
    try:
        return UUID(path[len(GUEST_PREFIX) :].partition("/")[0])
    except ValueError:
        return None

"""The two cookies: the session of a person who is signed in, and the visit of a browser that is not yet."""

from starlette.requests import HTTPConnection
from starlette.responses import Response

from server.settings import Settings

SESSION = "quillroom_session"
VISIT = "quillroom_visit"
WORKSPACE = "quillroom_workspace"

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

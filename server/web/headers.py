"""Headers that keep a page to itself: nothing inline, nothing from elsewhere, in nobody's frame."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.settings import Settings

_HOST = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?|[A-Za-z0-9._-]{1,253}(:\d{1,5})?")
_HSTS_SECONDS = 365 * 24 * 3600

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
}


def content_policy(socket_source: str | None) -> str:
    """Return the Content-Security-Policy. `socket_source` names our own sockets for browsers whose 'self' does not."""
    connect = f"connect-src 'self' {socket_source}" if socket_source else "connect-src 'self'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        f"{connect}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
    )


class SecurityHeadersMiddleware:
    """Adds the headers to every response that does not set them itself (an uploaded file has a policy of its own)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and complete the headers when the response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = content_policy(self._socket_source(scope))

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", policy)
                if headers.get("Content-Type", "").startswith("text/html"):
                    # A page shows one person's words; on the way back the browser must ask again.
                    headers.setdefault("Cache-Control", "private, no-cache")
                if self._settings.secure:
                    headers.setdefault("Strict-Transport-Security", f"max-age={_HSTS_SECONDS}")
            await send(message)

        await self._app(scope, receive, complete)

    def _socket_source(self, scope: Scope) -> str | None:
        host = Headers(scope=scope).get("host", "")
        scheme = "wss" if self._settings.secure or scope.get("scheme") == "https" else "ws"
        # The header is written by whoever asks: only what can be a host goes into the policy.
        return f"{scheme}://{host}" if _HOST.fullmatch(host) else None

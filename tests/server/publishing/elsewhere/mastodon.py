"""A Mastodon server: apps and sign-in, statuses with idempotency keys, pictures that take a while, limits."""

import base64
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from server.publishing.channel import Counting
from server.publishing.counting import addresses, count

TOKEN = "token-of-ada"
ACCOUNT = "1001"


@dataclass
class MastodonServer:
    """What the server knows. `keeps_keys` False: it makes a post at every call, as servers of other makers may."""

    now: Callable[[], datetime]
    version: str = "4.3.1"
    keeps_keys: bool = True
    knows_v2: bool = True
    discovers: bool = True
    max_characters: int = 500
    scopes: str | None = None
    # How often a picture is said to be worked on before it is ready; None: it cannot be read in the end.
    works_on_pictures: int | None = 0
    # What it answers next instead of doing anything.
    answers: list[Response] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=lambda: {TOKEN: ACCOUNT})
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    media: dict[str, dict[str, Any]] = field(default_factory=dict)
    apps: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    url: str = ""
    _ids: int = 110_000

    def app(self) -> Starlette:
        doors: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("GET", "/.well-known/oauth-authorization-server", self.discovery),
            ("POST", "/api/v1/apps", self.register),
            ("POST", "/oauth/token", self.token),
            ("POST", "/oauth/revoke", self.revoke),
            ("GET", "/api/v1/accounts/verify_credentials", self.who),
            ("GET", "/api/v2/instance", self.instance),
            ("GET", "/api/v1/instance", self.instance),
            ("POST", "/api/v1/statuses", self.make),
            ("GET", "/api/v1/statuses/{id}", self.show),
            ("PUT", "/api/v1/statuses/{id}", self.change),
            ("DELETE", "/api/v1/statuses/{id}", self.remove),
            ("GET", "/api/v1/accounts/{id}/statuses", self.listed),
            ("POST", "/api/v2/media", self.upload),
            ("GET", "/api/v1/media/{id}", self.show_media),
        ]
        return Starlette(routes=[Route(path, self._answering(do), methods=[method]) for method, path, do in doors])

    def seen(self) -> list[str]:
        """Return the texts as people read them, each reply behind what it answers."""
        texts = []

        def put(above: str | None) -> None:
            for status in self.statuses.values():
                if status["in_reply_to_id"] == above:
                    texts.append(status["text"])
                    put(status["id"])

        put(None)
        return texts

    def expire(self) -> None:
        """Take all access back."""
        self.tokens.clear()

    def agree(self, consent_url: str) -> dict[str, str]:
        """Do as a person who agrees, and return the query that they are sent back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(consent_url).query).items()}
        assert urlsplit(consent_url).path == "/oauth/authorize"
        assert asked["response_type"] == "code"
        assert self.apps[asked["client_id"]]["redirect_uris"] == asked["redirect_uri"]
        code = f"code-{self._next()}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def _answering(self, do: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            if self.answers:
                return self.answers.pop(0)
            answered: Response = await do(request)
            return answered

        return answer

    def _next(self) -> str:
        self._ids += 1
        return str(self._ids)

    def _account(self, request: Request) -> str | None:
        return self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))

    async def discovery(self, request: Request) -> Response:
        if not self.discovers:
            return HTMLResponse("<h1>Not found</h1>", 404)
        return JSONResponse(
            {
                "issuer": f"{self.url}/",
                "authorization_endpoint": f"{self.url}/oauth/authorize",
                "token_endpoint": f"{self.url}/oauth/token",
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["read", "profile", "write", "write:media", "write:statuses"],
            }
        )

    async def register(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not form.get("client_name") or not form.get("redirect_uris"):
            return _error(422, "Validation failed: Application name can't be blank")
        client = f"client-{self._next()}"
        self.apps[client] = {**form, "client_secret": f"secret-of-{client}"}
        return JSONResponse(
            {"client_id": client, "client_secret": f"secret-of-{client}", "client_secret_expires_at": 0}
        )

    async def token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        app = self.apps.get(form.get("client_id", ""))
        if app is None or app["client_secret"] != form.get("client_secret"):
            return JSONResponse({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri") or not _proves(asked, form):
            return JSONResponse({"error": "invalid_grant", "error_description": "The grant is invalid"}, 400)
        token = f"token-{self._next()}"
        self.tokens[token] = ACCOUNT
        return JSONResponse({"access_token": token, "token_type": "Bearer", "scope": self.scopes or asked["scope"]})

    async def revoke(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        app = self.apps.get(form.get("client_id", ""))
        if app is None or app["client_secret"] != form.get("client_secret"):
            return JSONResponse({"error": "unauthorized_client"}, 403)
        self.tokens.pop(form["token"], None)
        return JSONResponse({})

    async def who(self, request: Request) -> Response:
        if self._account(request) is None:
            return _error(401, "The access token is invalid")
        return JSONResponse({"id": ACCOUNT, "username": "ada", "acct": "ada", "display_name": "Ada"})

    async def instance(self, request: Request) -> Response:
        if "v2" in request.url.path and not self.knows_v2:
            return _error(404, "Not found")
        return JSONResponse(
            {
                "domain": "mastodon.example",
                "version": self.version,
                "configuration": {
                    "statuses": {
                        "max_characters": self.max_characters,
                        "max_media_attachments": 4,
                        "characters_reserved_per_url": 23,
                    },
                    "media_attachments": {
                        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "video/mp4"],
                        "image_size_limit": 1_000_000,
                        "image_matrix_limit": 16_000_000,
                        "description_limit": 100,
                    },
                },
            }
        )

    async def make(self, request: Request) -> Response:
        account = self._account(request)
        if account is None:
            return _error(401, "The access token is invalid")
        key = request.headers.get("idempotency-key", "")
        known = self.keys.get(key)
        if self.keeps_keys and known and self.now() < known[1] + timedelta(hours=1):
            return JSONResponse(self._shown(self.statuses[known[0]]))
        body = await request.json()
        refusal = self._refusal(body)
        if refusal:
            return refusal
        above = body.get("in_reply_to_id")
        if above is not None and above not in self.statuses:
            return _error(404, "Record not found")
        status = {"id": self._next(), "made": self.now(), "in_reply_to_id": above, "visibility": body["visibility"]}
        self.statuses[status["id"]] = {**status, **self._written(body)}
        self.keys[key] = (status["id"], self.now())
        return JSONResponse(self._shown(self.statuses[status["id"]]))

    async def change(self, request: Request) -> Response:
        status = self.statuses.get(request.path_params["id"])
        if status is None:
            return _error(404, "Record not found")
        body = await request.json()
        refusal = self._refusal(body)
        if refusal:
            return refusal
        status.update(self._written(body))
        return JSONResponse(self._shown(status))

    async def show(self, request: Request) -> Response:
        status = self.statuses.get(request.path_params["id"])
        return JSONResponse(self._shown(status)) if status else _error(404, "Record not found")

    async def remove(self, request: Request) -> Response:
        if self._account(request) is None:
            return _error(401, "The access token is invalid")
        status = self.statuses.pop(request.path_params["id"], None)
        if status is None:
            return _error(404, "Record not found")
        for left in self.statuses.values():
            if left["in_reply_to_id"] == status["id"]:
                left["in_reply_to_id"] = None
        return JSONResponse(self._shown(status))

    async def listed(self, request: Request) -> Response:
        if request.path_params["id"] != ACCOUNT:
            return _error(404, "Record not found")
        before = int(request.query_params.get("max_id", 10**12))
        newest = [status for name, status in reversed(self.statuses.items()) if int(name) < before]
        return JSONResponse([self._shown(status) for status in newest[: int(request.query_params.get("limit", 20))]])

    async def upload(self, request: Request) -> Response:
        if self._account(request) is None:
            return _error(401, "The access token is invalid")
        async with request.form() as form:
            file = form["file"]
            assert not isinstance(file, str)
            made = {
                "id": self._next(),
                "bytes": await file.read(),
                "type": file.content_type,
                "description": form.get("description"),
                "left": self.works_on_pictures,
            }
        self.media[str(made["id"])] = made
        ready = self.works_on_pictures == 0
        return JSONResponse(
            {"id": made["id"], "type": "image", "url": "there" if ready else None}, 200 if ready else 202
        )

    async def show_media(self, request: Request) -> Response:
        made = self.media.get(request.path_params["id"])
        if made is None:
            return _error(404, "Record not found")
        if made["left"] is None:
            return _error(422, "Error processing thumbnail for uploaded media")
        if made["left"]:
            made["left"] -= 1
            return JSONResponse({"id": made["id"], "type": "image", "url": None}, 206)
        return JSONResponse({"id": made["id"], "type": "image", "url": "there"})

    def _refusal(self, body: Mapping[str, Any]) -> Response | None:
        text, warning, media = body.get("status", ""), body.get("spoiler_text", ""), body.get("media_ids") or []
        if not text.strip() and not media:
            return _error(422, "Validation failed: Text can't be blank")
        if count(text, Counting.MASTODON) + len(warning) > self.max_characters:
            return _error(422, f"Validation failed: Text character limit of {self.max_characters} exceeded")
        if any(name not in self.media for name in media):
            return _error(422, "Validation failed: Media not found")
        if any(self.media[name]["left"] != 0 for name in media):
            return _error(422, "Cannot attach files that have not finished processing. Try again in a moment!")
        return None

    def _written(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "text": body["status"],
            "spoiler_text": body.get("spoiler_text", ""),
            "sensitive": body.get("sensitive", False),
            "language": body.get("language", "en"),
            # What is not named is taken off, also when a status is changed.
            "media_ids": body.get("media_ids") or [],
        }

    def _shown(self, status: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": status["id"],
            "uri": f"{self.url}/users/ada/statuses/{status['id']}",
            "url": f"{self.url}/@ada/{status['id']}",
            "created_at": status["made"].isoformat().replace("+00:00", "Z"),
            "in_reply_to_id": status["in_reply_to_id"],
            "content": _rendered(status["text"]),
            "spoiler_text": status["spoiler_text"],
            "application": {"name": status.get("by", "Quillroom")},
            "favourites_count": 3,
            "reblogs_count": 2,
            "replies_count": 1,
        }


def _proves(asked: Mapping[str, str], form: Mapping[str, str]) -> bool:
    if "code_challenge" not in asked:
        return "code_verifier" not in form
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]


def _error(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status)


def _rendered(text: str) -> str:
    """Return a text as Mastodon shows it: addresses in pieces, mentions without their host, lines as elements."""
    pieces, at = [], 0
    for start, end in addresses(text):
        scheme, _, rest = text[start:end].partition("://")
        pieces += [
            html.escape(text[at:start]),
            f'<a href="#"><span class="invisible">{scheme}://</span>',
            f'<span class="ellipsis">{html.escape(rest[:30])}</span>',
            f'<span class="invisible">{html.escape(rest[30:])}</span></a>',
        ]
        at = end
    pieces.append(
        re.sub(r"@(\w+)@[\w.-]+", r'<span class="h-card"><a>@<span>\1</span></a></span>', html.escape(text[at:]))
    )
    return "<p>" + "".join(pieces).replace("\n\n", "</p><p>").replace("\n", "<br />") + "</p>"

"""A server of Bluesky's network (a PDS): sessions, blobs, records by their keys, handles, counts of the app view."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.publishing.counting import graphemes

DID = "did:plc:ada"
HANDLE = "ada.bsky.example"
PASSWORD = "abcd-efgh-ijkl-mnop"
ENDS = 1_795_000_000


@dataclass
class BlueskyServer:
    """What the server knows. `home`: where the account lives, if that is another server than this."""

    home: str | None = None
    url: str = ""
    # What it answers next instead of doing anything.
    answers: list[Response] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=lambda: {HANDLE: DID, "bob.bsky.example": "did:plc:bob"})
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    blobs: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    access: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    status: str | None = None
    refuses_sign_in: str | None = None
    says_not_found: bool = False
    puts: int = 0
    _tokens: int = 0

    def app(self) -> Starlette:
        doors: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("POST", "com.atproto.server.createSession", self.create_session),
            ("POST", "com.atproto.server.refreshSession", self.refresh_session),
            ("POST", "com.atproto.server.deleteSession", self.delete_session),
            ("GET", "com.atproto.server.getSession", self.get_session),
            ("GET", "com.atproto.identity.resolveHandle", self.resolve),
            ("POST", "com.atproto.repo.uploadBlob", self.upload),
            ("POST", "com.atproto.repo.putRecord", self.put),
            ("GET", "com.atproto.repo.getRecord", self.get),
            ("POST", "com.atproto.repo.deleteRecord", self.delete),
            ("GET", "app.bsky.feed.getPosts", self.posts),
        ]
        return Starlette(routes=[Route(f"/xrpc/{name}", self._answering(do), methods=[how]) for how, name, do in doors])

    def seen(self) -> list[str]:
        """Return the texts as people read them, each reply behind what it answers."""
        texts = []

        def put(above: str | None) -> None:
            for uri, record in self.records.items():
                if record.get("reply", {}).get("parent", {}).get("uri") == above:
                    texts.append(record["text"])
                    put(uri)

        put(None)
        return texts

    def session(self) -> dict[str, str]:
        """Begin a session, as whoever signs in does; return its tokens."""
        self._tokens += 1
        claims = base64.urlsafe_b64encode(json.dumps({"exp": ENDS, "jti": self._tokens}).encode()).rstrip(b"=").decode()
        tokens = {"access": f"h.{claims}.access", "refresh": f"h.{claims}.refresh"}
        self.access.add(tokens["access"])
        self.refresh.add(tokens["refresh"])
        return tokens

    def expire(self) -> None:
        """Let every access token run out."""
        self.ended |= self.access
        self.access.clear()

    def _answering(self, do: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            if self.answers:
                return self.answers.pop(0)
            answered: Response = await do(request)
            return answered

        return answer

    def _stops(self, request: Request) -> Response | None:
        """Refuse who has no access, as the reference server does: an ended token with 400."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            return _error(401, "AuthenticationRequired", "Authentication Required")
        if token in self.ended:
            return _error(400, "ExpiredToken", "Token has expired")
        return None if token in self.access else _error(401, "InvalidToken", "Token could not be verified")

    def _account(self) -> dict[str, Any]:
        document = {
            "id": DID,
            "service": [
                {"id": "#other", "type": "Other", "serviceEndpoint": "https://other.example"},
                {
                    "id": "#atproto_pds",
                    "type": "AtprotoPersonalDataServer",
                    "serviceEndpoint": self.home or self.url,
                },
            ],
        }
        state = {"active": False, "status": self.status} if self.status else {"active": True}
        return {"did": DID, "handle": HANDLE, "didDoc": document, **state}

    async def create_session(self, request: Request) -> Response:
        body = await request.json()
        if self.refuses_sign_in:
            return _error(401, self.refuses_sign_in, "A sign in code has been sent to your email address")
        if body["identifier"] not in {HANDLE, DID} or body["password"] != PASSWORD:
            return _error(401, "AuthenticationRequired", "Invalid identifier or password")
        tokens = self.session()
        return JSONResponse({**self._account(), "accessJwt": tokens["access"], "refreshJwt": tokens["refresh"]})

    async def delete_session(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.refresh:
            return JSONResponse({"error": "InvalidToken", "message": "Token could not be verified"}, 400)
        self.refresh.discard(token)
        self.access.clear()
        return Response()

    async def refresh_session(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.refresh:
            return _error(400, "ExpiredToken", "Token has been revoked")
        # Both rotate: the old one is worth nothing any more.
        self.refresh.discard(token)
        tokens = self.session()
        return JSONResponse({**self._account(), "accessJwt": tokens["access"], "refreshJwt": tokens["refresh"]})

    async def get_session(self, request: Request) -> Response:
        return self._stops(request) or JSONResponse(self._account())

    async def resolve(self, request: Request) -> Response:
        did = self.people.get(request.query_params["handle"])
        return JSONResponse({"did": did}) if did else _error(400, "InvalidRequest", "Unable to resolve handle")

    async def upload(self, request: Request) -> Response:
        stops = self._stops(request)
        if stops:
            return stops
        data = await request.body()
        link = f"bafkrei{hashlib.sha256(data).hexdigest()[:20]}"
        kind = request.headers["content-type"]
        self.blobs[link] = (data, kind)
        blob = {"$type": "blob", "ref": {"$link": link}, "mimeType": kind, "size": len(data)}
        return JSONResponse({"blob": blob})

    async def put(self, request: Request) -> Response:
        stops = self._stops(request)
        if stops:
            return stops
        body = await request.json()
        record = body["record"]
        refusal = self._refusal(record)
        if refusal:
            return refusal
        uri = f"at://{body['repo']}/{body['collection']}/{body['rkey']}"
        self.puts += self.records.get(uri) != record
        self.records[uri] = record
        return JSONResponse({"uri": uri, "cid": _cid(record), "validationStatus": "valid"})

    async def get(self, request: Request) -> Response:
        asked = request.query_params
        uri = f"at://{asked['repo']}/{asked['collection']}/{asked['rkey']}"
        record = self.records.get(uri)
        if record is None and self.says_not_found:
            return _error(400, "RecordNotFound", "No such record")
        if record is None:
            return _error(400, "InvalidRequest", f"Could not locate record: {uri}")
        return JSONResponse({"uri": uri, "cid": _cid(record), "value": record})

    async def delete(self, request: Request) -> Response:
        stops = self._stops(request)
        if stops:
            return stops
        body = await request.json()
        self.records.pop(f"at://{body['repo']}/{body['collection']}/{body['rkey']}", None)
        return JSONResponse({})

    async def posts(self, request: Request) -> Response:
        shown = [
            {"uri": uri, "likeCount": 5, "repostCount": 2, "quoteCount": 1, "replyCount": 4}
            for uri in request.query_params.getlist("uris")
            if uri in self.records
        ]
        return self._stops(request) or JSONResponse({"posts": shown})

    def _refusal(self, record: Mapping[str, Any]) -> Response | None:
        text = record["text"]
        images = record.get("embed", {}).get("images", [])
        if graphemes(text) > 300:
            return _invalid("Record/text must not be longer than 300 graphemes")
        if len(text.encode()) > 3000:
            return _invalid("Record/text must not be longer than 3000 bytes")
        if len(record.get("tags", [])) > 8 or len(images) > 4 or len(record.get("langs", [])) > 3:
            return _invalid("Record must not have more elements")
        for facet in record.get("facets", []):
            index = facet["index"]
            if not 0 <= index["byteStart"] < index["byteEnd"] <= len(text.encode()):
                return _invalid("Record/facets out of range")
        for image in images:
            known = self.blobs.get(image["image"]["ref"]["$link"])
            if known is None:
                return _error(400, "InvalidRequest", "Could not find blob")
            if len(known[0]) > 1_000_000:
                return _error(400, "BlobTooLarge", "This file is too large")
            if not known[1].startswith("image/"):
                return _error(400, "InvalidMimeType", "Wrong type of file")
        above = record.get("reply", {})
        if any(self.records.get(above[name]["uri"]) is None for name in above):
            return _invalid("Record/reply is not there")
        if any(_cid(self.records[above[name]["uri"]]) != above[name]["cid"] for name in above):
            return _invalid("Record/reply is of another version")
        return None


def _cid(record: Mapping[str, Any]) -> str:
    return f"bafyrei{hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:20]}"


def _invalid(words: str) -> JSONResponse:
    return _error(400, "InvalidRequest", f"Invalid app.bsky.feed.post record: {words}")


def _error(status: int, name: str, words: str) -> JSONResponse:
    return JSONResponse({"error": name, "message": words}, status)

"""Reddit, as far as posting goes: one server for both of its hosts."""

import base64
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET, USER = "app-1", "shh", "fox"
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A time that moves on by itself with each look, so that nothing has to be waited for."""

    at: datetime = START
    step: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        self.at += self.step
        return self.at


@dataclass
class Subreddit:
    """What one asks of posts."""

    about: dict[str, Any] = field(default_factory=lambda: {"submission_type": "any", "user_is_banned": False})
    requirements: dict[str, Any] | None = None
    flairs: list[dict[str, Any]] | None = field(default_factory=list)


@dataclass
class Elsewhere:
    """Its state. `refusals`: what the next calls of a path answer instead, first one first."""

    clock: Callable[[], datetime]
    subreddits: dict[str, Subreddit] = field(default_factory=lambda: {"foxes": Subreddit()})
    posts: list[dict[str, Any]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    refusals: dict[str, list[Response]] = field(default_factory=dict)
    scope: str = "identity submit read flair edit history"
    access: str = "access-0"
    refresh: str = "refresh-0"
    gives_refresh: bool = True
    rotates: bool = False
    codes: set[str] = field(default_factory=set)
    suspended: bool = False
    # The pictures that were laid down, by their address.
    pictures: dict[str, bytes] = field(default_factory=dict)
    largest_picture: int = 1000
    # New posts are not in the listing yet.
    hides_newest: bool = False
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def app(self) -> Starlette:
        """Return the server."""
        return Starlette(
            routes=[
                Route("/api/v1/authorize", self._authorize),
                Route("/api/v1/access_token", self._token, methods=["POST"]),
                Route("/api/v1/revoke_token", self._revoke, methods=["POST"]),
                Route("/api/v1/me", self._signed_in(self._me)),
                Route("/api/media/asset.json", self._signed_in(self._lease), methods=["POST"]),
                Route("/store", self._store, methods=["POST"]),
                Route("/api/submit", self._signed_in(self._submit), methods=["POST"]),
                Route("/api/editusertext", self._signed_in(self._edit), methods=["POST"]),
                Route("/api/del", self._signed_in(self._delete), methods=["POST"]),
                Route("/api/info", self._signed_in(self._info)),
                Route("/user/{name}/submitted", self._signed_in(self._submitted)),
                Route("/r/{subreddit}/about", self._signed_in(self._about)),
                Route("/r/{subreddit}/api/link_flair_v2", self._signed_in(self._flairs)),
                Route("/api/v1/{subreddit}/post_requirements", self._signed_in(self._requirements)),
            ]
        )

    def refuses(self, path: str, *answers: Response) -> None:
        """Let the next calls of a path answer so."""
        self.refusals[path] = list(answers)

    def _signed_in(self, handle: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            agent = request.headers.get("user-agent", "")
            if not agent.startswith("web:quillroom."):
                return JSONResponse({"message": "Too Many Requests", "error": 429}, 429)
            if request.headers.get("authorization") != f"Bearer {self.access}":
                return JSONResponse({"message": "Unauthorized", "error": 401}, 401)
            waiting = self.refusals.get(request.url.path)
            if waiting:
                return waiting.pop(0)
            answer: Response = await handle(request)
            answer.headers["X-Ratelimit-Used"] = "1"
            answer.headers["X-Ratelimit-Remaining"] = "99.0"
            answer.headers["X-Ratelimit-Reset"] = "300"
            return answer

        return guarded

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        assert query["duration"] == "permanent"
        code = f"code-{next(self._numbers)}"
        self.codes.add(code)
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode({'state': query['state'], 'code': code})}")

    async def _token(self, request: Request) -> Response:
        expected = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != expected:
            return JSONResponse({"message": "Unauthorized", "error": 401}, 401)
        waiting = self.refusals.get(request.url.path)
        if waiting:
            return waiting.pop(0)
        form = dict(await request.form())
        if form["grant_type"] == "authorization_code":
            if form["code"] not in self.codes:
                return JSONResponse({"error": "invalid_grant"})
            self.codes.discard(str(form["code"]))
        elif form.get("refresh_token") != self.refresh:
            return JSONResponse({"error": "invalid_grant"}, 400)
        number = next(self._numbers)
        self.access = f"access-{number}"
        answer = {"access_token": self.access, "token_type": "bearer", "expires_in": 3600, "scope": self.scope}
        is_new = form["grant_type"] == "authorization_code" or self.rotates
        if is_new and self.gives_refresh:
            self.refresh = f"refresh-{number}"
            answer["refresh_token"] = self.refresh
        return JSONResponse(answer)

    async def _me(self, _: Request) -> Response:
        return JSONResponse({"id": "u1", "name": USER, "is_suspended": self.suspended})

    async def _lease(self, request: Request) -> Response:
        form = await request.form()
        key = f"rte_images/{next(self._numbers)}"
        fields = [
            {"name": "acl", "value": ""},
            {"name": "key", "value": key},
            {"name": "policy", "value": "signed-policy"},
            {"name": "Content-Type", "value": str(form["mimetype"])},
        ]
        action = f"//{request.url.netloc}/store"
        asset = {"asset_id": key, "websocket_url": "wss://x", "processing_state": "incomplete"}
        return JSONResponse({"args": {"action": action, "fields": fields}, "asset": asset})

    async def _store(self, request: Request) -> Response:
        async with request.form() as form:
            assert [*form] == ["acl", "key", "policy", "Content-Type", "file"]
            file, key = form["file"], str(form["key"])
            assert isinstance(file, UploadFile)
            data = await file.read()
        if len(data) > self.largest_picture:
            most = f"<MaxSizeAllowed>{self.largest_picture}</MaxSizeAllowed>"
            return Response(f"<Error><Code>EntityTooLarge</Code><Message>x</Message>{most}</Error>", 400)
        address = f"http://{request.url.netloc}/store/{key}"
        self.pictures[address] = data
        return Response(f"<PostResponse><Location>{address}</Location></PostResponse>", 201)

    async def _revoke(self, request: Request) -> Response:
        form = await request.form()
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"message": "Unauthorized", "error": 401}, 401)
        if form["token"] == self.refresh and form["token_type_hint"] == "refresh_token":
            self.access = self.refresh = "taken back"
        return Response(status_code=204)

    async def _submit(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.forms.append(form)
        subreddit = self.subreddits.get(form["sr"].lower())
        if subreddit is None:
            return _errors(["SUBREDDIT_NOEXIST", "that community doesn't exist", "sr"])
        if form["kind"] == "link" and form["resubmit"] != "true" and self._has_link(form):
            return _errors(["ALREADY_SUB", "that link has already been submitted", "url"])
        if form["kind"] == "image" and form["url"] not in self.pictures:
            return _errors(["BAD_IMAGE", "that is no picture", "url"])
        name = f"t3_{next(self._numbers):x}"
        self.posts.append(
            {
                "name": name,
                "subreddit": form["sr"],
                "title": form["title"],
                "selftext": form.get("text", "").strip(),
                "url": form.get("url") or f"https://www.reddit.com/r/{form['sr']}/comments/{name[3:]}/",
                "permalink": f"/r/{form['sr']}/comments/{name[3:]}/",
                "created_utc": float(int(self.clock().timestamp())),
                "author": USER,
                "score": 7,
                "num_comments": 2,
                "num_crossposts": 1,
                "view_count": None,
                "link_flair_template_id": form.get("flair_id"),
            }
        )
        if form["kind"] == "image":
            self.posts[-1]["url"] = "https://i.redd.it/x.png"
            page = {"user_submitted_page": f"https://www.reddit.com/user/{USER}/submitted/", "websocket_url": "wss://x"}
            return JSONResponse({"json": {"errors": [], "data": page}})
        data = {"id": name[3:], "name": name, "url": f"https://www.reddit.com{self.posts[-1]['permalink']}"}
        return JSONResponse({"json": {"errors": [], "data": {**data, "drafts_count": 0}}})

    def _has_link(self, form: dict[str, str]) -> bool:
        return any(each["url"] == form["url"] and each["subreddit"] == form["sr"] for each in self.posts)

    async def _edit(self, request: Request) -> Response:
        form = await request.form()
        for post in self.posts:
            if post["name"] == form["thing_id"]:
                post["selftext"] = str(form["text"]).strip()
        return JSONResponse({"json": {"errors": [], "data": {"things": []}}})

    async def _delete(self, request: Request) -> Response:
        form = await request.form()
        self.posts[:] = [each for each in self.posts if each["name"] != form["id"]]
        return JSONResponse({})

    async def _info(self, request: Request) -> Response:
        return _listing([each for each in self.posts if each["name"] == request.query_params["id"]])

    async def _submitted(self, request: Request) -> Response:
        assert request.path_params["name"] == USER
        newest = list(reversed(self.posts))[1 if self.hides_newest else 0 :]
        after = request.query_params.get("after")
        names = [each["name"] for each in newest]
        begin = names.index(after) + 1 if after in names else 0
        page = newest[begin : begin + int(request.query_params["limit"])]
        more = begin + len(page) < len(newest)
        return _listing(page, page[-1]["name"] if page and more else None)

    async def _about(self, request: Request) -> Response:
        found = self.subreddits.get(request.path_params["subreddit"].lower())
        if found is None:
            return RedirectResponse("/subreddits/search", 302)
        return JSONResponse({"kind": "t5", "data": found.about})

    async def _flairs(self, request: Request) -> Response:
        found = self.subreddits[request.path_params["subreddit"].lower()].flairs
        return JSONResponse({"message": "Forbidden", "error": 403}, 403) if found is None else JSONResponse(found)

    async def _requirements(self, request: Request) -> Response:
        found = self.subreddits[request.path_params["subreddit"].lower()].requirements
        return JSONResponse({"message": "Not Found", "error": 404}, 404) if found is None else JSONResponse(found)


def error(code: str, sentence: str = "", where: str = "") -> Response:
    """Return the answer to a post that is refused, which has status 200."""
    return _errors([code, sentence, where])


def _errors(*errors: list[str]) -> Response:
    return JSONResponse({"json": {"errors": list(errors)}})


def _listing(posts: list[dict[str, Any]], after: str | None = None) -> Response:
    children = [{"kind": "t3", "data": each} for each in posts]
    return JSONResponse({"kind": "Listing", "data": {"after": after, "children": children}})

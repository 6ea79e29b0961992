"""A WordPress site: the parts of wp/v2 that are needed, with roles, slugs, terms, a library, and its own errors."""

import base64
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

ROLES = {
    "contributor": {"edit_posts"},
    "author": {"edit_posts", "publish_posts", "upload_files", "delete_posts"},
    "editor": {"edit_posts", "publish_posts", "upload_files", "delete_posts", "manage_categories"},
}
TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}
# When each post here is published, in UTC.
NOW = "2026-11-21T12:00:00"


class Refused(Exception):
    """What WordPress calls a WP_Error."""

    def __init__(
        self, code: str, status: int, message: str = "Sorry, you are not allowed to do that.", **data: object
    ) -> None:
        super().__init__(code)
        self.answer = JSONResponse({"code": code, "message": message, "data": {"status": status, **data}}, status)


@dataclass
class Site:
    """What a site is and holds. `instead`: answers that it gives in place of its own, by "METHOD route", once each."""

    username: str = "ada"
    password: str = "abcd efgh ijkl mnop"
    role: str = "editor"
    title: str = "Fox &amp; Friends"
    pretty: bool = True  # /wp-json/, else ?rest_route=
    tells_root: bool = True
    trash: bool = True
    max_file_bytes: int = 1_000_000
    # Whether it has application passwords, lets one make another, and says where people agree to one.
    has_passwords: bool = True
    makes_passwords: bool = True
    # Takes the Authorization header away, as some web servers do.
    deaf: bool = False
    # Where the front page leads, if elsewhere.
    moved_to: str | None = None
    instead: dict[str, list[Response]] = field(default_factory=dict)
    # Lets this many uploads fail after they arrived.
    weak: int = 0
    # What the site makes of the status "publish".
    holds_back: str | None = None
    posts: dict[int, dict[str, Any]] = field(default_factory=dict)
    media: dict[int, dict[str, Any]] = field(default_factory=dict)
    terms: dict[str, dict[int, str]] = field(default_factory=lambda: {"categories": {1: "Uncategorized"}, "tags": {}})
    # Application passwords that were made, by id.
    passwords: dict[str, str] = field(default_factory=dict)
    routes: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    _last: int = 10

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route("/{rest:path}", self.serve, methods=["GET", "HEAD", "POST", "DELETE", "OPTIONS"])]
        )

    def seen(self) -> list[str]:
        published = [post for post in self.posts.values() if post["status"] == "publish"]
        return [" ".join(re.sub(r"<[^>]+>", " ", post["content"]).split()) for post in published]

    async def serve(self, request: Request) -> Response:
        path, route = request.url.path, request.query_params.get("rest_route")
        if path.startswith("/wp-json") and self.pretty:
            route = path.removeprefix("/wp-json") or "/"
        if route is None:
            return self._page(request)
        self.routes.append(f"{request.method} {route}")
        self.queries.append({name: value for name, value in request.query_params.items() if name != "rest_route"})
        waiting = self.instead.get(f"{request.method} {route}")
        if waiting:
            return waiting.pop(0)
        try:
            return await self._dispatch(request, route)
        except Refused as refused:
            return refused.answer

    def _page(self, request: Request) -> Response:
        if request.url.path != "/":
            return HTMLResponse("<!doctype html><title>Page not found</title>", 404)
        if self.moved_to:
            return Response(status_code=301, headers={"location": self.moved_to})
        root = str(request.base_url) + ("wp-json/" if self.pretty else "?rest_route=/")
        links = f'<{root}>; rel="https://api.w.org/", <{root}wp/v2/pages/2>; rel="alternate"; type="application/json"'
        return HTMLResponse("<!doctype html>", headers={"link": links} if self.tells_root else {})

    async def _dispatch(self, request: Request, route: str) -> Response:
        person = self._person(request)
        if route == "/":
            return self._about(request)
        if route.startswith("/wp/v2/users/me/application-passwords"):
            return await self._passwords(request, person, route.partition("passwords")[2].strip("/"))
        match re.fullmatch(r"/wp/v2/(\w+)(?:/(\w+))?(?:/([\w-]+))?", route).groups():  # type: ignore[union-attr]  # ours
            case ("users", "me", None):
                return self._me(person)
            case ("posts", None, None):
                return await self._posts(request, person)
            case ("posts", number, None) if number.isdecimal():
                return await self._post(request, person, int(number))
            case ("media", None, None):
                return await self._media(request, person)
            case ("media", number, "post-process") if request.method == "POST":
                return self._post_process(int(number))
            case (("tags" | "categories") as kind, None, None):
                return await self._terms(request, person, kind)
        raise Refused("rest_no_route", 404, "No route was found matching the URL and request method.")

    def _person(self, request: Request) -> str | None:
        """Who calls; None: nobody, and what is asked for decides whether that matters."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if self.deaf or scheme.lower() != "basic":
            return None
        username, _, password = base64.b64decode(given).decode().partition(":")
        if username != self.username:
            raise Refused("invalid_username", 401, "<strong>Error:</strong> Unknown username.")
        if password.replace(" ", "") not in {
            each.replace(" ", "") for each in (self.password, *self.passwords.values())
        }:
            raise Refused("incorrect_password", 401, "The provided password is an invalid application password.")
        return username

    def _about(self, request: Request) -> Response:
        there = {"authorization": f"{request.base_url}wp-admin/authorize-application.php"}
        return JSONResponse(
            {
                "name": self.title,
                "url": str(request.base_url),
                "namespaces": ["oembed/1.0", "wp/v2"],
                "authentication": {"application-passwords": {"endpoints": there}} if self.has_passwords else [],
            }
        )

    def agree(self, url: str) -> dict[str, str]:
        """Do as a person who agrees at `url`, and return the query that they are sent back with."""
        asked = dict(parse_qsl(urlsplit(url).query))
        self.passwords[str(uuid4())] = "trav elle dpas swor"
        back = dict(parse_qsl(urlsplit(asked["success_url"]).query))
        return {**back, "site_url": "https://example.org", "user_login": self.username, "password": "travelledpasswor"}

    async def _passwords(self, request: Request, person: str | None, which: str) -> Response:
        if person is None:
            raise Refused("rest_not_logged_in", 401, "You are not currently logged in.")
        given = base64.b64decode(request.headers["authorization"].partition(" ")[2]).decode().partition(":")[2]
        if which == "introspect":
            used = [uuid for uuid, each in self.passwords.items() if each.replace(" ", "") == given.replace(" ", "")]
            return JSONResponse({"uuid": used[0], "name": "Quillroom"})
        if request.method == "DELETE":
            del self.passwords[which]
            return JSONResponse({"deleted": True})
        if not self.makes_passwords:
            raise Refused("rest_cannot_create_application_passwords", 403)
        uuid = str(uuid4())
        self.passwords[uuid] = f"fres hpas {len(self.passwords)}"
        return JSONResponse({"uuid": uuid, "password": self.passwords[uuid], **(await request.json())}, 201)

    def _needs(self, person: str | None, right: str, code: str, *, status: int = 403) -> None:
        if person is None:
            raise Refused(code, 401)
        if right not in ROLES[self.role]:
            raise Refused(code, status)

    def _me(self, person: str | None) -> Response:
        if person is None:
            raise Refused("rest_not_logged_in", 401, "You are not currently logged in.")
        rights = dict.fromkeys(sorted(ROLES[self.role]), True)
        return JSONResponse({"id": 7, "name": "Ada&#8217;s", "slug": "ada", "capabilities": rights})

    async def _posts(self, request: Request, person: str | None) -> Response:
        if request.method == "GET":
            self._needs(person, "edit_posts", "rest_forbidden_context")
            asked, query = request.query_params.get("status", "publish").split(","), request.query_params
            found = [
                _shown(post, request)
                for post in self.posts.values()
                if post["status"] in asked and post["slug"] == query.get("slug", post["slug"])
            ]
            return JSONResponse(found)
        self._needs(person, "edit_posts", "rest_cannot_create")
        fields = await request.json()
        number = self._number()
        post = {
            "id": number,
            "status": "draft",
            "slug": "",
            "date_gmt": None,
            "title": "",
            "content": "",
            "excerpt": "",
        }
        post |= {"featured_media": 0, "categories": [1], "tags": []}
        self._change(post, fields)
        self.posts[number] = post
        return JSONResponse(
            _shown(post, request), 201, headers={"location": f"{request.base_url}wp-json/wp/v2/posts/{number}"}
        )

    async def _post(self, request: Request, person: str | None, number: int) -> Response:
        post = self.posts.get(number)
        if post is None:
            raise Refused("rest_post_invalid_id", 404, "Invalid post ID.")
        if request.method == "GET":
            self._needs(person, "edit_posts", "rest_forbidden_context")
        elif request.method == "DELETE":
            self._needs(person, "delete_posts", "rest_cannot_delete")
            return self._delete(request, post)
        else:
            self._needs(person, "edit_posts", "rest_cannot_edit")
            self._change(post, await request.json())
        return JSONResponse(_shown(post, request))

    def _change(self, post: dict[str, Any], fields: dict[str, Any]) -> None:
        wrong = [name for name in ("title", "content", "slug") if not isinstance(fields.get(name, ""), str)]
        if wrong:
            message = f"Invalid parameter(s): {', '.join(wrong)}"
            raise Refused("rest_invalid_param", 400, message, params=dict.fromkeys(wrong, "not a string"))
        for name in fields.get("categories", []), fields.get("tags", []):
            if not all(number in {**self.terms["categories"], **self.terms["tags"]} for number in name):
                raise Refused("rest_invalid_param", 400, "Invalid parameter(s): tags", params={"tags": "unknown"})
        status = fields.get("status", post["status"])
        if status == "publish" and post["status"] != "publish":
            if "publish_posts" not in ROLES[self.role]:
                raise Refused(
                    "rest_cannot_publish", 403, "Sorry, you are not allowed to publish posts in this post type."
                )
            status = self.holds_back or status
            post["date_gmt"] = NOW if status == "publish" else "2026-11-21T13:00:00"
        if "slug" in fields:
            post["slug"] = self._unique(_sanitized(fields["slug"]), post["id"], self.posts.values())
        post |= {name: value for name, value in fields.items() if name not in {"slug", "status"}}
        post["status"] = status

    def _delete(self, request: Request, post: dict[str, Any]) -> Response:
        if request.query_params.get("force") == "true":
            del self.posts[post["id"]]
            return JSONResponse({"deleted": True, "previous": _shown(post, request)})
        if not self.trash:
            raise Refused(
                "rest_trash_not_supported", 501, "The post does not support trashing. Set 'force=true' to delete."
            )
        if post["status"] == "trash":
            raise Refused("rest_already_trashed", 410, "The post has already been deleted.")
        post |= {"status": "trash", "slug": f"{post['slug']}__trashed"}
        return JSONResponse(_shown(post, request))

    async def _media(self, request: Request, person: str | None) -> Response:
        if request.method == "GET":
            slug = request.query_params.get("slug")
            return JSONResponse([medium for medium in self.media.values() if slug in {None, medium["slug"]}])
        self._needs(person, "upload_files", "rest_cannot_create", status=400)
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            data, name, content_type = await file.read(), file.filename or "", file.content_type
        if len(data) > self.max_file_bytes:
            raise Refused(
                "rest_upload_file_too_big", 400, "This file is too big. Files must be less than 1 KB in size."
            )
        if TYPES.get(name.rpartition(".")[2].lower()) != content_type:
            raise Refused("rest_upload_unknown_error", 500, "Sorry, you are not allowed to upload this file type.")
        number = self._number()
        slug = self._unique(str(form.get("slug") or name), number, [*self.media.values(), *self.posts.values()])
        self.media[number] = {
            "id": number,
            "slug": slug,
            "status": "inherit",
            "alt_text": form.get("alt_text"),
            "source_url": f"{request.base_url}wp-content/uploads/{number}-{name}",
        }
        headers = {"x-wp-upload-attachment-id": str(number)}
        if self.weak:
            self.weak -= 1
            return HTMLResponse("<p>There has been a critical error on this website.</p>", 500, headers=headers)
        return JSONResponse(self.media[number], 201, headers=headers)

    def _post_process(self, number: int) -> Response:
        if self.weak:
            self.weak -= 1
            return HTMLResponse("<p>There has been a critical error on this website.</p>", 500)
        return JSONResponse(self.media[number])

    async def _terms(self, request: Request, person: str | None, kind: str) -> Response:
        known = self.terms[kind]
        if request.method == "GET":
            said = request.query_params.get("search", "").casefold()
            # A name is searched as it is stored, and shown as HTML.
            found = [number for number, name in known.items() if said in html.escape(name).casefold()]
            return JSONResponse([{"id": number, "name": html.escape(known[number])} for number in found[:100]])
        self._needs(person, "manage_categories" if kind == "categories" else "edit_posts", "rest_cannot_create")
        name = (await request.json())["name"]
        for number, other in known.items():
            if other.casefold() == name.casefold():
                raise Refused("term_exists", 400, "A term with the name provided already exists.", term_id=number)
        number = self._number()
        known[number] = name
        return JSONResponse({"id": number, "name": html.escape(name)}, 201)

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _unique(self, slug: str, number: int, others: Iterable[dict[str, Any]]) -> str:
        taken = {other["slug"] for other in others if other["id"] != number}
        candidates = [slug, *(f"{slug}-{count}" for count in range(2, 100))]
        return next(candidate for candidate in candidates if candidate not in taken)


def _sanitized(slug: str) -> str:
    return re.sub(r"[^\w]+", "-", slug.lower()).strip("-")


def _shown(post: dict[str, Any], request: Request) -> dict[str, Any]:
    link = f"{request.base_url}{post['slug']}/" if post["status"] == "publish" else f"{request.base_url}?p={post['id']}"
    texts = {name: {"raw": post[name], "rendered": post[name]} for name in ("title", "content", "excerpt")}
    return {**post, **texts, "link": link}

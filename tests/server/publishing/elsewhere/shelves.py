"""Shelves behind a server of their own, so that each call to one can be broken as one to a channel can."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.publishing.channels.sandbox_shelf import Sent
from server.publishing.http import Answer, Http
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.site.pages import Page

PAGE = TypeAdapter(Page)
SENT = TypeAdapter(Sent)


@dataclass
class Cupboard:
    """What lies on the shelf, by id, as JSON; and the files of pages."""

    things: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/things/{id}", self._thing, methods=["GET", "PUT", "DELETE"]),
                Route("/files/{name}", self._file, methods=["PUT"]),
            ]
        )

    async def _thing(self, request: Request) -> Response:
        thing = request.path_params["id"]
        if request.method == "PUT":
            self.things[thing] = await request.json()
        elif request.method == "DELETE":
            self.things.pop(thing, None)
        found = self.things.get(thing)
        return JSONResponse(found, 200 if found or request.method == "DELETE" else 404)

    async def _file(self, request: Request) -> Response:
        self.files[request.path_params["name"]] = await request.body()
        return JSONResponse({})


@dataclass(frozen=True)
class FarShelf:
    """A server.publishing.site.pages.Shelf that lies elsewhere. Every slug is free there."""

    http: Http
    url: str

    async def put(self, page: Page, *, now: datetime) -> str:
        body = PAGE.dump_python(page, mode="json")
        _taken(await self.http.call("PUT", f"{self.url}/things/{page.id}", changes=True, body=body))
        return page.slug

    async def find(self, page_id: UUID) -> str | None:
        answer = await self.http.call("GET", f"{self.url}/things/{page_id}", changes=False)
        return None if answer.status == 404 else PAGE.validate_python(_taken(answer).value()).slug

    async def remove(self, page_id: UUID) -> None:
        _taken(await self.http.call("DELETE", f"{self.url}/things/{page_id}", changes=True))

    async def keep(self, account_id: UUID, page_id: UUID, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            _taken(await self.http.call("PUT", f"{self.url}/files/{name}", changes=False, content=data))


@dataclass(frozen=True)
class FarSandboxShelf:
    """A SandboxShelf that lies elsewhere."""

    http: Http
    url: str

    async def put(self, sent: Sent) -> None:
        body = SENT.dump_python(sent, mode="json")
        _taken(await self.http.call("PUT", f"{self.url}/things/{sent.id}", changes=True, body=body))

    async def find(self, post_id: UUID) -> Sent | None:
        answer = await self.http.call("GET", f"{self.url}/things/{post_id}", changes=False)
        return None if answer.status == 404 else SENT.validate_python(_taken(answer).value())

    async def remove(self, post_id: UUID) -> None:
        _taken(await self.http.call("DELETE", f"{self.url}/things/{post_id}", changes=True))


def _taken(answer: Answer) -> Answer:
    if not answer.is_success:
        raise ChannelError(Remedy.RETRY, "The shelf is busy.", after_seconds=answer.retry_after_seconds())
    return answer

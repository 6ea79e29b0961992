"""The API as programs meet it, with the real middleware, database, Redis and rooms, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx
from openapi_schema_validator import OAS31Validator
from starlette.applications import Starlette

from server.accounts import tokens
from server.accounts.models import User
from server.db import Sessions
from server.web.errors import PROBLEM_TYPE

URL = "http://quillroom.test"


@dataclass(frozen=True, slots=True)
class Program:
    """A program with a token, whose every answer is held against the OpenAPI document."""

    client: httpx.AsyncClient
    user: User

    async def ask(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Ask for something below /api/v1."""
        return await self.client.request(method, f"/api/v1{path}", **parts)

    async def create(self, **fields: str) -> str:
        """Create a document and return its id."""
        answer = await self.ask("POST", "/documents", json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def content(self, document_id: str, written_in: str = "markdown") -> str:
        """Return a document's content."""
        answer = await self.ask("GET", f"/documents/{document_id}/content", params={"format": written_in})
        assert answer.status_code == 200, answer.text
        return answer.text


@asynccontextmanager
async def program(app: Starlette, sessions: Sessions, user: User) -> AsyncIterator[Program]:
    """Give a person's program."""
    async with sessions() as db:
        _, text = await tokens.create(db, user, "test")
        await db.commit()
    async with visitor(app, Authorization=f"Bearer {text}") as client:
        yield Program(client, user)


@asynccontextmanager
async def visitor(app: Starlette, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client whose every answer is held against the OpenAPI document."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as client:
        described = (await client.get("/api/v1/openapi.json")).json()

        async def check(answer: httpx.Response) -> None:
            if answer.request.url.path.startswith("/api/v1/"):
                await answer.aread()
                check_answer(described, answer)

        client.event_hooks = {"response": [check]}
        yield client


def check_answer(described: dict[str, Any], answer: httpx.Response) -> None:
    """Assert that an answer is one that the OpenAPI document promises."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    operation = _operation(described, answer.request)
    promised: dict[str, Any] | None
    if operation is None:
        # No operation at all: an unknown address, or a method that is not for it.
        assert answer.status_code in {404, 405}
        promised = {"content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    else:
        promised = operation["responses"].get(str(answer.status_code))
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            promised = described["components"]["responses"]["Problem"]
        assert promised is not None, f"{answer.request.method} {answer.request.url.path}: {answer.status_code}"
        for name in promised.get("headers", {}):
            assert name in answer.headers
    content = promised.get("content")
    if content is None:
        assert not answer.content
        return
    schema = content[kind]["schema"]
    if kind.endswith("json"):
        OAS31Validator({**schema, "components": described["components"]}).validate(answer.json())
    if answer.is_error:
        assert answer.json()["status"] == answer.status_code


def _operation(described: dict[str, Any], request: httpx.Request) -> dict[str, Any] | None:
    parts = request.url.path.split("/")
    for template, operations in described["paths"].items():
        names = template.split("/")
        fits = len(names) == len(parts) and all(
            _is_id(part) if name.startswith("{") else name == part for name, part in zip(names, parts, strict=True)
        )
        if fits:
            found: dict[str, Any] | None = operations.get("get" if request.method == "HEAD" else request.method.lower())
            return found
    return None


def _is_id(part: str) -> bool:
    try:
        UUID(part)
    except ValueError:
        return False
    return True

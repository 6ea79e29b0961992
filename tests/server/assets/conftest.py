from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from obstore.store import ObjectStore
from starlette.applications import Starlette

from server.accounts.models import User
from server.assets.storage import open_store
from server.db import Sessions
from server.documents.models import Document
from server.settings import Settings
from server.web import csrf
from server.web.cookies import SESSION
from server.workspaces.models import Role, Workspace
from tests.factories import csrf_of, make_member, make_team, sign_in

PUBLIC_URL = "http://quillroom.test"


@pytest.fixture
def settings(db_url: str, redis_url: str, tmp_path: Any) -> Settings:
    """Small limits, so that a test needs no large files."""
    return Settings(
        database_url=db_url,
        redis_url=redis_url,
        data_dir=tmp_path / "data",
        base_url=PUBLIC_URL,
        max_upload_bytes=200_000,
        max_image_pixels=1_000_000,
    )


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    """The real local store, as the application opens it."""
    return open_store(settings)


def assert_refused(response: httpx.Response, status: int, word: str) -> None:
    """Check that the answer is a problem whose detail is a sentence with this word."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert word in problem["detail"]
    assert problem["detail"].endswith(".")


@dataclass
class Browser:
    """A person's browser."""

    client: httpx.AsyncClient
    user: User | None

    async def token(self) -> str:
        """A token of this person's pages."""
        secret = self.client.cookies.get(SESSION)
        return csrf.issue(secret) if secret else await csrf_of(self.client)

    async def post(self, document_id: UUID, **request: Any) -> httpx.Response:
        """Upload as the editor does."""
        headers = {"X-CSRF-Token": await self.token(), "Accept": "application/json", **request.pop("headers", {})}
        return await self.client.post(f"/documents/{document_id}/assets", headers=headers, **request)

    async def send(
        self, document_id: UUID, data: bytes, name: str = "a.png", media_type: str = "image/png"
    ) -> httpx.Response:
        """Upload one file."""
        return await self.post(document_id, files={"file": (name, data, media_type)})


@dataclass
class Studio:
    """A workspace with a document, and people who come to it."""

    app: Starlette
    sessions: Sessions
    workspace: Workspace
    ada: User
    document_id: UUID
    clients: list[httpx.AsyncClient]

    async def browser(self, user: User | None) -> Browser:
        """A browser in which `user`, if anybody, is signed in."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL)
        self.clients.append(client)
        if user is not None:
            await sign_in(client, self.sessions, user)
            assert client.cookies[SESSION]
        return Browser(client, user)

    async def member(self, role: Role = Role.MEMBER) -> Browser:
        """Somebody else of this workspace."""
        async with self.sessions.begin() as db:
            user = await make_member(db, self.workspace, role=role)
        return await self.browser(user)

    async def stranger(self) -> Browser:
        """Somebody with an account and a workspace of their own."""
        user, _ = await make_team(self.sessions, name="Eve")
        return await self.browser(user)

    async def document(self, workspace_id: UUID | None = None, **fields: Any) -> UUID:
        """One more document."""
        async with self.sessions.begin() as db:
            document = Document(workspace_id=workspace_id or self.workspace.id, **fields)
            db.add(document)
        return document.id


@pytest.fixture
async def studio(app: Starlette, sessions: Sessions) -> AsyncIterator[Studio]:
    """A workspace with one document."""
    ada, workspace = await make_team(sessions)
    studio = Studio(app, sessions, workspace, ada, UUID(int=0), [])
    studio.document_id = await studio.document()
    yield studio
    for client in studio.clients:
        await client.aclose()


@pytest.fixture
async def ada(studio: Studio) -> Browser:
    """The workspace's admin, at the browser."""
    return await studio.browser(studio.ada)

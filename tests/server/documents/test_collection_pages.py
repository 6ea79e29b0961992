"""Collections in the browser without script, and what the list asks of the database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, event
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions
from server.documents import lifecycle
from server.documents.models import Document
from server.workspaces.models import Role, Workspace
from tests.factories import actor, csrf_of, make_team, sign_in


@pytest.fixture
async def team(app: Starlette, sessions: Sessions) -> tuple[User, Workspace]:
    return await make_team(sessions)


@pytest.fixture
async def ada(client: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace]) -> httpx.AsyncClient:
    await sign_in(client, sessions, team[0])
    return client


async def post(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    data = {"csrf": await csrf_of(client, "/documents"), **fields}
    return await client.post(path, data=data, headers={"Origin": "http://quillroom.test"})


async def make(client: httpx.AsyncClient, name: str, **fields: str) -> str:
    answer = await post(client, "/collections", name=name, **fields)
    found = re.fullmatch(r"/documents\?collection=(.+)", answer.headers["location"])
    assert found
    return found[1]


async def test_a_collection_is_made_filled_renamed_moved_and_taken_away(
    ada: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace]
) -> None:
    async with sessions.begin() as db:
        await lifecycle.create(db, actor(*team, Role.ADMIN), title="Elsewhere")
    plans = await make(ada, "Plans & <i>")
    budget = await make(ada, "Budget", parent=plans)
    page = (await ada.get(f"/documents?collection={plans}")).text
    assert "Plans &amp; &lt;i&gt;</h1>" in page
    assert f'href="/documents?collection={budget}"' in page
    assert "Elsewhere" not in page
    document = (await post(ada, "/documents", collection=budget)).headers["location"]
    page = (await ada.get(f"/documents?collection={budget}")).text
    assert f'href="{document}"' in page
    assert f'<a href="/documents?collection={plans}">' in page
    # Counted where it lies and in what that lies in.
    assert re.search(
        rf'collection={budget}">.+?folder-count">1<', (await ada.get(f"/documents?collection={plans}")).text, re.DOTALL
    )
    assert re.search(rf'collection={plans}">.+?folder-count">1<', (await ada.get("/documents")).text, re.DOTALL)
    # What is looked for in a collection may lie deeper.
    await post(ada, f"{document}/rename", title="Numbers")
    assert "Numbers" not in (await ada.get(f"/documents?collection={plans}")).text
    assert "Numbers" in (await ada.get(f"/documents?collection={plans}&q=numb")).text
    tree = (await ada.get(f"{document}/move")).text
    assert re.findall(r'data-depth="(\d)"[^>]*>\s*<input[^>]+value="([^"]*)"( checked)?', tree) == [
        ("0", "", ""),
        ("1", plans, ""),
        ("2", budget, " checked"),
    ]
    assert (await post(ada, f"{document}/move", collection="")).headers["location"] == "/documents"
    assert f'href="{document}"' not in (await ada.get(f"/documents?collection={budget}")).text
    await post(ada, f"/collections/{budget}/rename", name="Money")
    await post(ada, f"/collections/{budget}/move", collection="")
    assert 'value="Money"' in (await ada.get(f"/collections/{budget}/rename")).text
    assert f'value="{budget}"' not in (await ada.get(f"/collections/{budget}/move")).text
    refused = await post(ada, f"/collections/{plans}/rename", name=" ")
    assert (refused.status_code, "Give it a name" in refused.text) == (422, True)
    refused = await post(ada, f"/collections/{plans}/move", collection=plans)
    assert (refused.status_code, "cannot lie in itself" in refused.text) == (422, True)
    assert "into no collection" in (await ada.get(f"/collections/{plans}/remove")).text
    assert (await post(ada, f"/collections/{plans}/remove")).headers["location"] == "/documents"
    assert "Plans" not in (await ada.get("/documents")).text
    assert (await ada.get(f"/documents?collection={plans}")).status_code == 404
    open_list = await ada.get(f"/documents?collection={plans}", headers={"HX-Request": "true"})
    assert (open_list.status_code, open_list.headers["hx-redirect"]) == (204, "/documents")
    assert (await ada.get("/documents?collection=nonsense")).status_code == 200


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    statements: list[str] = []

    def note(*parts: Any) -> None:
        statements.append(parts[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", ["/documents", "/api/v1/documents"])
async def test_a_longer_list_asks_no_more_questions(
    ada: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace], path: str
) -> None:
    counts = []
    for more in (2, 20):
        place = await make(ada, f"With {more}")
        async with sessions.begin() as db:
            for number in range(more):
                made = await lifecycle.create(db, actor(*team, Role.ADMIN), title=f"Note {number}")
                document = await db.get_one(Document, made.id)
                document.collection_id = document.collection_id if number % 2 else UUID(place)
        with counted() as statements:
            assert (await ada.get(path)).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] < 12

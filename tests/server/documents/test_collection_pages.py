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
from server.documents.access import DocumentRole, actor_at
from server.documents.models import Document
from server.workspaces.models import Role, Workspace
from tests.factories import actor, csrf_of, make_member, make_team, sign_in


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


async def test_a_collection_is_shared_in_the_panel(
    ada: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace]
) -> None:
    async with sessions.begin() as db:
        bo = await make_member(db, team[1], name="Bo Member")
    plans = await make(ada, "Plans & <i>")
    inner = await make(ada, "Inner", parent=plans)
    document_id = UUID((await post(ada, "/documents", collection=inner)).headers["location"].rpartition("/")[2])
    here = f"/collections/{plans}/sharing"

    async def role() -> DocumentRole | None:
        async with sessions() as db:
            return (await actor_at(db, bo, document_id))[1].role

    page = (await ada.get(here)).text
    assert "Share “Plans &amp; &lt;i&gt;”</h1>" in page
    assert "share-links" not in page
    assert f'<option value="{bo.email}">Bo Member</option>' in page
    await post(ada, f"{here}/reach", reach="people")
    assert await role() is None
    said = await post(ada, f"{here}/people", who="bo member", role="reviewer")
    assert "Bo Member: can comment and suggest." in said.text
    assert await role() is DocumentRole.REVIEWER
    # The panel of what lies in it says where a role comes from.
    assert "from “Plans &amp; &lt;i&gt;”" in (await ada.get(f"/collections/{inner}/sharing")).text
    assert "As in the collection around it" in (await ada.get(f"/collections/{inner}/sharing")).text
    for who, problem in (("Nobody", "has that name"), ("x@example.org", "Invite them"), ("x@@y", "does not look")):
        refused = await post(ada, f"{here}/people", who=who, role="viewer")
        assert (refused.status_code, problem in refused.text) == (422, True)
    assert "No link opens" not in (await post(ada, f"{here}/people/{bo.id}", role="viewer")).text
    assert await role() is DocumentRole.VIEWER
    assert "Hand it over to" in (await post(ada, f"{here}/people/{bo.id}", role="owner")).text
    await post(ada, f"{here}/people/{bo.id}", role="owner", sure="true")
    assert await role() is DocumentRole.OWNER
    await post(ada, f"{here}/people/{bo.id}", role="remove")
    assert await role() is None


async def test_an_editor_is_told_that_only_owners_move_owners(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace]
) -> None:
    async with sessions.begin() as db:
        bo, cy = [await make_member(db, team[1], name=name) for name in ("Bo", "Cy")]
    places = {}
    transport = httpx.ASGITransport(app=app)
    for user in (bo, cy):
        async with httpx.AsyncClient(transport=transport, base_url="http://quillroom.test") as theirs:
            await sign_in(theirs, sessions, user)
            places[user.name] = await make(theirs, f"By {user.name}")
            if user is bo:
                document = (await post(theirs, "/documents", collection=places["Bo"])).headers["location"]
                continue
            for path, fields, status in (
                (f"/collections/{places['Bo']}/move", {"collection": places["Cy"]}, 422),
                (f"/collections/{places['Bo']}/remove", {}, 422),
                (f"{document}/move", {"collection": places["Cy"]}, 403),
            ):
                answer = await post(theirs, path, **fields)
                assert answer.status_code == status, path
                assert re.search("Only (one of its owners|an owner of it) can", answer.text), path


async def test_who_leaves_a_collection_is_told_so(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace]
) -> None:
    async with sessions.begin() as db:
        gus = await make_member(db, team[1], role=Role.GUEST, name="Gus")
    plans = await make(ada, "Plans")
    await post(ada, f"/collections/{plans}/sharing/people", who=gus.email, role="editor")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://quillroom.test") as theirs:
        await sign_in(theirs, sessions, gus)
        # A guest changes what is shared with them, and makes nothing of their own.
        page = (await theirs.get(f"/documents?collection={plans}")).text
        assert f"/collections/{plans}/rename" in page
        assert "New document" not in page
        assert "New collection" not in page
        answer = await post(theirs, f"/collections/{plans}/sharing/people/{gus.id}", role="remove")
        assert "You have left this collection." in answer.text
        assert (await theirs.get(f"/documents?collection={plans}")).status_code == 404

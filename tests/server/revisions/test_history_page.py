"""The page of a document's history: who may see it, what it offers, and how few questions it asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.access import actor_at
from server.documents.models import Document, DocumentRole
from server.revisions import recording
from server.revisions.models import Reason
from server.revisions.routes import BLOCKS_PER_PART
from server.workspaces.models import Role, Workspace
from tests.conftest import PUBLIC_URL
from tests.factories import csrf_of, make_member, make_team, name_on, sign_in
from tests.server.revisions.writing_room import begin, says, write

Team = tuple[User, Workspace]


@pytest.fixture
async def team(sessions: Sessions) -> Team:
    return await make_team(sessions)


@pytest.fixture
async def document(sessions: Sessions, team: Team) -> Document:
    return await begin(sessions, *team, markdown="One.\n\nTwo.", title="Plan")


@pytest.fixture
async def ada(client: httpx.AsyncClient, sessions: Sessions, team: Team) -> AsyncIterator[httpx.AsyncClient]:
    await sign_in(client, sessions, team[0])
    yield client


async def keep(sessions: Sessions, document: Document, name: str) -> UUID:
    async with transaction(sessions) as db:
        return (await recording.record(db, document.id, reason=Reason.NAMED, name=name)).id


async def post(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": await csrf_of(client, "/documents"), **fields})


async def test_the_present_is_compared_with_the_newest(
    ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    path = f"/documents/{document.id}/history"
    empty = await ada.get(path)
    assert empty.status_code == 200
    assert "The first version appears after a few minutes" in empty.text
    await keep(sessions, document, "Good <b>")
    assert "No differences" in (await ada.get(path)).text
    await write(sessions, document.id, "One.\n\nTwo and three.")
    page = (await ada.get(path)).text
    assert "Good &lt;b&gt;" in page
    assert " and three</ins>." in page
    assert "in the database" in page


async def test_versions_without_a_name_are_chosen_by_a_time_that_the_page_can_make_its_readers(
    ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    async with transaction(sessions) as db:
        first = await recording.record(db, document.id)
    page = (await ada.get(f"/documents/{document.id}/history")).text
    moment = f'data-moment="{first.created_at.isoformat()}" data-words="Version 1, " selected>Version 1, '
    assert f'<option value="{first.id}" {moment}' in page


async def test_addresses_that_lead_nowhere_show_the_present(
    ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    path = f"/documents/{document.id}/history"
    odd = ("revision=x", "part=99", "part=0", "against=%00", f"before={10**20}")
    for query in (f"revision={uuid4()}", f"restored={uuid4()}", *odd):
        page = await ada.get(f"{path}?{query}")
        assert page.status_code == 200
        assert "<strong>Current version</strong>" in page.text


async def test_the_history_is_for_those_who_may_edit(
    app: Starlette, sessions: Sessions, document: Document, team: Team
) -> None:
    async with transaction(sessions) as db:
        reader = await make_member(db, team[1], role=Role.GUEST)
        stranger = await make_member(db, team[1], role=Role.GUEST)
        await name_on(db, document, reader, DocumentRole.VIEWER)
    revision_id = await keep(sessions, document, "Good")
    path = f"/documents/{document.id}/history"
    for person, refused in ((reader, 403), (stranger, 404)):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL) as client:
            await sign_in(client, sessions, person)
            for page in (f"{path}?revision={revision_id}", f"{path}/authors"):
                assert (await client.get(page)).status_code == refused
            assert path not in (await client.get(f"/documents/{document.id}")).text
            for deed in ("restore", "name", "copy"):
                answer = await post(client, f"{path}/{revision_id}/{deed}", name="Mine")
                assert answer.status_code == refused, deed
            assert (await post(client, f"{path}/name", name="Mine")).status_code == refused


async def test_a_restore_leads_to_what_it_made_with_the_way_back(
    ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    revision_id = await keep(sessions, document, "Good")
    await write(sessions, document.id, "Else.")
    path = f"/documents/{document.id}/history"
    answer = await post(ada, f"{path}/{revision_id}/restore")
    assert answer.status_code == 303
    page = (await ada.get(answer.headers["Location"])).text
    assert "Restored version 1" in page
    assert "Take it back" in page
    async with transaction(sessions) as db:
        assert await says(db, document.id) == "One.\nTwo."
    # Nothing to do: no revision is made of it.
    again = await post(ada, f"{path}/{revision_id}/restore")
    assert again.headers["Location"] == f"{path}?unchanged=1"
    assert "nothing to change" in (await ada.get(again.headers["Location"])).text


async def test_a_copy_is_for_its_maker_alone_until_they_share_it(
    ada: httpx.AsyncClient, sessions: Sessions, document: Document, team: Team
) -> None:
    async with transaction(sessions) as db:
        other = await make_member(db, team[1])
    revision_id = await keep(sessions, document, "Good")
    made = (await post(ada, f"/documents/{document.id}/history/{revision_id}/copy")).headers["Location"]
    assert (await ada.get(made)).status_code == 200
    async with transaction(sessions) as db:
        copied = UUID(made.rpartition("/")[2])
        assert (await actor_at(db, other, document.id))[1].role is DocumentRole.EDITOR
        assert (await actor_at(db, other, copied))[1].role is None


async def test_a_long_text_comes_in_parts(ada: httpx.AsyncClient, sessions: Sessions, document: Document) -> None:
    await keep(sessions, document, "Good")
    words = [f"Paragraph {number}." for number in range(BLOCKS_PER_PART + 5)]
    await write(sessions, document.id, "\n\n".join(words))
    path = f"/documents/{document.id}/history"
    first = (await ada.get(path)).text
    assert "Paragraph 3." in first
    assert words[-1] not in first
    assert "Next part of the text" in first
    second = (await ada.get(f"{path}?part=2")).text
    assert words[-1] in second
    assert "Earlier part of the text" in second


async def test_a_long_list_asks_no_more_questions_than_a_short_one(
    ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    path = f"/documents/{document.id}/history"

    async def questions() -> int:
        asked: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            asked.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            assert (await ada.get(path)).status_code == 200
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        return len(asked)

    for number in range(2):
        await write(sessions, document.id, f"One. {number}")
        await keep(sessions, document, f"Draft {number}")
    few = await questions()
    for number in range(10):
        await write(sessions, document.id, f"Two. {number}")
        await keep(sessions, document, f"Later draft {number}")
    assert await questions() == few

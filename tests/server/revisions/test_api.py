"""Revisions over the API: listed, read, compared, named, restored while others write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from pycrdt import XmlElement, XmlText
from sqlalchemy import select
from starlette.applications import Starlette

from realtime.ports import DocumentId
from server.db import Sessions, transaction
from server.documents import ydoc
from server.documents.models import Document, DocumentRole
from server.revisions.models import DocumentClient
from server.workspaces.models import Role, Workspace
from tests.factories import make_member, make_team, name_on
from tests.server.documents.programs import Program, program
from tests.server.documents.test_api_documents import problem
from tests.server.revisions.writing_room import text_of


@pytest.fixture
async def ada(app: Starlette, sessions: Sessions) -> AsyncIterator[Program]:
    user, _ = await make_team(sessions)
    async with program(app, sessions, user) as found:
        yield found


async def put(ada: Program, document_id: str, markdown: str) -> None:
    body = {"format": "markdown", "content": markdown}
    assert (await ada.ask("PUT", f"/documents/{document_id}/content", json=body)).status_code == 200


async def name(ada: Program, document_id: str, words: str) -> str:
    answer = await ada.ask("POST", f"/documents/{document_id}/revisions", json={"name": words})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_revisions_are_listed_newest_first_in_pages(ada: Program) -> None:
    document_id = await ada.create(title="Plan", content="One.")
    for number in range(2, 5):
        await put(ada, document_id, f"One. {'Two. ' * number}")
        await name(ada, document_id, f"Draft {number}")
    first = (await ada.ask("GET", f"/documents/{document_id}/revisions?limit=3")).json()
    assert [each["name"] for each in first["revisions"]] == ["Draft 4", "Draft 3", "Draft 2"]
    assert [each["number"] for each in first["revisions"]] == [4, 3, 2]
    assert first["revisions"][0]["authors"] == [{"id": str(ada.user.id), "name": ada.user.name}]
    assert first["revisions"][0]["added"] == 5
    rest = await ada.ask("GET", f"/documents/{document_id}/revisions?limit=3&cursor={first['next_cursor']}")
    [oldest] = rest.json()["revisions"]
    assert (oldest["number"], oldest["reason"], rest.json()["next_cursor"]) == (1, "import", None)
    problem(await ada.ask("GET", f"/documents/{document_id}/revisions?cursor=x"), 422)


async def test_a_revision_says_what_the_document_said(ada: Program) -> None:
    document_id = await ada.create(content="One *two*.")
    revision_id = await name(ada, document_id, "First")
    await put(ada, document_id, "Something else.")
    path = f"/documents/{document_id}/revisions/{revision_id}"
    assert (await ada.ask("GET", path)).json()["content"] == "One *two*.\n"
    assert "<em>two</em>" in (await ada.ask("GET", f"{path}?format=html")).json()["content"]
    problem(await ada.ask("GET", f"/documents/{document_id}/revisions/{uuid4()}"), 404)
    other = await ada.create(content="Other")
    problem(await ada.ask("GET", f"/documents/{other}/revisions/{revision_id}"), 404)


async def test_a_name_comes_and_goes(ada: Program) -> None:
    document_id = await ada.create(content="One.")
    revision_id = await name(ada, document_id, " First\x00 draft ")
    path = f"/documents/{document_id}/revisions/{revision_id}"
    assert (await ada.ask("GET", path)).json()["revision"]["name"] == "First draft"
    assert (await ada.ask("PATCH", path, json={"name": "Better"})).json()["name"] == "Better"
    assert (await ada.ask("PATCH", path, json={"name": ""})).json()["name"] is None
    problem(await ada.ask("PATCH", path, json={"name": "x" * 121}), 422)
    problem(await ada.ask("POST", f"/documents/{document_id}/revisions", json={"name": " "}), 422)


async def test_a_comparison_tells_what_came_and_went_in_pages(ada: Program) -> None:
    document_id = await ada.create(content="# Aim\n\nTo write.\n\nTo go.\n\nStays.")
    old = await name(ada, document_id, "Old")
    await put(ada, document_id, "# Aim\n\nTo write together.\n\nStays.\n\nCame.")
    path = f"/documents/{document_id}/compare?from={old}"
    now = (await ada.ask("GET", path)).json()
    assert [(each["kind"], each["before"], each["after"]) for each in now["changes"]] == [
        ("edited", "To write.", "To write together."),
        ("removed", "To go.", ""),
        ("added", "", "Came."),
    ]
    assert (now["added"], now["removed"], now["total"], now["next_cursor"]) == (14, 6, 3, None)
    assert f'data-by="{ada.user.id}"> together</ins>' in now["changes"][0]["html"]
    new = await name(ada, document_id, "New")
    assert (await ada.ask("GET", f"{path}&to={new}")).json() == now
    paged = (await ada.ask("GET", f"{path}&to={new}&limit=2&cursor=2")).json()
    assert [each["after"] for each in paged["changes"]] == ["Came."]
    problem(await ada.ask("GET", f"/documents/{document_id}/compare"), 422)
    problem(await ada.ask("GET", f"/documents/{document_id}/compare?from={uuid4()}"), 404)


async def test_a_restore_changes_only_what_differs_and_can_be_taken_back(
    ada: Program, app: Starlette, sessions: Sessions
) -> None:
    document_id = await ada.create(title="Plan", content="# Aim\n\nTo write.\n\nStays.")
    old = await name(ada, document_id, "Old")
    before = (await ada.ask("GET", f"/documents/{document_id}/content")).json()
    await put(ada, document_id, "# Aim\n\nTo write together.\n\nStays.\n\nCame.")
    await ada.ask("PATCH", f"/documents/{document_id}", json={"title": "Better"})
    answer = await ada.ask("POST", f"/documents/{document_id}/revisions/{old}/restore", json={})
    done = answer.json()
    assert (done["changed"], done["before"]["reason"], done["revision"]["reason"]) == (True, "automatic", "restore")
    assert (done["revision"]["restored"], done["revision"]["made_by"]["id"]) == (1, str(ada.user.id))
    assert (await ada.ask("GET", f"/documents/{document_id}/content")).json() == before
    doc = ydoc.load(await app.state.live.read(UUID(document_id)))
    assert ydoc.read_title(doc) == "Plan"
    again = await ada.ask("POST", f"/documents/{document_id}/revisions/{old}/restore", json={})
    assert (again.json()["changed"], again.json()["revision"]) == (False, None)
    back = await ada.ask("POST", f"/documents/{document_id}/revisions/{done['before']['id']}/restore", json={})
    assert back.json()["changed"]
    assert await ada.content(document_id) == "# Aim\n\nTo write together.\n\nStays.\n\nCame.\n"
    async with transaction(sessions) as db:
        clients = list(await db.scalars(select(DocumentClient)))
    assert [each.user_id for each in clients] == [ada.user.id] * 3


async def test_what_was_typed_offline_before_a_restore_is_merged_and_nothing_doubles(
    ada: Program, app: Starlette
) -> None:
    document_id = await ada.create(content="One.\n\nTwo.\n\nThree.")
    old = await name(ada, document_id, "Old")
    await put(ada, document_id, "One.\n\nThree and more.")
    away = ydoc.load(await app.state.live.read(UUID(document_id)))
    seen = away.get_state()
    with away.transaction():
        [first, *_] = ydoc.fragment(away).children
        assert isinstance(first, XmlElement)
        [words] = first.children
        assert isinstance(words, XmlText)
        words.insert(0, "Offline: ")
    done = await ada.ask("POST", f"/documents/{document_id}/revisions/{old}/restore", json={})
    assert done.json()["changed"]
    await app.state.live.hub.edit(DocumentId(document_id), away.get_update(seen))
    doc = ydoc.load(await app.state.live.read(UUID(document_id)))
    assert text_of(doc) == "Offline: One.\nTwo.\nThree."
    away.apply_update(doc.get_update())
    assert text_of(away) == "Offline: One.\nTwo.\nThree."


async def test_two_restores_at_once_leave_one_text(ada: Program) -> None:
    document_id = await ada.create(content="One.\n\nTwo.")
    old = await name(ada, document_id, "Old")
    await put(ada, document_id, "Else.")
    path = f"/documents/{document_id}/revisions/{old}/restore"
    answers = await asyncio.gather(*(ada.ask("POST", path, json={}) for _ in range(3)))
    assert {each.status_code for each in answers} == {200}
    assert [each.json()["changed"] for each in answers].count(True) == 1
    assert await ada.content(document_id) == "One.\n\nTwo.\n"


async def test_one_block_is_restored_brought_back_or_taken_out(ada: Program) -> None:
    document_id = await ada.create(content="# Aim\n\nTo write.\n\nTo go.\n\nStays.")
    old = await name(ada, document_id, "Old")
    blocks = (await ada.ask("GET", f"/documents/{document_id}/content")).json()["content"]
    ids = [block["attrs"]["id"] for block in blocks]
    await put(ada, document_id, "# Aim\n\nTo write together.\n\nStays a bit.\n\nCame.")
    now = (await ada.ask("GET", f"/documents/{document_id}/content")).json()["content"]

    async def restore(block_id: str) -> str:
        path = f"/documents/{document_id}/revisions/{old}/restore"
        assert (await ada.ask("POST", path, json={"block_id": block_id})).json()["changed"]
        return await ada.content(document_id)

    assert await restore(ids[1]) == "# Aim\n\nTo write.\n\nStays a bit.\n\nCame.\n"
    assert await restore(ids[2]) == "# Aim\n\nTo write.\n\nTo go.\n\nStays a bit.\n\nCame.\n"
    assert await restore(now[-1]["attrs"]["id"]) == "# Aim\n\nTo write.\n\nTo go.\n\nStays a bit.\n"
    path = f"/documents/{document_id}/revisions/{old}/restore"
    problem(await ada.ask("POST", path, json={"block_id": "nowhere"}), 422)
    made = (await ada.ask("GET", f"/documents/{document_id}/revisions")).json()["revisions"]
    done = [(each["name"], each["restored"]) for each in made if each["reason"] == "restore"]
    assert done == [
        ("Took out one block that version 1 does not have: “Came.”", None),
        ("Restored one block from version 1: “To go.”", None),
        ("Restored one block from version 1: “To write.”", None),
    ]


async def test_readers_read_and_editors_restore(ada: Program, app: Starlette, sessions: Sessions) -> None:
    document_id = await ada.create(content="One.")
    old = await name(ada, document_id, "Old")
    await put(ada, document_id, "Two.")
    async with transaction(sessions) as db:
        document = await db.get_one(Document, UUID(document_id))
        workspace = await db.get_one(Workspace, document.workspace_id)
        guest = await make_member(db, workspace, role=Role.GUEST)
        stranger = await make_member(db, workspace, role=Role.GUEST)
        await name_on(db, document, guest, DocumentRole.REVIEWER)
    path = f"/documents/{document_id}/revisions"
    calls = [("POST", path, {"name": "Mine"}), ("PATCH", f"{path}/{old}", {"name": "Mine"})]
    calls += [("POST", f"{path}/{old}/restore", {})]
    async with program(app, sessions, guest) as theirs:
        # What was taken out before it was shared with them is not for them.
        assert await theirs.content(document_id) == "Two.\n"
        for reading in (path, f"{path}/{old}", f"/documents/{document_id}/compare?from={old}"):
            problem(await theirs.ask("GET", reading), 403)
        problem(await theirs.ask("GET", f"/documents/{document_id}/authorship"), 403)
        for method, where, body in calls:
            problem(await theirs.ask(method, where, json=body), 403)
    async with program(app, sessions, stranger) as theirs:
        for method, where, body in calls:
            problem(await theirs.ask(method, where, json=body), 404)
        problem(await theirs.ask("GET", path), 404)
    await ada.ask("DELETE", f"/documents/{document_id}")
    problem(await ada.ask("POST", f"{path}/{old}/restore", json={}), 409)
    assert (await ada.ask("GET", path)).status_code == 200

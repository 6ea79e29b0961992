"""Collections over the API: what lies where, and how roles follow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlmodel import col
from starlette.applications import Starlette

from server.db import Sessions
from server.documents import collections
from server.documents.models import MAX_COLLECTION_DEPTH
from server.errors import NotFound
from server.workspaces.models import Member, Role
from tests.factories import make_member, make_team
from tests.server.documents.programs import Program, program

LIMIT_SECONDS = 20


@dataclass
class Office:
    """Ada is the admin, Mem a member, Gus a guest, Eve somebody from elsewhere."""

    ada: Program
    mem: Program
    gus: Program
    eve: Program

    async def make(self, name: str, parent_id: str | None = None, *, by: Program | None = None) -> str:
        answer = await (by or self.ada).ask("POST", "/collections", json={"name": name, "parent_id": parent_id})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def put(self, document_id: str, collection_id: str | None, *, by: Program | None = None) -> httpx.Response:
        body = {"collection_id": collection_id}
        return await (by or self.ada).ask("PUT", f"/documents/{document_id}/collection", json=body)

    async def names(self, who: Program) -> dict[str, str | None]:
        found = (await who.ask("GET", "/collections")).json()["collections"]
        by_id = {each["id"]: each["name"] for each in found}
        return {each["name"]: by_id.get(each["parent_id"]) for each in found}


async def role_of(who: Program, document_id: str) -> str | None:
    answer = await who.ask("GET", f"/documents/{document_id}/sharing")
    return str(answer.json()["your_role"]) if answer.status_code == 200 else None


def refused(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text


@pytest.fixture
async def office(app: Starlette, sessions: Sessions) -> AsyncIterator[Office]:
    ada, workspace = await make_team(sessions, name="Ada")
    eve, _ = await make_team(sessions, name="Eve")
    async with sessions.begin() as db:
        mem = await make_member(db, workspace, name="Mem")
        gus = await make_member(db, workspace, role=Role.GUEST, name="Gus")
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(program(app, sessions, user)) for user in (ada, mem, gus, eve)]
        yield Office(*people)


async def test_a_role_at_a_collection_holds_for_all_in_it(office: Office) -> None:
    outer = await office.make("Outer")
    inner = await office.make("Inner", outer)
    document_id = await office.ada.create(title="Plan")
    assert (await office.put(document_id, inner)).json()["collection_id"] == inner
    assert await role_of(office.gus, document_id) is None
    theirs = f"/collections/{outer}/collaborators/{office.gus.user.id}"
    named = await office.ada.ask("PUT", theirs, json={"role": "reviewer"})
    assert [each["role"] for each in named.json()["collaborators"]] == ["owner", "reviewer"]
    assert await role_of(office.gus, document_id) == "reviewer"
    assert await office.names(office.gus) == {"Outer": None, "Inner": "Outer"}
    listed = (await office.ada.ask("GET", f"/documents/{document_id}/collaborators")).json()["collaborators"]
    found = sorted((each["person"]["name"], (each["inherited_from"] or {"name": ""})["name"]) for each in listed)
    assert found == [("Ada", ""), ("Ada", "Inner"), ("Ada", "Outer"), ("Gus", "Outer")]
    inside = (await office.gus.ask("GET", f"/documents?collection={inner}")).json()["documents"]
    assert [each["id"] for each in inside] == [document_id]
    assert (await office.gus.ask("GET", f"/documents?collection={outer}")).json()["documents"] == []
    assert (await office.ada.ask("DELETE", theirs)).status_code == 204
    assert await role_of(office.gus, document_id) is None
    refused(await office.ada.ask("DELETE", theirs), 404)


async def test_what_a_collection_gives_counts_until_something_nearer_speaks(office: Office) -> None:
    outer = await office.make("Outer")
    inner = await office.make("Inner", outer)
    document_id = await office.ada.create(title="Plan")
    await office.put(document_id, inner)
    assert await role_of(office.mem, document_id) == "editor"
    await office.ada.ask("PUT", f"/collections/{outer}/sharing", json={"reach": "people"})
    assert await role_of(office.mem, document_id) is None
    assert await office.names(office.mem) == {}
    reading = {"reach": "workspace", "role": "viewer"}
    seen = (await office.ada.ask("PUT", f"/collections/{inner}/sharing", json=reading)).json()
    assert (seen["reach"], seen["role"], seen["your_role"]) == ("workspace", "viewer", "owner")
    assert await role_of(office.mem, document_id) == "viewer"
    assert await office.names(office.mem) == {"Inner": None}
    await office.ada.ask("PUT", f"/documents/{document_id}/sharing", json={"reach": "workspace", "role": "reviewer"})
    assert await role_of(office.mem, document_id) == "reviewer"
    for wrong in ({"role": None}, {"role": "owner"}, {"reach": "people"}):
        refused(await office.ada.ask("PUT", f"/collections/{inner}/sharing", json={**reading, **wrong}), 422)


async def test_whoever_keeps_it_for_few_is_one_of_them(office: Office) -> None:
    mine = await office.make("Everybody's")
    kept = await office.mem.ask("PUT", f"/collections/{mine}/sharing", json={"reach": "people"})
    assert kept.json()["your_role"] == "editor"
    assert await office.names(office.mem) == {"Everybody's": None}


@pytest.fixture
async def kept(office: Office) -> str:
    """A document that Mem owns and keeps for few, in a collection of Mem's. Gus is named an editor of both."""
    mine = await office.make("Mine", by=office.mem)
    document_id = await office.mem.create(title="Kept")
    assert (await office.put(document_id, mine, by=office.mem)).status_code == 200
    await office.mem.ask("PUT", f"/documents/{document_id}/sharing", json={"reach": "people"})
    for thing in (f"/collections/{mine}", f"/documents/{document_id}"):
        named = await office.mem.ask("PUT", f"{thing}/collaborators/{office.gus.user.id}", json={"role": "editor"})
        assert named.is_success, named.text
    return document_id


async def _place(who: Program, document_id: str) -> str:
    return str((await who.ask("GET", f"/documents/{document_id}")).json()["collection_id"])


async def _join(office: Office, sessions: Sessions) -> None:
    """Make a member of the guest, who may then make collections, and so owns some."""
    async with sessions.begin() as db:
        member = await db.scalar(select(Member).where(col(Member.user_id) == office.gus.user.id))
        assert member is not None
        member.role = Role.MEMBER.value


async def test_no_editor_becomes_an_owner_by_moving_a_document(office: Office, sessions: Sessions, kept: str) -> None:
    await _join(office, sessions)
    mine = await _place(office.mem, kept)
    theirs = await office.make("Gus's own", by=office.gus)
    within = await office.make("Gus's own in Mem's", mine, by=office.gus)
    for goal in (theirs, within):
        answer = await office.put(kept, goal, by=office.gus)
        refused(answer, 403)
        assert "other owners there" in answer.json()["detail"]
    assert await role_of(office.gus, kept) == "editor"
    # Where the same people own it, an editor may move it; and its owner anywhere.
    alike = await office.make("Mem's other", by=office.mem)
    assert (await office.put(kept, alike, by=office.gus)).status_code == 200
    assert (await office.put(kept, None, by=office.gus)).status_code == 200
    assert (await office.put(kept, theirs, by=office.mem)).status_code == 200
    assert await role_of(office.gus, kept) == "owner"


async def test_no_editor_unmakes_an_owner_by_moving_a_document(office: Office, sessions: Sessions, kept: str) -> None:
    await _join(office, sessions)
    mine = await _place(office.mem, kept)
    written = await office.gus.create(title="Written by Gus")
    hers = await office.ada.create(title="Written by Ada, an admin")
    await office.put(hers, mine)
    refused(await office.put(hers, None, by=office.gus), 403)
    assert await role_of(office.mem, hers) == "owner"
    # Whoever wrote it owns it.
    assert (await office.put(written, mine, by=office.gus)).status_code == 200
    assert await role_of(office.mem, written) == "owner"
    assert (await office.put(written, None, by=office.gus)).status_code == 200


async def test_no_editor_changes_owners_by_moving_or_removing_a_collection(
    office: Office, sessions: Sessions, kept: str
) -> None:
    await _join(office, sessions)
    mine = await _place(office.mem, kept)
    theirs = await office.make("Gus's own", by=office.gus)
    around = await office.make("Mem's other", by=office.mem)
    refused(await office.gus.ask("PATCH", f"/collections/{mine}", json={"parent_id": theirs}), 403)
    refused(await office.gus.ask("DELETE", f"/collections/{mine}"), 403)
    assert await role_of(office.gus, kept) == "editor"
    moved = await office.gus.ask("PATCH", f"/collections/{mine}", json={"parent_id": around})
    assert moved.status_code == 200
    # What is around it is owned by the same people, so nobody loses it by this.
    assert (await office.gus.ask("DELETE", f"/collections/{mine}")).status_code == 204
    assert await _place(office.mem, kept) == around
    refused(await office.gus.ask("DELETE", f"/collections/{around}"), 403)
    assert (await office.mem.ask("DELETE", f"/collections/{around}")).status_code == 204


async def test_whoever_gives_less_keeps_their_own_role(office: Office) -> None:
    place = await office.make("Everybody's")
    given = {"reach": "workspace", "role": "viewer"}
    kept = await office.mem.ask("PUT", f"/collections/{place}/sharing", json=given)
    assert kept.json()["your_role"] == "editor"
    people = (await office.mem.ask("GET", f"/collections/{place}/collaborators")).json()["collaborators"]
    assert [(each["person"]["name"], each["role"]) for each in people] == [("Ada", "owner"), ("Mem", "editor")]


async def test_a_collection_moves_with_all_in_it(office: Office) -> None:
    a, b = await office.make("A"), await office.make("B")
    a1 = await office.make("A1", a)
    a2 = await office.make("A2", a1)
    document_id = await office.ada.create(title="Plan")
    await office.put(document_id, a2)
    await office.ada.ask("PUT", f"/collections/{b}/sharing", json={"reach": "people"})
    moved = await office.ada.ask("PATCH", f"/collections/{a1}", json={"parent_id": b, "name": "B1"})
    assert (moved.json()["name"], moved.json()["parent_id"]) == ("B1", b)
    assert await role_of(office.mem, document_id) is None
    assert await office.names(office.ada) == {"A": None, "B": None, "B1": "B", "A2": "B1"}
    refused(await office.ada.ask("PATCH", f"/collections/{a1}", json={"parent_id": a2}), 409)
    refused(await office.ada.ask("PATCH", f"/collections/{a1}", json={"parent_id": str(uuid4())}), 404)
    refused(await office.ada.ask("PATCH", f"/collections/{a1}", json={"name": None}), 422)
    await office.ada.ask("PATCH", f"/collections/{a1}", json={"parent_id": None})
    assert await role_of(office.mem, document_id) == "editor"


async def test_what_lies_in_one_that_goes_moves_up(office: Office) -> None:
    a = await office.make("A")
    a1 = await office.make("A1", a)
    a2 = await office.make("A2", a1)
    document_id, deeper = await office.ada.create(title="Plan"), await office.ada.create(title="Deeper")
    await office.put(document_id, a1)
    await office.put(deeper, a2)
    assert (await office.ada.ask("DELETE", f"/collections/{a1}")).status_code == 204
    assert await office.names(office.ada) == {"A": None, "A2": "A"}
    assert (await office.ada.ask("GET", f"/documents/{document_id}")).json()["collection_id"] == a
    await office.ada.ask("PUT", f"/collections/{a}/sharing", json={"reach": "people"})
    assert await role_of(office.mem, deeper) is None
    assert (await office.ada.ask("DELETE", f"/collections/{a}")).status_code == 204
    assert (await office.ada.ask("GET", f"/documents/{document_id}")).json()["collection_id"] is None
    assert await role_of(office.mem, deeper) == "editor"
    assert await office.names(office.ada) == {"A2": None}


async def test_they_lie_only_so_deep(office: Office) -> None:
    path: list[str] = []
    for depth in range(MAX_COLLECTION_DEPTH):
        path.append(await office.make(f"Level {depth}", path[-1] if path else None))
    refused(await office.ada.ask("POST", "/collections", json={"name": "Too deep", "parent_id": path[-1]}), 409)
    pair = await office.make("Pair")
    await office.make("In it", pair)
    refused(await office.ada.ask("PATCH", f"/collections/{pair}", json={"parent_id": path[-2]}), 409)
    assert (await office.ada.ask("PATCH", f"/collections/{pair}", json={"parent_id": path[-3]})).status_code == 200


async def test_who_may_not_is_refused(office: Office) -> None:
    mine = await office.make("Mine")
    await office.ada.ask("PUT", f"/collections/{mine}/sharing", json={"reach": "workspace", "role": "viewer"})
    document_id = await office.ada.create(title="Plan")
    refused(await office.put(document_id, mine, by=office.mem), 403)
    refused(await office.put(document_id, None, by=office.eve), 404)
    refused(await office.mem.ask("POST", "/collections", json={"name": "In it", "parent_id": mine}), 403)
    refused(await office.gus.ask("POST", "/collections", json={"name": "Mine"}), 403)
    refused(await office.eve.ask("POST", "/collections", json={"name": "In it", "parent_id": mine}), 404)
    theirs = await office.make("Eve's", by=office.eve)
    refused(await office.put(document_id, theirs), 404)
    other = {"role": "editor"}
    refused(await office.ada.ask("PUT", f"/collections/{mine}/collaborators/{office.eve.user.id}", json=other), 404)
    for name in ("", "x" * 121, " \n"):
        refused(await office.ada.ask("POST", "/collections", json={"name": name}), 422)


async def test_of_two_owners_who_take_each_others_name_away_one_stays(office: Office, sessions: Sessions) -> None:
    mem, gus = office.mem.user, office.gus.user
    shelf = UUID(await office.make("Shelf", by=office.mem))
    for path, body in (("sharing", {"reach": "people"}), (f"collaborators/{gus.id}", {"role": "owner"})):
        answer = await office.mem.ask("PUT", f"/collections/{shelf}/{path}", json=body)
        assert answer.status_code == 200, answer.text
    async with sessions() as first, sessions() as second, sessions() as watch:
        await collections.unname(first, mem, shelf, gus.id)
        late = asyncio.create_task(collections.unname(second, gus, shelf, mem.id))
        with anyio.fail_after(LIMIT_SECONDS):
            while not late.done() and not await watch.scalar(sql("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                await asyncio.sleep(0.01)
        await first.commit()
        with pytest.raises(NotFound):
            await late
    people = (await office.ada.ask("GET", f"/collections/{shelf}/collaborators")).json()["collaborators"]
    assert [(each["person"]["name"], each["role"]) for each in people] == [("Mem", "owner")]

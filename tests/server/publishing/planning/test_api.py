"""Publications over the API, as programs plan, move and settle them."""

from uuid import uuid4

import pytest
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.documents.models import Document
from server.publishing.models import Publication
from server.publishing.states import State
from server.workspaces.models import Role
from tests.server.publishing.planner import ALL, TOMORROW, Planner, open_planner


@pytest.fixture
async def planner(app: Starlette, sessions: Sessions) -> Planner:
    return await open_planner(app, sessions)


async def test_a_program_plans_moves_changes_and_cancels(planner: Planner) -> None:
    document = await planner.document("It jumps.", "It runs.")
    async with await planner.program() as program:
        planned = await planner.plan(program, document)
        assert (planned["state"], planned["due_at"]) == ("scheduled", "2030-06-01T07:00:00Z")
        assert (planned["text"], planned["document_title"]) == ("It jumps.\n\nIt runs.", "The fox")
        path = f"{ALL}/{planned['id']}"

        in_summer = {**TOMORROW, "wall_time": "2030-03-31T02:30:00"}
        moved = await program.patch(path, json={"time": in_summer}, headers={"If-Match": '"0"'})
        assert moved.status_code == 200, moved.text
        assert "does not exist on that day" in moved.json()["moment"]["rule"]
        assert moved.headers["etag"] == '"1"'
        late = await program.patch(path, json={"time": TOMORROW}, headers={"If-Match": '"0"'})
        assert late.status_code == 412

        planner.edit(document, "It sleeps.")
        changed = await program.patch(path, json={"content": {"tags": ["#fox", "fox"]}})
        assert (changed.json()["text"], changed.json()["tags"]) == ("It sleeps.", ["fox"])

        cancelled = await program.delete(path)
        assert cancelled.json()["state"] == "cancelled"
        again = await program.post(f"{path}/try-again")
        assert again.json()["state"] == "scheduled"
        refused = await program.patch(path, json={})
        assert refused.status_code == 422


async def test_nothing_goes_out_that_is_not_approved(planner: Planner) -> None:
    document = await planner.document(approve=False)
    async with await planner.program() as program:
        wish = {"document_id": str(document), "account_id": str(planner.account_id)}
        for path in (ALL, f"{ALL}/check"):
            refused = await program.post(path, json=wish)
            assert refused.status_code == 409
            assert "not approved yet" in refused.json()["detail"]


async def test_a_check_says_what_goes_out_and_plans_nothing(planner: Planner) -> None:
    document = await planner.document("It jumps.")
    async with await planner.program() as program:
        twice = {"wall_time": "2030-10-27T02:30:00", "zone": "Europe/Paris", "later": True}
        wish = {"document_id": str(document), "account_id": str(planner.account_id), "time": twice}
        checked = (await program.post(f"{ALL}/check", json=wish)).json()
        assert (checked["text"], checked["html"]) == ("It jumps.", "<p>It jumps.</p>")
        assert checked["moment"]["kind"] == "overlap"
        assert checked["moment"]["at"] == "2030-10-27T01:30:00Z"
        assert (await program.get(ALL)).json()["publications"] == []
        for wrong in (
            {"options": {"colour": "red"}},
            {"link": "javascript:alert(1)"},
            {"account_id": str(uuid4())},
            {"time": {**TOMORROW, "zone": "Mars/Base"}},
            {"time": {**TOMORROW, "wall_time": "2020-01-01T00:00:00"}},
        ):
            refused = await program.post(f"{ALL}/check", json=wish | wrong)
            assert refused.status_code == 422, wrong


async def test_who_may_not_publish_sees_what_they_may_see(planner: Planner) -> None:
    shared, hidden = await planner.document("Shared."), await planner.document("Hidden.")
    async with transaction(planner.sessions) as db:
        (await db.get_one(Document, hidden)).reach = "people"
    member, scheduler = await planner.member(Role.MEMBER), await planner.member(Role.SCHEDULER)
    async with await planner.program() as program:
        first = await planner.plan(program, shared)
        second = await planner.plan(program, hidden)
    async with await planner.program(member) as program:
        seen = (await program.get(ALL)).json()["publications"]
        assert [each["id"] for each in seen] == [first["id"]]
        assert (await program.get(f"{ALL}/{second['id']}")).status_code == 404
        for answer in (
            await program.delete(f"{ALL}/{first['id']}"),
            await program.post(f"{ALL}/{first['id']}/try-again"),
            await program.patch(f"{ALL}/{first['id']}", json={"time": TOMORROW}),
            await program.patch(f"{ALL}/{first['id']}", json={}),
        ):
            assert answer.status_code == 403
    async with await planner.program(scheduler) as program:
        assert len((await program.get(ALL)).json()["publications"]) == 2
        # But what a document says is for those who see it.
        assert (
            await program.post(
                ALL, json={"document_id": str(hidden), "account_id": str(planner.account_id), "time": TOMORROW}
            )
        ).status_code == 404


async def test_lists_are_by_time_in_parts_and_filtered(planner: Planner) -> None:
    document = await planner.document()
    async with await planner.program() as program:
        ids = [
            (await planner.plan(program, document, time={**TOMORROW, "wall_time": f"2030-06-0{day}T09:00:00"}))["id"]
            for day in (3, 1, 2)
        ]
        in_order = [ids[1], ids[2], ids[0]]
        first = (await program.get(ALL, params={"limit": 2})).json()
        rest = (await program.get(ALL, params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [each["id"] for each in first["publications"] + rest["publications"]] == in_order
        assert rest["next_cursor"] is None
        within = {"since": "2030-06-02T00:00:00Z", "until": "2030-06-03T00:00:00Z", "state": "scheduled"}
        found = (await program.get(ALL, params=within)).json()["publications"]
        assert [each["id"] for each in found] == [ids[2]]
        assert (await program.get(ALL, params={"state": "failed"})).json()["publications"] == []
        assert (await program.get(ALL, params={"cursor": "nonsense"})).status_code == 422


async def test_a_person_settles_what_nobody_else_can_find_out(planner: Planner) -> None:
    document = await planner.document()
    async with await planner.program() as program:
        planned = await planner.plan(program, document)
        path = f"{ALL}/{planned['id']}"
        assert (await program.post(f"{path}/settle", json={"finding": "live"})).status_code == 409
        async with transaction(planner.sessions) as db:
            row = await db.get_one(Publication, planned["id"])
            row.state, row.evidence = State.UNKNOWN.value, "The board shows nothing."
        assert (await program.post(f"{path}/settle", json={"finding": "live", "link": "x"})).status_code == 422
        link = "https://board.test/1"
        settled = (await program.post(f"{path}/settle", json={"finding": "live", "link": link})).json()
        assert (settled["state"], settled["url"]) == ("published", link)
        assert (await program.delete(path)).status_code == 409

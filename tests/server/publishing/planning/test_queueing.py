"""Slots as people and programs take them: nobody gets the same one, and whoever breaks a rule is told before."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.documents.models import utc_now
from server.publishing.rules.models import Blackout
from tests.factories import csrf_of, sign_in
from tests.server.publishing.planner import ALL, TOMORROW, Planner, open_planner

HTML = {"Accept": "text/html"}
WEEK = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SLOT = {"time": None, "when": {"slot": "next"}}


@pytest.fixture
async def planner(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> Planner:
    planner = await open_planner(app, sessions)
    await sign_in(client, sessions, planner.admin)
    return planner


async def set_rules(planner: Planner, program: httpx.AsyncClient, *times: str, **more: Any) -> None:
    path = f"/api/v1/workspaces/{planner.workspace.id}/accounts/{planner.account_id}/posting-rules"
    slots = [{"weekday": day, "time": time} for day in WEEK for time in times]
    answer = await program.put(path, json={"zone": "Europe/Paris", "slots": slots, **more})
    assert answer.status_code == 200, answer.text


async def send(page: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await page.post(path, data={"csrf": await csrf_of(page, "/account"), **fields}, headers=HTML)


async def test_many_who_take_a_slot_at_once_get_one_each(planner: Planner) -> None:
    documents = [await planner.document(f"Post {number}.") for number in range(8)]
    async with await planner.program() as program:
        await set_rules(planner, program, "09:00")
        planned = await asyncio.gather(*(planner.plan(program, document, **SLOT) for document in documents))
    due = sorted(each["due_at"] for each in planned)
    assert len(set(due)) == len(documents)
    # Without a hole: each took the next one.
    days = sorted(each["wall_time"][:10] for each in planned)
    assert days == sorted({*days})
    assert {each["wall_time"][11:] for each in planned} == {"09:00:00"}


async def test_what_is_cancelled_leaves_its_slot_and_without_slots_it_says_so(planner: Planner) -> None:
    document = await planner.document()
    wish = {"document_id": str(document), "account_id": str(planner.account_id), "when": {"slot": "next"}}
    async with await planner.program() as program:
        refused = await program.post(ALL, json=wish)
        assert refused.status_code == 409
        assert "no posting times yet" in refused.json()["detail"]
        await set_rules(planner, program, "09:00", "15:00")
        first, second = [await planner.plan(program, document, **SLOT) for _ in range(2)]
        assert first["due_at"] < second["due_at"]
        assert (await program.delete(f"{ALL}/{first['id']}")).status_code == 200
        assert (await planner.plan(program, document, **SLOT))["due_at"] == first["due_at"]
        assert (await program.post(ALL, json={**wish, "time": TOMORROW})).status_code == 422


async def test_a_rule_is_broken_on_purpose_or_not_at_all(client: httpx.AsyncClient, planner: Planner) -> None:
    document = await planner.document("It jumps.")
    async with transaction(planner.sessions) as db:
        day = utc_now().date() + timedelta(days=30)
        db.add(Blackout(workspace_id=planner.workspace.id, name="Launch of others", first_day=day, last_day=day))
    async with await planner.program() as program:
        await set_rules(planner, program, "09:00", gap_minutes=60, quiet={"begins": "22:00", "until": "07:00"})
        # Programs are told, and not stopped.
        at = {"wall_time": f"{day}T23:15:00", "zone": "Europe/Paris"}
        wish = {"document_id": str(document), "account_id": str(planner.account_id), "time": at}
        checked = (await program.post(f"{ALL}/check", json=wish)).json()
        assert [each["blocks"] for each in checked["problems"]] == [False, False]
        planned = (await program.post(ALL, json=wish)).json()
        assert "quiet hours" in planned["warnings"][0]["sentence"]
        assert "Launch of others" in planned["warnings"][1]["sentence"]

    # People are asked before.
    page = f"/documents/{document}/publish"
    at = {"when": "at", "time": f"{day}T22:30", "zone": "Europe/Paris"}
    fields = {f"account-{planner.account_id}": "on", **at}
    asked = await send(client, page, do="plan", **fields)
    assert asked.status_code == 200
    assert "Plan nevertheless" in asked.text
    assert "45 minutes away" in asked.text
    async with await planner.program() as program:
        assert len((await program.get(ALL)).json()["publications"]) == 1
    assert (await send(client, page, do="nevertheless", **fields)).status_code == 303

    path = f"/publications/{planned['id']}"
    asked = await send(client, f"{path}/move", time=f"{day}T22:40", zone="Europe/Paris")
    assert "It was not moved yet" in asked.text
    moved = await send(client, f"{path}/move", time=f"{day}T22:40", zone="Europe/Paris", do="nevertheless")
    assert moved.status_code == 303


async def test_a_person_adds_to_the_queue(client: httpx.AsyncClient, planner: Planner) -> None:
    document = await planner.document("It jumps.")
    page = f"/documents/{document}/publish"
    fields = {f"account-{planner.account_id}": "on", "when": "slot", "do": "plan"}
    none = await send(client, page, **fields)
    assert none.status_code == 422
    assert "no posting times yet" in none.text
    async with await planner.program() as program:
        await set_rules(planner, program, "09:00")
    assert "Next free slot:" in (await client.get(page, headers=HTML)).text
    assert (await send(client, page, **fields)).status_code == 303
    assert "In the queue." in (await client.get(page, headers=HTML)).text


async def test_a_series_is_planned_moved_renewed_and_cancelled_from_one_on(
    client: httpx.AsyncClient, planner: Planner
) -> None:
    document = await planner.document("It jumps.")
    page = f"/documents/{document}/publish"
    at = {"when": "at", "time": "2030-03-17T09:00", "zone": "Europe/Paris", "do": "plan"}
    weekly = {"repeat": "weeks", "every": "1", "ends": "count", "count": "4"}
    fields = {f"account-{planner.account_id}": "on", **at, **weekly}
    for wrong in ({"every": "0"}, {"count": "53"}, {"count": "x"}, {"ends": "until", "until": "2030-03-17"}):
        assert (await send(client, page, **{**fields, **wrong})).status_code == 422, wrong
    assert (await send(client, page, **fields)).status_code == 303

    async with await planner.program() as program:

        async def seen() -> list[dict[str, Any]]:
            return [dict(each) for each in (await program.get(ALL)).json()["publications"]]

        # At nine on the wall, before and after the clocks go forward.
        assert [each["due_at"][5:16] for each in await seen()] == [
            "03-17T08:00",
            "03-24T08:00",
            "03-31T07:00",
            "04-07T07:00",
        ]
        second = (await seen())[1]["id"]
        path = f"/publications/{second}"
        assert "This one and the 2 after it" in (await client.get(path, headers=HTML)).text

        moved = {"time": "2030-03-25T10:00", "zone": "Europe/Paris", "reach": "later", "version": "0"}
        assert (await send(client, f"{path}/move", **moved)).status_code == 303
        walls = [each["wall_time"][5:16] for each in await seen()]
        assert walls == ["03-17T09:00", "03-25T10:00", "04-01T10:00", "04-08T10:00"]

        planner.edit(document, "It sleeps.")
        assert "A newer text of this document is approved" in (await client.get(path, headers=HTML)).text
        assert (await send(client, f"{path}/renew")).status_code == 303
        assert [each["words"] for each in await seen()] == ["It jumps.", *["It sleeps."] * 3]

        third = (await seen())[2]["id"]
        assert (await send(client, f"/publications/{third}/cancel", reach="later")).status_code == 303
        assert [each["state"] for each in await seen()] == ["scheduled", "scheduled", "cancelled", "cancelled"]
        assert (await send(client, f"/publications/{third}/cancel", reach="one")).status_code == 303

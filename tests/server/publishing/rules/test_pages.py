"""Posting rules and blackouts, as a person without script and a program set them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from server.db import Sessions
from tests.factories import csrf_of, sign_in
from tests.server.publishing.planner import Planner, open_planner

HTML = {"Accept": "text/html"}


@pytest.fixture
async def planner(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> Planner:
    planner = await open_planner(app, sessions)
    await sign_in(client, sessions, planner.admin)
    return planner


async def send(page: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await page.post(path, data={"csrf": await csrf_of(page, "/account"), **fields}, headers=HTML)


async def test_a_person_sets_the_week_of_an_account(client: httpx.AsyncClient, planner: Planner) -> None:
    path = f"/workspace/channels/{planner.account_id}/times"
    assert "No posting times yet" in (await client.get(path, headers=HTML)).text

    assert (await send(client, f"{path}/slots", time="09:30", **{"day-0": "on", "day-6": "on"})).status_code == 303
    assert (await send(client, path, zone="Europe/Paris", quiet_from="22:00", quiet_until="07:00")).status_code == 303
    shown = (await client.get(path, headers=HTML)).text
    assert "Monday: remove" in shown.replace(", ", "")
    assert shown.count("09:30</span>") == 2
    assert "Free next:" in shown

    assert (await send(client, f"{path}/slots", remove=str(9 * 60 + 30))).status_code == 303
    assert (await client.get(path, headers=HTML)).text.count("09:30</span>") == 1


async def test_what_cannot_be_a_rule_is_said_at_its_field(client: httpx.AsyncClient, planner: Planner) -> None:
    path = f"/workspace/channels/{planner.account_id}/times"
    for place, fields, words in (
        ("/slots", {"time": "soon", "day-0": "on"}, "such as 09:30"),
        ("/slots", {"time": "09:30"}, "Choose at least one day"),
        ("/slots", {"remove": "99999"}, "no such posting time"),
        ("", {"zone": "Mars"}, "Choose a time zone"),
        ("", {"zone": "UTC", "quiet_from": "22:00"}, "Give both ends"),
        ("", {"zone": "UTC", "quiet_from": "22:00", "quiet_until": "22:00"}, "end when they begin"),
        ("", {"zone": "UTC", "gap_minutes": "-1"}, "whole number"),
        ("", {"zone": "UTC", "gap_minutes": "99999999"}, "which is a week"),
        ("", {"zone": "UTC", "most_a_day": "0"}, "Use 1 to 100"),
    ):
        refused = await send(client, f"{path}{place}", **fields)
        assert refused.status_code == 422, fields
        assert words in refused.text, fields


async def test_a_program_sets_rules_and_reads_what_is_free(planner: Planner) -> None:
    base = f"/api/v1/workspaces/{planner.workspace.id}"
    path = f"{base}/accounts/{planner.account_id}"
    every_day = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    wanted = {
        "zone": "Europe/Paris",
        "slots": [{"weekday": day, "time": "09:30"} for day in every_day],
        "gap_minutes": 30,
        "quiet": {"begins": "22:00", "until": "07:00"},
        "most_a_day": 3,
    }
    async with await planner.program() as program:
        assert (await program.get(f"{path}/free-slots")).json()["slots"] == []
        made = await program.put(f"{path}/posting-rules", json=wanted)
        assert made.status_code == 200, made.text
        assert made.json() == wanted == (await program.get(f"{path}/posting-rules")).json()

        june = {"since": "2030-06-01T00:00:00Z", "until": "2030-06-04T00:00:00Z"}
        free = (await program.get(f"{path}/free-slots", params=june)).json()["slots"]
        assert [each["at"] for each in free] == [f"2030-06-0{day}T07:30:00Z" for day in (1, 2, 3)]

        closed = {"name": "Office closed", "first": "2030-06-02", "account_id": str(planner.account_id)}
        blackout = await program.post(f"{base}/blackouts", json=closed)
        assert blackout.status_code == 201, blackout.text
        assert blackout.json()["account_name"] == "Our board"
        free = (await program.get(f"{path}/free-slots", params=june)).json()["slots"]
        assert [each["at"][8:10] for each in free] == ["01", "03"]
        assert (await program.delete(f"{base}/blackouts/{blackout.json()['id']}")).status_code == 204
        assert (await program.get(f"{base}/blackouts")).json() == {"blackouts": []}

        for wrong in (
            {"first": "2030-06-02", "name": " "},
            {"name": "x", "first": "2030-06-02", "last": "2030-06-01"},
            {"name": "x", "first": "2030-06-02", "last": "2033-06-01"},
            {"name": "x", "first": "2001-06-02"},
            {"name": "x", "first": "2030-06-02", "account_id": str(uuid4())},
        ):
            assert (await program.post(f"{base}/blackouts", json=wrong)).status_code == 422, wrong
        far = {"since": "2030-06-01T00:00:00Z", "until": "2033-06-04T00:00:00Z"}
        assert (await program.get(f"{path}/free-slots", params=far)).status_code == 422


async def test_a_person_adds_and_removes_blackouts(client: httpx.AsyncClient, planner: Planner) -> None:
    path = "/workspace/blackouts"
    assert "No blackout dates" in (await client.get(path, headers=HTML)).text
    assert "Choose a day" in (await send(client, path, name="Closed", first="")).text
    day = datetime.now(UTC).date() + timedelta(days=3)
    assert (await send(client, path, name="Closed", first=f"{day}")).status_code == 303
    shown = (await client.get(path, headers=HTML)).text
    assert "Closed" in shown
    assert "Closed" in (await client.get(f"/workspace/channels/{planner.account_id}/times", headers=HTML)).text
    action = shown.split('action="/workspace/blackouts/')[1].split('"')[0]
    assert (await send(client, f"{path}/{action}")).status_code == 303
    assert "No blackout dates" in (await client.get(path, headers=HTML)).text

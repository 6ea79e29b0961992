"""Queues, series and documents that fill slots, as programs ask for them."""

from typing import Any

import pytest
from starlette.applications import Starlette

from server.db import Sessions
from tests.server.publishing.planner import ALL, TOMORROW, Planner, open_planner
from tests.server.publishing.planning.test_queueing import SLOT, set_rules


@pytest.fixture
async def planner(app: Starlette, sessions: Sessions) -> Planner:
    return await open_planner(app, sessions)


def titles(queue: dict[str, Any]) -> list[str]:
    return [each["document_title"] for each in queue["publications"]]


async def test_a_program_orders_a_queue_and_fills_its_gaps(planner: Planner) -> None:
    path = f"/api/v1/workspaces/{planner.workspace.id}/accounts/{planner.account_id}/queue"
    async with await planner.program() as program:
        await set_rules(planner, program, "09:00")
        planned = [await planner.plan(program, await planner.document(title=title), **SLOT) for title in "ABC"]
        assert titles((await program.get(path)).json()) == ["A", "B", "C"]
        put = await program.post(path, json={"publication_id": planned[0]["id"], "place": 99})
        assert put.status_code == 200, put.text
        assert titles(put.json()) == ["B", "C", "A"]
        await program.delete(f"{ALL}/{planned[1]['id']}")
        filled = (await program.post(f"{path}/fill-gaps")).json()
        assert [each["due_at"] for each in filled["publications"]] == [each["due_at"] for each in planned[:2]]


async def test_a_program_plans_a_series(planner: Planner) -> None:
    wish = {"document_id": str(await planner.document()), "account_id": str(planner.account_id), "time": TOMORROW}
    async with await planner.program() as program:
        planned = await program.post(f"{ALL}/series", json={**wish, "repeat": {"unit": "months", "count": 3}})
        assert planned.status_code == 201, planned.text
        days = [each["wall_time"][5:10] for each in planned.json()["publications"]]
        assert days == ["06-01", "07-01", "08-01"]
        second = planned.json()["publications"][1]["id"]
        later = {"time": {"wall_time": "2030-07-03T10:00:00", "zone": "Europe/Paris"}, "reach": "later"}
        assert (await program.patch(f"{ALL}/{second}", json=later)).status_code == 200
        assert (await program.patch(f"{ALL}/{second}", json={"reach": "later"})).status_code == 422
        days = [each["wall_time"][5:13] for each in (await program.get(ALL)).json()["publications"]]
        assert days == ["06-01T09", "07-03T10", "08-03T10"]
        assert (await program.delete(f"{ALL}/{second}?reach=later")).json()["state"] == "cancelled"
        states = [each["state"] for each in (await program.get(ALL)).json()["publications"]]
        assert states == ["scheduled", "cancelled", "cancelled"]
        for wrong in ({"unit": "years", "count": 3}, {"unit": "days"}, {"unit": "days", "count": 99}):
            assert (await program.post(f"{ALL}/series", json={**wish, "repeat": wrong})).status_code == 422, wrong
        assert len((await program.get(ALL)).json()["publications"]) == 3


async def test_a_program_fills_slots_as_it_was_shown(planner: Planner) -> None:
    documents = [str(await planner.document(title=title)) for title in ("First", "Second")]
    wish = {"document_ids": documents, "account_ids": [str(planner.account_id)], "after": "2030-06-01T00:00:00Z"}
    async with await planner.program() as program:
        await set_rules(planner, program, "09:00")
        shown = (await program.post(f"{ALL}/fill", json=wish)).json()
        assert [each["at"] for each in shown["rows"]] == ["2030-06-01T07:00:00Z", "2030-06-02T07:00:00Z"]
        assert shown["planned"] == []
        other = await program.post(f"{ALL}/fill", json={**wish, "shown": "0" * 64})
        assert other.status_code == 409
        done = await program.post(f"{ALL}/fill", json={**wish, "shown": shown["shown"]})
        assert len(done.json()["planned"]) == 2
        again = await program.post(f"{ALL}/fill", json={**wish, "shown": shown["shown"]})
        assert again.status_code == 409
        ends = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59")
        mistakes: list[dict[str, Any]] = [{"document_ids": []}, {"after": ends[1]}]
        for wrong in mistakes:
            assert (await program.post(f"{ALL}/fill", json={**wish, **wrong})).status_code == 422, wrong
        # Times at the ends of the calendar break nothing.
        free = f"/api/v1/workspaces/{planner.workspace.id}/accounts/{planner.account_id}/free-slots"
        for each in ends:
            for name in ("since", "until"):
                assert (await program.get(free, params={name: each})).status_code in {200, 422}

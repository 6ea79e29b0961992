"""The queue of an account, several documents over free slots, and copies: as somebody without script does it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.publishing.models import ChannelAccount
from server.review.models import Standing
from server.workspaces.models import Role
from tests.factories import sign_in
from tests.server.publishing.planner import ALL, Planner, open_planner
from tests.server.publishing.planning.test_queueing import HTML, SLOT, send, set_rules


@pytest.fixture
async def planner(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> Planner:
    planner = await open_planner(app, sessions)
    await sign_in(client, sessions, planner.admin)
    return planner


async def approve(planner: Planner, *titles: str) -> list[UUID]:
    """Make documents whose reviews are over, in this order."""
    made = []
    for number, title in enumerate(titles):
        document = await planner.document(f"{title}.", title=title)
        async with transaction(planner.sessions) as db:
            approved = datetime(2026, 1, 1, number, tzinfo=UTC)
            db.add(Standing(document_id=document, status="approved", approved_hash=bytes(32), approved_at=approved))
        made.append(document)
    return made


async def due(program: httpx.AsyncClient) -> dict[str, str]:
    """Return when each document goes out, of what was not cancelled."""
    found = (await program.get(ALL)).json()["publications"]
    return {each["document_title"]: each["due_at"] for each in found if each["state"] != "cancelled"}


async def queue(planner: Planner, program: httpx.AsyncClient, *titles: str) -> dict[str, dict[str, Any]]:
    await set_rules(planner, program, "09:00", "15:00")
    documents = {title: await planner.document(f"{title}.", title=title) for title in titles}
    return {title: await planner.plan(program, document, **SLOT) for title, document in documents.items()}


async def test_posts_of_a_queue_trade_their_slots(client: httpx.AsyncClient, planner: Planner) -> None:
    path = f"/workspace/channels/{planner.account_id}/queue"
    assert "Nothing waits in a slot" in (await client.get(path, headers=HTML)).text
    async with await planner.program() as program:
        planned = await queue(planner, program, "A", "B", "C", "D")
        times = sorted(each["due_at"] for each in planned.values())
        moved = await send(client, path, publication=planned["D"]["id"], place="1")
        assert moved.status_code == 303
        assert await due(program) == dict(zip(["A", "D", "B", "C"], times, strict=True))
        shown = (await client.get(path, headers=HTML)).text
        assert re.findall(r'channel-link"[^>]*>(\w)</a>', shown) == ["A", "D", "B", "C"]

        gone = await send(client, path, publication=str(planner.account_id), place="1")
        assert gone.status_code == 409


async def test_gaps_are_filled_in_order_and_what_was_moved_by_hand_stays(
    client: httpx.AsyncClient, planner: Planner
) -> None:
    path = f"/workspace/channels/{planner.account_id}/queue"
    async with await planner.program() as program:
        planned = await queue(planner, program, "A", "B", "C", "D")
        times = sorted(each["due_at"] for each in planned.values())
        assert (await program.delete(f"{ALL}/{planned['A']['id']}")).status_code == 200
        by_hand = {"wall_time": "2030-06-01T10:00:00", "zone": "UTC"}
        assert (await program.patch(f"{ALL}/{planned['C']['id']}", json={"time": by_hand})).status_code == 200
        assert (await send(client, f"{path}/fill-gaps")).status_code == 303
        assert "What could move up did" in (await client.get(path, headers=HTML)).text
        assert await due(program) == {"B": times[0], "D": times[1], "C": "2030-06-01T10:00:00Z"}
        assert (await send(client, f"{path}/fill-gaps")).status_code == 303
        assert "There was no gap" in (await client.get(path, headers=HTML)).text


async def test_approved_documents_fill_free_slots_as_was_shown_or_not_at_all(
    client: httpx.AsyncClient, planner: Planner
) -> None:
    async with transaction(planner.sessions) as db:
        second = ChannelAccount(
            workspace_id=planner.workspace.id, channel="board", name="Other", secrets=b"", remote_id="2"
        )
        db.add(second)
    assert "No approved document waits" in (await client.get("/calendar/fill", headers=HTML)).text
    first, other = await approve(planner, "First", "Second")
    async with await planner.program() as program:
        await set_rules(planner, program, "09:00")
        chosen = {f"document-{first}": "on", f"document-{other}": "on", f"account-{planner.account_id}": "on"}
        without = await send(client, "/calendar/fill", do="check", **chosen, **{f"account-{second.id}": "on"})
        assert without.status_code == 422
        assert "no posting times yet" in without.text

        shown = await send(client, "/calendar/fill", do="check", **chosen)
        assert shown.status_code == 200
        assert "Nothing is planned yet" in shown.text
        assert (await program.get(ALL)).json()["publications"] == []
        name = re.search(r'name="shown" value="([0-9a-f]{64})"', shown.text)
        assert name

        # Somebody else takes the first slot meanwhile.
        between = await planner.plan(program, await planner.document("Between.", title="Between"), **SLOT)
        changed = await send(client, "/calendar/fill", do="plan", shown=name[1], **chosen)
        assert changed.status_code == 422
        assert "Something changed since" in changed.text
        assert list(await due(program)) == ["Between"]

        again = re.search(r'name="shown" value="([0-9a-f]{64})"', changed.text)
        assert again
        assert (await send(client, "/calendar/fill", do="plan", shown=again[1], **chosen)).status_code == 303
        found = await due(program)
        assert list(found) == ["Between", "First", "Second"]
        assert found["Between"] == between["due_at"]
    assert "No approved document waits" in (await client.get("/calendar/fill", headers=HTML)).text
    assert (await send(client, "/calendar/fill", do="check")).status_code == 422


async def test_a_publication_is_copied_to_another_account(client: httpx.AsyncClient, planner: Planner) -> None:
    async with transaction(planner.sessions) as db:
        second = ChannelAccount(
            workspace_id=planner.workspace.id, channel="board", name="Other", secrets=b"", remote_id="2"
        )
        db.add(second)
    async with await planner.program() as program:
        planned = await planner.plan(program, await planner.document(), tags=["fox"])
        path = f"/publications/{planned['id']}/copy"
        copied = await send(client, path, time="2030-07-01T08:00", shown_in="UTC", account=str(second.id))
        assert copied.status_code == 303
        found = (await program.get(f"{ALL}/{copied.headers['location'].rsplit('/', 1)[1]}")).json()
        assert (found["account_name"], found["due_at"], found["tags"]) == ("Other", "2030-07-01T08:00:00Z", ["fox"])
        refused = await send(client, path, time="2020-07-01T08:00", shown_in="UTC", account=str(second.id))
        assert refused.status_code == 409


async def test_the_week_shows_hours_and_slots_that_are_free(client: httpx.AsyncClient, planner: Planner) -> None:
    async with await planner.program() as program:
        await set_rules(planner, program, "09:00", "15:00")
        tomorrow = datetime.now(UTC).date() + timedelta(days=8)
        at = {"wall_time": f"{tomorrow}T14:40:00", "zone": "UTC"}
        await planner.plan(program, await planner.document(title="Noon"), time=at)
    shown = (await client.get(f"/calendar?view=day&date={tomorrow}", headers=HTML)).text
    assert f'data-at="{tomorrow}T14:40"' in shown
    assert 'Our board</span><span class="visually-hidden">: plan here' in shown
    assert "Show the hours before 07:00" in shown
    assert 'data-hour="00:00"' in (await client.get(f"/calendar?view=day&date={tomorrow}&hours=all", headers=HTML)).text
    assert "2 free slots" in (await client.get(f"/calendar?date={tomorrow}", headers=HTML)).text
    # Whoever may not fill them does not see them.
    await sign_in(client, planner.sessions, await planner.member(Role.MEMBER))
    assert "plan here" not in (await client.get(f"/calendar?view=week&date={tomorrow}", headers=HTML)).text

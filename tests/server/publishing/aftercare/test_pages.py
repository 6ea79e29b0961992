"""What comes after publishing, as somebody without script goes through it."""

import csv
import io
import re
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.publishing.aftercare.carrying import carry_out_due
from server.publishing.aftercare.models import Change
from server.publishing.aftercare.telling import tell_change
from server.publishing.aftercare.watching import begin_looks, look_at_due
from server.publishing.channel import Account, Metrics
from server.publishing.models import Publication
from server.publishing.publisher.delivering import Workshop, publish_due
from server.publishing.publisher.pace import Pace
from server.publishing.remedies import ChannelError, Remedy
from server.workspaces.models import Role
from tests.factories import csrf_of, sign_in
from tests.server.publishing.planner import Planner, open_planner

HTML = {"Accept": "text/html"}


@pytest.fixture
async def planner(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> Planner:
    planner = await open_planner(app, sessions)
    await sign_in(client, sessions, planner.admin)
    return planner


@pytest.fixture
def workshop(planner: Planner, redis: Redis) -> Workshop:
    async def tell(*_: object) -> None:
        """Nobody is told that it is out."""

    async def unused(*_: object) -> bytes:
        raise AssertionError

    return Workshop(
        sessions=planner.sessions,
        http=planner.app.state.reach.http,
        channels=planner.app.state.reach.channels,
        open_account=lambda row: Account(row.id, row.channel, row.name),
        refresh=unused,  # type: ignore[arg-type]  # never called
        read_picture=unused,
        pace=Pace(redis),
        tell=tell,
    )


async def carry(workshop: Workshop) -> None:
    async def tell(db: AsyncSession, publication: Publication, change: Change) -> None:
        await tell_change(db, publication, change)

    await carry_out_due(workshop, tell)


async def send(page: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await page.post(path, data={"csrf": await csrf_of(page, "/account"), **fields}, headers=HTML)


def hidden(page: str) -> dict[str, str]:
    """Return what a page's form sends along."""
    found = dict(re.findall(r'<input type="hidden" name="(version|shown)" value="([^"]*)">', page))
    assert found
    return found


async def out(planner: Planner, workshop: Workshop) -> tuple[UUID, str]:
    """Publish a document. Returns its id and the path of the publication's page."""
    document = await planner.document("It jumps over the dog.")
    async with await planner.program() as program:
        planned = await planner.plan(program, document, time=None)
    await publish_due(workshop)
    assert planner.wall.posts
    return document, f"/publications/{planned['id']}"


async def test_what_is_out_is_brought_up_to_the_newest_after_the_difference_was_shown(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop
) -> None:
    document, path = await out(planner, workshop)
    nothing = await client.get(f"{path}/newest", headers=HTML)
    assert "already says what is approved now" in nothing.text
    planner.edit(document, "It leaps over the dog.")

    shown = await client.get(f"{path}/newest", headers=HTML)
    assert "<del>jumps</del>" in shown.text
    assert "<ins>leaps</ins>" in shown.text
    answer = await send(client, f"{path}/newest", **hidden(shown.text))
    assert answer.status_code == 303, answer.text
    waiting = await client.get(path, headers=HTML)
    assert "Being brought up to the newest approved text" in waiting.text
    await carry(workshop)

    done = await client.get(path, headers=HTML)
    assert "Brought up to a newer text" in done.text
    assert "Changed it on the channel." in done.text
    assert [text for _, text in planner.wall.posts] == ["It leaps over the dog."]


async def test_only_what_was_shown_is_sent(client: httpx.AsyncClient, planner: Planner, workshop: Workshop) -> None:
    document, path = await out(planner, workshop)
    planner.edit(document, "It leaps.")
    shown = await client.get(f"{path}/newest", headers=HTML)
    before = planner.approved[document]
    planner.approved[document] = type(before)(
        before.document_id, before.workspace_id, None, b"\x02" * 32, before.title, before.body
    )

    refused = await send(client, f"{path}/newest", **hidden(shown.text))

    assert refused.status_code == 409
    assert "Something else was approved in the meantime" in refused.text


async def test_what_is_planned_is_let_send_the_newest(client: httpx.AsyncClient, planner: Planner) -> None:
    document = await planner.document("It jumps.")
    async with await planner.program() as program:
        planned = await planner.plan(program, document)
    path = f"/publications/{planned['id']}"
    planner.edit(document, "It leaps.")
    assert "Send newest approved text" in (await client.get(path, headers=HTML)).text

    shown = await client.get(f"{path}/newest", headers=HTML)
    assert "<ins>leaps</ins>" in shown.text
    assert (await send(client, f"{path}/newest", **hidden(shown.text))).status_code == 303

    changed = await client.get(path, headers=HTML)
    assert "It will send what is approved now." in changed.text
    assert "It leaps." in changed.text


async def test_what_is_out_is_taken_down_once_somebody_means_it(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop
) -> None:
    _, path = await out(planner, workshop)
    asked = await client.get(f"{path}/take-down", headers=HTML)
    assert "Take it down?" in asked.text
    assert (await send(client, f"{path}/take-down", **hidden(asked.text))).status_code == 303
    # Somebody else looked at it before.
    late = await send(client, f"{path}/newest", **hidden(asked.text))
    assert late.status_code == 409
    await carry(workshop)

    gone = await client.get(path, headers=HTML)
    assert "Taken down" in gone.text
    assert "Took it down on the channel." in gone.text
    assert f'href="{path}/take-down"' not in gone.text
    assert planner.wall.posts == []
    assert "was taken down already" in (await client.get(f"{path}/take-down", headers=HTML)).text


async def test_a_refusal_is_shown_and_told_to_who_asked(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop
) -> None:
    _, path = await out(planner, workshop)

    def refuse(call: str) -> None:
        raise ChannelError(Remedy.FIX_CONTENT, "The board is closed.", evidence="HTTP 422")

    planner.wall.before = refuse
    await send(client, f"{path}/take-down")
    await carry(workshop)

    shown = await client.get(path, headers=HTML)
    assert "Taking it down did not work" in shown.text
    assert "The board is closed." in shown.text
    assert (
        "It could not be taken down from Our board. The board is closed."
        in (await client.get("/notifications", headers=HTML)).text
    )


async def test_what_waits_can_be_left(client: httpx.AsyncClient, planner: Planner, workshop: Workshop) -> None:
    _, path = await out(planner, workshop)
    await send(client, f"{path}/take-down")
    assert "Leave it as it is" in (await client.get(path, headers=HTML)).text

    assert (await send(client, f"{path}/leave")).status_code == 303
    await carry(workshop)

    assert len(planner.wall.posts) == 1
    assert (await send(client, f"{path}/leave")).status_code == 409


async def test_only_who_may_publish_changes_anything(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop, sessions: Sessions
) -> None:
    _, path = await out(planner, workshop)
    await sign_in(client, sessions, await planner.member(Role.MEMBER))

    shown = await client.get(path, headers=HTML)

    assert shown.status_code == 200
    assert "Take down" not in shown.text
    assert (await client.get(f"{path}/newest", headers=HTML)).status_code == 403
    assert (await send(client, f"{path}/take-down")).status_code == 403


async def test_a_worker_at_it_makes_people_wait(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop
) -> None:
    _, path = await out(planner, workshop)
    await send(client, f"{path}/take-down")
    async with transaction(planner.sessions) as db:
        from sqlalchemy import update

        from server.documents.models import utc_now

        await db.execute(update(Change).values(lease_until=utc_now().replace(year=2099)))

    refused = await send(client, f"{path}/leave")

    assert refused.status_code == 409
    assert "It is being changed right now" in refused.text


async def test_figures_are_drawn_and_what_is_not_told_is_left_out(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop
) -> None:
    document, path = await out(planner, workshop)
    planner.wall.metrics = Metrics(likes=1234, replies=0)
    assert (await send(client, f"{path}/look")).status_code == 303
    await begin_looks(workshop)
    await look_at_due(workshop, _tell_nobody, lambda _: None)
    too_soon = await send(client, f"{path}/look")
    assert too_soon.status_code == 429

    shown = await client.get(path, headers=HTML)
    assert re.findall(r"<figcaption><span>(\w+)</span> <strong>([\d,]+)</strong>", shown.text) == [
        ("Likes", "1,234"),
        ("Replies", "0"),
    ]
    for place in (f"/documents/{document}/figures", f"/workspace/channels/{planner.account_id}/figures"):
        page = await client.get(place, headers=HTML)
        assert page.status_code == 200
        assert "<rect" in page.text
        assert "Views" not in page.text
        sheet = await client.get(f"{place}.csv")
        [row] = csv.DictReader(io.StringIO(sheet.text))
        assert (row["likes"], row["views"], row["account"]) == ("1234", "", "Our board")
    assert "How it fares" in (await client.get(f"/documents/{document}/publish", headers=HTML)).text


async def _tell_nobody(*_: object) -> None:
    """Nobody is told that it is gone."""


async def test_a_document_without_publications_says_what_its_figures_will_be(
    client: httpx.AsyncClient, planner: Planner
) -> None:
    document = await planner.document("It jumps.")

    page = await client.get(f"/documents/{document}/figures", headers=HTML)

    assert "Nothing was published here yet" in page.text


async def test_a_program_updates_watches_and_takes_down(planner: Planner, workshop: Workshop) -> None:
    document, path = await out(planner, workshop)
    path = f"/api/v1{path}"
    async with await planner.program() as program:
        nothing = await program.post(f"{path}/update", json={})
        assert nothing.status_code == 409
        planner.edit(document, "It leaps.")
        other = await program.post(f"{path}/update", json={"content_hash": "0" * 64})
        assert other.status_code == 409
        asked = await program.post(f"{path}/update", json={"content_hash": "01" * 32})
        assert asked.status_code == 202, asked.text
        assert (asked.json()["deed"], asked.json()["state"]) == ("update", "waiting")
        await carry(workshop)
        planner.wall.metrics = Metrics(likes=4)
        assert (await program.post(f"{path}/look")).status_code == 204
        await begin_looks(workshop)
        await look_at_due(workshop, _tell_nobody, lambda _: None)

        fares = (await program.get(f"{path}/faring")).json()
        assert fares["change"]["state"] == "done"
        assert [(each["likes"], each["views"]) for each in fares["figures"]] == [(4, None)]
        assert (await program.post(f"{path}/take-down")).status_code == 202
        assert (await program.post(f"{path}/leave")).status_code == 204
        assert (await program.post(f"{path}/take-down")).status_code == 202
        await carry(workshop)
        assert (await program.get(f"{path}/faring")).json()["taken_down_at"]
    assert planner.wall.posts == []


async def test_what_a_receiver_lost_is_sent_once_more(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop
) -> None:
    document, path = await out(planner, workshop)
    planner.edit(document, "It leaps.")
    page = await client.get(path, headers=HTML)
    assert "Send the event again" in page.text

    answer = await send(client, f"{path}/replay", **hidden(page.text))
    assert answer.status_code == 303, answer.text
    waiting = await client.get(path, headers=HTML)
    assert "Being sent once more" in waiting.text
    assert "Send the event again" not in waiting.text
    await carry(workshop)

    done = await client.get(path, headers=HTML)
    assert "Sent it once more, as the same; the channel took it." in done.text
    # What is approved by now is not what was sent.
    assert planner.wall.calls[-1] == "replay"
    assert [text for _, text in planner.wall.posts] == ["It jumps over the dog."]
    async with await planner.program() as program:
        asked = await program.post(f"/api/v1{path}/replay")
        assert (asked.status_code, asked.json()["deed"]) == (202, "replay")
        assert (await program.post(f"/api/v1{path}/update", json={})).status_code == 202
        assert (await program.post(f"/api/v1{path}/replay")).status_code == 409
        assert (await program.post(f"/api/v1{path}/take-down")).status_code == 202
        await carry(workshop)
        assert (await program.post(f"/api/v1{path}/replay")).status_code == 409


async def test_what_a_person_found_by_hand_is_left_to_people(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop
) -> None:
    document, path = await out(planner, workshop)
    planner.edit(document, "It leaps.")
    async with transaction(planner.sessions) as db:
        row = await db.get_one(Publication, UUID(path.rpartition("/")[2]))
        # Its last answer was lost, and somebody said that it is live.
        row.handle = {**(row.handle or {}), "stage": "ready", "remote_id": None}

    shown = await client.get(path, headers=HTML)

    assert f'href="{path}/take-down"' not in shown.text
    assert "Look now" not in shown.text
    for asked in ("take-down", "newest", "look"):
        assert (await send(client, f"{path}/{asked}")).status_code == 409
    assert "by hand" in (await client.get(f"{path}/take-down", headers=HTML)).text
    assert "does not know it there" in (await client.get(f"{path}/newest", headers=HTML)).text


async def test_what_a_removed_document_left_out_there_can_be_taken_down(
    client: httpx.AsyncClient, planner: Planner, workshop: Workshop
) -> None:
    _, path = await out(planner, workshop)
    async with transaction(planner.sessions) as db:
        (await db.get_one(Publication, UUID(path.rpartition("/")[2]))).document_id = None

    shown = await client.get(path, headers=HTML)
    assert f'href="{path}/take-down"' in shown.text
    assert f'href="{path}/newest"' not in shown.text
    assert (await send(client, f"{path}/take-down")).status_code == 303
    await carry(workshop)

    assert planner.wall.posts == []
    assert "Taken down" in (await client.get(path, headers=HTML)).text

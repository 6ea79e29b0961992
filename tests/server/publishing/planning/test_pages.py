"""The calendar and the pages of publications, as somebody without script goes through them."""

import csv
import html
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from server.assets.kinds import Kind
from server.assets.models import Asset
from server.assets.storage import key_for
from server.db import Sessions, transaction
from server.publishing import posts
from server.publishing.channel import Field
from server.publishing.channels.bluesky import Bluesky
from server.publishing.channels.sandbox import Sandbox
from server.publishing.channels.sandbox_shelf import PostgresSandboxShelf
from server.publishing.models import Attempt, ChannelAccount, Publication
from server.publishing.planning.calendar import View, sheet_of
from server.publishing.posts import FrozenPicture
from server.publishing.states import State
from server.review.models import Standing
from server.workspaces.models import Role
from tests.factories import csrf_of, sign_in
from tests.server.publishing.board import BoardChannel
from tests.server.publishing.planner import Planner, open_planner

HTML = {"Accept": "text/html"}
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
async def planner(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> Planner:
    planner = await open_planner(app, sessions)
    await sign_in(client, sessions, planner.admin)
    return planner


async def _send(page: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await page.post(path, data={"csrf": await csrf_of(page, "/account"), **fields}, headers=HTML)


def _wish(planner: Planner, **more: str) -> dict[str, str]:
    at = {"when": "at", "time": "2030-06-01T09:00", "zone": "Europe/Paris"}
    return {f"account-{planner.account_id}": "on", "do": "plan", **at, **more}


async def _planned(client: httpx.AsyncClient, planner: Planner) -> tuple[UUID, str]:
    """Plan a document by its page. Returns its id and the path of the publication's page."""
    document = await planner.document("It jumps.")
    page = f"/documents/{document}/publish"
    assert (await _send(client, page, **_wish(planner))).status_code == 303
    shown = await client.get(page, headers=HTML)
    assert "Planned. It goes out by itself" in shown.text
    found = re.search(r'href="(/publications/[0-9a-f-]{36})"', shown.text)
    assert found
    return document, found[1]


async def test_a_person_plans_moves_and_cancels(client: httpx.AsyncClient, planner: Planner) -> None:
    document, path = await _planned(client, planner)
    shown = await client.get(path, headers=HTML)
    assert "It jumps." in shown.text
    assert "Nothing was sent yet." in shown.text
    month = await client.get("/calendar?date=2030-06-15", headers=HTML)
    assert "June 2030" in month.text
    assert f'href="{path}"' in month.text

    over = await _send(client, f"{path}/move", time="2020-01-01T09:00", zone="Europe/Paris")
    assert over.status_code == 422
    assert "This time is over" in over.text
    stale = await _send(client, f"{path}/move", time="2030-06-02T09:00", zone="Europe/Paris", version="7")
    assert stale.status_code == 409
    assert (await _send(client, f"{path}/move", time="2030-06-02T09:00", zone="Europe/Paris")).status_code == 303
    assert (await _send(client, f"{path}/cancel", version="1")).status_code == 303
    assert "Cancelled" in (await client.get(path, headers=HTML)).text
    assert f'href="{path}"' not in (await client.get("/calendar?date=2030-06-15", headers=HTML)).text
    assert f'href="{path}"' in (await client.get(f"/documents/{document}/publish", headers=HTML)).text


async def test_a_calendar_moves_to_what_its_own_clock_shows(client: httpx.AsyncClient, planner: Planner) -> None:
    _, path = await _planned(client, planner)
    fields = {"time": "2030-06-03T09:00", "shown_in": "America/New_York", "version": "0"}
    headers = {**HTML, "HX-Request": "true"}
    answer = await client.post(
        f"{path}/move", data={"csrf": await csrf_of(client, "/account"), **fields}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    async with planner.sessions() as db:
        row = await db.get_one(Publication, UUID(path.rsplit("/", 1)[1]))
    assert (row.wall_time.isoformat(), row.zone) == ("2030-06-03T15:00:00", "Europe/Paris")


async def test_a_post_begins_at_a_place_of_the_calendar(client: httpx.AsyncClient, planner: Planner) -> None:
    month = (await client.get("/calendar?date=2030-06-01", headers=HTML)).text
    assert 'href="/calendar/plan?at=2030-06-05T09:00"' in month
    assert 'data-begins="/calendar/plan"' in month
    document = await planner.document("It jumps.", title="The approved fox")
    await planner.document("It sleeps.", title="The raw dog", approve=False)
    async with transaction(planner.sessions) as db:
        approved = datetime(2026, 1, 1, tzinfo=UTC)
        db.add(Standing(document_id=document, status="approved", approved_hash=bytes(32), approved_at=approved))

    chosen = (await client.get("/calendar/plan?at=2030-06-05T15:00", headers=HTML)).text
    assert "Wednesday, 5 June 2030, 15:00" in chosen
    approved_part, raw_part = chosen.split('id="drafts-title"')
    publish = f"/documents/{document}/publish?at=2030-06-05T15:00"
    assert f'href="{publish}">The approved fox' in approved_part
    assert "somewhere already" not in approved_part
    assert "The raw dog" in raw_part
    assert "The approved fox" not in raw_part

    assert 'value="2030-06-05T15:00"' in (await client.get(publish, headers=HTML)).text
    assert 'value="2030-06-05T15:00"' not in (await client.get(publish.split("?", 1)[0], headers=HTML)).text
    # What goes out somewhere already can go out elsewhere, too; it stands below what waits.
    assert (await _send(client, publish.split("?", 1)[0], **_wish(planner))).status_code == 303
    again = (await client.get("/calendar/plan?at=2030-06-05T15:00", headers=HTML)).text
    assert "planned or out somewhere already" in again
    assert f'href="{publish}">The approved fox' in again
    for lost in ("", "?at=soon", "?at=2030-06-05T15:00Z"):
        away = await client.get(f"/calendar/plan{lost}", headers=HTML)
        assert (away.status_code, away.headers["location"]) == (303, "/calendar")


async def test_days_and_hours_that_rules_keep_free_say_so(client: httpx.AsyncClient, planner: Planner) -> None:
    await _planned(client, planner)
    workspace = f"/api/v1/workspaces/{planner.workspace.id}"
    async with await planner.program() as program:
        blackout = {"name": "Summer break", "first": "2030-06-01", "last": "2030-06-02"}
        assert (await program.post(f"{workspace}/blackouts", json=blackout)).is_success
        quiet = {"zone": "Europe/Paris", "quiet": {"begins": "21:00", "until": "08:00"}}
        rules = await program.put(f"{workspace}/accounts/{planner.account_id}/posting-rules", json=quiet)
        assert rules.is_success

    client.cookies.set("quillroom_zone", "Europe/Paris")
    month = (await client.get("/calendar?date=2030-06-01", headers=HTML)).text
    closed = re.findall(r'data-date="([^"]*)"[^>]* data-closed', month)
    assert closed == ["2030-06-01", "2030-06-02"]
    assert month.count("Summer break<span") == len(closed)
    # The publication of the first stands there all the same, and says so.
    assert "Scheduled · in a blackout: Summer break" in month
    week = (await client.get("/calendar?date=2030-06-03&view=week&hours=all", headers=HTML)).text
    monday = week[week.index('data-date="2030-06-03"') : week.index('data-date="2030-06-04"')]
    hours = re.findall(r'data-hour="(\d\d):00"[^>]* data-closed="all"', monday)
    assert hours == [f"{hour:02}" for hour in (*range(8), 21, 22, 23)]
    assert "Shaded: hours" in week


async def test_a_series_is_marked_and_told(client: httpx.AsyncClient, planner: Planner) -> None:
    document = await planner.document("It jumps.")
    page = f"/documents/{document}/publish"
    series = {"repeat": "weeks", "every": "1", "ends": "count", "count": "3"}
    assert (await _send(client, page, **_wish(planner, **series))).status_code == 303
    shown = (await client.get(page, headers=HTML)).text
    assert "All of them are planned." in shown
    assert shown.count("Repeats</span>") == 3


async def test_what_cannot_be_planned_is_said_and_nothing_is(client: httpx.AsyncClient, planner: Planner) -> None:
    waits = await planner.document(approve=False)
    assert "not approved yet" in (await client.get(f"/documents/{waits}/publish", headers=HTML)).text
    page = f"/documents/{await planner.document('It jumps.')}/publish"
    for wrong, words in (
        ({"link": "nowhere"}, "beginning with https://"),
        ({"zone": "Mars"}, "Choose a time zone"),
        ({"time": "soon"}, "Give a day and a time"),
        ({f"account-{planner.account_id}": "on", "account-x": "on"}, "no such account"),
    ):
        refused = await _send(client, page, **_wish(planner, **wrong))
        assert refused.status_code == 422, wrong
        assert words in refused.text
    checked = await _send(client, page, **_wish(planner, do="check", time="2030-03-31T02:30"))
    assert "does not exist on that day" in checked.text
    assert "was not published yet" in (await client.get(page, headers=HTML)).text


async def test_a_person_says_what_became_of_it(client: httpx.AsyncClient, planner: Planner) -> None:
    _, path = await _planned(client, planner)
    async with transaction(planner.sessions) as db:
        row = await db.get_one(Publication, UUID(path.rsplit("/", 1)[1]))
        row.state, row.evidence = State.UNKNOWN.value, "The board shows nothing."
    shown = await client.get(path, headers=HTML)
    assert "It may be published, or not" in shown.text
    assert "The board shows nothing." in shown.text
    assert path in (await client.get("/calendar?tab=failed", headers=HTML)).text
    settled = await _send(client, f"{path}/settle", finding="live", link="https://board.test/1")
    assert settled.status_code == 303
    after = (await client.get(path, headers=HTML)).text
    assert "https://board.test/1" in after
    # Why nothing else is offered for it.
    assert "so Quillroom does not know it there" in after
    assert path in (await client.get("/calendar?tab=sent", headers=HTML)).text


async def test_what_people_did_stands_beside_what_was_called_in_time(
    client: httpx.AsyncClient, planner: Planner
) -> None:
    _, path = await _planned(client, planner)
    publication_id = UUID(path.rsplit("/", 1)[1])
    assert (await _send(client, f"{path}/move", time="2030-06-02T09:00", zone="Europe/Paris")).status_code == 303
    async with transaction(planner.sessions) as db:
        row = await db.get_one(Publication, publication_id)
        row.state = State.UNKNOWN.value
        db.add(Attempt(publication_id=publication_id, fence=1, call="publish", outcome="done"))
    assert (await _send(client, f"{path}/settle", finding="live")).status_code == 303
    shown = html.unescape((await client.get(path, headers=HTML)).text)
    happened = re.findall(r"<li><time.*?</time> <span>(.*?)</span></li>", shown[shown.index("What happened") :])
    name = planner.admin.name
    assert [each.partition(" for ")[0] for each in happened] == [
        f"{name} planned “The fox”",
        f"{name} moved “The fox”",
        "Sent it; the channel took it.",
        f"{name} found “The fox” on Our board.",
    ]


async def test_what_failed_is_tried_again_with_another_choice(client: httpx.AsyncClient, planner: Planner) -> None:
    asked = Field("mood", "Mood", required=True, choices=(("calm", "Calm"), ("wild", "Wild")))
    board = BoardChannel(planner.wall, options=(asked,))
    planner.app.state.reach = replace(planner.app.state.reach, channels={"board": board})
    document = await planner.document("It jumps.")
    wish = _wish(planner, **{f"option-{planner.account_id}-mood": "calm"})
    assert (await _send(client, f"/documents/{document}/publish", **wish)).status_code == 303
    async with transaction(planner.sessions) as db:
        row = await db.scalar(select(Publication))
        assert row is not None
        row.state, row.problem = State.FAILED.value, "It refuses calm ones."
    path = f"/publications/{row.id}"
    # A newer text is approved meanwhile: another choice does not let it go out unseen.
    planner.edit(document, "It sleeps.")
    shown = (await client.get(path, headers=HTML)).text
    assert '<option value="calm" selected>' in shown
    assert shown.index("Try again now") < shown.index("Day and time")
    refused = await _send(client, f"{path}/again", **{"option-mood": "glum"})
    assert refused.status_code == 422
    assert "Choose one of the values." in refused.text
    assert (await _send(client, f"{path}/again", **{"option-mood": "wild"})).status_code == 303
    async with planner.sessions() as db:
        after = await db.get_one(Publication, row.id)
    assert (after.state, after.post["options"], after.post["text"]) == ("scheduled", {"mood": "wild"}, "It jumps.")
    assert after.post["wished"]["options"] == {"mood": "wild"}
    assert "Mood" not in (await client.get(path, headers=HTML)).text


async def test_chips_and_the_text_are_shown_as_on_their_channel(client: httpx.AsyncClient, planner: Planner) -> None:
    played = Bluesky()
    shelf = PostgresSandboxShelf(planner.sessions)
    sandbox = Sandbox(shelf, "http://quillroom.test", {"bluesky": played})
    planner.app.state.reach = replace(planner.app.state.reach, channels={"sandbox": sandbox})
    async with transaction(planner.sessions) as db:
        account = await db.get_one(ChannelAccount, planner.account_id)
        account.channel, account.name, account.facts = "sandbox", "Sandbox as Bluesky", {"plays": "bluesky"}
    _, path = await _planned(client, planner)
    for view in ("month", "week"):
        page = (await client.get(f"/calendar?date=2030-06-01&view={view}", headers=HTML)).text
        chip = page[page.index('class="chip"') :]
        assert 'title="Sandbox as Bluesky">Bs</span>' in chip
        # By its name for those who hear it.
        assert "Sandbox as Bluesky · Scheduled" in chip
    shown = (await client.get(path, headers=HTML)).text
    text = shown[shown.index("What goes out") : shown.index("What happened")]
    assert 'class="post-preview" data-channel="bluesky"' in text
    # Bluesky has no titles.
    assert "The fox" not in text
    async with transaction(planner.sessions) as db:
        row = await db.get_one(Publication, UUID(path.rsplit("/", 1)[1]))
        row.state = State.UNKNOWN.value
    looked = f'Look on <a href="/workspace/channels/{planner.account_id}/posts">Sandbox as Bluesky</a>'
    assert looked in (await client.get(path, headers=HTML)).text


async def test_pictures_of_a_publication_are_shown_from_here(client: httpx.AsyncClient, planner: Planner) -> None:
    _, path = await _planned(client, planner)
    asset = Asset(
        workspace_id=planner.workspace.id,
        sha256=b"\5" * 32,
        media_type="image/png",
        width=2,
        height=1,
        size_bytes=9,
        file_name="fox.png",
    )
    picture = FrozenPicture(
        key_for(planner.workspace.id, asset.sha256, Kind.PNG), "picture-1.png", "image/png", 9, 2, 1, "A fox"
    )
    gone = replace(picture, key=key_for(planner.workspace.id, b"\6" * 32, Kind.PNG), name="picture-2.png")
    async with transaction(planner.sessions) as db:
        db.add(asset)
        row = await db.get_one(Publication, UUID(path.rsplit("/", 1)[1]))
        row.post = posts.pack(replace(posts.unpack(row.post), pictures=(picture, gone)))
    shown = (await client.get(path, headers=HTML)).text
    assert re.findall(r'<img src="([^"]*)" alt="([^"]*)"', shown) == [(f"/assets/{asset.id}", "A fox")]


async def test_a_member_sees_and_does_not_touch(
    client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    document, path = await _planned(client, planner)
    client.cookies.clear()
    await sign_in(client, sessions, await planner.member(Role.MEMBER))
    assert "Move" not in re.findall(r"<button[^>]*>\s*<span>([^<]*)", (await client.get(path, headers=HTML)).text)
    assert "Plan a publication" not in (await client.get(f"/documents/{document}/publish", headers=HTML)).text
    assert "data-movable" not in (await client.get("/calendar?date=2030-06-01", headers=HTML)).text
    for deed in ("move", "cancel", "again", "settle"):
        fields = {"time": "2030-06-02T09:00", "zone": "UTC", "finding": "live"}
        assert (await _send(client, f"{path}/{deed}", **fields)).status_code == 403, deed


@pytest.mark.parametrize("days", ["from=9999-12-31", "to=9999-12-31", "from=0001-01-01&to=0001-01-02"])
async def test_days_beyond_the_calendar_are_exported_as_none(
    client: httpx.AsyncClient, planner: Planner, days: str
) -> None:
    client.cookies.set("quillroom_zone", "Africa/Cairo")
    answer = await client.get(f"/calendar/export?{days}", headers=HTML)
    assert (answer.status_code, answer.text.count("\n")) == (200, 1)


async def test_days_are_exported_and_no_cell_is_computed(client: httpx.AsyncClient, planner: Planner) -> None:
    document = await planner.document("=HYPERLINK(1)", title="Foxes, “all”")
    assert (await _send(client, f"/documents/{document}/publish", **_wish(planner))).status_code == 303
    sent = await client.get("/calendar/export?from=2030-06-01&to=2030-06-01")
    assert "publications 2030-06-01 to 2030-06-01.csv" in sent.headers["content-disposition"]
    [row] = csv.DictReader(io.StringIO(sent.text))
    assert (row["time"], row["zone"], row["account"]) == ("2030-06-01T09:00", "Europe/Paris", "Our board")
    assert (row["document"], row["words"]) == ("Foxes, “all”", "'=HYPERLINK(1)")
    after = await client.get("/calendar/export?from=2030-06-02&to=2030-06-02")
    assert len(after.text.splitlines()) == 1


def test_months_are_whole_weeks_and_days_as_long_as_they_are() -> None:
    month = sheet_of(View.MONTH, datetime(2030, 3, 5, tzinfo=UTC).date(), PARIS)
    assert (month.days[0].isoformat(), month.days[-1].isoformat()) == ("2030-02-25", "2030-03-31")
    assert (month.before.isoformat(), month.after.isoformat()) == ("2030-02-01", "2030-04-01")
    # The last day of March has 23 hours there.
    assert month.until == datetime(2030, 3, 31, 22, tzinfo=UTC)
    for view in (View.WEEK, View.DAY, View.LIST):
        assert sheet_of(view, month.on, PARIS).title

"""The calendar as other programs read it: what the person sees, at an address that is theirs alone and ends."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from icalendar import Calendar
from sqlalchemy import select
from starlette.applications import Starlette

from server.accounts.throttle import CALENDAR_FEED
from server.db import Sessions, transaction
from server.documents.models import utc_now
from server.publishing.bulk import feeds
from server.publishing.bulk.models import CalendarFeed
from server.publishing.models import Publication
from server.publishing.planning.planning import Entry
from server.publishing.states import State
from server.workspaces import membership
from server.workspaces.access import Actor
from server.workspaces.models import Member, Role
from tests.factories import csrf_of, sign_in
from tests.server.publishing.planner import Planner, open_planner

HTML = {"Accept": "text/html"}


@pytest.fixture
async def planner(app: Starlette, sessions: Sessions) -> Planner:
    return await open_planner(app, sessions)


async def _make(page: httpx.AsyncClient) -> str:
    """Make an address; return its path."""
    shown = await page.post("/calendar/feed", data={"csrf": await csrf_of(page, "/account")}, headers=HTML)
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    found = re.search(r'value="[^"]*(/calendar/feeds/[^"/]+\.ics)"', shown.text)
    assert found
    assert re.search(rf'href="webcal://[^"]+{re.escape(found[1])}"', shown.text)
    return found[1]


def _nobody(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://quillroom.test")


def _soon(days: int) -> dict[str, str]:
    at = (datetime.now(UTC) + timedelta(days=days)).replace(hour=9, minute=0, second=0, microsecond=0)
    return {"wall_time": at.strftime("%Y-%m-%dT%H:%M:%S"), "zone": "Europe/Paris"}


async def test_a_calendar_program_reads_what_is_planned(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    document = await planner.document("It jumps, “=cmd”;\nand more.", title="The fox,\r\nand a line")
    async with await planner.program() as program:
        one = await planner.plan(program, document, time=_soon(5), tags=["news", "x,y"])
        gone = await planner.plan(program, document, time=_soon(6))
        await planner.plan(program, document, time=_soon(300))
        assert (await program.delete(f"/api/v1/publications/{gone['id']}")).is_success
    await sign_in(client, sessions, planner.admin)
    assert "You have no address yet" in (await client.get("/calendar/feed", headers=HTML)).text
    path = await _make(client)
    async with _nobody(app) as nobody:
        read = await nobody.get(path)
        assert read.status_code == 200
        assert read.headers["content-type"].startswith("text/calendar")
        assert read.headers["cache-control"].startswith("private")
        assert read.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in read.headers
        calendar: Any = Calendar.from_ical(read.content)
        first, second = sorted(calendar.walk("VEVENT"), key=lambda each: each["DTSTART"].dt)
        assert str(first["UID"]) == f"urn:uuid:{one['id']}"
        assert first["DTSTART"].dt.isoformat() == one["due_at"].replace("Z", "+00:00")
        assert first["DTSTART"].to_ical().endswith(b"Z")
        assert (int(first["SEQUENCE"]), str(first["STATUS"])) == (0, "CONFIRMED")
        assert str(first["SUMMARY"]) == "The fox, and a line · Our board"
        assert str(first["URL"]).endswith(f"/publications/{one['id']}")
        assert [str(tag) for tag in first["CATEGORIES"].cats] == ["news", "x,y"]
        assert (int(second["SEQUENCE"]), str(second["STATUS"])) == (1, "CANCELLED")
        # Asked again, it costs no bytes; a head costs none either.
        etag = {"If-None-Match": f"W/{read.headers['etag']}"}
        assert (await nobody.get(path, headers=etag)).status_code == 304
        assert (await nobody.head(path)).content == b""
        async with transaction(sessions) as db:
            row = await db.get_one(Publication, UUID(one["id"]))
            row.state, row.problem = State.FAILED.value, "The board is full."
        changed = await nobody.get(path, headers=etag)
        assert changed.status_code == 200
        assert "Failed: The fox" in changed.text
    assert "last read" in (await client.get("/calendar/feed", headers=HTML)).text
    assert path not in (await client.get("/calendar/feed", headers=HTML)).text


async def test_an_address_ends_when_it_is_renewed_or_ended_and_with_the_membership(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    member = await planner.member(Role.MEMBER)
    await sign_in(client, sessions, member)
    async with _nobody(app) as nobody:
        old = await _make(client)
        new = await _make(client)
        assert (await nobody.get(old)).status_code == 404
        assert (await nobody.get(new)).status_code == 200
        ended = await client.post("/calendar/feed/end", data={"csrf": await csrf_of(client, "/account")}, headers=HTML)
        assert ended.status_code == 303
        assert (await nobody.get(new)).status_code == 404
        last = await _make(client)
        async with transaction(sessions) as db:
            admin = Actor(planner.admin.id, planner.workspace.id, Role.ADMIN)
            await membership.remove(db, admin, member.id)
        assert (await nobody.get(last)).status_code == 404
        # Back again, they begin anew.
        async with transaction(sessions) as db:
            await membership.join(db, workspace_id=planner.workspace.id, user_id=member.id, role=Role.MEMBER)
        assert (await nobody.get(last)).status_code == 404


async def test_a_calendar_shows_what_the_person_sees_at_this_moment(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    document = await planner.document("It jumps.")
    async with await planner.program() as program:
        await planner.plan(program, document, time=_soon(5))
    guest = await planner.member(Role.GUEST)
    await sign_in(client, sessions, guest)
    path = await _make(client)
    async with _nobody(app) as nobody:
        assert b"VEVENT" not in (await nobody.get(path)).content
        async with transaction(sessions) as db:
            member = await db.get_one(Member, (planner.workspace.id, guest.id))
            member.role = Role.MEMBER.value
        assert (await nobody.get(path)).content.count(b"BEGIN:VEVENT") == 1


async def test_only_a_digest_is_kept_and_no_log_names_the_address(
    app: Starlette,
    client: httpx.AsyncClient,
    sessions: Sessions,
    planner: Planner,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await sign_in(client, sessions, planner.admin)
    path = await _make(client)
    secret = path.rsplit("/", 1)[1].removesuffix(".ics")
    async with _nobody(app) as nobody:
        await nobody.get(path)
        await nobody.get(f"/calendar/feeds/{feeds.PREFIX}nothing.ics")
    async with sessions() as db:
        kept = await db.scalar(select(CalendarFeed))
    assert kept is not None
    assert secret.encode() not in kept.token_hash
    assert secret not in repr(kept)
    written = capsys.readouterr()
    assert "/calendar/feeds/{secret}.ics" in written.out + written.err
    assert secret not in written.out + written.err


async def test_who_asks_without_end_is_told_to_wait(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.accounts.throttle.CALENDAR_FEED", type(CALENDAR_FEED)("calendar-feed-test", 2, 60))
    await sign_in(client, sessions, planner.admin)
    path = await _make(client)
    async with _nobody(app) as nobody:
        assert [(await nobody.get(path)).status_code for _ in range(3)] == [200, 200, 429]


async def test_what_is_asked_for_again_is_not_written_again(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = feeds.write

    def noted(found: Sequence[Entry], name: str, public_url: str) -> bytes:
        written.append(len(found))
        return write(found, name, public_url)

    monkeypatch.setattr(feeds, "write", noted)
    document = await planner.document("It jumps.")
    async with await planner.program() as program:
        await planner.plan(program, document, time=_soon(5))
    await sign_in(client, sessions, planner.admin)
    path = await _make(client)
    async with _nobody(app) as nobody:
        answers = await asyncio.gather(*(nobody.get(path) for _ in range(6)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.content for each in answers}) == 1
    assert written == [1]


async def test_two_thousand_publications_are_written_in_their_bounds(planner: Planner) -> None:
    document = await planner.document("It jumps.")
    async with await planner.program() as program:
        first = await planner.plan(program, document, time=_soon(3))
    actor = Actor(planner.admin.id, planner.workspace.id, Role.ADMIN)
    async with transaction(planner.sessions) as db:
        row = await db.get_one(Publication, UUID(first["id"]))
        more = [
            Publication(
                **row.model_dump(exclude={"id", "tag_keys", "due_at"}),
                due_at=utc_now() + timedelta(days=day - 60),
            )
            for day in range(300)
        ]
        db.add_all(more)
    async with planner.sessions() as db:
        found = await feeds.entries(db, actor)
    days = [(each.due_at - utc_now()).days for each in found]
    assert (min(days), max(days), len(days)) == (-30, 179, 211)
    assert feeds.write(found, "Us", "https://studio.example").count(b"BEGIN:VEVENT") == len(found)

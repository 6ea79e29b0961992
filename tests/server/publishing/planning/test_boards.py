"""The tabs before the calendar: drafts and reviews as somebody sees them, and publications by tag."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.models import Document
from server.publishing.planning import boards
from server.review import lifecycle
from server.workspaces.access import Actor
from server.workspaces.models import Role
from tests.factories import sign_in
from tests.server.publishing.planner import Planner, open_planner

HTML = {"Accept": "text/html"}


@pytest.fixture
async def planner(app: Starlette, sessions: Sessions) -> Planner:
    return await open_planner(app, sessions)


async def _ask(planner: Planner, document: UUID, by: User) -> None:
    async with transaction(planner.sessions) as db:
        await lifecycle.request(db, by, document, workflow_id=None, note="Please")


def _counts(page: str) -> dict[str, str]:
    """What the badges say, by tab."""
    found = re.findall(r'tab=(\w+)[^"]*"[^>]*>(\w+) <span class="tab-count">([^<]*)<', page)
    return {name.lower(): number for _, name, number in found}


@contextmanager
def _counted(planner: Planner) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(*parts: Any) -> None:
        asked.append(str(parts[2]))

    engine = planner.sessions.kw["bind"].sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_a_text_goes_from_tab_to_tab(client: httpx.AsyncClient, sessions: Sessions, planner: Planner) -> None:
    document = await planner.document("It jumps.", title="The fox")
    other = await planner.document("It sleeps.", title="The dog", approve=False)
    await sign_in(client, sessions, planner.admin)
    drafts = (await client.get("/calendar?tab=drafts", headers=HTML)).text
    assert "The fox" in drafts
    assert "The dog" in drafts
    assert _counts(drafts) == {"queue": "0", "drafts": "2", "approvals": "0", "sent": "0", "failed": "0"}

    member = await planner.member(Role.MEMBER)
    await _ask(planner, other, member)
    reviews = (await client.get("/calendar?tab=approvals", headers=HTML)).text
    assert f'href="/documents/{other}/review"' in reviews
    assert "Waits for you" in reviews
    assert "The dog" not in (await client.get("/calendar?tab=drafts", headers=HTML)).text
    async with await planner.program() as program:
        await planner.plan(program, document)
    badges = await client.get("/calendar/tabs?tab=approvals&view=week", headers={**HTML, "HX-Request": "true"})
    assert badges.text.lstrip().startswith("<nav")
    assert _counts(badges.text) == {"queue": "1", "drafts": "0", "approvals": "1", "sent": "0", "failed": "0"}
    assert "No draft waits" in (await client.get("/calendar?tab=drafts", headers=HTML)).text

    # Whoever asked waits for others, and is told for whom.
    client.cookies.clear()
    await sign_in(client, sessions, member)
    theirs = (await client.get("/calendar?tab=approvals", headers=HTML)).text
    assert "Waits for you" not in theirs
    assert f"waits for {planner.admin.name}" in " ".join(theirs.split())


async def test_nobody_sees_drafts_and_reviews_of_documents_that_they_do_not_see(
    client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    document = await planner.document("It jumps.", title="The secret fox", approve=False)
    other = await planner.document("It jumps.", title="The secret dog", approve=False)
    async with transaction(sessions) as db:
        for each in (document, other):
            row = await db.get_one(Document, each)
            row.reach = "people"
    await _ask(planner, other, planner.admin)
    await sign_in(client, sessions, await planner.member(Role.MEMBER))
    for tab in ("drafts", "approvals"):
        page = (await client.get(f"/calendar?tab={tab}", headers=HTML)).text
        assert "secret" not in page
        assert _counts(page)[tab] == "0"


async def test_drafts_are_paged_and_every_tab_asks_as_much_for_many_as_for_one(
    client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    actor = Actor(planner.admin.id, planner.workspace.id, Role.ADMIN)
    member = await planner.member(Role.MEMBER)
    await sign_in(client, sessions, planner.admin)
    asked: dict[str, list[int]] = {"drafts": [], "approvals": []}
    for number in range(1, 7):
        for kind in ("draft", "review"):
            made = await planner.document("It jumps.", title=f"{kind} {number}", approve=False)
            if kind == "review":
                await _ask(planner, made, member)
        if number in {1, 6}:
            for tab, counts in asked.items():
                with _counted(planner) as statements:
                    assert (await client.get(f"/calendar?tab={tab}", headers=HTML)).status_code == 200
                counts.append(len(statements))
    assert all(few == many for few, many in asked.values()), asked
    async with planner.sessions() as db:
        first = await boards.drafts(db, actor, limit=4)
        rest = await boards.drafts(db, actor, limit=4, cursor=first.next_cursor)
        assert [each.title for each in (*first.drafts, *rest.drafts)] == [f"draft {n}" for n in range(6, 0, -1)]
        assert rest.next_cursor is None
        one = await boards.reviews(db, actor, limit=4)
        two = await boards.reviews(db, actor, limit=4, cursor=one.next_cursor)
        assert [each.title for each in (*one.reviews, *two.reviews)] == [f"review {n}" for n in range(1, 7)]
    for cursor in ("soon", "0001-01-01T00:00:00%2B23:59~00000000-0000-0000-0000-000000000000", "%00"):
        assert (await client.get(f"/calendar?tab=drafts&cursor={cursor}", headers=HTML)).status_code == 422
    assert (await client.get("/calendar?tab=approvals&cursor=%00", headers=HTML)).status_code == 200


async def test_the_calendar_shows_one_tag_and_says_which_there_are(
    client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    document = await planner.document("It jumps.", title="The fox")
    async with await planner.program() as program:
        news = await planner.plan(program, document, tags=["News", "Füchse & “co”"])
        plain = await planner.plan(program, document, tags=["autumn"])
    await sign_in(client, sessions, planner.admin)
    page = "/calendar?date=2030-06-15"
    everything = (await client.get(page, headers=HTML)).text
    assert all(f"#{each}<" in everything for each in ("news", "autumn"))
    assert "#füchse &amp; “co”" in everything
    for address, shown, counts in (
        (f"{page}&tag=NEWS", news, "1"),
        (
            f"{page}&tag=f%C3%BCchse%20%26%20%E2%80%9Cco%E2%80%9D&account={planner.account_id}&state=scheduled",
            news,
            "1",
        ),
        ("/calendar?tab=queue&tag=autumn", plain, "1"),
    ):
        chosen = (await client.get(address, headers=HTML)).text
        assert set(re.findall(r'href="/publications/([0-9a-f-]{36})"', chosen)) == {shown["id"]}
        assert _counts(chosen)["queue"] == counts
        # Another one can be chosen, and this one left.
        assert "#autumn" in chosen
        assert "#news" in chosen
    sent = await client.get("/calendar/export?from=2030-06-01&to=2030-06-30&tag=autumn")
    assert len(sent.text.splitlines()) == 2
    assert (await client.get(f"{page}&tag=%00news", headers=HTML)).status_code == 200
    none = (await client.get(f"{page}&tag=nothing", headers=HTML)).text
    assert "#nothing" in none
    assert "/publications/" not in none

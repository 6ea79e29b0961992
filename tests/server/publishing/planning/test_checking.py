"""What the page to publish answers before anything is planned: about the time that is chosen, and no other."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.documents.models import utc_now
from server.publishing.models import Publication
from server.publishing.rules.models import Blackout
from tests.factories import csrf_of, sign_in
from tests.server.publishing.planner import Planner, open_planner

HTML = {"Accept": "text/html"}
AT = {"when": "at", "time": "2030-06-01T09:00", "zone": "Europe/Paris"}


@pytest.fixture
async def planner(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> Planner:
    planner = await open_planner(app, sessions)
    await sign_in(client, sessions, planner.admin)
    return planner


async def _send(page: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await page.post(path, data={"csrf": await csrf_of(page, "/account"), **fields}, headers=HTML)


def _answer(page: httpx.Response) -> str:
    """Return what stands beside the buttons, without its markup."""
    found = re.search(r'id="said-answer".*?(?=<div class="publish-deeds">)', page.text, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[0])).strip()


async def _count(planner: Planner) -> int | None:
    async with planner.sessions() as db:
        count: int | None = await db.scalar(select(func.count()).select_from(Publication))
        return count


async def _close(planner: Planner, days: int) -> None:
    """Let nothing be meant to go out on a day, counted from today."""
    async with transaction(planner.sessions) as db:
        day = utc_now().date() + timedelta(days=days)
        db.add(Blackout(workspace_id=planner.workspace.id, name=f"Closed {days}", first_day=day, last_day=day))


async def test_a_check_says_what_would_go_out_where_and_when(client: httpx.AsyncClient, planner: Planner) -> None:
    page = f"/documents/{await planner.document('It jumps.')}/publish"
    account = {f"account-{planner.account_id}": "on"}
    checked = await _send(client, page, do="check", **account, **AT)
    assert checked.status_code == 200
    answer = _answer(checked)
    assert "Nothing stands against it. Nothing is planned yet." in answer
    assert re.search(r"on Our board , Saturday, 1 June 2030, 09:00 Europe/Paris *: “It jumps", answer), answer
    assert re.search(r'role="status" tabindex="-1" autofocus', checked.text)
    assert "on Our board , now" in _answer(await _send(client, page, do="check", when="now", **account))
    series = {"repeat": "weeks", "every": "1", "ends": "count", "count": "3"}
    assert "and 2 more, the last Saturday, 15 June 2030, 09:00" in _answer(
        await _send(client, page, do="check", **account, **AT, **series)
    )
    assert await _count(planner) == 0


async def test_a_check_says_what_stands_against_it(client: httpx.AsyncClient, planner: Planner) -> None:
    page = f"/documents/{await planner.document('It jumps.')}/publish"
    account = {f"account-{planner.account_id}": "on"}
    for fields, words in (
        (AT, "Choose at least one account."),
        ({**account, **AT, "time": "2020-01-01T09:00"}, "This time is over"),
        ({**account, **AT, "link": "nowhere"}, "Our board: "),
        ({**account, "when": "slot"}, "no posting times yet"),
    ):
        checked = await _send(client, page, do="check", **fields)
        assert checked.status_code == 422, words
        assert "It cannot go out like this" in _answer(checked)
        assert words in _answer(checked)
    jumped = _answer(await _send(client, page, do="check", **account, **{**AT, "time": "2030-03-31T02:30"}))
    assert "with something to look at first" in jumped
    assert "does not exist on that day" in jumped


async def test_rules_are_told_of_the_time_that_is_chosen(client: httpx.AsyncClient, planner: Planner) -> None:
    page = f"/documents/{await planner.document('It jumps.')}/publish"
    for days in (-1, 0):
        await _close(planner, days)
    # The form opens with tomorrow; that today is closed is nobody's concern before they choose it.
    assert "Closed" not in (await client.get(page, headers=HTML)).text
    now = await _send(client, page, do="look", when="now")
    assert "Closed 0" in now.text
    assert _answer(now).endswith(">")
    # No time is known: neither by a slot, of which there is none, nor by what is no time.
    for fields in ({"when": "slot"}, {**AT, "time": "soon"}):
        looked = await _send(client, page, do="look", **fields)
        assert looked.status_code == 200
        assert "Closed" not in looked.text
    assert "Give a day and a time." in looked.text
    for days in (1, 2):
        await _close(planner, days)
    assert "Closed 1" in (await client.get(page, headers=HTML)).text


async def test_the_button_says_what_it_does(client: httpx.AsyncClient, planner: Planner) -> None:
    page = await client.get(f"/documents/{await planner.document()}/publish", headers=HTML)
    names = re.findall(r'<span data-deed="(\w+)">([^<]*)', page.text)
    assert names == [
        ("any", "Publish as chosen"),
        ("now", "Publish now"),
        ("slot", "Add to queue"),
        ("at", "Schedule"),
    ]

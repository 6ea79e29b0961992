"""Accounts over the API and in the pages, as a person and a program go through them."""

import re
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from server.accounts import tokens
from server.db import Sessions
from server.publishing.channels.webhook import Webhook
from server.publishing.models import ChannelAccount
from server.workspaces.models import Role
from tests.factories import csrf_of, make_member, sign_in
from tests.server.publishing.conftest import Desk

HTML = {"Accept": "text/html"}
PAGE = "/workspace/channels"


@pytest.fixture
async def page(app: Starlette, client: httpx.AsyncClient, sessions: Sessions, desk: Desk) -> httpx.AsyncClient:
    """The admin's browser, on an application that reaches the local server."""
    app.state.reach = desk.reach
    await sign_in(client, sessions, desk.user)
    return client


async def _program(app: Starlette, sessions: Sessions, desk: Desk) -> httpx.AsyncClient:
    async with sessions.begin() as db:
        _, text = await tokens.create(db, desk.user, "test")
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(
        transport=transport,
        base_url=f"http://quillroom.test/api/v1/workspaces/{desk.workspace.id}",
        headers={"Authorization": f"Bearer {text}"},
    )


async def _send(page: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await page.post(path, data={"csrf": await csrf_of(page, "/account"), **fields}, headers=HTML)


async def _agree(url: str) -> str:
    """Agree at Reddit; return the path and query that lead back."""
    async with httpx.AsyncClient() as browser:
        back = urlsplit((await browser.get(url)).headers["location"])
    return f"{back.path}?{back.query}"


async def test_a_person_connects_looks_after_and_disconnects_an_account(page: httpx.AsyncClient, desk: Desk) -> None:
    first = await page.get(PAGE, headers=HTML)
    assert "No account is connected yet" in first.text
    asked = await _send(page, f"{PAGE}/connect/reddit")
    assert asked.status_code == 200
    assert asked.headers["cache-control"] == "no-store"
    found = re.search(r'content="0; url=([^"]+)"', asked.text)
    assert found
    back = await page.get(await _agree(found[1].replace("&amp;", "&")), headers=HTML)
    assert (back.status_code, back.headers["location"]) == (303, PAGE)
    told = await page.get(PAGE, headers=HTML)
    assert "The account is connected." in told.text
    assert "u/fox" in told.text
    assert "Works" in told.text
    assert desk.elsewhere.access not in told.text

    path = re.search(rf'href="({PAGE}/[0-9a-f-]{{36}})"', told.text)
    assert path
    changed = await _send(page, path[1], name="Our foxes", responsible=str(desk.user.id))
    assert changed.status_code == 303
    desk.elsewhere.suspended = True
    assert (await _send(page, f"{path[1]}/check")).status_code == 303
    shown = await page.get(path[1], headers=HTML)
    assert "Our foxes" in shown.text
    assert "Must be connected again" in shown.text
    assert "suspended" in shown.text
    empty = await _send(page, path[1], name=" ", responsible=str(desk.user.id))
    assert empty.status_code == 422
    assert "Give the account a name" in empty.text

    assert (await _send(page, f"{path[1]}/disconnect")).status_code == 422
    assert (await _send(page, f"{path[1]}/disconnect", sure="yes")).status_code == 303
    assert "No account is connected yet" in (await page.get(PAGE, headers=HTML)).text
    assert (await page.get(path[1], headers=HTML)).status_code == 404


async def test_whoever_comes_back_without_having_been_sent_is_told(page: httpx.AsyncClient) -> None:
    back = await page.get("/channels/reddit/return?state=x&code=y", headers=HTML)

    assert back.status_code == 422
    assert "Begin to connect anew" in back.text


async def test_members_see_how_accounts_fare_and_cannot_connect(
    page: httpx.AsyncClient, desk: Desk, sessions: Sessions
) -> None:
    await desk.connect()
    in_header = '<a class="button header-link header-wide" href="/workspace/channels"'
    assert in_header in (await page.get("/documents", headers=HTML)).text
    async with sessions.begin() as db:
        member = await make_member(db, desk.workspace)
        guest = await make_member(db, desk.workspace, role=Role.GUEST, name="Gus")
    await sign_in(page, sessions, member)
    shown = await page.get(PAGE, headers=HTML)
    assert "u/fox" in shown.text
    assert "Connect an account" not in shown.text
    assert in_header not in shown.text
    refused = await _send(page, f"{PAGE}/connect/reddit")
    assert refused.status_code == 403
    assert "Only admins and schedulers publish" in refused.text
    await sign_in(page, sessions, guest)
    refused = await page.get(PAGE, headers=HTML)
    assert refused.status_code == 403
    assert "Ask an admin to make you a member." in refused.text


async def test_a_program_connects_with_its_persons_consent(
    app: Starlette, page: httpx.AsyncClient, desk: Desk, sessions: Sessions
) -> None:
    async with await _program(app, sessions, desk) as program:
        asked = await program.post("/accounts", json={"channel": "reddit"})
        assert asked.status_code == 201
        assert asked.json()["account"] is None
        await page.get(await _agree(asked.json()["consent_url"]), headers=HTML)

        [account] = (await program.get("/accounts")).json()["accounts"]
        assert (account["name"], account["health"], account["responsible_name"]) == ("u/fox", "ok", desk.user.name)
        assert desk.elsewhere.access not in str(account)
        one = f"/accounts/{account['id']}"
        renamed = await program.patch(one, json={"name": "Foxes", "responsible_id": str(desk.user.id)})
        assert renamed.json()["name"] == "Foxes"
        wrong = await program.patch(one, json={"responsible_id": account["id"]})
        assert wrong.status_code == 422
        assert [each["field"] for each in wrong.json()["errors"]] == ["responsible_id"]
        desk.elsewhere.suspended = True
        assert (await program.post(f"{one}/check")).json()["health"] == "reconnect"
        desk.elsewhere.suspended = False
        before = desk.elsewhere.access
        assert (await program.post(f"{one}/refresh")).json()["account"]["health"] == "ok"
        assert desk.elsewhere.access != before
        assert (await program.delete(one)).status_code == 204
        assert (await program.get(one)).status_code == 404
        assert (await program.post("/accounts", json={"channel": "pigeon"})).status_code == 422

        channels = (await program.get("http://quillroom.test/api/v1/channels")).json()["channels"]
        assert [each["kind"] for each in channels] == ["reddit"]
        assert channels[0]["options"][0]["name"] == "subreddit"


async def test_a_secret_that_was_made_here_is_shown_once(
    app: Starlette, page: httpx.AsyncClient, desk: Desk, sessions: Sessions
) -> None:
    app.state.reach = replace(desk.reach, channels={"webhook": Webhook()})
    refused = await _send(page, f"{PAGE}/connect/webhook", url="nonsense")
    assert refused.status_code == 422
    assert 'value="nonsense"' in refused.text

    made = await _send(page, f"{PAGE}/connect/webhook", url=f"{desk.place.url}/hook")
    assert made.headers["cache-control"] == "no-store"
    first = re.findall(r'value="(whsec_[^"]+)"', made.text)
    assert len(first) == 1

    path = re.search(rf'href="({PAGE}/[0-9a-f-]{{36}})"', (await page.get(PAGE, headers=HTML)).text)
    assert path
    assert "whsec_" not in (await page.get(path[1], headers=HTML)).text
    second = re.findall(r'value="(whsec_[^"]+)"', (await _send(page, f"{path[1]}/refresh")).text)
    assert len(second) == 1
    assert second != first

    # A new secret says nothing of whether anybody answers: nothing was asked.
    async with sessions.begin() as db:
        await db.execute(update(ChannelAccount).values(health="failing", health_sentence="Cannot be reached."))
    told = (await _send(page, f"{path[1]}/refresh")).text
    assert "Does not answer as it should" in told
    assert "Cannot be reached." in told

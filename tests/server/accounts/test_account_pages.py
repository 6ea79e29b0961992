"""The page of one's account, through the whole application."""

import html
import re
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from server.accounts import account_pages, throttle, tokens
from server.accounts import sessions as browsers
from server.accounts.models import PRESENCE_COLOURS, User, utc_now
from server.db import Sessions, transaction
from server.web.cookies import SESSION
from tests.factories import PASSWORD, csrf_of, make_team, make_user, set_cookie, sign_in

HTML = {"Accept": "text/html"}
NEW_PASSWORD = "four quiet herons"


@pytest.fixture
async def ada(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> User:
    """Ada, signed in."""
    user, _ = await make_team(sessions)
    await sign_in(client, sessions, user)
    return user


async def post(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": await csrf_of(client, "/account"), **fields}, headers=HTML)


async def stored(sessions: Sessions, user: User) -> User:
    async with sessions() as db:
        found = await db.get(User, user.id)
    assert found is not None
    return found


async def another_browser(sessions: Sessions, user: User, *, user_agent: str = "curl/8.5.0") -> str:
    async with transaction(sessions) as db:
        return await browsers.start(db, user, lasts=timedelta(days=1), user_agent=user_agent, address="192.0.2.7")


async def is_in(client: httpx.AsyncClient, secret: str) -> bool:
    """Whether a browser with this cookie is somebody."""
    transport = client._transport
    async with httpx.AsyncClient(transport=transport, base_url=client.base_url) as other:
        set_cookie(other, SESSION, secret)
        return (await other.get("/account", headers=HTML)).status_code == 200


def test_every_colour_has_a_name_of_its_own() -> None:
    assert len(set(account_pages.COLOUR_NAMES)) == len(account_pages.COLOUR_NAMES) == PRESENCE_COLOURS


async def test_the_page_is_for_those_who_are_signed_in(client: httpx.AsyncClient, sessions: Sessions) -> None:
    await make_team(sessions)
    answer = await client.get("/account", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/account")


async def test_a_name_and_a_colour_are_changed_and_said_once(
    client: httpx.AsyncClient, ada: User, sessions: Sessions
) -> None:
    answer = await post(client, "/account/profile", name="  Ada   King ", colour="11")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    changed = await stored(sessions, ada)
    assert (changed.name, changed.colour) == ("Ada King", 11)
    page = await client.get("/account", headers=HTML)
    assert account_pages.SENTENCES["profile"] in page.text
    assert re.search(r'value="11" aria-label="Pink" checked', page.text)
    assert account_pages.SENTENCES["profile"] not in (await client.get("/account", headers=HTML)).text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": "\u202e\u200b", "colour": "1"}, "field-name-error"),
        ({"name": "x" * 81, "colour": "1"}, "field-name-error"),
        ({"name": "x" * 20_000, "colour": "1"}, "field-name-error"),
        ({"name": "Ada", "colour": "12"}, "colour-error"),
        ({"name": "Ada", "colour": "-1"}, "colour-error"),
        ({"name": "Ada", "colour": "red"}, "colour-error"),
        ({"name": "Ada"}, "colour-error"),
    ],
)
async def test_a_name_or_colour_that_cannot_be_is_refused_at_its_field(
    client: httpx.AsyncClient, ada: User, sessions: Sessions, fields: dict[str, str], fault: str
) -> None:
    answer = await post(client, "/account/profile", **fields)
    assert answer.status_code == 422
    assert f'id="{fault}"' in answer.text
    assert (await stored(sessions, ada)).name == ada.name


async def test_a_new_password_signs_out_every_other_browser_and_says_so(
    client: httpx.AsyncClient, ada: User, sessions: Sessions
) -> None:
    elsewhere = await another_browser(sessions, ada)
    async with transaction(sessions) as db:
        bo = await make_user(db, name="Bo")
    bos = await another_browser(sessions, bo)
    assert await is_in(client, elsewhere)
    answer = await post(client, "/account/password", old_password=PASSWORD, new_password=NEW_PASSWORD)
    assert answer.status_code == 303
    page = await client.get("/account", headers=HTML)
    assert "every other browser has been signed out" in page.text
    assert not await is_in(client, elsewhere)
    assert await is_in(client, bos)
    signing_in = {"csrf": await csrf_of(client, "/account"), "email": ada.email}
    assert (await client.post("/sign-in", data=signing_in | {"password": PASSWORD})).status_code == 422
    assert (await client.post("/sign-in", data=signing_in | {"password": NEW_PASSWORD})).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("wrong", NEW_PASSWORD, "old_password"),
        ("", NEW_PASSWORD, "old_password"),
        ("x" * 20_000, NEW_PASSWORD, "old_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, PASSWORD, "new_password"),
        (PASSWORD, "", "new_password"),
        (PASSWORD, "x" * 20_000, "new_password"),
    ],
)
async def test_a_refused_password_changes_nothing(
    client: httpx.AsyncClient, ada: User, sessions: Sessions, old: str, new: str, fault: str
) -> None:
    elsewhere = await another_browser(sessions, ada)
    answer = await post(client, "/account/password", old_password=old, new_password=new)
    assert answer.status_code == 422
    assert f'id="field-{fault}-error"' in answer.text
    assert (await stored(sessions, ada)).password_hash == ada.password_hash
    assert await is_in(client, elsewhere)


async def test_the_old_password_cannot_be_guessed_at_a_browser_left_signed_in(
    client: httpx.AsyncClient, ada: User, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "PASSWORD_CHANGE", throttle.Limit("password-change", 1, 60))
    assert (await post(client, "/account/password", old_password="a guess")).status_code == 422
    answer = await post(client, "/account/password", old_password=PASSWORD, new_password=NEW_PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many attempts" in answer.text


async def test_ones_browsers_are_listed_and_one_can_be_signed_out(
    client: httpx.AsyncClient, ada: User, sessions: Sessions
) -> None:
    elsewhere = await another_browser(sessions, ada, user_agent="X11; Linux <b> Firefox/128.0")
    kept = await another_browser(sessions, ada)
    page = (await client.get("/account", headers=HTML)).text
    assert page.count("This browser") == 1
    assert "Firefox on Linux" in page
    assert "from 192.0.2.7" in page
    async with sessions() as db:
        found = await browsers.find(db, elsewhere)
    assert found is not None
    answer = await post(client, f"/account/sessions/{found[0].id}/end")
    assert answer.status_code == 303
    assert not await is_in(client, elsewhere)
    assert await is_in(client, kept)
    assert (await post(client, "/account/sessions/end-others")).status_code == 303
    assert not await is_in(client, kept)
    assert "Sign out all others" not in (await client.get("/account", headers=HTML)).text


async def test_nobody_ends_a_session_or_a_token_of_somebody_else(
    client: httpx.AsyncClient, ada: User, sessions: Sessions
) -> None:
    async with transaction(sessions) as db:
        bo = await make_user(db, name="Bo")
        token, text = await tokens.create(db, bo, "Bo's")
    secret = await another_browser(sessions, bo)
    async with sessions() as db:
        found = await browsers.find(db, secret)
    assert found is not None
    for path in (
        f"/account/sessions/{found[0].id}/end",
        f"/account/tokens/{token.id}/revoke",
        f"/account/sessions/{uuid4()}/end",
        f"/account/tokens/{uuid4()}/revoke",
    ):
        assert (await post(client, path)).status_code == 404
    assert await is_in(client, secret)
    async with sessions() as db:
        assert await tokens.find(db, text) is not None


async def test_a_token_is_shown_once_works_and_is_revoked(
    client: httpx.AsyncClient, ada: User, sessions: Sessions
) -> None:
    answer = await post(client, "/account/tokens", name="Nightly <backup>", days="30")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    shown = re.search(r'id="token-text"[^>]* value="(qr_[^"]+)"', answer.text)
    assert shown
    bearer = {"Authorization": f"Bearer {shown[1]}"}
    assert (await client.get("/api/v1/me", headers=bearer)).status_code == 200
    page = (await client.get("/account", headers=HTML)).text
    assert shown[1] not in page
    assert "Nightly <backup>" in html.unescape(page)
    async with sessions() as db:
        (token,) = await tokens.list_for(db, ada.id)
    assert token.expires_at is not None
    assert timedelta(days=29) < token.expires_at - utc_now() < timedelta(days=31)
    assert (await post(client, f"/account/tokens/{token.id}/revoke")).status_code == 303
    client.cookies.clear()
    assert (await client.get("/api/v1/me", headers=bearer)).status_code == 401


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": "", "days": ""}, "token-name-error"),
        ({"name": "x" * 81, "days": ""}, "token-name-error"),
        ({"name": "ok", "days": "0"}, "token-days-error"),
        ({"name": "ok", "days": "-5"}, "token-days-error"),
        ({"name": "ok", "days": "99999999999"}, "token-days-error"),
        ({"name": "ok", "days": "soon"}, "token-days-error"),
    ],
)
async def test_a_token_that_cannot_be_is_refused_at_its_field(
    client: httpx.AsyncClient, ada: User, sessions: Sessions, fields: dict[str, str], fault: str
) -> None:
    answer = await post(client, "/account/tokens", **fields)
    assert answer.status_code == 422
    assert f'id="{fault}"' in answer.text
    async with sessions() as db:
        assert not await tokens.list_for(db, ada.id)


async def test_without_days_a_token_never_expires(client: httpx.AsyncClient, ada: User, sessions: Sessions) -> None:
    assert (await post(client, "/account/tokens", name="For good", days="")).status_code == 200
    async with sessions() as db:
        assert [token.expires_at for token in await tokens.list_for(db, ada.id)] == [None]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/account/profile", {"name": "Eve", "colour": "1"}),
        ("/account/password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD}),
        ("/account/sessions/end-others", {}),
        ("/account/tokens", {"name": "More"}),
    ],
)
async def test_a_leaked_token_cannot_take_the_account_over(
    client: httpx.AsyncClient, ada: User, sessions: Sessions, path: str, fields: dict[str, str]
) -> None:
    async with transaction(sessions) as db:
        _, text = await tokens.create(db, ada, "leaked")
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {text}"}
    assert (await client.post(path, data=fields, headers=HTML | bearer)).status_code == 403
    assert (await client.get("/account", headers=HTML | bearer)).status_code == 403
    changed = await stored(sessions, ada)
    assert (changed.name, changed.password_hash) == (ada.name, ada.password_hash)


async def test_without_the_form_token_nothing_is_changed(
    client: httpx.AsyncClient, ada: User, sessions: Sessions
) -> None:
    for path in ("/account/profile", "/account/password", "/account/tokens", "/account/sessions/end-others"):
        assert (await client.post(path, data={"name": "Eve", "colour": "1"}, headers=HTML)).status_code == 403
    assert (await stored(sessions, ada)).name == ada.name

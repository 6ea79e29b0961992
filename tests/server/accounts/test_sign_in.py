from datetime import timedelta

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select, update
from starlette.applications import Starlette

from server.accounts import people
from server.accounts import sessions as browsers
from server.accounts.models import Session, User, utc_now
from server.accounts.routes import NOT_RIGHT
from server.db import Sessions
from server.web.cookies import SESSION
from tests.factories import PASSWORD, csrf_of, make_team, set_cookie, sign_in

HTML = {"Accept": "text/html"}


async def post(client: httpx.AsyncClient, user: User, *, password: str = PASSWORD, **fields: str) -> httpx.Response:
    form = {"csrf": await csrf_of(client), "email": user.email, "password": password} | fields
    return await client.post("/sign-in", data=form, headers=HTML)


async def count_sessions(sessions: Sessions) -> int:
    async with sessions() as db:
        return await db.scalar(select(func.count()).select_from(Session)) or 0


async def test_the_right_password_opens_the_door(client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, _ = await make_team(sessions)
    answer = await post(client, user, email=f"  {user.email.upper()} ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents")
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith(SESSION))
    for part in ("httponly", "samesite=lax", "path=/", "max-age=2592000"):
        assert part in cookie.lower()
    assert (await client.get("/documents", headers=HTML)).status_code == 200
    assert (await client.get("/sign-in")).headers["location"] == "/documents"


async def test_a_wrong_password_and_an_unknown_address_are_told_alike(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    user, _ = await make_team(sessions)
    async with sessions() as db:
        disabled = User(email="gone@example.org", name="Gone", password_hash=user.password_hash, disabled_at=utc_now())
        db.add(disabled)
        await db.commit()
    answers = [
        await post(client, user, password="not the password"),
        await post(client, user, email="nobody@example.org"),
        await post(client, user, email="not an address"),
        await post(client, user, email="\0"),
        await post(client, user, email="gone@example.org"),
        await post(client, user, password="\0"),
        await post(client, user, password="x" * 3000),
        await post(client, user, email=""),
    ]
    for answer in answers[:6]:
        assert answer.status_code == 422
        assert NOT_RIGHT in answer.text
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
    assert {answer.status_code for answer in answers} == {422}
    assert await count_sessions(sessions) == 0


async def test_what_was_typed_is_shown_again_as_text_and_the_password_is_not(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    user, _ = await make_team(sessions)
    answer = await post(client, user, email='"><script>alert(1)</script>', password="my other password")
    assert "&lt;script&gt;" in answer.text
    assert "<script>alert" not in answer.text
    assert "my other password" not in answer.text


async def test_a_planted_session_is_never_taken_over(client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, _ = await make_team(sessions)
    planted = "p" * 43
    set_cookie(client, SESSION, planted)
    await post(client, user)
    assert client.cookies[SESSION] != planted
    async with sessions() as db:
        assert await browsers.find(db, planted) is None


async def test_signing_in_again_ends_the_session_before(client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, _ = await make_team(sessions)
    before = await sign_in(client, sessions, user)
    token = await csrf_of(client, "/documents")
    form = {"csrf": token, "email": user.email, "password": PASSWORD}
    assert (await client.post("/sign-in", data=form)).status_code == 303
    async with sessions() as db:
        assert await browsers.find(db, before) is None
        assert await browsers.find(db, client.cookies[SESSION]) is not None


async def test_signing_out_ends_the_row_not_only_the_cookie(client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, _ = await make_team(sessions)
    secret = await sign_in(client, sessions, user)
    answer = await client.post("/sign-out", data={"csrf": await csrf_of(client, "/documents")})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert SESSION not in client.cookies
    set_cookie(client, SESSION, secret)
    assert (await client.get("/documents", headers=HTML)).headers["location"] == "/sign-in"
    assert await count_sessions(sessions) == 0


async def test_signing_out_needs_a_page_of_ours(client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, _ = await make_team(sessions)
    await sign_in(client, sessions, user)
    assert (await client.post("/sign-out")).status_code == 403
    assert (await client.get("/sign-out", headers=HTML)).status_code == 405
    assert await count_sessions(sessions) == 1


@pytest.mark.parametrize(
    ("onward", "location"),
    [
        ("/documents/7?a=b", "/documents/7?a=b"),
        ("//evil.example", "/documents"),
        ("https://evil.example", "/documents"),
        ("/\\evil.example", "/documents"),
        ("/x\r\nSet-Cookie: a=b", "/documents"),
        ("/" + "x" * 3000, "/documents"),
    ],
)
async def test_the_way_on_stays_on_this_site(
    client: httpx.AsyncClient, sessions: Sessions, onward: str, location: str
) -> None:
    user, _ = await make_team(sessions)
    page = await client.get("/sign-in", params={"next": onward})
    assert "evil.example" not in page.text
    answer = await post(client, user, next=onward)
    assert answer.headers["location"] == location
    assert "a" not in answer.cookies


async def test_guessing_ends_in_429_with_a_time(client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, _ = await make_team(sessions)
    for _ in range(10):
        assert (await post(client, user, password="not the password")).status_code == 422
    answer = await post(client, user)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 900
    assert "Try again in about 15 minutes" in answer.text
    assert await count_sessions(sessions) == 0


async def test_without_redis_nobody_comes_in_and_nobody_is_thrown_out(
    client: httpx.AsyncClient, app: Starlette, sessions: Sessions, redis: Redis
) -> None:
    user, _ = await make_team(sessions)
    there = app.state.redis
    app.state.redis = Redis.from_url("unix:///nowhere/redis.sock")
    try:
        answer = await post(client, user)
        assert answer.status_code == 503
        assert "whoever is signed in can go on writing" in answer.text
        await sign_in(client, sessions, user)
        assert (await client.get("/documents", headers=HTML)).status_code == 200
    finally:
        await app.state.redis.aclose()
        app.state.redis = there


async def test_an_old_hash_is_made_anew_at_sign_in(client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, _ = await make_team(sessions)
    await post(client, user)
    async with sessions() as db:
        now = await people.find_by_email(db, user.email)
    assert now is not None
    assert now.password_hash != user.password_hash
    assert "m=65536,t=3,p=4" in now.password_hash


async def test_a_session_in_use_is_prolonged_and_the_cookie_with_it(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    user, _ = await make_team(sessions)
    secret = await sign_in(client, sessions, user)
    assert SESSION not in (await client.get("/documents", headers=HTML)).cookies
    old = utc_now() - timedelta(days=20)
    async with sessions() as db:
        await db.execute(update(Session).values(last_seen_at=old, expires_at=old + timedelta(days=30)))
        await db.commit()
    assert (await client.get("/documents", headers=HTML)).cookies[SESSION] == secret
    async with sessions() as db:
        found = await browsers.find(db, secret)
    assert found is not None
    assert found[0].expires_at > utc_now() + timedelta(days=29)


async def test_an_expired_session_is_nobody(client: httpx.AsyncClient, sessions: Sessions) -> None:
    user, _ = await make_team(sessions)
    await sign_in(client, sessions, user)
    async with sessions() as db:
        await db.execute(update(Session).values(expires_at=utc_now()))
        await db.commit()
    answer = await client.get("/documents?view=trash", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/documents%3Fview%3Dtrash")


async def test_before_the_first_account_the_page_says_where_the_link_is(client: httpx.AsyncClient) -> None:
    for path in ("/", "/sign-in"):
        answer = await client.get(path, headers=HTML)
        assert answer.status_code == 200
        assert "There is no account yet" in answer.text

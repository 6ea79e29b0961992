"""The pages through which people come in: the setup link and invitation links."""

import html
import re
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select, update
from starlette.applications import Starlette

from server.accounts import people, setup
from server.accounts.models import Session, User, utc_now
from server.db import Sessions
from server.web.cookies import SESSION
from server.workspaces import invitations
from server.workspaces.access import Actor
from server.workspaces.models import Invitation, Member, Role, Workspace
from tests.factories import PASSWORD, csrf_of, make_team, make_user, set_cookie, sign_in

HTML = {"Accept": "text/html"}
ADA = {"name": "Ada Lovelace", "email": "ada@example.org", "password": PASSWORD}


async def setup_link(sessions: Sessions) -> str:
    async with sessions() as db:
        link = await setup.issue_link(db)
        await db.commit()
    assert link is not None
    return link


async def invitation_link(
    sessions: Sessions, user: User, workspace: Workspace, *, role: Role = Role.MEMBER
) -> tuple[Invitation, str]:
    async with sessions() as db:
        by = Actor(user_id=user.id, workspace_id=workspace.id, role=Role.ADMIN)
        invitation, secret = await invitations.create(db, by, workspace.id, role=role)
        await db.commit()
    return invitation, f"/join/{secret}"


async def submit(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": await csrf_of(client, path)} | fields, headers=HTML)


async def how_many(sessions: Sessions, table: type[User | Workspace | Member | Session]) -> int:
    async with sessions() as db:
        return await db.scalar(select(func.count()).select_from(table)) or 0


async def test_the_first_person_sets_up_and_is_in(
    client: httpx.AsyncClient, app: Starlette, sessions: Sessions
) -> None:
    welcomed: list[str] = []

    async def welcome(_db: object, workspace: Workspace, user: User) -> None:
        welcomed.append(f"{user.name} in {workspace.name}")

    app.state.welcome = welcome
    link = await setup_link(sessions)
    page = await client.get(link, headers=HTML)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    answer = await submit(client, link, **ADA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents")
    assert welcomed == ["Ada Lovelace in Ada Lovelace\N{RIGHT SINGLE QUOTATION MARK}s workspace"]
    home = await client.get("/documents", headers=HTML)
    assert home.status_code == 200
    assert "Ada Lovelace\N{RIGHT SINGLE QUOTATION MARK}s workspace" in home.text


async def test_a_replayed_setup_link_makes_nothing(client: httpx.AsyncClient, sessions: Sessions) -> None:
    link = await setup_link(sessions)
    token = await csrf_of(client, link)
    first = await client.post(link, data={"csrf": token} | ADA, headers=HTML)
    assert first.status_code == 303
    client.cookies.delete(SESSION)
    token = await csrf_of(client)
    again = await client.post(link, data={"csrf": token} | ADA | {"email": "eve@example.org"}, headers=HTML)
    assert again.status_code == 410
    assert "This link is used up" in again.text
    assert (await client.get(link, headers=HTML)).status_code == 410
    assert await how_many(sessions, User) == 1


@pytest.mark.parametrize("token", ["x", "%00", "%F0%9F%A6%8A", "x" * 5000, "..%2f..%2f", "%E2%80%AE"])
async def test_a_made_up_link_is_a_page_not_a_fault(client: httpx.AsyncClient, sessions: Sessions, token: str) -> None:
    await setup_link(sessions)
    for path in (f"/setup/{token}", f"/join/{token}"):
        assert (await client.get(path, headers=HTML)).status_code in {404, 410}


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("email", "nonsense"),
        ("email", "x" * 20_000),
        ("email", "ada@example.org\r\nBcc: eve@example.org"),
        ("name", "\u202e\u200b\0"),
        ("name", "x" * 20_000),
        ("password", "short"),
        ("password", "password1234"),
        ("password", "ada@example.org"),
        ("password", "x" * 20_000),
        ("password", "seven\0lanterns"),
    ],
)
async def test_a_fault_is_shown_at_its_field_and_the_link_stays_good(
    client: httpx.AsyncClient, sessions: Sessions, field: str, typed: str
) -> None:
    link = await setup_link(sessions)
    answer = await submit(client, link, **(ADA | {field: typed}))
    assert answer.status_code == 422
    assert f'id="field-{field}-error"' in answer.text
    assert PASSWORD not in answer.text
    assert await how_many(sessions, User) == 0
    assert (await submit(client, link, **ADA)).status_code == 303


async def test_missing_fields_are_all_named(client: httpx.AsyncClient, sessions: Sessions) -> None:
    answer = await submit(client, await setup_link(sessions))
    assert answer.status_code == 422
    assert 'id="field-name-error"' in answer.text
    assert 'id="field-email-error"' in answer.text


async def test_names_of_every_script_come_through(client: httpx.AsyncClient, sessions: Sessions) -> None:
    name = "שרה 👩‍🚀 <b>O'Neil</b>"
    await submit(client, await setup_link(sessions), **(ADA | {"name": name + "\u202e"}))
    page = await client.get("/documents", headers=HTML)
    assert name in html.unescape(page.text)
    assert "<b>O'Neil" not in page.text


async def test_without_the_form_token_nothing_is_set_up(client: httpx.AsyncClient, sessions: Sessions) -> None:
    link = await setup_link(sessions)
    await client.get(link)
    assert (await client.post(link, data=ADA, headers=HTML)).status_code == 403
    assert await how_many(sessions, User) == 0


async def test_a_failing_welcome_leaves_nothing_behind(
    client: httpx.AsyncClient, app: Starlette, sessions: Sessions
) -> None:
    async def welcome(*_: object) -> None:
        message = "no sample today"
        raise RuntimeError(message)

    app.state.welcome = welcome
    link = await setup_link(sessions)
    assert (await submit(client, link, **ADA)).status_code == 500
    assert await how_many(sessions, User) == await how_many(sessions, Session) == 0
    assert (await client.get(link, headers=HTML)).status_code == 200


async def test_somebody_new_joins_by_a_link(client: httpx.AsyncClient, app: Starlette, sessions: Sessions) -> None:
    admin, workspace = await make_team(sessions, name="Grace Hopper")
    _, link = await invitation_link(sessions, admin, workspace)
    page = await client.get(link, headers=HTML)
    assert "Grace Hopper" in page.text
    assert f"/sign-in?next={link}" in page.text
    answer = await submit(client, link, **ADA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents")
    home = await client.get("/documents", headers=HTML)
    assert "Grace Hopper\N{RIGHT SINGLE QUOTATION MARK}s workspace" in home.text
    # The link leads a member straight in.
    assert (await client.get(link, headers=HTML)).headers["location"] == "/documents"


async def test_the_invitation_names_its_document_and_leads_to_it(
    client: httpx.AsyncClient, app: Starlette, sessions: Sessions
) -> None:
    async def title_of(*_: object) -> str:
        return "Plan <for> spring"

    app.state.document_title = title_of
    admin, workspace = await make_team(sessions)
    document_id = uuid4()
    async with sessions() as db:
        by = Actor(user_id=admin.id, workspace_id=workspace.id, role=Role.ADMIN)
        _, secret = await invitations.create(db, by, workspace.id, document_id)
        await db.commit()
    assert "Plan &lt;for&gt; spring" in (await client.get(f"/join/{secret}", headers=HTML)).text
    assert (await submit(client, f"/join/{secret}", **ADA)).headers["location"] == f"/documents/{document_id}"


async def test_somebody_with_an_account_joins_with_one_button_and_lands_there(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    admin, workspace = await make_team(sessions, name="Grace Hopper")
    _, link = await invitation_link(sessions, admin, workspace, role=Role.GUEST)
    ada, own = await make_team(sessions)
    secret = await sign_in(client, sessions, ada)
    assert "Join as Ada Lovelace" in (await client.get(link, headers=HTML)).text
    assert (await submit(client, link)).status_code == 303
    assert client.cookies[SESSION] == secret
    assert (
        "Grace Hopper\N{RIGHT SINGLE QUOTATION MARK}s workspace" in (await client.get("/documents", headers=HTML)).text
    )
    # And back again.
    token = await csrf_of(client, "/documents")
    assert (await client.post(f"/workspaces/{own.id}/open", data={"csrf": token})).status_code == 303
    assert (
        "Ada Lovelace\N{RIGHT SINGLE QUOTATION MARK}s workspace" in (await client.get("/documents", headers=HTML)).text
    )


async def test_a_wished_for_workspace_is_not_given_to_a_stranger(client: httpx.AsyncClient, sessions: Sessions) -> None:
    _, secret_workspace = await make_team(sessions, name="Grace Hopper")
    ada, _ = await make_team(sessions)
    await sign_in(client, sessions, ada)
    token = await csrf_of(client, "/documents")
    path = f"/workspaces/{secret_workspace.id}/open"
    assert (await client.post(path, data={"csrf": token}, headers=HTML)).status_code == 404
    for wish in (str(secret_workspace.id), "x", "\x7f", "0" * 190):
        set_cookie(client, "quillroom_workspace", wish)
        page = await client.get("/documents", headers=HTML)
        assert page.status_code == 200
        assert "Grace" not in page.text


async def test_a_revoked_expired_or_made_up_invitation_is_over(client: httpx.AsyncClient, sessions: Sessions) -> None:
    admin, workspace = await make_team(sessions)
    for change, told in (({"revoked_at": utc_now()}, "was taken back"), ({"expires_at": utc_now()}, "has expired")):
        _, link = await invitation_link(sessions, admin, workspace)
        token = await csrf_of(client, link)
        async with sessions() as db:
            await db.execute(update(Invitation).values(**change))
            await db.commit()
        page = await client.get(link, headers=HTML)
        assert page.status_code == 410
        # Whoever was invited once learns whom to ask; nobody else learns a name.
        assert told in page.text
        assert f"Ask {admin.name}" in page.text
        answer = await client.post(link, data={"csrf": token} | ADA, headers=HTML)
        assert answer.status_code == 410
    made_up = await client.get("/join/made-up", headers=HTML)
    assert made_up.status_code == 410
    assert "Ask for a new link" in made_up.text
    assert admin.name not in made_up.text
    async with sessions.begin() as db:
        await people.disable(db, admin.id)
    assert "Ask somebody in Ada" in html.unescape((await client.get(link, headers=HTML)).text)
    assert await how_many(sessions, User) == 1


async def test_whom_an_invitation_was_sent_to_finds_their_address_and_it_has_done_its_work(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    admin, workspace = await make_team(sessions)
    async with sessions.begin() as db:
        by = Actor(user_id=admin.id, workspace_id=workspace.id, role=Role.ADMIN)
        _, secret = await invitations.create(db, by, workspace.id, email="rita@example.org")
    link = f"/join/{secret}"
    assert 'value="rita@example.org"' in (await client.get(link)).text
    # Somebody to whom it was passed on does not come in by it, with a new account or with one that they have.
    passed_on = await submit(client, link, **ADA)
    assert (passed_on.status_code, "for rita@example.org alone" in passed_on.text) == (422, True)
    other, _ = await make_team(sessions, name="Other")
    await sign_in(client, sessions, other)
    page = (await client.get(link)).text
    assert "and you are signed in as" in page
    assert "Join as" not in page
    assert (await submit(client, link)).status_code == 422
    client.cookies.clear()
    rita = {"name": "Rita", "email": "rita@example.org", "password": PASSWORD}
    assert (await submit(client, link, **rita)).status_code == 303
    # She goes where it led, by the same link; somebody else finds that it is over.
    assert (await client.get(link, headers=HTML)).headers["location"] == "/documents"
    client.cookies.clear()
    over = await client.get(link, headers=HTML)
    assert (over.status_code, "has done its work" in over.text) == (410, True)


async def test_an_address_that_has_an_account_is_told_to_sign_in(client: httpx.AsyncClient, sessions: Sessions) -> None:
    admin, workspace = await make_team(sessions)
    _, link = await invitation_link(sessions, admin, workspace)
    answer = await submit(client, link, **(ADA | {"email": admin.email.upper()}))
    assert answer.status_code == 422
    assert "Sign in with it instead" in answer.text
    assert await how_many(sessions, Member) == 1


async def test_making_accounts_by_the_dozen_is_stopped(
    client: httpx.AsyncClient, sessions: Sessions, redis: Redis
) -> None:
    admin, workspace = await make_team(sessions)
    _, link = await invitation_link(sessions, admin, workspace)
    token = await csrf_of(client, link)
    # Refused for their fields, so that no hash is made; they count all the same.
    statuses = [(await client.post(link, data={"csrf": token}, headers=HTML)).status_code for _ in range(31)]
    assert statuses == [422] * 30 + [429]


async def test_a_member_makes_a_link_that_works(client: httpx.AsyncClient, sessions: Sessions) -> None:
    admin, _ = await make_team(sessions)
    await sign_in(client, sessions, admin)
    token = await csrf_of(client, "/documents")
    page = await client.post("/workspace/invitations", data={"csrf": token}, headers=HTML)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    fragment = await client.post("/workspace/invitations", data={"csrf": token}, headers=HTML | {"HX-Request": "true"})
    assert "<html" in page.text
    assert "<html" not in fragment.text
    found = re.search(r'value="http://quillroom\.test(/join/[^"]+)"', fragment.text)
    assert found
    client.cookies.delete(SESSION)
    assert (await submit(client, found[1], **ADA)).status_code == 303


async def test_a_link_gives_no_more_than_membership(client: httpx.AsyncClient, sessions: Sessions) -> None:
    admin, _ = await make_team(sessions)
    await sign_in(client, sessions, admin)
    token = await csrf_of(client, "/documents")
    for role, status in (("guest", 200), ("scheduler", 200), ("owner", 422), ("", 422), ("\0", 422)):
        answer = await client.post("/workspace/invitations", data={"csrf": token, "role": role}, headers=HTML)
        assert (role, answer.status_code) == (role, status)


async def test_a_guest_cannot_invite(client: httpx.AsyncClient, sessions: Sessions) -> None:
    admin, workspace = await make_team(sessions)
    _, link = await invitation_link(sessions, admin, workspace, role=Role.GUEST)
    async with sessions() as db:
        guest = await make_user(db)
        await db.commit()
    await sign_in(client, sessions, guest)
    await submit(client, link)
    token = await csrf_of(client, "/documents")
    answer = await client.post("/workspace/invitations", data={"csrf": token}, headers=HTML)
    assert answer.status_code == 403
    assert "Ada Lovelace\N{RIGHT SINGLE QUOTATION MARK}s workspace" in answer.text, (
        "the error page still knows where the person is"
    )


async def test_its_maker_takes_a_link_back(client: httpx.AsyncClient, sessions: Sessions) -> None:
    admin, workspace = await make_team(sessions)
    invitation, link = await invitation_link(sessions, admin, workspace)
    await sign_in(client, sessions, admin)
    token = await csrf_of(client, "/documents")
    path = f"/workspace/invitations/{invitation.id}/revoke"
    assert (await client.post(path, data={"csrf": token}, headers=HTML)).status_code == 303
    client.cookies.delete(SESSION)
    assert (await client.get(link, headers=HTML)).status_code == 410

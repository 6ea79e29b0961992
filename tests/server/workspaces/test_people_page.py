"""The page of a workspace's people, through the whole application."""

import asyncio
import html
import re
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from server.accounts import people
from server.accounts.models import User
from server.db import Sessions, transaction
from server.errors import Forbidden
from server.web.cookies import WORKSPACE
from server.workspaces import invitations, membership, people_page
from server.workspaces.middleware import OtherWorkspace
from server.workspaces.models import Invitation, Member, Role, Workspace
from tests.factories import actor, csrf_of, make_member, make_team, make_workspace, set_cookie, sign_in

HTML = {"Accept": "text/html"}


@pytest.fixture
async def team(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> tuple[User, Workspace]:
    """Ada, signed in, and the workspace she is the only admin of."""
    ada, workspace = await make_team(sessions)
    await sign_in(client, sessions, ada)
    return ada, workspace


async def join(sessions: Sessions, workspace: Workspace, name: str, role: Role = Role.MEMBER) -> User:
    async with transaction(sessions) as db:
        return await make_member(db, workspace, role=role, name=name)


async def post(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": await csrf_of(client, "/account"), **fields}, headers=HTML)


async def role_of(sessions: Sessions, workspace: Workspace, user: User) -> str | None:
    async with sessions() as db:
        member = await db.get(Member, (workspace.id, user.id))
    return member.role if member else None


async def page_of(client: httpx.AsyncClient) -> str:
    page = await client.get("/workspace", headers=HTML)
    assert page.status_code == 200
    return html.unescape(page.text)


async def test_everybody_is_listed_with_their_role(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    _, workspace = team
    bo = await join(sessions, workspace, "Bo <b>")
    await join(sessions, workspace, "Cy", Role.GUEST)
    await make_team(sessions, name="Somebody Elsewhere")
    page = await page_of(client)
    assert "3 people in" in page
    for words in ("Ada Lovelace", "Bo <b>", bo.email, ">Admin<", ">Member<", ">Guest<"):
        assert words in page
    assert "Somebody Elsewhere" not in page
    assert page.count(">You<") == 1


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.MEMBER, Role.GUEST])
async def test_who_does_not_manage_may_only_leave(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions, role: Role
) -> None:
    ada, workspace = team
    bo = await join(sessions, workspace, "Bo", role)
    cy = await join(sessions, workspace, "Cy")
    await sign_in(client, sessions, bo)
    page = await page_of(client)
    assert "Leave the workspace" in page
    for words in ("Remove from the workspace", "Make admin", "Name of the workspace"):
        assert words not in page
    assert (ada.email in page) == (role is not Role.GUEST)
    assert ("Open invitations" in page) == (role is not Role.GUEST)
    for path, fields in (
        (f"/workspace/members/{cy.id}/role", {"role": "admin"}),
        (f"/workspace/members/{bo.id}/role", {"role": "admin"}),
        (f"/workspace/members/{cy.id}/remove", {}),
        ("/workspace/name", {"name": "Mine"}),
    ):
        assert (await post(client, path, **fields)).status_code == 403, path
    assert await role_of(sessions, workspace, bo) == role.value
    assert (await post(client, f"/workspace/members/{bo.id}/remove")).status_code == 303
    assert await role_of(sessions, workspace, bo) is None


async def test_an_admin_changes_a_role_and_removes_a_member(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    _, workspace = team
    bo = await join(sessions, workspace, "Bo")
    answer = await post(client, f"/workspace/members/{bo.id}/role", role="guest")
    assert (answer.status_code, answer.headers["location"]) == (303, "/workspace")
    assert await role_of(sessions, workspace, bo) == "guest"
    assert people_page.SENTENCES["workspace-role"] in await page_of(client)
    assert (await post(client, f"/workspace/members/{bo.id}/remove")).status_code == 303
    assert await role_of(sessions, workspace, bo) is None
    assert people_page.SENTENCES["workspace-removed"] in await page_of(client)
    await sign_in(client, sessions, bo)
    assert (await client.get("/workspace", headers=HTML)).status_code == 404
    assert (await client.get("/account", headers=HTML)).status_code == 200


async def test_an_admin_gives_every_role_and_each_says_what_it_lets_people_do(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    _, workspace = team
    bo = await join(sessions, workspace, "Bo")
    page = await page_of(client)
    for words in ("Make scheduler", "publishes it", "Make admin", "owns every document", 'value="scheduler"'):
        assert words in page
    for role in Role:
        await post(client, f"/workspace/members/{bo.id}/role", role=role.value)
        assert await role_of(sessions, workspace, bo) == role.value
    await post(client, f"/workspace/members/{bo.id}/role", role="member")
    await sign_in(client, sessions, bo)
    page = await page_of(client)
    # What somebody else may not give is not offered, and refused.
    assert 'name="role" value="guest"' in page
    assert 'name="role" value="admin"' not in page
    assert (await post(client, "/workspace/invitations", role="admin")).status_code == 403


async def test_an_open_invitation_gets_another_role_and_goes_out_again(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    ada, workspace = team
    async with transaction(sessions) as db:
        link, secret = await invitations.create(db, actor(ada, workspace, Role.ADMIN), workspace.id)
    path = f"/workspace/invitations/{link.id}"
    assert (await post(client, f"{path}/role", role="scheduler")).status_code == 303
    page = await page_of(client)
    assert people_page.SENTENCES["workspace-invitation-role"] in page
    assert "as scheduler" in page
    sent = await post(client, f"{path}/send")
    assert sent.status_code == 200
    assert "/join/" in sent.text
    assert "Works for any number of people" in sent.text
    assert "Open invitations" in sent.text, "it is shown on the page it was asked on"
    assert sent.headers["cache-control"] == "no-store"
    assert secret not in sent.text
    assert (await client.get(f"/join/{secret}", headers=HTML)).status_code == 410


async def test_an_invitation_for_an_address_is_said_to_work_for_one(
    client: httpx.AsyncClient, app: Starlette, team: tuple[User, Workspace]
) -> None:
    made = await post(client, "/workspace/invitations", email="gus@example.org")
    assert "Works once, for gus@example.org alone," in made.text

    async def send(request: Request, _invitation: Invitation) -> bool:
        await request.state.db.commit()
        return True

    app.state.send_invitation = send
    [invitation_id] = re.findall(r'id="invitation-([0-9a-f-]{36})"', await page_of(client))
    answer = await post(client, f"/workspace/invitations/{invitation_id}/send")
    assert (answer.status_code, answer.headers["location"]) == (303, "/workspace")
    assert people_page.SENTENCES["workspace-sent-again"] in await page_of(client)


async def test_an_open_page_follows_and_leaves_what_is_to_be_said(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    _, workspace = team
    bo = await join(sessions, workspace, "Bo")
    part, here = {"HX-Request": "true"}, f"/workspace?workspace={workspace.id}"
    await post(client, f"/workspace/members/{bo.id}/role", role="guest")
    assert people_page.SENTENCES["workspace-role"] not in (await client.get(here, headers=part)).text
    assert people_page.SENTENCES["workspace-role"] in await page_of(client)
    elsewhere = await client.get(f"/workspace?workspace={uuid4()}", headers=part)
    assert (elsewhere.status_code, elsewhere.headers["hx-refresh"]) == (204, "true")
    await sign_in(client, sessions, bo)
    async with transaction(sessions) as db:
        await membership.remove(db, actor(bo, workspace, Role.GUEST), bo.id)
    assert (await client.get(here, headers=part)).headers["hx-refresh"] == "true"


async def test_the_last_admin_stays(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    ada, workspace = team
    bo = await join(sessions, workspace, "Bo", Role.ADMIN)
    async with transaction(sessions) as db:
        # Who cannot sign in manages nothing.
        await people.disable(db, bo.id)
    assert "You are the only admin" in await page_of(client)
    for path, fields in (
        (f"/workspace/members/{ada.id}/role", {"role": "guest"}),
        (f"/workspace/members/{ada.id}/remove", {}),
    ):
        answer = await post(client, path, **fields)
        assert answer.status_code == 409
        assert membership.LastAdmin.sentence in answer.text
    assert await role_of(sessions, workspace, ada) == "admin"


async def test_of_two_admins_who_demote_each_other_one_stays(team: tuple[User, Workspace], sessions: Sessions) -> None:
    ada, workspace = team
    bo = await join(sessions, workspace, "Bo", Role.ADMIN)

    async def demote(by: User, whom: User) -> bool:
        try:
            async with transaction(sessions) as db:
                await membership.change_role(db, actor(by, workspace, Role.ADMIN), whom.id, Role.MEMBER)
        except Forbidden:
            # Their own role went first.
            return False
        return True

    done = await asyncio.gather(demote(ada, bo), demote(bo, ada))
    assert sorted(done) == [False, True]
    roles = [await role_of(sessions, workspace, user) for user in (ada, bo)]
    assert sorted(filter(None, roles)) == ["admin", "member"]


@pytest.mark.parametrize("role", ["", "owner", "ADMIN", "admin' --"])
async def test_a_role_that_is_none_is_refused(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions, role: str
) -> None:
    _, workspace = team
    bo = await join(sessions, workspace, "Bo")
    assert (await post(client, f"/workspace/members/{bo.id}/role", role=role)).status_code == 422
    assert await role_of(sessions, workspace, bo) == "member"


async def test_nobody_of_another_workspace_can_be_reached(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    stranger, elsewhere = await make_team(sessions, name="Stranger")
    for user_id in (stranger.id, uuid4()):
        assert (await post(client, f"/workspace/members/{user_id}/role", role="guest")).status_code == 404
        assert (await post(client, f"/workspace/members/{user_id}/remove")).status_code == 404
    assert await role_of(sessions, elsewhere, stranger) == "admin"


async def test_open_invitations_say_by_whom_to_what_and_how_often(
    client: httpx.AsyncClient, app: Starlette, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    async def title(_db: object, _document_id: UUID) -> str | None:
        return "Autumn <issue>"

    app.state.document_title = title
    ada, workspace = team
    bo = await join(sessions, workspace, "Bo")
    async with transaction(sessions) as db:
        link, secret = await invitations.create(db, actor(bo, workspace), workspace.id, uuid4(), role=Role.GUEST)
        cy = await make_member(db, await make_workspace(db, ada), name="Cy")
        await invitations.accept(db, secret, cy)
    page = await page_of(client)
    for words in ("To “Autumn <issue>”", "as guest", "by Bo", "1 person came"):
        assert words in page
    assert secret not in page
    assert (await post(client, f"/workspace/invitations/{link.id}/revoke")).status_code == 303
    page = await page_of(client)
    assert people_page.SENTENCES["workspace-revoked"] in page
    assert "No invitation is open" in page


async def test_the_links_of_one_who_left_are_not_open_any_more(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    _, workspace = team
    bo = await join(sessions, workspace, "Bo")
    async with transaction(sessions) as db:
        await invitations.create(db, actor(bo, workspace), workspace.id)
    assert "by Bo" in await page_of(client)
    await post(client, f"/workspace/members/{bo.id}/role", role="guest")
    assert "by Bo" not in await page_of(client)
    await post(client, f"/workspace/members/{bo.id}/remove")
    assert "by Bo" not in await page_of(client)


async def test_only_its_maker_and_admins_take_a_link_back(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    ada, workspace = team
    bo = await join(sessions, workspace, "Bo")
    async with transaction(sessions) as db:
        link, _ = await invitations.create(db, actor(ada, workspace, Role.ADMIN), workspace.id)
    await sign_in(client, sessions, bo)
    page = await page_of(client)
    assert "by Ada Lovelace" in page
    assert "Take back" not in page
    assert (await post(client, f"/workspace/invitations/{link.id}/revoke")).status_code == 403


async def test_a_workspace_is_renamed(client: httpx.AsyncClient, team: tuple[User, Workspace]) -> None:
    assert (await post(client, "/workspace/name", name="  The  Weekly ")).status_code == 303
    page = await page_of(client)
    assert people_page.SENTENCES["workspace-name"] in page
    assert "1 person in The Weekly" in page
    for name in ("", "\u200b\u202e", "x" * 121, "x" * 20_000):
        answer = await post(client, "/workspace/name", name=name)
        assert answer.status_code == 422
        assert 'id="field-name-error"' in answer.text
    assert "in The Weekly" in await page_of(client)


async def test_who_is_in_several_workspaces_can_switch(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    ada, workspace = team
    assert "Your workspaces" not in await page_of(client)
    async with transaction(sessions) as db:
        other = await make_workspace(db, ada)
        await membership.rename(db, actor(ada, other, Role.ADMIN), "The Other")
    page = await page_of(client)
    assert "Your workspaces" in page
    assert f'action="/workspaces/{other.id}/open"' in page
    assert f'action="/workspaces/{workspace.id}/open"' not in page, "one is there already"
    answer = await post(client, f"/workspaces/{other.id}/open")
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents")
    assert "in The Other" in await page_of(client)


async def test_who_leaves_goes_on_in_another_workspace(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    ada, _ = team
    bo, theirs = await make_team(sessions, name="Bo")
    async with transaction(sessions) as db:
        await membership.join(db, workspace_id=theirs.id, user_id=ada.id, role=Role.MEMBER)
    set_cookie(client, WORKSPACE, str(theirs.id))
    assert bo.name in await page_of(client)
    answer = await post(client, f"/workspace/members/{ada.id}/remove")
    assert answer.headers["location"] == "/documents"
    assert "1 person in Ada Lovelace" in await page_of(client)


async def test_a_page_of_one_workspace_changes_nothing_in_the_one_switched_to_in_another_tab(
    client: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    ada, shown = team
    bo = await join(sessions, shown, "Bo")
    async with transaction(sessions) as db:
        other = await make_workspace(db, ada)
        await membership.join(db, workspace_id=other.id, user_id=bo.id, role=Role.MEMBER)
    page = await page_of(client)
    assert page.count(f'name="workspace" value="{shown.id}"') >= 5
    await post(client, f"/workspaces/{other.id}/open")
    for path, fields in (
        ("/workspace/name", {"name": "Wrong"}),
        ("/workspace/invitations", {}),
        (f"/workspace/members/{bo.id}/role", {"role": "guest"}),
        (f"/workspace/members/{bo.id}/remove", {}),
        (f"/workspace/members/{ada.id}/remove", {}),
        ("/documents", {}),
    ):
        answer = await post(client, path, workspace=str(shown.id), **fields)
        assert answer.status_code == 409, path
        assert OtherWorkspace.sentence in answer.text
    assert await role_of(sessions, other, bo) == "member"
    assert await role_of(sessions, other, ada) == "admin"
    assert "Wrong" not in (page := await page_of(client))
    assert "No invitation is open" in page
    for workspace in ("nonsense", ""):
        assert (await post(client, "/workspace/name", name="Wrong", workspace=workspace)).status_code == 422

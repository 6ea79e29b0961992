"""Into a workspace by mail, and what its members hear of their roles."""

import re
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions
from server.notifications import bell
from server.notifications.delivery import Delivered, deliver
from server.notifications.models import PersonalNotice
from server.workspaces.models import Invitation, Role, Workspace
from tests.factories import csrf_of, make_member, make_team, sign_in
from tests.server.notifications.catch_all import CatchAll
from tests.server.notifications.conftest import see_all

Team = tuple[User, Workspace]


@pytest.fixture
async def team(client: httpx.AsyncClient, sessions: Sessions) -> Team:
    """Ada, signed in, and the workspace that she manages."""
    ada, workspace = await make_team(sessions)
    await sign_in(client, sessions, ada)
    return ada, workspace


async def _post(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": await csrf_of(client, "/account"), **fields})


async def test_an_invitation_to_the_workspace_goes_out_by_mail(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions, team: Team, caught: CatchAll
) -> None:
    assert "Send it to" not in (await client.get("/workspace")).text
    mailing = app.state.settings.model_copy(update={"smtp_url": caught.url, "smtp_from": "room@example.org"})
    app.state.settings = mailing
    assert "Send it to" in (await client.get("/workspace")).text
    made = await _post(client, "/workspace/invitations", role="guest", email=" Eve@Example.org ")
    assert "on its way to <strong>eve@example.org</strong>" in made.text
    assert "for eve@example.org" in (await client.get("/workspace")).text
    refused = await _post(client, "/workspace/invitations", email="eve")
    assert (refused.status_code, "does not look like an e-mail address" in refused.text) == (422, True)
    assert await deliver(sessions, mailing, see_all) == Delivered(sent=1)
    (taken,) = caught.taken
    assert taken.recipient == "eve@example.org"
    assert taken.message["Subject"] == f"Ada Lovelace invites you to “{team[1].name}”"
    assert f"{mailing.public_url}/join/" in taken.part("plain")
    # Sent again it is one more mail, whose link takes the place of the first; twice in a hurry, it is still one.
    async with sessions() as db:
        invitation_id = await db.scalar(select(col(Invitation.id)))
    for _ in range(2):
        again = await _post(client, f"/workspace/invitations/{invitation_id}/send")
        said = (await client.get(again.headers["location"])).text
        assert "eve@example.org" in said
        assert "on its way" in said
    assert await deliver(sessions, mailing, see_all) == Delivered(sent=1)
    first, second = (re.findall(r"/join/\S+", each.part("plain"))[0] for each in caught.taken)
    client.cookies.clear()
    assert [(await client.get(link)).status_code for link in (first, second)] == [410, 200]


async def test_members_hear_of_their_roles(client: httpx.AsyncClient, sessions: Sessions, team: Team) -> None:
    async with sessions.begin() as db:
        ben = await make_member(db, team[1], name="Ben")

    async def heard() -> list[tuple[UUID, str, str, str]]:
        async with sessions() as db:
            rows = await db.scalars(select(PersonalNotice).order_by(col(PersonalNotice.created_at)))
            return [(row.user_id, row.kind, row.title, row.text.split(":")[0]) for row in rows]

    for role, words in (
        (Role.GUEST, "You are a guest"),
        (Role.GUEST, "You are a guest"),
        (Role.ADMIN, "You are an admin"),
    ):
        assert (await _post(client, f"/workspace/members/{ben.id}/role", role=role.value)).status_code == 303
        # What they have not read yet of their role is not so any more.
        assert await heard() == [(ben.id, "role", team[1].name, words)]
    async with sessions.begin() as db:
        await bell.read_all(db, ben.id)
    assert (await _post(client, f"/workspace/members/{ben.id}/remove")).status_code == 303
    assert [words for _, _, _, words in await heard()] == ["You are an admin", "You are not in the workspace any more."]

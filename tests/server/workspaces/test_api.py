"""A workspace's people and invitations, as programs meet them; every answer is held against the OpenAPI document."""

from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions
from server.workspaces import membership
from server.workspaces.models import Role, Workspace
from tests.factories import make_member, make_team
from tests.server.documents.programs import program

Team = tuple[User, Workspace]


@pytest.fixture
async def team(sessions: Sessions) -> Team:
    """Ada, the only admin of a workspace."""
    return await make_team(sessions)


async def test_an_admin_gives_roles_and_takes_people_out(app: Starlette, sessions: Sessions, team: Team) -> None:
    ada, workspace = team
    async with sessions.begin() as db:
        bo = await make_member(db, workspace, name="Bo", role=Role.GUEST)
    async with program(app, sessions, ada) as admin, program(app, sessions, bo) as guest:
        found = (await admin.ask("GET", "/workspace/members")).json()["members"]
        assert [(each["name"], each["role"], each["email"]) for each in found] == [
            (ada.name, "admin", ada.email),
            ("Bo", "guest", bo.email),
        ]
        seen = (await guest.ask("GET", "/workspace/members")).json()["members"]
        assert [each["email"] for each in seen] == [None, None]
        theirs = f"/workspace/members/{bo.id}"
        assert (await guest.ask("PUT", theirs, json={"role": "admin"})).status_code == 403
        for role in Role:
            assert (await admin.ask("PUT", theirs, json={"role": role.value})).status_code == 204
            async with sessions() as db:
                (place,) = await membership.list_for(db, bo.id)
            assert place.actor.role is role
        await admin.ask("PUT", theirs, json={"role": "member"})
        own = f"/workspace/members/{ada.id}"
        for answer in (await admin.ask("PUT", own, json={"role": "guest"}), await admin.ask("DELETE", own)):
            assert answer.status_code == 409
            assert answer.json()["detail"] == membership.LastAdmin.sentence
        for wrong in ("owner", ""):
            assert (await admin.ask("PUT", theirs, json={"role": wrong})).status_code == 422
        assert (await admin.ask("PUT", f"/workspace/members/{uuid4()}", json={"role": "guest"})).status_code == 404
        assert (await admin.ask("DELETE", theirs)).status_code == 204
        assert (await guest.ask("GET", "/workspace/members")).status_code == 404


async def test_invitations_are_made_changed_sent_again_and_taken_back(
    app: Starlette, sessions: Sessions, team: Team
) -> None:
    ada, workspace = team
    async with sessions.begin() as db:
        bo = await make_member(db, workspace, name="Bo")
    async with program(app, sessions, ada) as admin, program(app, sessions, bo) as member:
        assert (await member.ask("POST", "/workspace/invitations", json={"role": "scheduler"})).status_code == 403
        made = await member.ask("POST", "/workspace/invitations", json={"email": " Eve@Example.org "})
        assert made.status_code == 201
        first = made.json()
        assert (first["role"], first["mailed"]) == ("member", False)
        path = f"/workspace/invitations/{first['id']}"
        changed = (await admin.ask("PATCH", path, json={"role": "scheduler"})).json()
        assert (changed["role"], changed["created_by"]) == ("scheduler", ada.name)
        assert (await member.ask("PATCH", path, json={"role": "guest"})).status_code == 403
        again = (await admin.ask("POST", f"{path}/send")).json()
        assert again["url"] != first["url"]
        # Who is a member already is led on by the one that works.
        for url, status in ((first["url"], 410), (again["url"], 303)):
            assert (await admin.client.get(urlsplit(url).path)).status_code == status
        (listed,) = (await member.ask("GET", "/workspace/invitations")).json()["invitations"]
        assert (listed["email"], listed["role"], listed["uses"]) == ("eve@example.org", "scheduler", 0)
        assert (await admin.ask("DELETE", path)).status_code == 204
        assert (await admin.ask("GET", "/workspace/invitations")).json()["invitations"] == []
        assert (await admin.ask("POST", f"{path}/send")).status_code == 404
        wrong = await admin.ask("POST", "/workspace/invitations", json={"email": "eve"})
        assert (wrong.status_code, "email" in wrong.text) == (422, True)

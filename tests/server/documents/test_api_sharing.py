"""Sharing over the API: who may give what to whom, and what holds afterwards."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.applications import Starlette

from server.accounts.models import User, utc_now
from server.db import Sessions
from server.documents import links
from server.documents.links import LinkOver
from server.documents.models import Document, DocumentRole, ShareLink
from server.errors import Invalid
from server.workspaces import invitations, membership
from server.workspaces.access import Actor, actor_for
from server.workspaces.models import Member, Role
from tests.factories import make_member, make_team, make_user, name_on
from tests.server.documents.programs import Program, program

PEOPLE = {"reach": "people", "role": None}


@dataclass
class Office:
    """A workspace with a document that only named people see: Ada owns it, the others have their names' roles."""

    app: Starlette
    sessions: Sessions
    workspace_id: UUID
    document_id: str
    ada: Program
    editor: Program
    reviewer: Program
    member: Program
    guest: Program
    stranger: Program

    @property
    def path(self) -> str:
        return f"/documents/{self.document_id}"

    async def role_of(self, who: Program) -> str | None:
        answer = await who.ask("GET", f"{self.path}/sharing")
        assert answer.status_code in {200, 404}
        return str(answer.json()["your_role"]) if answer.status_code == 200 else None


@pytest.fixture
async def office(app: Starlette, sessions: Sessions) -> AsyncIterator[Office]:
    ada, workspace = await make_team(sessions, name="Ada")
    async with sessions.begin() as db:
        people = [ada]
        people += [await make_member(db, workspace, name=name) for name in ("Ed", "Rea", "Mem")]
        people += [await make_member(db, workspace, role=Role.GUEST, name="Gus"), await make_user(db, name="Eve")]
    async with AsyncExitStack() as stack:
        programs = [await stack.enter_async_context(program(app, sessions, user)) for user in people]
        document_id = await programs[0].create(title="Plan", content="Words")
        office = Office(app, sessions, workspace.id, document_id, *programs)
        assert (await programs[0].ask("PUT", f"{office.path}/sharing", json=PEOPLE)).status_code == 200
        async with sessions.begin() as db:
            document = await db.get_one(Document, UUID(document_id))
            await name_on(db, document, people[1], DocumentRole.EDITOR)
            await name_on(db, document, people[2], DocumentRole.REVIEWER)
            # So that Ada is an owner by name and not as the admin.
            await make_member(db, workspace, role=Role.ADMIN, name="Boss")
            await db.execute(update(Member).where(col(Member.user_id) == ada.id).values(role=Role.MEMBER.value))
        yield office


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


async def test_everybody_has_the_role_they_were_given(office: Office) -> None:
    found = [await office.role_of(who) for who in (office.ada, office.editor, office.reviewer)]
    assert found == ["owner", "editor", "reviewer"]
    assert [await office.role_of(who) for who in (office.member, office.guest, office.stranger)] == [None] * 3
    listed = (await office.ada.ask("GET", f"{office.path}/collaborators")).json()["collaborators"]
    assert [(each["person"]["name"], each["role"], each["inherited_from"]) for each in listed] == [
        ("Ada", "owner", None),
        ("Ed", "editor", None),
        ("Rea", "reviewer", None),
    ]


async def test_a_member_is_added_changed_and_removed(office: Office) -> None:
    added = await office.editor.ask(
        "POST", f"{office.path}/collaborators", json={"email": office.member.user.email.upper(), "role": "viewer"}
    )
    assert added.status_code == 201
    assert added.json()["collaborator"]["person"]["name"] == "Mem"
    assert await office.role_of(office.member) == "viewer"
    refused(await office.member.ask("PATCH", office.path, json={"title": "Mine"}), 403)
    theirs = f"{office.path}/collaborators/{office.member.user.id}"
    assert (await office.ada.ask("PUT", theirs, json={"role": "editor"})).json()["role"] == "editor"
    assert (await office.member.ask("PATCH", office.path, json={"title": "Ours"})).status_code == 200
    assert (await office.ada.ask("DELETE", theirs)).status_code == 204
    assert await office.role_of(office.member) is None
    refused(await office.ada.ask("DELETE", theirs), 404)


async def test_nobody_gives_more_than_they_have_nor_takes_from_the_stronger(office: Office) -> None:
    path = f"{office.path}/collaborators"
    member, ada = office.member.user.id, office.ada.user.id
    refused(await office.editor.ask("POST", path, json={"user_id": str(member), "role": "owner"}), 403)
    refused(await office.editor.ask("PUT", f"{path}/{ada}", json={"role": "viewer"}), 403)
    refused(await office.editor.ask("DELETE", f"{path}/{ada}"), 403)
    refused(await office.editor.ask("POST", f"{office.path}/owner", json={"user_id": str(member)}), 403)
    for method, place, body in (
        ("GET", path, None),
        ("POST", path, {"user_id": str(member), "role": "viewer"}),
        ("PUT", f"{path}/{member}", {"role": "viewer"}),
        ("PUT", f"{office.path}/sharing", PEOPLE),
        ("GET", f"{office.path}/links", None),
        ("POST", f"{office.path}/links", {}),
    ):
        refused(await office.reviewer.ask(method, place, json=body), 403)
        refused(await office.member.ask(method, place, json=body), 404)
        refused(await office.stranger.ask(method, place, json=body), 404)
    assert await office.role_of(office.ada) == "owner"


async def test_anybody_leaves_but_the_last_owner(office: Office) -> None:
    path = f"{office.path}/collaborators"
    assert (await office.reviewer.ask("DELETE", f"{path}/{office.reviewer.user.id}")).status_code == 204
    assert await office.role_of(office.reviewer) is None
    assert "own" in refused(await office.ada.ask("DELETE", f"{path}/{office.ada.user.id}"), 409)
    refused(await office.ada.ask("PUT", f"{path}/{office.ada.user.id}", json={"role": "editor"}), 409)
    handed = await office.ada.ask("POST", f"{office.path}/owner", json={"user_id": str(office.editor.user.id)})
    assert handed.status_code == 200
    assert [await office.role_of(who) for who in (office.ada, office.editor)] == ["editor", "owner"]
    refused(await office.editor.ask("POST", f"{office.path}/owner", json={"user_id": str(office.editor.user.id)}), 409)
    refused(await office.editor.ask("POST", f"{office.path}/owner", json={"user_id": str(uuid4())}), 404)


async def test_what_the_workspace_has(office: Office) -> None:
    path = f"{office.path}/sharing"
    reading = {"reach": "workspace", "role": "viewer"}
    assert (await office.editor.ask("PUT", path, json=reading)).json() == {**reading, "your_role": "editor"}
    assert await office.role_of(office.member) == "viewer"
    assert await office.role_of(office.guest) is None
    assert (await office.ada.ask("PUT", path, json={"reach": None})).json()["role"] == "editor"
    assert await office.role_of(office.member) == "editor"
    # Whoever takes it from all, themselves included, keeps it by name.
    assert (await office.member.ask("PUT", path, json=PEOPLE)).json()["your_role"] == "editor"
    assert await office.role_of(office.member) == "editor"
    for body in (
        {"reach": "workspace"},
        {"reach": "people", "role": "viewer"},
        {"reach": "workspace", "role": "owner"},
    ):
        refused(await office.ada.ask("PUT", path, json=body), 422)


async def test_somebody_from_outside_comes_by_invitation_and_sees_this_document_only(office: Office) -> None:
    await office.ada.create(title="Other")
    asked = {"email": "eve@example.org", "role": "reviewer"}
    hers = {**asked, "email": office.stranger.user.email}
    made = (await office.ada.ask("POST", f"{office.path}/collaborators", json=hers)).json()
    assert made["collaborator"] is None
    secret = made["invitation"]["url"].rpartition("/")[2]
    await office.ada.ask("POST", f"{office.path}/collaborators", json={**asked, "email": "x@example.org"})
    open_ones = (await office.ada.ask("GET", f"{office.path}/invitations")).json()["invitations"]
    assert {(each["email"], each["role"], each["created_by"]) for each in open_ones} == {
        (email, "reviewer", office.ada.user.name) for email in (hers["email"], "x@example.org")
    }
    other = next(each["id"] for each in open_ones if each["email"] == "x@example.org")
    assert (await office.ada.ask("DELETE", f"{office.path}/invitations/{other}")).status_code == 204
    async with office.sessions.begin() as db:
        eve = await db.get_one(User, office.stranger.user.id)
        invitation = await invitations.accept(db, secret, eve)
        await office.app.state.arrive(db, invitation, eve)
    assert await office.role_of(office.stranger) == "reviewer"
    listed = (await office.stranger.ask("GET", "/documents")).json()["documents"]
    assert [each["title"] for each in listed] == ["Plan"]
    # It was for her, and is used up.
    assert (await office.ada.ask("GET", f"{office.path}/invitations")).json() == {"invitations": []}
    refused(await office.ada.ask("POST", f"{office.path}/collaborators", json={**asked, "role": "owner"}), 422)
    refused(await office.ada.ask("POST", f"{office.path}/collaborators", json={**asked, "email": "eve"}), 422)
    # Only members let people into the workspace; guests share with those who are there.
    async with office.sessions.begin() as db:
        document = await db.get_one(Document, UUID(office.document_id))
        await name_on(db, document, await db.get_one(User, office.guest.user.id), DocumentRole.EDITOR)
    path = f"{office.path}/collaborators"
    refused(await office.guest.ask("POST", path, json={**asked, "email": "new@example.org"}), 403)
    added = await office.guest.ask("POST", path, json={"email": office.member.user.email, "role": "viewer"})
    assert added.status_code == 201


async def test_who_leaves_the_workspace_is_named_nowhere(office: Office) -> None:
    async with office.sessions.begin() as db:
        await membership.remove(db, await _boss(db, office), office.editor.user.id)
    assert await office.role_of(office.editor) is None
    async with office.sessions.begin() as db:
        await membership.join(db, workspace_id=office.workspace_id, user_id=office.editor.user.id, role=Role.MEMBER)
    assert await office.role_of(office.editor) is None


async def _boss(db: AsyncSession, office: Office) -> Actor:
    found = await db.scalars(select(Member).where(col(Member.role) == "admin"))
    member = found.one()
    user = await db.get_one(User, member.user_id)
    return await actor_for(db, user, office.workspace_id)


async def test_a_link_opens_for_people_until_it_is_taken_back(office: Office) -> None:
    made = (await office.editor.ask("POST", f"{office.path}/links", json={"role": "editor"})).json()
    link_id, secret = made["link"]["id"], made["url"].rpartition("/")[2]
    async with office.sessions.begin() as db:
        link = (await links.look(db, secret)).link
        eve = await db.get_one(User, office.stranger.user.id)
        assert not await links.has_opened(db, link, user=eve, cookie=None)
        await links.open_for(db, link, user=eve, cookie=None)
        await links.open_for(db, link, user=eve, cookie="both")
        assert await links.has_opened(db, link, user=eve, cookie=None)
    assert await office.role_of(office.stranger) == "editor"
    assert (await office.stranger.ask("PATCH", office.path, json={"title": "x"})).status_code == 200
    # By a link nobody becomes a member: no list, and no invitation to others.
    refused(await office.stranger.ask("GET", "/documents"), 404)
    asked = {"email": "new@example.org", "role": "viewer"}
    refused(await office.stranger.ask("POST", f"{office.path}/collaborators", json=asked), 404)
    one = f"{office.path}/links/{link_id}"
    assert (await office.ada.ask("PATCH", one, json={"role": "reviewer"})).json()["role"] == "reviewer"
    assert await office.role_of(office.stranger) == "reviewer"
    (listed,) = (await office.ada.ask("GET", f"{office.path}/links")).json()["links"]
    assert (listed["created_by"], listed["has_password"], listed["last_used_at"] is not None) == ("Ed", False, True)
    assert (await office.ada.ask("DELETE", one)).status_code == 204
    assert await office.role_of(office.stranger) is None
    refused(await office.ada.ask("DELETE", one), 404)
    refused(await office.ada.ask("PATCH", one, json={}), 404)
    async with office.sessions() as db:
        with pytest.raises(LinkOver):
            await links.look(db, secret)


async def test_a_link_with_a_password_and_an_end(office: Office) -> None:
    path = f"{office.path}/links"
    soon = (utc_now() + timedelta(hours=1)).isoformat()
    body = {"role": "viewer", "password": "green lantern", "expires_at": soon}
    made = (await office.ada.ask("POST", path, json=body)).json()
    assert made["link"]["has_password"]
    async with office.sessions.begin() as db:
        link = (await links.look(db, made["url"].rpartition("/")[2])).link
        with pytest.raises(Invalid):
            await links.check_password(link, "red lantern")
        await links.check_password(link, "green lantern")
        cookie = "the browser's"
        await links.open_for(db, link, user=None, cookie=cookie)
        await links.open_for(db, link, user=None, cookie=None)
        assert await links.has_opened(db, link, user=None, cookie=cookie)
        assert not await links.has_opened(db, link, user=None, cookie="another")
        assert not await links.has_opened(db, link, user=None, cookie=None)
    changed = await office.ada.ask("PATCH", f"{path}/{made['link']['id']}", json={"password": "blue lantern"})
    assert changed.json()["expires_at"] == made["link"]["expires_at"]
    async with office.sessions.begin() as db:
        assert not await links.has_opened(db, link, user=None, cookie=cookie)
        await db.execute(update(ShareLink).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert (await office.ada.ask("GET", path)).json() == {"links": []}
    for wrong in (
        {"password": "short"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"role": "owner"},
        {"expires_at": "x"},
    ):
        refused(await office.ada.ask("POST", path, json=wrong), 422)


async def test_what_somebody_handed_out_ends_when_they_may_not_give_it_any_more(office: Office) -> None:
    asked = {"email": office.stranger.user.email, "role": "editor"}
    made = (await office.editor.ask("POST", f"{office.path}/collaborators", json=asked)).json()
    invitation = made["invitation"]["url"].rpartition("/")[2]
    urls = [
        (await who.ask("POST", f"{office.path}/links", json={"role": "editor"})).json()["url"]
        for who in (office.editor, office.ada)
    ]
    theirs, adas = (url.rpartition("/")[2] for url in urls)
    async with office.sessions.begin() as db:
        editor = await db.get_one(User, office.editor.user.id)
        # A way back in by one's own link is none.
        await links.open_for(db, (await links.look(db, theirs)).link, user=editor, cookie=None)
    await office.ada.ask("PUT", f"{office.path}/collaborators/{editor.id}", json={"role": "viewer"})
    async with office.sessions.begin() as db:
        with pytest.raises(LinkOver):
            await links.look(db, theirs)
        with pytest.raises(invitations.InvitationOver):
            await invitations.look(db, invitation)
        assert await links.look(db, adas)
    assert await office.role_of(office.editor) == "viewer"
    assert (await office.ada.ask("DELETE", f"{office.path}/collaborators/{editor.id}")).status_code == 204
    assert await office.role_of(office.editor) is None

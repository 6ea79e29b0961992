"""Who hears of it when a document is shared, and what they hear; invitations, as far as the mail that brings them."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import delete, select
from sqlmodel import col
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions
from server.documents.access import seen_by
from server.notifications import bell, noting
from server.notifications.delivery import Delivered, deliver
from server.notifications.models import Mail, MailState, PersonalNotice
from server.settings import Settings
from server.workspaces.models import Role, Workspace
from tests.factories import PASSWORD, csrf_of, make_member, make_team, sign_in
from tests.server.documents.programs import URL, Program, program
from tests.server.notifications.catch_all import CatchAll, open_catch_all

PEOPLE = {"reach": "people", "role": None}


@dataclass(frozen=True)
class Office:
    """Ada, who owns a document that only named people see, and Mem, who is not named."""

    app: Starlette
    sessions: Sessions
    workspace: Workspace
    ada: Program
    mem: Program
    document_id: str

    @property
    def path(self) -> str:
        return f"/documents/{self.document_id}"

    async def heard(self, who: User) -> Sequence[tuple[str, str]]:
        """Return the kinds and texts of a person's notices, the oldest first."""
        async with self.sessions() as db:
            rows = await db.scalars(
                select(PersonalNotice)
                .where(col(PersonalNotice.user_id) == who.id)
                .order_by(col(PersonalNotice.created_at))
            )
            return [(row.kind, row.text) for row in rows]

    async def read(self, who: User) -> None:
        async with self.sessions.begin() as db:
            await bell.read_all(db, who.id)

    async def add(self, email: str) -> dict[str, object]:
        answer = await self.ada.ask("POST", f"{self.path}/collaborators", json={"email": email, "role": "reviewer"})
        assert answer.status_code == 201, answer.text
        made: dict[str, object] = answer.json()["invitation"]
        return made

    def with_mail(self, caught: CatchAll) -> Settings:
        settings: Settings = self.app.state.settings
        mailing = settings.model_copy(update={"smtp_url": caught.url, "smtp_from": "Quillroom <room@example.org>"})
        self.app.state.settings = mailing
        return mailing


@pytest.fixture
async def office(app: Starlette, sessions: Sessions) -> AsyncIterator[Office]:
    ada, workspace = await make_team(sessions, name="Ada")
    async with sessions.begin() as db:
        mem = await make_member(db, workspace, name="Mem")
    async with AsyncExitStack() as stack:
        adas = await stack.enter_async_context(program(app, sessions, ada))
        mems = await stack.enter_async_context(program(app, sessions, mem))
        document_id = await adas.create(title="Plan", content="Words")
        office = Office(app, sessions, workspace, adas, mems, document_id)
        assert (await adas.ask("PUT", f"{office.path}/sharing", json=PEOPLE)).status_code == 200
        yield office


@asynccontextmanager
async def browser(office: Office, user: User | None = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=office.app)
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        if user is not None:
            await sign_in(client, office.sessions, user)
        yield client


@pytest.fixture
async def caught() -> AsyncIterator[CatchAll]:
    async with open_catch_all() as caught:
        yield caught


async def test_a_person_hears_of_each_change_of_their_role_and_of_none_that_is_not_one(office: Office) -> None:
    mem = office.mem.user
    theirs = f"{office.path}/collaborators/{mem.id}"
    for role in ("viewer", "viewer", "reviewer"):
        assert (await office.ada.ask("PUT", theirs, json={"role": role})).status_code == 200
        await office.read(mem)
    assert (await office.ada.ask("DELETE", theirs)).status_code == 204
    assert await office.heard(mem) == [
        ("invitation", "You can read it."),
        ("role", "You can comment and suggest changes."),
        ("role", "You cannot open it any more."),
    ]
    await office.read(mem)
    assert (await office.ada.ask("POST", f"{office.path}/owner", json={"user_id": str(mem.id)})).status_code == 200
    assert (await office.heard(mem))[-1] == ("invitation", "You own it now.")
    # What they do to themselves is no news; it only ends what they had not read, and what is not so any more.
    assert await office.mem.ask("PUT", f"{office.path}/collaborators/{office.ada.user.id}", json={"role": "owner"})
    assert (await office.mem.ask("DELETE", theirs)).status_code == 204
    assert len(await office.heard(mem)) == 3
    assert (await office.heard(office.ada.user))[-1] == ("role", "You own it now.")


async def test_a_role_given_and_taken_over_and_over_rings_once_and_fills_no_mailbox(office: Office) -> None:
    made = await office.ada.ask("POST", "/collections", json={"name": "Plans"})
    mem = office.mem.user
    for place in (office.path, f"/collections/{made.json()['id']}"):
        theirs = f"{place}/collaborators/{mem.id}"
        for _ in range(3):
            await office.ada.ask("PUT", theirs, json={"role": "viewer"})
            assert await office.heard(mem) == [("invitation", "You can read it.")]
            assert (await office.ada.ask("DELETE", theirs)).status_code == 204
            assert await office.heard(mem) == []
        # One piece of news, of how it is in the end.
        for role in ("viewer", "editor", "reviewer"):
            await office.ada.ask("PUT", theirs, json={"role": role})
        assert await office.heard(mem) == [("invitation", "You can comment and suggest changes.")]
        async with office.sessions.begin() as db:
            (mail,) = await db.scalars(select(Mail))
            mail.state = MailState.SENT.value
        # Once it was mailed they know of it, read in the page or not.
        assert (await office.ada.ask("DELETE", theirs)).status_code == 204
        assert [kind for kind, _ in await office.heard(mem)] == ["role"]
        async with office.sessions.begin() as db:
            await db.execute(delete(PersonalNotice))
            await db.execute(delete(Mail))


async def test_what_they_may_do_by_other_ways_is_said(office: Office) -> None:
    mem = office.mem.user
    everybody = {"reach": "workspace", "role": "reviewer"}
    assert (await office.ada.ask("PUT", f"{office.path}/sharing", json=everybody)).status_code == 200
    theirs = f"{office.path}/collaborators/{mem.id}"
    await office.ada.ask("PUT", theirs, json={"role": "editor"})
    await office.read(mem)
    await office.ada.ask("DELETE", theirs)
    assert await office.heard(mem) == [
        ("invitation", "You can edit it."),
        ("role", "You can comment and suggest changes."),
    ]


async def test_a_collection_is_shared_by_name(office: Office) -> None:
    made = await office.ada.ask("POST", "/collections", json={"name": "Plans"})
    theirs = f"/collections/{made.json()['id']}/collaborators/{office.mem.user.id}"
    for role in ("viewer", "editor"):
        await office.ada.ask("PUT", theirs, json={"role": role})
        await office.read(office.mem.user)
    await office.ada.ask("DELETE", theirs)
    assert await office.heard(office.mem.user) == [
        ("invitation", "You can read it."),
        ("role", "You can edit it."),
        ("role", "You are not named on it any more."),
    ]


async def test_owners_hear_once_a_day_that_somebody_asks(office: Office) -> None:
    async with browser(office, office.mem.user) as mem:
        for role in ("viewer", "editor"):
            fields = {"role": role, "message": "I write the budget", "csrf": await csrf_of(mem, "/account")}
            answer = await mem.post(f"/documents/{office.document_id}/requests", data=fields)
            assert answer.status_code == 200
    assert await office.heard(office.ada.user) == [("access_request", "To read it.\n\nI write the budget")]
    async with office.sessions.begin() as db:
        boss = await make_member(db, office.workspace, role=Role.ADMIN, name="Boss")
    assert await office.heard(boss) == []
    # Whoever answers may give another role than the one asked for, and who asked hears of both.
    async with browser(office, office.ada.user) as ada:
        fields = {"role": "reviewer", "csrf": await csrf_of(ada, "/account")}
        path = f"/documents/{office.document_id}/sharing/requests/{office.mem.user.id}"
        assert (await ada.post(path, data=fields)).status_code == 200
    told = "You asked to edit it. You can comment and suggest changes."
    assert await office.heard(office.mem.user) == [("invitation", told)]


async def test_an_invitation_arrives_and_its_link_leads_to_the_document(office: Office, caught: CatchAll) -> None:
    mailing = office.with_mail(caught)
    assert (await office.add("eve@example.org"))["mailed"] is True
    assert await deliver(office.sessions, mailing, seen_by) == Delivered(sent=1)
    (taken,) = caught.taken
    assert taken.recipient == "eve@example.org"
    assert taken.message["Subject"] == "Ada invites you to “Plan”"
    found = re.search(rf"{re.escape(mailing.public_url)}(/join/\S+)", taken.part("plain"))
    assert found
    async with browser(office) as eve:
        fields = {"name": "Eve", "email": "eve@example.org", "password": PASSWORD}
        entered = await eve.post(found[1], data=fields | {"csrf": await csrf_of(eve, found[1])})
        assert (entered.status_code, entered.headers["location"]) == (303, f"/documents/{office.document_id}")
        assert (await eve.get(entered.headers["location"])).status_code == 200


async def test_mail_to_strangers_has_a_limit_and_the_link_has_none(
    office: Office, caught: CatchAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await office.add("eve@example.org"))["mailed"] is False
    office.with_mail(caught)
    monkeypatch.setattr(noting, "INVITATIONS_TO_ONE", 2)
    monkeypatch.setattr(noting, "INVITATIONS_BY_ONE", 3)
    found = [await office.add(f"{name}@example.org") for name in ("eve", "eve", "zoe", "yan")]
    assert [each["mailed"] for each in found] == [True, False, True, False]
    assert all("/join/" in str(each["url"]) for each in found)
    async with office.sessions() as db:
        assert len((await db.scalars(select(Mail))).all()) == 3

"""The bell's doors, the settings, and the link that ends mail."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from sqlmodel import col
from starlette.applications import Starlette

from server.accounts.models import User
from server.accounts.secret import digest
from server.db import Sessions
from server.documents import lifecycle
from server.documents.models import DocumentRole
from server.notifications import choices
from server.notifications.models import Attention, HowMail, Kind, Mail, PersonalNotice, StoppedAddress
from server.notifications.noting import Notice, note
from server.notifications.words import CHOICES
from server.workspaces.models import Role, Workspace
from tests.factories import actor, csrf_of, make_member, make_team, name_on, sign_in

NOW = datetime.now(UTC)


class Desk:
    """Ben's browser, and what concerns him. The documents are real, and Ben is a guest who reads one of them."""

    def __init__(
        self, client: httpx.AsyncClient, sessions: Sessions, ada: User, ben: User, workspace: Workspace
    ) -> None:
        self.client, self.sessions, self.ada, self.ben, self.workspace = client, sessions, ada, ben, workspace
        self.csrf = ""
        self.seen = self.unseen = uuid4()

    async def note(self, document_id: UUID, *, key: str, kind: Kind = Kind.MENTION, ago: float = 0) -> UUID:
        async with self.sessions() as db:
            await note(
                db,
                Notice(
                    kind=kind,
                    to=[self.ben.id],
                    workspace_id=self.workspace.id,
                    actor_id=self.ada.id,
                    document_id=document_id,
                    title="The plan",
                    quote="a quoted line",
                    text="words to Ben",
                    path=f"/documents/{document_id}#comment-1",
                    dedupe_key=key,
                ),
                now=NOW - timedelta(minutes=ago),
            )
            await db.commit()
            found = await db.scalar(select(col(PersonalNotice.id)).where(col(PersonalNotice.dedupe_key) == key))
        assert found is not None
        return found

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return await self.client.post(path, data={"csrf": self.csrf, **fields})

    async def unread(self) -> int:
        return int((await self.client.get("/notifications/unread")).json()["unread"])


@pytest.fixture
async def desk(client: httpx.AsyncClient, sessions: Sessions) -> Desk:
    ada, workspace = await make_team(sessions)
    async with sessions() as db:
        ben = await make_member(db, workspace, name="Ben", role=Role.GUEST)
        admin = actor(ada, workspace, Role.ADMIN)
        seen, unseen = [await lifecycle.create(db, admin) for _ in range(2)]
        await name_on(db, seen, ben, DocumentRole.VIEWER)
        await db.commit()
    desk = Desk(client, sessions, ada, ben, workspace)
    desk.seen, desk.unseen = seen.id, unseen.id
    await sign_in(client, sessions, ben)
    desk.csrf = await csrf_of(client, "/account")
    return desk


async def test_the_bell_counts_and_shows_the_newest_first(desk: Desk) -> None:
    assert await desk.unread() == 0
    assert "Nothing new" in (await desk.client.get("/notifications/newest")).text
    await desk.note(desk.seen, key="1", ago=5)
    await desk.note(desk.seen, key="2", kind=Kind.REPLY)
    assert await desk.unread() == 2
    page = (await desk.client.get("/notifications")).text
    assert page.index("Ada Lovelace commented in “The plan”") < page.index("Ada Lovelace mentioned you in “The plan”")
    fragment = (await desk.client.get("/notifications/newest")).text
    assert "<html" not in fragment
    assert "a quoted line" in fragment


async def test_going_there_is_having_read_it(desk: Desk) -> None:
    notice_id = await desk.note(desk.seen, key="1")
    answer = await desk.client.get(f"/notifications/{notice_id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/documents/{desk.seen}#comment-1")
    assert await desk.unread() == 0


async def test_one_or_all_are_marked_as_read(desk: Desk) -> None:
    first = await desk.note(desk.seen, key="1")
    for key in "23":
        await desk.note(desk.seen, key=key)
    assert (await desk.post(f"/notifications/{first}/read")).headers["location"] == "/notifications"
    assert await desk.unread() == 2
    answer = await desk.client.post("/notifications/read", headers={"HX-Request": "true", "X-CSRF-Token": desk.csrf})
    assert answer.status_code == 204
    assert await desk.unread() == 0


async def test_what_is_not_shared_any_more_is_not_told(desk: Desk) -> None:
    await desk.note(desk.unseen, key="1")
    for path in ("/notifications", "/notifications/newest"):
        page = (await desk.client.get(path)).text
        assert "not shared with you any more" in page
        for secret in ("The plan", "a quoted line", "words to Ben", str(desk.unseen)):
            assert secret not in page
    await desk.note(desk.unseen, key="2", kind=Kind.ROLE)
    page = (await desk.client.get("/notifications")).text
    assert "changed what you may do with “The plan”" in page
    assert "a quoted line" not in page


async def test_nobody_reads_what_is_for_others(desk: Desk, app: Starlette) -> None:
    notice_id = await desk.note(desk.seen, key="1")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=desk.client.base_url) as other:
        for path in ("/notifications", "/notifications/unread", "/notifications/newest", "/account/notifications"):
            assert (await other.get(path, follow_redirects=False)).status_code in {303, 401}
        await sign_in(other, desk.sessions, desk.ada)
        csrf = await csrf_of(other, "/account")
        assert (await other.get(f"/notifications/{notice_id}")).status_code == 404
        assert (await other.post(f"/notifications/{notice_id}/read", data={"csrf": csrf})).status_code == 404
        await other.post("/notifications/read", data={"csrf": csrf})
    assert await desk.unread() == 1


async def test_older_ones_are_a_page_further(desk: Desk) -> None:
    for number in range(51):
        await desk.note(desk.seen, key=str(number), ago=number)
    page = (await desk.client.get("/notifications")).text
    assert page.count('class="notice-item"') == 50
    older = page.split('href="/notifications?before=')[1].split('"')[0]
    assert (await desk.client.get(f"/notifications?before={older}")).text.count('class="notice-item"') == 1
    # The last two are in no year that can be told, once they are told in UTC.
    for time in ("yesterday", "2026-01-01", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"):
        assert (await desk.client.get("/notifications", params={"before": time})).status_code == 422


async def test_a_list_takes_the_same_few_questions_however_long_it_is(desk: Desk) -> None:
    async def questions() -> int:
        asked: list[str] = []

        def count(*arguments: object) -> None:
            asked.append(str(arguments[2]))

        event.listen(Engine, "before_cursor_execute", count)
        await desk.client.get("/notifications/newest")
        event.remove(Engine, "before_cursor_execute", count)
        return len(asked)

    await desk.note(desk.seen, key="0")
    few = await questions()
    for number in range(1, 15):
        await desk.note(desk.seen if number % 2 else desk.unseen, key=str(number))
    assert await questions() == few


async def test_a_person_chooses_what_is_mailed(desk: Desk) -> None:
    page = (await desk.client.get("/account/notifications")).text
    assert "sends no mail yet" in page
    assert page.count(" checked") == 1 + len(CHOICES)
    answer = await desk.post("/account/notifications", how="daily", about_mention="yes")
    assert answer.headers["location"] == "/account/notifications"
    page = (await desk.client.get("/account/notifications")).text
    assert "Saved." in page
    assert page.count(" checked") == 2
    async with desk.sessions() as db:
        assert await choices.wishes_of(db, desk.ben.id) == choices.Wishes(HowMail.DAILY, frozenset({Kind.MENTION}))
    assert (await desk.post("/account/notifications", how="often")).status_code == 422
    assert "Choose what you hear of" in (await desk.client.get("/account")).text


def _is_chosen(value: str, page: str) -> bool:
    return re.search(rf'value="{value}"[^>]* checked>', page) is not None


async def test_a_document_is_followed_and_muted(desk: Desk) -> None:
    path = f"/documents/{desk.seen}/notifications"
    assert _is_chosen("usual", (await desk.client.get(path)).text)
    for attention in ("following", "muted"):
        assert (await desk.post(path, attention=attention)).headers["location"] == f"/documents/{desk.seen}"
        assert _is_chosen(attention, (await desk.client.get(path)).text)
    async with desk.sessions() as db:
        assert await choices.attention_to(db, desk.ben.id, desk.seen) is Attention.MUTED
    await desk.post(path, attention="usual")
    assert _is_chosen("usual", (await desk.client.get(path)).text)
    assert (await desk.post(path, attention="much")).status_code == 422
    elsewhere = f"/documents/{desk.unseen}/notifications"
    assert (await desk.client.get(elsewhere)).status_code == 404
    assert (await desk.post(elsewhere, attention="following")).status_code == 404


@pytest.fixture
async def mailed(desk: Desk) -> str:
    """The secret in a mail to Ben."""
    await desk.note(desk.seen, key="1")
    async with desk.sessions() as db:
        mail = (await db.scalars(select(Mail))).one()
        mail.stop_hash = digest("ben's secret")
        await db.commit()
    return "ben's secret"


async def test_a_mail_program_ends_mail_without_cookie_or_token(desk: Desk, mailed: str, app: Starlette) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=desk.client.base_url) as program:
        asked = await program.get(f"/mail/stop/{mailed}")
        assert (asked.status_code, "Send me no more mail" in asked.text) == (200, True)
        # Looking at the link changes nothing.
        async with desk.sessions() as db:
            assert (await choices.wishes_of(db, desk.ben.id)).how is HowMail.AT_ONCE
        for _ in range(2):
            answer = await program.post(f"/mail/stop/{mailed}", data={"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 200
        for method in ("GET", "POST"):
            assert (await program.request(method, "/mail/stop/guessed")).status_code == 410
    async with desk.sessions() as db:
        assert (await choices.wishes_of(db, desk.ben.id)).how is HowMail.NEVER
        assert (await db.scalars(select(StoppedAddress))).all() == []

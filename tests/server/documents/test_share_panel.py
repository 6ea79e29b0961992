"""The share panel, the pages of shared links, and asking to be let in, as a browser without script meets them."""

import re
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col
from starlette.applications import Starlette

from server.accounts.models import User, utc_now
from server.db import Sessions
from server.documents import content, lifecycle, sharing, ydoc
from server.documents.access import DocumentRole, actor_at
from server.documents.models import AccessRequest, Document, ShareLink
from server.documents.reading import Readings
from server.workspaces import telling
from server.workspaces.models import Role, Workspace
from tests.factories import actor, csrf_of, make_member, make_team, name_on, sign_in

HIDDEN = "Raise for Bo"
LIMIT_SECONDS = 20


@pytest.fixture
async def team(app: Starlette, sessions: Sessions) -> tuple[User, Workspace]:
    return await make_team(sessions)


@pytest.fixture
async def bo(team: tuple[User, Workspace], sessions: Sessions) -> User:
    async with sessions.begin() as db:
        return await make_member(db, team[1], name="Bo Member")


@pytest.fixture
async def document(team: tuple[User, Workspace], sessions: Sessions) -> Document:
    """Ada's; nobody else has it."""
    async with sessions.begin() as db:
        node = content.parse("Secret words", content.Source.MARKDOWN)
        document = await lifecycle.create(db, actor(*team, Role.ADMIN), title=HIDDEN, content=node)
        document.reach = "people"
    return document


@pytest.fixture
async def ada(client: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace]) -> httpx.AsyncClient:
    await sign_in(client, sessions, team[0])
    return client


async def browser(app: Starlette, sessions: Sessions, user: User | None) -> httpx.AsyncClient:
    found = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://quillroom.test")
    if user is not None:
        await sign_in(found, sessions, user)
    return found


async def post(client: httpx.AsyncClient, path: str, *, script: bool = False, **fields: str) -> httpx.Response:
    # Any page shows the token; this one stands for everybody.
    token = await csrf_of(client, "/documents" if client.cookies.get("quillroom_session") else "/sign-in")
    headers = {"Origin": "http://quillroom.test"} | ({"HX-Request": "true"} if script else {})
    return await client.post(path, data={"csrf": token, **fields}, headers=headers)


async def role_of(sessions: Sessions, user: User, document: Document) -> DocumentRole | None:
    async with sessions() as db:
        return (await actor_at(db, user, document.id))[1].role


async def test_a_member_is_added_by_name_changed_and_removed(
    ada: httpx.AsyncClient, sessions: Sessions, bo: User, document: Document
) -> None:
    here = f"/documents/{document.id}/sharing"
    page = (await ada.get(here)).text
    assert f'<option value="{bo.email}">Bo Member</option>' in page
    answer = await post(ada, f"{here}/people", who="bo member", role="reviewer")
    assert (answer.status_code, "<html" in answer.text) == (200, True)
    assert "Bo Member: can comment and suggest." in answer.text
    assert await role_of(sessions, bo, document) is DocumentRole.REVIEWER
    answer = await post(ada, f"{here}/people/{bo.id}", script=True, role="viewer")
    assert answer.text.strip().startswith('<div class="share" id="share-panel"')
    assert await role_of(sessions, bo, document) is DocumentRole.VIEWER
    await post(ada, f"{here}/people/{bo.id}", role="remove")
    assert await role_of(sessions, bo, document) is None
    await post(ada, f"{here}/people", who=bo.email, role="viewer")
    sure = await post(ada, f"{here}/people/{bo.id}", role="owner")
    assert "Hand it over to <strong>Bo Member</strong>?" in sure.text
    assert await role_of(sessions, bo, document) is DocumentRole.VIEWER
    done = await post(ada, f"{here}/people/{bo.id}", role="owner", sure="true")
    assert "It is handed over." in done.text
    assert await role_of(sessions, bo, document) is DocumentRole.OWNER


async def test_a_document_that_was_named_a_moment_ago_is_shared_by_its_name(
    app: Starlette, ada: httpx.AsyncClient, team: tuple[User, Workspace], sessions: Sessions
) -> None:
    async with sessions.begin() as db:
        fresh = await lifecycle.create(db, actor(*team, Role.ADMIN))
    await app.state.live.edit(fresh.id, lambda doc: ydoc.write_title(doc, "Named just now"))

    assert "Named just now" in (await ada.get(f"/documents/{fresh.id}/sharing")).text


async def test_what_cannot_be_is_said_in_the_panel(ada: httpx.AsyncClient, bo: User, document: Document) -> None:
    here = f"/documents/{document.id}/sharing"
    answer = await post(ada, f"{here}/people", who="Nobody <i>", role="viewer")
    assert (answer.status_code, "Nobody else here has that name." in answer.text) == (422, True)
    assert 'value="Nobody &lt;i&gt;"' in answer.text
    answer = await post(ada, f"{here}/people", script=True, who="not@@an.address", role="viewer")
    assert (answer.status_code, "does not look like an e-mail address" in answer.text) == (200, True)
    answer = await post(ada, f"{here}/links", script=True, role="viewer", password="short")
    assert "Use 6 to 256 characters." in answer.text


async def test_somebody_else_gets_an_invitation_to_this_document(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    answer = await post(ada, f"/documents/{document.id}/sharing/people", who="new@example.org", role="reviewer")
    assert "Invitation for new@example.org" in answer.text
    # Its link stays as long as the invitation's row.
    lasts_with = re.findall(r'data-lasts-with="([^"]+)"', answer.text)
    assert len(lasts_with) == 1
    assert f'id="{lasts_with[0]}"' in answer.text
    found = re.search(r'value="http://quillroom.test(/join/[^"]+)"', answer.text)
    assert found
    assert "new@example.org" in (await ada.get(f"/documents/{document.id}/sharing")).text
    newcomer = await browser(app, sessions, None)
    token = await csrf_of(newcomer, found[1])
    fields = {"csrf": token, "name": "New", "email": "new@example.org", "password": "seven green lanterns"}
    joined = await newcomer.post(found[1], data=fields, headers={"Origin": "http://quillroom.test"})
    assert (joined.status_code, joined.headers["location"]) == (303, f"/documents/{document.id}")
    async with sessions() as db:
        user = (await db.scalars(select(User).where(col(User.email) == "new@example.org"))).one()
    assert await role_of(sessions, user, document) is DocumentRole.REVIEWER


async def test_an_invitation_is_taken_back_in_the_panel(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    here = f"/documents/{document.id}/sharing"
    made = await post(ada, f"{here}/people", who="new@example.org", role="reviewer")
    found = re.search(r'value="http://quillroom.test(/join/[^"]+)"', made.text)
    revoke = re.search(rf'action="({here}/invitations/[^"]+/revoke)"', made.text)
    assert found
    assert revoke
    page = await post(ada, revoke[1])
    assert "The invitation is taken back." in page.text
    assert "new@example.org" not in page.text
    anybody = await browser(app, sessions, None)
    assert "taken back" in (await anybody.get(found[1])).text
    assert (await post(ada, f"{here}/invitations/{uuid4()}/revoke")).status_code == 404


async def test_an_open_invitation_gets_another_role_and_goes_out_again(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    here = f"/documents/{document.id}/sharing"
    made = await post(ada, f"{here}/people", who="new@example.org", role="reviewer")
    link = r'value="http://quillroom.test(/join/[^"]+)"'
    first = re.findall(link, made.text)[0]
    theirs = re.findall(rf'action="({here}/invitations/[^"]+)/send"', made.text)[0]
    assert "has the new role" in (await post(ada, f"{theirs}/role", role="viewer")).text
    again = re.findall(link, (await post(ada, f"{theirs}/send")).text)[0]
    anybody = await browser(app, sessions, None)
    # Only the newest link opens it, and it says what it is for.
    assert (await anybody.get(first)).status_code == 410
    page = (await anybody.get(again)).text
    assert f"shows you “{HIDDEN}”" in page
    assert 'value="new@example.org"' in page
    assert (await post(ada, f"{theirs}/role", role="owner")).status_code == 422


async def test_what_members_have(ada: httpx.AsyncClient, sessions: Sessions, bo: User, document: Document) -> None:
    here = f"/documents/{document.id}/sharing/reach"
    for asked, found in (("viewer", DocumentRole.VIEWER), ("people", None), ("inherit", DocumentRole.EDITOR)):
        assert (await post(ada, here, reach=asked)).status_code == 200
        assert await role_of(sessions, bo, document) is found


def test_whoever_has_as_much_already_stands_there_once() -> None:
    room, house = (sharing.Inherited(uuid4(), name) for name in ("Room", "House"))
    ada, bo = uuid4(), uuid4()
    found = [
        sharing.Named(who, "", "", 0, role, utc_now(), where)
        for who, role, where in (
            (ada, DocumentRole.OWNER, None),
            (bo, DocumentRole.VIEWER, None),
            (ada, DocumentRole.OWNER, room),
            (bo, DocumentRole.EDITOR, room),
            (bo, DocumentRole.REVIEWER, house),
        )
    ]
    shown = [(each.user_id, each.inherited) for each in sharing.without_repeats(found)]
    assert shown == [(ada, None), (bo, None), (bo, room)]


async def test_a_member_asks_and_is_let_in(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, bo: User, document: Document
) -> None:
    theirs = await browser(app, sessions, bo)
    page = await theirs.get(f"/documents/{document.id}")
    assert page.status_code == 403
    assert HIDDEN not in page.text
    assert "Secret" not in page.text
    sent = await post(theirs, f"/documents/{document.id}/requests", role="reviewer", message="For <b>Monday</b>")
    assert (sent.status_code, HIDDEN in sent.text) == (200, False)
    panel = (await ada.get(f"/documents/{document.id}/sharing")).text
    assert "For &lt;b&gt;Monday&lt;/b&gt;" in panel
    await post(ada, f"/documents/{document.id}/sharing/requests/{bo.id}", answer="no")
    assert await role_of(sessions, bo, document) is None
    await post(theirs, f"/documents/{document.id}/requests", role="reviewer")
    waiting = f"/documents/{document.id}/requests"
    assert "hx-redirect" not in (await theirs.get(waiting)).headers
    # Another role than the one asked for; a yes that comes late takes nothing of it away.
    await post(ada, f"/documents/{document.id}/sharing/requests/{bo.id}", role="editor")
    late = await post(ada, f"/documents/{document.id}/sharing/requests/{bo.id}", role="viewer")
    assert sharing.AnsweredAlready.sentence in late.text
    assert await role_of(sessions, bo, document) is DocumentRole.EDITOR
    assert (await theirs.get(waiting)).headers["hx-redirect"] == f"/documents/{document.id}"
    assert (await theirs.get(f"/documents/{document.id}")).status_code == 200
    async with sessions() as db:
        assert [each.answered_at is not None for each in await db.scalars(select(AccessRequest))] == [True]
    # Who has it asks for nothing more than others would give unasked; who is from elsewhere learns of nothing.
    assert (await post(theirs, f"/documents/{document.id}/requests", role="viewer")).status_code == 409
    stranger = await browser(app, sessions, (await make_team(sessions, name="Eve"))[0])
    assert (await post(stranger, f"/documents/{document.id}/requests", role="viewer")).status_code == 404
    assert (await stranger.get(f"/documents/{document.id}")).status_code == 404
    assert (await theirs.get(f"/documents/{uuid4()}")).status_code == 404


async def _link(ada: httpx.AsyncClient, document: Document, role: str = "viewer", password: str = "") -> str:
    answer = await post(ada, f"/documents/{document.id}/sharing/links", role=role, password=password)
    found = re.search(r'value="http://quillroom.test(/s/[^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


async def test_without_an_account_a_link_is_read(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    link = await _link(ada, document, role="editor")
    anybody = await browser(app, sessions, None)
    page = await anybody.get(link)
    assert page.status_code == 200
    assert "Secret words" in page.text
    assert "editor.js" not in page.text
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert (await anybody.get(f"/documents/{document.id}")).headers["location"].startswith("/sign-in")
    async with sessions.begin() as db:
        await db.execute(update(ShareLink).values(expires_at=utc_now() - timedelta(seconds=1)))
    over = await anybody.get(link)
    assert (over.status_code, "This link is over" in over.text, HIDDEN in over.text) == (410, True, False)
    assert (await anybody.get("/s/nothing")).status_code == 410


async def test_the_page_behind_a_link_follows_and_costs_nothing_while_nothing_changes(
    app: Starlette,
    ada: httpx.AsyncClient,
    sessions: Sessions,
    document: Document,
    team: tuple[User, Workspace],
) -> None:
    link = await _link(ada, document, role="reviewer", password="green lantern")
    anybody = await browser(app, sessions, None)
    follow = f"{link}/text"
    # The password counts here, too.
    assert (await anybody.get(follow)).status_code == 403
    await post(anybody, link, password="green lantern")
    page = (await anybody.get(link)).text
    assert f'data-reading="{follow}"' in page
    assert "Sign in to comment" in page
    assert "by invitation" in page
    version = re.findall(r'data-version="([^"]+)"', page)[0]

    class Untouched:
        """Live documents that nobody may read."""

        async def read(self, document_id: UUID) -> bytes:
            raise AssertionError(document_id)

    live = app.state.live
    app.state.live = Untouched()
    for _ in range(3):
        same = await anybody.get(follow, headers={"If-None-Match": f'"{version}"'})
        assert (same.status_code, same.content) == (304, b"")
    app.state.live, app.state.readings = live, Readings()
    async with sessions.begin() as db:
        await lifecycle.rename(db, live, team[0], document.id, "Raise for all")
    newer = await anybody.get(follow, headers={"If-None-Match": f'"{version}"'})
    assert (newer.status_code, "Raise for all" in newer.text, "<html" in newer.text) == (200, True, False)
    assert newer.headers["etag"] != f'"{version}"'
    assert newer.headers["cache-control"] == "no-store"
    async with sessions() as db:
        link_id = (await db.scalars(select(col(ShareLink.id)))).one()
    await post(ada, f"/documents/{document.id}/sharing/links/{link_id}/revoke")
    assert (await anybody.get(follow)).status_code == 410


async def test_with_an_account_a_link_opens_the_document_in_its_role(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    link = await _link(ada, document, role="editor")
    eve, _ = await make_team(sessions, name="Eve")
    theirs = await browser(app, sessions, eve)
    assert (await theirs.get(f"/documents/{document.id}")).status_code == 404
    opened = await theirs.get(link)
    assert (opened.status_code, opened.headers["location"]) == (303, f"/documents/{document.id}")
    page = (await theirs.get(f"/documents/{document.id}")).text
    assert 'data-rights="read-write"' in page
    assert await role_of(sessions, eve, document) is DocumentRole.EDITOR
    async with sessions() as db:
        link_id = (await db.scalars(select(col(ShareLink.id)))).one()
    await post(ada, f"/documents/{document.id}/sharing/links/{link_id}/revoke")
    assert (await theirs.get(f"/documents/{document.id}")).status_code == 404
    assert (await theirs.get(link)).status_code == 410


async def test_a_password_is_asked_once_of_each_browser(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    link = await _link(ada, document, password="green lantern")
    anybody = await browser(app, sessions, None)
    asked = await anybody.get(link)
    assert (asked.status_code, "Secret words" in asked.text, HIDDEN in asked.text) == (200, False, False)
    wrong = await post(anybody, link, password="red lantern")
    assert (wrong.status_code, "not the password" in wrong.text) == (422, True)
    assert (await post(anybody, link, password="green lantern")).headers["location"] == link
    assert "Secret words" in (await anybody.get(link)).text
    another = await browser(app, sessions, None)
    assert "Secret words" not in (await another.get(link)).text
    for _ in range(18):
        await post(another, link, password="red lantern")
    assert (await post(another, link, password="green lantern")).status_code == 429


async def test_pictures_behind_a_link_are_those_of_its_document(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    link = await _link(ada, document)
    anybody = await browser(app, sessions, None)
    assert (await anybody.get(f"{link}/assets/{uuid4()}")).status_code == 404
    assert (await anybody.get(f"/s/nothing/assets/{uuid4()}")).status_code == 404


async def test_who_takes_it_from_themselves_is_told_so(
    app: Starlette, sessions: Sessions, bo: User, document: Document
) -> None:
    async with sessions.begin() as db:
        await name_on(db, document, bo, DocumentRole.EDITOR)
    theirs = await browser(app, sessions, bo)
    answer = await post(theirs, f"/documents/{document.id}/sharing/people/{bo.id}", script=True, role="remove")
    assert "You have left this document." in answer.text
    assert await role_of(sessions, bo, document) is None


async def test_an_open_panel_says_that_the_right_to_share_went(
    app: Starlette, sessions: Sessions, bo: User, document: Document
) -> None:
    async with sessions.begin() as db:
        await name_on(db, document, bo, DocumentRole.VIEWER)
    theirs = await browser(app, sessions, bo)
    part = await theirs.get(f"/documents/{document.id}/sharing", headers={"HX-Request": "true"})
    assert 'id="share-live"' in part.text
    assert "you cannot share this document any more" in part.text
    assert (await theirs.get(f"/documents/{document.id}/sharing")).status_code == 403


async def test_who_comes_by_an_invitation_is_told_to_open_panels(
    app: Starlette, ada: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    made = await post(ada, f"/documents/{document.id}/sharing/people", who="new@example.org", role="viewer")
    link = re.findall(r'value="http://quillroom.test(/join/[^"]+)"', made.text)[0]
    newcomer = await browser(app, sessions, None)
    token = await csrf_of(newcomer, link)
    fields = {"csrf": token, "name": "New", "email": "new@example.org", "password": "seven green lanterns"}
    heard: set[str] = set()
    async with app.state.events.subscribe(document.workspace_id) as open_panel:
        await newcomer.post(link, data=fields, headers={"Origin": "http://quillroom.test"})
        with anyio.fail_after(LIMIT_SECONDS):
            while heard != {lifecycle.EVENT, telling.EVENT}:
                heard.add((await anext(open_panel)).name)
    assert UUID(str(document.id))


class Told:
    """Live documents that only note which of them were told to ask again."""

    def __init__(self) -> None:
        self.document_ids: list[UUID] = []

    async def access_changed(self, document_ids: Sequence[UUID]) -> None:
        self.document_ids += document_ids


async def test_open_documents_follow_what_becomes_of_a_member(
    app: Starlette, ada: httpx.AsyncClient, bo: User, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    monkeypatch.setattr(app.state, "live", told)
    async with app.state.events.subscribe(document.workspace_id) as lists:
        assert (await post(ada, f"/workspace/members/{bo.id}/role", role="guest")).status_code == 303
        with anyio.fail_after(LIMIT_SECONDS):
            assert (await anext(lists)).name == lifecycle.EVENT
    assert told.document_ids == [document.id]
    assert (await post(ada, f"/workspace/members/{bo.id}/remove")).status_code == 303
    assert told.document_ids == [document.id] * 2
    await post(ada, f"/documents/{document.id}/sharing/reach", reach="viewer")
    assert told.document_ids == [document.id] * 3

"""The pages of reviews without a script, and what they let nobody see."""

import re

import httpx
import pytest
from pycrdt import Map
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import transaction
from server.documents import ydoc
from server.documents.models import DocumentRole
from server.documents.ydoc import YDoc
from server.publishing.models import ChannelAccount
from server.review.states import Status
from server.workspaces.models import Role
from tests.conftest import PUBLIC_URL
from tests.factories import csrf_of, make_member, name_on, sign_in
from tests.server.documents.overlaying import paragraph, put
from tests.server.documents.overlaying import write as overwrite
from tests.server.review.desk import Desk


class Browser:
    """Somebody's browser without script, at the desk's document."""

    def __init__(self, desk: Desk, client: httpx.AsyncClient) -> None:
        self.desk, self.client = desk, client

    @property
    def path(self) -> str:
        """Where the review of the document is."""
        return f"/documents/{self.desk.document.id}/review"

    async def post(self, path: str = "", **fields: str) -> httpx.Response:
        """Send one of the page's forms."""
        token = await csrf_of(self.client, "/documents")
        return await self.client.post(f"{self.path}{path}", data={"csrf": token, **fields})


async def _enter(app: Starlette, desk: Desk, user: User) -> Browser:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL)
    await sign_in(client, desk.sessions, user)
    return Browser(desk, client)


async def _hash(desk: Desk) -> str:
    from server.review import lifecycle

    async with transaction(desk.sessions) as db:
        review = await lifecycle.open_review(db, desk.document.id)
    assert review is not None
    return review.hash.hex()


async def test_two_people_go_through_it_by_forms(app: Starlette, desk: Desk) -> None:
    ada, ben = await _enter(app, desk, desk.ada), await _enter(app, desk, desk.ben)
    assert "Nobody has been asked" in (await ada.client.get(ada.path)).text
    assert (await ada.post(note="Ready")).headers["Location"] == ada.path
    assert "Plan" in (await ben.client.get("/reviews")).text
    assert "Ready" in (await ben.client.get("/reviews")).text
    refused = await ben.post("/decisions", verdict="changes", content=await _hash(desk))
    assert refused.status_code == 422
    assert "Say what should be changed." in refused.text
    done = await ben.post("/decisions", verdict="approve", content=await _hash(desk))
    assert done.status_code == 303
    page = (await ada.client.get(ada.path)).text
    assert "is approved" in page
    assert "Ben approved “Plan”" in page
    assert "Nothing waits for you" in (await ben.client.get("/reviews")).text


async def test_what_changed_since_is_all_that_is_marked(app: Starlette, desk: Desk) -> None:
    ada, ben = await _enter(app, desk, desk.ada), await _enter(app, desk, desk.ben)
    await ada.post()
    await ben.post("/decisions", verdict="changes", content=await _hash(desk), comment="More")
    await desk.write("One\n\nTwo, and much more of it")
    await ada.post()
    page = (await ben.client.get(ben.path)).text
    assert "What changed since your last decision" in page
    assert page.count('class="change"') == 1
    await ben.post("/decisions", verdict="approve", content=await _hash(desk))
    await desk.write("One more\n\nTwo, and much more of it")
    page = (await ben.client.get(ben.path)).text
    assert "Changed since approval" in page
    assert "1 block" in page


async def test_what_goes_out_on_an_account_is_reviewed_with_the_text(app: Starlette, desk: Desk) -> None:
    async with transaction(desk.sessions) as db:
        account = ChannelAccount(
            workspace_id=desk.workspace.id,
            channel="mastodon",
            name="@ada@mastodon.example",
            base_url="https://mastodon.example",
            secrets=b"",
        )
        db.add(account)
    account_id = str(account.id)

    def adapt_second(doc: YDoc) -> None:
        second = str(ydoc.read_node(doc).child(1).attrs["id"])
        put(doc, f"block/{second}", {"kind": "adapted", "base": "Two"}, account_id)
        overwrite(doc, f"block/{second}", paragraph("Two, too"), account=account_id)
        put(doc, "tags", "fox", account_id)

    ada, ben = await _enter(app, desk, desk.ada), await _enter(app, desk, desk.ben)
    await ada.post()
    await ben.post("/decisions", verdict="approve", content=await _hash(desk))
    assert "Changed since" not in (await ben.client.get(ben.path)).text

    await desk.change(adapt_second)
    page = (await ben.client.get(ben.path)).text
    assert "what it says on 1 account" in page
    assert "On @ada@mastodon.example · Mastodon" in page
    assert "<ins>fox</ins>" in page
    # The document's own text is as it was approved; what goes out there is not.
    assert page.count('class="change"') == 1

    await desk.change(lambda doc: doc.get("variants", type=Map).clear())
    assert "Changed since" not in (await ben.client.get(ben.path)).text, "taken back, it is what was approved"

    await desk.change(adapt_second)
    await ada.post()
    signed = await _hash(desk)
    page = (await ben.client.get(ben.path)).text
    assert page.count("2 changes") == 1
    look = f"/documents/{desk.document.id}/variants/{account_id}/preview?content="
    assert look + signed in page
    shown = await ben.client.get(look + signed, headers={"HX-Request": "true"})
    assert "Two, too" in shown.text
    assert "#fox" in shown.text
    assert "<html" not in shown.text
    assert "<h1>" in (await ben.client.get(look + signed)).text
    assert (await ben.client.get(look + "0" * 64)).status_code == 404


async def test_a_reader_sees_where_it_stands_and_decides_nothing(app: Starlette, desk: Desk) -> None:
    async with transaction(desk.sessions) as db:
        viewer = await make_member(db, desk.workspace, role=Role.GUEST, name="Vic")
        await name_on(db, desk.document, viewer, DocumentRole.VIEWER)
    await desk.request()
    vic = await _enter(app, desk, viewer)
    page = await vic.client.get(vic.path)
    assert "sent version" in page.text
    assert not re.search(r"<button[^>]*><span>(Approve|Request changes|Put on hold|Send for review)", page.text)
    assert "Plan" not in (await vic.client.get("/reviews")).text
    assert "In review" in (await vic.client.get(f"/documents/{desk.document.id}")).text
    assert (await vic.post("/decisions", verdict="approve", content=await _hash(desk))).status_code == 403
    assert (await vic.post("/withdraw")).status_code == 403


@pytest.mark.parametrize("content", ["", "00", "g" * 64, "a" * 63])
async def test_a_mark_that_is_none_is_refused(app: Starlette, desk: Desk, content: str) -> None:
    await desk.request()
    ben = await _enter(app, desk, desk.ben)
    assert (await ben.post("/decisions", verdict="approve", content=content)).status_code == 422
    other = await ben.post("/decisions", verdict="approve", content="a" * 64)
    assert other.status_code == 409
    assert await desk.status() is Status.IN_REVIEW


async def test_what_waits_takes_the_same_few_questions_however_much_it_is(app: Starlette, desk: Desk) -> None:
    from sqlalchemy import event

    from server.review import waiting
    from tests.factories import actor
    from tests.server.revisions.writing_room import begin

    async def questions() -> int:
        count = 0

        def note(*_: object) -> None:
            nonlocal count
            count += 1

        async with transaction(desk.sessions) as db:
            connection = await db.connection()
            event.listen(connection.sync_connection, "before_cursor_execute", note)
            found = await waiting.waiting(db, actor(desk.ben, desk.workspace))
            assert found.mine
        return count

    await desk.request()
    few = await questions()
    for _ in range(4):
        document = await begin(desk.sessions, desk.ada, desk.workspace, "Words", title="More")
        from server.review import lifecycle

        async with transaction(desk.sessions) as db:
            await lifecycle.request(db, desk.ada, document.id)
    assert await questions() == few == 2

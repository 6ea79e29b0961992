"""The pages of documents, through the whole application with real Postgres and Redis."""

from __future__ import annotations

import html
import re
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents import lifecycle, routes, ydoc
from server.documents.models import Document
from server.documents.read_markdown import read_markdown
from server.documents.replacing import replace
from server.documents.schema import node
from server.workspaces.models import Role, Workspace
from tests.factories import actor, csrf_of, make_member, make_team, name_on, sign_in


@pytest.fixture
async def team(app: Starlette, client: httpx.AsyncClient, sessions: Sessions) -> tuple[User, Workspace]:
    user, workspace = await make_team(sessions)
    await sign_in(client, sessions, user)
    return user, workspace


@pytest.fixture
async def document(team: tuple[User, Workspace], sessions: Sessions) -> Document:
    async with transaction(sessions) as db:
        words = node("doc", content=read_markdown("# Head\n\nwith **weight** & \\<b>"))
        return await lifecycle.create(db, actor(*team, Role.ADMIN), title="Plan <1>", content=words)


async def post(client: httpx.AsyncClient, path: str, *, part: bool = False, **fields: str) -> httpx.Response:
    headers = {"HX-Request": "true"} if part else {}
    return await client.post(path, data={"csrf": await csrf_of(client, "/documents"), **fields}, headers=headers)


async def test_a_new_document_opens_and_is_listed(client: httpx.AsyncClient, team: tuple[User, Workspace]) -> None:
    made = await post(client, "/documents")
    assert made.status_code == 303
    page = await client.get(made.headers["location"])
    assert page.status_code == 200
    assert '<div class="prose-body"><p data-id=' in page.text
    assert made.headers["location"] in (await client.get("/documents")).text


async def test_the_page_holds_the_text_as_it_is_now(
    app: Starlette, client: httpx.AsyncClient, document: Document
) -> None:
    def change(doc: ydoc.YDoc) -> None:
        replace(doc, node("doc", content=read_markdown("now *live*")))
        ydoc.write_title(doc, "Now")

    page = (await client.get(f"/documents/{document.id}")).text
    assert "<strong>weight</strong> &amp; &lt;b&gt;" in page
    assert "<title>Plan &lt;1&gt;" in page
    await app.state.live.edit(document.id, change)
    page = (await client.get(f"/documents/{document.id}")).text
    assert "now <em>live</em>" in page
    assert "<title>Now " in page


async def test_the_page_shows_pictures_before_any_script_has_run(
    app: Starlette, client: httpx.AsyncClient, document: Document
) -> None:
    picture = f"/assets/{uuid4()}"

    def change(doc: ydoc.YDoc) -> None:
        replace(doc, node("doc", content=[node("image", {"src": picture, "alt": "A fox"})]))

    await app.state.live.edit(document.id, change)
    page = (await client.get(f"/documents/{document.id}")).text
    assert f' src="{picture}" alt="A fox"' in page


async def test_a_rename_shows_in_the_list_and_in_the_text(
    app: Starlette, client: httpx.AsyncClient, document: Document
) -> None:
    answer = await post(client, f"/documents/{document.id}/rename", part=True, title="Fresh", view="all", q="fre")
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<section class="documents" id="documents"')
    assert "Fresh" in answer.text
    assert ydoc.read_title(ydoc.load(await app.state.live.read(document.id))) == "Fresh"


async def test_the_trash_closes_the_document_and_restoring_opens_it(
    client: httpx.AsyncClient, document: Document
) -> None:
    answer = await post(client, f"/documents/{document.id}/trash", view="all", q="a b")
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents?q=a+b")
    assert str(document.id) not in (await client.get("/documents")).text
    assert str(document.id) in (await client.get("/documents?view=trash")).text
    page = (await client.get(f"/documents/{document.id}")).text
    assert 'data-rights="readonly"' in page
    assert (await post(client, f"/documents/{document.id}/rename", title="x")).status_code == 409
    answer = await post(client, f"/documents/{document.id}/restore", view="trash")
    assert answer.headers["location"] == "/documents?view=trash"
    assert 'data-rights="read-write"' in (await client.get(f"/documents/{document.id}")).text


async def test_a_document_in_the_trash_is_restored_from_its_own_page(
    client: httpx.AsyncClient, document: Document
) -> None:
    here = f"/documents/{document.id}"
    assert "/restore" not in (await client.get(here)).text
    await post(client, f"{here}/trash")
    page = (await client.get(here)).text
    assert "data-trashed" in page
    assert f'<form method="post" action="{here}/restore">' in page
    assert '<input type="hidden" name="back" value="document">' in page
    restored = await post(client, f"{here}/restore", back="document")
    assert (restored.status_code, restored.headers["location"]) == (303, here)
    page = (await client.get(here)).text
    assert 'data-rights="read-write"' in page
    assert "data-trashed" not in page
    assert (await post(client, f"{here}/restore", back="nowhere")).headers["location"] == "/documents"


async def test_a_guest_is_not_offered_to_restore(
    client: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace], document: Document
) -> None:
    await post(client, f"/documents/{document.id}/trash")
    async with transaction(sessions) as db:
        guest = await make_member(db, team[1], role=Role.GUEST)
        await name_on(db, document, guest)
    await sign_in(client, sessions, guest)
    page = (await client.get(f"/documents/{document.id}")).text
    assert "data-trashed" in page
    assert "/restore" not in page


async def test_each_change_is_announced_after_its_commit(
    app: Starlette, client: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace]
) -> None:
    user, workspace = team
    async with app.state.events.subscribe(workspace.id) as stream:
        path = (await post(client, "/documents")).headers["location"]
        document_id = UUID(path.rpartition("/")[2])
        for action in ("rename", "trash", "restore"):
            await post(client, f"{path}/{action}", title="Title")
        heard: list[dict[str, str]] = []
        while len(heard) < 4:
            event = await anext(stream)
            if event.data["change"] != "updated":
                heard.append(event.data)
                async with sessions() as db:
                    assert await db.get(Document, document_id) is not None
    assert [each["change"] for each in heard] == ["created", "renamed", "trashed", "restored"]
    assert {each["by"] for each in heard} == {str(user.id)}


async def test_a_guest_reads_and_is_offered_nothing_else(
    client: httpx.AsyncClient, sessions: Sessions, team: tuple[User, Workspace], document: Document
) -> None:
    async with transaction(sessions) as db:
        guest = await make_member(db, team[1], role=Role.GUEST)
        await name_on(db, document, guest)
    await sign_in(client, sessions, guest)
    page = (await client.get(f"/documents/{document.id}")).text
    assert 'data-rights="readonly"' in page
    assert "/invitations" not in page
    assert "New document" not in (await client.get("/documents")).text
    for path in ("/documents", f"/documents/{document.id}/trash", f"/documents/{document.id}/invitations"):
        assert (await post(client, path)).status_code == 403
    assert (await post(client, f"/documents/{document.id}/rename", title="x")).status_code == 403


async def test_strangers_and_nobody_learn_nothing(
    client: httpx.AsyncClient, sessions: Sessions, document: Document
) -> None:
    stranger, _ = await make_team(sessions, name="Eve")
    await sign_in(client, sessions, stranger)
    assert (await client.get(f"/documents/{document.id}")).status_code == 404
    assert (await client.get(f"/documents/{uuid4()}")).status_code == 404
    assert (await post(client, f"/documents/{document.id}/trash")).status_code == 404
    client.cookies.clear()
    answer = await client.get(f"/documents/{document.id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next=/documents/{document.id}")


async def test_an_invitation_leads_to_the_document(client: httpx.AsyncClient, document: Document) -> None:
    answer = await post(client, f"/documents/{document.id}/invitations", part=True)
    assert answer.status_code == 200
    link = re.search(r'value="(http[^"]+/join/[^"]+)"', answer.text)
    assert link
    joined = await client.get(link[1])
    assert joined.headers["location"] == f"/documents/{document.id}"


@pytest.mark.parametrize("query", ["view=nonsense", "q=" + "x" * 500, "q=%00", "view=trash&q=%25"])
async def test_odd_questions_get_a_list(client: httpx.AsyncClient, document: Document, query: str) -> None:
    assert (await client.get(f"/documents?{query}")).status_code == 200


async def test_a_search_by_htmx_gets_the_list_alone(client: httpx.AsyncClient, document: Document) -> None:
    found = await client.get("/documents?q=plan", headers={"HX-Request": "true"})
    assert "Plan &lt;1&gt;" in found.text
    assert "<html" not in found.text
    missed = await client.get("/documents?q=nothing", headers={"HX-Request": "true"})
    assert "No document matches" in missed.text


def rows_of(page: httpx.Response) -> list[str]:
    return re.findall(r'data-document="([^"]+)"', page.text)


def way(page: httpx.Response, pattern: str) -> str:
    found = re.search(pattern, page.text)
    assert found, pattern
    return html.unescape(found[1])


OLDER = r'href="([^"]+)"[^>]* id="older"'
MORE = r'id="older" hx-get="([^"]+)"'
NEWEST = r'<a class="button" href="([^"]+)" data-kind="default"><svg.*?<span>Newest'


async def test_a_list_in_a_tab_that_another_tab_left_loads_anew(
    client: httpx.AsyncClient, team: tuple[User, Workspace], document: Document
) -> None:
    htmx = {"HX-Request": "true"}
    same = await client.get(f"/documents?workspace={team[1].id}", headers=htmx)
    assert rows_of(same) == [str(document.id)]
    for shown in (uuid4(), "nonsense"):
        answer = await client.get(f"/documents?workspace={shown}", headers=htmx)
        assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


@pytest.fixture
async def seven(team: tuple[User, Workspace], sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of seven documents, the newest first, in a list that shows two a page and up to six."""
    monkeypatch.setattr(routes, "ROWS_PER_PAGE", 2)
    monkeypatch.setattr(routes, "MAX_PAGES", 3)
    made: list[str] = []
    for number in range(7):
        async with transaction(sessions) as db:
            document = await lifecycle.create(db, actor(*team, Role.ADMIN), title=f"Note {number}, A & B")
            made.insert(0, str(document.id))
    return made


@pytest.mark.parametrize("query", ["", "?q=note+%26"])
async def test_without_script_older_documents_follow_on_pages_of_their_own(
    client: httpx.AsyncClient, seven: list[str], query: str
) -> None:
    page = await client.get(f"/documents{query}")
    seen = rows_of(page)
    while 'id="older"' in page.text:
        page = await client.get(way(page, OLDER))
        assert len(rows_of(page)) <= 2
        seen += rows_of(page)
    assert seen == seven
    assert way(page, NEWEST) == f"/documents{query}"


@pytest.mark.parametrize("query", ["", "?q=note+%26"])
async def test_htmx_shows_more_under_what_is_there_and_then_another_page(
    client: httpx.AsyncClient, seven: list[str], query: str
) -> None:
    htmx = {"HX-Request": "true"}
    page = await client.get(f"/documents{query}")
    for rows in (4, 6):
        page = await client.get(way(page, MORE), headers=htmx)
        assert rows_of(page) == seven[:rows]
    # What is refreshed live, and what a row's form brings back, is as long as what is shown.
    again = await client.get(way(page, r'<section class="documents"[^>]* hx-get="([^"]+)"'), headers=htmx)
    assert rows_of(again) == seven[:6]
    assert '<input type="hidden" name="pages" value="3">' in again.text
    assert "hx-get" not in way(again, r'(<a class="button"[^>]* id="older"[^>]*>)')
    assert rows_of(await client.get(way(again, OLDER))) == seven[6:]


async def test_a_form_is_answered_with_the_part_of_the_list_it_stands_in(
    client: httpx.AsyncClient, seven: list[str]
) -> None:
    page = await client.get(way(await client.get("/documents"), OLDER))
    assert rows_of(page) == seven[2:4]
    after = way(page, r'name="after" value="([^"]+)"')
    answer = await post(client, f"/documents/{seven[2]}/trash", part=True, view="all", q="", after=after)
    assert rows_of(answer) == seven[3:5]
    answer = await post(client, f"/documents/{seven[3]}/trash", view="all", q="", after=after, pages="2")
    assert rows_of(await client.get(answer.headers["location"])) == seven[4:]


async def test_where_nothing_is_older_the_list_begins_again(
    client: httpx.AsyncClient, team: tuple[User, Workspace], seven: list[str], sessions: Sessions
) -> None:
    page = await client.get("/documents")
    for _ in range(3):
        page = await client.get(way(page, OLDER))
    after = way(page, r'name="after" value="([^"]+)"')
    answer = await post(client, f"/documents/{seven[6]}/trash", part=True, after=after)
    assert rows_of(answer) == seven[:2]


@pytest.mark.parametrize(
    "query",
    ["after=nonsense", "after=" + "x" * 5000, "after=%00", "pages=0", "pages=-1", "pages=x", "pages=" + "9" * 5000],
)
async def test_an_address_that_is_not_ours_shows_the_list_from_its_start(
    client: httpx.AsyncClient, seven: list[str], query: str
) -> None:
    page = await client.get(f"/documents?{query}")
    assert page.status_code == 200
    assert rows_of(page) == seven[:2]

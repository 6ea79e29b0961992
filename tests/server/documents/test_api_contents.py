"""Content over the API: read in four forms, replaced under the hands of those who have it open."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
from pycrdt import Array, Doc, Map, XmlElement, XmlText
from starlette.applications import Starlette

from realtime import close, wire
from realtime.ports import DocumentId
from server.db import Sessions
from server.documents import lifecycle, ydoc
from server.documents.api import turns
from server.documents.content import MAX_SOURCE_BYTES
from server.documents.models import Document, DocumentRole, Reach, utc_now
from server.errors import Conflict, Forbidden
from server.workspaces.models import Workspace
from tests.factories import make_member, make_team, name_on
from tests.realtime.documents import peer, sent
from tests.server.documents.programs import Program, program
from tests.server.documents.test_api_documents import WAIT_SECONDS, problem


@pytest.fixture
async def ada(app: Starlette, sessions: Sessions) -> AsyncIterator[Program]:
    user, _ = await make_team(sessions)
    async with program(app, sessions, user) as found:
        yield found


async def test_content_is_read_in_four_forms(ada: Program) -> None:
    path = f"/documents/{await ada.create(content='# Aim' + chr(10) * 2 + 'To *write* & <b>read</b>.')}/content"
    tree = await ada.ask("GET", path)
    assert tree.headers["Content-Type"] == "application/json"
    assert [block["type"] for block in tree.json()["content"]] == ["heading", "paragraph"]
    assert all(block["attrs"]["id"] for block in tree.json()["content"])
    html = await ada.ask("GET", f"{path}?format=html")
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<em>write</em> &amp; <strong>read</strong>" in html.text
    assert "sandbox" in html.headers["Content-Security-Policy"]
    assert (await ada.ask("GET", f"{path}?format=markdown")).text == "# Aim\n\nTo *write* & **read**.\n"
    assert (await ada.ask("GET", f"{path}?format=text")).text.strip() == "Aim\n\nTo write & read."


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "text/html"),
        ("text/*;q=0.5, text/markdown", "text/markdown"),
        ("text/plain;q=0.9, text/html;q=0.1, */*;q=0", "text/plain"),
        ("application/json;q=0, */*", "text/html"),
        ("image/png, TEXT/PLAIN;Q=0.3", "text/plain"),
    ],
)
async def test_the_form_follows_what_is_accepted(ada: Program, accept: str, kind: str) -> None:
    document_id = await ada.create(content="Words")
    answer = await ada.ask("GET", f"/documents/{document_id}/content", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition(";")[0] == kind
    assert "Accept" in answer.headers["Vary"]


async def test_nothing_acceptable_is_said_so(ada: Program) -> None:
    path = f"/documents/{await ada.create()}/content"
    for accept in ("image/png", "text/html;q=0", ";;;", "*/*;q=nan"):
        assert "text/markdown" in problem(await ada.ask("GET", path, headers={"Accept": accept}), 406)["detail"]
    assert (await ada.ask("GET", f"{path}?format=html", headers={"Accept": "image/png"})).status_code == 200
    problem(await ada.ask("GET", f"{path}?format=pdf"), 422)


async def test_a_version_has_one_tag_per_form_until_it_changes(ada: Program, app: Starlette) -> None:
    document_id = await ada.create(content="Words")
    path = f"/documents/{document_id}/content"

    async def tag(written_in: str) -> str:
        return str((await ada.ask("GET", f"{path}?format={written_in}")).headers["ETag"])

    first = {written_in: await tag(written_in) for written_in in ("json", "html", "markdown", "text")}
    assert len(set(first.values())) == 4
    for known in (first["html"], f"W/{first['html']}", f'"other", {first["html"]}', "*"):
        same = await ada.ask("GET", f"{path}?format=html", headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", first["html"])
    assert (await ada.ask("GET", path, headers={"If-None-Match": first["html"]})).status_code == 200
    await app.state.live.edit(UUID(document_id), _append_paragraph)
    assert await tag("html") != first["html"]


async def test_a_replacement_touches_only_what_differs(ada: Program) -> None:
    document_id = await ada.create(title="Kept", content="First\n\nSecond\n\nThird")
    path = f"/documents/{document_id}/content"
    before = (await ada.ask("GET", path)).json()["content"]
    replaced = await ada.ask("PUT", path, json={"format": "markdown", "content": "First\n\nChanged\n\nThird"})
    assert replaced.json()["changed"] is True
    after = (await ada.ask("GET", path)).json()["content"]
    assert [block["content"][0]["text"] for block in after] == ["First", "Changed", "Third"]
    assert [after[0]["attrs"]["id"], after[2]["attrs"]["id"]] == [before[0]["attrs"]["id"], before[2]["attrs"]["id"]]
    seen = (await ada.ask("GET", f"/documents/{document_id}")).json()
    assert seen["title"] == "Kept"
    again = await ada.ask("PUT", path, json={"format": "markdown", "content": "First\n\nChanged\n\nThird"})
    assert again.json() == {"changed": False, "etag": replaced.json()["etag"]}
    assert (await ada.ask("GET", f"{path}?format=markdown")).headers["ETag"] == replaced.json()["etag"]
    # Nor does what changes nothing count as a change.
    renamed = await ada.ask("PATCH", f"/documents/{document_id}", json={"title": "Kept"})
    assert renamed.json()["updated_at"] == seen["updated_at"]


async def test_whoever_has_the_document_open_sees_every_change_and_is_sent_out_of_the_trash(
    ada: Program, app: Starlette
) -> None:
    document_id = await ada.create(title="Plan", content="First\n\nLast")
    doc = ydoc.load(await app.state.live.read(UUID(document_id)))
    editor, sent_away = peer(), asyncio.get_running_loop().create_future()
    await app.state.live.hub.join(DocumentId(document_id), editor, send_away=sent_away.set_result)
    path = f"/documents/{document_id}"
    await ada.ask("PUT", f"{path}/content", json={"format": "markdown", "content": "First\n\nNew\n\nLast"})
    await ada.ask("PATCH", path, json={"title": "Better plan"})
    async with asyncio.timeout(WAIT_SECONDS):
        while "New" not in str(ydoc.fragment(doc)) or ydoc.read_title(doc) != "Better plan":
            for frame in sent(editor.outbox):
                message = wire.decode(frame)
                if isinstance(message, wire.Update):
                    doc.apply_update(message.update)
            await asyncio.sleep(0)
        await ada.ask("DELETE", path)
        assert await sent_away == close.TRASHED


async def test_what_is_being_typed_is_read(ada: Program, app: Starlette) -> None:
    document_id = await ada.create(title="Plan", content="First")
    await app.state.live.hub.join(DocumentId(document_id), peer(), send_away=lambda _: None)
    await app.state.live.edit(UUID(document_id), _append_paragraph)
    assert await ada.content(document_id) == "First\n\nTyped\n"


async def test_a_replacement_from_html_brings_no_script(ada: Program) -> None:
    document_id = await ada.create()
    source = '<h2>Aim</h2><script>alert(1)</script><p onclick="x()">To <a href="javascript:alert(1)">write</a></p>'
    path = f"/documents/{document_id}/content"
    assert (await ada.ask("PUT", path, json={"format": "html", "content": source})).status_code == 200
    assert await ada.content(document_id) == "## Aim\n\nTo write\n"
    html = await ada.content(document_id, "html")
    assert "script" not in html
    assert "onclick" not in html


async def test_if_match_lets_only_the_known_version_be_replaced(ada: Program) -> None:
    document_id = await ada.create(content="One")
    path = f"/documents/{document_id}/content"

    async def put(text: str, match: str) -> int:
        body = {"format": "markdown", "content": text}
        answer = await ada.ask("PUT", path, json=body, headers={"If-Match": match})
        if answer.is_error:
            problem(answer, 412)
        return answer.status_code

    first = (await ada.ask("GET", f"{path}?format=text")).headers["ETag"]
    assert await put("Two", f'"wrong", {first}') == 200
    assert await put("Three", first) == 412
    for never in (f"W/{first}", '"wrong"', '"-markdown"', '""', "", "nonsense", "W/*"):
        assert await put("Three", never) == 412
    assert await ada.content(document_id) == "Two\n"
    assert await put("Three", "*") == 200
    assert await ada.content(document_id) == "Three\n"


async def test_of_replacements_that_race_for_one_version_what_is_refused_changes_nothing(ada: Program) -> None:
    document_id = await ada.create(content="Start")
    path = f"/documents/{document_id}/content"
    tag = (await ada.ask("GET", path)).headers["ETag"]

    async def put(text: str) -> tuple[str, int]:
        body = {"format": "markdown", "content": f"Start\n\n{text}"}
        answer = await ada.ask("PUT", path, json=body, headers={"If-Match": tag})
        return text, answer.status_code

    outcomes = dict(await asyncio.gather(*(put(f"writer{number}") for number in range(4))))
    assert set(outcomes.values()) <= {200, 412}
    text = await ada.content(document_id)
    # Those that began on the same version are merged as two people's typing is; none is lost.
    assert {name for name in outcomes if name in text} == {name for name, status in outcomes.items() if status == 200}


async def test_typing_during_a_replacement_is_kept(
    ada: Program, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await ada.create(content="First\n\nLast")
    loop = asyncio.get_running_loop()
    edit = app.state.live.edit

    async def edit_while_typing(identifier: UUID, change: Callable[[ydoc.YDoc], None], **rest: Any) -> int:
        def change_while_typing(doc: ydoc.YDoc) -> None:
            change(doc)
            asyncio.run_coroutine_threadsafe(edit(identifier, _append_paragraph), loop).result(WAIT_SECONDS)

        return int(await edit(identifier, change_while_typing, **rest))

    monkeypatch.setattr(app.state.live, "edit", edit_while_typing)
    body = {"format": "markdown", "content": "First\n\nNew\n\nLast"}
    assert (await ada.ask("PUT", f"/documents/{document_id}/content", json=body)).status_code == 200
    assert sorted((await ada.content(document_id)).split()) == ["First", "Last", "New", "Typed"]


async def test_what_another_program_put_among_the_blocks_hides_nothing_and_goes_with_a_replacement(
    ada: Program, app: Starlette
) -> None:
    document_id = await ada.create(content="First\n\nLast")
    path = f"/documents/{document_id}/content"

    def intrude(doc: "Doc[Any]") -> None:
        with doc.transaction():
            callout = XmlElement("callout", {}, [XmlElement("paragraph", {}, [XmlText("Called out")])])
            ydoc.fragment(doc).children.insert(1, callout)
            doc.get(ydoc.FRAGMENT, type=Array).insert(1, Map({"a": 1}))
            doc.get(ydoc.FRAGMENT, type=Array).insert(0, 7)

    await app.state.live.edit(UUID(document_id), intrude)
    assert await ada.content(document_id) == "First\n\nCalled out\n\nLast\n"
    assert await ada.content(document_id, "text") == "First\n\nCalled out\n\nLast"
    tree = (await ada.ask("GET", path)).json()["content"]
    assert tree[1] == {"type": "foreignBlock", "attrs": {"text": "Called out"}}
    body = {"format": "markdown", "content": "First\n\nCalled out\n\nLast and least"}
    assert (await ada.ask("PUT", path, json=body)).json()["changed"] is True
    after = (await ada.ask("GET", path)).json()["content"]
    assert [block["attrs"].get("id") for block in after] == [block["attrs"].get("id") for block in tree]
    doc = ydoc.load(await app.state.live.read(UUID(document_id)))
    assert [getattr(child, "tag", None) for child in ydoc.fragment(doc).children] == [
        "paragraph",
        "callout",
        "paragraph",
    ]
    assert len(ydoc.fragment(doc).children) == 3


@pytest.mark.parametrize("written_in", ["markdown", "html"])
async def test_control_characters_do_not_get_in(ada: Program, written_in: str) -> None:
    document_id = await ada.create()
    body = {"format": written_in, "content": "a\0b\x07c\ufffe"}
    answer = await ada.ask("PUT", f"/documents/{document_id}/content", json=body)
    assert answer.status_code == 200
    assert await ada.content(document_id, "text") in {"abc", "abc\n"}


async def test_half_a_surrogate_pair_is_no_json(ada: Program) -> None:
    document_id = await ada.create(content="Kept")
    headers = {"Content-Type": "application/json"}
    body = b'{"format": "markdown", "content": "\\udc00"}'
    problem(await ada.ask("PUT", f"/documents/{document_id}/content", content=body, headers=headers), 400)
    assert await ada.content(document_id) == "Kept\n"


async def test_text_that_is_too_long_is_refused_and_the_longest_is_taken_however_it_is_escaped(ada: Program) -> None:
    document_id = await ada.create(content="Kept")
    path = f"/documents/{document_id}/content"
    words = "пишем вместе\n\n" * (MAX_SOURCE_BYTES // len("пишем вместе\n\n".encode()))
    too_long = words + "x" * 100
    problem(await ada.ask("PUT", path, json={"format": "markdown", "content": too_long}), 413)
    problem(await ada.ask("POST", "/documents", json={"content": too_long}), 413)
    assert await ada.content(document_id) == "Kept\n"
    escaped = json.dumps({"format": "html", "content": "é" * (MAX_SOURCE_BYTES // 2)})
    headers = {"Content-Type": "application/json"}
    assert (await ada.ask("PUT", path, content=escaped, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("written_in", "source"),
    [("markdown", "> " * 5_000 + "deep"), ("html", "<blockquote>" * 5_000 + "deep")],
)
async def test_deeply_nested_text_is_refused(ada: Program, written_in: str, source: str) -> None:
    document_id = await ada.create(content="Kept")
    path = f"/documents/{document_id}/content"
    problem(await ada.ask("PUT", path, json={"format": written_in, "content": source}), 422)
    assert await ada.content(document_id) == "Kept\n"


async def test_long_texts_take_turns_and_short_ones_go_past_them(
    ada: Program, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await ada.create(content="Kept")
    path = f"/documents/{document_id}/content"
    long = {"format": "markdown", "content": "word " * turns.SHORT_BYTES}
    assert (await ada.ask("PUT", path, json=long)).status_code == 200
    monkeypatch.setattr(turns, "MOST_WAITING_SECONDS", 0.01)
    for _ in range(turns.MOST_AT_ONCE):
        app.state.long_texts.acquire_nowait()
    busy = problem(await ada.ask("POST", "/documents", json={"content": long["content"]}), 503)
    assert "busy" in busy["detail"]
    assert (await ada.ask("PUT", path, json={"format": "markdown", "content": "Short"})).status_code == 200
    assert await ada.content(document_id) == "Short\n"
    app.state.long_texts.release()
    assert (await ada.ask("PUT", path, json=long)).status_code == 200


def _append_paragraph(doc: "Doc[Any]") -> None:
    with doc.transaction():
        blocks = ydoc.fragment(doc)
        paragraph = blocks.children.append(XmlElement("paragraph"))
        paragraph.children.append(XmlText("Typed"))


@pytest.mark.parametrize("becomes", ["viewer", "trashed"])
async def test_an_edit_that_takes_long_does_not_land_after_its_right_ended(
    app: Starlette, sessions: Sessions, ada: Program, becomes: str
) -> None:
    document_id = UUID(await ada.create(content="As it was"))
    async with sessions() as db, db.begin():
        document = await db.get_one(Document, document_id)
        eve = await make_member(db, await db.get_one(Workspace, document.workspace_id))
        await name_on(db, document, eve, DocumentRole.EDITOR)
    working, go_on = threading.Event(), threading.Event()

    def change(doc: ydoc.YDoc) -> None:
        working.set()
        go_on.wait(WAIT_SECONDS)
        ydoc.write_title(doc, "Too late")

    async def edit() -> None:
        async with sessions() as db, db.begin():
            await lifecycle.replace_content(db, app.state.live, eve, document_id, change)

    editing = asyncio.create_task(edit())
    await asyncio.to_thread(working.wait, WAIT_SECONDS)
    async with sessions() as db, db.begin():
        document = await db.get_one(Document, document_id)
        if becomes == "trashed":
            document.trashed_at = utc_now()
        else:
            await name_on(db, document, eve, DocumentRole.VIEWER)
            document.reach, document.reach_role = Reach.PEOPLE.value, None
    go_on.set()

    with pytest.raises(Conflict if becomes == "trashed" else Forbidden):
        await editing
    assert ydoc.read_title(ydoc.load(await app.state.live.read(document_id))) != "Too late"

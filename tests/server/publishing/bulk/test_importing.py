"""Spreadsheets brought in: what the dry run shows is what is planned, once, all of it or nothing."""

import asyncio
import csv
import io
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event, func, select
from starlette.applications import Starlette

from server.db import Sessions, transaction
from server.documents.models import utc_now
from server.publishing.bulk import keeping
from server.publishing.bulk.models import ImportedRow, KeptImport
from server.publishing.models import ChannelAccount, Publication
from server.publishing.states import State
from server.workspaces.models import Role
from tests.factories import csrf_of, sign_in
from tests.server.publishing.planner import Planner, open_planner

HTML = {"Accept": "text/html"}
API = "/api/v1/publications/import"
HEAD = "document,account,time,zone,tags"


@pytest.fixture
async def planner(app: Starlette, sessions: Sessions) -> Planner:
    return await open_planner(app, sessions)


async def _send(program: httpx.AsyncClient, *rows: str, head: str = HEAD, **more: Any) -> dict[str, Any]:
    answer = await program.post(API, json={"csv": "\n".join([head, *rows]), **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _count(planner: Planner) -> int:
    async with planner.sessions() as db:
        return int(await db.scalar(select(func.count()).select_from(Publication)) or 0)


def _fates(answer: dict[str, Any]) -> list[str]:
    return [row["fate"] for row in answer["rows"]]


def _remark(answer: dict[str, Any], place: int = 0) -> tuple[str, str]:
    [remark, *_] = answer["rows"][place]["remarks"]
    return remark["column"], remark["sentence"]


async def test_a_dry_run_plans_nothing_and_then_all_is_planned_as_it_said(planner: Planner) -> None:
    await planner.document("It jumps.", title="The fox")
    await planner.document("It sleeps.", title="The dog")
    await planner.document(title="Unapproved", approve=False)
    rows = [
        'the fox,Our board,2030-06-01T09:00,Europe/Paris,"News, autumn"',
        "The dog,our BOARD,2030-03-31 02:30,Europe/Paris,",
        "Unapproved,Our board,2030-06-01T09:00,,",
        "Nobody's,Our board,2030-06-01T09:00,,",
        "The fox,Elsewhere,2030-06-01T09:00,,",
        "The fox,Our board,01/06/2030,,",
        "The fox,Our board,2030-06-01T09:00,Mars,",
        "The fox,Our board,2001-06-01T09:00,,",
        'the fox,Our board,2030-06-01T09:00,Europe/Paris,"News, autumn"',
    ]
    async with await planner.program() as program:
        shown = await _send(program, *rows)
        assert _fates(shown) == ["planned", "planned", *["refused"] * 7]
        assert (shown["planned"], shown["refused"], shown["dry_run"]) == (2, 7, True)
        assert [row["row"] for row in shown["rows"]] == list(range(2, 11))
        assert _remark(shown, 1)[0] == "time"
        assert "does not exist on that day" in _remark(shown, 1)[1]
        columns = [shown["rows"][place]["remarks"][0]["column"] for place in range(2, 9)]
        assert columns == ["document", "document", "account", "time", "zone", "time", ""]
        assert await _count(planner) == 0
        done = await _send(program, *rows, dry_run=False, as_shown=shown["shown"])
        assert _fates(done) == _fates(shown)
        assert await _count(planner) == 2
        planned = (await program.get(f"/api/v1/publications/{done['rows'][0]['publication_id']}")).json()
    assert (planned["wall_time"], planned["zone"]) == ("2030-06-01T09:00:00", "Europe/Paris")
    assert planned["tags"] == ["News", "autumn"]


async def test_the_same_file_twice_plans_once_also_at_the_same_moment(planner: Planner) -> None:
    await planner.document("It jumps.")
    rows = [f"The fox,Our board,2030-06-0{day}T09:00,UTC," for day in range(1, 5)]
    async with await planner.program() as program:
        # Of several at once one works, and the others are told so, or find that it is done.
        wish = {"csv": "\n".join([HEAD, *rows]), "dry_run": False}
        answers = await asyncio.gather(*(program.post(API, json=wish) for _ in range(5)))
        assert {each.status_code for each in answers} <= {200, 409}
        both = [each.json() for each in answers if each.status_code == 200]
        assert Counter(fate for each in both for fate in _fates(each))["planned"] == 4
        again = await _send(program, *rows, "The fox,Our board,2030-06-05T09:00,UTC,", dry_run=False)
        assert _fates(again) == [*["skipped"] * 4, "planned"]
        assert "planned from this row before" in _remark(again)[1]
        keyed = [f"The fox,Our board,2030-06-01T09:00,{key}" for key in ("a", "b")]
        assert _fates(await _send(program, *keyed, head="document,account,time,key", dry_run=False)) == ["planned"] * 2
        planned = next(row["publication_id"] for each in both for row in each["rows"] if row["fate"] == "planned")
        assert (await program.delete(f"/api/v1/publications/{planned}")).is_success
        assert _remark(await _send(program, *rows))[1].count("cancelled since") == 1
    assert await _count(planner) == 7


async def test_what_is_exported_comes_back_and_moves(
    planner: Planner, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    document = await planner.document("=HYPERLINK(1)", title="-Fox, “all”")
    async with await planner.program() as program:
        more = {"tags": ["News", "x y"], "link": "https://example.org/?a=1,2"}
        planned = await planner.plan(program, document, **more)
        gone = await planner.plan(program, document, time={"wall_time": "2030-06-02T09:00:00", "zone": "UTC"})
        assert (await program.delete(f"/api/v1/publications/{gone['id']}")).is_success
        await sign_in(client, sessions, planner.admin)
        text = (await client.get("/calendar/export?from=2030-06-01&to=2030-06-30")).text
        same = await _send(program, *text.splitlines()[1:], head=text.splitlines()[0])
        assert _fates(same) == ["skipped", "skipped"]
        assert [row["remarks"][0]["sentence"] for row in same["rows"]] == [
            "It is planned so already.",
            "It was cancelled. Without its id, the row is planned anew.",
        ]
        rows = list(csv.DictReader(io.StringIO(text)))
        assert (rows[0]["tags"], rows[0]["link"]) == ("News, x y", "https://example.org/?a=1,2")
        moved = text.replace("2030-06-01T09:00", "2030-06-03T10:15", 1).replace("News, x y", "Other", 1)
        done = await _send(program, *moved.splitlines()[1:], head=moved.splitlines()[0], dry_run=False)
        assert _fates(done) == ["moved", "skipped"]
        assert _remark(done)[0] == "tags"
        after = (await program.get(f"/api/v1/publications/{planned['id']}")).json()
        assert (after["wall_time"], after["tags"], after["version"]) == ("2030-06-03T10:15:00", ["News", "x y"], 1)
        # Elsewhere its id is of nothing there, and the row is planned.
        elsewhere = text.replace(planned["id"], str(uuid4()))
        assert _fates(await _send(program, *elsewhere.splitlines()[1:], head=elsewhere.splitlines()[0])) == [
            "planned",
            "skipped",
        ]


async def _bring(page: httpx.AsyncClient, *rows: str, head: str = HEAD) -> str:
    fields = {"csrf": await csrf_of(page, "/account"), "csv": "\n".join([head, *rows]), "zone": "Europe/Paris"}
    brought = await page.post("/calendar/import", data=fields, headers=HTML)
    assert brought.status_code == 303, brought.text
    return brought.headers["location"]


async def _carry_out(page: httpx.AsyncClient, path: str) -> httpx.Response:
    return await page.post(path, data={"csrf": await csrf_of(page, "/account")}, headers=HTML)


async def test_a_person_looks_and_carries_out_what_they_saw_or_is_told(
    client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    document = await planner.document("It jumps.")
    await sign_in(client, sessions, planner.admin)
    path = await _bring(client, "The fox,Our board,2030-06-01T09:00,,", "The cat,Our board,2030-06-01T09:00,,")
    shown = (await client.get(path, headers=HTML)).text
    assert "Plan 1 publication" in shown
    assert "No document that you see has this title." in shown
    assert "Europe/Paris" in shown
    assert "The cat" not in (await client.get(f"{path}?rows=warned", headers=HTML)).text
    # Another text is approved meanwhile: what was shown would not be what goes out.
    planner.edit(document, "It leaps.")
    told = await _carry_out(client, path)
    assert told.status_code == 409
    assert "Something changed since you looked" in told.text
    assert "1 row is" in told.text
    assert await _count(planner) == 0
    done = await _carry_out(client, path)
    assert done.status_code == 303
    assert "1 publication is planned" in (await client.get(path, headers=HTML)).text
    # Pressed once more, it stays done.
    assert (await _carry_out(client, path)).status_code == 303
    assert await _count(planner) == 1


async def test_all_or_nothing(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    await planner.document("It jumps.")

    async def fails(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(keeping, "settle", fails)
    async with await planner.program() as program:
        rows = [f"The fox,Our board,2030-06-0{day}T09:00,," for day in range(1, 5)]
        refused = await program.post(API, json={"csv": "\n".join([HEAD, *rows]), "dry_run": False})
        assert refused.status_code == 503
    assert await _count(planner) == 0
    async with planner.sessions() as db:
        assert await db.scalar(select(func.count()).select_from(ImportedRow)) == 0


async def test_a_file_is_brought_as_it_is_and_faults_are_said(
    client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    await planner.document("It jumps.", title="Füchse")
    await sign_in(client, sessions, planner.admin)
    headers = {**HTML, "X-CSRF-Token": await csrf_of(client, "/account"), "Content-Type": "text/csv"}
    body = "\ufeffdocument;account;date;time\r\nFüchse;Our board;2030-06-01;09:00\r\n"
    brought = await client.post("/calendar/import?zone=UTC&name=Plan.csv", content=body.encode(), headers=headers)
    assert brought.status_code == 303
    assert "Plan.csv" in (await client.get(brought.headers["location"], headers=HTML)).text
    for content, zone, words in (
        (body.encode("latin-1", "replace")[:40] + b"\xfc", "UTC", "not in UTF-8"),
        (b"x" * (1024 * 1024 + 1), "UTC", "1 MB"),
        (body.encode(), "Mars", "time zone"),
        (b"", "UTC", "empty"),
    ):
        refused = await client.post(f"/calendar/import?zone={zone}", content=content, headers=headers)
        assert refused.status_code == 422, words
        assert words in refused.text
    template = await client.get("/calendar/import/template")
    assert template.content.startswith(b"\xef\xbb\xbfdocument,account,date,time")


async def test_an_import_is_for_whoever_brought_it_and_for_an_hour(
    client: httpx.AsyncClient, sessions: Sessions, planner: Planner
) -> None:
    await planner.document("It jumps.")
    await sign_in(client, sessions, planner.admin)
    path = await _bring(client, "The fox,Our board,2030-06-01T09:00,,")
    client.cookies.clear()
    await sign_in(client, sessions, await planner.member(Role.SCHEDULER))
    assert (await client.get(path, headers=HTML)).status_code == 404
    assert (await _carry_out(client, path)).status_code == 404
    client.cookies.clear()
    await sign_in(client, sessions, planner.admin)
    async with transaction(sessions) as db:
        kept = await db.get_one(KeptImport, UUID(path.rsplit("/", 1)[1]))
        kept.expires_at = utc_now()
    assert (await client.get(path, headers=HTML)).status_code == 404
    async with transaction(sessions) as db:
        assert await keeping.forget_expired(db) == 1


async def test_what_goes_out_there_already_is_remarked_and_planned_all_the_same(planner: Planner) -> None:
    document = await planner.document("It jumps.")
    row = "The fox,Our board,2030-06-05T09:00,UTC,"
    async with await planner.program() as program:
        assert (await _send(program, row))["rows"][0]["remarks"] == []
        planned = await planner.plan(program, document)
        shown = await _send(program, row)
        assert (_fates(shown), _remark(shown)[1]) == (
            ["planned"],
            "This document goes out there already, on 2030-06-01 at 09:00 (Europe/Paris).",
        )
        assert (await program.delete(f"/api/v1/publications/{planned['id']}")).is_success
        assert (await _send(program, row))["rows"][0]["remarks"] == []


async def test_two_accounts_or_documents_of_one_name_are_not_guessed(planner: Planner) -> None:
    first = await planner.document("It jumps.")
    await planner.document("It jumps again.")
    async with transaction(planner.sessions) as db:
        db.add(ChannelAccount(workspace_id=planner.workspace.id, channel="gone", name="Our board", secrets=b""))
    async with await planner.program() as program:
        head = "document,document_id,account,channel,time"
        shown = await _send(
            program,
            "The fox,,Our board,board,2030-06-01T09:00",
            f"The fox,{first},Our board,,2030-06-01T09:00",
            f",{first},Our board,Board,2030-06-01T09:00",
            f",{uuid4()},Our board,board,2030-06-02T09:00",
            head=head,
        )
    assert _fates(shown) == ["refused", "refused", "planned", "refused"]
    assert [shown["rows"][place]["remarks"][0]["column"] for place in (0, 1, 3)] == [
        "document",
        "account",
        "document_id",
    ]


async def test_what_rows_name_is_read_with_few_questions_however_many_rows(planner: Planner, app: Starlette) -> None:
    del app
    for number in range(12):
        await planner.document("It jumps.", title=f"Fox {number}", approve=False)
    asked: list[str] = []

    def note(*parts: Any) -> None:
        asked.append(str(parts[2]))

    counts = []
    async with await planner.program() as program:
        for rows in (1, 12):
            file = [f"Fox {number},Our board,2030-06-01T09:00,," for number in range(rows)]
            engine = planner.sessions.kw["bind"].sync_engine
            event.listen(engine, "before_cursor_execute", note)
            asked.clear()
            await _send(program, *file)
            event.remove(engine, "before_cursor_execute", note)
            # Each document is asked for once, whether it is approved; all else is asked for all rows together.
            counts.append(sum("FROM documents" in each and "documents.id = " not in each for each in asked))
    assert counts[0] == counts[1]


async def test_others_than_publishers_import_nothing(planner: Planner) -> None:
    for role in (Role.MEMBER, Role.GUEST):
        async with await planner.program(await planner.member(role)) as program:
            assert (await program.post(API, json={"csv": f"{HEAD}\nx,y,z,,"})).status_code == 403


async def test_a_file_of_what_is_out_plans_nothing(planner: Planner) -> None:
    await planner.document("It jumps.")
    async with await planner.program() as program:
        head = "document,account,time,state"
        shown = await _send(
            program,
            "The fox,Our board,2030-06-01T09:00,published",
            "The fox,Our board,2030-06-02T09:00,soon",
            "The fox,Our board,2030-06-03T09:00,Scheduled",
            head=head,
        )
        done = await _send(program, "The fox,Our board,2030-06-03T09:00", head="document,account,time", dry_run=False)
        async with transaction(planner.sessions) as db:
            row = await db.get_one(Publication, UUID(done["rows"][0]["publication_id"]))
            row.state = State.PUBLISHED.value
        moved = await _send(
            program,
            f"{done['rows'][0]['publication_id']},The fox,Our board,2030-07-03T09:00",
            head="id,document,account,time",
        )
    assert _fates(shown) == ["skipped", "refused", "planned"]
    assert (_fates(moved), _remark(moved)) == (["skipped"], ("id", "It is out already, or on its way."))

"""Documents over the API: what each operation does, and what it refuses."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col
from starlette.applications import Starlette

from server.accounts import tokens
from server.accounts.models import ApiToken, User, utc_now
from server.db import Sessions
from server.documents.api.shapes import MAX_CONTENT_BODY_BYTES
from server.documents.models import Document
from server.web import csrf
from server.web.operations import MAX_BODY_BYTES
from server.workspaces.models import Role, Workspace
from tests.factories import make_member, make_team, name_on, sign_in
from tests.server.documents.programs import Program, program, visitor

WAIT_SECONDS = 10


@pytest.fixture
async def team(sessions: Sessions) -> tuple[User, Workspace]:
    return await make_team(sessions)


@pytest.fixture
async def ada(app: Starlette, sessions: Sessions, team: tuple[User, Workspace]) -> AsyncIterator[Program]:
    async with program(app, sessions, team[0]) as found:
        yield found


@pytest.fixture
async def stranger(app: Starlette, sessions: Sessions) -> AsyncIterator[Program]:
    """A person in another workspace."""
    user, _ = await make_team(sessions, name="Mallory")
    async with program(app, sessions, user) as found:
        yield found


@pytest.fixture
async def guest(app: Starlette, sessions: Sessions, team: tuple[User, Workspace]) -> AsyncIterator[Program]:
    async with sessions() as db:
        user = await make_member(db, team[1], role=Role.GUEST, name="Gus")
        await db.commit()
    async with program(app, sessions, user) as found:
        yield found


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    return found


def fields(answer: httpx.Response) -> set[str]:
    return {each["field"] for each in problem(answer, 422)["errors"]}


async def test_a_token_says_whose_it_is(ada: Program, team: tuple[User, Workspace]) -> None:
    found = (await ada.ask("GET", "/me")).json()
    assert (found["id"], found["name"]) == (str(team[0].id), "Ada Lovelace")
    assert found["workspace"] == {"id": str(team[1].id), "name": team[1].name, "role": "admin"}
    assert found["workspaces"] == [found["workspace"]]


async def test_a_document_goes_its_way(ada: Program) -> None:
    made = await ada.ask("POST", "/documents", json={"title": "Plan", "content": "# Aim\n\nTo write."})
    assert made.status_code == 201
    path = made.headers["Location"].removeprefix("/api/v1")
    found = (await ada.ask("GET", path)).json()
    assert found == made.json()
    assert (found["title"], found["excerpt"]) == ("Plan", "Aim To write.")
    assert found["created_by"] == found["updated_by"] == {"id": str(ada.user.id), "name": "Ada Lovelace"}
    assert found["url"] == f"http://quillroom.test/documents/{found['id']}"

    renamed = await ada.ask("PATCH", path, json={"title": "Better plan"})
    assert renamed.json()["title"] == "Better plan"
    assert renamed.json()["updated_at"] > found["updated_at"]

    for _ in range(2):
        assert (await ada.ask("DELETE", path)).status_code == 204
    assert (await ada.ask("GET", path)).json()["trashed_at"] is not None
    assert (await ada.ask("GET", "/documents")).json()["documents"] == []
    assert [each["id"] for each in (await ada.ask("GET", "/documents?view=trash")).json()["documents"]] == [found["id"]]
    problem(await ada.ask("PATCH", path, json={"title": "x"}), 409)
    problem(await ada.ask("PUT", f"{path}/content", json={"format": "markdown", "content": "x"}), 409)

    for _ in range(2):
        assert (await ada.ask("POST", f"{path}/restore")).json()["trashed_at"] is None
    assert (await ada.ask("GET", "/documents")).json()["documents"][0]["title"] == "Better plan"


async def test_a_list_is_paged_without_gaps_or_repeats(ada: Program) -> None:
    ids = [await ada.create(title=f"Document {number}") for number in range(7)]
    seen: list[str] = []
    parameters: dict[str, str] = {"limit": "3"}
    sizes = []
    while True:
        page = (await ada.ask("GET", "/documents", params=parameters)).json()
        seen += [each["id"] for each in page["documents"]]
        sizes.append(len(page["documents"]))
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == ids[::-1]
    assert sizes == [3, 3, 1]


async def test_a_list_is_searched(ada: Program) -> None:
    await ada.create(title="Ink and paper")
    await ada.create(title="Quills", content="Feathers, 100% goose")

    async def titles(q: str) -> list[str]:
        page = (await ada.ask("GET", "/documents", params={"q": q})).json()
        return [each["title"] for each in page["documents"]]

    assert await titles("PAPER ink") == ["Ink and paper"]
    assert await titles("100%") == ["Quills"]
    assert await titles("1%0") == []
    assert await titles("\0goose") == ["Quills"]


async def test_changes_are_announced_to_open_lists(ada: Program, app: Starlette, team: tuple[User, Workspace]) -> None:
    async with app.state.events.subscribe(team[1].id) as stream:
        document_id = await ada.create(title="Plan")
        await ada.ask("PATCH", f"/documents/{document_id}", json={"title": "Other"})
        await ada.ask("DELETE", f"/documents/{document_id}")
        await ada.ask("POST", f"/documents/{document_id}/restore")
        changes: list[str] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while len(changes) < 4:
                event = await anext(stream)
                # The projection of a quiet room adds `updated` when it likes.
                if event.data["change"] != "updated":
                    assert event.data["document_id"] == document_id
                    assert event.data["by"] == str(ada.user.id)
                    changes.append(event.data["change"])
    assert changes == ["created", "renamed", "trashed", "restored"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("POST", "/restore", None),
        ("GET", "/content", None),
        ("PUT", "/content", {"format": "markdown", "content": "Mine"}),
    ],
)
async def test_another_workspaces_document_is_as_if_there_were_none(
    ada: Program, stranger: Program, method: str, path: str, body: dict[str, str] | None
) -> None:
    document_id = await ada.create(title="Secret", content="Secret words")
    hidden = await stranger.ask(method, f"/documents/{document_id}{path}", json=body)
    missing = await stranger.ask(method, f"/documents/{uuid4()}{path}", json=body)
    assert problem(hidden, 404) == problem(missing, 404)
    assert "Secret" not in (await stranger.ask("GET", "/documents")).text
    assert await ada.content(document_id) == "Secret words\n"
    assert (await ada.ask("GET", f"/documents/{document_id}")).json()["title"] == "Secret"


async def test_a_guest_who_is_named_reads_and_changes_nothing(ada: Program, guest: Program, sessions: Sessions) -> None:
    document_id = await ada.create(title="Plan", content="Words")
    path = f"/documents/{document_id}"
    problem(await guest.ask("GET", path), 404)
    assert (await guest.ask("GET", "/documents")).json()["documents"] == []
    async with sessions.begin() as db:
        gus = (await db.scalars(select(User).where(col(User.name) == "Gus"))).one()
        await name_on(db, await db.get_one(Document, UUID(document_id)), gus)
    assert (await guest.ask("GET", path)).json()["title"] == "Plan"
    assert await guest.content(document_id) == "Words\n"
    problem(await guest.ask("POST", "/documents", json={}), 403)
    problem(await guest.ask("PATCH", path, json={"title": "x"}), 403)
    problem(await guest.ask("DELETE", path), 403)
    problem(await guest.ask("POST", f"{path}/restore"), 403)
    problem(await guest.ask("PUT", f"{path}/content", json={"format": "markdown", "content": "x"}), 403)
    assert await ada.content(document_id) == "Words\n"


async def test_no_token_and_wrong_tokens_are_nobody(app: Starlette) -> None:
    asked = [("GET", "/me"), ("GET", "/documents"), ("POST", "/documents"), ("DELETE", f"/documents/{uuid4()}")]
    for authorization in (None, "Bearer ", "Bearer qr_wrong", "Bearer \x01", f"Bearer qr_{'x' * 5000}", "Basic cXI6"):
        headers = {"Authorization": authorization} if authorization is not None else {}
        async with visitor(app, **headers) as client:
            for method, path in asked:
                refused = await client.request(method, f"/api/v1{path}")
                problem(refused, 401)
                assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"revoked_at": utc_now()},
        {"expires_at": utc_now() - timedelta(seconds=1)},
    ],
)
async def test_a_revoked_or_expired_token_is_nobody(ada: Program, sessions: Sessions, spoilt: dict[str, Any]) -> None:
    assert (await ada.ask("GET", "/me")).status_code == 200
    async with sessions() as db:
        await db.execute(update(ApiToken).where(col(ApiToken.user_id) == ada.user.id).values(**spoilt))
        await db.commit()
    problem(await ada.ask("GET", "/me"), 401)
    problem(await ada.ask("POST", "/documents", json={}), 401)


async def test_the_token_of_a_disabled_person_is_nobodys(ada: Program, sessions: Sessions) -> None:
    async with sessions() as db:
        await db.execute(update(User).where(col(User.id) == ada.user.id).values(disabled_at=utc_now()))
        await db.commit()
    problem(await ada.ask("GET", "/me"), 401)


async def test_a_session_reads_freely_and_changes_only_with_a_csrf_token(
    app: Starlette, sessions: Sessions, team: tuple[User, Workspace]
) -> None:
    async with visitor(app) as client:
        secret = await sign_in(client, sessions, team[0])
        assert (await client.get("/api/v1/me")).json()["id"] == str(team[0].id)
        problem(await client.post("/api/v1/documents", json={"title": "x"}), 403)
        problem(await client.post("/api/v1/documents", json={"title": "x"}, headers={csrf.HEADER: "wrong"}), 403)
        token = {csrf.HEADER: csrf.issue(secret)}
        foreign = {**token, "Origin": "https://evil.example"}
        problem(await client.post("/api/v1/documents", json={"title": "x"}, headers=foreign), 403)
        assert (await client.get("/api/v1/documents")).json()["documents"] == []
        assert (await client.post("/api/v1/documents", json={"title": "x"}, headers=token)).status_code == 201


async def test_a_wrong_token_is_not_saved_by_a_session(
    app: Starlette, sessions: Sessions, team: tuple[User, Workspace]
) -> None:
    async with visitor(app, Authorization="Bearer qr_wrong") as client:
        await sign_in(client, sessions, team[0])
        problem(await client.post("/api/v1/documents", json={"title": "x"}), 401)


async def test_unknown_addresses_and_methods_are_problems_too(ada: Program) -> None:
    for path in ("/nothing", "/documents/not-an-id", f"/documents/{uuid4()}/nothing", ""):
        problem(await ada.ask("GET", path), 404)
    refused = await ada.ask("PUT", f"/documents/{uuid4()}", json={})
    problem(refused, 405)
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "PATCH", "DELETE"}
    assert set((await ada.ask("PATCH", "/documents")).headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_fields_are_checked_each(ada: Program) -> None:
    async def refused(body: object) -> set[str]:
        return fields(await ada.ask("POST", "/documents", json=body))

    assert await refused({"titel": "x", "owner": 1}) == {"titel", "owner"}
    assert await refused({"title": "x" * 301, "format": "docx"}) == {"title", "format"}
    assert await refused({"title": 5, "content": None}) == {"title", "content"}
    document_id = await ada.create()
    path = f"/documents/{document_id}"
    assert fields(await ada.ask("PATCH", path, json={})) == {"title"}
    assert fields(await ada.ask("PUT", f"{path}/content", json={"content": "x", "format": "text"})) == {"format"}
    for body in ("[]", '"x"', "null", "5"):
        refusal = await ada.ask("PATCH", path, content=body, headers={"Content-Type": "application/json"})
        assert "object" in problem(refusal, 422)["detail"]
    many = problem(await ada.ask("PATCH", path, json={f"k{number}": 1 for number in range(1000)}), 422)
    assert "errors" not in many


async def test_a_title_becomes_one_clean_line(ada: Program) -> None:
    document_id = await ada.create(title=" Two\n\tlines\0 and \u202eturned ")
    assert (await ada.ask("GET", f"/documents/{document_id}")).json()["title"] == "Two lines and turned"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"title": "\\ud800"}',
        '{"title": "\ud800"}'.encode("utf-8", "surrogatepass"),
        b'{"title": "\xff"}',
        b'{"title": NaN, }',
        b"[" * 60_000,
        b'{"title": ' * 5_000,
        b'{"title": ' + b"1" * 50_000 + b"}",
        '{"title": "x"}'.encode("utf-16"),
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_no_json_is_refused(ada: Program, body: bytes) -> None:
    document_id = await ada.create(title="Kept")
    headers = {"Content-Type": "application/json"}
    for method, path in (("PATCH", f"/documents/{document_id}"), ("POST", "/documents")):
        problem(await ada.ask(method, path, content=body, headers=headers), 400)
    page = (await ada.ask("GET", "/documents")).json()
    assert [each["title"] for each in page["documents"]] == ["Kept"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_other_kinds_of_bodies_are_refused(ada: Program, headers: dict[str, str]) -> None:
    problem(await ada.ask("POST", "/documents", content=b"{}", headers=headers), 415)


async def test_a_body_that_is_too_long_is_not_read_to_its_end(ada: Program) -> None:
    document_id = await ada.create(title="Kept")
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(10_000):
            read += 65_536
            yield b" " * 65_536

    headers = {"Content-Type": "application/json"}
    for method, path, limit in (
        ("PATCH", f"/documents/{document_id}", MAX_BODY_BYTES),
        ("POST", "/documents", MAX_CONTENT_BODY_BYTES),
    ):
        read = 0
        problem(await ada.ask(method, path, content=endless(), headers=headers), 413)
        assert read <= limit + 65_536
        problem(await ada.ask(method, path, content=json.dumps({"title": "x" * limit}), headers=headers), 413)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=many",
        "limit=1&limit=2",
        "view=mine",
        "page=2",
        f"q={'x' * 201}",
        f"cursor={'x' * 301}",
        "cursor=wrong",
        "cursor=%00",
        "cursor=W10=",
        "cursor=WyIyMDI2LTAxLTAxIiwgIngiXQ==",
        # ["0001-01-01T00:00:00+23:59", "<a uuid>"]: a time that is none in UTC.
        "cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5IiwgIjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMCJd",
    ],
)
async def test_a_wrong_parameter_is_refused(ada: Program, query: str) -> None:
    problem(await ada.ask("GET", f"/documents?{query}"), 422)


async def test_two_tokens_of_one_person_are_two(ada: Program, app: Starlette, sessions: Sessions) -> None:
    async with program(app, sessions, ada.user) as other:
        async with sessions() as db:
            newest = (await tokens.list_for(db, ada.user.id))[0]
            await tokens.revoke(db, ada.user.id, newest.id)
            await db.commit()
        problem(await other.ask("GET", "/me"), 401)
        assert (await ada.ask("GET", "/me")).status_code == 200

"""The stream of events, spoken to directly as ASGI: the test client would wait for an end that never comes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
from sqlalchemy import Engine, delete, event
from starlette.applications import Starlette
from starlette.types import Message

from server.accounts import sessions as browsers
from server.accounts.models import User
from server.db import Sessions
from server.documents import lifecycle
from server.documents.models import DocumentRole
from server.errors import TooMany
from server.events import Event, Events
from server.workspaces import stream
from server.workspaces.models import Member, Role, Workspace
from server.workspaces.stream import EventStream, encode
from tests.factories import actor, make_member, make_team, name_on, sign_in

SOON_SECONDS = 10


@dataclass
class Page:
    """An open page: what it was sent, and a way to close it."""

    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    ended: bool = False
    left: anyio.Event = field(default_factory=anyio.Event)
    _news: anyio.Event = field(default_factory=anyio.Event)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message["body"].decode()
            self.ended = not message["more_body"]
        self._news.set()
        self._news = anyio.Event()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def until(self, part: str) -> None:
        with anyio.fail_after(SOON_SECONDS):
            while part not in self.text:
                await self._news.wait()


@dataclass
class Team:
    user: User
    workspace: Workspace
    session_id: UUID | None


@pytest.fixture
async def team(sessions: Sessions) -> Team:
    user, workspace = await make_team(sessions)
    async with sessions() as db:
        secret = await browsers.start(db, user, lasts=timedelta(days=1))
        await db.commit()
        found = await browsers.find(db, secret)
    assert found is not None
    return Team(user, workspace, found[0].id)


@asynccontextmanager
async def opened(
    app: Starlette, sessions: Sessions, team: Team, *, beat_seconds: float = 60
) -> AsyncIterator[tuple[Page, anyio.Event]]:
    """Open a page on the team's stream; the event tells that the server has let go of it."""
    page, over = Page(), anyio.Event()

    async def run() -> None:
        answer = EventStream(
            app.state.events,
            sessions,
            workspace_id=team.workspace.id,
            user_id=team.user.id,
            session_id=team.session_id,
            beat_seconds=beat_seconds,
        )
        await answer({"type": "http"}, page.receive, page.send)
        over.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await page.until("retry: ")
        yield page, over
        page.left.set()
        with anyio.fail_after(SOON_SECONDS):
            await over.wait()


async def test_a_change_in_the_workspace_arrives(app: Starlette, sessions: Sessions, team: Team) -> None:
    events: Events = app.state.events
    async with opened(app, sessions, team) as (page, _):
        assert page.headers["content-type"].startswith("text/event-stream")
        assert "no-store" in page.headers["cache-control"]
        assert page.headers["x-accel-buffering"] == "no"
        assert "content-length" not in page.headers
        await events.publish(uuid4(), "documents", {"change": "elsewhere"})
        await events.publish(team.workspace.id, "documents", {"document_id": None, "change": "created"})
        await page.until('event: documents\ndata: {"document_id":null,"change":"created"}\n\n')
        assert "elsewhere" not in page.text


@contextmanager
def _counted(part: str) -> Iterator[list[str]]:
    """The statements with `part` in them that are sent meanwhile."""
    statements: list[str] = []

    def note(*parts: Any) -> None:
        if part in parts[2]:
            statements.append(parts[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_only_those_who_see_a_document_hear_of_it(app: Starlette, sessions: Sessions, team: Team) -> None:
    async with sessions.begin() as db:
        mem = await make_member(db, team.workspace, name="Mem")
        gus = await make_member(db, team.workspace, role=Role.GUEST, name="Gus")
        ada = actor(team.user, team.workspace, Role.ADMIN)
        open_to_all = await lifecycle.create(db, ada, title="Open")
        shared, kept = [await lifecycle.create(db, ada, title=title) for title in ("Shared", "Kept")]
        kept.reach = shared.reach = "people"
        await name_on(db, shared, gus, DocumentRole.VIEWER)
    async with AsyncExitStack() as stack:
        pages = []
        for user in (team.user, mem, gus):
            theirs = Team(user, team.workspace, None)
            pages.append((await stack.enter_async_context(opened(app, sessions, theirs)))[0])
        events: Events = app.state.events
        with _counted("MATERIALIZED") as questions:
            for document in (open_to_all, shared, kept):
                await lifecycle.announce(events, document, lifecycle.Change.RENAMED, mem.id)
                await events.publish(team.workspace.id, "comments", {"document_id": str(document.id), "thread_id": "7"})
            await lifecycle.announce(events, kept, lifecycle.Change.SHARED, mem.id)
            await events.publish(team.workspace.id, "last", {"document_id": str(shared.id)})
            await pages[2].until("event: last")
            await pages[0].until("event: last")
        # For each event at most, and not for each page.
        assert 1 <= len(questions) <= 8
        await events.publish(team.workspace.id, "end", {})
        await pages[1].until("event: end")
        heard = [tuple(page.text.count(str(document.id)) for document in (open_to_all, shared, kept)) for page in pages]
        assert heard == [(2, 3, 3), (2, 0, 0), (0, 3, 0)]
        # What was shared with them may have been this.
        for page in pages[1:]:
            assert 'data: {"document_id":null,"change":"shared","by":null}' in page.text
            assert page.text.count("event: ") == sum(heard[pages.index(page)]) + 1 + ("event: end" in page.text)


async def test_a_page_that_is_closed_is_let_go(app: Starlette, sessions: Sessions, team: Team) -> None:
    async with opened(app, sessions, team) as (page, over):
        assert stream._open[team.user.id] == 1
        page.left.set()
        with anyio.fail_after(SOON_SECONDS):
            await over.wait()
    assert team.user.id not in stream._open
    assert not app.state.events._streams


async def test_quiet_streams_beat(app: Starlette, sessions: Sessions, team: Team) -> None:
    async with opened(app, sessions, team, beat_seconds=0.01) as (page, _):
        await page.until(": beat\n\n: beat\n\n")


async def test_the_stream_ends_with_the_session(app: Starlette, sessions: Sessions, team: Team) -> None:
    async with opened(app, sessions, team, beat_seconds=0.05) as (page, over):
        async with sessions() as db:
            await browsers.end_all(db, team.user.id)
            await db.commit()
        with anyio.fail_after(SOON_SECONDS):
            await over.wait()
        assert page.ended


async def test_the_stream_ends_with_the_membership(app: Starlette, sessions: Sessions, team: Team) -> None:
    async with opened(app, sessions, team, beat_seconds=0.05) as (page, over):
        async with sessions() as db:
            await db.execute(delete(Member))
            await db.commit()
        with anyio.fail_after(SOON_SECONDS):
            await over.wait()
        assert page.ended


async def test_open_pages_do_not_hold_up_a_stop(app: Starlette, sessions: Sessions, team: Team) -> None:
    async with opened(app, sessions, team) as (page, over):
        app.state.events.end()
        with anyio.fail_after(SOON_SECONDS):
            await over.wait()
        assert page.ended
    async with opened(app, sessions, team) as (page, over):
        with anyio.fail_after(SOON_SECONDS):
            await over.wait()
        assert page.ended


async def test_one_person_cannot_open_any_number(
    app: Starlette, sessions: Sessions, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_PER_PERSON", 1)
    async with opened(app, sessions, team):
        with pytest.raises(TooMany):
            EventStream(
                app.state.events,
                sessions,
                workspace_id=team.workspace.id,
                user_id=team.user.id,
                session_id=team.session_id,
            )
    async with opened(app, sessions, team):
        pass


def test_an_event_cannot_end_early() -> None:
    sent = encode(Event(name="documents", data={"title": "a\n\nevent: fake\ndata: {}\r\n\u2028"})).decode()
    assert sent.count("\n") == 3
    assert sent.endswith("\n\n")


async def test_the_stream_is_for_members_only(client: httpx.AsyncClient, sessions: Sessions) -> None:
    answer = await client.get("/events", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401
    user, _ = await make_team(sessions)
    async with sessions() as db:
        await db.execute(delete(Member))
        await db.commit()
    await sign_in(client, sessions, user)
    assert (await client.get("/events", headers={"Accept": "text/event-stream"})).status_code == 404

"""Lists follow the text, never backwards."""

from __future__ import annotations

from uuid import uuid4

from redis.asyncio import Redis

from server.db import Sessions, transaction
from server.documents import lifecycle, ydoc
from server.documents.models import Document
from server.documents.projection import project
from server.documents.read_markdown import read_markdown
from server.documents.schema import empty_document, mark, node, text
from server.events import Events
from server.workspaces.models import Role
from tests.factories import actor, make_team
from tests.server.documents.overlaying import put


async def test_a_newer_state_is_written_and_an_older_one_is_not(sessions: Sessions, redis: Redis) -> None:
    user, workspace = await make_team(sessions)
    async with transaction(sessions) as db:
        document = await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title="First")
    state = ydoc.seed("Second\x00", node("doc", content=read_markdown("some *words*\n\n- a list")))
    async with Events(redis) as events, events.subscribe(workspace.id) as stream:
        assert await project(sessions, events, document.id, 5, state)
        event = await anext(stream)
        assert (event.name, event.data) == (
            "documents",
            {"document_id": str(document.id), "change": "updated", "by": None},
        )
        assert not await project(sessions, events, document.id, 5, state)
        assert not await project(sessions, events, document.id, 4, ydoc.seed("Older", empty_document()))
        assert not await project(sessions, events, uuid4(), 9, state)
    async with transaction(sessions) as db:
        row = await db.get_one(Document, document.id)
    assert (row.title, row.excerpt, row.projected_seq) == ("Second", "some words • a list", 5)
    assert row.updated_at > document.updated_at
    # Nobody is named, so the one who edited through a page keeps the name.
    assert row.updated_by == user.id


async def test_who_wrote_last_is_named(sessions: Sessions, redis: Redis) -> None:
    user, workspace = await make_team(sessions)
    other, _ = await make_team(sessions)
    async with transaction(sessions) as db:
        document = await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title="First")
    async with Events(redis) as events:
        assert await project(sessions, events, document.id, 2, ydoc.seed("Other", empty_document()), by=other.id)
    async with transaction(sessions) as db:
        assert (await db.get_one(Document, document.id)).updated_by == other.id


async def test_what_is_only_suggested_is_no_edit(sessions: Sessions, redis: Redis) -> None:
    user, workspace = await make_team(sessions)
    other, _ = await make_team(sessions)
    kept = node("doc", content=[node("paragraph", {"id": "p"}, [text("Kept")])])
    async with transaction(sessions) as db:
        document = await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title="First", content=kept)
    insertion = mark("insertion", {"id": "s", "by": str(other.id), "at": 1_700_000_000_000})
    pieces = [text("Kept"), text(" and more", [insertion])]
    suggested = node("doc", content=[node("paragraph", {"id": "p"}, pieces)])
    async with Events(redis) as events:
        assert await project(sessions, events, document.id, 2, ydoc.seed("First", suggested), by=other.id)
        async with transaction(sessions) as db:
            row = await db.get_one(Document, document.id)
        assert (row.projected_seq, row.updated_at, row.updated_by) == (2, document.updated_at, user.id)
        accepted = node("doc", content=[node("paragraph", {"id": "p"}, [text("Kept and more")])])
        assert await project(sessions, events, document.id, 3, ydoc.seed("First", accepted), by=user.id)
    async with transaction(sessions) as db:
        assert (await db.get_one(Document, document.id)).updated_at > document.updated_at


async def test_what_is_written_for_an_account_is_an_edit(sessions: Sessions, redis: Redis) -> None:
    user, workspace = await make_team(sessions)
    other, _ = await make_team(sessions)
    async with transaction(sessions) as db:
        document = await lifecycle.create(db, actor(user, workspace, Role.ADMIN), title="First")
    doc = ydoc.load(ydoc.seed("First", empty_document()))
    put(doc, "link", "https://example.org")
    async with Events(redis) as events:
        assert await project(sessions, events, document.id, 2, doc.get_update(), by=other.id)
    async with transaction(sessions) as db:
        assert (await db.get_one(Document, document.id)).updated_by == other.id

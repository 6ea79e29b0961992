"""The record of suggestions: it follows the document, and threads follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from prosemirror.model import Node
from redis.asyncio import Redis
from sqlalchemy import select
from starlette.applications import Starlette

from server.accounts.models import User
from server.comments.settling import settle
from server.db import Sessions, transaction
from server.documents import ydoc
from server.documents.models import Document, DocumentRole
from server.documents.schema import mark, node, text
from server.events import Events
from server.suggestions.models import RecordedSuggestion
from server.workspaces.models import Role
from tests.factories import make_member, make_team, name_on
from tests.server.documents.programs import program

Json = dict[str, Any]


def whose(who: User, name: str = "s1") -> Json:
    return {"id": name, "by": str(who.id), "at": 1_700_000_000_000}


def block(*pieces: Node, block_id: str = "p", **attributes: object) -> Node:
    return node("paragraph", {"id": block_id, **attributes}, list(pieces))


@dataclass
class Desk:
    """A document of Ada's, in which Rex may only suggest; what it says is told state by state."""

    sessions: Sessions
    events: Events
    document: Document
    ada: User
    rex: User
    seq: int = 100
    shown: list[Json] = field(default_factory=list)

    async def says(self, *blocks: Node, by: Sequence[User] = ()) -> None:
        self.seq += 1
        state = ydoc.seed("Plan", node("doc", content=list(blocks)))
        await settle(self.sessions, self.events, self.document.id, self.seq, state, writers=[each.id for each in by])

    async def record(self, name: str = "s1") -> RecordedSuggestion:
        async with self.sessions() as db:
            return await db.get_one(RecordedSuggestion, (self.document.id, self.rex.id, name))

    async def state(self, name: str = "s1") -> tuple[str, UUID | None]:
        record = await self.record(name)
        return record.state, record.decided_by


@pytest.fixture
async def desk(app: Starlette, sessions: Sessions, redis: Redis) -> Desk:
    ada, workspace = await make_team(sessions, name="Ada Lovelace")
    async with program(app, sessions, ada) as owner:
        document_id = UUID(await owner.create(title="Plan", content="One old line."))
    async with transaction(sessions) as db:
        rex = await make_member(db, workspace, role=Role.GUEST, name="Rex")
        document = await db.get_one(Document, document_id)
        await name_on(db, document, rex, DocumentRole.REVIEWER)
    return Desk(sessions, app.state.events, document, ada, rex)


async def test_the_record_follows_the_document(desk: Desk) -> None:
    rex, ada = desk.rex, desk.ada
    plain = block(text("One old line."))
    suggested = block(
        text("One "),
        text("new ", [mark("insertion", whose(rex))]),
        text("old ", [mark("deletion", whose(rex))]),
        text("line."),
    )
    await desk.says(suggested, by=[rex])
    record = await desk.record()
    assert (record.state, record.by_author, [part["text"] for part in record.parts]) == (
        "pending",
        True,
        ["new ", "old "],
    )
    # Nobody tells who it was, but one person alone wrote.
    await desk.says(block(text("One new line.")), by=[ada])
    assert await desk.state() == ("accepted", ada.id)
    await desk.says(suggested, by=[ada])
    assert await desk.state() == ("pending", None)
    await desk.says(plain, by=[ada])
    assert await desk.state() == ("rejected", ada.id)
    await desk.says(suggested, by=[ada])
    await desk.says(plain, by=[rex])
    assert await desk.state() == ("withdrawn", rex.id)
    # An older state that comes late changes nothing.
    desk.seq -= 2
    await desk.says(suggested, by=[rex])
    assert (await desk.state())[0] == "withdrawn"


async def test_what_nobody_told_of_is_read_from_the_words(desk: Desk) -> None:
    rex, ada = desk.rex, desk.ada
    mine = f"b {rex.id} 1700000000000"
    both = [
        block(text("Make "), text("this", [mark("reformat", {**whose(rex, "f"), "add": "bold"})])),
        block(text("New"), block_id="n", inserted=mine),
        block(text("Old"), block_id="o", deleted=f"d {rex.id} 1700000000000"),
        block(text("Head"), block_id="h", changed=f"c {rex.id} 1700000000000 heading2"),
    ]
    await desk.says(*both, by=[rex])
    await desk.says(
        block(text("Make "), text("this", [mark("bold")])),
        block(text("New"), block_id="n"),
        node("heading", {"id": "h", "level": 2}, [text("Head")]),
        by=[ada, rex],
    )
    assert [await desk.state(name) for name in "fbdc"] == [("accepted", None)] * 4
    await desk.says(*both, by=[ada, rex])
    await desk.says(
        block(text("Make this")), block(text("Old"), block_id="o"), block(text("Head"), block_id="h"), by=[ada, rex]
    )
    assert [await desk.state(name) for name in "fbdc"] == [("rejected", None)] * 4


async def test_marks_in_somebodys_name_are_not_taken_for_theirs(desk: Desk) -> None:
    forged = block(
        text("x", [mark("insertion", whose(desk.rex))]),
        text("y", [mark("insertion", {**whose(desk.rex), "by": str(uuid4())})]),
    )
    await desk.says(forged, by=[desk.ada])
    assert not (await desk.record()).by_author
    async with desk.sessions() as db:
        assert len((await db.scalars(select(RecordedSuggestion))).all()) == 1

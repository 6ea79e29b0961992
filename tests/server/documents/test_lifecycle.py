"""Documents come into being with their first update, move to the trash and back, and are found again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents import content, lifecycle, samples, ydoc
from server.documents.lifecycle import View
from server.documents.models import MAX_TITLE_CHARACTERS, Document, DocumentUpdate, Lineage, utc_now
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.workspaces.access import Actor
from server.workspaces.models import Role, Workspace
from tests.factories import actor, make_member, make_user, make_workspace, name_on


class LiveFromLog:
    """Live documents without rooms: edits are kept here, reads come from the first update."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.states: dict[UUID, bytes] = {}

    async def read(self, document_id: UUID) -> bytes:
        if document_id not in self.states:
            found = select(col(DocumentUpdate.data)).where(col(DocumentUpdate.document_id) == document_id)
            self.states[document_id] = (await self.db.scalars(found)).one()
        return self.states[document_id]

    async def edit(
        self,
        document_id: UUID,
        change: Callable[[ydoc.YDoc], None],
        *,
        by: UUID | None = None,
        still: Callable[[], Awaitable[None]] | None = None,
    ) -> int:
        doc = ydoc.load(await self.read(document_id))
        change(doc)
        self.states[document_id] = doc.get_update()
        return 2

    async def close(self, document_id: UUID) -> None:
        self.states.pop(document_id, None)

    async def settle(self, document_id: UUID) -> None:
        """There is nothing that lags behind."""

    async def access_changed(self, document_ids: Sequence[UUID]) -> None:
        """Nobody has anything open here."""


@pytest.fixture
async def user(db: AsyncSession) -> User:
    return await make_user(db)


@pytest.fixture
async def workspace(db: AsyncSession, user: User) -> Workspace:
    return await make_workspace(db, user)


@pytest.fixture
def ada(user: User, workspace: Workspace) -> Actor:
    return actor(user, workspace, Role.ADMIN)


async def test_a_new_document_is_in_the_log_once(db: AsyncSession, ada: Actor) -> None:
    document = await lifecycle.create(
        db, ada, title=" Hello\n", content=content.parse("# Hi\n\nthere", content.Source.MARKDOWN)
    )
    lineage = await db.get_one(Lineage, document.id)
    (update,) = (await db.scalars(select(DocumentUpdate).where(col(DocumentUpdate.document_id) == document.id))).all()
    assert (lineage.seq, lineage.bytes, update.seq) == (1, len(update.data), 1)
    read = content.load(update.data)
    assert (read.title, content.write(read.node, content.Format.TEXT)) == ("Hello", "Hi\n\nthere")
    assert (document.title, document.excerpt, document.projected_seq) == ("Hello", "Hi there", 1)
    assert await lifecycle.epoch_of(db, document.id) == lineage.epoch


async def test_the_sample_reads_well(db: AsyncSession, user: User, workspace: Workspace) -> None:
    document = await samples.create_sample(db, workspace, user)
    assert document.title == samples.TITLE
    assert document.excerpt.startswith("This page is yours")
    kinds = {block.type.name for block in samples.sample().content.content}
    assert {"heading", "taskList", "table", "blockquote", "codeBlock", "orderedList", "horizontalRule"} <= kinds


async def test_a_guest_reads_and_nothing_else(db: AsyncSession, ada: Actor, workspace: Workspace) -> None:
    guest = await make_member(db, workspace, role=Role.GUEST)
    document = await lifecycle.create(db, ada)
    with pytest.raises(NotFound):
        await lifecycle.find(db, guest, document.id)
    await name_on(db, document, guest)
    live = LiveFromLog(db)
    found, _ = await lifecycle.find(db, guest, document.id)
    assert found.id == document.id
    with pytest.raises(Forbidden):
        await lifecycle.rename(db, live, guest, document.id, "Mine")
    with pytest.raises(Forbidden):
        await lifecycle.trash(db, guest, document.id)
    with pytest.raises(Forbidden):
        await lifecycle.restore(db, guest, document.id)
    with pytest.raises(Forbidden):
        await lifecycle.create(db, actor(guest, workspace, Role.GUEST))


async def test_strangers_learn_nothing(db: AsyncSession, ada: Actor) -> None:
    document = await lifecycle.create(db, ada)
    stranger = await make_user(db)
    await make_workspace(db, stranger)
    for document_id in (document.id, uuid4()):
        with pytest.raises(NotFound):
            await lifecycle.find(db, stranger, document_id)


async def test_a_rename_reaches_the_text_and_the_list(db: AsyncSession, user: User, ada: Actor) -> None:
    live = LiveFromLog(db)
    document = await lifecycle.create(db, ada, title="Old")
    renamed = await lifecycle.rename(db, live, user, document.id, "New\x00 " + "x" * 1000)
    assert renamed.title == ydoc.read_title(ydoc.load(live.states[document.id]))
    assert renamed.title.startswith("New x")
    assert len(renamed.title) == MAX_TITLE_CHARACTERS


async def test_the_trash_and_back(db: AsyncSession, user: User, ada: Actor) -> None:
    live = LiveFromLog(db)
    document = await lifecycle.create(db, ada, title="Plan")
    await lifecycle.trash(db, user, document.id)
    first = document.trashed_at
    await lifecycle.trash(db, user, document.id)
    assert document.trashed_at == first
    assert document.trashed_by == user.id
    assert await lifecycle.title_of(db, document.id) is None
    with pytest.raises(Conflict):
        await lifecycle.rename(db, live, user, document.id, "x")
    with pytest.raises(Conflict):
        await lifecycle.replace_content(db, live, user, document.id, lambda _: None)
    assert await lifecycle.counts(db, ada) == lifecycle.Counts(all=0, trash=1, within={None: 0})
    assert [row.document.id for row in (await lifecycle.page(db, ada, view=View.TRASH)).rows] == [document.id]
    await lifecycle.restore(db, user, document.id)
    assert await lifecycle.counts(db, ada) == lifecycle.Counts(all=1, trash=0, within={None: 1})
    assert await lifecycle.title_of(db, document.id) == "Plan"


async def test_pages_show_every_document_once_newest_first(db: AsyncSession, user: User, ada: Actor) -> None:
    same_moment = utc_now()
    made = [await lifecycle.create(db, ada, title=str(number)) for number in range(7)]
    for age, document in enumerate(made):
        document.updated_at = same_moment - timedelta(seconds=age // 3)
    await db.flush()
    seen: list[lifecycle.Listed] = []
    cursor = None
    while True:
        page = await lifecycle.page(db, ada, limit=2, cursor=cursor)
        seen += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(row.document.title for row in seen) == [str(number) for number in range(7)]
    times = [row.document.updated_at for row in seen]
    assert times == sorted(times, reverse=True)
    assert {row.updated_by for row in seen} == {user.name}


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA==", "W10=", "WyJ4IiwieSJd", "WyIyMDI2LTAxLTAxIiwgIngiXQ==", "é"])
async def test_a_foreign_cursor_is_refused(db: AsyncSession, ada: Actor, cursor: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await lifecycle.page(db, ada, cursor=cursor)
    assert "cursor" in refusal.value.fields


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("100%", {"100% wool"}),
        ("_", {"snake_case"}),
        ("wool 100", {"100% wool"}),
        ("\\", set()),
        ("WOOL", {"100% wool"}),
    ],
)
async def test_the_search_takes_signs_as_they_are(db: AsyncSession, ada: Actor, query: str, found: set[str]) -> None:
    for title in ("100% wool", "1000 sheep", "snake_case"):
        await lifecycle.create(db, ada, title=title)
    assert {row.document.title for row in (await lifecycle.page(db, ada, query=query)).rows} == found


async def test_lists_show_only_the_own_workspace(db: AsyncSession, ada: Actor) -> None:
    other = await make_user(db)
    elsewhere = actor(other, await make_workspace(db, other), Role.ADMIN)
    await lifecycle.create(db, elsewhere, title="theirs")
    assert (await lifecycle.page(db, ada)).rows == []
    assert await db.scalar(select(func.count()).select_from(Document)) == 1

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import anyio
import pytest
from obstore.store import LocalStore
from pycrdt import Doc, XmlElement, XmlFragment
from sqlalchemy import delete, select, text
from sqlmodel import col

from server.accounts.models import utc_now
from server.assets import keeping, storage
from server.assets.jobs import REST, SETTLED, CleanedUp, clean_up
from server.assets.kinds import Kind
from server.assets.models import Asset
from server.db import Sessions, transaction
from server.documents.models import Document, DocumentSnapshot, DocumentUpdate
from server.workspaces.models import Workspace
from tests.server.assets import samples
from tests.server.assets.conftest import Browser, Studio

NOTHING = CleanedUp(rows=0, objects=0)
LATER = SETTLED + timedelta(minutes=1)


def mention(url: str) -> bytes:
    """The update that puts a picture into an empty document, as the editor writes it."""
    doc: Doc[XmlFragment] = Doc()
    fragment = doc.get("default", type=XmlFragment)
    fragment.children.append(XmlElement("image", {"src": url, "id": "b1"}))
    return doc.get_update()


class Tidying:
    """A studio, its store on disk, and a clock that a test moves."""

    def __init__(self, studio: Studio, ada: Browser, store: LocalStore) -> None:
        self.studio, self.ada, self.store = studio, ada, store
        self.now = datetime.now(UTC)

    async def picture(self, document_id: UUID, *, shade: int = 0) -> str:
        """Upload one; returns its address."""
        data = samples.encoded(Kind.PNG, samples.drawing(shade=shade))
        url: str = (await self.ada.send(document_id, data)).json()["url"]
        return url

    async def after(self, time: timedelta) -> CleanedUp:
        """Let time pass, and clean up."""
        self.now += time
        return await clean_up(self.studio.sessions, self.store, now=self.now)

    async def forget(self, document_id: UUID) -> None:
        """Remove a document for good."""
        async with self.studio.sessions.begin() as db:
            await db.execute(delete(Document).where(col(Document.id) == document_id))

    async def asset(self) -> Asset | None:
        async with self.studio.sessions() as db:
            return (await db.scalars(select(Asset))).one_or_none()

    def objects(self) -> list[Path]:
        assert self.store.prefix is not None
        return [path for path in self.store.prefix.rglob("*") if path.is_file()]


@pytest.fixture
def tidying(studio: Studio, ada: Browser, store: LocalStore) -> Tidying:
    return Tidying(studio, ada, store)


async def test_pictures_of_a_document_stay_in_the_trash_too(tidying: Tidying) -> None:
    url = await tidying.picture(tidying.studio.document_id)
    async with tidying.studio.sessions.begin() as db:
        document = await db.get_one(Document, tidying.studio.document_id)
        document.trashed_at = utc_now() - timedelta(days=400)
    assert await tidying.after(LATER) == NOTHING
    assert await tidying.after(REST + LATER) == NOTHING
    assert (await tidying.ada.client.get(url)).status_code == 200


async def test_pictures_of_a_document_that_is_gone_rest_and_go(tidying: Tidying) -> None:
    url = await tidying.picture(tidying.studio.document_id)
    await tidying.forget(tidying.studio.document_id)
    assert await tidying.after(LATER) == NOTHING
    assert await tidying.after(REST - timedelta(minutes=1)) == NOTHING
    assert (await tidying.ada.client.get(url)).status_code == 200
    assert await tidying.after(timedelta(minutes=2)) == CleanedUp(rows=1, objects=1)
    assert (await tidying.ada.client.get(url)).status_code == 404
    assert not tidying.objects()
    assert await tidying.after(REST) == NOTHING


@pytest.mark.parametrize("where", ["log", "snapshot"])
async def test_a_picture_that_another_document_shows_finds_a_home_there(tidying: Tidying, where: str) -> None:
    url = await tidying.picture(tidying.studio.document_id)
    other = await tidying.studio.document()
    async with tidying.studio.sessions.begin() as db:
        if where == "log":
            db.add(DocumentUpdate(document_id=other, seq=1, data=mention("/elsewhere")))
            db.add(DocumentUpdate(document_id=other, seq=2, data=mention(url)))
        else:
            db.add(DocumentSnapshot(document_id=other, seq=1, data=mention(url)))
    await tidying.forget(tidying.studio.document_id)
    for _ in range(4):
        assert await tidying.after(REST) == NOTHING
    asset = await tidying.asset()
    assert asset is not None
    assert (asset.document_id, asset.unused_since) == (other, None)
    assert (await tidying.ada.client.get(url)).status_code == 200


async def test_a_mention_in_another_workspace_is_none(tidying: Tidying, sessions: Sessions) -> None:
    from tests.factories import make_team

    url = await tidying.picture(tidying.studio.document_id)
    _, workspace = await make_team(sessions, name="Eve")
    theirs = await tidying.studio.document(workspace.id)
    async with sessions.begin() as db:
        db.add(DocumentUpdate(document_id=theirs, seq=1, data=mention(url)))
    await tidying.forget(tidying.studio.document_id)
    await tidying.after(LATER)
    assert await tidying.after(REST + LATER) == CleanedUp(rows=1, objects=1)


async def test_a_picture_that_comes_back_while_it_rests_stays(tidying: Tidying) -> None:
    url = await tidying.picture(tidying.studio.document_id)
    await tidying.forget(tidying.studio.document_id)
    await tidying.after(LATER)
    asset = await tidying.asset()
    assert asset is not None
    assert asset.unused_since is not None
    other = await tidying.studio.document()
    assert await tidying.picture(other) == url
    for _ in range(3):
        assert await tidying.after(REST + LATER) == NOTHING
    assert (await tidying.ada.client.get(url)).status_code == 200


async def test_a_young_picture_is_not_looked_at(tidying: Tidying) -> None:
    await tidying.picture(tidying.studio.document_id)
    await tidying.forget(tidying.studio.document_id)
    await tidying.after(SETTLED - timedelta(minutes=1))
    asset = await tidying.asset()
    assert asset is not None
    assert asset.unused_since is None


async def test_bytes_that_never_got_a_row_go_once_they_are_old(tidying: Tidying) -> None:
    await tidying.picture(tidying.studio.document_id)
    orphan = storage.key_for(uuid4(), b"\3" * 32, Kind.GIF)
    await storage.put(tidying.store, orphan, io.BytesIO(b"GIF89a"))
    assert tidying.store.prefix is not None
    strange = tidying.store.prefix / "notes.txt"
    strange.write_text("not ours")
    os.utime(strange, (0, 0))
    assert len(tidying.objects()) == 3
    assert await tidying.after(SETTLED - timedelta(minutes=1)) == NOTHING
    assert await tidying.after(timedelta(minutes=2)) == CleanedUp(rows=0, objects=1)
    assert len(tidying.objects()) == 2
    assert strange.exists()


async def test_the_pictures_of_a_workspace_that_is_gone_go(tidying: Tidying) -> None:
    await tidying.picture(tidying.studio.document_id)
    async with tidying.studio.sessions.begin() as db:
        await db.execute(delete(Workspace).where(col(Workspace.id) == tidying.studio.workspace.id))
    assert await tidying.after(LATER) == CleanedUp(rows=0, objects=1)


async def test_bytes_are_not_let_go_while_somebody_keeps_them(tidying: Tidying) -> None:
    """The loss this prevents: a row whose bytes a clean-up took between the upload's put and its commit."""
    sessions = tidying.studio.sessions
    await tidying.picture(tidying.studio.document_id)
    asset = await tidying.asset()
    assert asset is not None
    key = storage.key_for(asset.workspace_id, asset.sha256, Kind.PNG)
    async with sessions.begin() as db:
        await db.execute(delete(Asset))
    went: list[bool] = []

    async def let_go() -> None:
        went.append(
            await keeping.let_go(sessions, tidying.store, key=key, workspace_id=asset.workspace_id, sha256=asset.sha256)
        )

    async with anyio.create_task_group() as group, transaction(sessions) as db:
        await keeping.lock(db, key)
        group.start_soon(let_go)
        await _until_somebody_waits(sessions)
        db.add(Asset(**asset.model_dump()))
    assert went == [False]
    assert len(tidying.objects()) == 1


async def _until_somebody_waits(sessions: Sessions) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with anyio.fail_after(10):
        async with sessions() as db:
            while not await db.scalar(waiting):
                await anyio.sleep(0.01)

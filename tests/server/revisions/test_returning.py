"""What an undo brings back stays whose it was, though the one who undoes writes it anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pytest
from pycrdt import Doc, UndoManager, XmlElement, XmlText
from sqlalchemy import select
from sqlmodel import col

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents import ydoc
from server.documents.models import Document, utc_now
from server.revisions import attribution, recording, states
from server.revisions.models import Reason, Revision
from server.workspaces.models import Workspace
from tests.factories import make_member, make_team, sign_in
from tests.server.revisions.writing_room import append, begin, clear_log, write

Team = tuple[User, Workspace]
RITAS = "A paragraph 🙂 by Rita."


@pytest.fixture
async def team(sessions: Sessions) -> Team:
    return await make_team(sessions)


@pytest.fixture
async def rita(sessions: Sessions, team: Team) -> User:
    async with transaction(sessions) as db:
        return await make_member(db, team[1], name="Rita Read")


@dataclass
class Page:
    """Somebody's open page: a document of its own with an undo, whose edits go into the log one by one."""

    sessions: Sessions
    document: Document
    user: User
    doc: ydoc.YDoc = field(default_factory=Doc)
    manager: UndoManager = field(init=False)
    ago: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.manager = UndoManager(scopes=[ydoc.fragment(self.doc)], capture_timeout_millis=0)
        self.manager.include_origin("page")

    async def do(self, change: Callable[[], object]) -> None:
        async with transaction(self.sessions) as db:
            for update in (await states.read_log(db, self.document.id)).updates:
                self.doc.apply_update(update)
        before = self.doc.get_state()
        change()
        async with transaction(self.sessions) as db:
            data = self.doc.get_update(before)
            seq = await append(db, self.document.id, data, utc_now() - self.ago, self.user)
        authors = {self.doc.client_id: self.user.id} if self.doc.get_state() != before else {}
        await attribution.note(self.sessions, self.document.id, seq, writers=[self.user.id], authors=authors)

    async def edit(self, change: Callable[[], object]) -> None:
        def as_the_page() -> None:
            with self.doc.transaction(origin="page"):
                change()

        await self.do(as_the_page)

    async def undo(self) -> None:
        await self.do(self.manager.undo)

    async def redo(self) -> None:
        await self.do(self.manager.redo)

    def text(self, number: int) -> XmlText:
        block = ydoc.fragment(self.doc).children[number]
        assert isinstance(block, XmlElement)
        text = block.children[0]
        assert isinstance(text, XmlText)
        return text


async def keep(sessions: Sessions, document: Document) -> None:
    async with transaction(sessions) as db:
        await recording.record(db, document.id, reason=Reason.NAMED, name="Kept")


async def whose(client: httpx.AsyncClient, document: Document) -> list[tuple[str, str | None]]:
    answer = await client.get(f"/api/v1/documents/{document.id}/authorship")
    assert answer.status_code == 200, answer.text
    return [
        (passage["text"], passage["author"] and passage["author"]["name"].split()[0])
        for block in answer.json()["blocks"]
        for passage in block["passages"]
    ]


def cut_out(text: XmlText, start: int, end: int) -> None:
    del text[start:end]


@pytest.mark.parametrize("known", [True, False], ids=["in the revision before", "newer than all revisions"])
@pytest.mark.parametrize("between", [True, False], ids=["a revision in between", "no revision in between"])
@pytest.mark.parametrize("whole", [True, False], ids=["a block", "words"])
async def test_what_an_undo_brings_back_stays_whose_it_was(
    client: httpx.AsyncClient,
    sessions: Sessions,
    team: Team,
    rita: User,
    *,
    known: bool,
    between: bool,
    whole: bool,
) -> None:
    ada, _ = team
    document = await begin(sessions, *team, markdown="Begun by Ada.")
    await sign_in(client, sessions, ada)
    await keep(sessions, document)
    await write(sessions, document.id, f"Begun by Ada.\n\n{RITAS}", by=rita)
    if known:
        await keep(sessions, document)
    page = Page(sessions, document, ada)
    await page.do(lambda: None)

    def take_out() -> None:
        if whole:
            del ydoc.fragment(page.doc).children[1]
        else:
            cut_out(page.text(1), 2, len(RITAS.encode()))

    await page.edit(take_out)
    expected = [("Begun by Ada.", "Ada"), (RITAS, "Rita")]
    for turn in (page.undo, page.redo, page.undo):
        if between:
            await keep(sessions, document)
            async with transaction(sessions) as db:
                # Nothing is left in the log that a revision has not looked at.
                await clear_log(db, document.id)
        await turn()
    assert await whose(client, document) == expected
    # It is written down with the next revision, too.
    await keep(sessions, document)
    assert await whose(client, document) == expected


@pytest.mark.parametrize("between", [True, False], ids=["a revision in between", "no revision in between"])
async def test_a_suggestion_that_was_rejected_and_stands_again_stays_its_writers(
    client: httpx.AsyncClient, sessions: Sessions, team: Team, rita: User, *, between: bool
) -> None:
    ada, _ = team
    document = await begin(sessions, *team, markdown="There are five.")
    await sign_in(client, sessions, ada)
    await keep(sessions, document)
    ritas, adas = Page(sessions, document, rita), Page(sessions, document, ada)
    suggested = {"insertion": {"id": "s1", "by": str(rita.id), "at": 1}}
    await ritas.edit(lambda: ritas.text(0).insert(10, "four or ", suggested))
    steps: list[Callable[[], object]] = [
        lambda: cut_out(adas.text(0), 10, 18),
        adas.manager.undo,
        lambda: adas.text(0).format(10, 18, {"insertion": None}),
    ]
    for number, step in enumerate(steps):
        await (adas.do if number == 1 else adas.edit)(step)
        if between:
            async with transaction(sessions) as db:
                # What is only suggested makes no revision, and the log is folded all the same.
                await recording.record(db, document.id)
                await clear_log(db, document.id)
    assert await whose(client, document) == [("There are ", "Ada"), ("four or ", "Rita"), ("five.", "Ada")]


async def test_other_words_in_the_same_place_are_whose_they_are(
    client: httpx.AsyncClient, sessions: Sessions, team: Team, rita: User
) -> None:
    ada, _ = team
    document = await begin(sessions, *team, markdown="Begun by Ada.")
    await sign_in(client, sessions, ada)
    await write(sessions, document.id, "Begun by Ada.\n\nSay hello to all.", by=rita)
    page = Page(sessions, document, ada)
    await page.edit(lambda: None)
    await page.edit(lambda: cut_out(page.text(1), 4, 9))
    for at, letter in enumerate("help"):
        await page.edit(lambda at=at, letter=letter: page.text(1).insert(4 + at, letter))  # type: ignore[misc]
    assert (await whose(client, document))[1:] == [("Say ", "Rita"), ("help", "Ada"), (" to all.", "Rita")]


async def test_an_accepted_suggestion_is_of_the_minute_in_which_it_was_accepted(
    client: httpx.AsyncClient, sessions: Sessions, team: Team, rita: User
) -> None:
    ada, _ = team
    document = await begin(sessions, *team, markdown="There are five.")
    await sign_in(client, sessions, ada)
    ritas, adas = Page(sessions, document, rita), Page(sessions, document, ada)
    suggested = {"insertion": {"id": "s1", "by": str(rita.id), "at": 1}}
    await ritas.edit(lambda: ritas.text(0).insert(10, "four or ", suggested))
    await adas.edit(lambda: adas.text(0).insert(0, "See: "))
    await keep(sessions, document)
    async with transaction(sessions) as db:
        (await db.scalars(select(Revision).where(col(Revision.name) == "Kept"))).one().created_at -= timedelta(hours=1)
    adas.ago = timedelta(minutes=20)
    await adas.edit(lambda: adas.text(0).format(15, 23, {"insertion": None}))
    adas.ago = timedelta(minutes=5)
    await adas.edit(lambda: adas.text(0).insert(0, "Here, "))
    accepted = (utc_now() - timedelta(minutes=20)).replace(second=0, microsecond=0)

    async def look() -> datetime:
        answer = (await client.get(f"/api/v1/documents/{document.id}/authorship")).json()
        [found] = [each for each in answer["blocks"][0]["passages"] if each["text"].strip() == "four or"]
        return datetime.fromisoformat(found["written_at"])

    first = await look()
    assert accepted - timedelta(minutes=1) <= first <= accepted
    await keep(sessions, document)
    assert await look() == first
    page = await client.get(f"/documents/{document.id}/history?revision={await newest(sessions, document)}")
    # Her suggestion was made before the version that is compared with, and accepted after it.
    assert "Remove changes by Rita Read…" in page.text
    assert f'data-by="{rita.id}">four or' in page.text
    assert f'data-by="{ada.id}">Here, ' in page.text


async def newest(sessions: Sessions, document: Document) -> str:
    async with sessions() as db:
        found = select(col(Revision.id)).where(col(Revision.document_id) == document.id)
        return str(await db.scalar(found.order_by(col(Revision.number).desc())))

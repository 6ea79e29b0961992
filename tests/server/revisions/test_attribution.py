"""Who wrote this passage and when, and whose each change is, where several people write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.models import Document
from server.revisions import attribution, recording
from server.revisions.marking import counts_of
from server.revisions.models import Reason
from server.workspaces.models import Workspace
from tests.factories import make_member, make_team
from tests.server.documents.programs import Program, program
from tests.server.revisions.writing_room import begin, write

LONG_AGO = timedelta(hours=1)


@pytest.fixture
async def team(sessions: Sessions) -> tuple[User, Workspace]:
    return await make_team(sessions)


@pytest.fixture
async def ben(sessions: Sessions, team: tuple[User, Workspace]) -> User:
    async with transaction(sessions) as db:
        return await make_member(db, team[1], name="Ben")


@pytest.fixture
async def ada(app: Starlette, sessions: Sessions, team: tuple[User, Workspace]) -> AsyncIterator[Program]:
    async with program(app, sessions, team[0]) as found:
        yield found


@pytest.fixture
async def document(sessions: Sessions, team: tuple[User, Workspace], ben: User) -> Document:
    """Ada began it; she and Ben wrote in it before the second revision, and Ben after it."""
    document = await begin(sessions, *team, markdown="One.\n\nTwo of these.", title="Plan")
    await recording.record_due(sessions)
    await write(sessions, document.id, "One.\n\nTwo of these, says Ben.", ago=LONG_AGO, by=ben)
    await write(sessions, document.id, "One, says Ada.\n\nTwo of these, says Ben.", ago=LONG_AGO, by=team[0])
    await recording.record_due(sessions)
    for words in ("# Two of these, says Ben.", "# Two of these, says Ben.\n\nThree."):
        await write(sessions, document.id, f"One, says Ada.\n\n{words}", by=ben)
    return document


async def test_each_change_is_its_authors(ada: Program, document: Document) -> None:
    listed = (await ada.ask("GET", f"/documents/{document.id}/revisions")).json()["revisions"]
    assert [len(each["authors"]) for each in listed] == [2, 1]
    newest, first = (each["id"] for each in listed)
    found = (await ada.ask("GET", f"/documents/{document.id}/compare?from={first}&to={newest}")).json()
    assert [([each["name"] for each in change["authors"]], change["kind"]) for change in found["changes"]] == [
        ([ada.user.name], "edited"),
        (["Ben"], "edited"),
    ]


async def test_whoever_wrote_before_is_no_author_of_what_came_after(
    ada: Program, document: Document, sessions: Sessions, ben: User
) -> None:
    async with transaction(sessions) as db:
        newest = await recording.record(db, document.id, reason=Reason.NAMED, name="Good")
    # Her connection settled after the revision was made, so she is taken down for the next one, too.
    await attribution.note(sessions, document.id, 99, writers=[ada.user.id], authors={})
    words = "One, says Ada.\n\n# Two of these, says Ben.\n\nThree. Four."
    await write(sessions, document.id, words, by=ben)
    found = (await ada.ask("GET", f"/documents/{document.id}/compare?from={newest.id}")).json()
    assert [each["name"] for each in found["authors"]] == ["Ben"]


async def test_every_passage_has_its_author_and_its_time(ada: Program, document: Document) -> None:
    newest, first = (await ada.ask("GET", f"/documents/{document.id}/revisions")).json()["revisions"]
    found = (await ada.ask("GET", f"/documents/{document.id}/authorship")).json()
    told = [
        [(each["text"], each["author"]["name"], each["revision_id"]) for each in block["passages"]]
        for block in found["blocks"]
    ]
    assert told == [
        [
            ("One", ada.user.name, first["id"]),
            (", says Ada", ada.user.name, newest["id"]),
            (".", ada.user.name, first["id"]),
        ],
        # He made a heading of it, which does not make it his.
        [
            ("Two of these", ada.user.name, first["id"]),
            (", says Ben", "Ben", newest["id"]),
            (".", ada.user.name, first["id"]),
        ],
        [("Three.", "Ben", None)],
    ]
    # Of the minute in which it came, not of the revision that it came with.
    assert first["created_at"] < found["blocks"][0]["passages"][1]["written_at"] <= newest["created_at"]
    page = (await ada.ask("GET", f"/documents/{document.id}/authorship?limit=2")).json()
    assert (page["total"], len(page["blocks"]), page["next_cursor"]) == (3, 2, "2")


async def test_what_is_restored_stays_whose_it_was(ada: Program, document: Document, sessions: Sessions) -> None:
    path = f"/documents/{document.id}"
    kept = (await ada.ask("POST", f"{path}/revisions", json={"name": "Good"})).json()
    before = (await ada.ask("GET", f"{path}/authorship")).json()["blocks"]
    await write(sessions, document.id, "Nothing.", by=ada.user)
    assert (await ada.ask("POST", f"{path}/revisions/{kept['id']}/restore", json={})).json()["changed"]
    assert (await ada.ask("GET", f"{path}/authorship")).json()["blocks"] == before
    [newest, *_] = (await ada.ask("GET", f"{path}/revisions")).json()["revisions"]
    assert (newest["reason"], [each["name"] for each in newest["authors"]]) == ("restore", [ada.user.name])


async def test_a_revision_that_was_made_before_the_room_settled_names_its_authors(
    ada: Program, document: Document, sessions: Sessions, ben: User
) -> None:
    seq = await write(sessions, document.id, "One, says Ada.\n\nTwo of these, says Ben.\n\nThree, and four.")
    async with transaction(sessions) as db:
        revision = await recording.record(db, document.id, reason=Reason.NAMED, name="Good")
        [client] = counts_of(revision.state_vector).keys() - await attribution.people_of(db, document.id)
    # They went on writing, so the room settles at a later place.
    await attribution.note(sessions, document.id, seq + 1, writers=[ben.id], authors={client: ben.id})
    [newest, *_] = (await ada.ask("GET", f"/documents/{document.id}/revisions")).json()["revisions"]
    assert "Ben" in [each["name"] for each in newest["authors"]]


async def test_what_was_just_made_is_its_makers(ada: Program) -> None:
    document_id = await ada.create(content="One.")
    [block] = (await ada.ask("GET", f"/documents/{document_id}/authorship")).json()["blocks"]
    assert [(each["text"], each["author"]["name"]) for each in block["passages"]] == [("One.", ada.user.name)]

"""Taking back what one person did, and nothing of what others did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.models import Document
from server.documents.schema import schema
from server.revisions import recording
from server.revisions.authorship import letters, passages
from server.revisions.removing import put_back, without
from server.workspaces.models import Workspace
from tests.factories import make_member, make_team
from tests.server.documents.programs import Program, program
from tests.server.documents.test_api_documents import problem
from tests.server.revisions.test_authorship import TEXTS, Story
from tests.server.revisions.writing_room import begin, parsed, write

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
async def document(sessions: Sessions, team: tuple[User, Workspace]) -> Document:
    return await begin(sessions, *team, markdown="One is here.\n\nTwo is here.\n\nThree is here.", title="Plan")


async def say(sessions: Sessions, document: Document, person: User, *blocks: str) -> None:
    """Write, and keep it as a revision."""
    await write(sessions, document.id, "\n\n".join(blocks), ago=LONG_AGO, by=person)
    await recording.record_due(sessions)


async def remove(ada: Program, document: Document, person: User, **stretch: Any) -> dict[str, Any]:
    answer = await ada.ask("POST", f"/documents/{document.id}/removals", json={"user_id": str(person.id), **stretch})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_one_did_goes_and_what_others_did_stays(
    ada: Program, sessions: Sessions, document: Document, ben: User
) -> None:
    await recording.record_due(sessions)
    # Alone, Ben deletes a paragraph and changes one; then both write, Ada in his words too.
    await say(sessions, document, ben, "One is here, said Ben.", "Three is here.")
    await write(sessions, document.id, "One is here, said Ben.\n\nThree is there.\n\nBen's own.", ago=LONG_AGO, by=ben)
    await say(sessions, document, ada.user, "One is here, said Ben.", "Three is there.", "Ben's very own.", "Ada's.")
    done = await remove(ada, document, ben)
    assert (done["changed"], done["revision"]["reason"], done["revision"]["name"]) == (
        True,
        "restore",
        "Without changes by Ben",
    )
    assert done["revision"]["made_by"]["id"] == str(ada.user.id)
    said = (await ada.content(str(document.id))).split("\n\n")
    # Who deleted "here" while both wrote is not known, so it does not come back.
    assert said == ["One is here.", "Two is here.", "Three is .", "very", "Ada's.\n"]
    assert not (await remove(ada, document, ben))["changed"]
    back = await ada.ask("POST", f"/documents/{document.id}/revisions/{done['before']['id']}/restore", json={})
    assert back.json()["changed"]
    assert "Ben's very own." in await ada.content(str(document.id))
    # What she brought back is still his, and so it can go again.
    assert (await remove(ada, document, ben))["changed"]
    assert (await ada.content(str(document.id))).split("\n\n") == said


async def test_only_what_was_done_in_the_time_goes(
    ada: Program, sessions: Sessions, document: Document, ben: User
) -> None:
    await recording.record_due(sessions)
    text = ["One is here.", "Two is here.", "Three is here."]
    for number in range(3):
        text.append(f"Ben's {number}.")
        await say(sessions, document, ben, *text)
    newest, middle, first, _ = (await ada.ask("GET", f"/documents/{document.id}/revisions")).json()["revisions"]
    assert newest["number"] == 4
    await remove(ada, document, ben, since=first["created_at"], until=middle["created_at"])
    assert (await ada.content(str(document.id))).split("\n\n")[2:] == ["Three is here.", "Ben's 0.", "Ben's 2.\n"]


async def test_somebody_who_never_wrote_is_refused(
    ada: Program, sessions: Sessions, document: Document, ben: User
) -> None:
    answer = await ada.ask("POST", f"/documents/{document.id}/removals", json={"user_id": str(ben.id)})
    assert problem(answer, 422)["errors"][0]["field"] == "user_id"


def test_a_paragraph_that_was_parted_does_not_come_twice() -> None:
    story = Story("Before the cut. After the cut.\n\nStays.")
    old = story.node
    both, stays = old.content.content
    first, second = parsed("Before the cut.\n\nAfter the cut.").content.content
    first = first.type.create({**first.attrs, "id": both.attrs["id"]}, first.content)
    story.step(7, old.type.create({}, [first, second, stays]))
    new = story.node
    assert [letters(block) for block in put_back(new.content.content, old, new)] == [letters(both), "Stays."]
    # Somebody went on in the second half: it stays, and so its words must not be in the first again.
    second = new.content.content[1]
    second = second.copy(parsed("After the cut, more.").content.content[0].content)
    present = [new.content.content[0], second, stays]
    assert [letters(block) for block in put_back(present, old, new)][1:] == ["After the cut, more.", "Stays."]


def test_what_was_replaced_or_taken_out_everywhere_comes_back_in_its_place() -> None:
    story = Story("\n\n".join(f"Number {number} of the foxes." for number in range(30)))
    old = story.node
    kept = [block for number, block in enumerate(old.content.content) if number % 3]
    replaced = [
        block.copy(parsed(letters(block).replace("foxes", "wolves")).content.content[0].content) for block in kept
    ]
    story.step(7, old.type.create({}, replaced))
    assert put_back(story.node.content.content, old, story.node) == list(old.content.content)


@given(TEXTS, st.integers(2, 6))
def test_without_one_persons_letters_all_others_are_left_in_order(steps: list[list[str]], person: int) -> None:
    story = Story("Begin with this, friend.")
    for client, blocks in enumerate(steps, start=2):
        story.step(client, "\n\n".join(blocks))
    left = without(story.node.content.content, story.whose, lambda run: run.client == person)
    expected = "".join(text for text, client, _ in story.tells() if client != person)
    if left:
        schema.nodes["doc"].create({}, left).check()
    things = "\ufffc"
    found = "".join(letters(passage) for block in left for passage in passages(block))
    assert found.replace(things, "") == expected.replace(things, "")

"""Who deleted a word, who gave it another form, and when it came, where several people wrote between two revisions."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import delete, select
from sqlmodel import col

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.models import Document, DocumentUpdate
from server.revisions import jobs, recording
from server.revisions.models import Deletions, Reason, Revision
from server.workspaces.models import Workspace
from tests.factories import make_member, make_team, sign_in
from tests.server.revisions.writing_room import begin, clear_log, write

Team = tuple[User, Workspace]


@pytest.fixture
async def team(sessions: Sessions) -> Team:
    return await make_team(sessions)


@pytest.fixture
async def ben(sessions: Sessions, team: Team) -> User:
    async with transaction(sessions) as db:
        return await make_member(db, team[1], name="Ben Okri")


async def keep(sessions: Sessions, document: Document) -> Revision:
    async with transaction(sessions) as db:
        return await recording.record(db, document.id, reason=Reason.NAMED, name="Kept")


async def changes(client: httpx.AsyncClient, old: Revision, new: Revision | None) -> list[tuple[str, list[str]]]:
    """Return each changed block with its marks, and who is named."""
    to = f"&to={new.id}" if new is not None else ""
    answer = await client.get(f"/api/v1/documents/{old.document_id}/compare?from={old.id}{to}")
    assert answer.status_code == 200, answer.text
    return [(each["html"], [person["name"] for person in each["authors"]]) for each in answer.json()["changes"]]


async def test_deletions_and_forms_are_named_among_several_people(
    client: httpx.AsyncClient, sessions: Sessions, team: Team, ben: User
) -> None:
    ada, _ = team
    document = await begin(sessions, *team, markdown="One two three.\n\nFour.\n\nFive six.\n\n---\n\nSeven.\n\n# Eight")
    await sign_in(client, sessions, ada)
    old = await keep(sessions, document)
    await write(sessions, document.id, "One three.\n\nFour.\n\nFive six.\n\n---\n\nSeven.\n\n# Eight", by=ada)
    await write(sessions, document.id, "One three.\n\nFive **six**.\n\n---\n\nSeven.\n\n# Eight", by=ben)
    await write(sessions, document.id, "One three.\n\nFive **six**.\n\nSeven.\n\n# Eight", by=ada)
    await write(sessions, document.id, "One three.\n\nFive **six**.\n\nSeven.\n\n## Eight", by=ben)
    expected = [["Ada"], ["Ben Okri"], ["Ben Okri"], ["Ada"], ["Ben Okri"]]
    by_ada = f'<del class="presence-{ada.colour}" data-by="{ada.id}">two </del>'

    async def look(new: Revision | None) -> None:
        found = await changes(client, old, new)
        assert [[name.removesuffix(" Lovelace") for name in names] for _, names in found] == expected
        assert by_ada in found[0][0]

    await look(None)
    newer = await keep(sessions, document)
    async with transaction(sessions) as db:
        await clear_log(db, document.id)
        await db.execute(delete(DocumentUpdate).where(col(DocumentUpdate.document_id) == document.id))
    # The log has been folded: the revision has it.
    await look(newer)
    async with transaction(sessions) as db:
        kept = (await db.scalars(select(Deletions).where(col(Deletions.document_id) == document.id))).all()
    assert {each.user_id for each in kept} == {ada.id, ben.id}


async def test_what_was_only_written_anew_is_not_taken_for_deleted(
    client: httpx.AsyncClient, sessions: Sessions, team: Team, ben: User
) -> None:
    document = await begin(sessions, *team, markdown="One two three.")
    await sign_in(client, sessions, team[0])
    old = await keep(sessions, document)
    # Ben makes a heading of it, for which all words are written anew; then Ada takes out one of the copies.
    await write(sessions, document.id, "# One two three.", by=ben)
    await write(sessions, document.id, "# One three.", by=team[0])
    [*found] = await changes(client, old, None)
    assert not any(f'data-by="{ben.id}">two' in html for html, _ in found)


async def test_a_row_of_several_people_names_nobody(
    client: httpx.AsyncClient, sessions: Sessions, team: Team, ben: User
) -> None:
    document = await begin(sessions, *team, markdown="One two three.\n\nFour.")
    await sign_in(client, sessions, team[0])
    old = await keep(sessions, document)
    await write(sessions, document.id, "One two three.\n\nFour, says Ben.", by=ben)
    await write(sessions, document.id, "One two three.\n\nFour, says Ben and I.", by=team[0])
    await write(sessions, document.id, "One three.\n\nFour, says Ben and I.")
    [(html, names), _] = await changes(client, old, None)
    assert "<del>two </del>" in html
    assert names == []


async def test_whoever_writes_at_this_moment_takes_nobody_elses_words(
    client: httpx.AsyncClient, sessions: Sessions, team: Team, ben: User
) -> None:
    document = await begin(sessions, *team, markdown="One two three.\n\nFour.")
    await sign_in(client, sessions, team[0])
    old = await keep(sessions, document)
    await write(sessions, document.id, "One three.\n\nFour.", by=ben)
    # Ada's room has not settled: only the log knows of her.
    await write(sessions, document.id, "One three.\n\nFour and five.", by=team[0], noted=False)
    [taken, given] = await changes(client, old, None)
    assert taken[1] == ["Ben Okri"]
    assert "<ins> and five</ins>" in given[0]


async def test_passages_know_their_minute(client: httpx.AsyncClient, sessions: Sessions, team: Team) -> None:
    document = await begin(sessions, *team)
    await sign_in(client, sessions, team[0])
    first = await keep(sessions, document)
    async with transaction(sessions) as db:
        (await db.get_one(Revision, first.id)).created_at -= timedelta(hours=2)
    await write(sessions, document.id, "One.", by=team[0], ago=timedelta(minutes=40))
    await write(sessions, document.id, "One. Two.", by=team[0], ago=timedelta(minutes=20))
    newer = await keep(sessions, document)
    answer = (await client.get(f"/api/v1/documents/{document.id}/authorship")).json()
    passages = answer["blocks"][0]["passages"]
    assert [each["text"] for each in passages] == ["One.", " Two."]
    assert {each["revision_id"] for each in passages} == {str(newer.id)}
    ages = [newer.created_at - newer.created_at.fromisoformat(each["written_at"]) for each in passages]
    assert [round(age / timedelta(minutes=20)) for age in ages] == [2, 1]


async def test_a_log_that_is_about_to_be_folded_is_read_first(sessions: Sessions, team: Team, ben: User) -> None:
    document = await begin(sessions, *team, markdown="One two three.")
    await keep(sessions, document)
    await write(sessions, document.id, "One three.", by=ben)
    assert await recording.record_due(sessions, updates=2) == 0
    assert await recording.record_due(sessions, updates=1) == 1
    assert await jobs.record_before_folding(sessions) == 0
    async with transaction(sessions) as db:
        kept = select(col(Deletions.user_id)).where(col(Deletions.document_id) == document.id)
        assert await db.scalar(kept) == ben.id

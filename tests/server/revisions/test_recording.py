"""What people write becomes revisions: none is missed, none is made twice, and each says what the document said."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.db import Sessions, transaction
from server.documents.models import Document, utc_now
from server.revisions import attribution, recording, states
from server.revisions.models import Keyframe, Reason, Revision, RevisionAuthor
from server.workspaces.models import Workspace
from tests.factories import make_member, make_team
from tests.server.revisions.writing_room import begin, clear_log, text_of, write

Team = tuple[User, Workspace]


@pytest.fixture
async def team(sessions: Sessions) -> Team:
    return await make_team(sessions)


@pytest.fixture
async def document(sessions: Sessions, team: Team) -> Document:
    return await begin(sessions, *team, markdown="One.", title="Plan")


async def kept(sessions: Sessions, document: Document) -> list[Revision]:
    async with transaction(sessions) as db:
        rows = await db.scalars(
            select(Revision).where(col(Revision.document_id) == document.id).order_by(col(Revision.number))
        )
        return list(rows)


async def read(db: AsyncSession, revision: Revision) -> str:
    return text_of(states.unpack(await states.read_state(db, revision)))


async def authors(sessions: Sessions, revision: Revision) -> set[object]:
    async with transaction(sessions) as db:
        found = select(col(RevisionAuthor.user_id)).where(col(RevisionAuthor.revision_id) == revision.id)
        return set(await db.scalars(found))


async def test_a_new_document_begins_with_what_it_was_made_of(sessions: Sessions, team: Team) -> None:
    imported = await begin(sessions, *team, markdown="# Aim\n\nTo write.")
    empty = await begin(sessions, *team)
    assert await recording.record_due(sessions) == 2
    assert await recording.record_due(sessions) == 0
    [first] = await kept(sessions, imported)
    assert (first.number, first.reason, first.added, first.removed) == (1, Reason.IMPORT, 12, 0)
    assert first.created_at == imported.created_at
    assert await authors(sessions, first) == {team[0].id}
    [blank] = await kept(sessions, empty)
    assert (blank.number, blank.reason, blank.added) == (1, Reason.AUTOMATIC, 0)


async def test_a_session_is_one_revision_once_it_pauses(sessions: Sessions, document: Document) -> None:
    await recording.record_due(sessions)
    for words, ago in (("One. Two.", 150), ("One. Two. Three.", 100)):
        await write(sessions, document.id, words, ago=timedelta(seconds=ago))
    now = utc_now()
    async with transaction(sessions) as db:
        assert await recording.due(db, now=now - timedelta(seconds=30)) == []
        assert await recording.due(db, now=now) == [document.id]
    assert await recording.record_due(sessions, now=now) == 1
    first, second = await kept(sessions, document)
    assert (second.number, second.reason, second.seq, second.title) == (2, Reason.AUTOMATIC, 3, "Plan")
    assert (second.added, second.removed) == (len(" Two. Three."), 0)
    async with transaction(sessions) as db:
        assert [await read(db, first), await read(db, second)] == ["One.", "One. Two. Three."]


async def test_whoever_never_pauses_has_a_revision_every_five_minutes(sessions: Sessions, document: Document) -> None:
    await recording.record_due(sessions)
    await write(sessions, document.id, "One. Two.", ago=timedelta(seconds=241))
    await write(sessions, document.id, "One. Two. Three.")
    assert await recording.record_due(sessions) == 1
    await write(sessions, document.id, "One. Two. Three. Four.")
    assert await recording.record_due(sessions) == 0
    assert len(await kept(sessions, document)) == 2


async def test_a_significant_change_is_not_left_waiting(sessions: Sessions, document: Document) -> None:
    await recording.record_due(sessions)
    await write(sessions, document.id, "word " * 1000)
    assert await recording.record_due(sessions) == 1


async def test_what_was_folded_before_anybody_looked_is_kept_too(sessions: Sessions, document: Document) -> None:
    await recording.record_due(sessions)
    await write(sessions, document.id, "One. Two.")
    async with transaction(sessions) as db:
        await clear_log(db, document.id)
    assert await recording.record_due(sessions) == 1
    _, second = await kept(sessions, document)
    async with transaction(sessions) as db:
        assert await read(db, second) == "One. Two."


async def test_a_document_that_was_folded_before_its_first_revision_begins_with_what_there_is(
    sessions: Sessions, document: Document
) -> None:
    await write(sessions, document.id, "One. Two.")
    async with transaction(sessions) as db:
        await clear_log(db, document.id)
    assert await recording.record_due(sessions) == 1
    [only] = await kept(sessions, document)
    async with transaction(sessions) as db:
        assert await read(db, only) == "One. Two."


async def test_two_workers_at_once_make_one_revision(sessions: Sessions, document: Document) -> None:
    await write(sessions, document.id, "One. Two.", ago=timedelta(hours=1))
    await asyncio.gather(*(recording.record_due(sessions) for _ in range(4)))
    assert [each.number for each in await kept(sessions, document)] == [1, 2]


async def test_what_was_taken_back_makes_no_revision_and_is_not_due_again(
    sessions: Sessions, document: Document
) -> None:
    await recording.record_due(sessions)
    await write(sessions, document.id, "Something else.", ago=timedelta(hours=1))
    await write(sessions, document.id, "One.", ago=timedelta(hours=1))
    assert await recording.record_due(sessions) == 1
    assert await recording.record_due(sessions) == 0
    assert len(await kept(sessions, document)) == 1


async def test_a_name_makes_a_revision_or_is_given_to_the_newest(
    sessions: Sessions, document: Document, team: Team
) -> None:
    await write(sessions, document.id, "One. Two.")
    async with transaction(sessions) as db:
        named = await recording.record(db, document.id, reason=Reason.NAMED, name="Draft", by=team[0].id)
    assert (named.number, named.reason, named.name, named.made_by) == (2, Reason.NAMED, "Draft", team[0].id)
    await write(sessions, document.id, "One. Two. Three.", ago=timedelta(hours=1))
    await recording.record_due(sessions)
    async with transaction(sessions) as db:
        again = await recording.record(db, document.id, reason=Reason.NAMED, name="Final", by=team[0].id)
    assert (again.number, again.reason, again.name) == (3, Reason.AUTOMATIC, "Final")
    assert len(await kept(sessions, document)) == 3


async def test_authors_are_those_who_wrote_since_the_revision_before(
    sessions: Sessions, document: Document, team: Team
) -> None:
    ada, workspace = team
    async with transaction(sessions) as db:
        ben = await make_member(db, workspace, name="Ben")
        gone = await make_member(db, workspace, name="Gone")
        await db.delete(await db.get_one(User, gone.id))
    await recording.record_due(sessions)
    await attribution.note(sessions, document.id, 2, writers=[ada.id, ben.id, gone.id], authors={7: ada.id, 8: gone.id})
    await write(sessions, document.id, "One. Two.", ago=timedelta(hours=1))
    await recording.record_due(sessions)
    await attribution.note(sessions, document.id, 3, writers=[ben.id], authors={})
    await write(sessions, document.id, "One. Two. Three.", ago=timedelta(hours=1))
    await recording.record_due(sessions)
    _, second, third = await kept(sessions, document)
    assert await authors(sessions, second) == {ada.id, ben.id}
    assert await authors(sessions, third) == {ben.id}
    # What settles late belongs to the revision that has it already.
    await attribution.note(sessions, document.id, 3, writers=[ada.id], authors={})
    assert await authors(sessions, third) == {ada.id, ben.id}


async def test_most_revisions_are_small_and_long_ones_bring_a_keyframe(sessions: Sessions, document: Document) -> None:
    words = [f"Paragraph number {number} of a text that is long enough." for number in range(400)]
    for length in (400, 395, 380):
        await write(sessions, document.id, "\n\n".join(words[:length]), ago=timedelta(hours=1))
        await recording.record_due(sessions)
    others = [sha256(word.encode()).hexdigest() for word in words]
    await write(sessions, document.id, "\n\n".join(others), ago=timedelta(hours=1))
    await recording.record_due(sessions)
    revisions = await kept(sessions, document)
    async with transaction(sessions) as db:
        keyframes = list(await db.scalars(select(Keyframe)))
        for revision, length in zip(revisions[1:4], (400, 395, 380), strict=True):
            assert await read(db, revision) == "\n".join(words[:length])
    assert [each.delta is None for each in revisions] == [True, True, False, False, True]
    assert len(keyframes) == 3
    assert all(len(each.delta) * 4 < max(len(one.data) for one in keyframes) for each in revisions if each.delta)


async def test_a_document_that_is_gone_is_no_fault(sessions: Sessions, document: Document) -> None:
    await recording.record_due(sessions)
    await write(sessions, document.id, "Two.", ago=timedelta(hours=1))
    async with transaction(sessions) as db:
        await db.delete(await db.get_one(Document, document.id))
    assert await recording.record_due(sessions) == 0
    await attribution.note(sessions, document.id, 9, writers=[], authors={})

"""What was suggested and decided is told once, when somebody pauses, to whom it concerns."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from server.db import transaction
from server.documents.models import DocumentRole, utc_now
from server.documents.schema import mark, text
from server.notifications.models import Attention, DocumentAttention, PersonalNotice
from server.suggestions import recording
from server.suggestions.models import Verdict
from server.suggestions.news import DECISIONS_PAUSE, PROPOSALS_PAUSE, tell_due
from server.workspaces.models import Workspace
from tests.factories import make_member, name_on
from tests.server.suggestions.test_recording import Desk, block, desk, whose

__all__ = ["desk"]


async def _noted(desk: Desk) -> list[tuple[str, str, str]]:
    async with desk.sessions() as db:
        rows = await db.scalars(select(PersonalNotice).order_by(col(PersonalNotice.created_at)))
        return [(str(each.user_id), each.kind, each.text) for each in rows]


async def test_a_sitting_is_told_once_and_only_to_whom_it_concerns(desk: Desk) -> None:
    ada, rex = desk.ada, desk.rex
    async with transaction(desk.sessions) as db:
        editor = await make_member(db, await _workspace(desk), name="Eve")
        reader = await make_member(db, await _workspace(desk), name="Vic")
        stranger = await make_member(db, await _workspace(desk), name="Ron")
        await name_on(db, desk.document, editor, DocumentRole.EDITOR)
        for person in (editor, reader):
            following = Attention.FOLLOWING.value
            db.add(DocumentAttention(user_id=person.id, document_id=desk.document.id, attention=following))
        document = await db.merge(desk.document)
        document.reach, document.reach_role = "workspace", "viewer"
    assert stranger.id
    names = [f"s{n}" for n in range(6)]
    pieces = [text(f"word {name} ", [mark("insertion", whose(rex, name))]) for name in names]
    await desk.says(block(text("One old line."), *pieces[:1]), by=[rex])
    # Not while it goes on.
    assert await tell_due(desk.sessions, now=utc_now()) == frozenset()
    await desk.says(block(text("One old line."), *pieces), by=[rex])
    paused = utc_now() + PROPOSALS_PAUSE
    assert await tell_due(desk.sessions, now=paused) == {ada.id, editor.id}
    assert await tell_due(desk.sessions, now=paused) == frozenset()
    said = [words for who, kind, words in await _noted(desk) if (who, kind) == (str(ada.id), "proposal")]
    [words] = said
    assert words.splitlines() == ["6 suggestions:", *[f"Add “word {name} ”" for name in names[:4]], "and 2 more"]

    # What somebody decides is told to the author, with the numbers.
    keys = [(rex.id, name) for name in names]
    async with transaction(desk.sessions) as db:
        await recording.tell(db, desk.document.id, ada.id, Verdict.ACCEPTED, keys[:3])
        await recording.tell(db, desk.document.id, ada.id, Verdict.REJECTED, keys[3:4])
        await recording.tell(db, desk.document.id, rex.id, Verdict.REJECTED, keys[4:5])
    await desk.says(
        block(text("One old line."), *[text(f"word {name} ") for name in names[:3]], pieces[5]), by=[ada, rex]
    )
    later = utc_now() + DECISIONS_PAUSE
    assert await tell_due(desk.sessions, now=later) == {rex.id}
    assert await tell_due(desk.sessions, now=later + timedelta(hours=1)) == frozenset()
    [words] = [words for who, kind, words in await _noted(desk) if who == str(rex.id)]
    # Each below what became of it.
    assert words.splitlines() == [
        "Accepted 3 of your suggestions:",
        *[f"Add “word {name} ”" for name in names[:3]],
        "Rejected 1 of your suggestions:",
        f"Add “word {names[3]} ”",
    ]
    # It leads to what was accepted, and the proposal to what is pending.
    async with desk.sessions() as db:
        paths = (await db.execute(select(col(PersonalNotice.user_id), col(PersonalNotice.path)))).all()
    here = f"/documents/{desk.document.id}#suggestions"
    assert {path for who, path in paths if who == rex.id} == {f"{here}-accepted"}
    assert {path for who, path in paths if who == ada.id} == {here}


async def test_what_was_undone_or_forged_is_no_news(desk: Desk) -> None:
    ada, rex = desk.ada, desk.rex
    suggested = block(text("One "), text("new ", [mark("insertion", whose(rex))]))
    # Somebody else wrote it in Rex's name.
    await desk.says(suggested, by=[ada])
    assert await tell_due(desk.sessions, now=utc_now() + timedelta(hours=1)) == frozenset()
    await desk.says(suggested, by=[rex])
    await desk.says(block(text("One new ")), by=[ada])
    await desk.says(suggested, by=[ada])
    assert await tell_due(desk.sessions, now=utc_now() + DECISIONS_PAUSE) == frozenset()
    await desk.says(block(text("One ")), by=[rex])
    assert await tell_due(desk.sessions, now=utc_now() + timedelta(hours=1)) == frozenset()
    assert await _noted(desk) == []


async def _workspace(desk: Desk) -> Workspace:
    async with desk.sessions() as db:
        return await db.get_one(Workspace, desk.document.workspace_id)

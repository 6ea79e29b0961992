"""The ledger grows with the deeds it tells of, takes no change, and shows every one that was made past it."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.audit import ledger
from server.audit.ledger import By
from server.audit.models import LedgerEntry
from server.db import Sessions
from server.workspaces.models import Workspace
from tests.factories import make_user, make_workspace

ADA = By(uuid4(), "Ada")


async def _workspace(db: AsyncSession) -> Workspace:
    return await make_workspace(db, await make_user(db))


async def _write(db: AsyncSession, workspace_id: UUID, many: int) -> None:
    for number in range(many):
        await ledger.append(db, workspace_id, ADA, kind="tried", sentence=f"Deed {number}", data={"n": [number, None]})


async def _past_the_trigger(db: AsyncSession, statement: str, **values: object) -> None:
    """Do what only somebody who owns the database can."""
    await db.execute(text("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_stays"))
    await db.execute(text(statement), values)
    await db.execute(text("ALTER TABLE ledger_entries ENABLE TRIGGER ledger_stays"))


async def _broken_at(db: AsyncSession, workspace: Workspace) -> int | None:
    found = {each.workspace_id: each for each in await ledger.verify(db)}
    return found[workspace.id].broken_at


async def test_each_entry_follows_the_one_before_it(db: AsyncSession) -> None:
    workspace, other = await _workspace(db), await _workspace(db)
    await _write(db, workspace.id, 3)
    await _write(db, other.id, 1)
    assert await _broken_at(db, workspace) is None
    assert await _broken_at(db, other) is None
    assert [each.entries for each in await ledger.verify(db)] == ([3, 1] if workspace.id < other.id else [1, 3])


async def test_what_is_in_the_database_has_the_hash_that_was_made_before(sessions: Sessions) -> None:
    async with sessions.begin() as db:
        workspace = await _workspace(db)
        data = {"words": "é\0\ud800 “quoted”", "big": 2**60, "deep": {"b": [True, None], "a": "x"}}
        await ledger.append(db, workspace.id, By(None, "Somebody\0"), kind="tried", sentence="Zürich\0", data=data)
    async with sessions() as db:
        assert await _broken_at(db, workspace) is None


async def test_the_database_takes_no_change(sessions: Sessions) -> None:
    async with sessions.begin() as db:
        workspace = await _workspace(db)
        await _write(db, workspace.id, 2)
    for statement in ("UPDATE ledger_entries SET sentence = 'x'", "DELETE FROM ledger_entries"):
        async with sessions() as db:
            with pytest.raises(IntegrityError, match="never changed or removed"):
                await db.execute(text(statement))
    async with sessions.begin() as db:
        await db.execute(text("DELETE FROM workspaces WHERE id = :id"), {"id": workspace.id})
        assert (await db.scalar(text("SELECT count(*) FROM ledger_entries"))) == 0


@pytest.mark.parametrize(
    ("statement", "at"),
    [
        ("UPDATE ledger_entries SET sentence = 'Nothing' WHERE number = 3", 3),
        ("UPDATE ledger_entries SET actor_id = gen_random_uuid() WHERE number = 2", 2),
        ("UPDATE ledger_entries SET data = '{}' WHERE number = 4", 4),
        ("UPDATE ledger_entries SET at = at + interval '1 second' WHERE number = 1", 1),
        ("DELETE FROM ledger_entries WHERE number = 2", 2),
        ("DELETE FROM ledger_entries WHERE number = 1", 1),
        # At the end nothing follows that could miss it, but for the row that ends the chain.
        ("DELETE FROM ledger_entries WHERE number = 5", 5),
        ("DELETE FROM ledger_heads", 1),
    ],
)
async def test_what_was_altered_or_removed_past_the_trigger_is_named(db: AsyncSession, statement: str, at: int) -> None:
    workspace = await _workspace(db)
    await _write(db, workspace.id, 5)
    await _past_the_trigger(db, statement)
    assert await _broken_at(db, workspace) == at


async def test_an_entry_written_anew_with_a_hash_of_its_own_breaks_the_next(db: AsyncSession) -> None:
    workspace = await _workspace(db)
    await _write(db, workspace.id, 3)
    entry = await db.get_one(LedgerEntry, (workspace.id, 2))
    db.expunge(entry)
    entry.sentence = "Nothing happened"
    await _past_the_trigger(
        db,
        "UPDATE ledger_entries SET sentence = :sentence, hash = :hash WHERE number = 2",
        sentence=entry.sentence,
        hash=ledger.hash_of(entry),
    )
    assert await _broken_at(db, workspace) == 3


async def test_two_who_write_at_once_make_one_chain(sessions: Sessions) -> None:
    async with sessions.begin() as db:
        workspace = await _workspace(db)

    async def write() -> None:
        for _ in range(5):
            async with sessions.begin() as db:
                await _write(db, workspace.id, 1)

    await asyncio.gather(*(write() for _ in range(4)))
    async with sessions() as db:
        (chain,) = await ledger.verify(db)
    assert (chain.entries, chain.broken_at) == (20, None)


async def test_a_deed_that_is_taken_back_leaves_no_entry(sessions: Sessions) -> None:
    async with sessions.begin() as db:
        workspace = await _workspace(db)
    async with sessions() as db:
        await _write(db, workspace.id, 1)
        await db.rollback()
    async with sessions.begin() as db:
        await _write(db, workspace.id, 1)
        (chain,) = await ledger.verify(db)
    assert (chain.entries, chain.broken_at) == (1, None)


async def test_what_was_noted_is_chained_once_in_its_order_and_waits_for_nobody(sessions: Sessions) -> None:
    async with sessions.begin() as db:
        workspace = await _workspace(db)
    # That somebody began the workspace.
    assert await ledger.chain_waiting(sessions) == 1
    async with sessions.begin() as person:
        # Somebody's deed holds the end of the chain until their transaction ends.
        await _write(person, workspace.id, 1)
        async with sessions.begin() as db:
            for number in range(3):
                await ledger.append_later(db, workspace.id, ADA, kind="noted", sentence=f"Note {number}")
            assert await ledger.waiting_since(db) is not None
        async with sessions() as db:
            await ledger.append_later(db, workspace.id, ADA, kind="noted", sentence="Taken back")
            await db.rollback()
    assert sum(await asyncio.gather(*(ledger.chain_waiting(sessions) for _ in range(3)))) == 3
    async with sessions() as db:
        (chain,) = await ledger.verify(db)
        entries = (await db.scalars(select(LedgerEntry).order_by(col(LedgerEntry.number)))).all()
        assert await ledger.waiting_since(db) is None
    assert (chain.entries, chain.broken_at) == (5, None)
    assert [each.sentence for each in entries[1:]] == ["Deed 0", "Note 0", "Note 1", "Note 2"]


async def test_a_documents_deeds_are_read_also_while_they_wait(sessions: Sessions) -> None:
    document_id = uuid4()
    async with sessions.begin() as db:
        workspace = await _workspace(db)
        for kind in ("review.asked", "link.created"):
            await ledger.append(db, workspace.id, ADA, kind=kind, sentence=kind, document_id=document_id)
        await ledger.append_later(
            db, workspace.id, ADA, kind="publication.planned", sentence="planned", document_id=document_id
        )
        await ledger.append_later(db, workspace.id, ADA, kind="link.ended", sentence="ended", document_id=document_id)
    async with sessions() as db:
        deeds = await ledger.of_document(db, document_id)
        assert [(each.kind, each.number) for each in deeds] == [
            ("link.ended", None),
            ("publication.planned", None),
            ("link.created", 2),
            ("review.asked", 1),
        ]
        for_readers = await ledger.of_document(db, document_id, but=("link.",))
        assert [each.kind for each in for_readers] == ["publication.planned", "review.asked"]
        assert [each.number for each in await ledger.of_document(db, document_id, before=2)] == [1]


async def test_fractions_are_refused(db: AsyncSession) -> None:
    workspace = await _workspace(db)
    with pytest.raises(TypeError, match="float"):
        await ledger.append(db, workspace.id, ADA, kind="tried", sentence="x", data={"n": 0.5})


@given(
    field=st.sampled_from(["number", "actor_name", "kind", "sentence", "data", "previous", "at", "document_id"]),
    word=st.text(min_size=1),
)
def test_no_part_of_an_entry_changes_without_its_hash(field: str, word: str) -> None:
    entry = LedgerEntry(
        workspace_id=UUID(int=1),
        number=1,
        at=datetime(2026, 11, 21, tzinfo=UTC),
        actor_name="",
        kind="",
        sentence="",
        data={},
        previous=ledger.BEGINNING,
        hash=b"",
    )
    before = ledger.hash_of(entry)
    others: dict[str, object] = {
        "number": 2,
        "data": {"word": word},
        "previous": b"x" * 32,
        "at": datetime(2026, 11, 22, tzinfo=UTC),
        "document_id": UUID(int=2),
    }
    setattr(entry, field, others.get(field, word))
    assert ledger.hash_of(entry) != before

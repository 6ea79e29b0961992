"""The promises of an UpdateLog, kept by the double in memory and by Postgres alike."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from realtime.memory import MemoryLog
from realtime.ports import Append, DocumentId, Epoch, LogUnavailable, UpdateLog
from server.documents.live import PostgresLog, compact
from tests.realtime.documents import Author, seed, text_of

pytestmark = pytest.mark.anyio

Create = Callable[[bytes], Awaitable[tuple[DocumentId, Epoch]]]


@pytest.fixture
async def workspace(pool: "asyncpg.Pool[Any]") -> UUID:
    workspace_id = uuid4()
    await pool.execute("INSERT INTO workspaces (id, name, created_at) VALUES ($1, 'Test', now())", workspace_id)
    return workspace_id


@pytest.fixture(params=["memory", "postgres"])
async def log_and_create(
    request: pytest.FixtureRequest, pool: "asyncpg.Pool[Any]", workspace: UUID
) -> AsyncIterator[tuple[UpdateLog, Create]]:
    if request.param == "memory":
        memory = MemoryLog()

        async def create(update: bytes) -> tuple[DocumentId, Epoch]:
            document_id = DocumentId(str(uuid4()))
            return document_id, memory.create(document_id, update)

        yield memory, create
        return

    async def create_row(update: bytes) -> tuple[DocumentId, Epoch]:
        document_id, epoch = uuid4(), uuid4()
        await pool.execute(
            """INSERT INTO documents (id, workspace_id, title, excerpt, created_at, updated_at, projected_seq)
            VALUES ($1, $2, '', '', now(), now(), 0)""",
            document_id,
            workspace,
        )
        await pool.execute(
            "INSERT INTO lineages (document_id, epoch, seq, bytes) VALUES ($1, $2, 1, $3)",
            document_id,
            epoch,
            len(update),
        )
        await pool.execute(
            "INSERT INTO document_updates (document_id, seq, data, created_at) VALUES ($1, 1, $2, now())",
            document_id,
            update,
        )
        return DocumentId(str(document_id)), Epoch(str(epoch))

    async with PostgresLog(pool) as log:
        yield log, create_row


async def test_what_was_appended_is_loaded_in_its_order(log_and_create: tuple[UpdateLog, Create]) -> None:
    log, create = log_and_create
    author = Author()
    document_id, epoch = await create(author.write("a"))
    for place, word in enumerate("bcd", start=2):
        entry = Append(document_id=document_id, epoch=epoch, update=author.write(word))
        assert await log.append([entry]) == [place]
    stored = await log.load(document_id)
    assert stored is not None
    assert (stored.epoch, stored.seq, list(stored.updates)) == (epoch, 4, author.updates)
    later = await log.since(document_id, 2)
    assert later is not None
    assert (later.seq, list(later.updates)) == (4, author.updates[2:])
    newest = await log.since(document_id, 4)
    assert newest is not None
    assert list(newest.updates) == []


async def test_a_document_that_is_not_there_is_none_and_never_empty(log_and_create: tuple[UpdateLog, Create]) -> None:
    log, _ = log_and_create
    missing = DocumentId(str(uuid4()))
    assert await log.load(missing) is None
    assert await log.since(missing, 3) is None


async def test_one_batch_writes_many_documents_and_leaves_out_other_lineages(
    log_and_create: tuple[UpdateLog, Create],
) -> None:
    log, create = log_and_create
    first, second = await create(seed()), await create(seed())
    gone = (DocumentId(str(uuid4())), Epoch(str(uuid4())))
    replaced = (second[0], Epoch(str(uuid4())))
    entries = [Append(document_id=d, epoch=e, update=seed("x")) for d, e in (first, gone, replaced)]
    assert await log.append(entries) == [2, None, None]
    untouched = await log.load(second[0])
    assert untouched is not None
    assert untouched.seq == 1


async def test_appends_at_once_get_places_without_gap_or_repeat(log_and_create: tuple[UpdateLog, Create]) -> None:
    log, create = log_and_create
    documents = [await create(seed()) for _ in range(3)]

    async def write(order: int) -> list[int | None]:
        chosen = documents if order % 2 else documents[::-1]
        return await log.append([Append(document_id=d, epoch=e, update=seed(str(order))) for d, e in chosen])

    places = await asyncio.gather(*(write(number) for number in range(20)))
    assert sorted(place for batch in places for place in batch if place) == sorted([*range(2, 22)] * 3)
    for document_id, _ in documents:
        stored = await log.load(document_id)
        assert stored is not None
        assert (stored.seq, len(stored.updates)) == (21, 21)


async def test_a_log_that_is_away_says_so() -> None:
    memory = MemoryLog()
    memory.away = True
    with pytest.raises(LogUnavailable):
        await memory.load(DocumentId(str(uuid4())))


async def test_postgres_that_is_away_is_a_log_that_is_away(db_url: str) -> None:
    pool = await asyncpg.create_pool(db_url, min_size=0)
    log = PostgresLog(pool)
    await pool.close()
    missing = DocumentId(str(uuid4()))
    with pytest.raises(LogUnavailable):
        await log.load(missing)
    with pytest.raises(LogUnavailable):
        await log.append([Append(document_id=missing, epoch=Epoch(str(uuid4())), update=seed())])


@pytest.mark.parametrize("log_and_create", ["postgres"], indirect=True)
async def test_a_commit_that_loses_its_connection_is_not_there_and_the_next_is(
    log_and_create: tuple[UpdateLog, Create], pool: "asyncpg.Pool[Any]"
) -> None:
    log, create = log_and_create
    author = Author()
    document_id, epoch = await create(author.write("start "))
    entry = Append(document_id=document_id, epoch=epoch, update=author.write("more"))
    assert await log.append([entry]) == [2]
    await pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND query LIKE '%INSERT INTO document_updates%'"
    )
    with pytest.raises(LogUnavailable):
        await log.append([entry])
    assert await log.append([entry]) == [3]
    # Whoever is cut short in the middle of a commit leaves no connection behind that the next would stumble over.
    impatient = asyncio.create_task(log.append([entry]))
    await asyncio.sleep(0)
    impatient.cancel()
    [place] = await log.append([entry])
    assert place in (4, 5)


@pytest.mark.parametrize("log_and_create", ["postgres"], indirect=True)
async def test_folding_keeps_the_document_while_it_is_written(
    log_and_create: tuple[UpdateLog, Create], pool: "asyncpg.Pool[Any]"
) -> None:
    log, create = log_and_create
    author = Author()
    document_id, epoch = await create(author.write("start "))
    texts = {1: str(author.text)}

    async def write() -> None:
        for number in range(400):
            update = author.write(f"{number} ") if number % 3 else author.delete(0, 1)
            texts[number + 2] = str(author.text)
            await log.append([Append(document_id=document_id, epoch=epoch, update=update)])

    writing = asyncio.create_task(write())
    folded = 0
    while not writing.done():
        folded += await compact(pool)
        stored = await log.load(document_id)
        assert stored is not None
        for_reading = Author()
        for update in stored.updates:
            for_reading.hear(update)
        assert str(for_reading.text) == texts[stored.seq]
    await writing
    folded += await compact(pool)
    assert folded >= 1
    stored = await log.load(document_id)
    assert stored is not None
    assert stored.seq == 401
    assert len(stored.updates) < 401
    whole = Author()
    for update in stored.updates:
        whole.hear(update)
    assert str(whole.text) == str(author.text)
    assert text_of(author.doc.get_update()) == str(author.text)


@pytest.mark.parametrize("log_and_create", ["postgres"], indirect=True)
async def test_a_reader_behind_a_fold_is_given_the_snapshot(
    log_and_create: tuple[UpdateLog, Create], pool: "asyncpg.Pool[Any]"
) -> None:
    log, create = log_and_create
    author = Author()
    document_id, epoch = await create(author.write("start "))
    for number in range(250):
        await log.append([Append(document_id=document_id, epoch=epoch, update=author.write(f"{number} "))])
    behind = Author()
    for update in author.updates[:100]:
        behind.hear(update)
    assert await compact(pool) == 1
    stored = await log.since(document_id, 100)
    assert stored is not None
    assert len(stored.updates) == 1
    behind.hear(stored.updates[0])
    assert str(behind.text) == str(author.text)

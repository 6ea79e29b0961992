"""How what Quillroom costs grows: with people, documents, a document's size and processes. Ours alone."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import asyncpg

from tests.bench.generator import Outcome, generate
from tests.bench.subjects import Quillroom
from tests.bench.workloads import WARM_UP_SECONDS, sound, type_in, typing_figures

PEOPLE = (10, 100, 250)
DOCUMENTS = (30, 300, 900)
SIZES = (0, 100_000, 900_000)
PROCESSES = (1, 2, 3)
# Postgres's own counts reach its statistics within about a second.
_COUNTED_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Row:
    """One point of a curve: how much there was of what grows, and the figures."""

    at: int
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Growth:
    """The four curves, and what presence costs in small documents."""

    people: tuple[Row, ...]
    documents: tuple[Row, ...]
    sizes: tuple[Row, ...]
    processes: tuple[Row, ...]
    carets: Mapping[str, float]


def measure(quillroom: Quillroom, core: int | None) -> Growth:
    """Measure them all. Raises NoResult."""
    return Growth(
        people=tuple(Row(count, _typing(quillroom, core, 1, count, 2)) for count in PEOPLE),
        documents=tuple(Row(count, _typing(quillroom, core, count, 3, 1)) for count in DOCUMENTS),
        sizes=tuple(Row(size, _sized(quillroom, core, size)) for size in SIZES),
        processes=tuple(Row(count, _typing(replace(quillroom, workers=count), core, 1, 30, 5)) for count in PROCESSES),
        carets=_typing(quillroom, core, 300, 3, 2, presence=True),
    )


def _typing(
    quillroom: Quillroom, core: int | None, documents: int, clients: int, rate: float, *, presence: bool = False
) -> dict[str, float]:
    with quillroom.running() as running:
        made = running.documents(documents)
        before = asyncio.run(_database(quillroom.servers.database_url))
        outcome = sound(type_in(running, core, made, clients=clients, rate=rate, presence=presence))
        time.sleep(_COUNTED_SECONDS)
        after = asyncio.run(_database(quillroom.servers.database_url))
    return typing_figures(outcome) | _stored(outcome, before, after)


def _stored(outcome: Outcome, before: tuple[int, int], after: tuple[int, int]) -> dict[str, float]:
    """What an edit cost in Postgres: bytes of its log, and transactions (admissions among them)."""
    seconds = WARM_UP_SECONDS + outcome.result["wall_ms"] / 1000
    return {
        "wal": (after[0] - before[0]) / outcome.result["sent"],
        "commits": (after[1] - before[1]) / seconds,
    }


def _sized(quillroom: Quillroom, core: int | None, size: int) -> dict[str, float]:
    with quillroom.running() as running:
        documents = running.documents(1)
        letters = 0
        if size:
            seeded = sound(generate("seeding", running, core, documents=documents, size=size))
            letters = seeded.result["letters"]
        outcome = sound(type_in(running, core, documents, clients=10, rate=5, first=letters))
    return typing_figures(outcome)


async def _database(address: str) -> tuple[int, int]:
    """How many bytes of log Postgres has written so far, and how many transactions it has committed."""
    connection = await asyncpg.connect(address)
    try:
        written = await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        committed = await connection.fetchval(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()
    return int(written), int(committed)

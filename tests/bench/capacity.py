"""How many people fit: arithmetic from what was measured and from how people are taken to behave."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured. Processor time in µs of one core, memory in KB."""

    edit_us: float
    caret_us: float
    # Postgres and Redis together, and bytes of Postgres's log, for one edit.
    edit_beside_us: float
    edit_wal_bytes: float
    # The most that one process was seen to make a second.
    process_commits: float
    connection_kb: float
    document_kb: float
    process_mb: float
    # How many times more a delivery costs when the people of a document are spread over three processes.
    spread: float


@dataclass(frozen=True, slots=True)
class People:
    """How people behave; put your own numbers in their place."""

    writing: float = 0.1
    edits_per_second: float = 3.0
    in_a_document: int = 3
    # A client tells its presence anew so often, even if nothing moves.
    renewal_seconds: float = 15.0
    # Of each core this share is meant to be used.
    used: float = 0.5

    @property
    def edits(self) -> float:
        """Edits a second of one connected person, taken over all; each moves a caret too."""
        return self.writing * self.edits_per_second

    @property
    def carets(self) -> float:
        """Presence messages a second of one connected person."""
        return self.edits + 1 / self.renewal_seconds


CORES_A_MACHINE = 4
LARGE_MACHINE_CORES = 16
# What one Redis is taken to pass on a second; not measured here.
REDIS_MESSAGES = 150_000
MILLION = 1_000_000
KB_A_GB = 1024 * 1024


def load_us(costs: Costs, people: People, *, spread: bool) -> float:
    """Processor time a second that one connected person causes, in µs."""
    return (people.edits * costs.edit_us + people.carets * costs.caret_us) * (costs.spread if spread else 1)


def people_on(cores: int, costs: Costs, people: People) -> float:
    """How many people so many cores carry, one process on each."""
    return cores * 1e6 * people.used / load_us(costs, people, spread=cores > 1)


def memory_gb(count: float, cores: int, costs: Costs, people: People) -> float:
    """Memory of all web processes with so many people. Each process keeps a document of its own where people meet."""
    copies = min(cores, people.in_a_document)
    documents = count / people.in_a_document * copies
    return (count * costs.connection_kb + documents * costs.document_kb) / KB_A_GB + cores * costs.process_mb / 1024


def sizing(costs: Costs, people: People) -> Iterator[tuple[str, str, str, str]]:
    """Rows of the sizing table: where, people, edits a second, memory of the web processes."""
    for where, cores in (("1 core", 1), ("4 cores", 4), ("3 machines of 4 cores", 3 * CORES_A_MACHINE)):
        count = people_on(cores, costs, people)
        memory = memory_gb(count, cores, costs, people)
        yield where, rounded(count), rounded(count * people.edits), f"{memory:.1f} GB"


def sizing_arithmetic(costs: Costs, people: People) -> Iterator[str]:
    """How the first rows come about, in sentences."""
    one, many = load_us(costs, people, spread=False), load_us(costs, people, spread=True)
    yield (
        f"A connected person causes {people.edits:.2f} edits/s × {costs.edit_us:.0f} µs + {people.carets:.2f} "
        f"presence messages/s × {costs.caret_us:.0f} µs = {one:.0f} µs of processor time a second; spread over "
        f"several processes {costs.spread:.2f} times that, {many:.0f} µs."
    )
    yield (
        f"One core: {people.used:.0%} of 1,000,000 µs / {one:.0f} µs = {rounded(1e6 * people.used / one)} people. "
        f"More cores: {rounded(1e6 * people.used / many)} on each."
    )
    yield (
        f"Memory: {costs.connection_kb:.0f} KB a connection, {costs.document_kb:.0f} KB a document in each process "
        f"that has it, {costs.process_mb:.0f} MB a process."
    )


def million(costs: Costs, people: People) -> Iterator[tuple[str, str, str]]:
    """Rows of the model for a million people at once: what, arithmetic, result."""
    edits, carets, others = MILLION * people.edits, MILLION * people.carets, people.in_a_document - 1
    rooms = MILLION / people.in_a_document
    deliveries = (edits + carets) * others
    cores = MILLION * load_us(costs, people, spread=True) / 1e6 / people.used
    memory = memory_gb(MILLION, round(cores), costs, people)
    beside = edits * costs.edit_beside_us / 1e6 / people.used
    yield "connections", "one a person", rounded(MILLION)
    yield "rooms", f"1,000,000 / {people.in_a_document} people in a document", rounded(rooms)
    yield "edits/s", f"1,000,000 × {people.writing:.0%} writing × {people.edits_per_second:g}", rounded(edits)
    yield "presence/s", f"one an edit, and 1,000,000 / {people.renewal_seconds:g} s", rounded(carets)
    yield "deliveries/s", f"({rounded(edits)} + {rounded(carets)}) × {others} others", rounded(deliveries)
    yield (
        "cores for web processes",
        f"1,000,000 × {load_us(costs, people, spread=True):.0f} µs/s / {people.used:.0%}",
        rounded(cores),
    )
    yield "machines", f"{rounded(cores)} cores / {LARGE_MACHINE_CORES} each", f"{ceil(cores / LARGE_MACHINE_CORES)}"
    yield "memory of web processes", "as in the sizing table", f"{memory:,.0f} GB"
    yield "Postgres: rows/s", "one an edit at most; a flush merges those of a document", rounded(edits)
    yield (
        "Postgres: commits/s",
        f"one an edit at most, and {rounded(costs.process_commits)} of each of {rounded(cores)} processes at most",
        rounded(min(edits, cores * costs.process_commits)),
    )
    yield (
        "Postgres: log/s",
        f"{rounded(edits)} × {costs.edit_wal_bytes:,.0f} bytes",
        f"{edits * costs.edit_wal_bytes / 1e6:,.0f} MB",
    )
    yield (
        "cores for Postgres and Redis",
        f"{rounded(edits)} × {costs.edit_beside_us:.0f} µs / {people.used:.0%}",
        rounded(beside),
    )
    yield "Redis: messages/s", "one an edit, one a presence message", rounded(edits + carets)
    yield (
        "Redis servers",
        f"{rounded(edits + carets)} / {rounded(REDIS_MESSAGES)} each (taken, not measured)",
        f"{ceil((edits + carets) / REDIS_MESSAGES)}",
    )


def one_database(costs: Costs, people: People) -> float:
    """How many people one Postgres of LARGE_MACHINE_CORES carries, Redis beside it."""
    return LARGE_MACHINE_CORES * 1e6 * people.used / (people.edits * costs.edit_beside_us)


def walls(costs: Costs, people: People) -> list[tuple[float, str]]:
    """What an installation has one of, and how many people it carries; the one that saturates first begins."""
    return sorted(
        [
            (one_database(costs, people), f"one Postgres of {LARGE_MACHINE_CORES} cores"),
            (one_redis(people), "one Redis, if every document is spread over processes"),
        ]
    )


def one_redis(people: People) -> float:
    """How many people one Redis carries, if every document is spread over processes."""
    return REDIS_MESSAGES / (people.edits + people.carets)


def rounded(value: float) -> str:
    """A number with the two digits that mean something."""
    if value < 100:
        return f"{value:.0f}"
    digits = len(f"{value:.0f}") - 2
    return f"{round(value, -digits):,.0f}"

"""What the log still knows of the time between two revisions: who deleted what, and when each letter came.

Yjs writes down what is deleted, and not by whom. But a row of the log names its writer where it has one, and what it
deletes that was not deleted before it is theirs. The rows are folded and go, so each revision takes from them what it
can, and keeps of the deletions those that anybody can ask about: of what stood in the revision before.

Editors also delete words only to write them anew elsewhere, when a paragraph is parted or becomes a heading, and then
somebody else may take out the copy. What came again in the same row is told apart: it was moved, and whoever moved it
deleted it only as long as the copy stands.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from realtime.encoding import STRING
from realtime.structs import read_deletions, read_structs
from realtime.wire import read_state_vector, read_var_bytes, read_var_uint, write_var_uint
from server.documents.ydoc import YDoc
from server.revisions.marking import Ask, Times, cut
from server.revisions.states import Logged, Row

# More than people delete between two revisions; of one who does, the rest is nobody's.
_MOST_RANGES: Final = 20_000
_WORDS: Final = re.compile(r"\w+|[^\w\s]+")
_WITH_SPACES: Final = re.compile(r"(?:\w+|[^\w\s]+)\s*|\s+")

Stretch = tuple[int, int]
"""From a clock, and up to another one."""


class Deleted(NamedTuple):
    """Who deleted something. `moved`: the same row wrote it anew."""

    by: UUID
    moved: bool


Ranges = Mapping[int, Sequence[tuple[int, int, Deleted]]]
"""Yjs client -> stretches of its clock, [start, end), in order, and who deleted what came then."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What rows tell. `times`: when what is new came, to the minute; `ranges`: by person what they deleted, packed."""

    times: Times = field(default_factory=dict)
    ranges: Mapping[UUID, bytes] = field(default_factory=dict)


def trace(base: bytes, before: bytes, rows: Sequence[Row], *, since: datetime, until: datetime) -> Trace:
    """Read rows that come one after another. Use a thread.

    `base`: the state that the first of them builds on, as an update. `before`: the state vector of the revision before;
    what it does not count is left out of what was deleted. `since`, `until`: when that and the next one were made.
    """
    tracing = _Tracing(base, read_state_vector(before))
    times: dict[int, list[tuple[int, int, datetime]]] = defaultdict(list)
    for row in rows:
        # To the minute, as pages say it: else every letter would be a passage of its own.
        minute = row.at.replace(second=0, microsecond=0)
        at = min(max(minute, since + timedelta(microseconds=1)), until)
        for client, start, end in tracing.take(row):
            its = times[client]
            if its and its[-1][1:] == (start, at):
                its[-1] = (its[-1][0], end, at)
            else:
                its.append((start, end, at))
    ordered = {client: sorted(its) for client, its in times.items()}
    return Trace(ordered, {by: b"".join(packed) for by, packed in tracing.ranges.items()})


def trace_since(logged: Logged, old: YDoc, seq: int, vector: bytes, *, since: datetime, until: datetime) -> Trace:
    """Read the rows of a log after a revision, as far as they are still there. Use a thread.

    `old`, `seq`, `vector`: the revision's state, its place and its state vector.
    """
    if logged.folded is not None and logged.folded_seq > seq:
        return trace(logged.folded, vector, logged.rows, since=since, until=until)
    rows = [row for row in logged.rows if row.seq > seq]
    return trace(old.get_update(), vector, rows, since=since, until=until) if rows else Trace()


class _Tracing:
    """Goes through rows. State: what is deleted so far, what text there is, and whose deletions were whose."""

    def __init__(self, base: bytes, before: Mapping[int, int]) -> None:
        self.before = before
        self.ranges: dict[UUID, list[bytes]] = defaultdict(list)
        self._left = _MOST_RANGES
        self._gone: dict[int, list[Stretch]] = {client: _joined(its) for client, its in read_deletions(base).items()}
        self._counts: dict[int, int] = {}
        self._texts: dict[int, list[tuple[int, int, tuple[str, int]]]] = defaultdict(list)
        self._read(base)

    def take(self, row: Row) -> list[tuple[int, int, int]]:
        """Take a row in. Returns the stretches of clients that are new with it."""
        came, written = self._read(row.data)
        for client, its in read_deletions(row.data).items():
            news = list(_without(_joined(its), self._gone.get(client, [])))
            if not news:
                continue
            self._gone[client] = _joined([*self._gone.get(client, []), *news])
            if row.by is not None:
                self._note(row.by, client, news, written)
        return came

    def _read(self, data: bytes) -> tuple[list[tuple[int, int, int]], frozenset[str]]:
        """Note what an update brings. Returns the stretches of clients that it brings anew, and the words in them."""
        came = []
        written: list[str] = []
        for client, structs in read_structs(data).items():
            known = self._counts.get(client, 0)
            for struct in structs:
                if struct.end <= known:
                    continue
                came.append((client, max(struct.clock, known), struct.end))
                if struct.content == STRING:
                    letters = read_var_bytes(data, struct.content_at)[0].decode()
                    start = max(struct.clock, known)
                    self._texts[client].append((start, struct.end, (_by_units(letters), struct.clock)))
                    written.append(letters)
            self._counts[client] = max(known, structs[-1].end) if structs else known
        return came, words_of("\n".join(written))

    def _note(self, by: UUID, client: int, news: Iterable[Stretch], written: frozenset[str]) -> None:
        for start, end in news:
            shown = min(end, self.before.get(client, 0))
            if start >= shown:
                continue
            for first, last, moved in self._told_apart(client, start, shown, written):
                if self._left > 0:
                    self._left -= 1
                    self.ranges[by].append(_packed(client, first, last, moved=moved))

    def _told_apart(
        self, client: int, start: int, end: int, written: frozenset[str]
    ) -> Iterator[tuple[int, int, bool]]:
        """Yield the parts of what was deleted, those apart whose words the same row wrote."""
        if not written:
            yield start, end, False
            return
        at = start
        for length, text in cut(self._texts[client], start, end):
            if text is None:
                # A block or a form: those are written anew with the words in them.
                yield at, at + length, False
            else:
                whole, begun = text
                for match in _WITH_SPACES.finditer(whole, at - begun, at - begun + length):
                    yield begun + match.start(), begun + match.end(), match[0].strip() in written
            at += length


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, and what stands between them besides spaces."""
    return frozenset(_WORDS.findall(text))


def _by_units(letters: str) -> str:
    """Return a text with a letter for each code unit, which clocks count."""
    if letters.isascii() or max(map(ord, letters)) <= 0xFFFF:
        return letters
    return "".join(letter if ord(letter) <= 0xFFFF else "\ufffd\ufffd" for letter in letters)


def _packed(client: int, start: int, end: int, *, moved: bool) -> bytes:
    return b"".join(map(write_var_uint, (client, start, end - start, int(moved))))


def unpack(rows: Iterable[tuple[UUID, bytes]]) -> Ranges:
    """Return what people deleted, from what `trace` has packed."""
    found: dict[int, list[tuple[int, int, Deleted]]] = defaultdict(list)
    for by, data in rows:
        at = 0
        while at < len(data):
            numbers = []
            for _ in range(4):
                number, at = read_var_uint(data, at)
                numbers.append(number)
            client, start, length, moved = numbers
            found[client].append((start, start + length, Deleted(by, bool(moved))))
    return {client: sorted(its) for client, its in found.items()}


def who_deleted(ranges: Ranges) -> Ask[Deleted]:
    """Return what asks who deleted something."""
    return lambda client, clock, length: cut(ranges.get(client, ()), clock, clock + length)


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _without(stretches: Iterable[Stretch], known: Sequence[Stretch]) -> Iterator[Stretch]:
    """Yield what of stretches is not in others."""
    for start, end in stretches:
        at = start
        for first, last in known[bisect_right(known, start, key=lambda each: each[1]) :]:
            if first >= end:
                break
            if first > at:
                yield at, first
            at = max(at, last)
        if at < end:
            yield at, end

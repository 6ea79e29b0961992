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

from realtime.encoding import FORMAT, STRING, TYPE
from realtime.structs import Id, read_deletions, read_structs
from realtime.wire import read_state_vector, read_var_bytes, read_var_uint, write_var_uint
from server.documents.ydoc import YDoc
from server.revisions.marking import Ask, Times, cut
from server.revisions.matching_back import Brought, Lost, find_back
from server.revisions.returning import Came, Gone, Loss
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
    """What rows tell. `times`: when what is new came, to the minute; `ranges`: by person what they deleted, packed.

    `gone`: the letters that were deleted, `came`: those that were and came back, each in the order in which they did.
    `formed`: the minute in which a form was given or taken last, as it is when a suggestion is accepted.
    """

    times: Times = field(default_factory=dict)
    ranges: Mapping[UUID, bytes] = field(default_factory=dict)
    gone: Sequence[Loss] = ()
    came: Sequence[Came] = ()
    formed: datetime | None = None


def trace(
    base: bytes, before: bytes, rows: Sequence[Row], *, since: datetime, until: datetime, gone: Iterable[Gone] = ()
) -> Trace:
    """Read rows that come one after another. Use a thread.

    `base`: the state that the first of them builds on, as an update. `before`: the state vector of the revision before;
    what it does not count is left out of what was deleted. `since`, `until`: when that and the next one were made.
    `gone`: what is remembered of what was deleted earlier.
    """
    tracing = _Tracing(base, read_state_vector(before), [each.piece for each in gone])
    times: dict[int, list[tuple[int, int, datetime]]] = defaultdict(list)
    formed: datetime | None = None
    for row in rows:
        # To the minute, as pages say it: else every letter would be a passage of its own.
        minute = row.at.replace(second=0, microsecond=0)
        at = min(max(minute, since + timedelta(microseconds=1)), until)
        came = tracing.take(row)
        formed = at if tracing.formed_at == row.at else formed
        for client, start, end in came:
            its = times[client]
            if its and its[-1][1:] == (start, at):
                its[-1] = (its[-1][0], end, at)
            else:
                its.append((start, end, at))
    ordered = {client: sorted(its) for client, its in times.items()}
    ranges = {by: b"".join(packed) for by, packed in tracing.ranges.items()}
    return Trace(ordered, ranges, gone=tracing.lost.pieces, came=tracing.returned, formed=formed)


def trace_since(
    logged: Logged, old: YDoc, seq: int, vector: bytes, *, since: datetime, until: datetime, gone: Iterable[Gone] = ()
) -> Trace:
    """Read the rows of a log after a revision, as far as they are still there. Use a thread.

    `old`, `seq`, `vector`: the revision's state, its place and its state vector. `gone`: as for `trace`.
    """
    if logged.folded is not None and logged.folded_seq > seq:
        return trace(logged.folded, vector, logged.rows, since=since, until=until, gone=gone)
    rows = [row for row in logged.rows if row.seq > seq]
    return trace(old.get_update(), vector, rows, since=since, until=until, gone=gone) if rows else Trace()


@dataclass(frozen=True, slots=True)
class _Brought:
    """What an update brought: its texts, what stood to the right of its blocks, and where its forms stand."""

    texts: list[Brought] = field(default_factory=list)
    beside: list[Id | None] = field(default_factory=list)
    forms: list[Id] = field(default_factory=list)


class _Tracing:
    """Goes through rows. State: what is deleted so far, what text there is, and whose deletions were whose."""

    def __init__(self, base: bytes, before: Mapping[int, int], earlier: Iterable[Loss]) -> None:
        self.before = before
        self.returned: list[Came] = []
        self.formed_at: datetime | None = None
        # Where a text begins that does not follow on the letter before it in its client's clock.
        self._begins: set[Id] = set()
        self.ranges: dict[UUID, list[bytes]] = defaultdict(list)
        self._left = _MOST_RANGES
        self._gone: dict[int, list[Stretch]] = {client: _joined(its) for client, its in read_deletions(base).items()}
        # Of what is remembered, that which the rows delete is left to them.
        self.lost = Lost(piece for piece in earlier if self._is_gone((piece.client, piece.start)))
        self._counts: dict[int, int] = {}
        self._texts: dict[int, list[tuple[int, int, tuple[str, int]]]] = defaultdict(list)
        self._read(base)

    def take(self, row: Row) -> list[tuple[int, int, int]]:
        """Take a row in. Returns the stretches of clients that are new with it."""
        came, written, brought = self._read(row.data)
        if brought.forms:
            self.formed_at = row.at
        for client, its in read_deletions(row.data).items():
            news = list(_without(_joined(its), self._gone.get(client, [])))
            if not news:
                continue
            self._gone[client] = _joined([*self._gone.get(client, []), *news])
            for start, end in news:
                self._lose(client, start, end, row.at)
            if row.by is not None:
                self._note(row.by, client, news, written)
        rebuilt = any(place is not None and self._is_gone(place) for place in brought.beside)
        self.returned += find_back(self.lost, brought.texts, anywhere=rebuilt)
        return came

    def _is_gone(self, place: Id) -> bool:
        return next(_without([(place[1], place[1] + 1)], self._gone.get(place[0], [])), None) is None

    def _lose(self, client: int, start: int, end: int, at: datetime) -> None:
        """Keep the letters that were deleted, those together that follow on one another."""
        text, begun_at = "", start
        for length, found in cut(self._texts[client], start, end):
            if text and (found is None or (client, start) in self._begins):
                self.lost.add(Loss(client, begun_at, text, at))
                text = ""
            if found is None:
                self.formed_at = at
            else:
                whole, begun = found
                text, begun_at = text + whole[start - begun : start - begun + length], begun_at if text else start
            start += length
        if text:
            self.lost.add(Loss(client, begun_at, text, at))

    def _read(self, data: bytes) -> tuple[list[tuple[int, int, int]], frozenset[str], _Brought]:
        """Note what an update brings. Returns the stretches of clients that are new, their words, and their places."""
        came = []
        written: list[str] = []
        brought = _Brought()
        for client, structs in read_structs(data).items():
            known = self._counts.get(client, 0)
            for struct in structs:
                if struct.end <= known:
                    continue
                came.append((client, max(struct.clock, known), struct.end))
                if struct.content == STRING:
                    letters = read_var_bytes(data, struct.content_at)[0].decode()
                    start = max(struct.clock, known)
                    units = _by_units(letters)
                    self._texts[client].append((start, struct.end, (units, struct.clock)))
                    written.append(letters)
                    follows = start > struct.clock or struct.left == (client, struct.clock - 1)
                    if not follows:
                        self._begins.add((client, start))
                    right = struct.right if start == struct.clock else None
                    brought.texts.append(Brought(client, start, units[start - struct.clock :], follows, right))
                elif struct.content == TYPE:
                    brought.beside.append(struct.right)
                elif struct.content == FORMAT:
                    brought.forms.append((client, struct.clock))
            self._counts[client] = max(known, structs[-1].end) if structs else known
        return came, words_of("\n".join(written)), brought

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

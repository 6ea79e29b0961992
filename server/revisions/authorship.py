"""Who wrote each letter of a document and when, carried from revision to revision.

What a letter's Yjs client says is not enough: whoever makes a heading of a paragraph, or parts it in two, writes all of
its letters anew, and editors do so without a word. So words that stay, by the comparison of two revisions, stay whose
they were, and words that went in one place and came in another take it with them. Only what is new is whose client
brought it, at the time of the revision.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from prosemirror.model import Node

from server.documents import ydoc
from server.documents.matching import MOST_STEPS, Effort
from server.documents.schema import empty_document
from server.documents.ydoc import YDoc
from server.revisions.comparing import Block, Comparison, Kind, Piece, compare, pieces
from server.revisions.marking import Hand, Marks, Whose, read_marks
from server.revisions.returning import Gone, Loss, Memory

# Of less there is so much that the same comes and goes by chance.
_SHORTEST_MOVED: Final = 4
# Within a text that came, shorter ones are not looked for, nor more than these.
_SHORTEST_PASSAGE: Final = 12
_MOST_PASSAGES: Final = 500
# What stands for a picture, a rule or a line break among the letters.
_THING: Final = "\ufffc"


class Run(NamedTuple):
    """Letters that were written together. `client`: None if nobody can be named; `at`: None if it is not known when."""

    length: int
    client: int | None
    at: datetime | None


Authorship = Mapping[str, Sequence[Run]]
"""Block id -> its runs in order. Texts, pictures and rules are blocks here, lists and tables are what is in them."""


Recalled = Mapping[str, tuple[Node, Sequence[Run]]]
"""Block id -> the block as it was earlier, and its runs."""


def begin(doc: YDoc, at: datetime | None) -> Authorship:
    """Return whose a document is of whose past nothing is known. Use a thread, here and below."""
    return carry({}, compare(empty_document(), ydoc.read_node(doc)), read_marks(doc), at)


def carry(
    old: Authorship, comparison: Comparison, marks: Marks, at: datetime | None, back: Recalled | None = None
) -> Authorship:
    """Return whose the newer of two compared texts is.

    `old`: whose the older is. `marks`: of the newer, where the older one's letters are not new. `at`: when what is new
    was written, where the marks do not say. `back`: what was brought back from earlier, which stays whose it was.
    """
    return _Carrying(old, marks, at, back or {}).carry(comparison)


def recall(node: Node, authorship: Authorship) -> Recalled:
    """Return whose an earlier text is, for `carry`."""
    return {
        _id(passage): (passage, cut(authorship.get(_id(passage), ()), 0, len(letters(passage))))
        for passage in passages(node)
    }


def letters(node: Node) -> str:
    """Return what a block says, a letter for each that runs count."""
    if node.is_leaf:
        return _THING
    return "".join((child.text or "") if child.is_text else _THING for child in node.content.content)


def passages(node: Node) -> Iterator[Node]:
    """Yield the blocks in a block, itself too, that hold letters."""
    if node.is_textblock or node.is_leaf:
        yield node
        return
    for child in node.content.content:
        yield from passages(child)


def cut(runs: Sequence[Run], start: int, end: int) -> list[Run]:
    """Return the runs of some of the letters."""
    found = []
    at = 0
    for run in runs:
        length = min(end, at + run.length) - max(start, at)
        if length > 0:
            found.append(run._replace(length=length))
        at += run.length
    if (missing := end - max(start, at)) > 0:
        found.append(Run(missing, None, None))
    return found


def joined(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Join neighbours that differ in nothing but their place."""
    found: list[Run] = []
    for run in runs:
        if found and found[-1][1:] == run[1:]:
            found[-1] = run._replace(length=found[-1].length + run.length)
        elif run.length:
            found.append(run)
    return tuple(found)


def pack(authorship: Authorship, memory: Memory | None = None) -> bytes:
    """Return it for the database, with what is remembered beside it."""
    whose: dict[tuple[int | None, datetime | None], int] = {}

    def numbered(runs: Iterable[tuple[int, tuple[int | None, datetime | None]]]) -> list[int]:
        return [number for length, each in runs for number in (length, whose.setdefault(each, len(whose)))]

    blocks = {
        block_id: numbered((run.length, (run.client, run.at)) for run in runs) for block_id, runs in authorship.items()
    }
    kept = memory or Memory()
    gone = [[piece.client, piece.start, piece.text, piece.at.isoformat(), numbered(runs)] for piece, runs in kept.gone]
    returned = {
        client: [(start, *numbered([(end - start, each)])) for start, end, each in its]
        for client, its in kept.returned.items()
    }
    table = [[client, at.isoformat() if at is not None else None] for client, at in whose]
    packed = {"whose": table, "blocks": blocks, "gone": gone, "returned": returned}
    return zlib.compress(json.dumps(packed, separators=(",", ":")).encode())


def unpack(data: bytes) -> Authorship:
    """Return what `pack` has packed."""
    return unpack_with_memory(data)[0]


def unpack_with_memory(data: bytes) -> tuple[Authorship, Memory]:
    """Return what `pack` has packed, and what is remembered beside it."""
    read = json.loads(zlib.decompress(data))
    whose = [Whose(client, datetime.fromisoformat(at) if at is not None else None) for client, at in read["whose"]]

    def named(numbers: Sequence[int]) -> Iterator[tuple[int, Whose]]:
        return ((length, whose[number]) for length, number in zip(numbers[::2], numbers[1::2], strict=True))

    authorship = {
        block_id: tuple(Run(length, *each) for length, each in named(numbers))
        for block_id, numbers in read["blocks"].items()
    }
    gone = tuple(
        Gone(Loss(client, start, text, datetime.fromisoformat(at)), tuple(named(numbers)))
        for client, start, text, at, numbers in read.get("gone", ())
    )
    returned = {
        int(client): tuple((start, start + length, whose[number]) for start, length, number in its)
        for client, its in read.get("returned", {}).items()
    }
    return authorship, Memory(gone, returned)


def recollect(data: bytes | None, doc: YDoc) -> tuple[Authorship, Memory]:
    """Return what `pack` has packed; if that was lost, whose a document is of whose past nothing is known."""
    return unpack_with_memory(data) if data is not None else (begin(doc, None), Memory())


def without_memory(data: bytes | None) -> bytes | None:
    """Return what `pack` has packed without what is remembered: deleted letters are not kept for good."""
    return pack(unpack(data)) if data is not None else None


def whose_letters(authorship: Authorship) -> Mapping[str, Sequence[tuple[int, Whose]]]:
    """Return by block how many letters are whose."""
    return {
        block_id: [(run.length, Whose(run.client, run.at)) for run in runs] for block_id, runs in authorship.items()
    }


_Marked = tuple[int, Hand | None]


class _Carrying:
    """Goes through one comparison. State: whose the newer text is, and what went and may have come elsewhere."""

    def __init__(self, old: Authorship, marks: Marks, at: datetime | None, back: Recalled) -> None:
        self.back = back
        self.old = old
        self.marks = marks
        self.at = at
        self.new: dict[str, tuple[Run, ...]] = {}
        self.gone: dict[str, Node] = {}
        self.effort = Effort(MOST_STEPS)
        self.loose: dict[str, list[list[Run]]] = defaultdict(list)
        self.longest: list[str] = []

    def carry(self, comparison: Comparison) -> Authorship:
        for block in comparison.blocks:
            self.collect(block)
        long = [words for words in self.loose if len(words) >= _SHORTEST_PASSAGE]
        self.longest = sorted(long, key=len, reverse=True)[:_MOST_PASSAGES]
        for block in comparison.blocks:
            self.block(block)
        return self.new

    def collect(self, block: Block) -> None:
        """Note what went."""
        for child in block.children:
            self.collect(child)
        if block.kind is Kind.REMOVED:
            for node in passages(block.node):
                self.gone[_id(node)] = node
                self.let_loose(letters(node), self.runs_of(node))
        if block.before is not None:
            runs, at = self.runs_of(block.before), 0
            for piece in block.pieces:
                if piece.kind is Kind.REMOVED:
                    self.let_loose(piece.letters, cut(runs, at, at + piece.length))
                if piece.kind is not Kind.ADDED:
                    at += piece.length

    def let_loose(self, text: str, runs: list[Run]) -> None:
        words = text.strip()
        if len(words) >= _SHORTEST_MOVED:
            start = text.index(words)
            self.loose[words].append(cut(runs, start, start + len(words)))

    def runs_of(self, node: Node) -> list[Run]:
        return cut(self.old.get(_id(node), ()), 0, len(letters(node)))

    def block(self, block: Block) -> None:
        match block.kind:
            case Kind.REMOVED:
                return
            case Kind.SAME if block.before is not None:
                for before, now in zip(passages(block.before), passages(block.node), strict=True):
                    self.new[_id(now)] = joined(self.runs_of(before))
            case Kind.EDITED if block.children:
                for child in block.children:
                    self.block(child)
            case Kind.EDITED if block.before is not None and block.node.is_textblock:
                self.new[_id(block.node)] = joined(self.edited(block.node, block.before, block.pieces))
            case _:
                for node in passages(block.node):
                    self.new[_id(node)] = joined(self.added(node))

    def added(self, node: Node) -> Iterable[Run]:
        """Return whose a block is that came: it may be one that went, with another type or in another list."""
        before = self.gone.get(_id(node))
        if before is not None and before.is_textblock and node.is_textblock:
            return self.edited(node, before, tuple(pieces(before, node, self.effort)))
        text = letters(node)
        return self.come(text, self.marked(node, 0, len(text)))

    def edited(self, node: Node, before: Node, changes: Sequence[Piece]) -> Iterator[Run]:
        runs = self.runs_of(before)
        was = now = 0
        for piece in changes:
            if piece.kind is Kind.REMOVED:
                was += piece.length
                continue
            if piece.kind is Kind.ADDED:
                fresh = self.marked(node, now, now + piece.length)
                yield from self.come(piece.letters, self.older(fresh, runs))
            else:
                yield from cut(runs, was, was + piece.length)
                was += piece.length
            now += piece.length

    def marked(self, node: Node, start: int, end: int) -> list[_Marked | Run]:
        """Return whose some letters are by the marks, or, of those that were brought back, by what is known of them."""
        back = self.brought_back(node)
        found: list[_Marked | Run] = []
        at = 0
        for length, hand in self.marks.get(_id(node), ()):
            first, last = max(start, at), min(end, at + length)
            if first < last:
                runs = cut(back, first, last)
                found += [run if run.client is not None else (run.length, hand) for run in runs]
            at += length
        return found

    def brought_back(self, node: Node) -> Sequence[Run]:
        """Return whose a block's letters were when it was earlier, as far as it is again as it was."""
        was, runs = self.back.get(_id(node), (None, ()))
        if was is None or was.type.is_textblock != node.type.is_textblock:
            return ()
        if letters(was) == letters(node):
            return runs
        found: list[Run] = []
        at = 0
        for piece in pieces(was, node, self.effort) if node.is_textblock else ():
            if piece.kind is Kind.ADDED:
                found.append(Run(piece.length, None, None))
                continue
            if piece.kind is not Kind.REMOVED:
                found += cut(runs, at, at + piece.length)
            at += piece.length
        return found

    def older(self, fresh: Sequence[_Marked | Run], runs: Sequence[Run]) -> list[_Marked | Run]:
        """Return the letters that a word has kept, in which others were changed, as what they were."""
        found: list[_Marked | Run] = []
        for each in fresh:
            length, hand = each[0], None if isinstance(each, Run) else each[1]
            if hand is None or hand.is_new:
                found.append(each)
            else:
                # One that stood there and was only suggested came now.
                was = next((run for run in runs if run.client == hand.client), self.written(length, hand))
                found.append(was._replace(length=length))
        return found

    def come(self, text: str, whose: Sequence[_Marked | Run]) -> list[Run]:
        """Return whose letters are that came: moved ones stay whose they were."""
        fresh = [each if isinstance(each, Run) else self.written(*each) for each in whose]
        words, runs = self.moved(text)
        if not words:
            return cut(fresh, 0, len(text))
        start = text.index(words)
        end = start + len(words)
        return [
            *self.come(text[:start], cut(fresh, 0, start)),
            *runs,
            *self.come(text[end:], cut(fresh, end, len(text))),
        ]

    def moved(self, text: str) -> tuple[str, list[Run]]:
        """Return what of a text that came went elsewhere, and whose it is: all of it, or its longest passage."""
        words = text.strip()
        if self.loose.get(words):
            return words, self.loose[words].pop()
        for passage in self.longest:
            if not self.loose[passage]:
                continue
            if passage in text:
                return passage, self.loose[passage].pop()
            if len(words) >= _SHORTEST_PASSAGE and words in passage:
                # A text that was parted within a word.
                start = passage.index(words)
                return words, cut(self.loose[passage][-1], start, start + len(words))
        return "", []

    def written(self, length: int, hand: Hand | None) -> Run:
        if hand is None:
            return Run(length, None, self.at)
        return Run(length, hand.client, hand.at or self.at)


def _id(node: Node) -> str:
    return str(node.attrs.get("id"))

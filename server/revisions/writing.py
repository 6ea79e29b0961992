"""A comparison as HTML: the document as it reads, with what came underlined and what went struck out.

Colour says who; underline, strike and words say what: never colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from markupsafe import Markup, escape
from prosemirror.model import Fragment, Node

from server.documents.schema import schema
from server.documents.write_html import write_html
from server.revisions.comparing import Block, Kind, Piece
from server.revisions.marking import Marks

# Stands where the content of a block goes while its tags are written. After it there are only closing tags.
_GAP: Final = "\ue000"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who wrote, as the page shows them; `colour` is a place in the palette."""

    id: UUID
    name: str
    colour: int


@dataclass(frozen=True, slots=True)
class Hands:
    """Whose changes are shown: those of `alone`, the one author, where there is but one.

    Else `marks` say by which client the letters of the newer text came, and `people` whose the clients are.
    """

    alone: Author | None = None
    marks: Marks = field(default_factory=dict)
    people: Mapping[int, Author] = field(default_factory=dict)

    def of(self, block_id: object) -> list[tuple[int, Author | None]]:
        """Return who wrote a block's text: in order, how many characters and by whom, as far as it is known."""
        return [
            (length, self.people.get(hand.client) if hand is not None else None)
            for length, hand in self.marks.get(str(block_id), ())
        ]


def write_block(block: Block, hands: Hands) -> tuple[Markup, tuple[Author, ...]]:
    """Return a block of a comparison as HTML that is safe to show, and who had a hand in its changes."""
    writer = _Writer(hands)
    html = writer.block(block)
    # Only serialized nodes and tags of our own.
    return Markup(html), tuple(writer.seen.values())  # noqa: S704


@dataclass(frozen=True, slots=True)
class Passage:
    """Letters that somebody wrote at one time, as far as both are known."""

    author: Author | None
    at: datetime | None


Whose = Callable[[Node], Sequence[tuple[int, Passage]]]
"""Tells of a block that holds letters, in order, how many characters are whose."""


def write_passages(block: Node, whose: Whose) -> Markup:
    """Return a block as HTML that is safe to show, each passage in an element that says whose it is."""
    # Only serialized nodes and tags of our own.
    return Markup(_passages(block, whose))  # noqa: S704


def _passages(block: Node, whose: Whose) -> str:
    if block.is_leaf:
        return "".join(_signed("div", _plain(block), passage) for _, passage in whose(block)[:1])
    if not block.is_textblock:
        return _around(block, "".join(_passages(child, whose) for child in block.content.content))
    nodes = tuple(block.content.content)
    runs = _Runs(whose(block))
    pieces = runs.take(nodes, Piece(Kind.SAME, nodes).length)
    return _around(block, "".join(_signed("span", _inline(inside), passage) for inside, passage in pieces))


def initials(name: str) -> str:
    """Return the first letters of somebody's first and last name."""
    words = name.split() or ["?"]
    return words[0][:1] + (words[-1][:1] if len(words) > 1 else "")


def _signed(tag: str, html: str, passage: Passage | None) -> str:
    if passage is None or passage.author is None:
        return html
    at = f' data-at="{passage.at.isoformat()}"' if passage.at is not None else ""
    author = passage.author
    by = f'data-by="{author.id}" data-name="{escape(author.name)}" data-initials="{escape(initials(author.name))}"'
    return f'<{tag} class="passage presence-{author.colour}" {by}{at}>{html}</{tag}>'


class _Writer:
    """Writes one block. State: who was seen doing something in it."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.seen: dict[UUID, Author] = {}

    def block(self, block: Block) -> str:
        match block.kind:
            case Kind.SAME:
                return _plain(block.node)
            case Kind.ADDED | Kind.REMOVED:
                return self.whole(block.node, block.kind)
            case Kind.EDITED:
                return self.edited(block)

    def edited(self, block: Block) -> str:
        node = block.node
        if block.children:
            return _around(node, "".join(map(self.block, block.children)))
        if node.is_leaf:
            before = block.before or node
            return self.marked(Kind.REMOVED, _plain(before), None) + self.marked(Kind.ADDED, _plain(node), None)
        runs = _Runs(self.hands.of(node.attrs.get("id")))
        html = "".join(self.piece(piece, runs) for piece in block.pieces)
        if all(piece.kind is Kind.SAME for piece in block.pieces):
            # Another level, another type: every word of it looks different.
            html = self.marked(Kind.EDITED, html, None)
        return _around(node, html)

    def whole(self, node: Node, kind: Kind) -> str:
        """Write a block that came or went, marked down to its words: a list item cannot stand inside of a mark."""
        if node.is_leaf:
            author = next((author for _, author in self.hands.of(node.attrs.get("id"))), None)
            return self.marked(kind, _plain(node), author if kind is Kind.ADDED else None)
        if node.is_textblock:
            runs = _Runs[Author | None](self.hands.of(node.attrs.get("id")) if kind is Kind.ADDED else ())
            nodes = tuple(node.content.content)
            return _around(node, self.piece(Piece(kind, nodes), runs) if nodes else "")
        return _around(node, "".join(self.whole(child, kind) for child in node.content.content))

    def piece(self, piece: Piece, runs: _Runs[Author | None]) -> str:
        if piece.kind is Kind.SAME:
            runs.skip(piece.length)
            return _inline(piece.nodes)
        if piece.kind is Kind.ADDED:
            return "".join(
                self.marked(Kind.ADDED, _inline(nodes), author)
                for nodes, author in runs.take(piece.nodes, piece.length)
            )
        if piece.kind is Kind.EDITED:
            runs.skip(piece.length)
        return self.marked(piece.kind, _inline(piece.nodes), None)

    def marked(self, kind: Kind, html: str, author: Author | None) -> str:
        author = author or self.hands.alone
        if author is not None:
            self.seen[author.id] = author
        by = f' class="presence-{author.colour}" data-by="{author.id}"' if author is not None else ""
        match kind:
            case Kind.REMOVED:
                return f"<del{by}>{html}</del>"
            case Kind.EDITED:
                return f'<span{by} data-reformed title="Other formatting">{html}</span>'
            case _:
                return f"<ins{by}>{html}</ins>"


class _Runs(Generic[_T]):
    """Goes through a text's characters and says whose they are."""

    def __init__(self, runs: Sequence[tuple[int, _T]]) -> None:
        self._left = list(reversed(runs))

    def skip(self, length: int) -> None:
        for _ in self._steps(length):
            pass

    def take(self, nodes: tuple[Node, ...], length: int) -> Iterator[tuple[tuple[Node, ...], _T | None]]:
        """Part nodes where their author changes."""
        content = Fragment.from_array(list(nodes))
        at = units = 0
        letters = "".join(node.text or "" if node.is_text else " " for node in nodes)
        for step, author in self._steps(length):
            # A fragment counts in code units.
            until = units + len(letters[at : at + step].encode("utf-16-le", "surrogatepass")) // 2
            yield tuple(content.cut(units, until).content), author
            at, units = at + step, until

    def _steps(self, length: int) -> Iterator[tuple[int, _T | None]]:
        while length > 0:
            if not self._left:
                yield length, None
                return
            left, author = self._left.pop()
            step = min(length, left)
            if left > step:
                self._left.append((left - step, author))
            length -= step
            if step:
                yield step, author


def _plain(node: Node) -> str:
    return str(write_html(schema.nodes["doc"].create({}, [node])))


def _inline(nodes: Sequence[Node]) -> str:
    return str(write_html(schema.nodes["doc"].create({}, list(nodes))))


def _around(node: Node, html: str) -> str:
    """Write the tags of a block around HTML for its content."""
    before, _, after = _plain(node.type.create(node.attrs, [schema.text(_GAP)])).rpartition(_GAP)
    return before + html + after

"""A comparison as HTML: the document as it reads, with what came underlined and what went struck out.

Colour says who; underline, strike and words say what: never colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final, Generic, TypeVar
from uuid import UUID

from markupsafe import Markup, escape
from prosemirror.model import Fragment, Node

from server.documents.schema import schema
from server.documents.write_html import write_html
from server.revisions.comparing import Block, Kind, Piece
from server.revisions.marking import Hand, Told
from server.revisions.tracing import Deleted, words_of

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

    Else `came` says by which client all of the newer text came, and `people` whose the clients are; `went` says who
    deleted what of the older text, and `deleters` who that is. `words`: those of the newer one. `only`: who deleted
    what nobody is known to have, because nobody else wrote.
    """

    alone: Author | None = None
    only: Author | None = None
    people: Mapping[int, Author] = field(default_factory=dict)
    deleters: Mapping[UUID, Author] = field(default_factory=dict)
    came: Mapping[str, Told[Hand]] = field(default_factory=dict)
    went: Mapping[str, Told[Deleted]] = field(default_factory=dict)
    words: frozenset[str] = frozenset()

    def wrote(self, hand: Hand | None) -> Author | None:
        """Return who wrote something."""
        return self.people.get(hand.client) if hand is not None else None

    def deleted(self, deleted: Deleted | None, said: str = "") -> Author | None:
        """Return who deleted something. `said`: what is gone; if it was only moved, its words are to be found still."""
        if deleted is None:
            return self.only
        if deleted.moved and not words_of(said) <= self.words:
            return None
        return self.deleters.get(deleted.by)

    def formed(self, came: Iterable[Hand | None], went: Iterable[Deleted | None]) -> Author | None:
        """Return who gave something the form that it has, if it was one person.

        `came`: whose that form is; `went`: who took the one before, which counts where no new one came.
        """
        found = {self.wrote(hand) for hand in came if hand is not None and hand.is_new}
        found = found or {self.deleted(each) for each in went if each is not None}
        return next(iter(found)) if len(found) == 1 else None


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
            if block.before is not None and block.before.attrs != node.attrs:
                self.see(self.turned(block))
            return _around(node, "".join(map(self.block, block.children)))
        if node.is_leaf:
            author = self.turned(block)
            before = block.before or node
            return self.marked(Kind.REMOVED, _plain(before), author) + self.marked(Kind.ADDED, _plain(node), author)
        runs = _Letters(self.came(node), self.went(block.before or node))
        html = "".join(self.piece(piece, runs) for piece in block.pieces)
        if all(piece.kind is Kind.SAME for piece in block.pieces):
            # Another level, another type: every word of it looks different.
            html = self.marked(Kind.EDITED, html, self.turned(block))
        return _around(node, html)

    def came(self, node: Node) -> Told[Hand] | None:
        return self.hands.came.get(str(node.attrs.get("id")))

    def went(self, node: Node) -> Told[Deleted] | None:
        return self.hands.went.get(str(node.attrs.get("id")))

    def turned(self, block: Block) -> Author | None:
        """Return who made another type of a block, or changed its attributes."""
        node, before = block.node, block.before
        came, went = self.came(node), self.went(before) if before is not None else None
        if before is None or before.type != node.type:
            return self.hands.formed([came.element] if came else [], [went.element] if went else [])
        names = [name for name, value in node.attrs.items() if name != "id" and before.attrs.get(name) != value]
        return self.hands.formed(
            [came.attributes.get(name) for name in names] if came else [],
            [went.attributes.get(name) for name in names] if went else [],
        )

    def whole(self, node: Node, kind: Kind) -> str:
        """Write a block that came or went, marked down to its words: a list item cannot stand inside of a mark."""
        came, went = (self.came(node), None) if kind is Kind.ADDED else (None, self.went(node))
        if node.is_textblock and node.content.size:
            return _around(node, self.piece(Piece(kind, tuple(node.content.content)), _Letters(came, went)))
        author = self.hands.wrote(came.element) if came else self.hands.deleted(went.element) if went else None
        if node.is_leaf:
            return self.marked(kind, _plain(node), author)
        if node.is_textblock:
            self.see(author)
            return _around(node, "")
        return _around(node, "".join(self.whole(child, kind) for child in node.content.content))

    def piece(self, piece: Piece, runs: _Letters) -> str:
        length = piece.length
        match piece.kind:
            case Kind.SAME:
                runs.skip(length)
                return _inline(piece.nodes)
            case Kind.ADDED:
                runs.came_forms.skip(length)
                parts = runs.came.take(piece.nodes, length)
                found = [(nodes, self.hands.wrote(hand)) for nodes, hand in parts]
            case Kind.REMOVED:
                runs.went_forms.skip(length)
                gone = runs.went.take(piece.nodes, length)
                found = [(nodes, self.hands.deleted(each, _said(nodes))) for nodes, each in gone]
            case Kind.EDITED:
                found = list(self.formed(piece, runs))
        together = groupby(found, lambda part: part[1])
        return "".join(
            self.marked(piece.kind, _inline([node for nodes, _ in parts for node in nodes]), author)
            for author, parts in together
        )

    def formed(self, piece: Piece, runs: _Letters) -> Iterator[tuple[tuple[Node, ...], Author | None]]:
        """Yield words that stayed in another form, and who gave it to them."""
        runs.came.skip(piece.length)
        runs.went.skip(piece.length)
        for nodes, came in runs.came_forms.take(piece.nodes, piece.length):
            went = [each or {} for _, each in runs.went_forms.steps(Piece(piece.kind, nodes).length)]
            yield (
                nodes,
                self.hands.formed(
                    [hand for name, hand in (came or {}).items() if _form(name) in piece.changed],
                    [gone for each in went for name, gone in each.items() if _form(name) in piece.changed],
                ),
            )

    def see(self, author: Author | None) -> None:
        author = author or self.hands.alone
        if author is not None:
            self.seen[author.id] = author

    def marked(self, kind: Kind, html: str, author: Author | None) -> str:
        author = author or self.hands.alone
        self.see(author)
        by = f' class="presence-{author.colour}" data-by="{author.id}"' if author is not None else ""
        match kind:
            case Kind.REMOVED:
                return f"<del{by}>{html}</del>"
            case Kind.EDITED:
                return f'<span{by} data-reformed title="Other formatting">{html}</span>'
            case _:
                return f"<ins{by}>{html}</ins>"


class _Letters:
    """Goes through the letters of a block and of what it was, and says whose they are, and whose their forms."""

    def __init__(self, came: Told[Hand] | None, went: Told[Deleted] | None) -> None:
        self.came = _Runs(came.letters if came else ())
        self.went = _Runs(went.letters if went else ())
        self.came_forms = _Runs(came.forms if came else ())
        self.went_forms = _Runs(went.forms if went else ())

    def skip(self, length: int) -> None:
        """Skip letters that are in both."""
        for runs in (self.came, self.went, self.came_forms, self.went_forms):
            runs.skip(length)


class _Runs(Generic[_T]):
    """Goes through a text's characters and says whose they are."""

    def __init__(self, runs: Sequence[tuple[int, _T]]) -> None:
        self._left = list(reversed(runs))

    def skip(self, length: int) -> None:
        for _ in self.steps(length):
            pass

    def take(self, nodes: tuple[Node, ...], length: int) -> Iterator[tuple[tuple[Node, ...], _T | None]]:
        """Part nodes where their author changes."""
        content = Fragment.from_array(list(nodes))
        at = units = 0
        letters = "".join(node.text or "" if node.is_text else " " for node in nodes)
        for step, author in self.steps(length):
            # A fragment counts in code units.
            until = units + len(letters[at : at + step].encode("utf-16-le", "surrogatepass")) // 2
            yield tuple(content.cut(units, until).content), author
            at, units = at + step, until

    def steps(self, length: int) -> Iterator[tuple[int, _T | None]]:
        """Go on by so many letters: of how many each thing is said."""
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


def _form(name: str) -> str:
    """Return the mark that a form in Yjs is; one that may overlap with itself has more to its name."""
    return name.partition("--")[0]


def _said(nodes: Sequence[Node]) -> str:
    return "".join(node.text or "" for node in nodes if node.is_text)


def _plain(node: Node) -> str:
    return str(write_html(schema.nodes["doc"].create({}, [node])))


def _inline(nodes: Sequence[Node]) -> str:
    return str(write_html(schema.nodes["doc"].create({}, list(nodes))))


def _around(node: Node, html: str) -> str:
    """Write the tags of a block around HTML for its content."""
    before, _, after = _plain(node.type.create(node.attrs, [schema.text(_GAP)])).rpartition(_GAP)
    return before + html + after

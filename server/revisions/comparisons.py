"""Comparing revisions, and one with the present, for those who look: off the event loop, and once for all of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from server.documents import ydoc
from server.documents.api.turns import turn
from server.documents.models import Document
from server.documents.schema import empty_document
from server.revisions import attribution, listing, states
from server.revisions.comparing import Comparison, compare
from server.revisions.marking import Marks, counts_of, read_marks
from server.revisions.models import Revision
from server.revisions.writing import Author, Hands

# Of a book's worth each, these are some ten megabytes.
_MOST_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class Compared:
    """Two states of a document, compared. `authors`: who wrote between them."""

    comparison: Comparison
    hands: Hands
    authors: tuple[Author, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A comparison, and by which clients the letters of the newer text came, if it was asked.

    `clients`: those that brought anything between the two; whoever only deleted is not among them.
    """

    comparison: Comparison
    marks: Marks
    clients: frozenset[int]


class Shelf:
    """The comparisons of this process that were looked at last. Revisions never change, so neither do these."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, _Found] = OrderedDict()

    def get(self, key: Hashable) -> _Found | None:
        """Return one that is here."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: Hashable, found: _Found) -> None:
        """Keep one, in the place of the one that nobody has looked at for longest."""
        self._kept[key] = found
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


async def compared(request: Request, document: Document, old: Revision | None, new: Revision | None) -> Compared:
    """Compare two revisions of a document. `old` None: with nothing at all; `new` None: with what is saved now.

    Commits, because a long comparison waits for its turn without a connection.
    """
    db: AsyncSession = request.state.db
    authors = await listing.people(db, await listing.authors_between(db, old, new, document))
    everybody = tuple(sorted(authors.values(), key=lambda author: author.name))
    # With one author there is nothing to tell apart.
    alone = everybody[0] if len(everybody) == 1 else None
    people = await attribution.people_of(db, document.id) if alone is None else {}
    before = await states.read_state(db, old) if old is not None else ()
    is_packed = new is not None
    if new is not None:
        place: Hashable = new.id
        after = await states.read_state(db, new)
    else:
        logged = await states.read_log(db, document.id)
        place, after = logged.seq, logged.updates
    key = (document.id, _id(old), place, alone is None)
    shelf = _shelf(request)
    found = shelf.get(key)
    if found is None:
        async with turn(request, sum(map(len, (*before, *after)))):
            found = await asyncio.to_thread(_compare, before, after, is_packed=is_packed, with_marks=alone is None)
        shelf.put(key, found)
    if alone is None and not found.comparison.removed:
        # Who wrote when a revision was made is an author of the next, too. Nobody deleted: here it can be told apart.
        brought = {people[client].id for client in found.clients if client in people}
        everybody = tuple(author for author in everybody if author.id in brought) or everybody
        alone = everybody[0] if len(everybody) == 1 else None
    return Compared(found.comparison, Hands(alone=alone, marks=found.marks, people=people), everybody)


def _compare(before: tuple[bytes, ...], after: tuple[bytes, ...], *, is_packed: bool, with_marks: bool) -> _Found:
    new = states.unpack(after) if is_packed else states.build(after)
    new_node, new_title = ydoc.read_node(new), ydoc.read_title(new)
    old_node, old_title, known = empty_document(), new_title, dict[int, int]()
    if before:
        old = states.unpack(before)
        old_node, old_title, known = ydoc.read_node(old), ydoc.read_title(old), counts_of(old.get_state())
    comparison = compare(old_node, new_node, old_title=old_title, new_title=new_title)
    if not with_marks:
        return _Found(comparison, {}, frozenset())
    brought = (client for client, count in counts_of(new.get_state()).items() if count > known.get(client, 0))
    return _Found(comparison, read_marks(new), frozenset(brought))


def _id(revision: Revision | None) -> UUID | None:
    return revision.id if revision is not None else None


def _shelf(request: Request) -> Shelf:
    state = request.app.state
    if not hasattr(state, "comparisons"):
        state.comparisons = Shelf()
    shelf: Shelf = state.comparisons
    return shelf

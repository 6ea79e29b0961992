"""Comparing revisions, and one with the present, for those who look: off the event loop, and once for all of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from server.documents import ydoc
from server.documents.api.turns import turn
from server.documents.models import Document
from server.documents.schema import empty_document
from server.revisions import attribution, crediting, listing, states
from server.revisions.authorship import letters, passages
from server.revisions.comparing import Comparison, compare
from server.revisions.crediting import Known
from server.revisions.marking import Hand, Told, counts_of, hands, tell
from server.revisions.models import Revision
from server.revisions.states import Logged
from server.revisions.tracing import Deleted, Ranges, unpack, who_deleted, words_of
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
    """A comparison, and if it was asked, whose the newer text is, and who deleted what of the older one.

    `clients`: those that brought anything between the two; whoever only deleted is not among them.
    """

    comparison: Comparison
    came: Mapping[str, Told[Hand]] = field(default_factory=dict)
    went: Mapping[str, Told[Deleted]] = field(default_factory=dict)
    clients: frozenset[int] = frozenset()
    deleters: frozenset[UUID] = frozenset()
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of who deleted what between two states: from revisions, and from the log, after the `newest`."""

    deletions: Sequence[tuple[UUID, bytes]] = ()
    newest: Known | None = None
    logged: Logged | None = None

    def ranges(self) -> Ranges:
        """Return who deleted what. Use a thread."""
        fresh: Mapping[UUID, bytes] = {}
        if self.newest is not None and self.logged is not None:
            fresh = self.newest.trace(self.logged, states.unpack(self.newest.packed)).ranges
        return unpack([*self.deletions, *fresh.items()])


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
    logged = await states.read_log(db, document.id) if new is None else None
    wrote = await listing.authors_between(db, old, new, document)
    if logged is not None:
        # Whoever writes at this moment is noted a little later; the log knows.
        wrote |= {row.by for row in logged.rows if row.by is not None and (old is None or row.seq > old.seq)}
    authors = await listing.people(db, wrote)
    everybody = tuple(sorted(authors.values(), key=lambda author: author.name))
    before = await states.read_state(db, old) if old is not None else ()
    only = everybody[0] if len(everybody) == 1 else None
    # With one author there is nothing to tell apart, but what was suggested before and accepted since.
    suggested = only is not None and await asyncio.to_thread(states.hold_suggestions, before)
    alone = only if not suggested else None
    people = await attribution.people_of(db, document.id) if alone is None else {}
    past = _Past()
    if alone is None and old is not None:
        until = new.number if new is not None else None
        past = _Past(await attribution.deletions_of(db, document.id, after=old.number, until=until))
    place: Hashable
    if new is not None:
        place, after = new.id, await states.read_state(db, new)
    else:
        assert logged is not None, "it was read for the present"  # noqa: S101 - for the type
        place, after = logged.seq, logged.updates
        if alone is None and old is not None:
            past = replace(past, newest=await crediting.known_of(db, document.id), logged=logged)
    key = (document.id, _id(old), place, alone is None)
    shelf = _shelf(request)
    found = shelf.get(key)
    if found is None:
        async with turn(request, sum(map(len, (*before, *after)))):
            found = await asyncio.to_thread(
                _compare, before, after, past if alone is None else None, is_packed=new is not None
            )
        shelf.put(key, found)
    if only is None and not found.comparison.removed and found.clients <= people.keys():
        # Who wrote when a revision was made is an author of the next, too. Nobody deleted: here it can be told apart.
        brought = {people[client].id for client in found.clients if client in people}
        everybody = tuple(author for author in everybody if author.id in brought) or everybody
        alone = everybody[0] if len(everybody) == 1 else None
    deleters = await listing.people(db, found.deleters) if alone is None else {}
    told = Hands(
        alone=alone,
        only=only,
        people=people,
        deleters=deleters,
        came=found.came,
        went=found.went,
        words=found.words,
    )
    return Compared(found.comparison, told, everybody)


def _compare(before: tuple[bytes, ...], after: tuple[bytes, ...], past: _Past | None, *, is_packed: bool) -> _Found:
    """Compare two states. `past`: None if nobody needs to be told apart."""
    new = states.unpack(after) if is_packed else states.build(after)
    new_node, new_title = ydoc.read_node(new), ydoc.read_title(new)
    old = states.unpack(before) if before else None
    old_node, old_title = (ydoc.read_node(old), ydoc.read_title(old)) if old else (empty_document(), new_title)
    comparison = compare(old_node, new_node, old_title=old_title, new_title=new_title)
    if past is None:
        return _Found(comparison)
    vector = old.get_state() if old else None
    known = counts_of(vector) if vector else {}
    ranges = past.ranges()
    return _Found(
        comparison,
        came=tell(new, hands(vector)),
        went=tell(old, who_deleted(ranges)) if old and ranges else {},
        clients=frozenset(client for client, n in counts_of(new.get_state()).items() if n > known.get(client, 0)),
        words=words_of("\n".join(letters(each) for block in new_node.content.content for each in passages(block))),
        deleters=frozenset(each.by for its in ranges.values() for _, _, each in its),
    )


def _id(revision: Revision | None) -> UUID | None:
    return revision.id if revision is not None else None


def _shelf(request: Request) -> Shelf:
    state = request.app.state
    if not hasattr(state, "comparisons"):
        state.comparisons = Shelf()
    shelf: Shelf = state.comparisons
    return shelf

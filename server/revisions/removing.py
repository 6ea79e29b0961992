"""Taking back what one person did in a stretch of time, and nothing of what others did.

Where only they wrote between two revisions, what they changed is put back as it was, deletions too, if nobody has
changed it since. Of all else the letters that are theirs go; a word that they deleted while others wrote, too, does not
come back. It is an edit like any other, and the revision made just before it is the way back from it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

from prosemirror.model import Fragment, Node
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents import content, lifecycle, pairing, ydoc
from server.documents.access import DocumentVerb
from server.documents.foreign import is_foreign
from server.documents.lifecycle import LiveDocuments
from server.documents.models import Document, utc_now
from server.documents.schema import schema
from server.errors import Invalid
from server.revisions import attribution, authorship, crediting, listing, recording, states
from server.revisions.authorship import Authorship, Run, letters, passages
from server.revisions.comparing import Block, Kind, compare
from server.revisions.crediting import Known
from server.revisions.marking import read_marks
from server.revisions.models import MAX_NAME_CHARACTERS, Reason, Revision, RevisionAuthor
from server.revisions.restoring import Restored, document_of, recall, writable

# Reading two states each; of what lies before, only letters are looked at.
_MOST_SPANS: Final = 20
# Of less there is so much that the same stands elsewhere by chance.
_SHORTEST_DOUBLED: Final = 4

Packed = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time: after `since`, up to and including `until`; None: without end."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, at: datetime | None) -> bool:
        """Say whether it was then. What is older than all that is known was at the beginning."""
        if at is None:
            return self.since is None
        return (self.since is None or at > self.since) and (self.until is None or at <= self.until)


@dataclass(slots=True)
class _Without:
    """A change for `live.edit`. `spans`: what only they wrote, as states before and after, newest first."""

    known: Known
    clients: frozenset[int]
    stretch: Stretch
    spans: Sequence[tuple[Packed, Packed]]
    client_id: int | None = field(default=None, init=False)

    def __call__(self, doc: ydoc.YDoc) -> None:
        self.client_id = doc.client_id
        present = ydoc.read_node(doc)
        whose = crediting.present_authorship(self.known, doc, utc_now())
        blocks = list(present.content.content)
        for before, after in self.spans:
            old, new = states.unpack(before), states.unpack(after)
            if self.wrote_alone(old, new):
                blocks = put_back(blocks, ydoc.read_node(old), ydoc.read_node(new))
        changed = schema.nodes["doc"].create({}, blocks)
        # What was put back is nobody's: nothing of it goes again.
        whose = authorship.carry(whose, compare(present, changed), {}, None)
        content.replacement(document_of(writable(without(blocks, whose, self.is_theirs))))(doc)

    def wrote_alone(self, old: ydoc.YDoc, new: ydoc.YDoc) -> bool:
        """Say whether nothing came that others wrote.

        Somebody may not have been known yet when the revision was made, or have suggested what was accepted then.
        """
        before, after = (_letters_of_others(doc, self.clients) for doc in (old, new))
        return after <= before

    def is_theirs(self, run: Run) -> bool:
        return run.client in self.clients and self.stretch.holds(run.at)


async def remove(
    db: AsyncSession, live: LiveDocuments, user: User, document_id: UUID, *, person_id: UUID, during: Stretch
) -> tuple[Document, Restored]:
    """Take back what a person did in a document in a stretch of time.

    Raises NotFound, Forbidden, Conflict for a document in the trash, Invalid for a person who never wrote in it.
    """
    await lifecycle.find(db, user, document_id, DocumentVerb.EDIT)
    before = await recording.record_before(db, document_id)
    people = await attribution.people_of(db, document_id)
    wrote = await _authors(db, document_id)
    person = (await listing.people(db, [person_id])).get(person_id)
    known = await crediting.known_of(db, document_id)
    clients = frozenset(client for client, author in people.items() if author.id == person_id)
    if person is None or known is None or not (clients or any(person_id in authors for _, authors in wrote)):
        raise Invalid({"user_id": "Nobody with this id has written in this document."})
    spans: list[tuple[Packed, Packed]] = []
    back: dict[str, tuple[Node, Sequence[Run]]] = {}
    for older_id, newer_id in _alone(wrote, person_id, during):
        older, newer = [await listing.find(db, document_id, each) for each in (older_id, newer_id)]
        spans.append((await states.read_state(db, older), await states.read_state(db, newer)))
        back |= await asyncio.to_thread(recall, spans[-1][0], older)
    change = _Without(known, clients, during, spans)
    document, seq = await lifecycle.replace_content(db, live, user, document_id, change)
    if not seq:
        return document, Restored(before, None)
    if change.client_id is not None:
        await attribution.claim(db, document_id, {change.client_id: user.id})
    name = f"Without changes by {person.name}"[:MAX_NAME_CHARACTERS]
    after = await recording.record(db, document_id, reason=Reason.RESTORE, name=name, by=user.id, back=back)
    return document, Restored(before, after)


async def _authors(db: AsyncSession, document_id: UUID) -> list[tuple[crediting.Moment, set[UUID]]]:
    """Return the revisions of a document with who wrote each, oldest first."""
    rows = await db.execute(
        select(col(RevisionAuthor.revision_id), col(RevisionAuthor.user_id))
        .join(Revision, col(Revision.id) == col(RevisionAuthor.revision_id))
        .where(col(Revision.document_id) == document_id)
    )
    authors: dict[UUID, set[UUID]] = defaultdict(set)
    for revision_id, user_id in rows:
        authors[revision_id].add(user_id)
    return [(moment, authors[moment.revision_id]) for moment in await crediting.moments_of(db, document_id)]


def _letters_of_others(doc: ydoc.YDoc, clients: frozenset[int]) -> Counter[int | None]:
    counts: Counter[int | None] = Counter()
    for length, hand in (run for runs in read_marks(doc).values() for run in runs):
        client = hand.client if hand is not None else None
        if client not in clients:
            counts[client] += length
    return counts


def _alone(
    wrote: Sequence[tuple[crediting.Moment, set[UUID]]], person_id: UUID, stretch: Stretch
) -> list[tuple[UUID, UUID]]:
    """Return where only the person wrote, as revisions before and after, the newest first and not all too many."""
    found: list[tuple[UUID, UUID]] = []
    for (before, _), (after, authors) in pairwise(wrote):
        if authors != {person_id} or not stretch.holds(after.at):
            continue
        if found and found[-1][1] == before.revision_id:
            found[-1] = (found[-1][0], after.revision_id)
        else:
            found.append((before.revision_id, after.revision_id))
    return found[::-1][:_MOST_SPANS]


def put_back(present: Sequence[Node], old: Node, new: Node) -> list[Node]:
    """Return the present blocks with what was changed from `old` to `new` as it was, where it is still as it became.

    What stands elsewhere by now, as the second half of a paragraph that was parted, does not come twice.
    """
    changes = compare(old, new).changes
    came = {_id(change.node): change.node for change in changes if change.kind is Kind.ADDED}
    blocks = [block for block in present if not _is(block, came.get(_id(block)))]
    places = {_id(block): place for place, block in reversed(list(enumerate(blocks)))}
    past_places = {id(block): place for place, block in enumerate(old.content.content)}
    search = _Search()
    now, past = _Texts(blocks, search), _Texts(old.content.content, search)
    back: set[object] = set()
    for change in changes:
        if change.kind is Kind.ADDED:
            continue
        block_id = _id(change.node)
        at, was = places.get(block_id), past_places.get(id(change.before or change.node))
        if any(now.count(text, but=at) > past.count(text, but=was) for text in _gone(change)) or search.left < 0:
            continue
        if change.kind is Kind.EDITED and change.before is not None and at is not None and _is(blocks[at], change.node):
            blocks[at] = change.before
        elif change.kind is Kind.REMOVED and at is None and block_id is not None:
            back.add(block_id)
    return _with_returned(blocks, old.content.content, back) if back else blocks


def _with_returned(blocks: Sequence[Node], past: Sequence[Node], back: Collection[object]) -> list[Node]:
    """Return blocks with those of the past that come back, each behind the nearest before it that is still there."""
    there = {_id(block) for block in blocks}
    behind: dict[object, list[Node]] = defaultdict(list)
    # None: before all others.
    nearest: object = None
    for block in past:
        if _id(block) in back:
            behind[nearest].append(block)
        elif _id(block) is not None and _id(block) in there:
            nearest = _id(block)
    found = behind.pop(None, [])
    for block in blocks:
        found += [block, *behind.pop(_id(block), [])]
    return found


@dataclass(slots=True)
class _Search:
    """How many characters may still be looked through for what stands elsewhere; past that nothing more comes back."""

    left: int = 200_000_000


class _Texts:
    """The texts of blocks, and which of them have which few letters, so that few are looked through."""

    def __init__(self, blocks: Sequence[Node], search: _Search) -> None:
        self._search = search
        self._texts = ["\0".join(letters(passage) for passage in passages(block)) for block in blocks]
        self._counts: dict[str, int] = {}
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, text in enumerate(self._texts):
            for few in _few(text):
                self._places[few].append(place)

    def count(self, text: str, *, but: int | None) -> int:
        """Return how often all but one of the blocks say something. `text`: _SHORTEST_DOUBLED letters at least."""
        found = self._counts.get(text)
        if found is None:
            found = self._counts[text] = self._count(text)
        return found - (self._texts[but].count(text) if but is not None else 0)

    def _count(self, text: str) -> int:
        found = 0
        for place in min((self._places.get(few, []) for few in _few(text)), key=len):
            self._search.left -= len(self._texts[place])
            if self._search.left < 0:
                break
            found += self._texts[place].count(text)
        return found


def _few(text: str) -> set[str]:
    return {text[at : at + _SHORTEST_DOUBLED] for at in range(len(text) - _SHORTEST_DOUBLED + 1)}


def _gone(change: Block) -> Iterator[str]:
    """Yield the texts that went with a change, as they may stand elsewhere, and are long enough to be looked for."""
    texts: list[str] = []
    if change.kind is Kind.REMOVED:
        texts = [letters(passage) for passage in passages(change.node)]
    else:
        texts = [piece.letters for piece in change.pieces if piece.kind is Kind.REMOVED]
    for text in texts:
        words = text.strip()
        # What was parted within a word has only a part of it.
        for each in (words, words.partition(" ")[2], words.rpartition(" ")[0]):
            if len(each) >= _SHORTEST_DOUBLED:
                yield each
    for child in change.children:
        if child.kind in {Kind.REMOVED, Kind.EDITED}:
            yield from _gone(child)


def without(blocks: Sequence[Node], whose: Authorship, goes: Callable[[Run], bool]) -> list[Node]:
    """Return blocks without the letters of the runs that go, and without what is empty by that."""
    left = (_without(block, whose, goes) for block in blocks)
    return [block for block in left if block is not None]


def _without(block: Node, whose: Authorship, goes: Callable[[Run], bool]) -> Node | None:
    if block.is_leaf or block.is_textblock:
        runs = authorship.cut(whose.get(str(_id(block)), ()), 0, len(letters(block)))
        if is_foreign(block) or not any(goes(run) for run in runs):
            return block
        left = [] if block.is_leaf else list(_left(block, runs, goes))
        return block.copy(Fragment.from_array(left)) if left else None
    children = list(block.content.content)
    left_of = [_without(child, whose, goes) for child in children]
    kept = [child for child in left_of if child is not None]
    if not kept:
        return None
    if not block.type.valid_content(Fragment.from_array(kept)):
        # A list item begins with a text, and a row has all its cells.
        kept = [left or _emptied(child) for child, left in zip(children, left_of, strict=True)]
    return block.copy(Fragment.from_array(kept))


def _left(block: Node, runs: Sequence[Run], goes: Callable[[Run], bool]) -> Iterator[Node]:
    at = 0
    stays = []
    for run in runs:
        if not goes(run):
            stays.append((at, at + run.length))
        at += run.length
    at = 0
    for child in block.content.content:
        length = len(child.text or "") if child.is_text else 1
        for start, end in stays:
            first, last = max(start, at) - at, min(end, at + length) - at
            if first < last:
                yield schema.text((child.text or "")[first:last], child.marks) if child.is_text else child
        at += length


def _emptied(block: Node) -> Node:
    if block.is_leaf:
        return block
    if block.is_textblock:
        return block.copy(Fragment.empty)
    return block.copy(Fragment.from_array([_emptied(child) for child in block.content.content]))


def _is(block: Node, other: Node | None) -> bool:
    return other is not None and pairing.fingerprint(block) == pairing.fingerprint(other)


def _id(block: Node) -> object:
    return block.attrs.get("id")

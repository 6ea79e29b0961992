"""Finding revisions: a page of them, one of them, and the people who wrote them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col

from server.accounts.models import User
from server.documents.models import Document
from server.errors import NotFound
from server.revisions.models import Revision, RevisionAuthor, Writer
from server.revisions.writing import Author

MAX_PAGE_SIZE: Final = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """A revision in a list, with who wrote it and who asked for it."""

    revision: Revision
    authors: tuple[Author, ...]
    made_by: Author | None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest first; `next_cursor` asks for the part after it, None at the end."""

    rows: list[Listed]
    next_cursor: int | None


async def page(db: AsyncSession, document_id: UUID, *, limit: int = 50, cursor: int | None = None) -> Page:
    """Return a document's revisions with numbers below `cursor`, newest first, without their states."""
    limit = max(1, min(limit, MAX_PAGE_SIZE))
    found = (
        select(Revision)
        .where(col(Revision.document_id) == document_id)
        .order_by(col(Revision.number).desc())
        .limit(limit + 1)
        # Columns, once mapped.
        .options(
            defer(Revision.delta),  # type: ignore[arg-type]
            defer(Revision.state_vector),  # type: ignore[arg-type]
            defer(Revision.authorship),  # type: ignore[arg-type]
        )
    )
    if cursor is not None:
        found = found.where(col(Revision.number) < cursor)
    rows = list(await db.scalars(found))
    shown = rows[:limit]
    return Page(await listed(db, shown), shown[-1].number if len(rows) > limit else None)


async def find(db: AsyncSession, document_id: UUID, revision_id: UUID) -> Revision:
    """Return a revision of a document that the caller may see. Raises NotFound."""
    revision = await db.get(Revision, revision_id)
    if revision is None or revision.document_id != document_id:
        raise NotFound
    return revision


async def before(db: AsyncSession, revision: Revision) -> Revision | None:
    """Return the revision before one, or None if it is the first."""
    return await db.scalar(
        select(Revision)
        .where(col(Revision.document_id) == revision.document_id, col(Revision.number) < revision.number)
        .order_by(col(Revision.number).desc())
        .limit(1)
    )


async def listed(db: AsyncSession, revisions: Sequence[Revision]) -> list[Listed]:
    """Return revisions with their people, for one question however many they are."""
    ids = [each.id for each in revisions]
    rows = await db.execute(
        select(col(RevisionAuthor.revision_id), col(RevisionAuthor.user_id)).where(
            col(RevisionAuthor.revision_id).in_(ids)
        )
    )
    wrote: dict[UUID, list[UUID]] = defaultdict(list)
    for revision_id, user_id in rows:
        wrote[revision_id].append(user_id)
    makers = {each.made_by for each in revisions if each.made_by is not None}
    known = await people(db, {*makers, *(user_id for each in wrote.values() for user_id in each)})
    return [
        Listed(
            revision=each,
            authors=_by_name(known[user_id] for user_id in wrote[each.id] if user_id in known),
            made_by=known.get(each.made_by) if each.made_by is not None else None,
        )
        for each in revisions
    ]


async def authors_between(
    db: AsyncSession, old: Revision | None, new: Revision | None, document: Document
) -> set[UUID]:
    """Return who wrote between two revisions; `new` None: up to now."""
    found = (
        select(col(RevisionAuthor.user_id))
        .join(Revision, col(Revision.id) == col(RevisionAuthor.revision_id))
        .where(col(Revision.document_id) == document.id)
    )
    if old is not None:
        found = found.where(col(Revision.number) > old.number)
    if new is not None:
        found = found.where(col(Revision.number) <= new.number)
    authors = set(await db.scalars(found))
    if new is None:
        authors |= set(await db.scalars(select(col(Writer.user_id)).where(col(Writer.document_id) == document.id)))
        if not authors and document.updated_by is not None:
            authors.add(document.updated_by)
    return authors


async def people(db: AsyncSession, ids: Iterable[UUID]) -> Mapping[UUID, Author]:
    """Return people as pages show them. Those that are gone are left out."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = await db.execute(select(col(User.id), col(User.name), col(User.colour)).where(col(User.id).in_(wanted)))
    return {user_id: Author(user_id, name, colour) for user_id, name, colour in rows}


def _by_name(authors: Iterable[Author]) -> tuple[Author, ...]:
    return tuple(sorted(authors, key=lambda author: (author.name, str(author.id))))

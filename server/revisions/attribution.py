"""Who wrote: noted when a room settles, and read when a revision is made or looked at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server import db as database
from server.accounts.models import User
from server.documents.models import Document, utc_now
from server.revisions.marking import counts_of
from server.revisions.models import Deletions, DocumentClient, Revision, RevisionAuthor, Writer
from server.revisions.writing import Author

# A room settles ten seconds after a change at the latest, or as soon as its turn comes.
_NEW: Final = timedelta(minutes=1)
_MOST_NEW: Final = 5


async def note(
    sessions: database.Sessions,
    document_id: UUID,
    seq: int,
    *,
    writers: Collection[UUID],
    authors: Mapping[int, UUID],
) -> None:
    """Write down who wrote in a document since it was last settled, up to place `seq` of its log.

    `writers`: everybody who changed anything. `authors`: whose each Yjs client id is that brought something new; a
    client id belongs to whoever came with it first. People and documents that are gone are left out.
    """
    people = {*writers, *authors.values()}
    if not people:
        return
    async with database.transaction(sessions) as db:
        if await db.scalar(select(col(Document.id)).where(col(Document.id) == document_id)) is None:
            return
        known = set(await db.scalars(select(col(User.id)).where(col(User.id).in_(people))))
        # In one order in every process, so that two of them never wait for each other in a circle.
        wrote = sorted(people & known)
        if wrote:
            # A revision that reaches so far has their work already: it was made before the room settled.
            theirs = await db.scalar(
                select(col(Revision.id))
                .where(col(Revision.document_id) == document_id, col(Revision.seq) >= seq)
                .order_by(col(Revision.number))
                .limit(1)
            )
            if theirs is None:
                rows = [{"document_id": document_id, "user_id": each} for each in wrote]
                await db.execute(insert(Writer).values(rows).on_conflict_do_nothing())
            else:
                named = [{"revision_id": theirs, "user_id": each} for each in wrote]
                await db.execute(insert(RevisionAuthor).values(named).on_conflict_do_nothing())
        whose = {client: user for client, user in authors.items() if user in known}
        await claim(db, document_id, whose)
        await _name_in_new_revisions(db, document_id, whose)


async def _name_in_new_revisions(db: AsyncSession, document_id: UUID, authors: Mapping[int, UUID]) -> None:
    """Name people in revisions that were made while they wrote, before it was known whose their clients are."""
    made_last = await db.scalar(
        select(func.max(col(Revision.created_at))).where(col(Revision.document_id) == document_id)
    )
    if not authors or made_last is None or made_last < utc_now() - _NEW:
        return
    rows = await db.execute(
        select(col(Revision.id), col(Revision.state_vector), col(Revision.created_at))
        .where(col(Revision.document_id) == document_id)
        .order_by(col(Revision.number).desc())
        .limit(_MOST_NEW + 1)
    )
    newest = [(revision_id, counts_of(vector), made_at) for revision_id, vector, made_at in rows]
    named = [
        {"revision_id": revision_id, "user_id": user_id}
        for (revision_id, counts, made_at), (_, before, _) in pairwise(newest)
        if made_at > utc_now() - _NEW
        for user_id in {user for client, user in authors.items() if counts.get(client, 0) > before.get(client, 0)}
    ]
    if named:
        await db.execute(insert(RevisionAuthor).values(named).on_conflict_do_nothing())


async def owners_of(sessions: database.Sessions, document_id: UUID, clients: Collection[int]) -> Mapping[int, str]:
    """Return by Yjs client the id of the person whose it is, of those that are known."""
    async with sessions() as db:
        rows = await db.execute(
            select(col(DocumentClient.client_id), col(DocumentClient.user_id)).where(
                col(DocumentClient.document_id) == document_id, col(DocumentClient.client_id).in_(clients)
            )
        )
        return {client: str(user_id) for client, user_id in rows}


async def claim(db: AsyncSession, document_id: UUID, authors: Mapping[int, UUID]) -> None:
    """Write down whose Yjs client ids these are. One that is somebody else's already stays theirs."""
    if not authors:
        return
    now = utc_now()
    seen = insert(DocumentClient).values(
        [
            {
                "document_id": document_id,
                "client_id": client,
                "user_id": user,
                "first_seen_at": now,
                "last_seen_at": now,
            }
            for client, user in sorted(authors.items())
        ]
    )
    await db.execute(
        seen.on_conflict_do_update(
            index_elements=["document_id", "client_id"],
            set_={"last_seen_at": seen.excluded.last_seen_at},
            where=col(DocumentClient.user_id) == seen.excluded.user_id,
        )
    )


async def keep_deletions(db: AsyncSession, revision: Revision, ranges: Mapping[UUID, bytes]) -> None:
    """Write down who deleted what before a revision, as `tracing.trace` found it. People who are gone are left out."""
    known = set(await db.scalars(select(col(User.id)).where(col(User.id).in_(ranges)))) if ranges else set()
    for by in sorted(known):
        db.add(Deletions(document_id=revision.document_id, user_id=by, number=revision.number, ranges=ranges[by]))
    await db.flush()


async def deletions_of(
    db: AsyncSession, document_id: UUID, *, after: int, until: int | None
) -> Sequence[tuple[UUID, bytes]]:
    """Return who deleted what after revision number `after` and up to `until`; None: up to the newest."""
    found = select(col(Deletions.user_id), col(Deletions.ranges)).where(
        col(Deletions.document_id) == document_id, col(Deletions.number) > after
    )
    if until is not None:
        found = found.where(col(Deletions.number) <= until)
    return [(by, ranges) for by, ranges in await db.execute(found)]


async def people_of(db: AsyncSession, document_id: UUID) -> Mapping[int, Author]:
    """Return whose each Yjs client id of a document is."""
    rows = await db.execute(
        select(col(DocumentClient.client_id), col(User.id), col(User.name), col(User.colour))
        .join(User, col(User.id) == col(DocumentClient.user_id))
        .where(col(DocumentClient.document_id) == document_id)
    )
    people: dict[UUID, Author] = {}
    return {client: people.setdefault(user_id, Author(user_id, name, colour)) for client, user_id, name, colour in rows}

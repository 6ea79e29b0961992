"""Threads with all that hangs on them, in a number of statements that does not grow with them."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.comments.models import Comment, CommentReaction, Thread
from server.errors import Invalid
from server.suggestions import recording
from server.suggestions.models import RecordedSuggestion

# Long threads make a page end early, so that no answer holds more than it must.
MAX_COMMENTS_IN_PAGE: Final = 500


class State(StrEnum):
    """Which threads to list."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Told:
    """A thread with its comments, their reactions, and everybody who is named in it."""

    thread: Thread
    comments: Sequence[Comment]
    reactions: dict[UUID, list[CommentReaction]]
    people: dict[UUID, User]
    suggestion: RecordedSuggestion | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `next_cursor` asks for the part after it, None at the end."""

    threads: list[Told]
    next_cursor: str | None


async def page(
    db: AsyncSession,
    document_id: UUID,
    *,
    state: State = State.ALL,
    thread_id: UUID | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Return threads of a document, the oldest first; with `thread_id` only that one, if it is there still.

    The caller has asked whether the person may see the document. Raises Invalid for a foreign cursor.
    """
    size = select(func.count()).where(col(Comment.thread_id) == col(Thread.id)).correlate(Thread).scalar_subquery()
    found = (
        select(Thread, size)
        .where(col(Thread.document_id) == document_id)
        .order_by(col(Thread.created_at), col(Thread.id))
        .limit(limit + 1)
    )
    if state is not State.ALL:
        resolved = col(Thread.resolved_at).is_not(None)
        found = found.where(resolved if state is State.RESOLVED else ~resolved)
    if thread_id is not None:
        found = found.where(col(Thread.id) == thread_id)
    if cursor is not None:
        found = found.where(tuple_(col(Thread.created_at), col(Thread.id)) > tuple_(*_read_cursor(cursor)))
    rows = (await db.execute(found)).all()
    shown: list[Thread] = []
    comments = 0
    for thread, its_comments in rows[:limit]:
        comments += its_comments
        if shown and comments > MAX_COMMENTS_IN_PAGE:
            break
        shown.append(thread)
    return Page(await tell(db, shown), _write_cursor(shown[-1]) if len(shown) < len(rows) else None)


async def tell(db: AsyncSession, threads: Sequence[Thread]) -> list[Told]:
    """Read what hangs on these threads, with three statements, and one more if any is about a suggestion."""
    if not threads:
        return []
    ids = [thread.id for thread in threads]
    comments: dict[UUID, list[Comment]] = defaultdict(list)
    in_order = (col(Comment.created_at), col(Comment.id))
    for comment in await db.scalars(select(Comment).where(col(Comment.thread_id).in_(ids)).order_by(*in_order)):
        comments[comment.thread_id].append(comment)
    reactions: dict[UUID, dict[UUID, list[CommentReaction]]] = defaultdict(lambda: defaultdict(list))
    of_theirs = (
        select(CommentReaction, col(Comment.thread_id))
        .join(Comment, col(Comment.id) == col(CommentReaction.comment_id))
        .where(col(Comment.thread_id).in_(ids))
        .order_by(col(CommentReaction.created_at), col(CommentReaction.user_id))
    )
    for reaction, thread_id in await db.execute(of_theirs):
        reactions[thread_id][reaction.comment_id].append(reaction)
    named = {thread.resolved_by for thread in threads}
    about = await _suggestions(db, threads)
    for record in about.values():
        named |= {record.author_id, record.decided_by}
    for each in (comment for one in comments.values() for comment in one):
        named |= {each.author_id, *each.mentions}
    named |= {each.user_id for one in reactions.values() for some in one.values() for each in some}
    people = {user.id: user for user in await db.scalars(select(User).where(col(User.id).in_(named - {None})))}
    return [Told(thread, comments[thread.id], reactions[thread.id], people, about.get(thread.id)) for thread in threads]


async def _suggestions(db: AsyncSession, threads: Sequence[Thread]) -> dict[UUID, RecordedSuggestion]:
    """Return what the threads are about, by thread. All are of one document."""
    keys = {
        thread.id: (thread.suggestion_author, thread.suggestion_mark)
        for thread in threads
        if thread.suggestion_author is not None and thread.suggestion_mark is not None
    }
    records = await recording.find(db, threads[0].document_id, set(keys.values()))
    return {thread_id: records[key] for thread_id, key in keys.items() if key in records}


def _write_cursor(thread: Thread) -> str:
    return urlsafe_b64encode(json.dumps([thread.created_at.isoformat(), str(thread.id)]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        when, thread_id = json.loads(urlsafe_b64decode(cursor.encode()))
        written = datetime.fromisoformat(when)
        read = written.astimezone(UTC), UUID(thread_id)
    except (NotBase64, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Invalid({"cursor": "This cursor is not one of ours."}) from error
    if written.tzinfo is None:
        raise Invalid({"cursor": "This cursor is not one of ours."})
    return read

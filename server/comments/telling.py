"""Whom it concerns what is said: who is mentioned, who talks in the thread, who owns the document or follows it.

The notices are written in the transaction of what they tell of; give their people to `noting.tell` after the commit.
"""

import re
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.comments.models import Comment, Thread
from server.comments.readers import who_cannot_see
from server.comments.threads import MENTION, Removal, Said, Turn
from server.documents.models import Document
from server.documents.telling import owners
from server.notifications.models import Kind
from server.notifications.noting import Notice, followers, forget, note


async def note_words(db: AsyncSession, actor: User, said: Said, *, edited: bool = False) -> frozenset[UUID]:
    """Note a new comment, or with `edited` only whom its new words mention. Returns for whom that is news."""
    document, thread, comment = said.document, said.thread, said.comment
    text = await _readable(db, comment)

    async def to(people: Collection[UUID], kind: Kind, deed: str) -> frozenset[UUID]:
        notice = Notice(
            kind=kind,
            to=people,
            workspace_id=document.workspace_id,
            document_id=document.id,
            thread_id=thread.id,
            actor_id=actor.id,
            title=document.title,
            quote=thread.quote,
            text=text,
            path=_path(document, comment.id),
            dedupe_key=f"comment:{comment.id}:{deed}",
        )
        return await note(db, notice)

    noted = await to(said.mentioned, Kind.MENTION, "mention") if said.mentioned else frozenset()
    if edited:
        return noted
    # One deed, one notice for each: whoever is mentioned knows of it.
    concerned = {*await _talking(db, thread), *await followers(db, document.id), *await owners(db, document.id)}
    if thread.suggestion_author is not None:
        concerned.add(thread.suggestion_author)
    concerned -= {*comment.mentions, actor.id}
    concerned -= await who_cannot_see(db, document.id, concerned)
    return noted | (await to(concerned, Kind.REPLY, "reply") if concerned else frozenset())


async def note_turn(db: AsyncSession, actor: User, turn: Turn) -> frozenset[UUID]:
    """Note that a thread was put aside or taken up again, if it was. Returns for whom that is news."""
    document, thread = turn.document, turn.thread
    if thread.resolved_at == turn.resolved_before:
        return frozenset()
    people = await _talking(db, thread) - {actor.id}
    people -= await who_cannot_see(db, document.id, people)
    if not people:
        return frozenset()
    of_thread = (col(Comment.thread_id) == thread.id, col(Comment.deleted_at).is_(None))
    first = await db.scalar(
        select(Comment).where(*of_thread).order_by(col(Comment.created_at), col(Comment.id)).limit(1)
    )
    # Each time it was put aside is a deed of its own, and so is each end of that.
    kind = Kind.RESOLUTION if thread.resolved_at else Kind.REOPENING
    aside = thread.resolved_at or turn.resolved_before
    notice = Notice(
        kind=kind,
        to=people,
        workspace_id=document.workspace_id,
        document_id=document.id,
        thread_id=thread.id,
        actor_id=actor.id,
        title=document.title,
        quote=thread.quote,
        text=await _readable(db, first) if first else "",
        path=_path(document, thread.id),
        dedupe_key=f"thread:{thread.id}:{kind.value}:{aside.isoformat() if aside else ''}",
    )
    return await note(db, notice)


async def unnote(db: AsyncSession, comment_id: UUID, removal: Removal) -> frozenset[UUID]:
    """Take back what was noted of a comment that is deleted: its words are gone everywhere. Returns whose it was."""
    deeds = [f"comment:{comment_id}:"]
    if removal.headless:
        # These say what it was about by its first words.
        deeds.append(f"thread:{removal.thread.id}:")
    return await forget(db, document_id=removal.document.id, deeds=deeds)


def _path(document: Document, comment_id: UUID) -> str:
    return f"/documents/{document.id}#comment-{comment_id}"


async def _talking(db: AsyncSession, thread: Thread) -> set[UUID]:
    """Return who has said something in a thread or is mentioned there."""
    said = select(col(Comment.author_id), col(Comment.mentions)).where(
        col(Comment.thread_id) == thread.id, col(Comment.deleted_at).is_(None)
    )
    rows = (await db.execute(said)).all()
    authors = {author_id for author_id, _ in rows if author_id is not None}
    return authors | {each for _, mentions in rows for each in mentions}


async def _readable(db: AsyncSession, comment: Comment) -> str:
    """Return the words of a comment with names in the place of ids."""
    if not comment.mentions:
        return comment.text
    people = await db.execute(select(col(User.id), col(User.name)).where(col(User.id).in_(comment.mentions)))
    names = {str(user_id): name for user_id, name in people}
    return re.sub(MENTION, lambda found: f"@{names.get(found[1], 'somebody')}", comment.text)

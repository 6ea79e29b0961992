"""Beginning threads, answering, changing one's words, resolving, reacting.

Every function checks what the person may do at the document. None commits; what others must hear of is announced by
the caller after the commit.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.comments.models import Comment, CommentReaction, PlaceKind, Reaction, Thread
from server.comments.readers import who_cannot_see
from server.documents import lifecycle
from server.documents.access import DocumentActor, DocumentVerb, can
from server.documents.models import Document, utc_now
from server.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from server.events import Events
from server.suggestions import recording
from server.suggestions.models import SuggestionState
from server.suggestions.recording import Key

EVENT: Final = "comments"
# More than anybody reads; what a program in a loop makes ends here. Every page that is open holds all of them.
MAX_THREADS: Final = 5000
MAX_OPEN_THREADS: Final = 1000
MAX_COMMENTS_IN_THREAD: Final = 500
MAX_MENTIONS: Final = 50
# New comments of one person in one document: nobody writes as many, and all others' pages ask about each.
MAX_IN_A_MINUTE: Final = 60
MENTION: Final = re.compile(r"<@([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a thread is about; see Thread."""

    kind: PlaceKind
    anchor: dict[str, Any] | None
    block_id: str | None
    quote: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Said:
    """A thread after something was said in it. `mentioned` are those whom these words mention and none before did."""

    document: Document
    thread: Thread
    comment: Comment
    mentioned: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Turn:
    """A thread after it was put aside or taken up; it may have been so before."""

    document: Document
    thread: Thread
    resolved_before: datetime | None


@dataclass(frozen=True, slots=True)
class Removal:
    """What a comment was deleted from. `headless`: the thread is gone too, or has lost its first words."""

    document: Document
    thread: Thread
    headless: bool


async def begin(
    db: AsyncSession,
    user: User,
    document_id: UUID,
    *,
    place: Place,
    text: str,
    comment_id: UUID | None = None,
    suggestion: Key | None = None,
) -> Said:
    """Begin a thread with its first comment. The same `comment_id` again changes nothing: a repeated request.

    About a `suggestion` there is one thread; whoever begins it when somebody else just has, answers in theirs. Raises
    Conflict if it is not pending.
    """
    document, _ = await _open(db, user, document_id)
    repeated = await _repeated(db, user, document, comment_id)
    if repeated is not None:
        return repeated
    if suggestion is not None:
        record = await recording.hold(db, document_id, suggestion)
        begun = await _about(db, document_id, suggestion)
        if begun is not None:
            return await reply(db, user, document_id, begun, text=text, comment_id=comment_id)
        if record is None or record.state != SuggestionState.PENDING:
            raise Conflict("This suggestion was decided meanwhile, or taken back.")
    count = select(func.count()).select_from(Thread).where(col(Thread.document_id) == document_id)
    if (await db.scalar(count) or 0) >= MAX_THREADS:
        raise Conflict(f"A document holds at most {MAX_THREADS} threads. Delete some of them first.")
    await _have_room(db, document_id)
    mentions = await _mentions(db, document_id, text)
    now = utc_now()
    author_id, mark = suggestion or (None, None)
    thread = Thread(
        document_id=document_id,
        created_by=user.id,
        created_at=now,
        suggestion_author=author_id,
        suggestion_mark=mark,
        **_columns(place),
    )
    db.add(thread)
    # Rows without a relationship are written in any order; the comment refers to this one.
    await db.flush()
    comment = await _say(db, thread=thread, author=user, text=text, mentions=mentions, comment_id=comment_id, now=now)
    return Said(document, thread, comment, frozenset(mentions))


async def reply(
    db: AsyncSession, user: User, document_id: UUID, thread_id: UUID, *, text: str, comment_id: UUID | None = None
) -> Said:
    """Answer in a thread. One that was resolved is open again by that. `comment_id`: as for `begin`."""
    document, _ = await _open(db, user, document_id)
    thread = await _thread(db, document_id, thread_id)
    repeated = await _repeated(db, user, document, comment_id)
    if repeated is not None:
        return repeated
    count = select(func.count()).select_from(Comment).where(col(Comment.thread_id) == thread_id)
    if (await db.scalar(count) or 0) >= MAX_COMMENTS_IN_THREAD:
        raise Conflict(f"A thread holds at most {MAX_COMMENTS_IN_THREAD} comments. Begin a new one.")
    if thread.resolved_at is not None:
        await _have_room(db, document_id)
    mentions = await _mentions(db, document_id, text)
    thread.resolved_at = thread.resolved_by = None
    thread.ended_by_decision = False
    comment = await _say(
        db, thread=thread, author=user, text=text, mentions=mentions, comment_id=comment_id, now=utc_now()
    )
    return Said(document, thread, comment, frozenset(mentions))


async def edit(db: AsyncSession, user: User, document_id: UUID, comment_id: UUID, text: str) -> Said:
    """Change the words of one's own comment."""
    document, _ = await _open(db, user, document_id)
    thread, comment = await _find(db, document_id, comment_id)
    if comment.author_id != user.id:
        raise Forbidden("Only whoever wrote a comment can change it.")
    before = set(comment.mentions)
    mentions = await _mentions(db, document_id, text, known=before)
    if comment.text != text:
        comment.text, comment.mentions, comment.edited_at = text, mentions, utc_now()
        await db.flush()
    return Said(document, thread, comment, frozenset(mentions) - before)


async def remove(db: AsyncSession, user: User, document_id: UUID, comment_id: UUID) -> Removal:
    """Delete a comment: its author may, and the document's owners. With the last one the thread goes."""
    document, actor = await _open(db, user, document_id)
    thread, comment = await _find(db, document_id, comment_id)
    if comment.author_id != user.id and not can(actor, DocumentVerb.OWN, document):
        raise Forbidden("Only whoever wrote a comment, or an owner of the document, can delete it.")
    rows = await db.scalars(
        select(Comment).where(col(Comment.thread_id) == thread.id).order_by(col(Comment.created_at), col(Comment.id))
    )
    others = [each for each in rows if each.id != comment.id]
    is_last = all(each.deleted_at is not None for each in others)
    is_first = is_last or (comment.created_at, comment.id) < (others[0].created_at, others[0].id)
    if is_last:
        await db.execute(delete(Thread).where(col(Thread.id) == thread.id))
    elif is_first:
        await db.execute(delete(CommentReaction).where(col(CommentReaction.comment_id) == comment.id))
        comment.text, comment.mentions, comment.deleted_at = "", [], utc_now()
    else:
        await db.delete(comment)
    await db.flush()
    return Removal(document, thread, is_first)


async def resolve(db: AsyncSession, user: User, document_id: UUID, comment_id: UUID) -> Turn:
    """Put the thread of this comment aside. Doing it twice is no error. One's own, or with the right to review."""
    document, actor = await _open(db, user, document_id)
    thread, _ = await _find(db, document_id, comment_id)
    _require_say(actor, document, thread)
    before = thread.resolved_at
    if before is None:
        thread.resolved_at, thread.resolved_by = utc_now(), user.id
        await db.flush()
    return Turn(document, thread, before)


async def reopen(db: AsyncSession, user: User, document_id: UUID, comment_id: UUID) -> Turn:
    """Take the thread of this comment up again. Doing it twice is no error."""
    document, actor = await _open(db, user, document_id)
    thread, _ = await _find(db, document_id, comment_id)
    if thread.resolved_by != user.id:
        _require_say(actor, document, thread)
    if thread.resolved_at is not None:
        await _have_room(db, document_id)
    before, thread.resolved_at, thread.resolved_by = thread.resolved_at, None, None
    thread.ended_by_decision = False
    await db.flush()
    return Turn(document, thread, before)


async def move(
    db: AsyncSession, user: User, document_id: UUID, comment_id: UUID, place: Place
) -> tuple[Document, Thread]:
    """Attach the thread of this comment to another place: its words were deleted, or moved.

    To other words, whoever may resolve it. To the same words, which have come back or stand elsewhere now, whoever may
    comment: browsers do that by themselves, whoever's they are. Raises NotFound, Forbidden, Conflict.
    """
    document, actor = await _open(db, user, document_id)
    thread, _ = await _find(db, document_id, comment_id)
    if not _says_the_same(thread, place):
        _require_say(actor, document, thread)
    for name, value in _columns(place).items():
        setattr(thread, name, value)
    await db.flush()
    return document, thread


async def react(
    db: AsyncSession, user: User, document_id: UUID, comment_id: UUID, kinds: Collection[Reaction]
) -> tuple[Document, Thread]:
    """Let these be all of one's reactions to a comment."""
    document, _ = await _open(db, user, document_id)
    thread, comment = await _find(db, document_id, comment_id)
    wanted = {kind.value for kind in kinds}
    others = (col(CommentReaction.comment_id) == comment.id, col(CommentReaction.user_id) == user.id)
    await db.execute(delete(CommentReaction).where(*others, col(CommentReaction.kind).not_in(wanted)))
    if wanted:
        now = utc_now()
        rows = [{"comment_id": comment.id, "user_id": user.id, "kind": kind, "created_at": now} for kind in wanted]
        await db.execute(insert(CommentReaction).values(rows).on_conflict_do_nothing())
    return document, thread


async def announce(events: Events, document: Document, thread_id: UUID) -> None:
    """Tell the pages that are open. Call it after the commit."""
    await events.publish(document.workspace_id, EVENT, {"document_id": str(document.id), "thread_id": str(thread_id)})


async def _open(db: AsyncSession, user: User, document_id: UUID) -> tuple[Document, DocumentActor]:
    document, actor = await lifecycle.find(db, user, document_id, DocumentVerb.COMMENT)
    if document.trashed_at is not None:
        raise Conflict("This document is in the trash. Restore it first.")
    return document, actor


def _says_the_same(thread: Thread, place: Place) -> bool:
    """Whether the place has the words that the thread is about."""
    both_text = thread.kind == place.kind == PlaceKind.TEXT
    return both_text and thread.quote == place.quote and not place.quote.isspace() and place.quote != ""


def _require_say(actor: DocumentActor, document: Document, thread: Thread) -> None:
    if thread.created_by != actor.user_id and not can(actor, DocumentVerb.REVIEW, document):
        raise Forbidden("Only whoever began a thread, or somebody who may edit the document, can do that.")


async def _thread(db: AsyncSession, document_id: UUID, thread_id: UUID) -> Thread:
    # Locked: an answer must not come between the last comment's going and the thread's.
    found = select(Thread).where(col(Thread.id) == thread_id, col(Thread.document_id) == document_id)
    thread: Thread | None = await db.scalar(found.with_for_update())
    if thread is None:
        raise NotFound("This thread is gone: its last comment was deleted.")
    return thread


async def _have_room(db: AsyncSession, document_id: UUID) -> None:
    """Raise Conflict if no further thread can be open."""
    is_open = (col(Thread.document_id) == document_id, col(Thread.resolved_at).is_(None))
    count = await db.scalar(select(func.count()).select_from(Thread).where(*is_open))
    if (count or 0) >= MAX_OPEN_THREADS:
        raise Conflict(
            f"At most {MAX_OPEN_THREADS} threads are open in a document at a time. Resolve some of them first."
        )


async def _keep_pace(db: AsyncSession, author: User, document_id: UUID, now: datetime) -> None:
    """Raise TooMany if somebody has said as much in the document within a minute as anybody may."""
    begins: datetime | None = await db.scalar(
        select(col(Comment.created_at))
        .join(Thread, col(Thread.id) == col(Comment.thread_id))
        .where(
            col(Thread.document_id) == document_id,
            col(Comment.author_id) == author.id,
            col(Comment.created_at) > now - timedelta(minutes=1),
        )
        .order_by(col(Comment.created_at).desc())
        .offset(MAX_IN_A_MINUTE - 1)
        .limit(1)
    )
    if begins is not None:
        seconds = max(1, ceil((begins + timedelta(minutes=1) - now).total_seconds()))
        said = f"You have written {MAX_IN_A_MINUTE} comments here within a minute."
        raise TooMany(seconds, f"{said} Go on in {seconds} {'second' if seconds == 1 else 'seconds'}.")


async def _about(db: AsyncSession, document_id: UUID, suggestion: Key) -> UUID | None:
    author_id, mark = suggestion
    found: UUID | None = await db.scalar(
        select(col(Thread.id)).where(
            col(Thread.document_id) == document_id,
            col(Thread.suggestion_author) == author_id,
            col(Thread.suggestion_mark) == mark,
        )
    )
    return found


async def _find(db: AsyncSession, document_id: UUID, comment_id: UUID) -> tuple[Thread, Comment]:
    of_comment = select(col(Comment.thread_id)).where(col(Comment.id) == comment_id)
    thread = await _thread(db, document_id, await db.scalar(of_comment) or comment_id)
    comment = await db.get(Comment, comment_id)
    if comment is None or comment.deleted_at is not None:
        raise NotFound("This comment was deleted.")
    return thread, comment


async def _repeated(db: AsyncSession, user: User, document: Document, comment_id: UUID | None) -> Said | None:
    if comment_id is None:
        return None
    comment = await db.get(Comment, comment_id)
    if comment is None:
        return None
    thread = await db.get(Thread, comment.thread_id)
    if thread is None or thread.document_id != document.id or comment.author_id != user.id:
        raise Conflict("There is another comment with this id. Choose a new one.")
    return Said(document, thread, comment, frozenset())


async def _say(
    db: AsyncSession,
    *,
    thread: Thread,
    author: User,
    text: str,
    mentions: Sequence[UUID],
    comment_id: UUID | None,
    now: datetime,
) -> Comment:
    await _keep_pace(db, author, thread.document_id, now)
    comment = Comment(
        id=comment_id or uuid4(),
        thread_id=thread.id,
        author_id=author.id,
        text=text,
        mentions=list(mentions),
        created_at=now,
    )
    # Of several requests with one id that come at once, one is first. The others, sent again, are answered as it was.
    try:
        async with db.begin_nested():
            db.add(comment)
            await db.flush()
    except IntegrityError as error:
        raise Conflict("This comment has just been stored, or another has its id. Read the thread again.") from error
    return comment


async def _mentions(
    db: AsyncSession, document_id: UUID, text: str, known: set[UUID] | frozenset[UUID] = frozenset()
) -> list[UUID]:
    """Return whom a text mentions, in order. Whom it mentioned before may have lost the document since."""
    mentions = list(dict.fromkeys(UUID(each) for each in MENTION.findall(text)))
    if len(mentions) > MAX_MENTIONS:
        raise Invalid({"text": f"Mention at most {MAX_MENTIONS} people."})
    if await who_cannot_see(db, document_id, set(mentions) - known):
        raise Invalid({"text": "Somebody who is mentioned here does not see this document."})
    return mentions


def _columns(place: Place) -> dict[str, Any]:
    return {
        "kind": place.kind.value,
        "anchor": place.anchor,
        "block_id": place.block_id,
        "quote": place.quote,
        "before": place.before,
        "after": place.after,
    }

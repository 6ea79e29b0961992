"""Comments for programs and for the editor's panel: `/api/v1/documents/{document_id}/comments`."""

import asyncio
from collections.abc import Collection, Sequence
from types import NoneType
from typing import Final
from uuid import UUID

from starlette.requests import Request

from server.accounts.identity import signed_in
from server.comments import reading, telling, threads
from server.comments.models import Thread
from server.comments.readers import suggest
from server.comments.shapes import (
    CommentChange,
    CommenterList,
    CommentsQuery,
    NewComment,
    NewPlace,
    OwnReactions,
    PeopleQuery,
    ThreadList,
    ThreadSeen,
    commenter,
    seen,
)
from server.documents import content, lifecycle
from server.documents.access import DocumentVerb, can
from server.documents.api.documents import live_of
from server.documents.api.turns import turn
from server.documents.models import Document
from server.documents.suggestions import suggestions_in
from server.errors import Invalid
from server.notifications.noting import tell
from server.suggestions import recording
from server.suggestions.recording import Key
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of

_COMMENTS: Final = "/api/v1/documents/{document_id:uuid}/comments"
_COMMENT: Final = f"{_COMMENTS}/{{comment_id:uuid}}"


async def list_comments(call: Call[CommentsQuery, NoBody]) -> Reply[ThreadList]:
    """List the threads of a document with all their comments, the oldest first.

    Follow `next_cursor` until it is null. An orphan, whose words are no longer in the text, is listed like the others.
    """
    request, query = call.request, call.query
    db = request.state.db
    document, actor = await lifecycle.find(db, signed_in(request), _document_id(request))
    page = await reading.page(
        db,
        document.id,
        state=query.state,
        thread_id=query.thread_id,
        limit=query.limit,
        cursor=query.cursor,
    )
    writable = document.trashed_at is None
    return Reply(
        ThreadList(
            threads=[seen(told) for told in page.threads],
            next_cursor=page.next_cursor,
            may_comment=writable and can(actor, DocumentVerb.COMMENT, document),
            may_resolve_any=writable and can(actor, DocumentVerb.REVIEW, document),
            may_delete_any=writable and can(actor, DocumentVerb.OWN, document),
        )
    )


async def list_readers(call: Call[PeopleQuery, NoBody]) -> Reply[CommenterList]:
    """List a few people who can see the document, to mention one of them."""
    request = call.request
    document, _ = await lifecycle.find(
        request.state.db, signed_in(request), _document_id(request), DocumentVerb.COMMENT
    )
    found = await suggest(request.state.db, document.id, call.query.q)
    return Reply(CommenterList(people=[commenter(user) for user in found]))


async def add_comment(call: Call[NoQuery, NewComment]) -> Reply[ThreadSeen]:
    """Begin a thread, or answer in one; the answer is the whole thread. An answer reopens a thread that was resolved.

    It needs the right to comment, not to write: reviewers have it.
    """
    request, body = call.request, call.body
    db, user, document_id = request.state.db, signed_in(request), _document_id(request)
    if body.thread_id is None:
        place = (body.place or NewPlace()).place()
        about = (body.suggestion.author_id, body.suggestion.id) if body.suggestion else None
        if about is not None:
            await _record(request, document_id, about)
        said = await threads.begin(
            db, user, document_id, place=place, text=body.text, comment_id=body.id, suggestion=about
        )
    elif body.place is not None or body.suggestion is not None:
        field = "place" if body.place is not None else "suggestion"
        raise Invalid({field: "An answer is about what its thread is about. Leave this out, or `thread_id`."})
    else:
        said = await threads.reply(db, user, document_id, body.thread_id, text=body.text, comment_id=body.id)
    noted = await telling.note_words(db, user, said)
    return await _settle(request, said.document, said.thread, noted)


async def change_comment(call: Call[NoQuery, CommentChange]) -> Reply[ThreadSeen]:
    """Change the words of your own comment. Others see that it was edited."""
    request = call.request
    db, user = request.state.db, signed_in(request)
    said = await threads.edit(db, user, _document_id(request), _comment_id(request), call.body.text)
    noted = await telling.note_words(db, user, said, edited=True)
    return await _settle(request, said.document, said.thread, noted)


async def delete_comment(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Delete your own comment, or as an owner of the document anybody's.

    The first one of a thread leaves an empty place if it was answered; the last one takes the thread with it.
    """
    request = call.request
    db, state, comment_id = request.state.db, request.app.state, _comment_id(request)
    removal = await threads.remove(db, signed_in(request), _document_id(request), comment_id)
    forgotten = await telling.unnote(db, comment_id, removal)
    await db.commit()
    await threads.announce(state.events, removal.document, removal.thread.id)
    if forgotten:
        await tell(state.events, state.queue, forgotten)
    return Reply(None)


async def resolve_thread(call: Call[NoQuery, NoBody]) -> Reply[ThreadSeen]:
    """Put the thread of this comment aside: one you began, or any if you may edit. Doing it twice is no error."""
    request = call.request
    db, user = request.state.db, signed_in(request)
    turn = await threads.resolve(db, user, _document_id(request), _comment_id(request))
    noted = await telling.note_turn(db, user, turn)
    return await _settle(request, turn.document, turn.thread, noted)


async def reopen_thread(call: Call[NoQuery, NoBody]) -> Reply[ThreadSeen]:
    """Take up a thread that was resolved. Doing it twice is no error."""
    request = call.request
    db, user = request.state.db, signed_in(request)
    turn = await threads.reopen(db, user, _document_id(request), _comment_id(request))
    noted = await telling.note_turn(db, user, turn)
    return await _settle(request, turn.document, turn.thread, noted)


async def move_thread(call: Call[NoQuery, NewPlace]) -> Reply[ThreadSeen]:
    """Attach the thread of this comment to another place, as when its words were moved or written anew.

    To the same words (the same `quote` in text) whoever may comment; to others whoever began it or may edit.
    """
    request = call.request
    document, thread = await threads.move(
        request.state.db, signed_in(request), _document_id(request), _comment_id(request), call.body.place()
    )
    return await _settle(request, document, thread)


async def set_reactions(call: Call[NoQuery, OwnReactions]) -> Reply[ThreadSeen]:
    """React to a comment: what you send are all of your reactions to it; an empty list takes them back."""
    request = call.request
    document, thread = await threads.react(
        request.state.db, signed_in(request), _document_id(request), _comment_id(request), call.body.reactions
    )
    return await _settle(request, document, thread)


async def _record(request: Request, document_id: UUID, key: Key) -> None:
    """See to it that a suggestion that was made this moment is on record."""
    db = request.state.db
    await lifecycle.find(db, signed_in(request), document_id, DocumentVerb.COMMENT)
    if await recording.find(db, document_id, [key]):
        return
    state = await live_of(request).read(document_id)
    async with turn(request, len(state)):
        found = await asyncio.to_thread(lambda: suggestions_in(content.load(state, suggestions=True).node))
    await recording.keep_new(db, document_id, [each for each in found if (each.author_id, each.id) == key])


async def _settle(
    request: Request, document: Document, thread: Thread, noted: Collection[UUID] = ()
) -> Reply[ThreadSeen]:
    """Commit, tell the pages that are open and the people for whom it was `noted`, and answer with the thread."""
    db, state = request.state.db, request.app.state
    await db.commit()
    await threads.announce(state.events, document, thread.id)
    if noted:
        await tell(state.events, state.queue, noted)
    [told] = await reading.tell(db, [thread])
    return Reply(seen(told))


def _document_id(request: Request) -> UUID:
    document_id: UUID = request.path_params["document_id"]
    return document_id


def _comment_id(request: Request) -> UUID:
    comment_id: UUID = request.path_params["comment_id"]
    return comment_id


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="listComments",
        method="GET",
        path=_COMMENTS,
        summary="List comments",
        handle=list_comments,
        query=CommentsQuery,
        body=NoBody,
        answer=ThreadList,
        refusals=(404,),
    ),
    Operation(
        name="addComment",
        method="POST",
        path=_COMMENTS,
        summary="Comment",
        handle=add_comment,
        query=NoQuery,
        body=NewComment,
        answer=ThreadSeen,
        status=201,
        refusals=(404, 409, 429, 503),
    ),
    Operation(
        name="listReaders",
        method="GET",
        path=f"{_COMMENTS}/people",
        summary="List whom a comment can mention",
        handle=list_readers,
        query=PeopleQuery,
        body=NoBody,
        answer=CommenterList,
        refusals=(403, 404),
    ),
    Operation(
        name="changeComment",
        method="PUT",
        path=_COMMENT,
        summary="Change a comment",
        handle=change_comment,
        query=NoQuery,
        body=CommentChange,
        answer=ThreadSeen,
        refusals=(404, 409),
    ),
    Operation(
        name="deleteComment",
        method="DELETE",
        path=_COMMENT,
        summary="Delete a comment",
        handle=delete_comment,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(404, 409),
    ),
    Operation(
        name="resolveThread",
        method="POST",
        path=f"{_COMMENT}/resolve",
        summary="Resolve a thread",
        handle=resolve_thread,
        query=NoQuery,
        body=NoBody,
        answer=ThreadSeen,
        refusals=(404, 409),
    ),
    Operation(
        name="reopenThread",
        method="POST",
        path=f"{_COMMENT}/reopen",
        summary="Reopen a thread",
        handle=reopen_thread,
        query=NoQuery,
        body=NoBody,
        answer=ThreadSeen,
        refusals=(404, 409),
    ),
    Operation(
        name="moveThread",
        method="PUT",
        path=f"{_COMMENT}/place",
        summary="Attach a thread to another place",
        handle=move_thread,
        query=NoQuery,
        body=NewPlace,
        answer=ThreadSeen,
        refusals=(404, 409),
    ),
    Operation(
        name="setReactions",
        method="PUT",
        path=f"{_COMMENT}/reactions",
        summary="React to a comment",
        handle=set_reactions,
        query=NoQuery,
        body=OwnReactions,
        answer=ThreadSeen,
        refusals=(404, 409),
    ),
)

routes: Final = routes_of(OPERATIONS)

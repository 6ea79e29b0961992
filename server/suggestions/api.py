"""What is suggested in a document, and what became of it, for programs and for the editor's panel.

Suggesting and deciding are edits of the live document; whoever decides tells so here, for the record.
"""

import asyncio
from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import content, lifecycle
from server.documents.access import DocumentVerb
from server.documents.api.documents import document_id_of, live_of
from server.documents.api.shapes import Author
from server.documents.api.turns import turn
from server.documents.suggestions import Suggestion, suggestions_in
from server.errors import Invalid
from server.events import Events
from server.suggestions import listing, recording
from server.suggestions.models import SuggestionState, Verdict
from server.suggestions.shapes import (
    Decided,
    SuggestionList,
    SuggestionPart,
    SuggestionSeen,
    SuggestionsQuery,
    WantedSuggestions,
    author,
    seen,
)
from server.suggestions.words import sentences
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of

EVENT: Final = "suggestions"
_SUGGESTIONS: Final = "/api/v1/documents/{document_id:uuid}/suggestions"


async def list_suggestions(call: Call[SuggestionsQuery, NoBody]) -> Reply[SuggestionList]:
    """List what is suggested in a document: what is `pending`, in the order of the text, or what is on record.

    A suggestion has parts: text to `insert` or `delete`, text to `reformat` (`into`: `+bold -italic`), a block to
    insert, to delete, to join to the one before, or to change (`into`: the kind of block). Reading a document's content
    leaves all of this out. What is pending is read from the document as it is now; the record follows it within ten
    seconds, the newest first.
    """
    request, query = call.request, call.query
    db: AsyncSession = request.state.db
    document, _ = await lifecycle.find(db, signed_in(request), document_id_of(request))
    if query.state is not WantedSuggestions.PENDING:
        state = None if query.state is WantedSuggestions.ALL else SuggestionState(query.state.value)
        page = await listing.page(db, document.id, state=state, limit=query.limit, cursor=query.cursor)
        named = {each.author_id for each in page.records} | {each.decided_by for each in page.records}
        people = await _people(db, named - {None})
        shown = [seen(each, people) for each in page.records]
        return Reply(SuggestionList(suggestions=shown, next_cursor=page.next_cursor))
    first = _place(query.cursor)
    whole = await live_of(request).read(document.id)
    async with turn(request, len(whole)):
        found = await asyncio.to_thread(_find, whole)
    part = found[first : first + query.limit]
    people = await _people(db, {each.author_id for each in part})
    more = first + query.limit < len(found)
    return Reply(
        SuggestionList(
            suggestions=[_pending(each, people) for each in part],
            next_cursor=str(first + query.limit) if more else None,
        )
    )


async def tell_decisions(call: Call[NoQuery, Decided]) -> Reply[None]:
    """Tell that you accepted or rejected suggestions in the live document, so that their authors hear of it from you.

    What the document says holds: for what is still in it this says nothing until it is gone, and after ten minutes no
    more. Withdrawing your own needs the right to suggest, all else the right to edit. Unknown ones are passed over.
    """
    request, body = call.request, call.body
    db, user = request.state.db, signed_in(request)
    own = body.verdict is Verdict.REJECTED and all(each.author_id == user.id for each in body.suggestions)
    verb = DocumentVerb.SUGGEST if own else DocumentVerb.REVIEW
    document, _ = await lifecycle.find(db, user, document_id_of(request), verb)
    keys = {(each.author_id, each.id) for each in body.suggestions}
    named = await recording.tell(db, document.id, user.id, body.verdict, keys)
    await db.commit()
    if named:
        await announce(request.app.state.events, document.workspace_id, document.id)
    return Reply(None)


async def announce(events: Events, workspace_id: UUID, document_id: UUID) -> None:
    """Tell the pages that are open that something was decided, or stands again. Call it after the commit."""
    await events.publish(workspace_id, EVENT, {"document_id": str(document_id)})


def _find(state: bytes) -> list[Suggestion]:
    return suggestions_in(content.load(state, suggestions=True).node)


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 9:
        raise Invalid({"cursor": "This cursor is not one of ours."})
    return int(cursor)


def _pending(suggestion: Suggestion, people: dict[UUID, Author]) -> SuggestionSeen:
    parts = [
        SuggestionPart(kind=each.kind, block_id=each.block_id, text=each.text, into=each.into or None)
        for each in suggestion.parts
    ]
    return SuggestionSeen(
        id=suggestion.id,
        author=people.get(suggestion.author_id),
        suggested_at=suggestion.at,
        state=SuggestionState.PENDING,
        sentences=sentences([{"kind": each.kind, "text": each.text, "into": each.into or ""} for each in parts]),
        parts=parts,
        decided_at=None,
        decided_by=None,
    )


async def _people(db: AsyncSession, ids: Iterable[UUID | None]) -> dict[UUID, Author]:
    found = await db.scalars(select(User).where(col(User.id).in_(set(ids))))
    return {user.id: author(user) for user in found}


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="listSuggestions",
        method="GET",
        path=_SUGGESTIONS,
        summary="List what is suggested in a document, and what became of it",
        handle=list_suggestions,
        query=SuggestionsQuery,
        body=NoBody,
        answer=SuggestionList,
        refusals=(404, 503),
    ),
    Operation(
        name="tellDecisions",
        method="POST",
        path=f"{_SUGGESTIONS}/decisions",
        summary="Tell that you decided about suggestions",
        handle=tell_decisions,
        query=NoQuery,
        body=Decided,
        answer=NoneType,
        status=204,
        refusals=(403, 404),
    ),
)

routes: Final = routes_of(OPERATIONS)

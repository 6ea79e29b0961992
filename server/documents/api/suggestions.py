"""What is suggested in a document and not decided yet, for programs. Suggesting itself is done in the live document."""

import asyncio

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import content, lifecycle
from server.documents.api.documents import document_id_of, live_of
from server.documents.api.shapes import Author, SuggestionList, SuggestionPart, SuggestionSeen
from server.documents.api.turns import turn
from server.documents.suggestions import Suggestion, suggestions_in
from server.web.operations import Call, NoBody, NoQuery, Reply

# More than a person can go through; a document with more is answered with the first of them.
_MOST = 1000


async def list_suggestions(call: Call[NoQuery, NoBody]) -> Reply[SuggestionList]:
    """List what is suggested in a document, in the order of the text, at most 1,000.

    A suggestion has parts: text to `insert` or `delete`, text to `reformat` (`into`: `+bold -italic`), a block to
    insert, to delete, to join to the one before, or to change (`into`: the kind of block). Reading a document's content
    leaves all of this out.
    """
    request = call.request
    db: AsyncSession = request.state.db
    document, _ = await lifecycle.find(db, signed_in(request), document_id_of(request))
    state = await live_of(request).read(document.id)
    async with turn(request, len(state)):
        found = await asyncio.to_thread(_find, state)
    authors = await db.scalars(select(User).where(col(User.id).in_({each.author_id for each in found})))
    known = {user.id: Author(id=user.id, name=user.name, colour=user.colour) for user in authors}
    return Reply(
        SuggestionList(
            suggestions=[
                SuggestionSeen(
                    id=each.id,
                    author=known.get(each.author_id),
                    suggested_at=each.at,
                    parts=[
                        SuggestionPart(kind=part.kind, block_id=part.block_id, text=part.text, into=part.into or None)
                        for part in each.parts
                    ],
                )
                for each in found
            ]
        )
    )


def _find(state: bytes) -> list[Suggestion]:
    return suggestions_in(content.load(state, suggestions=True).node)[:_MOST]

"""What the API of comments takes and gives. The descriptions become the OpenAPI document."""

import unicodedata
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints
from pydantic.functional_validators import AfterValidator, BeforeValidator

from server.accounts.models import User
from server.comments.models import (
    MAX_BLOCK_ID_CHARACTERS,
    MAX_CONTEXT_CHARACTERS,
    MAX_QUOTE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    PlaceKind,
    Reaction,
)
from server.comments.readers import MAX_QUERY_CHARACTERS
from server.comments.reading import State, Told
from server.comments.threads import Place
from server.suggestions.models import RecordedSuggestion, SuggestionState
from server.suggestions.shapes import NamedSuggestion
from server.suggestions.words import sentences
from server.web.operations import Answer, BodyInput, QueryInput
from server.web.text import has_ink

MAX_LIMIT: Final = 100
# What a browser counts exactly.
_MAX_NUMBER: Final = 2**53 - 1


def _clean(value: object) -> object:
    """Lines and tabs stay; other control characters and space around the words go."""
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = (each for each in text if each in "\n\t" or unicodedata.category(each) not in {"Cc", "Cs"})
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def _says_something(text: str) -> str:
    if not has_ink(text):
        message = "Write something."
        raise ValueError(message)
    return text


def _storable(value: object) -> object:
    # A quote is compared letter by letter with the text, so it stays as it is but for what Postgres cannot hold.
    return value.replace("\0", "") if isinstance(value, str) else value


CommentText = Annotated[
    str,
    BeforeValidator(_clean),
    StringConstraints(min_length=1, max_length=MAX_TEXT_CHARACTERS),
    AfterValidator(_says_something),
    Field(description="Plain text, lines allowed. `<@user-id>` mentions somebody who can see the document."),
]
Words = Annotated[str, BeforeValidator(_storable)]


class ItemId(BodyInput):
    """The id of something in the shared text."""

    client: int = Field(ge=0, le=_MAX_NUMBER)
    clock: int = Field(ge=0, le=_MAX_NUMBER)


class Position(BodyInput):
    """A Yjs relative position as JSON (`Y.relativePositionToJSON`)."""

    item: ItemId | None = None
    type: ItemId | None = None
    tname: Literal["default"] | None = None
    assoc: int | None = Field(default=None, ge=-1, le=1)


class Anchor(BodyInput):
    """Where the words stand in the shared text."""

    start: Position
    end: Position


class NewPlace(BodyInput):
    """What a thread is about. Only `quote` is needed to find words; the rest makes it certain."""

    kind: PlaceKind = PlaceKind.TEXT
    anchor: Anchor | None = Field(default=None, description="Minted by whoever has the shared text open.")
    block_id: str | None = Field(default=None, max_length=MAX_BLOCK_ID_CHARACTERS, pattern=r"^[\x21-\x7e]+$")
    quote: Words = Field(default="", max_length=MAX_QUOTE_CHARACTERS, description="The words that it is about.")
    before: Words = Field(default="", max_length=MAX_CONTEXT_CHARACTERS, description="What stands before the quote.")
    after: Words = Field(default="", max_length=MAX_CONTEXT_CHARACTERS, description="What stands after the quote.")

    def place(self) -> Place:
        """Return it as the domain takes it."""
        anchor = self.anchor.model_dump(exclude_none=True) if self.anchor else None
        return Place(
            kind=self.kind,
            anchor=anchor,
            block_id=self.block_id,
            quote=self.quote,
            before=self.before,
            after=self.after,
        )


class NewComment(BodyInput):
    """A comment: with `thread_id` an answer, with `place` the first of a new thread, with neither about everything.

    With `suggestion` it is about that suggestion, at whose `place` it stands; there is one thread about each.
    """

    text: CommentText
    place: NewPlace | None = None
    suggestion: NamedSuggestion | None = None
    thread_id: UUID | None = None
    id: UUID | None = Field(
        default=None, description="An id of your own making; a repeated request with it adds nothing."
    )


class CommentChange(BodyInput):
    """Other words."""

    text: CommentText


class OwnReactions(BodyInput):
    """All of your reactions to a comment."""

    reactions: list[Reaction] = Field(max_length=len(Reaction))


class CommentsQuery(QueryInput):
    """Which threads to list."""

    state: State = State.ALL
    thread_id: UUID | None = Field(default=None, description="Only this one.")
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT, description="How many threads to return at most.")
    cursor: str | None = Field(default=None, max_length=300, description="`next_cursor` of the page before this one.")


class PeopleQuery(QueryInput):
    """Whom to look for."""

    q: str = Field(default="", max_length=MAX_QUERY_CHARACTERS, description="Words of the name.")


class Commenter(Answer):
    """Somebody, as others see them. `colour` is a place in the palette of carets and avatars."""

    id: UUID
    name: str
    colour: int


class CommenterList(Answer):
    """A few people."""

    people: list[Commenter]


class ReactionSeen(Answer):
    """A reaction and whose it is."""

    kind: Reaction
    people: list[Commenter]


class CommentSeen(Answer):
    """A comment. One that was deleted has no words any more; the answers to it stay."""

    id: UUID
    author: Commenter | None = Field(description="Null if the account is gone.")
    text: str
    mentions: list[Commenter]
    created_at: datetime
    edited_at: datetime | None
    deleted: bool
    reactions: list[ReactionSeen]


class PositionSeen(Answer):
    """A Yjs relative position, as it was sent."""

    item: dict[str, int] | None = None
    type: dict[str, int] | None = None
    tname: str | None = None
    assoc: int | None = None


class AnchorSeen(Answer):
    """Where the words stood when the thread was attached."""

    start: PositionSeen
    end: PositionSeen


class PlaceSeen(Answer):
    """What a thread is about."""

    kind: PlaceKind
    anchor: AnchorSeen | None
    block_id: str | None
    quote: str
    before: str
    after: str


class SuggestionAbout(Answer):
    """The suggestion that a thread is about, and what became of it."""

    id: str
    author_id: UUID
    author: Commenter | None
    state: SuggestionState
    sentences: list[str]
    decided_at: datetime | None
    decided_by: Commenter | None


class ThreadSeen(Answer):
    """A conversation about a place, oldest comment first. One about a suggestion ends with it."""

    id: UUID
    place: PlaceSeen
    suggestion: SuggestionAbout | None
    created_at: datetime
    created_by: UUID | None
    resolved_at: datetime | None
    resolved_by: Commenter | None
    comments: list[CommentSeen]


class ThreadList(Answer):
    """One page of a document's threads, the oldest first, and what you may do."""

    threads: list[ThreadSeen]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")
    may_comment: bool
    may_resolve_any: bool
    may_delete_any: bool


def commenter(user: User) -> Commenter:
    """Return a person as others see them."""
    return Commenter(id=user.id, name=user.name, colour=user.colour)


def seen(told: Told) -> ThreadSeen:
    """Return a thread as an answer."""
    thread = told.thread
    people = {user_id: commenter(user) for user_id, user in told.people.items()}
    return ThreadSeen(
        id=thread.id,
        place=PlaceSeen(
            kind=PlaceKind(thread.kind),
            anchor=AnchorSeen.model_validate(thread.anchor) if thread.anchor else None,
            block_id=thread.block_id,
            quote=thread.quote,
            before=thread.before,
            after=thread.after,
        ),
        suggestion=_about(told.suggestion, people) if told.suggestion else None,
        created_at=thread.created_at,
        created_by=thread.created_by,
        resolved_at=thread.resolved_at,
        resolved_by=people.get(thread.resolved_by) if thread.resolved_by else None,
        comments=[
            CommentSeen(
                id=comment.id,
                author=people.get(comment.author_id) if comment.author_id else None,
                text=comment.text,
                mentions=[people[each] for each in comment.mentions if each in people],
                created_at=comment.created_at,
                edited_at=comment.edited_at,
                deleted=comment.deleted_at is not None,
                reactions=_reactions(told, comment.id, people),
            )
            for comment in told.comments
        ],
    )


def _about(record: RecordedSuggestion, people: dict[UUID, Commenter]) -> SuggestionAbout:
    return SuggestionAbout(
        id=record.mark,
        author_id=record.author_id,
        author=people.get(record.author_id),
        state=SuggestionState(record.state),
        sentences=sentences(record.parts),
        decided_at=record.decided_at,
        decided_by=people.get(record.decided_by) if record.decided_by else None,
    )


def _reactions(told: Told, comment_id: UUID, people: dict[UUID, Commenter]) -> list[ReactionSeen]:
    given = told.reactions.get(comment_id, [])
    found = {kind: [people[each.user_id] for each in given if each.kind == kind] for kind in Reaction}
    return [ReactionSeen(kind=kind, people=who) for kind, who in found.items() if who]

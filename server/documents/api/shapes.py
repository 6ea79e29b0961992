"""What the API takes and gives. The descriptions become the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from server.documents.content import MAX_SOURCE_BYTES, Format, Source
from server.documents.lifecycle import MAX_QUERY_CHARACTERS, View
from server.documents.models import MAX_TITLE_CHARACTERS
from server.web.forms import Line
from server.web.operations import Answer, BodyInput, QueryInput
from server.workspaces.models import Role

MAX_LIMIT: Final = 100
MAX_CURSOR_CHARACTERS: Final = 300
# JSON may write each two-byte letter as six bytes (`\u00e9`); the rest is room for the other fields.
MAX_CONTENT_BODY_BYTES: Final = 3 * MAX_SOURCE_BYTES + 64 * 1024

Title = Annotated[
    Line,
    StringConstraints(max_length=MAX_TITLE_CHARACTERS),
    Field(description="One line of text; control characters are left out. An empty one means untitled."),
]
# The length is in bytes and checked by `content.parse`, which answers 413; JSON Schema can only count characters.
SourceText = Annotated[
    str,
    Field(
        description=f"The whole text, at most {MAX_SOURCE_BYTES} bytes in UTF-8. Control characters are left out.",
        json_schema_extra={"maxLength": MAX_SOURCE_BYTES},
    ),
]


class ListQuery(QueryInput):
    """Which documents to list."""

    limit: int = Field(default=50, ge=1, le=MAX_LIMIT, description="How many documents to return at most.")
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR_CHARACTERS, description="`next_cursor` of the page before this one."
    )
    view: View = Field(default=View.ALL, description="`all` leaves out what is in the trash; `trash` shows only that.")
    q: str = Field(
        default="",
        max_length=MAX_QUERY_CHARACTERS,
        description="Only documents whose title or first words hold all of these words.",
    )


class ContentQuery(QueryInput):
    """How content is to be written."""

    format: Format | None = Field(
        default=None, description="The form of the content. Without it, the header `Accept` decides, and then JSON."
    )


class NewDocument(BodyInput):
    """A document to create."""

    title: Title = ""
    content: SourceText = ""
    format: Source = Field(default=Source.MARKDOWN, description="What `content` is written in.")


class TitleChange(BodyInput):
    """A new title."""

    title: Title


class NewContent(BodyInput):
    """Content to put in the place of what a document holds."""

    format: Source = Field(description="What `content` is written in.")
    content: SourceText


class Person(Answer):
    """Somebody, as others see them."""

    id: UUID
    name: str


class WorkspaceSeen(Answer):
    """A workspace, and what you are in it."""

    id: UUID
    name: str
    role: Role


class Me(Answer):
    """Who the token or the session belongs to."""

    id: UUID
    name: str
    email: str
    workspace: WorkspaceSeen | None = Field(description="The workspace that lists and new documents are in.")
    workspaces: list[WorkspaceSeen] = Field(description="All workspaces you are a member of.")


class DocumentSeen(Answer):
    """A document without its content."""

    id: UUID
    workspace_id: UUID
    epoch: UUID = Field(description="The name of the document's history; clients that keep a copy send it along.")
    title: str = Field(description="Empty if it is untitled.")
    excerpt: str = Field(description="The first words of the content; a second or so behind it.")
    url: str = Field(description="The page to read and write it.")
    created_at: datetime
    created_by: Person | None
    updated_at: datetime
    updated_by: Person | None = Field(description="Null if it is not known, as after live editing.")
    trashed_at: datetime | None = Field(description="When it was moved to the trash, if it is there.")


class DocumentList(Answer):
    """One page of a list, newest change first."""

    documents: list[DocumentSeen]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")


class ContentReplaced(Answer):
    """What a replacement did."""

    changed: bool = Field(description="False if the document said exactly this already.")
    etag: str = Field(description="The version this made, for the next `If-Match`.")

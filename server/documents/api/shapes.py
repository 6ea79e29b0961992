"""What the API takes and gives. The descriptions become the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from server.documents.content import MAX_SOURCE_BYTES, Format, Source
from server.documents.lifecycle import MAX_QUERY_CHARACTERS, View
from server.documents.models import MAX_COLLECTION_NAME_CHARACTERS, MAX_TITLE_CHARACTERS, DocumentRole, Reach
from server.web.forms import Line
from server.web.operations import Answer, BodyInput, Instant, QueryInput
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
    collection: UUID | None = Field(
        default=None, description="Only what lies in this collection itself; with `q` also what lies deeper."
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


class Author(Answer):
    """Who wrote something; `colour` is a place in the palette of carets and avatars."""

    id: UUID
    name: str
    colour: int


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
    collection_id: UUID | None = Field(description="The collection that it lies in; null: in none.")
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


class NewCollaborator(BodyInput):
    """Somebody to share a document with: `user_id` or `email`, one of them."""

    user_id: UUID | None = Field(default=None, description="A member of the workspace.")
    email: str | None = Field(default=None, max_length=300, description="Anybody; who is no member gets an invitation.")
    role: DocumentRole


class CollaboratorRole(BodyInput):
    """What somebody shall be at a document."""

    role: DocumentRole


class NewOwner(BodyInput):
    """Who shall own the document."""

    user_id: UUID


class SharingChange(BodyInput):
    """What members of the workspace shall have who are not named."""

    reach: Reach | None = Field(
        description="`workspace`: they have `role`; `people`: nothing; null: what the collection around it says, or "
        "else editor."
    )
    role: DocumentRole | None = Field(default=None, description="With `workspace` only: editor, reviewer or viewer.")


class NewLink(BodyInput):
    """A link to make."""

    role: DocumentRole = Field(default=DocumentRole.VIEWER, description="editor, reviewer or viewer.")
    expires_at: Instant | None = Field(default=None, description="When it ends; null: when it is taken back.")
    password: str | None = Field(default=None, max_length=256, description="Asked of whoever opens it.")


class LinkChange(BodyInput):
    """What shall be otherwise about a link; fields that are left out stay as they are."""

    role: DocumentRole | None = None
    expires_at: Instant | None = None
    password: str | None = Field(default=None, max_length=256, description="A new one is asked of everybody again.")


class CollectionNamed(Answer):
    """A collection, by its name."""

    id: UUID
    name: str


class CollaboratorSeen(Answer):
    """Somebody who is named on a document."""

    person: Person
    email: str
    role: DocumentRole
    added_at: datetime
    inherited_from: CollectionNamed | None = Field(description="The collection they are named on; null: the document.")


class CollaboratorList(Answer):
    """All who are named, owners first; at most some hundred, so there are no pages."""

    collaborators: list[CollaboratorSeen]


class InvitationMade(Answer):
    """A link for somebody who is not in the workspace; it is shown this once."""

    url: str
    expires_at: datetime
    mailed: bool = Field(description="Whether a mail with a link of its own is on its way to them, too.")


class InvitationSeen(Answer):
    """An invitation to a document that works now."""

    id: UUID
    email: str | None = Field(description="For whom it is; nobody else comes in by it.")
    role: DocumentRole
    created_at: datetime
    created_by: str
    expires_at: datetime


class InvitationList(Answer):
    """All invitations to a document that work now, the newest first."""

    invitations: list[InvitationSeen]


class CollaboratorAdded(Answer):
    """Who was named, or the invitation to send."""

    collaborator: CollaboratorSeen | None
    invitation: InvitationMade | None


class SharingSeen(Answer):
    """Whom a document is there for besides those who are named."""

    your_role: DocumentRole | None
    reach: Reach | None = Field(description="Null: it says nothing itself, and `role` is inherited.")
    role: DocumentRole | None = Field(description="What members have who are not named; null: nothing.")


class LinkSeen(Answer):
    """A link that opens a document, without its address."""

    id: UUID
    role: DocumentRole
    expires_at: datetime | None
    has_password: bool
    created_at: datetime
    created_by: str | None = Field(description="The name of who made it.")
    last_used_at: datetime | None


class LinkMade(Answer):
    """A link with its address, which is shown this once."""

    link: LinkSeen
    url: str


class LinkList(Answer):
    """The links that work now, the newest first; at most fifty, so there are no pages."""

    links: list[LinkSeen]


class NewCollection(BodyInput):
    """A collection to make."""

    name: Line = Field(min_length=1, max_length=MAX_COLLECTION_NAME_CHARACTERS)
    parent_id: UUID | None = Field(default=None, description="The collection to put it into; null: at the top.")


class CollectionChange(BodyInput):
    """Another name or place; fields that are left out stay as they are."""

    name: Line | None = Field(default=None, min_length=1, max_length=MAX_COLLECTION_NAME_CHARACTERS)
    parent_id: UUID | None = None


class DocumentPlace(BodyInput):
    """Where a document shall lie."""

    collection_id: UUID | None = Field(description="Null: in no collection.")


class CollectionSeen(Answer):
    """A collection, and what you are at it."""

    id: UUID
    workspace_id: UUID
    parent_id: UUID | None
    name: str
    your_role: DocumentRole
    reach: Reach | None = Field(description="What it gives to members of the workspace; null: what is around it says.")
    role: DocumentRole | None = Field(description="With `workspace`: what they may do with what lies in it.")


class CollectionList(Answer):
    """All collections that you may see, by name; at most a thousand, so there are no pages."""

    collections: list[CollectionSeen]


class CollectionPerson(Answer):
    """Somebody who is named on a collection."""

    person: Person
    email: str
    role: DocumentRole


class CollectionPeople(Answer):
    """All who are named on a collection itself."""

    collaborators: list[CollectionPerson]

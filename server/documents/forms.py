"""The forms of documents."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from annotated_types import Ge, Le
from pydantic import BeforeValidator, StringConstraints

from server.documents.lifecycle import MAX_PAGE_SIZE, MAX_QUERY_CHARACTERS, View
from server.documents.models import DocumentRole
from server.web.forms import Form, Line
from server.workspaces.forms import HereForm

ROWS_PER_PAGE: Final = 100
# As many as are shown under each other; what is older follows on a page of its own.
MAX_PAGES: Final = MAX_PAGE_SIZE // ROWS_PER_PAGE


class Back(StrEnum):
    """The page that a form stands on, which its answer leads back to."""

    LIST = "list"
    DOCUMENT = "document"


def _known(value: object) -> object:
    # An address with a view that is gone shows all documents, not an error.
    return value if value in set(View) else View.ALL


def _known_page(value: object) -> object:
    return value if value in set(Back) else Back.LIST


def _cut(value: object) -> object:
    return value[:MAX_QUERY_CHARACTERS] if isinstance(value, str) else value


def _few(value: object) -> object:
    # A made-up number is no error either.
    return next((pages for pages in range(1, MAX_PAGES + 1) if str(pages) == value), 1)


def _id_or_none(value: object) -> object:
    try:
        return UUID(str(value))
    except ValueError:
        return None


class WhereForm(Form):
    """Which list the person is looking at: `pages` of it, from the newest or from behind the cursor `after`.

    With `collection` it is what lies in that one.
    """

    view: Annotated[View, BeforeValidator(_known)] = View.ALL
    collection: Annotated[UUID | None, BeforeValidator(_id_or_none)] = None
    q: Annotated[Line, BeforeValidator(_cut)] = ""
    after: Annotated[str, BeforeValidator(_cut)] = ""
    pages: Annotated[int, BeforeValidator(_few)] = 1


class AddPersonForm(Form):
    """Somebody to share with: an address, or the name of a member."""

    who: Annotated[Line, StringConstraints(min_length=1, max_length=300)]
    role: DocumentRole = DocumentRole.EDITOR


class PersonForm(Form):
    """What somebody who is named shall be; `remove` takes their name away. Handing over is asked about until `sure`."""

    role: DocumentRole | Literal["remove"]
    sure: bool = False


class ReachForm(Form):
    """What members have who are not named: a role, `people` for nothing, `inherit` for what the collection says."""

    reach: DocumentRole | Literal["people", "inherit"]


class LinkForm(Form):
    """A link to make; `days` until it ends, 0 for until it is taken back."""

    role: DocumentRole = DocumentRole.VIEWER
    days: Annotated[int, Ge(0), Le(365)] = 0
    password: Annotated[str, StringConstraints(max_length=300)] = ""


class InvitedForm(Form):
    """What whoever comes by an invitation shall be."""

    role: DocumentRole


class AnswerForm(Form):
    """What is said to somebody who asked to be let in: yes, in a role that need not be the one asked for, or no."""

    role: DocumentRole = DocumentRole.VIEWER
    answer: Literal["yes", "no"] = "yes"


class AskForm(Form):
    """What somebody asks for who wants to be let in."""

    role: DocumentRole = DocumentRole.VIEWER
    message: Annotated[Line, StringConstraints(max_length=500)] = ""


class PasswordForm(Form):
    """The password of a link."""

    password: Annotated[str, StringConstraints(max_length=1000)] = ""


class CollectionForm(HereForm):
    """A collection to make, in another one or at the top."""

    name: Annotated[Line, StringConstraints(max_length=1000)] = ""
    parent: Annotated[UUID | None, BeforeValidator(_id_or_none)] = None


class NewForm(HereForm):
    """A document to make, in a collection or in none."""

    collection: Annotated[UUID | None, BeforeValidator(_id_or_none)] = None


class PlaceForm(Form):
    """Where something shall lie: in a collection, or at the top."""

    collection: Annotated[UUID | None, BeforeValidator(_id_or_none)] = None


class RestoreForm(WhereForm):
    """A document that comes out of the trash."""

    back: Annotated[Back, BeforeValidator(_known_page)] = Back.LIST


class RenameForm(WhereForm):
    """A document's new title; longer ones are cut as the title field cuts them."""

    title: Line

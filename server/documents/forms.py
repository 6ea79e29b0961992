"""The forms of documents."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from server.documents.lifecycle import MAX_QUERY_CHARACTERS, View
from server.web.forms import Form, Line


def _known(value: object) -> object:
    # An address with a view that is gone shows all documents, not an error.
    return value if value in set(View) else View.ALL


def _cut(value: object) -> object:
    return value[:MAX_QUERY_CHARACTERS] if isinstance(value, str) else value


class WhereForm(Form):
    """Which list the person is looking at."""

    view: Annotated[View, BeforeValidator(_known)] = View.ALL
    q: Annotated[Line, BeforeValidator(_cut)] = ""


class RenameForm(WhereForm):
    """A document's new title; longer ones are cut as the title field cuts them."""

    title: Line

"""What the history page sends."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationError

from server.revisions.models import MAX_NAME_CHARACTERS
from server.web.forms import Form, Line


class NameForm(Form):
    """A name for a revision; an empty one takes it away."""

    sentences: ClassVar[dict[str, str]] = {"name": f"Use at most {MAX_NAME_CHARACTERS} characters."}

    name: Annotated[Line, StringConstraints(max_length=MAX_NAME_CHARACTERS)] = ""


class RestoreForm(Form):
    """What to restore: one block, or without one the whole text."""

    block_id: Annotated[str, StringConstraints(max_length=200)] = ""


class RemoveForm(Form):
    """Whose changes to take back: those after the revision `since` and up to `until`; without them, all, up to now."""

    user_id: UUID
    since: UUID | Literal[""] = ""
    until: UUID | Literal[""] = ""


class HistoryQuery(Form):
    """What to show. `revision` None: the present; `against` None: the revision before. `unchanged`: nothing done."""

    revision: UUID | None = None
    against: UUID | None = None
    before: int | None = Field(default=None, ge=1, lt=10**15)
    part: int = Field(default=1, ge=1, le=10_000)
    restored: UUID | None = None
    unchanged: bool = False

    @classmethod
    def of(cls, parameters: dict[str, str]) -> HistoryQuery:
        """Read the parameters of an address. One that is mistyped shows the present."""
        try:
            return cls.model_validate({name: value for name, value in parameters.items() if value})
        except ValidationError:
            return cls()

"""What the panels that share a document (`share_panel`) and a collection (`collection_sharing`) have in common.

Every form answers with the panel as it is then: to a script as the part it swaps, to a browser without one as the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import sharing
from server.documents.access import DocumentRole, reaches
from server.documents.forms import ReachForm
from server.documents.models import Collection, Document, Reach
from server.errors import Conflict, Forbidden, Invalid
from server.web.render import render, wants_fragment
from server.workspaces.models import Workspace

WORDS: Final = {
    DocumentRole.OWNER: "Owner",
    DocumentRole.EDITOR: "Can edit",
    DocumentRole.REVIEWER: "Can comment and suggest",
    DocumentRole.VIEWER: "Can view",
}
MAX_SHOWN_AGAIN: Final = 300
Refusal = Invalid | Conflict | Forbidden


@dataclass(frozen=True, slots=True)
class Made:
    """An address to hand on, shown this once: of a link, or of an invitation for `email`, which gets it by mail too."""

    url: str
    email: str | None = None
    invitation_id: UUID | None = None
    is_mailed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the panel says besides who has the thing.

    `notice`: what was done; `problem`: why it was not, with `who` as it was typed; `handing_to`: asked about before.
    """

    notice: str | None = None
    problem: str | None = None
    made: Made | None = None
    handing_to: UUID | None = None
    who: str = ""


NOTHING: Final = Said()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Who has a thing, and what the person who looks is there (`own`). `reach` is as ReachForm reads it."""

    people: Sequence[sharing.Named]
    others: Sequence[User]
    own: DocumentRole | None
    may_own: bool
    reach: str
    inherited: bool


async def draw(
    request: Request,
    thing: Document | Collection,
    shown: Shown,
    said: Said = NOTHING,
    **more: Any,  # noqa: ANN401 - whatever the template names
) -> Response:
    """Show the panel; `more` is what only one kind of it has."""
    db: AsyncSession = request.state.db
    workspace = await db.get_one(Workspace, thing.workspace_id)
    response = render(
        request,
        "documents/sharing.html",
        block=_block(request),
        # To a script a refusal comes as a success: its page swaps the panel, which says what was wrong.
        status=422 if said.problem is not None and not wants_fragment(request) else 200,
        gone=False,
        its_workspace=workspace.name,
        people=sharing.without_repeats(shown.people),
        me=signed_in(request).id,
        others=shown.others,
        words=WORDS,
        roles=_offered(shown.own),
        may_own=shown.may_own,
        reach=shown.reach,
        inherited=shown.inherited,
        said=said,
        **_named(thing),
        **more,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def over(request: Request, thing: Document | Collection, *, has_left: bool) -> Response:
    """Say that the person may not share it any more: they took it from themselves, or somebody took the right away."""
    return render(
        request, "documents/sharing.html", block=_block(request), gone=True, has_left=has_left, **_named(thing)
    )


def refused(error: Refusal, *, who: str = "") -> Said:
    """Return what the panel says of something that was refused."""
    sentence = " ".join(error.fields.values()) if isinstance(error, Invalid) and error.fields else str(error)
    return Said(problem=sentence, who=who[:MAX_SHOWN_AGAIN])


def called(others: Sequence[User], typed: str) -> User:
    """Return the one of them with that name. Raises Invalid if there is none, or there are several."""
    found = [each for each in others if each.name.casefold() == typed.casefold()]
    if len(found) != 1:
        said = "Nobody else here has that name." if not found else "Several people here have that name."
        raise Invalid({"who": f"{said} Enter an e-mail address."})
    return found[0]


def reach_in(form: ReachForm) -> tuple[Reach | None, DocumentRole | None]:
    """Return what a form says that members have who are not named, as `sharing.give` takes it."""
    kind = {"people": Reach.PEOPLE, "inherit": None}.get(form.reach, Reach.WORKSPACE)
    return kind, DocumentRole(form.reach) if kind is Reach.WORKSPACE else None


def reach_of(given: sharing.Given) -> str:
    """Return what the panel's choice for the members stands at, as ReachForm reads it."""
    if given.said is None:
        return "inherit"
    return given.role.value if given.role is not None else "people"


def _offered(own: DocumentRole | None) -> Sequence[DocumentRole]:
    """Return the roles that somebody with this one may give to others, besides their own place as an owner."""
    return [role for role in DocumentRole if role is not DocumentRole.OWNER and own is not None and reaches(own, role)]


def _named(thing: Document | Collection) -> dict[str, Any]:
    return {"collection": thing} if isinstance(thing, Collection) else {"document": thing}


def _block(request: Request) -> str | None:
    return "panel" if wants_fragment(request) else None

"""The page on which admins say how a workspace decides: its workflows, step by step. Works without script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.models import User
from server.accounts.notices import go_and_say, said, to_say
from server.errors import Invalid
from server.review import workflows
from server.review.steps import MAX_STEPS, Rule, Step
from server.review.workflows import Way
from server.web.forms import read_fields
from server.web.render import render
from server.workspaces import access
from server.workspaces.access import Actor, Verb
from server.workspaces.forms import HereForm
from server.workspaces.middleware import actor_here, current_actor
from server.workspaces.models import Member, Role

PATH: Final = "/workspace/review"
SENTENCES: Final = {
    "review-saved": "Saved. Reviews that are under way keep the steps they began with.",
    "review-removed": "The workflow is removed. Reviews that are under way go on.",
}
_YES: Final = "yes"
_BLANK: Final = Step("")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A workflow with its steps and blank ones to add, or as it was typed, with what is wrong with it."""

    way: Way
    key: str
    steps: Sequence[Step]
    errors: Mapping[str, str]


class WorkflowForm(HereForm):
    """Which workspace the page showed; the steps are read by `_typed`."""


async def show(request: Request) -> Response:
    """Show the workflows of the workspace."""
    return said(request, await _page(request, notice=to_say(request, SENTENCES)))


async def save(request: Request) -> Response:
    """Make a workflow, or change one."""
    fields = await read_fields(request)
    actor = actor_here(request, WorkflowForm.parse(fields))
    workflow_id: UUID | None = request.path_params.get("workflow_id")
    access.require(actor, Verb.MANAGE, actor)
    way = Way(workflow_id, "", (), own_content=False, is_usual=False)
    try:
        way = _typed(workflow_id, fields)
        await workflows.save(request.state.db, actor, workflow_id, way)
    except Invalid as error:
        return await _page(request, typed=way, errors=error.fields or {"name": str(error)})
    return go_and_say(request, PATH, "review-saved")


async def remove(request: Request) -> Response:
    """Remove a workflow."""
    form = await WorkflowForm.read(request)
    await workflows.remove(request.state.db, actor_here(request, form), request.path_params["workflow_id"])
    return go_and_say(request, PATH, "review-removed")


async def _page(
    request: Request, *, notice: str | None = None, typed: Way | None = None, errors: Mapping[str, str] | None = None
) -> Response:
    db: AsyncSession = request.state.db
    actor = current_actor(request)
    access.require(actor, Verb.MANAGE, actor)
    found = await workflows.listed(db, actor.workspace_id)
    shown = [_shown(way, typed, errors or {}) for way in found if way.id is not None]
    new = Way(None, "", (), own_content=False, is_usual=False)
    return render(
        request,
        "review/settings.html",
        status=422 if errors else 200,
        notice=notice,
        shown=shown,
        new=_shown(new, typed, errors or {}),
        has_built_in=any(way.id is None for way in found),
        people=await _people(db, actor),
        roles=list(Role),
        rules=list(Rule),
    )


def _shown(way: Way, typed: Way | None, errors: Mapping[str, str]) -> _Shown:
    is_typed = typed is not None and typed.id == way.id
    way = typed if is_typed and typed is not None else way
    # The blank ones are folded away, each in the one before: so steps are added without a script.
    steps = [*way.steps, *[_BLANK] * (MAX_STEPS - len(way.steps))]
    return _Shown(way, str(way.id or "new"), steps, errors if is_typed else {})


async def _people(db: AsyncSession, actor: Actor) -> Sequence[User]:
    found = (
        select(User)
        .join(Member, col(Member.user_id) == col(User.id))
        .where(col(Member.workspace_id) == actor.workspace_id, col(User.disabled_at).is_(None))
        .order_by(col(User.name), col(User.id))
    )
    return (await db.scalars(found)).all()


def _typed(workflow_id: UUID | None, fields: Mapping[str, str]) -> Way:
    """Read a workflow from its form; steps without a name are left out. Raises Invalid."""
    try:
        steps = tuple(
            _step(place, fields) for place in range(MAX_STEPS) if fields.get(f"step-{place}-name", "").strip()
        )
    except ValueError as error:
        raise Invalid({"steps": "A number or a name in the steps cannot be read. Choose again."}) from error
    return Way(
        workflow_id,
        fields.get("name", "")[:300],
        steps,
        own_content=fields.get("own_content") == _YES,
        is_usual=fields.get("is_usual") == _YES,
    )


def _step(place: int, fields: Mapping[str, str]) -> Step:
    def chosen(what: str) -> list[str]:
        begin = f"step-{place}-{what}-"
        return [name.removeprefix(begin) for name, value in fields.items() if name.startswith(begin) and value == _YES]

    def typed(what: str) -> str:
        return fields.get(f"step-{place}-{what}", "").strip()

    return Step(
        name=typed("name")[:300],
        rule=Rule(typed("rule") or Rule.ANY.value),
        quorum=int(typed("quorum") or 1),
        people=frozenset(map(UUID, chosen("person"))),
        roles=frozenset(map(Role, chosen("role"))),
        hours=int(typed("hours")) if typed("hours") else None,
        escalate_to=UUID(typed("escalate")) if typed("escalate") else None,
        guests=typed("guests") == _YES,
    )


routes = [
    Route(PATH, show, methods=["GET"]),
    Route(PATH, save, methods=["POST"]),
    Route(f"{PATH}/{{workflow_id:uuid}}", save, methods=["POST"]),
    Route(f"{PATH}/{{workflow_id:uuid}}/remove", remove, methods=["POST"]),
]

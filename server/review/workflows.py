"""The ways to decide that a workspace has. Without any there is one that needs no setting up. Nothing here commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.signing import signed
from server.audit import ledger
from server.documents.models import utc_now
from server.errors import Conflict, Invalid, NotFound
from server.review.models import MAX_NAME_CHARACTERS, Workflow
from server.review.steps import (
    MAX_HOURS,
    MAX_STEPS,
    USUAL,
    USUAL_NAME,
    Rule,
    Step,
    from_json,
    to_json,
)
from server.review.steps import MAX_NAME_CHARACTERS as MAX_STEP_NAME_CHARACTERS
from server.web.text import clean_line, has_ink
from server.workspaces import access
from server.workspaces.access import Actor, Verb
from server.workspaces.models import Member

MAX_WORKFLOWS: Final = 50
MAX_QUORUM: Final = 20


@dataclass(frozen=True, slots=True)
class Way:
    """A workflow. `id` None: the one that every workspace has from the beginning."""

    id: UUID | None
    name: str
    steps: tuple[Step, ...]
    own_content: bool
    is_usual: bool


BUILT_IN: Final = Way(None, USUAL_NAME, (USUAL,), own_content=False, is_usual=True)


async def listed(db: AsyncSession, workspace_id: UUID) -> Sequence[Way]:
    """Return the workflows of a workspace, the usual one first."""
    rows = (
        await db.scalars(
            select(Workflow)
            .where(col(Workflow.workspace_id) == workspace_id, col(Workflow.removed_at).is_(None))
            .order_by(col(Workflow.is_usual).desc(), col(Workflow.name), col(Workflow.id))
        )
    ).all()
    found = [_way(row) for row in rows]
    if any(way.is_usual for way in found):
        return found
    return [BUILT_IN, *found]


async def find(db: AsyncSession, workspace_id: UUID, workflow_id: UUID | None) -> Way:
    """Return a workflow; None: the usual one. Raises NotFound."""
    ways = await listed(db, workspace_id)
    if workflow_id is None:
        return ways[0]
    for way in ways:
        if way.id == workflow_id:
            return way
    raise NotFound


async def save(db: AsyncSession, actor: Actor, workflow_id: UUID | None, wanted: Way) -> Way:
    """Make a workflow, or change one; reviews that are under way keep theirs. Raises Forbidden, NotFound, Invalid."""
    access.require(actor, Verb.MANAGE, actor)
    name = clean_line(wanted.name)
    if not has_ink(name) or len(name) > MAX_NAME_CHARACTERS:
        raise Invalid({"name": f"Give the workflow a name of at most {MAX_NAME_CHARACTERS} characters."})
    steps = [to_json(each) for each in await _checked(db, actor, wanted.steps)]
    row = await _locked(db, actor, workflow_id) if workflow_id is not None else None
    if row is None:
        if len(await listed(db, actor.workspace_id)) >= MAX_WORKFLOWS:
            raise Conflict(f"A workspace has at most {MAX_WORKFLOWS} workflows. Remove one first.")
        row = Workflow(workspace_id=actor.workspace_id, name=name, steps=steps, created_by=actor.user_id)
    if wanted.is_usual:
        await db.execute(
            update(Workflow)
            .where(col(Workflow.workspace_id) == actor.workspace_id, col(Workflow.id) != row.id)
            .values(is_usual=False)
        )
    row.name, row.steps, row.own_content, row.is_usual = name, steps, wanted.own_content, wanted.is_usual
    db.add(row)
    await db.flush()
    done = "changed" if workflow_id is not None else "made"
    await _write_down(db, actor, row, "workflow.saved", done)
    return _way(row)


async def remove(db: AsyncSession, actor: Actor, workflow_id: UUID) -> None:
    """Remove a workflow; reviews that are under way go on. Raises Forbidden, NotFound."""
    access.require(actor, Verb.MANAGE, actor)
    row = await _locked(db, actor, workflow_id)
    row.removed_at = utc_now()
    await db.flush()
    await _write_down(db, actor, row, "workflow.removed", "removed")


async def _locked(db: AsyncSession, actor: Actor, workflow_id: UUID) -> Workflow:
    row = await db.scalar(
        select(Workflow)
        .where(
            col(Workflow.id) == workflow_id,
            col(Workflow.workspace_id) == actor.workspace_id,
            col(Workflow.removed_at).is_(None),
        )
        .with_for_update()
    )
    if row is None:
        raise NotFound
    return row


async def _checked(db: AsyncSession, actor: Actor, steps: Sequence[Step]) -> list[Step]:
    if not 1 <= len(steps) <= MAX_STEPS:
        raise Invalid({"steps": f"A workflow has 1 to {MAX_STEPS} steps."})
    members = set(await db.scalars(select(col(Member.user_id)).where(col(Member.workspace_id) == actor.workspace_id)))
    found = []
    for place, step in enumerate(steps):
        field = f"steps.{place}"
        name = clean_line(step.name)
        if not has_ink(name) or len(name) > MAX_STEP_NAME_CHARACTERS:
            raise Invalid({f"{field}.name": f"Name the step, with at most {MAX_STEP_NAME_CHARACTERS} characters."})
        if not step.people <= members or (step.escalate_to is not None and step.escalate_to not in members):
            raise Invalid({f"{field}.people": "Only members of the workspace can decide. Invite them first."})
        if step.hours is not None and not 1 <= step.hours <= MAX_HOURS:
            raise Invalid({f"{field}.hours": f"A deadline is 1 to {MAX_HOURS} hours away."})
        if step.escalate_to is not None and step.hours is None:
            raise Invalid({f"{field}.hours": "Say after how many hours this person is asked."})
        most = len(step.people) if step.people and not (step.roles or step.guests) else MAX_QUORUM
        if step.rule is Rule.QUORUM and not 1 <= step.quorum <= most:
            raise Invalid({f"{field}.quorum": f"So many cannot agree: 1 to {most} can."})
        found.append(replace(step, name=name, quorum=step.quorum if step.rule is Rule.QUORUM else 1))
    return found


async def _write_down(db: AsyncSession, actor: Actor, row: Workflow, kind: str, done: str) -> None:
    by = await signed(db, actor.user_id)
    await ledger.append(
        db,
        actor.workspace_id,
        by,
        kind=kind,
        sentence=f"{by.name} {done} the review workflow “{row.name}”.",
        data={"workflow": str(row.id), "steps": row.steps, "own_content": row.own_content, "usual": row.is_usual},
    )


def _way(row: Workflow) -> Way:
    steps = tuple(from_json(each) for each in row.steps)
    return Way(row.id, row.name, steps, own_content=row.own_content, is_usual=row.is_usual)

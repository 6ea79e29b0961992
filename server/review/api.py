"""Reviews for programs: `/api/v1/documents/{document_id}/review` and a workspace's workflows."""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from server.accounts.identity import signed_in
from server.documents import activity
from server.review import lifecycle, looking, workflows
from server.review.lifecycle import Done
from server.review.models import ReviewState
from server.review.routes import announce
from server.review.shapes import (
    DecisionSeen,
    NewDecision,
    NewReview,
    Reviewer,
    ReviewSeen,
    StageSeen,
    StepSeen,
    StepShape,
    WorkflowList,
    WorkflowSeen,
    WorkflowWish,
)
from server.review.steps import Step
from server.review.workflows import Way
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of
from server.workspaces import access
from server.workspaces.access import Actor, Verb, actor_for

_REVIEW: Final = "/api/v1/documents/{document_id:uuid}/review"
_WORKFLOWS: Final = "/api/v1/workspaces/{workspace_id:uuid}/workflows"


async def read_review(call: Call[NoQuery, NoBody]) -> Reply[ReviewSeen]:
    """Read where a document stands, whose turn it is, and what was said. For those who may comment or edit."""
    return Reply(await _seen(call.request))


async def request_review(call: Call[NoQuery, NewReview]) -> Reply[ReviewSeen]:
    """Send what a document says now for review, or send it again.

    It is kept as a revision that stays. What was approved of exactly this content before counts. 409: exactly this is
    under review already.
    """
    body = call.body
    done = await lifecycle.request(
        call.request.state.db,
        signed_in(call.request),
        call.request.path_params["document_id"],
        workflow_id=body.workflow_id,
        note=body.note,
    )
    return await _after(call.request, done)


async def decide_review(call: Call[NoQuery, NewDecision]) -> Reply[ReviewSeen]:
    """Approve, ask for changes, hold or release, about exactly the content that you name.

    409: something else is under review by now. 403: others decide at this step.
    """
    body = call.body
    done = await lifecycle.decide(
        call.request.state.db,
        signed_in(call.request),
        call.request.path_params["document_id"],
        body.verdict,
        signed=bytes.fromhex(body.content),
        comment=body.comment,
    )
    return await _after(call.request, done)


async def withdraw_review(call: Call[NoQuery, NoBody]) -> Reply[ReviewSeen]:
    """Take a document out of review. What was approved before still is."""
    done = await lifecycle.withdraw(
        call.request.state.db, signed_in(call.request), call.request.path_params["document_id"]
    )
    return await _after(call.request, done)


async def list_workflows(call: Call[NoQuery, NoBody]) -> Reply[WorkflowList]:
    """List the review workflows of a workspace, the usual one first."""
    actor = await _actor(call.request)
    access.require(actor, Verb.CREATE, actor)
    found = await workflows.listed(call.request.state.db, actor.workspace_id)
    return Reply(WorkflowList(workflows=[_workflow(each) for each in found]))


async def create_workflow(call: Call[NoQuery, WorkflowWish]) -> Reply[WorkflowSeen]:
    """Make a review workflow, as an admin."""
    actor = await _actor(call.request)
    return Reply(_workflow(await workflows.save(call.request.state.db, actor, None, _way(call.body))))


async def change_workflow(call: Call[NoQuery, WorkflowWish]) -> Reply[WorkflowSeen]:
    """Change a review workflow, as an admin. Reviews that are under way keep the steps they began with."""
    actor = await _actor(call.request)
    workflow_id = call.request.path_params["workflow_id"]
    return Reply(_workflow(await workflows.save(call.request.state.db, actor, workflow_id, _way(call.body))))


async def remove_workflow(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Remove a review workflow, as an admin. Reviews that are under way go on."""
    actor = await _actor(call.request)
    await workflows.remove(call.request.state.db, actor, call.request.path_params["workflow_id"])
    return Reply(None)


async def _after(request: Request, done: Done) -> Reply[ReviewSeen]:
    await announce(request, done)
    return Reply(await _seen(request))


async def _seen(request: Request) -> ReviewSeen:
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, actor = await activity.find_followed(db, user, request.path_params["document_id"])
    seen = await looking.see(db, user, document, actor)
    review, subject = seen.review, seen.subject
    return ReviewSeen(
        status=seen.pill.status,
        held=seen.pill.held,
        changed_since_approval=seen.pill.changed,
        state=ReviewState(review.state) if review else None,
        workflow=review.workflow if review else None,
        content=review.hash.hex() if review else None,
        revision_number=subject.revision_number if subject else None,
        requested_by=seen.asked_by if review else None,
        requested_at=review.requested_at if review else None,
        note=review.note if review else "",
        steps=[
            StageSeen(
                name=each.name,
                state=each.state,
                approvals=each.approvals,
                needed=each.needed,
                people=[
                    Reviewer(id=mark.person.id, name=mark.person.name, approved=mark.approved) for mark in each.people
                ],
                due_at=each.due_at,
            )
            for each in seen.stages
        ],
        decisions=[
            DecisionSeen(name=each.name, verdict=each.verdict, comment=each.comment, at=each.at) for each in seen.said
        ],
        may_request=seen.may_request,
        may_decide=seen.may_decide,
        may_withdraw=seen.may_withdraw,
        may_release=seen.may_release,
    )


async def _actor(request: Request) -> Actor:
    workspace_id: UUID = request.path_params["workspace_id"]
    return await actor_for(request.state.db, signed_in(request), workspace_id)


def _way(wish: WorkflowWish) -> Way:
    return Way(
        None,
        wish.name,
        tuple(_step(each) for each in wish.steps),
        own_content=wish.own_content,
        is_usual=wish.is_usual,
    )


def _step(shape: StepShape) -> Step:
    return Step(
        name=shape.name,
        rule=shape.rule,
        quorum=shape.quorum,
        people=frozenset(shape.people),
        roles=frozenset(shape.roles),
        hours=shape.hours,
        escalate_to=shape.escalate_to,
        guests=shape.guests,
    )


def _workflow(way: Way) -> WorkflowSeen:
    return WorkflowSeen(
        id=way.id,
        name=way.name,
        steps=[
            StepSeen(
                name=each.name,
                rule=each.rule,
                quorum=each.quorum,
                people=sorted(each.people),
                roles=sorted(each.roles),
                hours=each.hours,
                escalate_to=each.escalate_to,
                guests=each.guests,
            )
            for each in way.steps
        ],
        own_content=way.own_content,
        is_usual=way.is_usual,
    )


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="readReview",
        method="GET",
        path=_REVIEW,
        summary="Read where a document stands on its way out",
        handle=read_review,
        query=NoQuery,
        body=NoBody,
        answer=ReviewSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="requestReview",
        method="POST",
        path=_REVIEW,
        summary="Send a document for review",
        handle=request_review,
        query=NoQuery,
        body=NewReview,
        answer=ReviewSeen,
        status=201,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="decideReview",
        method="POST",
        path=f"{_REVIEW}/decisions",
        summary="Decide about exactly one content",
        handle=decide_review,
        query=NoQuery,
        body=NewDecision,
        answer=ReviewSeen,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="withdrawReview",
        method="POST",
        path=f"{_REVIEW}/withdraw",
        summary="Take a document out of review",
        handle=withdraw_review,
        query=NoQuery,
        body=NoBody,
        answer=ReviewSeen,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="listWorkflows",
        method="GET",
        path=_WORKFLOWS,
        summary="List the review workflows of a workspace",
        handle=list_workflows,
        query=NoQuery,
        body=NoBody,
        answer=WorkflowList,
        refusals=(403, 404),
    ),
    Operation(
        name="createWorkflow",
        method="POST",
        path=_WORKFLOWS,
        summary="Make a review workflow",
        handle=create_workflow,
        query=NoQuery,
        body=WorkflowWish,
        answer=WorkflowSeen,
        status=201,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="changeWorkflow",
        method="PUT",
        path=f"{_WORKFLOWS}/{{workflow_id:uuid}}",
        summary="Change a review workflow",
        handle=change_workflow,
        query=NoQuery,
        body=WorkflowWish,
        answer=WorkflowSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="removeWorkflow",
        method="DELETE",
        path=f"{_WORKFLOWS}/{{workflow_id:uuid}}",
        summary="Remove a review workflow",
        handle=remove_workflow,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(403, 404),
    ),
)

routes: Final = routes_of(OPERATIONS)

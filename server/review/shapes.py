"""What the API of reviews takes and gives. The descriptions become the OpenAPI document."""

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import Field

from server.review.models import MAX_COMMENT_CHARACTERS, MAX_NAME_CHARACTERS, ReviewState, Verdict
from server.review.states import Status
from server.review.steps import MAX_HOURS, MAX_STEPS, Rule
from server.review.steps import MAX_NAME_CHARACTERS as MAX_STEP_NAME_CHARACTERS
from server.web.operations import Answer, BodyInput
from server.workspaces.models import Role

MAX_PEOPLE: Final = 100


class NewReview(BodyInput):
    """How a document shall be reviewed."""

    workflow_id: UUID | None = Field(default=None, description="Null: the workspace's usual one.", strict=False)
    note: str = Field(default="", max_length=MAX_COMMENT_CHARACTERS, description="A word to the reviewers.")


class NewDecision(BodyInput):
    """What you say about exactly one content."""

    verdict: Verdict = Field(strict=False)
    content: str = Field(pattern=r"^[0-9a-f]{64}$", description="`content` of the review you looked at.")
    comment: str = Field(default="", max_length=MAX_COMMENT_CHARACTERS, description="Needed to ask for changes.")


class Reviewer(Answer):
    """Somebody at a step."""

    id: UUID
    name: str
    approved: bool


class StageSeen(Answer):
    """A step of a review. `state`: `done`, `now` or `later`."""

    name: str
    state: str
    approvals: int
    needed: int
    people: list[Reviewer] = Field(description="Who approved, then who may; of a step for anybody a few of them.")
    due_at: datetime | None


class DecisionSeen(Answer):
    """What somebody said in this review."""

    name: str
    verdict: Verdict
    comment: str
    at: datetime


class ReviewSeen(Answer):
    """Where a document stands on its way out."""

    status: Status
    held: bool = Field(description="Somebody holds it: nothing is approved or goes out until it is released.")
    changed_since_approval: bool = Field(description="It says something else now. What was approved still goes out.")
    state: ReviewState | None = Field(description="Of the newest review; null before the first.")
    workflow: str | None
    content: str | None = Field(description="The SHA-256 of what is decided about: `decisions` takes it.")
    revision_number: int | None
    requested_by: str | None
    requested_at: datetime | None
    note: str
    steps: list[StageSeen]
    decisions: list[DecisionSeen]
    may_request: bool
    may_decide: bool
    may_withdraw: bool
    may_release: bool = Field(description="Whether you may end the hold.")


class StepShape(BodyInput):
    """Who decides at one point. Without people and roles: anybody who may review."""

    name: str = Field(min_length=1, max_length=MAX_STEP_NAME_CHARACTERS)
    rule: Rule = Field(default=Rule.ANY, strict=False)
    quorum: int = Field(default=1, ge=1, le=20, description="How many must approve, for the rule `quorum`.")
    people: list[UUID] = Field(default_factory=list, max_length=MAX_PEOPLE, strict=False)
    roles: list[Role] = Field(default_factory=list, max_length=len(Role), strict=False)
    hours: int | None = Field(default=None, ge=1, le=MAX_HOURS, description="The deadline, from when it is their turn.")
    escalate_to: UUID | None = Field(default=None, description="Who is asked after the deadline.", strict=False)
    guests: bool = Field(default=False, description="Whether guests who were invited to approve decide here.")


class WorkflowWish(BodyInput):
    """A workflow as it shall be."""

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)
    steps: list[StepShape] = Field(min_length=1, max_length=MAX_STEPS)
    own_content: bool = Field(default=False, description="Whether whoever asks for a review may decide in it.")
    is_usual: bool = Field(default=False, description="Whether it is the one that is taken when none is named.")


class StepSeen(Answer):
    """A step of a workflow."""

    name: str
    rule: Rule
    quorum: int
    people: list[UUID]
    roles: list[Role]
    hours: int | None
    escalate_to: UUID | None
    guests: bool


class WorkflowSeen(Answer):
    """A workspace's way to decide. The one without an `id` is there from the beginning and cannot be changed."""

    id: UUID | None
    name: str
    steps: list[StepSeen]
    own_content: bool
    is_usual: bool


class WorkflowList(Answer):
    """The workflows of a workspace, the usual one first."""

    workflows: list[WorkflowSeen]

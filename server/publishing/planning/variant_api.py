"""What the API says about a document's texts for accounts: `/api/v1/documents/{document_id}/variants`."""

import asyncio
from collections.abc import Sequence
from typing import Final, Self
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from server.accounts.identity import signed_in
from server.documents import freezing, lifecycle, ydoc
from server.documents.api.turns import turn
from server.documents.lifecycle import LiveDocuments
from server.errors import NotFound
from server.publishing.planning import previewing
from server.publishing.planning.previewing import Meter, OnAccount
from server.publishing.planning.shapes import ProblemSeen
from server.web.operations import Answer, AnyOperation, Call, NoBody, Operation, QueryInput, Reply
from server.web.operations import routes as routes_of
from server.workspaces.access import Actor, Verb, can


class MeterSeen(Answer):
    """How full something is."""

    name: str = Field(description="`Title`, `Text`, `Post 2` and so on, `Tags` or `Pictures`.")
    used: int
    most: int | None = Field(description="What the channel takes; null if no limit is known.")
    unit: str

    @classmethod
    def of(cls, meter: Meter) -> Self:
        """Describe a meter."""
        return cls(name=meter.name, used=meter.used, most=meter.most, unit=meter.unit)


class VariantSeen(Answer):
    """What a document says on an account."""

    account_id: UUID
    account_name: str
    channel: str
    is_own: bool = Field(description="Whether it is another text than the document's.")
    title: str
    parts: list[str] = Field(description="The texts as they go out, one for each post that is made.")
    link: str | None
    tags: list[str]
    options: dict[str, str]
    meters: list[MeterSeen]
    problems: list[ProblemSeen]

    @classmethod
    def of(cls, each: OnAccount) -> Self:
        """Describe what goes out on an account."""
        return cls(
            account_id=each.account.id,
            account_name=each.account.name,
            channel=each.account.channel,
            is_own=each.is_own,
            title=each.said.title,
            parts=list(each.parts),
            link=each.said.link,
            tags=list(each.said.tags),
            options=dict(each.said.options),
            meters=[MeterSeen.of(meter) for meter in each.meters],
            problems=[ProblemSeen.of(problem) for problem in each.problems],
        )


class VariantsQuery(QueryInput):
    """Which accounts to list."""

    limit: int = Field(default=20, ge=1, le=50, description="How many accounts to return at most.")
    cursor: UUID | None = Field(default=None, description="`next_cursor` of the page before this one.")


class VariantList(Answer):
    """What a document says on connected accounts of its workspace, by channel and name."""

    variants: list[VariantSeen]
    next_cursor: UUID | None


async def list_variants(call: Call[VariantsQuery, NoBody]) -> Reply[VariantList]:
    """Say what would go out on each account if the document were approved as it is at this moment, and what would not.

    For those in the workspace who may see the document; guests see the accounts that have a text of their own. What
    people are typing is included; what was approved goes out, whatever is written since.
    """
    request, query = call.request, call.query
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, at = await lifecycle.find(db, user, request.path_params["document_id"])
    if at.workspace_role is None:
        raise NotFound
    knows_accounts = can(Actor(user.id, document.workspace_id, at.workspace_role), Verb.CREATE, document)
    live: LiveDocuments = request.app.state.live
    state = await live.read(document.id)
    async with turn(request, len(state)):
        words = await asyncio.to_thread(lambda: freezing.read(ydoc.load(state)))
        page = await previewing.listed(
            db,
            document.workspace_id,
            words,
            request.app.state.reach.channels,
            limit=query.limit,
            after=query.cursor,
            only_own=not knows_accounts,
        )
    return Reply(VariantList(variants=[VariantSeen.of(each) for each in page.accounts], next_cursor=page.next_after))


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="listVariants",
        method="GET",
        path="/api/v1/documents/{document_id:uuid}/variants",
        summary="List what a document says on each account",
        handle=list_variants,
        query=VariantsQuery,
        body=NoBody,
        answer=VariantList,
        refusals=(404,),
    ),
)

routes: Final = routes_of(OPERATIONS)

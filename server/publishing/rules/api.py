"""Posting rules and blackouts for programs, below `/api/v1/workspaces/{workspace_id}`."""

from collections.abc import Sequence
from datetime import timedelta
from types import NoneType
from typing import Final
from uuid import UUID

from starlette.requests import Request

from server.accounts.identity import signed_in
from server.documents.models import utc_now
from server.errors import Invalid
from server.publishing.rules import rules
from server.publishing.rules.shapes import (
    BlackoutList,
    BlackoutSaid,
    BlackoutSeen,
    RulesSaid,
    RulesSeen,
    SlotList,
    SlotsQuery,
)
from server.publishing.rules.slots import FURTHEST, free_slots
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of
from server.workspaces.access import Actor, actor_for

_WORKSPACE: Final = "/api/v1/workspaces/{workspace_id:uuid}"
_RULES: Final = f"{_WORKSPACE}/accounts/{{account_id:uuid}}/posting-rules"
_SLOTS: Final = f"{_WORKSPACE}/accounts/{{account_id:uuid}}/free-slots"
_BLACKOUTS: Final = f"{_WORKSPACE}/blackouts"
# As far as anybody plans.
_PLANS: Final = timedelta(days=5 * 366)
_A_MONTH: Final = timedelta(days=30)


async def read_rules(call: Call[NoQuery, NoBody]) -> Reply[RulesSeen]:
    """Read when an account posts: its weekly posting times, the gap it keeps, quiet hours, and the most a day."""
    request = call.request
    return Reply(RulesSeen.of(await rules.of_account(request.state.db, await _actor(request), _account_id(request))))


async def change_rules(call: Call[NoQuery, RulesSaid]) -> Reply[RulesSeen]:
    """Set when an account posts; admins and schedulers may. What is planned already stays where it is."""
    request = call.request
    actor = await _actor(request)
    changed = await rules.change(request.state.db, actor, _account_id(request), call.body.wanted())
    return Reply(RulesSeen.of(changed))


async def list_slots(call: Call[SlotsQuery, NoBody]) -> Reply[SlotList]:
    """List the free slots of an account: its posting times that nothing stands against."""
    request, query = call.request, call.query
    db, account_id, now = request.state.db, _account_id(request), utc_now()
    since = max(query.since or now, now)
    if since > now + _PLANS:
        raise Invalid({"since": "This is more than five years from now."})
    until = query.until or since + _A_MONTH
    if until > since + FURTHEST:
        raise Invalid({"until": f"Ask for at most {FURTHEST.days} days."})
    own = await rules.of_account(db, await _actor(request), account_id)
    taken = await rules.taken(db, [account_id], since)
    return Reply(SlotList.of(own.zone, free_slots(own, taken[account_id], since, until)))


async def list_blackouts(call: Call[NoQuery, NoBody]) -> Reply[BlackoutList]:
    """List the days on which nothing is to go out, that are not over; members may."""
    found = await rules.list_blackouts(call.request.state.db, await _actor(call.request))
    return Reply(BlackoutList(blackouts=[BlackoutSeen.of(each) for each in found]))


async def add_blackout(call: Call[NoQuery, BlackoutSaid]) -> Reply[BlackoutSeen]:
    """Add days on which nothing is to go out; admins and schedulers may. What is planned on them already stays."""
    request = call.request
    db, actor = request.state.db, await _actor(request)
    made = await rules.add_blackout(db, actor, call.body.wanted())
    [listed] = [each for each in await rules.list_blackouts(db, actor) if each.blackout.id == made.id]
    return Reply(BlackoutSeen.of(listed))


async def remove_blackout(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """End a blackout: its days may be planned again."""
    request = call.request
    await rules.remove_blackout(request.state.db, await _actor(request), request.path_params["blackout_id"])
    return Reply(None)


async def _actor(request: Request) -> Actor:
    return await actor_for(request.state.db, signed_in(request), request.path_params["workspace_id"])


def _account_id(request: Request) -> UUID:
    account_id: UUID = request.path_params["account_id"]
    return account_id


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="readPostingRules",
        method="GET",
        path=_RULES,
        summary="Read an account's posting rules",
        handle=read_rules,
        query=NoQuery,
        body=NoBody,
        answer=RulesSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="changePostingRules",
        method="PUT",
        path=_RULES,
        summary="Set an account's posting rules",
        handle=change_rules,
        query=NoQuery,
        body=RulesSaid,
        answer=RulesSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="listFreeSlots",
        method="GET",
        path=_SLOTS,
        summary="List an account's free slots",
        handle=list_slots,
        query=SlotsQuery,
        body=NoBody,
        answer=SlotList,
        refusals=(403, 404),
    ),
    Operation(
        name="listBlackouts",
        method="GET",
        path=_BLACKOUTS,
        summary="List blackouts",
        handle=list_blackouts,
        query=NoQuery,
        body=NoBody,
        answer=BlackoutList,
        refusals=(403, 404),
    ),
    Operation(
        name="addBlackout",
        method="POST",
        path=_BLACKOUTS,
        summary="Add a blackout",
        handle=add_blackout,
        query=NoQuery,
        body=BlackoutSaid,
        answer=BlackoutSeen,
        status=201,
        refusals=(403, 404, 409),
    ),
    Operation(
        name="removeBlackout",
        method="DELETE",
        path=f"{_BLACKOUTS}/{{blackout_id:uuid}}",
        summary="End a blackout",
        handle=remove_blackout,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(403, 404),
    ),
)

routes: Final = routes_of(OPERATIONS)

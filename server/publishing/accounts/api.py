"""Channels and accounts for programs: `/api/v1/channels`, `/api/v1/workspaces/{workspace_id}/accounts`."""

from collections.abc import Sequence
from types import NoneType
from typing import Final
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request

from server.accounts.identity import signed_in
from server.errors import Unavailable
from server.notifications.noting import tell
from server.publishing.accounts import accounts, refreshing
from server.publishing.accounts.accounts import Connected, Reach, refusal
from server.publishing.accounts.shapes import (
    AccountChange,
    AccountConnected,
    AccountList,
    AccountSeen,
    ChannelList,
    ChannelSeen,
    NewAccount,
)
from server.publishing.models import ChannelAccount
from server.publishing.remedies import ChannelError
from server.web.operations import AnyOperation, Call, NoBody, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of
from server.workspaces.access import Actor, Verb, actor_for

_ACCOUNTS: Final = "/api/v1/workspaces/{workspace_id:uuid}/accounts"
_ACCOUNT: Final = f"{_ACCOUNTS}/{{account_id:uuid}}"


async def list_channels(call: Call[NoQuery, NoBody]) -> Reply[ChannelList]:
    """List the channels of this installation: what each can do, and what it asks for."""
    reach: Reach = call.request.app.state.reach
    return Reply(ChannelList(channels=[ChannelSeen.of(each) for each in reach.channels.values()]))


async def list_accounts(call: Call[NoQuery, NoBody]) -> Reply[AccountList]:
    """List the connected accounts of a workspace and how they fare; its members may."""
    actor = await _actor(call.request)
    found = await accounts.listed(call.request.state.db, actor)
    return Reply(AccountList(accounts=[AccountSeen.of(each) for each in found]))


async def connect_account(call: Call[NoQuery, NewAccount]) -> Reply[AccountConnected]:
    """Connect an account; admins and schedulers may.

    Where the channel wants its person to agree, the answer has a `consent_url` instead of an account: the same person
    opens it in a browser in which they are signed in here. An account that was connected before is the same one again.
    """
    request, body = call.request, call.body
    actor = await _actor(request)
    made = await accounts.connect(request.state.db, request.app.state.reach, actor, body.channel, body.answers)
    if isinstance(made, str):
        return Reply(AccountConnected(account=None, consent_url=made, shown_once=[]))
    return await _connected(request, made)


async def read_account(call: Call[NoQuery, NoBody]) -> Reply[AccountSeen]:
    """Read a connected account and how it fares."""
    actor = await _actor(call.request)
    return await _seen(call.request, await accounts.find(call.request.state.db, actor, _account_id(call.request)))


async def change_account(call: Call[NoQuery, AccountChange]) -> Reply[AccountSeen]:
    """Give an account another name, or another person who is asked to connect it again."""
    request, body = call.request, call.body
    account = await accounts.change(
        request.state.db,
        await _actor(request),
        _account_id(request),
        name=body.name,
        responsible_id=body.responsible_id,
    )
    return await _seen(request, account)


async def disconnect_account(call: Call[NoQuery, NoBody]) -> Reply[None]:
    """Disconnect an account: its secrets are forgotten, and nothing more goes out by it. What it published stays.

    Its access is taken back at the channel, too, as far as the channel lets that be done.
    """
    request = call.request
    await accounts.disconnect(request.state.db, request.app.state.reach, await _actor(request), _account_id(request))
    return Reply(None)


async def check_account(call: Call[NoQuery, NoBody]) -> Reply[AccountSeen]:
    """Look now whether an account works; the answer says what was found."""
    request = call.request
    account = await _held(request)
    await look_at(request, account.id)
    await request.state.db.refresh(account)
    return await _seen(request, account)


async def refresh_account(call: Call[NoQuery, NoBody]) -> Reply[AccountConnected]:
    """Get new secrets for an account now: another access token, or another secret where it was made here.

    The old secret of a webhook goes on signing along for a day; the new one is in `shown_once`.
    """
    request = call.request
    account = await _held(request)
    shown_once = await renew_secrets(request, account.id)
    await request.state.db.refresh(account)
    return await _connected(request, Connected(account, shown_once))


async def look_at(request: Request, account_id: UUID) -> None:
    """Look whether an account works, and tell whom it concerns. Raises Unavailable."""
    state = request.app.state
    try:
        noted = await refreshing.check(state.sessions, state.reach, account_id)
    except DBAPIError as error:
        # Another process holds the account, and its channel does not answer it.
        raise Unavailable("The account is being renewed at this moment. Try again in a minute.") from error
    if noted:
        await tell(state.events, state.queue, noted)


async def renew_secrets(request: Request, account_id: UUID) -> dict[str, str]:
    """Get new secrets. Returns what the person takes to the other side. Raises Invalid, Unavailable."""
    state = request.app.state
    try:
        connection = await refreshing.rotate(state.sessions, state.reach, account_id)
    except ChannelError as error:
        raise refusal(error) from error
    return dict(connection.shown_once)


async def _held(request: Request) -> ChannelAccount:
    """Return an account that the person may use, with no transaction open."""
    actor = await _actor(request)
    account = await accounts.find(request.state.db, actor, _account_id(request), Verb.PUBLISH)
    await request.state.db.commit()
    return account


async def _actor(request: Request) -> Actor:
    return await actor_for(request.state.db, signed_in(request), request.path_params["workspace_id"])


def _account_id(request: Request) -> UUID:
    account_id: UUID = request.path_params["account_id"]
    return account_id


async def _seen(request: Request, account: ChannelAccount) -> Reply[AccountSeen]:
    return Reply(AccountSeen.of(await accounts.named(request.state.db, account)))


async def _connected(request: Request, connected: Connected) -> Reply[AccountConnected]:
    listed = await accounts.named(request.state.db, connected.account)
    # A secret that is told once must lie in no cache.
    return Reply(AccountConnected.of(connected, listed), headers={"Cache-Control": "no-store"})


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="listChannels",
        method="GET",
        path="/api/v1/channels",
        summary="List channels",
        handle=list_channels,
        query=NoQuery,
        body=NoBody,
        answer=ChannelList,
    ),
    Operation(
        name="listAccounts",
        method="GET",
        path=_ACCOUNTS,
        summary="List connected accounts",
        handle=list_accounts,
        query=NoQuery,
        body=NoBody,
        answer=AccountList,
        refusals=(403, 404),
    ),
    Operation(
        name="connectAccount",
        method="POST",
        path=_ACCOUNTS,
        summary="Connect an account",
        handle=connect_account,
        query=NoQuery,
        body=NewAccount,
        answer=AccountConnected,
        status=201,
        refusals=(403, 404, 503),
    ),
    Operation(
        name="readAccount",
        method="GET",
        path=_ACCOUNT,
        summary="Read an account",
        handle=read_account,
        query=NoQuery,
        body=NoBody,
        answer=AccountSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="changeAccount",
        method="PATCH",
        path=_ACCOUNT,
        summary="Rename an account, or choose who looks after it",
        handle=change_account,
        query=NoQuery,
        body=AccountChange,
        answer=AccountSeen,
        refusals=(403, 404),
    ),
    Operation(
        name="disconnectAccount",
        method="DELETE",
        path=_ACCOUNT,
        summary="Disconnect an account",
        handle=disconnect_account,
        query=NoQuery,
        body=NoBody,
        answer=NoneType,
        status=204,
        refusals=(403, 404),
    ),
    Operation(
        name="checkAccount",
        method="POST",
        path=f"{_ACCOUNT}/check",
        summary="Look whether an account works",
        handle=check_account,
        query=NoQuery,
        body=NoBody,
        answer=AccountSeen,
        refusals=(403, 404, 503),
    ),
    Operation(
        name="refreshAccount",
        method="POST",
        path=f"{_ACCOUNT}/refresh",
        summary="Get new secrets for an account",
        handle=refresh_account,
        query=NoQuery,
        body=NoBody,
        answer=AccountConnected,
        refusals=(403, 404, 422, 503),
    ),
)

routes: Final = routes_of(OPERATIONS)

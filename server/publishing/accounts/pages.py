"""The pages of accounts: which are connected and how they fare, connecting one, and looking after it.

All of it works without script. From a form the way to a channel leads over a page of ours: a browser lets no form lead
to another site here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.models import utc_now
from server.accounts.notices import go_and_say, said, to_say
from server.errors import DomainError, Invalid, NotFound, Unavailable
from server.publishing.accounts import accounts, describing, sending
from server.publishing.accounts.accounts import Listed, Reach
from server.publishing.accounts.api import look_at, renew_secrets
from server.publishing.accounts.refreshing import PATH
from server.publishing.channel import Channel
from server.publishing.models import Health
from server.web.forms import read_fields
from server.web.render import render
from server.workspaces.access import Verb, can
from server.workspaces.forms import HereForm
from server.workspaces.middleware import actor_here, current_actor

SENTENCES: Final = {
    "channels-connected": "The account is connected.",
    "channels-changed": "Saved.",
    "channels-checked": "Looked at just now. How it fares is shown here.",
    "channels-disconnected": "The account is disconnected, and its secrets are forgotten. What it published stays.",
}
MAX_SHOWN_AGAIN: Final = 300


@dataclass(frozen=True, slots=True)
class _Shown:
    """An account as the page shows it. `channel` is None if this version has none of its kind."""

    account: Listed
    channel: Channel | None

    @property
    def channel_name(self) -> str:
        """What people call the place."""
        return self.channel.name if self.channel else self.account.account.channel


@dataclass(frozen=True, slots=True)
class _Offer:
    """A channel to connect to."""

    channel: Channel
    is_set_up: bool


class ConnectForm(HereForm):
    """Which workspace the page showed; what the channel asks for is read by its own form."""


class AccountForm(HereForm):
    """What an account is called, and who looks after it."""

    name: Annotated[str, StringConstraints(max_length=5000)] = ""
    responsible: UUID | None = None


class SiteForm(HereForm):
    """What a site says of itself."""

    description: Annotated[str, StringConstraints(max_length=5000)] = ""
    language: Annotated[str, StringConstraints(max_length=100)] = ""


class DisconnectForm(HereForm):
    """That the person means it."""

    sure: str = ""


async def index(request: Request) -> Response:
    """Show the accounts of the workspace, and what can be connected."""
    return said(request, await _index(request, notice=to_say(request, SENTENCES)))


async def connect(request: Request) -> Response:
    """Connect an account, or lead on to where the person agrees."""
    fields = await read_fields(request)
    actor = actor_here(request, ConnectForm.parse(fields))
    reach, kind = _reach(request), str(request.path_params["kind"])
    channel = reach.channels.get(kind)
    if channel is None:
        raise NotFound
    answers = {asked.name: fields[asked.name] for asked in channel.form if asked.name in fields}
    try:
        made = await accounts.connect(request.state.db, reach, actor, kind, answers)
    except (Invalid, Unavailable) as error:
        return await _index(request, refused=(kind, error), answers=answers)
    if isinstance(made, str):
        page = render(request, "publishing/consent.html", url=made, channel=channel.name)
        page.headers["Cache-Control"] = "no-store"
        return page
    if made.shown_once:
        return await _account(request, made.account.id, shown_once=made.shown_once)
    return go_and_say(request, PATH, "channels-connected")


async def come_back(request: Request) -> Response:
    """Connect the account of somebody who comes back from where they were asked to agree."""
    user = signed_in(request)
    kind = str(request.path_params["kind"])
    try:
        connected = await accounts.finish(
            request.state.db, _reach(request), user, kind, dict(request.query_params.multi_items())
        )
    except DomainError as error:
        if request.state.actor is None:
            raise
        return await _index(request, problem=error)
    if connected.shown_once:
        return await _account(request, connected.account.id, shown_once=connected.shown_once)
    return go_and_say(request, PATH, "channels-connected")


async def show(request: Request) -> Response:
    """Show an account."""
    return said(request, await _account(request, _account_id(request), notice=to_say(request, SENTENCES)))


async def change(request: Request) -> Response:
    """Change what an account is called, and who looks after it."""
    form = await AccountForm.read(request)
    account_id = _account_id(request)
    try:
        await accounts.change(
            request.state.db, actor_here(request, form), account_id, name=form.name, responsible_id=form.responsible
        )
    except Invalid as error:
        return await _account(request, account_id, refused=error, name=form.name[:MAX_SHOWN_AGAIN])
    return go_and_say(request, f"{PATH}/{account_id}", "channels-changed")


async def describe(request: Request) -> Response:
    """Change what a site says of itself."""
    form = await SiteForm.read(request)
    account_id = _account_id(request)
    said_of_it = {"description": form.description, "language": form.language}
    try:
        await describing.describe(request.state.db, actor_here(request, form), account_id, **said_of_it)
    except Invalid as error:
        shown_again = {name: value[:MAX_SHOWN_AGAIN] for name, value in said_of_it.items()}
        return await _account(request, account_id, refused=error, facts=shown_again)
    return go_and_say(request, f"{PATH}/{account_id}", "channels-changed")


async def check(request: Request) -> Response:
    """Look now whether an account works."""
    account_id = await _held(request)
    await look_at(request, account_id)
    return go_and_say(request, f"{PATH}/{account_id}", "channels-checked")


async def refresh(request: Request) -> Response:
    """Get new secrets for an account, and show what is shown once."""
    account_id = await _held(request)
    try:
        shown_once = await renew_secrets(request, account_id)
    except (Invalid, Unavailable) as error:
        return await _account(request, account_id, refused=error)
    if shown_once:
        return await _account(request, account_id, shown_once=shown_once)
    return go_and_say(request, f"{PATH}/{account_id}", "channels-checked")


async def disconnect(request: Request) -> Response:
    """Disconnect an account, if the person has said that they mean it."""
    form = await DisconnectForm.read(request)
    actor, account_id = actor_here(request, form), _account_id(request)
    if form.sure != "yes":
        await accounts.find(request.state.db, actor, account_id, Verb.PUBLISH)
        return await _account(request, account_id, refused=Invalid({"sure": "Say that you mean it."}))
    remains = await accounts.disconnect(request.state.db, _reach(request), actor, account_id)
    if remains:
        return await _index(request, notice=f"{SENTENCES['channels-disconnected']} {remains}")
    return go_and_say(request, PATH, "channels-disconnected")


async def _index(
    request: Request,
    *,
    notice: str | None = None,
    problem: DomainError | None = None,
    refused: tuple[str, DomainError] | None = None,
    answers: Mapping[str, str] | None = None,
) -> Response:
    actor, reach = current_actor(request), _reach(request)
    found = await accounts.listed(request.state.db, actor)
    kind, error = refused or ("", problem)
    return render(
        request,
        "publishing/channels.html",
        status=200 if error is None else 503 if isinstance(error, Unavailable) else 422,
        notice=notice,
        problem=str(problem) if problem else None,
        accounts=[_Shown(each, reach.channels.get(each.account.channel)) for each in found],
        offers=[_Offer(each, _is_set_up(reach, each)) for each in reach.channels.values()],
        opened=kind or request.query_params.get("connect", ""),
        errors=_sentences(refused[1]) if refused else {},
        answers=_shown_again(reach.channels.get(kind), answers or {}),
        may_publish=can(actor, Verb.PUBLISH, actor),
        Health=Health,
    )


async def _account(
    request: Request,
    account_id: UUID,
    *,
    notice: str | None = None,
    refused: DomainError | None = None,
    name: str | None = None,
    shown_once: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Response:
    db, actor, reach = request.state.db, current_actor(request), _reach(request)
    account = await accounts.find(db, actor, account_id)
    # What was written by another session of this very request.
    await db.refresh(account)
    page = render(
        request,
        "publishing/account.html",
        status=200 if refused is None else 503 if isinstance(refused, Unavailable) else 422,
        notice=notice,
        errors=_sentences(refused) if refused else {},
        shown=_Shown(await accounts.named(db, account), reach.channels.get(account.channel)),
        typed_name=account.name if name is None else name,
        people=await accounts.publishers(db, actor.workspace_id),
        shown_once=shown_once or {},
        shares=await sending.shares(db, account, utc_now()),
        public_url=reach.public_url,
        facts={**account.facts, **(facts or {})},
        may_publish=can(actor, Verb.PUBLISH, actor),
        Health=Health,
    )
    if shown_once:
        page.headers["Cache-Control"] = "no-store"
    return page


async def _held(request: Request) -> UUID:
    """Return the id of an account that the person may use, with no transaction open."""
    actor = actor_here(request, await HereForm.read(request))
    account = await accounts.find(request.state.db, actor, _account_id(request), Verb.PUBLISH)
    await request.state.db.commit()
    return account.id


def _is_set_up(reach: Reach, channel: Channel) -> bool:
    app = reach.apps.get(channel.kind)
    return app is None or all(app.get(name) for name in ("client_id", "client_secret"))


def _sentences(error: DomainError) -> dict[str, str]:
    return (error.fields if isinstance(error, Invalid) else {}) or {"form": str(error)}


def _shown_again(channel: Channel | None, answers: Mapping[str, str]) -> dict[str, str]:
    if channel is None:
        return {}
    return {each.name: answers.get(each.name, "")[:MAX_SHOWN_AGAIN] for each in channel.form if not each.secret}


def _reach(request: Request) -> Reach:
    reach: Reach = request.app.state.reach
    return reach


def _account_id(request: Request) -> UUID:
    account_id: UUID = request.path_params["account_id"]
    return account_id


routes: Final = [
    Route(PATH, index, methods=["GET"]),
    Route(f"{PATH}/connect/{{kind}}", connect, methods=["POST"]),
    Route("/channels/{kind}/return", come_back, methods=["GET"]),
    Route(f"{PATH}/{{account_id:uuid}}", show, methods=["GET"]),
    Route(f"{PATH}/{{account_id:uuid}}", change, methods=["POST"]),
    Route(f"{PATH}/{{account_id:uuid}}/site", describe, methods=["POST"]),
    Route(f"{PATH}/{{account_id:uuid}}/check", check, methods=["POST"]),
    Route(f"{PATH}/{{account_id:uuid}}/refresh", refresh, methods=["POST"]),
    Route(f"{PATH}/{{account_id:uuid}}/disconnect", disconnect, methods=["POST"]),
]

"""The pages for coming into a workspace, inviting others, and hearing what changes in it.

Who is in it is shown by `people_page`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts import people, setup, throttle
from server.accounts.entry import address_of, let_in
from server.accounts.forms import AccountForm
from server.accounts.identity import signed_in
from server.accounts.models import User
from server.errors import Invalid, TooMany, Unavailable
from server.settings import Settings
from server.web.cookies import WORKSPACE, set_cookie
from server.web.forms import read_fields
from server.web.render import render, wants_fragment
from server.workspaces import activity, invitations, membership, people_page
from server.workspaces.access import Actor, actor_for
from server.workspaces.forms import InviteForm
from server.workspaces.middleware import actor_here, current_actor
from server.workspaces.models import Invitation, Workspace
from server.workspaces.people_page import DocumentTitle
from server.workspaces.stream import EventStream
from server.workspaces.telling import tell_of_arrival

# What this layer needs of the documents above it, handed down by app.py; `DocumentTitle` is another.
Welcome = Callable[[AsyncSession, Workspace, User], Awaitable[object]]
Arrive = Callable[[AsyncSession, Invitation, User], Awaitable[object]]

WORKSPACE_COOKIE_SECONDS = 365 * 24 * 3600


async def home(request: Request) -> Response:
    """Lead on to where the person can go."""
    if request.state.user is not None:
        return RedirectResponse("/documents", status_code=303)
    if not await people.exist(request.state.db):
        return render(request, "accounts/setup_needed.html")
    return RedirectResponse("/sign-in", status_code=303)


async def setup_page(request: Request) -> Response:
    """Show the form that makes the first account."""
    try:
        await setup.check(request.state.db, request.path_params["token"])
    except setup.LinkSpent:
        return _spent(request)
    return _secret_page(render(request, "accounts/setup.html", values={}, errors={}))


async def set_up(request: Request) -> Response:
    """Make the first account, its workspace and the first document; sign the person in."""
    db: AsyncSession = request.state.db
    secret = request.path_params["token"]
    fields = await read_fields(request)
    try:
        # Before the hash: a spent link must not cost a tenth of a second.
        await setup.check(db, secret)
        form = AccountForm.parse(fields)
        password_hash = await people.hash_new_password(form.password, email=form.email, name=form.name)
        user = await setup.claim(db, secret, email=form.email, name=form.name, password_hash=password_hash)
    except setup.LinkSpent:
        return _spent(request)
    except (Invalid, Unavailable) as error:
        return _secret_page(_account_form(request, "accounts/setup.html", error, fields))
    workspace = await membership.found(db, user)
    welcome: Welcome = request.app.state.welcome
    await welcome(db, workspace, user)
    response = RedirectResponse("/documents", status_code=303)
    await let_in(request, response, user)
    return response


async def join_page(request: Request) -> Response:
    """Show who invites to what, with a form for a new account, or a button for somebody who is signed in."""
    db: AsyncSession = request.state.db
    invited = await _look(request)
    if invited is None:
        return await _over(request)
    user: User | None = request.state.user
    if user is not None and await membership.is_member(db, invited.invitation.workspace_id, user.id):
        return _enter(request, invited.invitation)
    # It is for this address alone, where it is for one.
    values = {"email": invited.invitation.email or ""}
    about = await _about(request, invited)
    return _secret_page(render(request, "accounts/join.html", values=values, errors={}, **about))


async def join(request: Request) -> Response:
    """Accept the invitation: as the person who is signed in, or with a new account."""
    db: AsyncSession = request.state.db
    secret = request.path_params["token"]
    fields = await read_fields(request)
    invited = await _look(request)
    if invited is None:
        return await _over(request)
    user: User | None = request.state.user
    is_new = user is None
    if user is None:
        try:
            await throttle.count_new_account(request.app.state.redis, address=address_of(request))
            form = AccountForm.parse(fields)
            invitations.require_address(invited.invitation, form.email)
            password_hash = await people.hash_new_password(form.password, email=form.email, name=form.name)
            user = await people.create(db, email=form.email, name=form.name, password_hash=password_hash)
        except (Invalid, TooMany, Unavailable) as error:
            about = await _about(request, invited)
            return _secret_page(_account_form(request, "accounts/join.html", error, fields, **about))
    try:
        invitation = await invitations.accept(db, secret, user)
    except invitations.InvitationOver:
        return await _over(request)
    arrive: Arrive = request.app.state.arrive
    await arrive(db, invitation, user)
    await tell_of_arrival(request, invitation)
    response = _enter(request, invitation)
    if is_new:
        await let_in(request, response, user)
    return response


async def invite(request: Request) -> Response:
    """Make a link to the workspace."""
    form = await InviteForm.read(request)
    return await answer_with_link(request, actor_here(request, form), form)


async def answer_with_link(
    request: Request, actor: Actor, form: InviteForm, *, document_id: UUID | None = None
) -> Response:
    """Make an invitation, send it if it is for an address, and show its link; the documents' route uses it too.

    Raises NotFound, Forbidden, Invalid naming `email`.
    """
    try:
        email = people.clean_email(form.email) if form.email else None
    except ValueError as error:
        raise Invalid({"email": str(error)}, str(error)) from error
    invitation, secret = await invitations.create(
        request.state.db, actor, actor.workspace_id, document_id, role=form.role, email=email
    )
    made = await people_page.hand_on(request, invitation, secret)
    response = render(request, "workspaces/invite.html", block="link" if wants_fragment(request) else None, made=made)
    return _secret_page(response)


async def open_workspace(request: Request) -> Response:
    """Go to another of the person's workspaces, in this browser."""
    workspace_id: UUID = request.path_params["workspace_id"]
    actor = await actor_for(request.state.db, signed_in(request), workspace_id)
    response = RedirectResponse("/documents", status_code=303)
    _choose(request, response, actor.workspace_id)
    return response


async def events(request: Request) -> Response:
    """Stream what changes in the person's workspace."""
    actor = current_actor(request)
    state = request.app.state
    return EventStream(
        state.events,
        state.sessions,
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        session_id=request.state.identity.session_id,
    )


async def _look(request: Request) -> invitations.Open | None:
    try:
        return await invitations.look(request.state.db, request.path_params["token"])
    except invitations.InvitationOver:
        return None


async def _about(request: Request, invited: invitations.Open) -> dict[str, Any]:
    title: str | None = None
    if invited.invitation.document_id is not None:
        document_title: DocumentTitle = request.app.state.document_title
        title = await document_title(request.state.db, invited.invitation.document_id)
    return {
        "invitation": {
            "workspace_name": invited.workspace_name,
            "inviter_name": invited.inviter_name,
            "document_title": title,
            "document_role": invited.invitation.document_role,
            "email": invited.invitation.email,
        },
        "next_url": request.url.path,
    }


def _enter(request: Request, invitation: Invitation) -> Response:
    path = f"/documents/{invitation.document_id}" if invitation.document_id else "/documents"
    response = RedirectResponse(path, status_code=303)
    _choose(request, response, invitation.workspace_id)
    return response


def _choose(request: Request, response: Response, workspace_id: UUID) -> None:
    settings: Settings = request.app.state.settings
    set_cookie(response, WORKSPACE, str(workspace_id), settings, max_age_seconds=WORKSPACE_COOKIE_SECONDS)


def _account_form(
    request: Request,
    template: str,
    error: Invalid | TooMany | Unavailable,
    fields: Mapping[str, str],
    **context: Any,  # noqa: ANN401 - whatever the template names
) -> Response:
    """Show the form again with what was typed, except the password, and what is wrong with it."""
    status, headers = 422, {}
    if isinstance(error, TooMany):
        status, headers = 429, {"Retry-After": str(error.retry_after_seconds)}
    elif isinstance(error, Unavailable):
        status, headers = 503, {"Retry-After": "5"}
    sentences = (error.fields if isinstance(error, Invalid) else {}) or {"form": str(error)}
    values = {name: fields.get(name, "")[:300] for name in ("name", "email")}
    response = render(request, template, status=status, values=values, errors=sentences, **context)
    response.headers.update(headers)
    return response


def _spent(request: Request) -> Response:
    return _secret_page(render(request, "accounts/link_spent.html", status=410))


async def _over(request: Request) -> Response:
    """Say that an invitation is over, and whom to ask. Whoever came by it already goes where it led."""
    db: AsyncSession = request.state.db
    user: User | None = request.state.user
    ended = await invitations.look_back(db, request.path_params["token"])
    if (
        ended is not None
        and user is not None
        and await membership.is_member(db, ended.invitation.workspace_id, user.id)
    ):
        return _enter(request, ended.invitation)
    page = render(
        request,
        "errors/error.html",
        status=410,
        title="This invitation is over",
        detail=_what_became_of(ended),
        action_url="/documents" if user is not None else "/sign-in",
        action_label="Back to documents" if user is not None else "Sign in",
    )
    return _secret_page(page)


def _what_became_of(ended: invitations.Ended | None) -> str:
    if ended is None:
        return invitations.InvitationOver.sentence
    whom = ended.inviter_name or f"somebody in {ended.workspace_name}"
    if ended.invitation.revoked_at is None:
        return f"This invitation to {ended.workspace_name} has expired. Ask {whom} for a new one."
    if ended.invitation.uses:
        return (
            f"This invitation to {ended.workspace_name} has done its work. If it was you who came by it, sign in; "
            f"else ask {whom} for one of your own."
        )
    return f"This invitation to {ended.workspace_name} was taken back. Ask {whom} if you should have a new one."


def _secret_page(response: Response) -> Response:
    """Keep a page whose address or content is a secret out of every cache."""
    response.headers["Cache-Control"] = "no-store"
    return response


routes = [
    Route("/", home, methods=["GET"]),
    Route("/setup/{token}", setup_page, methods=["GET"]),
    Route("/setup/{token}", set_up, methods=["POST"]),
    Route("/join/{token}", join_page, methods=["GET"]),
    Route("/join/{token}", join, methods=["POST"]),
    Route("/workspace/invitations", invite, methods=["POST"]),
    Route("/workspaces/{workspace_id:uuid}/open", open_workspace, methods=["POST"]),
    Route("/events", events, methods=["GET"]),
    *people_page.routes,
    *activity.routes,
]

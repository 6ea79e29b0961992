"""The panel that says who has a document and lets it be shared: a page of its own, and a dialog on others.

Every form answers with the panel as it is then: to a script as the part it swaps, to a browser without one as the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import lifecycle, links, sharing
from server.documents.access import DocumentActor, DocumentRole, DocumentVerb, actor_at, can, reaches
from server.documents.forms import AddPersonForm, AnswerForm, AskForm, LinkForm, PersonForm, ReachForm
from server.documents.models import Document, Reach, utc_now
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.notifications import inviting
from server.notifications.noting import tell
from server.settings import Settings
from server.web.forms import read_fields
from server.web.render import render, wants_fragment
from server.workspaces.models import Workspace

WORDS: Final = {
    DocumentRole.OWNER: "Owner",
    DocumentRole.EDITOR: "Can edit",
    DocumentRole.REVIEWER: "Can comment and suggest",
    DocumentRole.VIEWER: "Can view",
}
LINK_DAYS: Final = ((0, "Until taken back"), (1, "For a day"), (7, "For a week"), (30, "For a month"))


@dataclass(frozen=True, slots=True)
class Made:
    """An address to hand on, shown this once: of a link, or of an invitation for `email`, which gets it by mail too."""

    url: str
    email: str | None = None
    is_mailed: bool = False


async def show(request: Request) -> Response:
    """Show who has the document."""
    db: AsyncSession = request.state.db
    document, actor = await lifecycle.find(db, signed_in(request), _id(request), DocumentVerb.SHARE)
    return await _panel(request, document, actor)


async def add(request: Request) -> Response:
    """Share with somebody by name or e-mail."""
    db, user = request.state.db, signed_in(request)
    fields = await read_fields(request)
    try:
        form = AddPersonForm.parse(fields)
        found = None if "@" in form.who else await _by_name(db, user, _id(request), form.who)
        if found is not None:
            document = await sharing.name(db, user, _id(request), found.id, form.role)
            return await _done(request, document, f"{found.name}: {WORDS[form.role].lower()}.", concerns=found.id)
        document, who = await sharing.add(db, user, _id(request), form.who, form.role)
    except (Invalid, Conflict, Forbidden) as error:
        return await _refused(request, error, who=fields.get("who", "")[:300])
    if isinstance(who, sharing.Sent):
        settings: Settings = request.app.state.settings
        email = who.invitation.email
        mailed = await inviting.send(request, who.invitation)
        made = Made(f"{settings.public_url}/join/{who.secret}", email, is_mailed=mailed)
        return await _done(request, document, None, made=made)
    person = await db.get(User, who)
    said = f"{person.name if person else form.who}: {WORDS[form.role].lower()}."
    return await _done(request, document, said, concerns=who)


async def change(request: Request) -> Response:
    """Give somebody another role, make them the owner, or take their name away."""
    db, user = request.state.db, signed_in(request)
    who: UUID = request.path_params["user_id"]
    form = await PersonForm.read(request)
    try:
        if form.role is DocumentRole.OWNER and who != user.id and not form.sure:
            document, actor = await lifecycle.find(db, user, _id(request), DocumentVerb.OWN)
            return await _panel(request, document, actor, handing_to=who)
        if form.role == "remove":
            document = await sharing.unname(db, user, _id(request), who)
        elif form.role is DocumentRole.OWNER and who != user.id:
            document = await sharing.hand_over(db, user, _id(request), who)
        else:
            document = await sharing.name(db, user, _id(request), who, form.role)
    except (Invalid, Conflict) as error:
        return await _refused(request, error)
    said = "The role is changed. Whoever has the document open feels it at once."
    if form.role is DocumentRole.OWNER:
        said = "It is handed over. You can go on editing it."
    return await _done(request, document, said, concerns=who)


async def reach(request: Request) -> Response:
    """Say what members have who are not named."""
    db, user = request.state.db, signed_in(request)
    form = await ReachForm.read(request)
    kind = {"people": Reach.PEOPLE, "inherit": None}.get(form.reach, Reach.WORKSPACE)
    role = DocumentRole(form.reach) if kind is Reach.WORKSPACE else None
    try:
        document = await sharing.give(db, user, _id(request), kind, role)
    except (Invalid, Conflict) as error:
        return await _refused(request, error)
    return await _done(request, document, "That is how it is shared from now on.")


async def make_link(request: Request) -> Response:
    """Make a link for anybody."""
    db, user = request.state.db, signed_in(request)
    form = await LinkForm.read(request)
    ends = utc_now() + timedelta(days=form.days) if form.days else None
    try:
        document, _, secret = await links.create(
            db, user, _id(request), form.role, expires_at=ends, password=form.password or None
        )
    except (Invalid, Conflict) as error:
        return await _refused(request, error)
    settings: Settings = request.app.state.settings
    return await _done(request, document, None, made=Made(f"{settings.public_url}/s/{secret}"))


async def revoke_link(request: Request) -> Response:
    """Take a link back."""
    db, user = request.state.db, signed_in(request)
    await links.revoke(db, user, _id(request), request.path_params["link_id"])
    document, _ = await lifecycle.find(db, user, _id(request))
    return await _done(request, document, "The link opens nothing any more.")


async def revoke_invitation(request: Request) -> Response:
    """Take an invitation to the document back."""
    db, user = request.state.db, signed_in(request)
    document = await sharing.uninvite(db, user, _id(request), request.path_params["invitation_id"])
    return await _done(request, document, "The invitation is taken back. Whoever opens its link is told so.")


async def answer(request: Request) -> Response:
    """Let somebody in who asked, or not."""
    db, user = request.state.db, signed_in(request)
    who: UUID = request.path_params["user_id"]
    form = await AnswerForm.read(request)
    if form.role == "no":
        return await _done(request, await sharing.decline(db, user, _id(request), who), "Declined.")
    try:
        document = await sharing.name(db, user, _id(request), who, form.role)
    except Conflict as error:
        return await _refused(request, error)
    return await _done(request, document, "They are in.", concerns=who)


async def ask(request: Request) -> Response:
    """Ask to be let in."""
    form = await AskForm.read(request)
    db, user = request.state.db, signed_in(request)
    state = request.app.state
    document, noted = await sharing.ask(db, user, _id(request), form.role, form.message)
    await db.commit()
    await lifecycle.announce(state.events, document, lifecycle.Change.SHARED, user.id)
    await tell(state.events, state.queue, noted)
    return asking(request, _id(request), is_sent=True)


def asking(request: Request, document_id: UUID, *, is_sent: bool = False) -> Response:
    """Show a member what to do about a document that is not shared with them. It says nothing of what it is."""
    return render(
        request,
        "documents/ask.html",
        status=200 if is_sent else 403,
        document_id=document_id,
        is_sent=is_sent,
        roles=[(role.value, WORDS[role]) for role in reversed(DocumentRole) if role is not DocumentRole.OWNER],
    )


async def may_ask(db: AsyncSession, user: User, document_id: UUID) -> bool:
    """Whether somebody who may not see the document may ask for it: a member of its workspace."""
    try:
        document, actor = await actor_at(db, user, document_id)
    except NotFound:
        return False
    return actor.role is None and actor.workspace_role is not None and document.trashed_at is None


async def _by_name(db: AsyncSession, user: User, document_id: UUID, typed: str) -> User | None:
    """Return the one member of that name. Raises Invalid if there is none, or there are several."""
    found = [each for each in await sharing.others(db, user, document_id) if each.name.casefold() == typed.casefold()]
    if len(found) != 1:
        said = "Nobody else here has that name." if not found else "Several people here have that name."
        raise Invalid({"who": f"{said} Enter an e-mail address."})
    return found[0]


async def _done(
    request: Request,
    document: Document,
    notice: str | None,
    *,
    made: Made | None = None,
    concerns: UUID | None = None,
) -> Response:
    db: AsyncSession = request.state.db
    user, state = signed_in(request), request.app.state
    await db.commit()
    await lifecycle.spread_access(state.live, state.events, document, user.id)
    if concerns is not None:
        await tell(state.events, state.queue, [concerns])
    document, actor = await actor_at(db, user, document.id)
    if not can(actor, DocumentVerb.SHARE, document):
        # They took it from themselves.
        return render(request, "documents/sharing.html", block=_block(request), document=document, gone=True)
    return await _panel(request, document, actor, notice=notice, made=made)


async def _refused(request: Request, error: Invalid | Conflict | Forbidden, *, who: str = "") -> Response:
    db: AsyncSession = request.state.db
    document, actor = await lifecycle.find(db, signed_in(request), _id(request), DocumentVerb.SHARE)
    sentence = " ".join(error.fields.values()) if isinstance(error, Invalid) and error.fields else str(error)
    # To a script as a success: its page swaps the panel, which says what was wrong.
    status = 200 if wants_fragment(request) else 422
    return await _panel(request, document, actor, problem=sentence, who=who, status=status)


async def _panel(
    request: Request,
    document: Document,
    actor: DocumentActor,
    *,
    notice: str | None = None,
    problem: str | None = None,
    made: Made | None = None,
    handing_to: UUID | None = None,
    who: str = "",
    status: int = 200,
) -> Response:
    db: AsyncSession = request.state.db
    user = signed_in(request)
    given = await sharing.given(db, document)
    workspace = await db.get_one(Workspace, document.workspace_id)
    response = render(
        request,
        "documents/sharing.html",
        block=_block(request),
        status=status,
        gone=False,
        document=document,
        its_workspace=workspace.name,
        people=sharing.without_repeats(await sharing.named(db, user, document.id)),
        me=user.id,
        others=await sharing.others(db, user, document.id),
        invited=await sharing.invited(db, user, document.id),
        asked=await sharing.asked(db, user, document.id),
        handing_to=handing_to,
        links=await links.listed(db, user, document.id),
        reach=reach_of(given),
        inherited=given if document.collection_id is not None else None,
        words=WORDS,
        roles=offered(actor.role),
        may_own=can(actor, DocumentVerb.OWN, document),
        link_days=LINK_DAYS,
        notice=notice,
        problem=problem,
        made=made,
        who=who,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def offered(own: DocumentRole | None) -> Sequence[DocumentRole]:
    """Return the roles that somebody with this one may give to others, besides their own place as an owner."""
    return [role for role in DocumentRole if role is not DocumentRole.OWNER and own is not None and reaches(own, role)]


def reach_of(given: sharing.Given) -> str:
    """Return what the panel's choice for the members stands at, as ReachForm reads it."""
    if given.said is None:
        return "inherit"
    return given.role.value if given.role is not None else "people"


def _block(request: Request) -> str | None:
    return "panel" if wants_fragment(request) else None


def _id(request: Request) -> UUID:
    document_id: UUID = request.path_params["document_id"]
    return document_id


_HERE: Final = "/documents/{document_id:uuid}/sharing"
routes: Final = [
    Route(_HERE, show, methods=["GET"]),
    Route(f"{_HERE}/people", add, methods=["POST"]),
    Route(f"{_HERE}/people/{{user_id:uuid}}", change, methods=["POST"]),
    Route(f"{_HERE}/reach", reach, methods=["POST"]),
    Route(f"{_HERE}/links", make_link, methods=["POST"]),
    Route(f"{_HERE}/links/{{link_id:uuid}}/revoke", revoke_link, methods=["POST"]),
    Route(f"{_HERE}/invitations/{{invitation_id:uuid}}/revoke", revoke_invitation, methods=["POST"]),
    Route(f"{_HERE}/requests/{{user_id:uuid}}", answer, methods=["POST"]),
    Route("/documents/{document_id:uuid}/requests", ask, methods=["POST"]),
]

"""The panel that says who has a document and lets it be shared: a page of its own, and a dialog on others."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.documents import lifecycle, links, panel, sharing
from server.documents.access import DocumentActor, DocumentRole, DocumentVerb, actor_at, can, require
from server.documents.forms import (
    AddPersonForm,
    AnswerForm,
    AskForm,
    InvitedForm,
    LinkForm,
    PersonForm,
    ReachForm,
)
from server.documents.lifecycle import LiveDocuments
from server.documents.models import Document, utc_now
from server.documents.panel import NOTHING, WORDS, Made, Refusal, Said
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.notifications import inviting
from server.notifications.noting import tell
from server.settings import Settings
from server.web.forms import read_fields
from server.web.render import render, wants_fragment
from server.workspaces.access import ALLOWED, Verb

LINK_DAYS: Final = ((0, "Until taken back"), (1, "For a day"), (7, "For a week"), (30, "For a month"))


async def show(request: Request) -> Response:
    """Show who has the document. A panel that is open when the right to share is taken away says so."""
    db: AsyncSession = request.state.db
    document, actor = await lifecycle.find(db, signed_in(request), _id(request))
    if wants_fragment(request) and not can(actor, DocumentVerb.SHARE, document):
        return panel.over(request, document, has_left=False)
    require(actor, DocumentVerb.SHARE, document)
    if not document.title:
        # Whoever shares what they began a moment ago: the invitation should say what it is to.
        live: LiveDocuments = request.app.state.live
        await live.settle(document.id)
        await db.refresh(document)
    return await _panel(request, document, actor)


async def add(request: Request) -> Response:
    """Share with somebody by name or e-mail."""
    db, user = request.state.db, signed_in(request)
    fields = await read_fields(request)
    try:
        form = AddPersonForm.parse(fields)
        if "@" not in form.who:
            found = panel.called(await sharing.others(db, user, _id(request)), form.who)
            document = await sharing.name(db, user, _id(request), found.id, form.role)
            return await _done(request, document, f"{found.name}: {WORDS[form.role].lower()}.", concerns=found.id)
        document, who = await sharing.add(db, user, _id(request), form.who, form.role)
    except (Invalid, Conflict, Forbidden) as error:
        return await _refused(request, error, who=fields.get("who", ""))
    if isinstance(who, sharing.Sent):
        return await _done(request, document, made=await _sent(request, who))
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
            return await _panel(request, document, actor, Said(handing_to=who))
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
    kind, role = panel.reach_in(await ReachForm.read(request))
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
    return await _done(request, document, made=Made(f"{settings.public_url}/s/{secret}"))


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


async def change_invitation(request: Request) -> Response:
    """Let whoever comes by an invitation to the document be something else there."""
    db, user = request.state.db, signed_in(request)
    form = await InvitedForm.read(request)
    try:
        document = await sharing.change_invitation(
            db, user, _id(request), request.path_params["invitation_id"], form.role
        )
    except Invalid as error:
        return await _refused(request, error)
    return await _done(request, document, "Whoever comes by the invitation from now on has the new role.")


async def send_again(request: Request) -> Response:
    """Send an invitation to the document once more, with a new link."""
    db, user = request.state.db, signed_in(request)
    document, sent = await sharing.renew_invitation(db, user, _id(request), request.path_params["invitation_id"])
    said = "The invitation has a new link. The one from before opens nothing any more."
    return await _done(request, document, said, made=await _sent(request, sent))


async def answer(request: Request) -> Response:
    """Let somebody in who asked, in this role or another, or not."""
    db, user = request.state.db, signed_in(request)
    who: UUID = request.path_params["user_id"]
    form = await AnswerForm.read(request)
    try:
        if form.answer == "no":
            return await _done(request, await sharing.decline(db, user, _id(request), who), "Declined.")
        document = await sharing.approve(db, user, _id(request), who, form.role)
    except (Conflict, Forbidden) as error:
        return await _refused(request, error)
    return await _done(request, document, f"They are in: {WORDS[form.role].lower()}.", concerns=who)


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


async def come_in(request: Request) -> Response:
    """Lead a page that waits for an answer to the document, once it is shared with its person."""
    document, actor = await actor_at(request.state.db, signed_in(request), _id(request))
    is_in = can(actor, DocumentVerb.VIEW, document)
    if not is_in and actor.workspace_role is None:
        raise NotFound
    return Response(status_code=204, headers={"HX-Redirect": f"/documents/{document.id}"} if is_in else None)


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


async def _sent(request: Request, sent: sharing.Sent) -> Made:
    """Mail an invitation, commit, and return its link for the one who shares."""
    settings: Settings = request.app.state.settings
    mailed = await inviting.send(request, sent.invitation)
    url = f"{settings.public_url}/join/{sent.secret}"
    return Made(url, sent.invitation.email, sent.invitation.id, is_mailed=mailed)


async def _done(
    request: Request,
    document: Document,
    notice: str | None = None,
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
        return panel.over(request, document, has_left=True)
    return await _panel(request, document, actor, Said(notice=notice, made=made))


async def _refused(request: Request, error: Refusal, *, who: str = "") -> Response:
    db: AsyncSession = request.state.db
    document, actor = await lifecycle.find(db, signed_in(request), _id(request), DocumentVerb.SHARE)
    return await _panel(request, document, actor, panel.refused(error, who=who))


async def _panel(request: Request, document: Document, actor: DocumentActor, said: Said = NOTHING) -> Response:
    db: AsyncSession = request.state.db
    user = signed_in(request)
    shown = panel.Shown(
        people=await sharing.named(db, user, document.id),
        others=await sharing.others(db, user, document.id),
        own=actor.role,
        may_own=can(actor, DocumentVerb.OWN, document),
        reach=panel.reach_of(await sharing.given(db, document)),
        inherited=document.collection_id is not None,
    )
    return await panel.draw(
        request,
        document,
        shown,
        said,
        invited=await sharing.invited(db, user, document.id),
        asked=await sharing.asked(db, user, document.id),
        may_invite=actor.workspace_role is not None and Verb.INVITE in ALLOWED[actor.workspace_role],
        links=await links.listed(db, user, document.id),
        link_days=LINK_DAYS,
    )


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
    Route(f"{_HERE}/invitations/{{invitation_id:uuid}}/role", change_invitation, methods=["POST"]),
    Route(f"{_HERE}/invitations/{{invitation_id:uuid}}/send", send_again, methods=["POST"]),
    Route(f"{_HERE}/requests/{{user_id:uuid}}", answer, methods=["POST"]),
    Route("/documents/{document_id:uuid}/requests", ask, methods=["POST"]),
    Route("/documents/{document_id:uuid}/requests", come_in, methods=["GET"]),
]

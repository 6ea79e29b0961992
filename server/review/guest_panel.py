"""Where somebody invites guests to a review, and looks after their links: a part of the document's review page."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated, Final

from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.documents import lifecycle as documents
from server.documents.models import Document, utc_now
from server.errors import Conflict, Invalid
from server.notifications.noting import tell
from server.review import guests
from server.review.guests import Wish
from server.review.routes import GuestsSaid, page
from server.settings import Settings
from server.web.forms import Form
from server.web.times import zone_of

_YES: Final = "yes"
_Line = Annotated[str, StringConstraints(max_length=1000)]


class InviteForm(Form):
    """Whom to invite, and to what. `until` is a day, the last on which the link works."""

    name: _Line = ""
    email: _Line = ""
    note: Annotated[str, StringConstraints(max_length=5000)] = ""
    until: _Line = ""
    comment: _Line = ""
    suggest: _Line = ""
    approve: _Line = ""
    ends: _Line = ""
    reads: _Line = ""


class ExtendForm(Form):
    """Until which day a link shall work."""

    until: _Line = ""


async def invite(request: Request) -> Response:
    """Invite a guest, and show the link, once."""
    db: AsyncSession = request.state.db
    form = await InviteForm.read(request)
    try:
        wish = Wish(
            name=form.name,
            email=form.email,
            note=form.note,
            comment=form.comment == _YES,
            suggest=form.suggest == _YES,
            approve=form.approve == _YES,
            expires_at=_end_of(form.until, zone_of(request)),
            ends_when_approved=form.ends == _YES,
            reads_after=form.reads == _YES,
        )
        made = await guests.invite(db, signed_in(request), request.path_params["document_id"], wish)
    except (Invalid, Conflict) as error:
        await db.rollback()
        fields = error.fields if isinstance(error, Invalid) else {}
        return await page(request, said=GuestsSaid(problem=next(iter(fields.values()), str(error)), typed=dict(form)))
    settings: Settings = request.app.state.settings
    is_mailed = made.is_mailed and bool(settings.smtp_url)
    name, email = made.guest.name, made.guest.email
    await spread(request, made.document)
    notice = f"{name} is invited. " + (
        f"The link goes to {email} by mail; you can also hand it on yourself."
        if is_mailed
        else "Send them this link yourself: no mail goes out."
    )
    return await page(request, said=GuestsSaid(notice=notice, url=link_to(request, made.secret)))


async def new_link(request: Request) -> Response:
    """Make one more link for a guest, and show it, once."""
    db: AsyncSession = request.state.db
    guest_id = request.path_params["guest_id"]
    document_id = request.path_params["document_id"]
    try:
        guest, secret = await guests.new_link(db, signed_in(request), document_id, guest_id)
    except Conflict as error:
        await db.rollback()
        return await page(request, said=GuestsSaid(problem=str(error)))
    notice = f"One more link for {guest.name}. Those that they have work as before."
    await db.commit()
    return await page(request, said=GuestsSaid(notice=notice, url=link_to(request, secret)))


async def extend(request: Request) -> Response:
    """Let a guest's link work until another day."""
    db: AsyncSession = request.state.db
    form = await ExtendForm.read(request)
    document_id, guest_id = request.path_params["document_id"], request.path_params["guest_id"]
    user = signed_in(request)
    try:
        # The browser sends no form without a day; whoever does so gets the usual time.
        until = _end_of(form.until, zone_of(request)) or utc_now() + timedelta(days=guests.USUAL_DAYS)
        await guests.extend(db, user, document_id, guest_id, until)
    except (Invalid, Conflict) as error:
        await db.rollback()
        fields = error.fields if isinstance(error, Invalid) else {}
        return await page(request, said=GuestsSaid(problem=next(iter(fields.values()), str(error))))
    return await _back(request, await db.get_one(Document, document_id))


async def revoke(request: Request) -> Response:
    """Take a guest's link back: what they have open ends at once."""
    document = await guests.revoke(
        request.state.db, signed_in(request), request.path_params["document_id"], request.path_params["guest_id"]
    )
    return await _back(request, document)


async def spread(request: Request, document: Document) -> None:
    """Commit, and let what is open follow who may come in now."""
    db: AsyncSession = request.state.db
    await db.commit()
    state = request.app.state
    await documents.spread_access(state.live, state.events, document, signed_in(request).id)
    await tell(state.events, state.queue)


async def _back(request: Request, document: Document) -> Response:
    document_id = document.id
    await spread(request, document)
    return RedirectResponse(f"/documents/{document_id}/review#guests", status_code=303)


def link_to(request: Request, secret: str) -> str:
    """Return the address of a guest's link."""
    settings: Settings = request.app.state.settings
    return f"{settings.public_url}/r/{secret}"


def _end_of(text: str, zone: tzinfo) -> datetime | None:
    """Return the end of a day where the asker is; None for no day. Raises Invalid."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), zone) + timedelta(days=1) - timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise Invalid({"until": "Choose a day from today on, within a year."}) from error


_GUESTS: Final = "/documents/{document_id:uuid}/review/guests"

routes: Final = [
    Route(_GUESTS, invite, methods=["POST"]),
    Route(f"{_GUESTS}/{{guest_id:uuid}}/link", new_link, methods=["POST"]),
    Route(f"{_GUESTS}/{{guest_id:uuid}}/extend", extend, methods=["POST"]),
    Route(f"{_GUESTS}/{{guest_id:uuid}}/revoke", revoke, methods=["POST"]),
]

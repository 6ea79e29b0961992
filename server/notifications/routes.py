"""The bell, the page of all notifications, what each person wants to hear of, and the link that ends all mail."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.models import User
from server.accounts.notices import go_and_say, said, to_say
from server.errors import Invalid, NotFound
from server.notifications import bell, choices
from server.notifications.forms import ChoicesForm, attention_in
from server.notifications.letters import Visible
from server.notifications.models import HowMail
from server.notifications.noting import EVENT
from server.notifications.words import CHOICES
from server.settings import Settings
from server.web.forms import read_fields
from server.web.render import render, wants_fragment

HOW: Final = (
    (HowMail.AT_ONCE, "At once", "A mail for each, two minutes later, unless you read it here first."),
    (HowMail.DAILY, "Once a day", "One mail with all that you have not read."),
    (HowMail.NEVER, "Never", "The bell still tells you."),
)
SENTENCES: Final = {"choices": "Saved. It holds from the next notification on."}


async def index(request: Request) -> Response:
    """Show all of the person's notifications, a page at a time."""
    before = _time(request.query_params.get("before"))
    return await _list(request, limit=bell.SHOWN_ON_PAGE, before=before)


async def newest(request: Request) -> Response:
    """Show the newest, for the bell."""
    return await _list(request, limit=bell.SHOWN_IN_BELL, block="list")


async def unread(request: Request) -> Response:
    """Say how many notifications are unread, at most a hundred."""
    user = signed_in(request)
    count = await bell.count_unread(request.state.db, user.id)
    return JSONResponse({"unread": count}, headers={"Cache-Control": "no-store"})


async def go(request: Request) -> Response:
    """Lead to what a notification tells of. Whoever goes there has read it."""
    user = signed_in(request)
    path = await bell.read_one(request.state.db, user.id, request.path_params["notice_id"])
    await _tell_own_pages(request, user)
    return RedirectResponse(path, status_code=303)


async def read_one(request: Request) -> Response:
    """Mark one as read, without going there."""
    user = signed_in(request)
    await bell.read_one(request.state.db, user.id, request.path_params["notice_id"])
    return await _changed(request, user)


async def read_all(request: Request) -> Response:
    """Mark all as read."""
    user = signed_in(request)
    await bell.read_all(request.state.db, user.id)
    return await _changed(request, user)


async def settings_page(request: Request) -> Response:
    """Show what the person hears of, and how."""
    user = signed_in(request)
    wishes = await choices.wishes_of(request.state.db, user.id)
    return said(request, _settings(request, wishes, notice=to_say(request, SENTENCES)))


async def choose(request: Request) -> Response:
    """Keep what the person wants."""
    user = signed_in(request)
    fields = await read_fields(request)
    form = ChoicesForm.parse(fields)
    await choices.choose(request.state.db, user.id, form.how, ChoicesForm.kinds(fields))
    return go_and_say(request, "/account/notifications", "choices")


async def document_page(request: Request) -> Response:
    """Show what the person hears of one document."""
    user, document_id = signed_in(request), await _visible_document(request)
    attention = await choices.attention_to(request.state.db, user.id, document_id)
    title = await request.app.state.document_title(request.state.db, document_id)
    return render(
        request, "notifications/document.html", document_id=document_id, title=title or "Untitled", attention=attention
    )


async def pay_attention(request: Request) -> Response:
    """Follow a document, mute it, or neither."""
    user, document_id = signed_in(request), await _visible_document(request)
    attention = attention_in(await read_fields(request))
    await choices.pay_attention(request.state.db, user.id, document_id, attention)
    return RedirectResponse(f"/documents/{document_id}", status_code=303)


async def stop_page(request: Request) -> Response:
    """Ask before all mail ends: programs open the links in mails to look at them."""
    try:
        await choices.check_link(request.state.db, request.path_params["token"])
    except choices.LinkUnknown:
        return _stop(request, "unknown", status=410)
    return _stop(request, "ask")


async def stop(request: Request) -> Response:
    """End all mail: from the page, or by the button of a mail program, which sends no cookie and no token."""
    try:
        await choices.stop_by_link(request.state.db, request.path_params["token"])
    except choices.LinkUnknown:
        return _stop(request, "unknown", status=410)
    return _stop(request, "done")


async def _list(request: Request, *, limit: int, before: datetime | None = None, block: str | None = None) -> Response:
    # One more than is shown, to know whether there are older ones.
    found = await bell.newest(request.state.db, signed_in(request), _visible(request), limit=limit + 1, before=before)
    response = render(
        request,
        "notifications/index.html",
        block=block,
        notices=found[:limit],
        older=found[limit - 1].created_at.isoformat() if len(found) > limit else None,
        in_bell=block is not None,
        unread=any(not each.is_read for each in found),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _changed(request: Request, user: User) -> Response:
    await _tell_own_pages(request, user)
    if wants_fragment(request):
        # The event brings the list anew in every page of theirs, this one too.
        return Response(status_code=204)
    return RedirectResponse("/notifications", status_code=303)


async def _tell_own_pages(request: Request, user: User) -> None:
    await request.state.db.commit()
    await request.app.state.events.publish_to(user.id, EVENT, {})


async def _visible_document(request: Request) -> UUID:
    """Return the document of the path. Raises NotFound if the person may not see it."""
    db: AsyncSession = request.state.db
    document_id: UUID = request.path_params["document_id"]
    if document_id not in await _visible(request)(db, signed_in(request), [document_id]):
        raise NotFound
    return document_id


def _visible(request: Request) -> Visible:
    visible: Visible = request.app.state.visible
    return visible


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid({"before": "This is no time."}) from error
    raise Invalid({"before": "This is no time."})


def _settings(request: Request, wishes: choices.Wishes, *, notice: str | None) -> Response:
    settings: Settings = request.app.state.settings
    return render(
        request,
        "notifications/settings.html",
        notice=notice,
        wishes=wishes,
        how=HOW,
        kinds=CHOICES,
        digest_hour=settings.digest_hour,
    )


def _stop(request: Request, state: str, *, status: int = 200) -> Response:
    response = render(request, "notifications/stop.html", status=status, state=state)
    response.headers["Cache-Control"] = "no-store"
    return response


routes = [
    Route("/notifications", index, methods=["GET"]),
    Route("/notifications/newest", newest, methods=["GET"]),
    Route("/notifications/unread", unread, methods=["GET"]),
    Route("/notifications/read", read_all, methods=["POST"]),
    Route("/notifications/{notice_id:uuid}", go, methods=["GET"]),
    Route("/notifications/{notice_id:uuid}/read", read_one, methods=["POST"]),
    Route("/account/notifications", settings_page, methods=["GET"]),
    Route("/account/notifications", choose, methods=["POST"]),
    Route("/documents/{document_id:uuid}/notifications", document_page, methods=["GET"]),
    Route("/documents/{document_id:uuid}/notifications", pay_attention, methods=["POST"]),
    Route("/mail/stop/{token}", stop_page, methods=["GET"]),
    Route("/mail/stop/{token}", stop, methods=["POST"]),
]

"""What a guest of a review meets: the link, who asks them for what, the document itself, and their decision.

All of it lies below `/guest/<document>`, where the cookie of that document says who somebody is, whoever else they are;
anywhere else that cookie says nothing. What a guest may do there is asked of the document, as everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts import guest_keys, throttle
from server.accounts.entry import address_of
from server.accounts.identity import signed_in
from server.accounts.models import GuestKeyKind, User
from server.assets.models import Asset
from server.assets.routes import send
from server.comments.api import OPERATIONS as COMMENTS
from server.comments.shapes import CommenterList, PeopleQuery
from server.db import Sessions
from server.documents import lifecycle as documents
from server.documents.access import DocumentVerb, actor_at, can
from server.documents.lifecycle import LiveDocuments
from server.documents.models import Document, Lineage, utc_now
from server.documents.reading import Readings
from server.documents.routes import editor_page
from server.errors import Invalid, NotFound, TooMany, Unavailable
from server.events import RESYNC, Event, Events
from server.review import content, guests, lifecycle, looking
from server.review.guests import GuestLinkOver, Opened
from server.review.routes import DecideForm, Refused, announce
from server.settings import Settings
from server.suggestions.api import OPERATIONS as SUGGESTIONS
from server.web.cookies import guest_cookie, read_cookie, set_cookie
from server.web.forms import Form
from server.web.operations import AnyOperation, Call, NoBody, Reply
from server.web.operations import routes as routes_of
from server.web.render import render, wants_fragment
from server.web.times import day_words, zone_of
from server.workspaces.stream import EventStream

# The link is the key: no page that it leads to may learn it, no cache may keep it, no index list it.
_SECRET: Final[dict[str, str]] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
# Pages behind it are one person's, too, but their forms need to say where they come from.
_PRIVATE: Final[dict[str, str]] = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
# So long a browser remembers that it was here, so that the page can say what became of the link.
_REMEMBERED_SECONDS: Final = 30 * 24 * 3600
_FOR_PICTURES_SECONDS: Final = 0.5
_HEARS: Final = frozenset({"documents", "comments", "suggestions"})
_OVER: Final = {
    "expired": "It worked until {until}.",
    "revoked": "It was taken back.",
    "done": "It ended when you approved.",
}


class BeginForm(Form):
    """The name that a guest goes by."""

    name: str = ""


async def follow(request: Request) -> Response:
    """Swap the secret in a link for a cookie of this browser, and go to the document without it."""
    db: AsyncSession = request.state.db
    settings: Settings = request.app.state.settings
    try:
        await throttle.count_guest_link(request.app.state.redis, address=address_of(request))
        found = await guests.by_link(db, request.path_params["secret"])
    except GuestLinkOver:
        return _over(request, None)
    except TooMany as error:
        return _later(request, str(error), 429, error.retry_after_seconds)
    except Unavailable as error:
        return _later(request, str(error), 503, 5)
    document = found.document
    member: User | None = request.state.user
    if member is not None:
        _, actor = await actor_at(db, member, document.id)
        if can(actor, DocumentVerb.VIEW, document):
            return RedirectResponse(f"/documents/{document.id}", status_code=303, headers=_SECRET)
    if not found.may_come_in and not found.may_read_on:
        return _over(request, found)
    name = guest_cookie(document.id)
    key = read_cookie(request, name, settings)
    known = await guest_keys.find(db, key, GuestKeyKind.BROWSER)
    if key is None or known is None or known.id != found.guest.user_id:
        key = await guest_keys.enter(db, found.guest.user_id)
    answer = RedirectResponse(_place(document.id), status_code=303, headers=_SECRET)
    age = int((found.guest.expires_at - utc_now()).total_seconds()) + _REMEMBERED_SECONDS
    set_cookie(answer, name, key, settings, max_age_seconds=age)
    return answer


async def show(request: Request) -> Response:
    """Show a guest the document; before the first time who asks them for what, after their time what they approved."""
    found = await _find(request)
    if isinstance(found, Response):
        return found
    if not found.may_come_in:
        return await _read_on(request, found)
    if found.guest.opened_at is None:
        return _welcome(request, found)
    return await _live(request, found)


async def begin(request: Request) -> Response:
    """Take the guest's name, and go on to the document."""
    found = await _find(request)
    if isinstance(found, Response):
        return found
    form = await BeginForm.read(request)
    try:
        await guests.begin(request.state.db, signed_in(request), found.document.id, form.name)
    except Invalid as error:
        return _welcome(request, found, form.name[:300], error.fields.get("name", str(error)))
    except GuestLinkOver:
        return _over(request, found)
    return RedirectResponse(_place(found.document.id), status_code=303)


async def show_review(request: Request) -> Response:
    """Show where the document stands for this guest: the strip, or the page of what was sent."""
    found = await _find(request)
    if isinstance(found, Response):
        return found
    if not found.may_come_in:
        return await _read_on(request, found)
    if found.guest.opened_at is None:
        return _to(request, _place(found.document.id))
    return await _review(request, found)


async def decide(request: Request) -> Response:
    """Approve exactly what was sent, or ask for changes."""
    found = await _find(request)
    if isinstance(found, Response):
        return found
    if not found.may_come_in:
        return await _read_on(request, found)
    if found.guest.opened_at is None:
        # Whoever decides has said who they are.
        return _to(request, _place(found.document.id))
    form = await DecideForm.read(request)
    try:
        done = await lifecycle.decide(
            request.state.db,
            signed_in(request),
            found.document.id,
            form.verdict,
            signed=bytes.fromhex(form.content),
            comment=form.comment,
        )
    except Invalid as error:
        if wants_fragment(request):
            raise
        sentence = next(iter(error.fields.values()), str(error))
        return await _review(request, found, Refused(sentence, form.comment[:2000]))
    await announce(request, done)
    if done.has_let_out:
        return _to(request, _place(found.document.id))
    if wants_fragment(request):
        return await _review(request, found)
    return RedirectResponse(_place(found.document.id), status_code=303)


async def listen(request: Request) -> Response:
    """Stream what happens to this one document."""
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, _ = await documents.find(db, user, request.path_params["document_id"])
    stream = GuestStream(request.app.state.events, request.app.state.sessions, document=document, user_id=user.id)
    # The stream lasts for minutes, and holds no connection.
    await db.commit()
    return stream


class GuestStream(EventStream):
    """See EventStream: of one document alone, for as long as its guest may see it."""

    def __init__(self, events: Events, sessions: Sessions, *, document: Document, user_id: UUID) -> None:
        super().__init__(events, sessions, workspace_id=document.workspace_id, user_id=user_id, session_id=None)
        self._document_id = document.id
        self._guest_id = user_id

    def is_for(self, event: Event) -> bool:
        """See EventStream."""
        if event.name == RESYNC:
            return True
        return event.name in _HEARS and event.data.get("document_id") == str(self._document_id)

    async def may_go_on(self, db: AsyncSession) -> bool:
        """See EventStream."""
        behind = await db.get(User, self._guest_id)
        if behind is None:
            return False
        try:
            document, actor = await actor_at(db, behind, self._document_id)
        except NotFound:
            return False
        return can(actor, DocumentVerb.VIEW, document)


async def picture(request: Request) -> Response:
    """Send a picture that the document, or what the guest approved of it, shows."""
    db: AsyncSession = request.state.db
    found = await guests.opened(db, signed_in(request), request.path_params["document_id"])
    asset: Asset | None = await db.get(Asset, request.path_params["asset_id"])
    if asset is None or asset.workspace_id != found.document.workspace_id or not await _shows(request, found, asset):
        raise NotFound
    return await send(request, asset)


async def list_nobody(call: Call[PeopleQuery, NoBody]) -> Reply[CommenterList]:
    """List nobody: whom a guest could mention is the workspace's own business."""
    await documents.find(
        call.request.state.db, signed_in(call.request), call.request.path_params["document_id"], DocumentVerb.COMMENT
    )
    return Reply(CommenterList(people=[]))


async def _shows(request: Request, found: Opened, asset: Asset) -> bool:
    db: AsyncSession = request.state.db
    if found.may_read_on:
        approved = await content.find(db, found.document.id, found.guest.approved_hash or b"")
        return approved is not None and str(asset.id) in approved.pictures
    if not found.may_come_in:
        return False
    if asset.document_id == found.document.id:
        return True
    seq = await db.scalar(select(col(Lineage.seq)).where(col(Lineage.document_id) == found.document.id))
    live: LiveDocuments = request.app.state.live
    readings: Readings = request.app.state.readings
    await db.commit()
    text = await readings.of(found.document.id, seq or 0, live.read, within_seconds=_FOR_PICTURES_SECONDS)
    return f'src="/assets/{asset.id}' in text.html


async def _find(request: Request) -> Opened | Response:
    """Return whoever asks as a guest of this document, or the page that says why not."""
    behind: User | None = request.state.user
    if behind is None:
        return _over(request, None)
    try:
        found = await guests.opened(request.state.db, behind, request.path_params["document_id"])
    except GuestLinkOver:
        return _over(request, None)
    if not found.may_come_in and not found.may_read_on:
        return _over(request, found)
    if found.may_come_in:
        guests.note_use(found.guest)
    return found


def _welcome(request: Request, found: Opened, name: str | None = None, problem: str | None = None) -> Response:
    guest = found.guest
    page = render(
        request,
        "review/guest_welcome.html",
        status=200 if problem is None else 422,
        guest=guest,
        invited_by=found.invited_by,
        title=found.document.title or "Untitled",
        typed=guest.name if name is None else name,
        problem=problem,
        address=_place(found.document.id),
    )
    page.headers.update(_PRIVATE)
    return page


async def _live(request: Request, found: Opened) -> Response:
    db: AsyncSession = request.state.db
    settings: Settings = request.app.state.settings
    user = signed_in(request)
    document, actor = await documents.find(db, user, found.document.id)
    place = _place(document.id)
    key = read_cookie(request, guest_cookie(document.id), settings) or ""
    seen = await looking.see(db, user, document, actor)
    page = await editor_page(
        request,
        document,
        actor,
        user,
        template="review/guest.html",
        pictures=f"{place}/assets/",
        live_url=f"{place}/events",
        guest={
            "name": user.name,
            "invited_by": found.invited_by,
            "until": found.guest.expires_at,
            "may_comment": found.guest.may_comment,
            "may_suggest": found.guest.may_suggest,
            "may_approve": found.guest.may_approve,
            "place": place,
            "ticket": guest_keys.ticket_of(key),
        },
        over_words=_over_words(found),
        # The member's own strip and its address are not for guests.
        may_decide=False,
        works_here=False,
        **_strip(found, seen),
    )
    page.headers.update(_PRIVATE)
    return page


async def _review(request: Request, found: Opened, refused: Refused | None = None) -> Response:
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, actor = await documents.find(db, user, found.document.id)
    seen = await looking.see(db, user, document, actor)
    strip = _strip(found, seen, refused)
    if wants_fragment(request):
        return render(request, "review/guest_strip.html", block="strip", **strip)
    shown, subject = None, seen.subject
    if subject is not None:
        drawing = looking.difference(seen.base, subject) if seen.base else asyncio.to_thread(looking.drawn, subject)
        names = await request.app.state.account_names(db, document.workspace_id)
        shown = _drawn(looking.named(await drawing, names), document.id)
    page = render(
        request,
        "review/guest_sent.html",
        status=200 if refused is None else 422,
        title=document.title or "Untitled",
        shown=shown,
        guest={"name": user.name, "invited_by": found.invited_by, "until": found.guest.expires_at},
        live_url=f"{_place(document.id)}/events",
        **strip,
    )
    page.headers.update(_PRIVATE)
    return page


async def _read_on(request: Request, found: Opened) -> Response:
    """Show what somebody approved, whose link ended with that."""
    if not found.may_read_on:
        return _over(request, found)
    approved = await content.find(request.state.db, found.document.id, found.guest.approved_hash or b"")
    if approved is None:
        return _over(request, found)
    if wants_fragment(request):
        return _to(request, _place(found.document.id))
    names = await request.app.state.account_names(request.state.db, found.document.workspace_id)
    shown = looking.named(await asyncio.to_thread(looking.drawn, approved), names)
    page = render(
        request,
        "review/guest_approved.html",
        title=approved.title or "Untitled",
        shown=_drawn(shown, found.document.id),
        approved=approved,
        guest=found.guest,
        invited_by=found.invited_by,
    )
    page.headers.update(_PRIVATE)
    return page


def _strip(found: Opened, seen: looking.Seen, refused: Refused | None = None) -> dict[str, Any]:
    return {
        "seen": seen,
        # What is decided about is not what the text says by now.
        "has_changed": seen.has_changed and seen.review is not None,
        "place": _place(found.document.id),
        "own": [each for each in seen.said if each.user_id == found.guest.user_id],
        "may_approve_at_all": found.guest.may_approve,
        "has_address": found.guest.email is not None,
        "invited_by": found.invited_by,
        "note": found.guest.note,
        "refused": refused,
    }


def _drawn(difference: looking.Difference, document_id: UUID) -> looking.Difference:
    """Return it with its pictures where a guest finds them."""
    place = f'src="{_place(document_id)}/assets/'
    passages = [
        replace(each, html=Markup(each.html.replace(Markup('src="/assets/'), Markup(place))))  # noqa: S704 - escaped by write_block; the place is an id
        for each in difference.passages
    ]
    overlays = [replace(each, posts=[_drawn(post, document_id) for post in each.posts]) for each in difference.overlays]
    return replace(difference, passages=passages, overlays=overlays)


def _to(request: Request, path: str) -> Response:
    if wants_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, status_code=303)


def _place(document_id: UUID) -> str:
    return f"/guest/{document_id}"


def _over_words(found: Opened) -> str:
    return f"This link is over. Ask {found.invited_by} for a new one, if you need it."


def _over(request: Request, found: Opened | None) -> Response:
    if found is None:
        detail = (
            "Open the link that you were sent once more. If it leads here again, it is over or was taken back: "
            "ask whoever sent it for a new one."
        )
    else:
        until = day_words(found.guest.expires_at, utc_now().astimezone(zone_of(request)))
        why = _OVER.get(found.state, "").format(until=until)
        detail = f"{why} Ask {found.invited_by} for a new one, if you need it."
    if wants_fragment(request):
        # The page loads anew, and says so.
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    page = render(
        request,
        "errors/error.html",
        status=410,
        user=None,
        title="This link is over",
        detail=detail,
        action_url="",
        action_label="",
    )
    page.headers.update(_SECRET)
    return page


def _later(request: Request, sentence: str, status: int, retry_after_seconds: int) -> Response:
    page = render(
        request,
        "errors/error.html",
        status=status,
        user=None,
        title="Not now",
        detail=sentence,
        action_url="",
        action_label="",
    )
    page.headers.update({**_SECRET, "Retry-After": str(retry_after_seconds)})
    return page


_API: Final = "/api/v1/documents/{document_id:uuid}"
_GUEST: Final = "/guest/{document_id:uuid}"
# What a guest's page asks for: the same calls that members have, and no others.
_CALLS: Final = frozenset(
    {
        "listComments",
        "addComment",
        "listReaders",
        "changeComment",
        "deleteComment",
        "resolveThread",
        "reopenThread",
        "moveThread",
        "setReactions",
        "listSuggestions",
        "tellDecisions",
    }
)


def _for_guests(operation: AnyOperation) -> AnyOperation:
    path = operation.path.replace(_API, f"{_GUEST}/api")
    if operation.name == "listReaders":
        return replace(operation, path=path, handle=list_nobody)
    return replace(operation, path=path)


OPERATIONS: Final[Sequence[AnyOperation]] = tuple(
    _for_guests(each) for each in (*COMMENTS, *SUGGESTIONS) if each.name in _CALLS
)

routes: Final = [
    Route("/r/{secret}", follow, methods=["GET"]),
    Route(_GUEST, show, methods=["GET"]),
    Route(f"{_GUEST}/begin", begin, methods=["POST"]),
    Route(f"{_GUEST}/review", show_review, methods=["GET"]),
    Route(f"{_GUEST}/decisions", decide, methods=["POST"]),
    Route(f"{_GUEST}/events", listen, methods=["GET"]),
    Route(f"{_GUEST}/assets/{{asset_id:uuid}}", picture, methods=["GET"]),
    *routes_of(OPERATIONS),
]

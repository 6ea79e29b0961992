"""The pages of reviews: one document's, and what waits for somebody. All work without script."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.audit import ledger
from server.documents import activity
from server.documents import lifecycle as documents
from server.documents.access import DocumentVerb, can
from server.documents.lifecycle import Change
from server.documents.models import utc_now
from server.errors import Invalid
from server.notifications.noting import tell
from server.review import guests, lifecycle, looking, waiting
from server.review.lifecycle import Done
from server.review.models import Verdict
from server.web.forms import Form
from server.web.render import render, wants_fragment
from server.web.times import zone_of
from server.workspaces.middleware import current_actor
from server.workspaces.models import Role

ENTRIES_SHOWN: Final = 50
MAX_SENT_CHARACTERS: Final = 10_000


class RequestForm(Form):
    """How the document shall be reviewed, and what is said with it."""

    workflow: str = ""
    note: Annotated[str, StringConstraints(max_length=MAX_SENT_CHARACTERS)] = ""


class DecideForm(Form):
    """What somebody says about the content that they looked at; `content` is its hash as hex."""

    verdict: Verdict
    content: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    comment: Annotated[str, StringConstraints(max_length=MAX_SENT_CHARACTERS)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestsSaid:
    """What the page says of a guest: the address of their link, which it shows this once, or why it was not done.

    `typed`: what was typed, by the names of the fields.
    """

    notice: str = ""
    url: str = ""
    problem: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be done, and what was typed."""

    sentence: str
    comment: str


async def show(request: Request) -> Response:
    """Show a document's review: the steps, what is decided about, what changed, and all that happened."""
    return await page(request)


async def ask(request: Request) -> Response:
    """Send a document for review."""
    form = await RequestForm.read(request)
    done = await lifecycle.request(
        request.state.db,
        signed_in(request),
        request.path_params["document_id"],
        workflow_id=_uuid(form.workflow),
        note=form.note,
    )
    return await _after(request, done)


async def decide(request: Request) -> Response:
    """Decide about exactly what the page showed."""
    form = await DecideForm.read(request)
    try:
        done = await lifecycle.decide(
            request.state.db,
            signed_in(request),
            request.path_params["document_id"],
            form.verdict,
            signed=bytes.fromhex(form.content),
            comment=form.comment,
        )
    except Invalid as error:
        if wants_fragment(request):
            raise
        return await page(request, Refused(next(iter(error.fields.values()), str(error)), form.comment[:2000]))
    return await _after(request, done)


async def withdraw(request: Request) -> Response:
    """Take a document out of review."""
    done = await lifecycle.withdraw(request.state.db, signed_in(request), request.path_params["document_id"])
    return await _after(request, done)


async def index(request: Request) -> Response:
    """Show what waits for the person, and what they wait for."""
    db: AsyncSession = request.state.db
    found = await waiting.waiting(db, current_actor(request))
    return render(request, "review/index.html", mine=found.mine, asked=found.asked)


async def announce(request: Request, done: Done) -> None:
    """Commit, and tell lists, open pages, bells and mail."""
    await request.state.db.commit()
    state = request.app.state
    if done.has_let_out:
        await state.live.access_changed([done.document.id])
    await documents.announce(state.events, done.document, Change.REVIEWED, signed_in(request).id)
    await tell(state.events, state.queue, done.noted)


async def _after(request: Request, done: Done) -> Response:
    await announce(request, done)
    if wants_fragment(request):
        return await page(request)
    return RedirectResponse(f"/documents/{done.document.id}/review", status_code=303)


async def page(request: Request, refused: Refused | None = None, said: GuestsSaid | None = None) -> Response:
    """Return the page of a document's review, or the strip for the page that asks; `said` is of its guests."""
    db: AsyncSession = request.state.db
    user = signed_in(request)
    document, actor = await activity.find_followed(db, user, request.path_params["document_id"])
    seen = await looking.see(db, user, document, actor)
    subject, since = seen.subject, None
    # The page of the review itself is renewed as a whole.
    in_part = wants_fragment(request) and request.query_params.get("place") != "page"
    entries = (
        []
        if in_part
        else await ledger.of_document(db, document.id, limit=ENTRIES_SHOWN, but=activity.hidden_from(actor, document))
    )
    names = await request.app.state.account_names(db, document.workspace_id) if subject is not None else {}
    if subject is not None and seen.has_changed:
        state = await request.app.state.live.read(document.id)
        # While it is drawn, no connection waits.
        await db.commit()
        since = looking.named(await looking.difference(subject, state), names)
    shown = None
    if subject is not None and not in_part:
        drawing = looking.difference(seen.base, subject) if seen.base else asyncio.to_thread(looking.drawn, subject)
        shown = looking.named(await drawing, names)
    may_invite = can(actor, DocumentVerb.SHARE, document) and actor.workspace_role not in {None, Role.GUEST}
    guests_here = await guests.listed(db, user, document.id) if may_invite and not in_part else ()
    return render(
        request,
        "review/document.html",
        block="bar" if in_part else None,
        status=422 if refused is not None or (said is not None and said.problem) else 200,
        document={"id": document.id, "title": document.title},
        seen=seen,
        since=since,
        shown=shown,
        entries=entries,
        refused=refused,
        in_editor=in_part,
        may_preview=actor.workspace_role is not None,
        may_invite=may_invite,
        guests=guests_here,
        guests_said=said or GuestsSaid(),
        usual_until=(utc_now().astimezone(zone_of(request)) + timedelta(days=guests.USUAL_DAYS)).date(),
        Verdict=Verdict,
    )


def _uuid(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid({"workflow": "Choose one of the workflows."}) from error


_REVIEW: Final = "/documents/{document_id:uuid}/review"

routes = [
    Route("/reviews", index, methods=["GET"]),
    Route(_REVIEW, show, methods=["GET"]),
    Route(_REVIEW, ask, methods=["POST"]),
    Route(f"{_REVIEW}/decisions", decide, methods=["POST"]),
    Route(f"{_REVIEW}/withdraw", withdraw, methods=["POST"]),
]

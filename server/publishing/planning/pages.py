"""The page of a publication, and what people do there until it is sent. All of it works without script."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Final

from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.notices import go_and_say
from server.errors import Conflict, Invalid
from server.publishing import posts, recording
from server.publishing.models import ChannelAccount
from server.publishing.planning import planning, previewing, repeating, scheduling
from server.publishing.planning.api import means_of, tell_of
from server.publishing.planning.asking import (
    find_publication,
    local_time,
    sentences_of,
)
from server.publishing.planning.planning import Entry, Seen
from server.publishing.planning.repeating import Reach
from server.publishing.planning.scheduling import Finding, Planned, When
from server.publishing.recording import Told
from server.publishing.states import OPEN, State
from server.publishing.wall_time import zones
from server.publishing.words import STATE_WORDS, attempt_sentence
from server.review import lifecycle
from server.web.forms import Form, read_fields
from server.web.render import render, wants_fragment
from server.workspaces.access import Actor, Verb, can

# What stands before the name of an option in the form of a publication.
_OPTION: Final = "option-"


# Finds what a page says besides of a publication, for its template.
After = Callable[[Request, Actor, Seen], Awaitable[object]]


Words = Annotated[str, StringConstraints(max_length=2000)]


class MoveForm(Form):
    """Where a publication is to be moved. `shown_in`: the zone of the calendar, if it says the time in another one."""

    time: Words = ""
    zone: Words = ""
    shown_in: Words = ""
    later: Words = ""
    do: Words = ""
    reach: Reach = Reach.ONE
    version: int | None = None


class VersionForm(Form):
    """Which version the person looked at, and how much of its series they mean."""

    reach: Reach = Reach.ONE
    version: int | None = None


class SettleForm(Form):
    """What a person found out."""

    finding: Finding
    link: Words = ""


async def move(request: Request) -> Response:
    """Give a publication another time."""
    form = await MoveForm.read(request)
    actor, publication_id = await find_publication(request)
    db = request.state.db
    moved: list[Planned] = []
    try:
        at = local_time(form.time)
        await planning.find(db, actor, publication_id, Verb.PUBLISH)
        when = When(at, form.zone, later=bool(form.later))
        if form.shown_in:
            moved = [await planning.move_as_shown(db, actor, publication_id, at, form.shown_in, version=form.version)]
        elif form.reach is Reach.LATER:
            moved = await repeating.move_later(db, actor, publication_id, when, version=form.version)
        else:
            moved = [await scheduling.move(db, actor, publication_id, when, version=form.version)]
    except Invalid as error:
        await db.rollback()
        if wants_fragment(request):
            raise Conflict(next(iter(error.fields.values()), str(error))) from error
        return await publication_page(request, errors=sentences_of(error))
    warned = list(dict.fromkeys(problem.sentence for each in moved for problem in each.warnings))
    if warned and form.do != "nevertheless" and not form.shown_in:
        # Told before, not after. Who drags it has a way back in the message.
        await db.rollback()
        fields = {"time": form.time, "zone": form.zone, "reach": form.reach.value}
        return await publication_page(request, asks=warned, fields=fields)
    for each in moved:
        await tell_of(request, each.publication)
    if wants_fragment(request):
        [planned] = moved
        words = " ".join([planned.moment.rule, *warned]).strip()
        return Response(words, media_type="text/plain", headers={"X-Version": str(planned.publication.version)})
    return go_and_say(request, f"/publications/{publication_id}", "publications-moved")


async def cancel(request: Request) -> Response:
    """Let a publication not go out."""
    form = await VersionForm.read(request)
    actor, publication_id = await find_publication(request)
    await planning.find(request.state.db, actor, publication_id, Verb.PUBLISH)
    if form.reach is Reach.LATER:
        gone = await repeating.cancel_later(request.state.db, actor, publication_id, version=form.version)
    else:
        gone = [await scheduling.cancel(request.state.db, actor, publication_id, version=form.version)]
    for each in gone:
        await tell_of(request, each)
    return go_and_say(request, f"/publications/{publication_id}", "publications-cancelled")


async def renew(request: Request) -> Response:
    """Let a publication of a series, and those after it, send what is approved now."""
    form = await VersionForm.read(request)
    actor, publication_id = await find_publication(request)
    db, means = request.state.db, means_of(request)
    await planning.find(db, actor, publication_id, Verb.PUBLISH)
    try:
        renewed = await repeating.renew_later(db, actor, means, publication_id, version=form.version)
    except Invalid as error:
        await db.rollback()
        return await publication_page(request, errors=sentences_of(error))
    for each in renewed:
        await tell_of(request, each.publication)
    return go_and_say(request, f"/publications/{publication_id}", "publications-renewed")


async def again(request: Request) -> Response:
    """Send what failed, or was cancelled, now."""
    fields = await read_fields(request)
    actor, publication_id = await find_publication(request)
    db, means = request.state.db, means_of(request)
    options = {name.removeprefix(_OPTION): value for name, value in fields.items() if name.startswith(_OPTION)}
    try:
        publication = await planning.try_again(db, actor, means, publication_id, options=options or None)
    except Invalid as error:
        await db.rollback()
        return await publication_page(request, errors=sentences_of(error), fields=fields)
    await tell_of(request, publication)
    return go_and_say(request, f"/publications/{publication_id}", "publications-again")


async def settle(request: Request) -> Response:
    """Take a person's word for what became of a publication."""
    form = await SettleForm.read(request)
    actor, publication_id = await find_publication(request)
    await planning.find(request.state.db, actor, publication_id, Verb.PUBLISH)
    try:
        publication = await scheduling.settle_unknown(
            request.state.db, actor, publication_id, form.finding, link=form.link
        )
    except Invalid as error:
        await request.state.db.rollback()
        return await publication_page(request, errors=sentences_of(error))
    await tell_of(request, publication)
    return go_and_say(request, f"/publications/{publication_id}", "publications-settled")


async def publication_page(
    request: Request,
    *,
    notice: str | None = None,
    errors: Mapping[str, str] | None = None,
    asks: Sequence[str] = (),
    fields: Mapping[str, str] | None = None,
    after: After | None = None,
) -> Response:
    """Show a publication: what goes out, when, each attempt in a sentence, and what can be done.

    `asks`: which rules the time in `fields` would break. `after`: finds what can be said and done once it is out
    (server.publishing.aftercare).
    """
    actor, publication_id = await find_publication(request)
    seen: Seen = await planning.find(request.state.db, actor, publication_id)
    channel = request.app.state.reach.channels.get(seen.entry.channel or "")
    account = await request.state.db.get(ChannelAccount, seen.entry.account_id) if seen.entry.account_id else None
    return render(
        request,
        "publishing/publication.html",
        status=422 if errors else 200,
        notice=notice,
        errors=errors or {},
        asks=asks,
        fields=fields or {},
        seen=seen,
        entry=seen.entry,
        post=posts.unpack(seen.publication.post),
        look=await previewing.of_publication(request.state.db, seen.publication, account, channel)
        if account is not None and channel is not None
        else None,
        options=channel.options if channel is not None and _takes_options(seen.entry) else (),
        happened=await _happened(request, seen),
        channel_name=channel.name if channel is not None else seen.entry.channel or "",
        states=STATE_WORDS,
        State=State,
        zones=sorted(zones()),
        may_publish=can(actor, Verb.PUBLISH, actor),
        later=await repeating.count_later(request.state.db, seen.publication),
        is_newer_approved=await _is_newer_approved(request, actor, seen),
        may_take_back=await _may_take_back(request, seen),
        after=await after(request, actor, seen) if after is not None else None,
    )


async def _happened(request: Request, seen: Seen) -> list[Told]:
    """Return what people did with a publication and what was asked of its channel, in the order of time."""
    deeds = await recording.deeds_of(request.state.db, seen.publication)
    calls = [Told(attempt.begun_at, attempt_sentence(attempt)) for attempt in seen.attempts]
    return sorted([*deeds, *calls], key=lambda told: told.at)


def _takes_options(entry: Entry) -> bool:
    """Whether something else can be chosen before it is tried again: nobody has seen any of it yet."""
    return entry.state is State.FAILED and entry.called_at is None and entry.url is None


async def _may_take_back(request: Request, seen: Seen) -> bool:
    """Whether whoever looks may take back the approval of what is still to go out."""
    if seen.entry.state not in OPEN or seen.entry.document_id is None:
        return False
    signed = seen.publication.content_hash
    return await lifecycle.may_take_back(request.state.db, signed_in(request), seen.entry.document_id, signed)


async def _is_newer_approved(request: Request, actor: Actor, seen: Seen) -> bool:
    """Whether another content of its document is approved by now than what a publication would send."""
    if not (seen.entry.is_movable and seen.entry.document_id and can(actor, Verb.PUBLISH, actor)):
        return False
    try:
        content = await means_of(request).approved(request.state.db, seen.entry.document_id)
    except Conflict:
        return False
    return content is not None and content.content_hash != seen.publication.content_hash


_ONE: Final = "/publications/{publication_id:uuid}"
routes: Final = [
    Route(f"{_ONE}/move", move, methods=["POST"]),
    Route(f"{_ONE}/cancel", cancel, methods=["POST"]),
    Route(f"{_ONE}/renew", renew, methods=["POST"]),
    Route(f"{_ONE}/again", again, methods=["POST"]),
    Route(f"{_ONE}/settle", settle, methods=["POST"]),
]

"""The pages of what comes after publishing: what can be done with a post that is out, each shown before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.notices import go_and_say, said, to_say
from server.assets.file_names import attachment
from server.documents.models import utc_now
from server.errors import Conflict, Invalid
from server.publishing import posts
from server.publishing.accounts import accounts
from server.publishing.accounts.refreshing import PATH
from server.publishing.aftercare import changing, faring, watching
from server.publishing.aftercare.changing import Proposed
from server.publishing.aftercare.charts import Chart
from server.publishing.aftercare.differing import Difference, difference
from server.publishing.aftercare.faring import Fared
from server.publishing.aftercare.knowing import NotKnown, is_known
from server.publishing.aftercare.models import Change, Deed, Figures, Look, Standing
from server.publishing.channel import Channel, Replaying
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import asking, planning
from server.publishing.planning.api import means_of, tell_of
from server.publishing.planning.asking import find_document, find_publication
from server.publishing.planning.pages import publication_page
from server.publishing.planning.planning import EVENT, Entry, Seen
from server.publishing.states import State
from server.web.forms import Form
from server.web.render import render
from server.web.times import clock_words, zone_of
from server.workspaces.access import Actor, Verb, can
from server.workspaces.middleware import current_actor

SENTENCES: Final = {
    "publications-updating": "Its channel is asked to change it; this page says what becomes of it.",
    "publications-taking-down": "Its channel is asked to take it down; this page says what becomes of it.",
    "publications-looking": "It is looked at now; what its channel tells is shown here in a moment.",
    "publications-replaying": "It is sent once more, as the same; this page says what becomes of it.",
    "publications-left": "Left as it is.",
    "publications-renewed": "It will send what is approved now.",
}
_DOCUMENT: Final = "/documents/{document_id:uuid}"
_ONE: Final = "/publications/{publication_id:uuid}"


class NewestForm(Form):
    """Which version the person looked at, and which content (its hash, in hexadecimal) was shown as the newest."""

    version: int | None = None
    shown: str = ""


class VersionForm(Form):
    """Which version the person looked at."""

    version: int | None = None


@dataclass(frozen=True, slots=True)
class Faring:
    """How a publication fares, as far as its channel tells. `problem`: why it could not be looked at last."""

    charts: Sequence[Chart]
    rows: Sequence[Figures]
    look: Look | None
    may_look: bool
    problem: str


@dataclass(frozen=True, slots=True)
class After:
    """What the page of a publication says once it is out. `change`: what was last asked for and still is of interest.

    `can_renew`: it is planned, and can be let send what is approved now.
    """

    can_renew: bool = False
    can_update: bool = False
    can_take_down: bool = False
    can_replay: bool = False
    change: Change | None = None
    is_waiting: bool = False
    may_leave: bool = False
    # Why its channel shows it no longer, if it said so.
    gone_because: str = ""
    faring: "Faring | None" = None
    # Why nothing can be done with it from here, though it is out.
    unreachable: str = ""


async def show(request: Request) -> Response:
    """Show a publication: what goes out, when, each attempt in a sentence, and what can be done."""
    sentences = {**asking.SENTENCES, **SENTENCES}
    return said(request, await publication_page(request, notice=to_say(request, sentences), after=_after))


async def newest(request: Request) -> Response:
    """Show what is approved now beside what is planned or out, before anything is done."""
    return await _newest(request)


async def bring_up(request: Request) -> Response:
    """Let what is planned send, or what is out say, what is approved now: exactly what was shown."""
    form = await NewestForm.read(request)
    actor, publication_id = await find_publication(request)
    db, means = request.state.db, means_of(request)
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    try:
        if seen.entry.state is State.PUBLISHED:
            await changing.ask_update(db, actor, means, publication_id, shown=form.shown or None, version=form.version)
            await nudge(request, seen.publication)
            return go_and_say(request, f"/publications/{publication_id}", "publications-updating")
        proposed = await changing.propose(db, actor, means, seen.publication)
        if form.shown and form.shown != proposed.newest.content.content_hash.hex():
            raise changing.ShownOtherwise
        planned = await planning.renew(db, actor, means, publication_id, additions=None, version=form.version)
    except (Invalid, Conflict) as error:
        await db.rollback()
        return await _newest(request, problem=_sentence(error))
    await tell_of(request, planned.publication)
    return go_and_say(request, f"/publications/{publication_id}", "publications-renewed")


async def ask_take_down(request: Request) -> Response:
    """Ask whether a post shall be taken down, with what its channel makes of that."""
    return await _take_down(request)


async def take_down(request: Request) -> Response:
    """Take a post down."""
    form = await VersionForm.read(request)
    actor, publication_id = await find_publication(request)
    db = request.state.db
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    try:
        await changing.ask_take_down(db, actor, means_of(request), publication_id, version=form.version)
    except Conflict as error:
        await db.rollback()
        return await _take_down(request, problem=str(error))
    await nudge(request, seen.publication)
    return go_and_say(request, f"/publications/{publication_id}", "publications-taking-down")


async def replay(request: Request) -> Response:
    """Send a post once more to a receiver that lost it."""
    form = await VersionForm.read(request)
    actor, publication_id = await find_publication(request)
    db = request.state.db
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    await changing.ask_replay(db, actor, means_of(request), publication_id, version=form.version)
    await nudge(request, seen.publication)
    return go_and_say(request, f"/publications/{publication_id}", "publications-replaying")


async def leave(request: Request) -> Response:
    """Let a change that waits not be made."""
    await Form.read(request)
    actor, publication_id = await find_publication(request)
    db = request.state.db
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    await changing.leave(db, actor, publication_id)
    await nudge(request, seen.publication)
    return go_and_say(request, f"/publications/{publication_id}", "publications-left")


async def _after(request: Request, actor: Actor, seen: Seen) -> After | None:
    entry = seen.entry
    may = can(actor, Verb.PUBLISH, actor) and entry.account_id is not None
    # What a removed document left out there can be taken down still.
    has_text = entry.document_id is not None
    if entry.state is not State.PUBLISHED:
        return After(can_renew=may and has_text and entry.is_movable and entry.url is None)
    channel = _channel(request, entry)
    change = await changing.newest_change(request.state.db, entry.id)
    is_waiting = change is not None and change.state == Standing.WAITING
    is_out = may and entry.taken_down_at is None and channel is not None and is_known(seen.publication)
    going = change is not None and is_waiting and change.deed == Deed.TAKE_DOWN
    look = await watching.find_look(request.state.db, entry.id)
    return After(
        can_update=is_out and has_text and not is_waiting and channel is not None and channel.capabilities.updates,
        can_take_down=is_out and not going and channel is not None and channel.capabilities.deletes,
        can_replay=is_out and not is_waiting and isinstance(channel, Replaying),
        change=change if change is not None and change.state != Standing.DONE else None,
        is_waiting=is_waiting,
        may_leave=may
        and is_waiting
        and change is not None
        and (change.called_at is None or change.deed == Deed.REPLAY),
        gone_because=look.sentence if look is not None and entry.gone_since is not None else "",
        faring=await _faring(request, seen, channel, look, may=may),
        unreachable=NotKnown.sentence if entry.taken_down_at is None and not is_known(seen.publication) else "",
    )


async def _faring(
    request: Request, seen: Seen, channel: Channel | None, look: Look | None, *, may: bool
) -> Faring | None:
    """Return how a publication fares; None where its channel tells nothing."""
    entry = seen.entry
    tells = channel is not None and channel.capabilities.metrics and is_known(seen.publication)
    rows = await watching.find_figures(request.state.db, entry.id)
    if not tells and not rows:
        return None
    now = _now(request)
    drawn = faring.grown(rows, [clock_words(each.taken_at, now) for each in rows])
    problem = look.sentence if look is not None and entry.gone_since is None else ""
    return Faring(drawn, rows, look, may and tells and entry.taken_down_at is None, problem)


async def look_now(request: Request) -> Response:
    """Have a post looked at now."""
    await Form.read(request)
    actor, publication_id = await find_publication(request)
    db = request.state.db
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    await watching.ask_look(db, seen.publication, _channel(request, seen.entry), utc_now())
    await db.commit()
    await request.app.state.queue.enqueue("watch_published")
    return go_and_say(request, f"/publications/{publication_id}", "publications-looking")


async def publication_sheet(request: Request) -> Response:
    """Send all figures of a publication as CSV."""
    actor, publication_id = await find_publication(request)
    seen = await planning.find(request.state.db, actor, publication_id)
    written = await faring.sheet(request.state.db, actor, publication_id=publication_id)
    return _file(written, f"figures of {seen.entry.name}")


async def document_figures(request: Request) -> Response:
    """Show how what was published of a document fares."""
    document, actor = await find_document(request)
    fared = await faring.of_document(request.state.db, actor, document.id)
    back = (f"/documents/{document.id}/publish", "Publish")
    labels = [f"{each.account_name}, {_day(request, each.published_at)}" for each in fared]
    return _compared(request, fared, labels, name=document.title or "Untitled", back=back)


async def document_sheet(request: Request) -> Response:
    """Send the figures of all that was published of a document as CSV."""
    document, actor = await find_document(request)
    written = await faring.sheet(request.state.db, actor, document_id=document.id)
    return _file(written, f"figures of {document.title or 'Untitled'}")


async def account_figures(request: Request) -> Response:
    """Show how what was published on an account fares."""
    actor, account = await _account(request)
    fared = await faring.of_account(request.state.db, actor, account.id)
    back = (f"{PATH}/{account.id}", account.name)
    labels = [f"{each.name}, {_day(request, each.published_at)}" for each in fared]
    return _compared(request, fared, labels, name=account.name, back=back)


async def account_sheet(request: Request) -> Response:
    """Send the figures of all that was published on an account as CSV."""
    actor, account = await _account(request)
    written = await faring.sheet(request.state.db, actor, account_id=account.id)
    return _file(written, f"figures of {account.name}")


def _compared(
    request: Request, fared: Sequence[Fared], labels: Sequence[str], *, name: str, back: tuple[str, str]
) -> Response:
    told = {each for one in fared for each, value in one.figures.items() if value is not None}
    return render(
        request,
        "publishing/figures_page.html",
        charts=faring.compared(fared, labels),
        fared=list(reversed(fared)),
        names={key: words for key, words in faring.NAMES.items() if key in told},
        what=name,
        back=back,
        sheet=f"{request.url.path}.csv",
        most=faring.MOST_SHOWN,
    )


async def _account(request: Request) -> tuple[Actor, ChannelAccount]:
    actor = current_actor(request)
    return actor, await accounts.find(request.state.db, actor, request.path_params["account_id"])


def _file(written: str, name: str) -> Response:
    headers = {"Content-Disposition": attachment(name, ".csv"), "Cache-Control": "no-store"}
    return Response(written, media_type="text/csv", headers=headers)


def _now(request: Request) -> datetime:
    return utc_now().astimezone(zone_of(request))


def _day(request: Request, moment: datetime) -> str:
    there = moment.astimezone(zone_of(request))
    return f"{there.day} {there:%b %Y}"


async def _newest(request: Request, *, problem: str | None = None) -> Response:
    actor, publication_id = await find_publication(request)
    db = request.state.db
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    channel = _channel(request, seen.entry)
    is_out = seen.entry.state is State.PUBLISHED
    refusal = _refusal(seen, channel)
    proposed: Proposed | None = None
    found: Difference | None = None
    if refusal is None:
        try:
            proposed = await changing.propose(db, actor, means_of(request), seen.publication)
        except Invalid as error:
            refusal = _sentence(error)
        except Conflict as error:
            refusal = str(error)
    if proposed is not None:
        before, after = posts.unpack(seen.publication.post), proposed.newest.post
        # A long text takes its time to compare.
        found = await anyio.to_thread.run_sync(difference, before, after)
    return render(
        request,
        "publishing/publication_newest.html",
        status=409 if problem else 200,
        problem=problem,
        refusal=refusal,
        entry=seen.entry,
        is_out=is_out,
        proposed=proposed,
        difference=found,
        shown=proposed.newest.content.content_hash.hex() if proposed is not None else "",
        channel_name=channel.name if channel is not None else seen.entry.channel or "",
        words=channel.capabilities.updating if channel is not None and is_out else "",
    )


def _refusal(seen: Seen, channel: Channel | None) -> str | None:
    """Say why nothing newer can be sent, whatever is approved; None: it can."""
    entry = seen.entry
    if entry.state is State.PUBLISHED:
        if entry.taken_down_at is not None:
            return "This was taken down. Publish the document anew to bring it back."
        if channel is None or not channel.capabilities.updates:
            name = channel.name if channel is not None else "Its channel"
            return f"{name} lets nobody change what was published. Take it down and publish it anew."
        return None if is_known(seen.publication) else NotKnown.sentence
    if not entry.is_movable or entry.url is not None:
        return "This cannot be changed any more: it was sent, or may have been, or is cancelled."
    return None


async def _take_down(request: Request, *, problem: str | None = None) -> Response:
    actor, publication_id = await find_publication(request)
    seen = await planning.find(request.state.db, actor, publication_id, Verb.PUBLISH)
    channel = _channel(request, seen.entry)
    can_be = (
        seen.entry.state is State.PUBLISHED
        and seen.entry.taken_down_at is None
        and channel is not None
        and channel.capabilities.deletes
        and is_known(seen.publication)
    )
    return render(
        request,
        "publishing/publication_take_down.html",
        status=409 if problem else 200,
        problem=problem,
        entry=seen.entry,
        can_be=can_be,
        post=posts.unpack(seen.publication.post),
        channel_name=channel.name if channel is not None else seen.entry.channel or "",
        words=channel.capabilities.taking_down if channel is not None else "",
    )


async def nudge(request: Request, publication: Publication) -> None:
    """Commit what was asked for, and let a worker and open pages know."""
    await request.state.db.commit()
    state = request.app.state
    await state.queue.enqueue("tend_published")
    data = {"publication_id": str(publication.id)}
    await state.events.publish(publication.workspace_id, EVENT, data)


def _channel(request: Request, entry: Entry) -> Channel | None:
    found: Channel | None = request.app.state.reach.channels.get(entry.channel or "")
    return found


def _sentence(error: Invalid | Conflict) -> str:
    if isinstance(error, Invalid) and error.fields:
        return " ".join(dict.fromkeys(error.fields.values()))
    return str(error)


routes: Final = [
    Route(_ONE, show, methods=["GET"]),
    Route(f"{_ONE}/newest", newest, methods=["GET"]),
    Route(f"{_ONE}/newest", bring_up, methods=["POST"]),
    Route(f"{_ONE}/take-down", ask_take_down, methods=["GET"]),
    Route(f"{_ONE}/take-down", take_down, methods=["POST"]),
    Route(f"{_ONE}/replay", replay, methods=["POST"]),
    Route(f"{_ONE}/leave", leave, methods=["POST"]),
    Route(f"{_ONE}/look", look_now, methods=["POST"]),
    Route(f"{_ONE}/figures.csv", publication_sheet, methods=["GET"]),
    Route(f"{_DOCUMENT}/figures", document_figures, methods=["GET"]),
    Route(f"{_DOCUMENT}/figures.csv", document_sheet, methods=["GET"]),
    Route(f"{PATH}/{{account_id:uuid}}/figures", account_figures, methods=["GET"]),
    Route(f"{PATH}/{{account_id:uuid}}/figures.csv", account_sheet, methods=["GET"]),
]

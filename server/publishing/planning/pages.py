"""The pages of publications: a document's own, one by itself, and the calendar. All of it works without script."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import StringConstraints
from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.identity import signed_in
from server.accounts.notices import go_and_say, said, to_say
from server.assets.file_names import attachment
from server.documents import lifecycle
from server.documents.models import Document, utc_now
from server.errors import Conflict, DomainError, Invalid, NotFound
from server.publishing import posts, recording
from server.publishing.accounts import accounts
from server.publishing.accounts.accounts import Listed
from server.publishing.channel import Field as Asked
from server.publishing.models import ChannelAccount, Health, Publication
from server.publishing.planning import approving, boards, hours, planning, previewing, repeating, scheduling, sheets
from server.publishing.planning.api import means_of, tell_of
from server.publishing.planning.calendar import Sheet, View, fill, midnight, sheet_of
from server.publishing.planning.composing import ApprovedContent
from server.publishing.planning.hours import Ghost
from server.publishing.planning.planning import Draft, Entry, NextSlot, Seen, Wanted, Wish
from server.publishing.planning.previewing import Preview
from server.publishing.planning.repeating import Reach, Repeat, Unit
from server.publishing.planning.scheduling import Finding, Planned, When
from server.publishing.posts import Additions
from server.publishing.publisher.telling import LATE_AFTER
from server.publishing.recording import Told
from server.publishing.rules import timetables
from server.publishing.rules.slots import TIME, NothingFree, Slot
from server.publishing.rules.timetables import Timetable
from server.publishing.states import OPEN, State
from server.publishing.wall_time import zone_named, zones
from server.publishing.words import STATE_WORDS, attempt_sentence, badge_of
from server.web.forms import Form, read_fields
from server.web.render import render, wants_fragment
from server.web.times import zone_of
from server.workspaces.access import Actor, Verb, actor_for, can
from server.workspaces.middleware import current_actor

MOST_SHOWN: Final = 2000
MOST_SENT: Final = 20_000
A_PAGE: Final = 50
_DIGITS: Final = 5
# What stands before the name of an option in the form of a publication.
_OPTION: Final = "option-"
_ACCOUNT: Final = "account-"
SENTENCES: Final = {
    "publications-planned": "Planned. It goes out by itself at its time.",
    "publications-now": "It is on its way out; this page says what becomes of it.",
    "publications-renewed": "This one and those after it send what is approved now.",
    "publications-queued": "In the queue. It goes out by itself in the slot that it took.",
    "publications-moved": "Moved.",
    "publications-cancelled": "Cancelled. It will not go out.",
    "publications-again": "It is tried again now.",
    "publications-settled": "Noted.",
}
_TABS: Final[Mapping[str, frozenset[State] | None]] = {
    "calendar": None,
    "queue": OPEN,
    "drafts": None,
    "approvals": None,
    "sent": frozenset({State.PUBLISHED}),
    "failed": frozenset({State.FAILED, State.UNKNOWN}),
}

_BOARDS: Final = frozenset({"drafts", "approvals"})
MAX_TAG_CHARACTERS: Final = 100

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


@dataclass(frozen=True, slots=True)
class _Offer:
    """An account as the form of a document shows it. `errors`: why there is no draft. `own`: what its text chooses.

    `slot`: its next free one; `no_slot`: why there is none.
    """

    account_id: UUID
    name: str
    channel: str
    needs: str
    options: Sequence[Asked]
    own: Mapping[str, str]
    draft: Draft | None
    errors: Mapping[str, str]
    preview: Preview | None
    slot: Slot | None
    no_slot: str


@dataclass(frozen=True, slots=True)
class _Going:
    """What would be planned on an account: its times, naive, by the clock of a zone; and what to know of them."""

    times: Sequence[datetime]
    zone: str
    notes: Sequence[str]


async def publish_page(request: Request) -> Response:
    """Show what of a document is planned and published, and the form to publish it."""
    return said(request, await _publish_page(request, notice=to_say(request, SENTENCES)))


async def publish(request: Request) -> Response:
    """Plan the document on the accounts that were chosen; or only check, or look at what the form says so far."""
    fields = await read_fields(request)
    document, _ = await find_document(request)
    db, document_id, do = request.state.db, document.id, fields.get("do")
    if do == "look":
        return await _publish_page(request, fields=fields)
    try:
        when, made = await _plan_all(request, document_id, fields)
    except (Invalid, Conflict) as error:
        # All of them or none: half a plan is none.
        await db.rollback()
        return await _publish_page(request, fields=fields, errors=_sentences(error))
    if do == "check":
        # Planned for real and taken back, so that what is answered is what would happen.
        goes = {account_id: _going(each) for account_id, each in made.items()}
        await db.rollback()
        return await _publish_page(request, fields=fields, goes=goes)
    planned = [one for each in made.values() for one in each]
    warned = [problem.sentence for one in planned for problem in one.warnings if problem.where == TIME]
    if warned and do != "nevertheless":
        # Told before, not after: nothing is planned until they say that they mean it.
        await db.rollback()
        return await _publish_page(request, fields=fields, asks=warned)
    for one in planned:
        await tell_of(request, one.publication)
    if when is None and len(planned) == 1:
        return go_and_say(request, f"/publications/{planned[0].publication.id}", "publications-now")
    word = "publications-planned" if when is not None else "publications-now"
    if isinstance(when, NextSlot):
        word = "publications-queued"
    return go_and_say(request, f"/documents/{document_id}/publish", word)


async def _plan_all(
    request: Request, document_id: UUID, fields: Mapping[str, str]
) -> tuple[When | NextSlot | None, dict[UUID, list[Planned]]]:
    """Plan what a form says. Returns when, None: now; and what was planned, by account. Raises Invalid, Conflict."""
    db, actor, means = request.state.db, (await find_document(request))[1], means_of(request)
    chosen = [name.removeprefix(_ACCOUNT) for name in fields if name.startswith(_ACCOUNT)]
    if not chosen:
        raise Invalid({"accounts": "Choose at least one account."})
    when = _when(fields)
    at = when or planning.this_moment(zone_shown(request).key, utc_now())
    repeat = _repeat(fields)
    made: dict[UUID, list[Planned]] = {}
    # In one order, so that no two who take slots wait for each other.
    for each in sorted(chosen):
        wish = Wish(document_id, _uuid(each), at, _additions(fields, each))
        made[wish.account_id] = (
            [await planning.plan(db, actor, means, wish)]
            if repeat is None
            else await repeating.plan(db, actor, means, replace(wish, when=when), repeat)
        )
    return when, made


def _going(made: Sequence[Planned]) -> _Going:
    notes = [note for one in made for note in (one.moment.rule, *(each.sentence for each in one.warnings)) if note]
    times = [one.publication.wall_time for one in made]
    return _Going(times, made[0].publication.zone, list(dict.fromkeys(notes)))


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
        return await publication_page(request, errors=_sentences(error))
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
        return await publication_page(request, errors=_sentences(error))
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
        return await publication_page(request, errors=_sentences(error), fields=fields)
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
        return await publication_page(request, errors=_sentences(error))
    await tell_of(request, publication)
    return go_and_say(request, f"/publications/{publication_id}", "publications-settled")


async def calendar(request: Request) -> Response:
    """Show the publications of the workspace by day, or as lists, with the drafts and reviews that lead there."""
    db, actor, asked = request.state.db, current_actor(request), request.query_params
    now, zone = utc_now(), zone_shown(request)
    tab = asked.get("tab", "calendar") if asked.get("tab") in _TABS else "calendar"
    view = View(asked["view"]) if asked.get("view") in set(View) else View.MONTH
    sheet = sheet_of(view, _day(asked.get("date"), now.astimezone(zone).date()), zone)
    account_id = _uuid_or_none(asked.get("account"))
    state = State(asked["state"]) if asked.get("state") in set(State) else None
    tag = asked.get("tag", "").strip().lower()[:MAX_TAG_CHARACTERS] or None
    counts = await _counts(request, actor, Wanted(account_id=account_id, tag=tag))
    known = await accounts.listed(db, actor) if can(actor, Verb.CREATE, actor) else []
    days, page, grid, ghosts = [], None, None, []
    board: boards.Drafts | boards.Reviews | None = None
    tags: Sequence[str] = ()
    if tab == "calendar":
        within = Wanted(
            since=sheet.since,
            until=sheet.until,
            states=frozenset({state}) if state is not None else frozenset(State) - {State.CANCELLED},
            account_id=account_id,
            tag=tag,
        )
        tags = await planning.tags_in_use(db, actor, replace(within, tag=None))
        entries = await planning.listed(db, actor, within, limit=MOST_SHOWN)
        days = fill(sheet, entries.entries, now, zone)
        ghosts = await _ghosts(
            request, actor, sheet, {each.account.id: each.account.name for each in known}, account_id
        )
        if view in {View.WEEK, View.DAY}:
            grid = hours.grid_of(days, ghosts, now.astimezone(zone), whole=asked.get("hours") == "all")
    elif tab == "drafts":
        board = await boards.drafts(db, actor, limit=A_PAGE, cursor=asked.get("cursor"))
    elif tab == "approvals":
        board = await boards.reviews(db, actor, limit=A_PAGE, cursor=asked.get("cursor"))
    else:
        listed = Wanted(states=_TABS[tab], account_id=account_id, tag=tag)
        tags = await planning.tags_in_use(db, actor, replace(listed, tag=None))
        page = await planning.listed(
            db, actor, listed, limit=A_PAGE, cursor=asked.get("cursor"), newest_first=tab in {"sent", "failed"}
        )
    late = await planning.listed(db, actor, Wanted(until=now - LATE_AFTER, states=OPEN), limit=A_PAGE)
    keep = _kept(asked)
    if asked.get("hours") == "all":
        keep["hours"] = "all"
    return render(
        request,
        "publishing/calendar.html",
        tab=tab,
        sheet=sheet,
        days=days,
        grid=grid,
        free=hours.by_day(ghosts),
        page=page,
        board=board,
        tag=tag,
        tags=tags,
        is_empty=not any(day.chips for day in days),
        counts=counts,
        accounts=known,
        account_id=account_id,
        state=state,
        states=STATE_WORDS,
        badge_of=badge_of,
        here=_address(sheet, tab, keep, asked.get("cursor")),
        to=lambda **changes: _address(sheet, tab, keep | {k: str(v) for k, v in changes.items()}),
        zone=zone.key,
        offset=f"{now.astimezone(zone):%z}",
        local_now=now.astimezone(zone),
        late=late.entries,
        reconnect=[each.account for each in known if each.account.health == Health.RECONNECT.value],
        may_publish=can(actor, Verb.PUBLISH, actor),
        views=list(View),
    )


async def tabs(request: Request) -> Response:
    """Show the tabs of the calendar alone, with how much is behind each: they are asked for again and again."""
    actor, asked = current_actor(request), request.query_params
    zone = zone_shown(request)
    tab = asked.get("tab", "calendar") if asked.get("tab") in _TABS else "calendar"
    view = View(asked["view"]) if asked.get("view") in set(View) else View.MONTH
    sheet = sheet_of(view, _day(asked.get("date"), utc_now().astimezone(zone).date()), zone)
    tag = asked.get("tag", "").strip().lower()[:MAX_TAG_CHARACTERS] or None
    counts = await _counts(request, actor, Wanted(account_id=_uuid_or_none(asked.get("account")), tag=tag))
    keep = _kept(asked)
    return render(
        request,
        "publishing/calendar.html",
        block="tabs",
        tab=tab,
        counts=counts,
        here=_address(sheet, tab, keep, asked.get("cursor")),
        to=lambda **changes: _address(sheet, tab, keep | {k: str(v) for k, v in changes.items()}),
    )


async def _counts(request: Request, actor: Actor, wanted: Wanted) -> dict[str, str]:
    """Return what the badges of the tabs say."""
    db = request.state.db
    found = await planning.count_states(db, actor, wanted)
    numbers = {name: sum(found.get(each, 0) for each in states) for name, states in _TABS.items() if states is not None}
    drafts = await boards.count_drafts(db, actor)
    numbers |= {"drafts": drafts, "approvals": await boards.count_reviews(db, actor)}
    said = {name: f"{number:,}" for name, number in numbers.items()}
    return said | {"drafts": f"{boards.MOST_COUNTED - 1}+"} if drafts == boards.MOST_COUNTED else said


def _kept(asked: Mapping[str, str]) -> dict[str, str]:
    """Return what goes along from one sheet of the calendar to the next, as far as it means something."""
    account_id = _uuid_or_none(asked.get("account"))
    return {
        "account": str(account_id) if account_id else "",
        "state": asked["state"] if asked.get("state") in set(State) else "",
        "tag": asked.get("tag", "").strip().lower()[:MAX_TAG_CHARACTERS],
    }


async def _ghosts(
    request: Request, actor: Actor, sheet: Sheet, names: Mapping[UUID, str], account_id: UUID | None
) -> list[Ghost]:
    """Return the free slots of a sheet, for those who may fill them."""
    since = max(sheet.since, utc_now())
    shown = [each for each in names if account_id in {None, each}]
    if since >= sheet.until or not shown or not can(actor, Verb.PUBLISH, actor):
        return []
    table = await timetables.read(request.state.db, actor.workspace_id, shown, since)
    free = {each: table.free(each, since, sheet.until) for each in shown}
    return hours.gather(free, names, zone_shown(request))


async def export(request: Request) -> Response:
    """Send the publications of a span of days as a file: without one, of a year from today on."""
    db, actor, asked = request.state.db, current_actor(request), request.query_params
    zone = zone_shown(request)
    first = _day(asked.get("from"), utc_now().astimezone(zone).date())
    last = _day(asked.get("to"), first + timedelta(days=365))
    state = State(asked["state"]) if asked.get("state") in set(State) else None
    wanted = Wanted(
        since=midnight(first, zone),
        until=midnight(last + timedelta(days=1), zone),
        states=frozenset({state}) if state is not None else None,
        account_id=_uuid_or_none(asked.get("account")),
        tag=asked.get("tag", "").strip()[:MAX_TAG_CHARACTERS] or None,
    )
    entries: list[Entry] = []
    cursor: str | None = None
    while len(entries) < MOST_SENT:
        page = await planning.listed(db, actor, wanted, limit=MOST_SHOWN, cursor=cursor)
        entries += page.entries
        cursor = page.next_cursor
        if cursor is None:
            break
    headers = {
        "Content-Disposition": attachment(f"publications {first} to {last}", ".csv"),
        "Cache-Control": "no-store",
    }
    return Response(sheets.write(entries[:MOST_SENT]), media_type="text/csv", headers=headers)


async def _publish_page(
    request: Request,
    *,
    notice: str | None = None,
    fields: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    asks: Sequence[str] = (),
    goes: Mapping[UUID, _Going] | None = None,
) -> Response:
    """Show the page. `errors`, `asks`, `goes`: what is answered to the form in `fields`; without `fields` it is new."""
    document, actor = await find_document(request)
    db, means, zone = request.state.db, means_of(request), zone_shown(request)
    may_publish = can(actor, Verb.PUBLISH, actor)
    offers: list[_Offer] = []
    not_approved, moment, approval = None, None, None
    if fields is None:
        tomorrow = (utc_now().astimezone(zone) + timedelta(days=1)).replace(hour=9, minute=0)
        # What the form has chosen when it is opened: what is said about the time is about this one.
        fields = {"when": "at", "time": f"{tomorrow:%Y-%m-%dT%H:%M}", "zone": zone.key}
    is_refused = bool(errors)
    errors = dict(errors or {})
    if may_publish:
        try:
            content = await planning.approved_content(db, actor, means, document.id)
        except Conflict as error:
            not_approved = str(error)
        else:
            approval = await approving.approval(db, document.id, content.content_hash)
            when, is_timed = None, True
            try:
                when = _when(fields)
                # Asked here, so that what is said about the time stands at the time.
                moment = scheduling.time_of(when, utc_now()) if isinstance(when, When) else None
            except Invalid as error:
                errors |= error.fields
                when, is_timed = None, False
            known = await accounts.listed(db, actor)
            ids = [each.account.id for each in known]
            table = await timetables.read(db, actor.workspace_id, ids, utc_now())
            for each in known:
                wish = Wish(document.id, each.account.id, when, _additions(fields, str(each.account.id)))
                offer = await _offer(request, actor, each, content, wish, table)
                offers.append(offer if is_timed else _untimed(offer))
    page = await planning.listed(db, actor, Wanted(document_id=document.id), limit=A_PAGE, newest_first=True)
    return render(
        request,
        "publishing/publish.html",
        # A look while the form is filled in is answered, whatever it says.
        status=422 if errors and fields.get("do") != "look" else 200,
        notice=notice,
        document=document,
        may_publish=may_publish,
        not_approved=not_approved,
        offers=offers,
        fields=fields,
        errors=errors,
        moment=moment,
        asks=list(dict.fromkeys(asks)),
        goes=goes,
        against=_against(offers, fields, errors) if is_refused else [],
        approval=approval,
        has_slots=any(offer.slot is not None for offer in offers),
        entries=page.entries,
        states=STATE_WORDS,
        zone=fields.get("zone") or zone.key,
        zones=sorted(zones()),
        time=fields.get("time", ""),
        zone_shown=zone.key,
    )


async def _offer(  # noqa: PLR0917 - what the page knows of all offers, and of this one
    request: Request, actor: Actor, listed: Listed, content: ApprovedContent, wish: Wish, table: Timetable
) -> _Offer:
    account = listed.account
    channel = request.app.state.reach.channels.get(account.channel)
    draft: Draft | None = None
    errors: Mapping[str, str] = {}
    slot, no_slot, is_timed = None, "", True
    try:
        [slot] = table.next(account.id, utc_now())
    except NothingFree as error:
        no_slot = str(error)
        if isinstance(wish.when, NextSlot):
            wish, is_timed = replace(wish, when=None), False
    try:
        draft = await planning.draft(request.state.db, actor, means_of(request), content, wish, table=table)
    except Invalid as error:
        errors = _sentences(error)
    offer = _Offer(
        account.id,
        account.name,
        channel.name if channel is not None else account.channel,
        account.health_sentence if account.health == Health.RECONNECT.value else "",
        list(channel.options) if channel is not None else [],
        content.on(account.id).options,
        draft,
        errors,
        await asyncio.to_thread(previewing.of_draft, draft) if draft is not None else None,
        slot,
        no_slot,
    )
    return offer if is_timed else _untimed(offer)


def _untimed(offer: _Offer) -> _Offer:
    """Return an offer without what is said of its time: none is chosen, and it was looked at as if it went out now."""
    if offer.draft is None:
        return offer
    problems = [each for each in offer.draft.problems if each.where != TIME]
    return replace(offer, draft=replace(offer.draft, problems=problems))


def _against(offers: Sequence[_Offer], fields: Mapping[str, str], errors: Mapping[str, str]) -> list[str]:
    """Return all that stands against what a form says, with the account where it is one's own."""
    own: dict[str, list[str]] = {}
    for offer in offers:
        if f"{_ACCOUNT}{offer.account_id}" in fields:
            found = list(offer.errors.values())
            found += [each.sentence for each in offer.draft.problems if each.blocks] if offer.draft else []
            found += [offer.no_slot] if offer.no_slot and fields.get("when") == "slot" else []
            own[offer.name] = list(dict.fromkeys(found))
    known = {sentence for found in own.values() for sentence in found}
    of_all = [sentence for sentence in dict.fromkeys(errors.values()) if sentence not in known]
    return of_all + [f"{name}: {sentence}" for name, found in own.items() for sentence in found]


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


async def _is_newer_approved(request: Request, actor: Actor, seen: Seen) -> bool:
    """Whether another content of its document is approved by now than what a publication would send."""
    if not (seen.entry.is_movable and seen.entry.document_id and can(actor, Verb.PUBLISH, actor)):
        return False
    try:
        content = await means_of(request).approved(request.state.db, seen.entry.document_id)
    except Conflict:
        return False
    return content is not None and content.content_hash != seen.publication.content_hash


async def find_document(request: Request) -> tuple[Document, Actor]:
    """Return the document and the person at work in its workspace. Raises NotFound."""
    user = signed_in(request)
    document, at = await lifecycle.find(request.state.db, user, request.path_params["document_id"])
    if at.workspace_role is None:
        raise NotFound
    return document, Actor(user.id, document.workspace_id, at.workspace_role)


async def find_publication(request: Request) -> tuple[Actor, UUID]:
    """Return the person at work in the publication's workspace, and its id. Raises NotFound."""
    publication_id: UUID = request.path_params["publication_id"]
    user = signed_in(request)
    workspace_id = await request.state.db.scalar(
        select(col(Publication.workspace_id)).where(col(Publication.id) == publication_id)
    )
    if workspace_id is None:
        raise NotFound
    return await actor_for(request.state.db, user, workspace_id), publication_id


def _when(fields: Mapping[str, str]) -> When | NextSlot | None:
    if fields.get("when") == "slot":
        return NextSlot()
    if fields.get("when", "now") != "at":
        return None
    zone = fields.get("zone", "").strip()
    zone_named(zone)
    return When(local_time(fields.get("time", "")), zone, later=fields.get("later") == "yes")


def _repeat(fields: Mapping[str, str]) -> Repeat | None:
    unit = fields.get("repeat", "")
    if unit not in set(Unit):
        return None
    every, times, until = (fields.get(name, "").strip() for name in ("every", "count", "until"))
    by_day = fields.get("ends") == "until"
    errors = {
        name: "Give a whole number."
        for name, text in (("every", every), ("count", "2" if by_day else times))
        if not (text.isascii() and text.isdigit() and len(text) < _DIGITS)
    }
    try:
        day = date.fromisoformat(until) if by_day else None
    except ValueError:
        errors["until"] = "Choose a day."
    if errors:
        raise Invalid(errors)
    return Repeat(int(every), Unit(unit), None if by_day else int(times), day)


def local_time(text: str) -> datetime:
    """Read a time as a clock shows it, from a form. Raises Invalid for the field `time`."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid({"time": "Give a day and a time."}) from None
    if read.tzinfo is not None:
        raise Invalid({"time": "Give the time as the clock shows it, without an offset."})
    return read


def _additions(fields: Mapping[str, str], key: str) -> Additions:
    lead = f"option-{key}-"
    options = {name.removeprefix(lead): value for name, value in fields.items() if name.startswith(lead)}
    tags = fields.get("tags", "").strip()
    # Left empty, they are what the text for the account says; the options are shown with what it says of them.
    return Additions(fields.get("link", "").strip() or None, tuple(tags.split(",")) if tags else None, options)


def zone_shown(request: Request) -> ZoneInfo:
    """Return the zone of whoever looks."""
    found = zone_of(request)
    return found if isinstance(found, ZoneInfo) and found.key in zones() else ZoneInfo("UTC")


def _day(text: str | None, today: date) -> date:
    try:
        return date.fromisoformat(text) if text else today
    except ValueError:
        return today


def _uuid(text: str) -> UUID:
    found = _uuid_or_none(text)
    if found is None:
        raise Invalid({"accounts": "There is no such account here."})
    return found


def _uuid_or_none(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _address(sheet: Sheet, tab: str, parts: Mapping[str, str], cursor: str | None = None) -> str:
    asked = {"view": sheet.view.value, "date": sheet.on.isoformat(), "tab": tab, "cursor": cursor or "", **parts}
    return "/calendar?" + urlencode({name: value for name, value in asked.items() if value})


def _sentences(error: DomainError) -> dict[str, str]:
    return (error.fields if isinstance(error, Invalid) else {}) or {"form": str(error)}


_PUBLISH: Final = "/documents/{document_id:uuid}/publish"
_ONE: Final = "/publications/{publication_id:uuid}"
routes: Final = [
    Route("/calendar", calendar, methods=["GET"]),
    Route("/calendar/tabs", tabs, methods=["GET"]),
    Route("/calendar/export", export, methods=["GET"]),
    Route(_PUBLISH, publish_page, methods=["GET"]),
    Route(_PUBLISH, publish, methods=["POST"]),
    Route(f"{_ONE}/move", move, methods=["POST"]),
    Route(f"{_ONE}/cancel", cancel, methods=["POST"]),
    Route(f"{_ONE}/renew", renew, methods=["POST"]),
    Route(f"{_ONE}/again", again, methods=["POST"]),
    Route(f"{_ONE}/settle", settle, methods=["POST"]),
]

"""The page Publish of a document: on which accounts, how it goes out there, and when. It works without script."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.notices import go_and_say, said, to_say
from server.documents.models import utc_now
from server.errors import Conflict, Invalid
from server.publishing.accounts import accounts
from server.publishing.accounts.accounts import Listed
from server.publishing.channel import Field as Asked
from server.publishing.models import Health
from server.publishing.planning import approving, planning, previewing, repeating, scheduling
from server.publishing.planning.api import means_of, tell_of
from server.publishing.planning.asking import (
    A_PAGE,
    SENTENCES,
    find_document,
    local_time,
    sentences_of,
    uuid_or_none,
    zone_shown,
)
from server.publishing.planning.composing import ApprovedContent
from server.publishing.planning.planning import Draft, NextSlot, Wanted, Wish
from server.publishing.planning.previewing import Preview
from server.publishing.planning.repeating import Repeat, Unit
from server.publishing.planning.scheduling import Planned, When
from server.publishing.posts import Additions
from server.publishing.rules import timetables
from server.publishing.rules.slots import TIME, NothingFree, Slot
from server.publishing.rules.timetables import Timetable
from server.publishing.wall_time import zone_named, zones
from server.publishing.words import STATE_WORDS
from server.web.forms import read_fields
from server.web.render import render
from server.workspaces.access import Actor, Verb, can

_DIGITS: Final = 5
_ACCOUNT: Final = "account-"


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
        return await _publish_page(request, fields=fields, errors=sentences_of(error))
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
    elif any(one.publication.series_id for one in planned):
        word = "publications-series"
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
        first = _begun_at(request) or tomorrow
        # What the form has chosen when it is opened: what is said about the time is about this one.
        fields = {"when": "at", "time": f"{first:%Y-%m-%dT%H:%M}", "zone": zone.key}
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
        errors = sentences_of(error)
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


def _when(fields: Mapping[str, str]) -> When | NextSlot | None:
    if fields.get("when") == "slot":
        return NextSlot()
    if fields.get("when", "now") != "at":
        return None
    zone = fields.get("zone", "").strip()
    zone_named(zone)
    return When(local_time(fields.get("time", "")), zone, later=fields.get("later") == "yes")


def _begun_at(request: Request) -> datetime | None:
    """Return the time at which a publication was begun in the calendar, if it was begun there."""
    try:
        return local_time(request.query_params.get("at", ""))
    except Invalid:
        return None


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


def _additions(fields: Mapping[str, str], key: str) -> Additions:
    lead = f"option-{key}-"
    options = {name.removeprefix(lead): value for name, value in fields.items() if name.startswith(lead)}
    tags = fields.get("tags", "").strip()
    # Left empty, they are what the text for the account says; the options are shown with what it says of them.
    return Additions(fields.get("link", "").strip() or None, tuple(tags.split(",")) if tags else None, options)


def _uuid(text: str) -> UUID:
    found = uuid_or_none(text)
    if found is None:
        raise Invalid({"accounts": "There is no such account here."})
    return found


_PUBLISH: Final = "/documents/{document_id:uuid}/publish"
routes: Final = [
    Route(_PUBLISH, publish_page, methods=["GET"]),
    Route(_PUBLISH, publish, methods=["POST"]),
]

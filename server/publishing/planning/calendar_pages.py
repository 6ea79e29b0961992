"""The calendar: what goes out, by day or as lists, and what leads there. All of it works without script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.assets.file_names import attachment
from server.documents.models import utc_now
from server.publishing.accounts import accounts
from server.publishing.models import Health
from server.publishing.planning import boards, closures, hours, planning, sheets
from server.publishing.planning.asking import (
    A_PAGE,
    uuid_or_none,
    zone_shown,
)
from server.publishing.planning.calendar import EARLIEST, LATEST, Day, Sheet, View, fill, midnight, sheet_of
from server.publishing.planning.closures import Closure
from server.publishing.planning.hours import Ghost
from server.publishing.planning.planning import Entry, Wanted
from server.publishing.publisher.telling import LATE_AFTER
from server.publishing.rules import timetables
from server.publishing.rules.timetables import Timetable
from server.publishing.states import OPEN, State
from server.publishing.words import STATE_WORDS, badge_of
from server.web.render import render
from server.workspaces.access import Actor, Verb, can
from server.workspaces.middleware import current_actor

MOST_SHOWN: Final = 2000
MOST_SENT: Final = 20_000
_TABS: Final[Mapping[str, frozenset[State] | None]] = {
    "calendar": None,
    "queue": OPEN,
    "drafts": None,
    "approvals": None,
    "sent": frozenset({State.PUBLISHED}),
    "failed": frozenset({State.FAILED, State.UNKNOWN}),
}


MAX_TAG_CHARACTERS: Final = 100
_WEEK_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class _Keeps:
    """What accounts keep free: days, and hours of days; and what is planned there, with why it should not."""

    days: Mapping[date, Sequence[Closure]]
    hours: Mapping[tuple[date, int], Closure]
    against: Mapping[UUID, str]


async def calendar(request: Request) -> Response:
    """Show the publications of the workspace by day, or as lists, with the drafts and reviews that lead there."""
    db, actor, asked = request.state.db, current_actor(request), request.query_params
    now, zone = utc_now(), zone_shown(request)
    tab = asked.get("tab", "calendar") if asked.get("tab") in _TABS else "calendar"
    view = View(asked["view"]) if asked.get("view") in set(View) else View.MONTH
    sheet = sheet_of(view, _day(asked.get("date"), now.astimezone(zone).date()), zone)
    account_id = uuid_or_none(asked.get("account"))
    state = State(asked["state"]) if asked.get("state") in set(State) else None
    tag = asked.get("tag", "").strip().lower()[:MAX_TAG_CHARACTERS] or None
    counts = await _counts(request, actor, Wanted(account_id=account_id, tag=tag))
    known = await accounts.listed(db, actor) if can(actor, Verb.CREATE, actor) else []
    days, page, grid, ghosts = [], None, None, []
    keeps = _Keeps({}, {}, {})
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
        names = {each.account.id: each.account.name for each in known if account_id in {None, each.account.id}}
        table = await timetables.read(db, actor.workspace_id, names, max(sheet.since, now))
        keeps = _keeps(days, table, names, zone, now)
        if can(actor, Verb.PUBLISH, actor):
            ghosts = _ghosts(sheet, table, names, zone, now)
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
        keeps=keeps,
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
    counts = await _counts(request, actor, Wanted(account_id=uuid_or_none(asked.get("account")), tag=tag))
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
    account_id = uuid_or_none(asked.get("account"))
    return {
        "account": str(account_id) if account_id else "",
        "state": asked["state"] if asked.get("state") in set(State) else "",
        "tag": asked.get("tag", "").strip().lower()[:MAX_TAG_CHARACTERS],
    }


def _ghosts(sheet: Sheet, table: Timetable, names: Mapping[UUID, str], zone: ZoneInfo, now: datetime) -> list[Ghost]:
    """Return the slots of a sheet that are free."""
    since = max(sheet.since, now)
    if since >= sheet.until:
        return []
    return hours.gather({each: table.free(each, since, sheet.until) for each in names}, names, zone)


def _keeps(days: Sequence[Day], table: Timetable, names: Mapping[UUID, str], zone: ZoneInfo, now: datetime) -> _Keeps:
    """Return what the rules of accounts keep free in days, and what stands there all the same."""
    dates = [day.date for day in days]
    due = [chip.entry for day in days for chip in day.chips if chip.entry.state in OPEN and chip.entry.due_at > now]
    closed = closures.around(dates, table.rules)
    found = {
        each.id: closed[each.account_id].against(each.due_at)
        for each in due
        if each.account_id is not None and each.account_id in closed
    }
    return _Keeps(
        closures.by_day(dates, closed, names, zone),
        closures.by_hour(dates, closed, names, zone) if len(days) <= _WEEK_DAYS else {},
        {publication_id: words for publication_id, words in found.items() if words is not None},
    )


async def export(request: Request) -> Response:
    """Send the publications of a span of days as a file: without one, of a year from today on."""
    db, actor, asked = request.state.db, current_actor(request), request.query_params
    zone = zone_shown(request)
    first = _bounded(_day(asked.get("from"), utc_now().astimezone(zone).date()))
    last = _bounded(_day(asked.get("to"), first + timedelta(days=365)))
    state = State(asked["state"]) if asked.get("state") in set(State) else None
    wanted = Wanted(
        since=midnight(first, zone),
        until=midnight(last + timedelta(days=1), zone),
        states=frozenset({state}) if state is not None else None,
        account_id=uuid_or_none(asked.get("account")),
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


def _day(text: str | None, today: date) -> date:
    try:
        return date.fromisoformat(text) if text else today
    except ValueError:
        return today


def _bounded(day: date) -> date:
    return min(max(day, EARLIEST), LATEST)


def _address(sheet: Sheet, tab: str, parts: Mapping[str, str], cursor: str | None = None) -> str:
    asked = {"view": sheet.view.value, "date": sheet.on.isoformat(), "tab": tab, "cursor": cursor or "", **parts}
    return "/calendar?" + urlencode({name: value for name, value in asked.items() if value})


routes: Final = [
    Route("/calendar", calendar, methods=["GET"]),
    Route("/calendar/tabs", tabs, methods=["GET"]),
    Route("/calendar/export", export, methods=["GET"]),
]

"""The pages of posting rules: an account's posting times, and the workspace's blackouts. They work without script."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.notices import go_and_say, said, to_say
from server.documents.models import utc_now
from server.errors import Conflict, DomainError, Invalid
from server.publishing.accounts import accounts
from server.publishing.accounts.refreshing import PATH
from server.publishing.rules import rules
from server.publishing.rules.rules import NewBlackout, NewRules
from server.publishing.rules.slots import WEEKDAYS, NothingFree, Rules, WeeklySlot, next_free
from server.publishing.wall_time import zones
from server.web.forms import read_fields
from server.web.render import render
from server.web.times import zone_of
from server.workspaces.access import Verb, can
from server.workspaces.forms import HereForm
from server.workspaces.middleware import actor_here, current_actor

BLACKOUTS: Final = "/workspace/blackouts"
SENTENCES: Final = {
    "rules-added": "Added. “Next free slot” uses it from now on.",
    "rules-removed": "Removed. What is planned stays where it is.",
    "rules-changed": "Saved. What is planned stays where it is.",
    "blackouts-added": "Added. What is planned on these days already stays where it is.",
    "blackouts-removed": "Removed. These days may be planned again.",
}
_NEXT_SHOWN: Final = 3
# What fits a column of the table.
_DIGITS: Final = 9
Words = Annotated[str, StringConstraints(max_length=500)]


class RulesForm(HereForm):
    """What an account keeps to besides its posting times."""

    zone: Words = ""
    gap_minutes: Words = ""
    quiet_from: Words = ""
    quiet_until: Words = ""
    most_a_day: Words = ""


class BlackoutForm(HereForm):
    """Days on which nothing is to go out."""

    name: Words = ""
    first: Words = ""
    last: Words = ""
    account_id: Words = ""


async def times(request: Request) -> Response:
    """Show when an account posts."""
    return said(request, await _times(request, notice=to_say(request, SENTENCES)))


async def change_slots(request: Request) -> Response:
    """Add a posting time on the days that were chosen, or remove one."""
    fields = await read_fields(request)
    actor, account_id = actor_here(request, HereForm.parse(fields)), _account_id(request)
    db, zone = request.state.db, _zone(request)
    try:
        if "remove" in fields:
            gone = _slot(fields["remove"])
            await rules.change_slots(db, actor, account_id, remove=[gone], zone=zone)
            return go_and_say(request, _path(account_id), "rules-removed")
        await rules.change_slots(db, actor, account_id, add=_added(fields), zone=zone)
    except Invalid as error:
        await db.rollback()
        return await _times(request, refused=error, fields=fields)
    return go_and_say(request, _path(account_id), "rules-added")


async def change(request: Request) -> Response:
    """Change the gap, the quiet hours, the most a day and the zone of an account."""
    fields = await read_fields(request)
    form = RulesForm.parse(fields)
    db, actor, account_id = request.state.db, actor_here(request, form), _account_id(request)
    try:
        # Held: a posting time that somebody adds at this moment must not be lost.
        account = await accounts.find(db, actor, account_id, Verb.PUBLISH)
        before = (await rules.read(db, account.workspace_id, [account_id], hold=True))[account_id]
        wanted = NewRules(
            form.zone.strip(),
            before.slots,
            _number(form.gap_minutes, "gap_minutes") or 0,
            _time(form.quiet_from, "quiet_from"),
            _time(form.quiet_until, "quiet_until"),
            _number(form.most_a_day, "most_a_day"),
        )
        await rules.change(db, actor, account_id, wanted)
    except Invalid as error:
        await db.rollback()
        return await _times(request, refused=error, fields=fields)
    return go_and_say(request, _path(account_id), "rules-changed")


async def blackouts(request: Request) -> Response:
    """Show the days on which nothing is to go out."""
    return said(request, await _blackouts(request, notice=to_say(request, SENTENCES)))


async def add_blackout(request: Request) -> Response:
    """Add days on which nothing is to go out."""
    fields = await read_fields(request)
    form = BlackoutForm.parse(fields)
    actor, db = actor_here(request, form), request.state.db
    try:
        first = _day(form.first, "first")
        last = _day(form.last, "last") if form.last else first
        await rules.add_blackout(db, actor, NewBlackout(form.name, first, last, _account(form.account_id)))
    except (Invalid, Conflict) as error:
        await db.rollback()
        return await _blackouts(request, refused=error, fields=fields)
    return go_and_say(request, BLACKOUTS, "blackouts-added")


async def remove_blackout(request: Request) -> Response:
    """End a blackout."""
    actor = actor_here(request, await HereForm.read(request))
    await rules.remove_blackout(request.state.db, actor, request.path_params["blackout_id"])
    return go_and_say(request, BLACKOUTS, "blackouts-removed")


async def _times(
    request: Request,
    *,
    notice: str | None = None,
    refused: DomainError | None = None,
    fields: Mapping[str, str] | None = None,
) -> Response:
    db, actor, account_id = request.state.db, current_actor(request), _account_id(request)
    account = await accounts.find(db, actor, account_id)
    own = await rules.of_account(db, actor, account_id)
    now = utc_now()
    free: list[str] = []
    problem = ""
    if own.slots:
        try:
            taken = (await rules.taken(db, [account_id], now))[account_id]
            free = [_words(each.moment.wall) for each in next_free(own, taken, now, count=_NEXT_SHOWN)]
        except NothingFree as error:
            problem = str(error)
    return render(
        request,
        "publishing/rules.html",
        status=422 if refused else 200,
        notice=notice,
        errors=_sentences(refused),
        fields=fields or _fields(own, _zone(request)),
        account=account,
        rules=own,
        by_weekday=rules.by_weekday(own),
        weekdays=WEEKDAYS,
        free=free,
        problem=problem,
        silences=own.silences,
        zones=sorted(zones()),
        may_publish=can(actor, Verb.PUBLISH, account),
    )


async def _blackouts(
    request: Request,
    *,
    notice: str | None = None,
    refused: DomainError | None = None,
    fields: Mapping[str, str] | None = None,
) -> Response:
    db, actor = request.state.db, current_actor(request)
    return render(
        request,
        "publishing/rules_blackouts.html",
        status=422 if refused else 200,
        notice=notice,
        errors=_sentences(refused),
        fields=fields or {},
        blackouts=await rules.list_blackouts(db, actor),
        accounts=await accounts.listed(db, actor),
        may_publish=can(actor, Verb.PUBLISH, actor),
    )


def _words(wall: datetime) -> str:
    return f"{wall:%A}, {wall.day} {wall:%B, %H:%M}"


def _fields(own: Rules, zone: str) -> dict[str, str]:
    has_any = own != Rules(silences=own.silences)
    return {
        "zone": own.zone if has_any else zone,
        "gap_minutes": str(int(own.gap.total_seconds()) // 60) if own.gap else "",
        "quiet_from": f"{own.quiet.begins:%H:%M}" if own.quiet else "",
        "quiet_until": f"{own.quiet.until:%H:%M}" if own.quiet else "",
        "most_a_day": str(own.most_a_day or ""),
    }


def _zone(request: Request) -> str:
    found = zone_of(request)
    return found.key if isinstance(found, ZoneInfo) and found.key in zones() else "UTC"


def _added(fields: Mapping[str, str]) -> list[WeeklySlot]:
    days = [number for number in range(7) if f"day-{number}" in fields]
    at = _time(fields.get("time", ""), "time")
    errors = {} if at else {"time": "Give a time, such as 09:30."}
    if not days:
        errors["days"] = "Choose at least one day."
    if at is None or errors:
        raise Invalid(errors)
    return [WeeklySlot(day, at) for day in days]


def _time(text: str, field: str) -> time | None:
    if not text.strip():
        return None
    try:
        at = time.fromisoformat(text.strip())
    except ValueError:
        raise Invalid({field: "Give a time, such as 09:30."}) from None
    if at.tzinfo is not None:
        raise Invalid({field: "Give a time, such as 09:30."})
    return at.replace(second=0, microsecond=0)


def _number(text: str, field: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS):
        raise Invalid({field: "Give a whole number, or leave it empty."})
    return int(text)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid({field: "Choose a day."}) from None


def _account(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid({"account_id": "There is no such account here."}) from None


def _slot(text: str) -> WeeklySlot:
    minutes = _number(text, "slots")
    if minutes is None or minutes >= 7 * 24 * 60:
        raise Invalid({"slots": "There is no such posting time."})
    return WeeklySlot.of(minutes)


def _sentences(error: DomainError | None) -> dict[str, str]:
    if error is None:
        return {}
    return (error.fields if isinstance(error, Invalid) else {}) or {"form": str(error)}


def _path(account_id: UUID) -> str:
    return f"{PATH}/{account_id}/times"


def _account_id(request: Request) -> UUID:
    account_id: UUID = request.path_params["account_id"]
    return account_id


_TIMES: Final = f"{PATH}/{{account_id:uuid}}/times"
routes: Final = [
    Route(_TIMES, times, methods=["GET"]),
    Route(_TIMES, change, methods=["POST"]),
    Route(f"{_TIMES}/slots", change_slots, methods=["POST"]),
    Route(BLACKOUTS, blackouts, methods=["GET"]),
    Route(BLACKOUTS, add_blackout, methods=["POST"]),
    Route(f"{BLACKOUTS}/{{blackout_id:uuid}}/remove", remove_blackout, methods=["POST"]),
]

"""Pages of queues: an account's, several documents over free slots, and a publication copied. They need no script."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.accounts.notices import go_and_say, said, to_say
from server.documents.models import utc_now
from server.errors import Conflict, DomainError, Invalid
from server.publishing.accounts import accounts
from server.publishing.accounts.refreshing import PATH
from server.publishing.planning import planning, queueing, spreading
from server.publishing.planning.api import means_of, tell_of
from server.publishing.planning.asking import find_publication, local_time, zone_shown
from server.publishing.planning.scheduling import When
from server.publishing.planning.spreading import Choice, Spread
from server.publishing.rules import rules
from server.publishing.wall_time import moment
from server.publishing.words import STATE_WORDS
from server.web.forms import Form, read_fields
from server.web.render import render, wants_fragment
from server.workspaces.access import Verb, can, require
from server.workspaces.forms import HereForm
from server.workspaces.middleware import actor_here, current_actor

FILL: Final = "/calendar/fill"
SENTENCES: Final = {
    "queue-moved": "Moved. Those between took a slot up or down.",
    "queue-filled": "What could move up did. Nothing went to a later time.",
    "queue-full": "There was no gap: everything stands as early as it can.",
    "queue-spread": "Planned. Each goes out by itself in its slot.",
}
Words = Annotated[str, StringConstraints(max_length=500)]


class PutForm(HereForm):
    """Which publication, and to which place of the queue, 0 for the first."""

    publication: UUID
    place: int


class CopyForm(Form):
    """Where and when a publication is to go out once more. `shown_in`: the zone in which the time is said."""

    time: Words = ""
    shown_in: Words = ""
    account: UUID


async def queue(request: Request) -> Response:
    """Show what waits in the slots of an account, in order."""
    db, actor, account_id = request.state.db, current_actor(request), _account_id(request)
    account = await accounts.find(db, actor, account_id)
    page = render(
        request,
        "publishing/queue.html",
        notice=to_say(request, SENTENCES),
        account=account,
        entries=await queueing.listed(db, actor, account_id),
        has_slots=bool((await rules.of_account(db, actor, account_id)).slots),
        states=STATE_WORDS,
        may_publish=can(actor, Verb.PUBLISH, account),
    )
    return said(request, page)


async def put(request: Request) -> Response:
    """Move a publication to another place of its queue."""
    form = await PutForm.read(request)
    actor, account_id = actor_here(request, form), _account_id(request)
    for each in await queueing.put(request.state.db, actor, account_id, form.publication, form.place):
        await tell_of(request, each.publication)
    return go_and_say(request, f"{PATH}/{account_id}/queue", "queue-moved")


async def fill_gaps(request: Request) -> Response:
    """Let what waits move up into slots that have become free."""
    actor, account_id = actor_here(request, await HereForm.read(request)), _account_id(request)
    moved = await queueing.fill_gaps(request.state.db, actor, account_id)
    for each in moved:
        await tell_of(request, each.publication)
    return go_and_say(request, f"{PATH}/{account_id}/queue", "queue-filled" if moved else "queue-full")


async def choose(request: Request) -> Response:
    """Show which documents could be planned, to choose some, and accounts."""
    asked = request.query_params
    fields = {f"account-{each}": "on" for each in asked.getlist("account")[: spreading.MOST_ACCOUNTS]}
    if asked.get("at"):
        fields["from"] = asked["at"]
    return await _fill(request, fields=fields)


async def fill(request: Request) -> Response:
    """Show where the chosen documents would go, or plan exactly what was shown."""
    fields = await read_fields(request)
    actor, db = actor_here(request, HereForm.parse(fields)), request.state.db
    require(actor, Verb.PUBLISH, actor)
    try:
        choice = _choice(fields, zone_shown(request).key)
        if fields.get("do") != "plan":
            return await _fill(
                request, fields=fields, spread=await spreading.rehearse(db, actor, means_of(request), choice)
            )
        planned = await spreading.carry_out(db, actor, means_of(request), choice, fields.get("shown", ""))
    except spreading.Otherwise as error:
        await db.rollback()
        spread = await spreading.rehearse(db, actor, means_of(request), choice)
        return await _fill(request, fields=fields, spread=spread, refused=error)
    except (Invalid, Conflict) as error:
        await db.rollback()
        return await _fill(request, fields=fields, refused=error)
    for each in planned:
        await tell_of(request, each.publication)
    return go_and_say(request, f"/calendar?tab=queue&date={planned[0].publication.wall_time.date()}", "queue-spread")


async def copy(request: Request) -> Response:
    """Plan once more what a publication's document says, at another time or on another account."""
    form = await CopyForm.read(request)
    actor, publication_id = await find_publication(request)
    shown_in = form.shown_in or zone_shown(request).key
    try:
        when = When(local_time(form.time), shown_in)
        planned = await planning.copy(
            request.state.db, actor, means_of(request), publication_id, account_id=form.account, when=when
        )
    except Invalid as error:
        # Neither the dialog nor the row of a list has a place for a field's fault.
        raise Conflict(next(iter(error.fields.values()), str(error))) from error
    await tell_of(request, planned.publication)
    if wants_fragment(request):
        words = " ".join([planned.moment.rule, *(each.sentence for each in planned.warnings)]).strip()
        return Response(words, media_type="text/plain")
    return go_and_say(request, f"/publications/{planned.publication.id}", "publications-planned")


async def _fill(
    request: Request,
    *,
    fields: Mapping[str, str],
    spread: Spread | None = None,
    refused: DomainError | None = None,
) -> Response:
    db, actor = request.state.db, current_actor(request)
    candidates = await spreading.candidates(db, actor)
    known = await accounts.listed(db, actor)
    own = await rules.read(db, actor.workspace_id, [each.account.id for each in known])
    return render(
        request,
        "publishing/fill.html",
        status=422 if refused else 200,
        errors=_sentences(refused),
        fields=fields,
        spread=spread,
        candidates=candidates,
        accounts=[(each.account, bool(own[each.account.id].slots)) for each in known],
        zone=zone_shown(request).key,
        most=spreading.MOST_DOCUMENTS,
    )


def _choice(fields: Mapping[str, str], zone: str) -> Choice:
    after: datetime | None = None
    if fields.get("from"):
        # The slot of that very minute counts.
        after = moment(local_time(fields["from"]), zone).at - timedelta(minutes=1)
        after = max(after, utc_now())
    return Choice(_ids(fields, "document-"), _ids(fields, "account-"), after)


def _ids(fields: Mapping[str, str], lead: str) -> Sequence[UUID]:
    try:
        return [UUID(name.removeprefix(lead)) for name in fields if name.startswith(lead)]
    except ValueError:
        raise Invalid({lead.rstrip("-") + "s": "That is not one of those shown. Reload the page."}) from None


def _sentences(error: DomainError | None) -> dict[str, str]:
    if error is None:
        return {}
    return (error.fields if isinstance(error, Invalid) else {}) or {"form": str(error)}


def _account_id(request: Request) -> UUID:
    account_id: UUID = request.path_params["account_id"]
    return account_id


_QUEUE: Final = f"{PATH}/{{account_id:uuid}}/queue"
routes: Final = [
    Route(_QUEUE, queue, methods=["GET"]),
    Route(_QUEUE, put, methods=["POST"]),
    Route(f"{_QUEUE}/fill-gaps", fill_gaps, methods=["POST"]),
    Route(FILL, choose, methods=["GET"]),
    Route(FILL, fill, methods=["POST"]),
    Route("/publications/{publication_id:uuid}/copy", copy, methods=["POST"]),
]

"""The pages of imports: bring a file, look at what would become of its rows, carry it out. They work without script."""

from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.errors import Invalid, TooLarge
from server.publishing.bulk import keeping, reading
from server.publishing.bulk.api import tell_of
from server.publishing.bulk.importing import UnderWay
from server.publishing.bulk.keeping import Differs
from server.publishing.bulk.verdicts import Fate, count
from server.publishing.planning import sheets
from server.publishing.planning.api import means_of
from server.publishing.wall_time import zones
from server.web.bodies import MAX_FORM_BYTES, read_bounded
from server.web.forms import Form
from server.web.render import render
from server.web.times import zone_of
from server.workspaces.access import Verb, require
from server.workspaces.middleware import current_actor

# What a spreadsheet program is given to fill in.
_TEMPLATE: Final = ("document", "account", "date", "time", "zone", "link", "tags", "key")
_EXAMPLE: Final = {
    "document": "Title of an approved document",
    "account": "Name of an account",
    "date": "2030-06-01",
    "time": "09:00",
    "zone": "Europe/Paris",
    "link": "https://example.org/",
    "tags": "news, autumn",
}


class PasteForm(Form):
    """Rows that were pasted, of which zone those are that name none."""

    max_bytes = MAX_FORM_BYTES
    csv: Annotated[str, StringConstraints(max_length=MAX_FORM_BYTES)] = ""
    zone: Annotated[str, StringConstraints(max_length=64)] = ""


async def show(request: Request) -> Response:
    """Show where a file is brought."""
    return await _show(request)


async def template(request: Request) -> Response:
    """Send a file to fill in."""
    actor = current_actor(request)
    require(actor, Verb.PUBLISH, actor)
    headers = {"Content-Disposition": 'attachment; filename="publications.csv"', "Cache-Control": "no-store"}
    # With the mark by which Excel knows UTF-8.
    content = "\ufeff" + sheets.to_csv(_TEMPLATE, [_EXAMPLE])
    return Response(content, media_type="text/csv", headers=headers)


async def bring(request: Request) -> Response:
    """Take a file (as the body, by script) or rows that were pasted, and show what would become of them."""
    actor = current_actor(request)
    require(actor, Verb.PUBLISH, actor)
    zone, pasted = "", ""
    try:
        if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/csv":
            zone, name = request.query_params.get("zone", ""), request.query_params.get("name", "")
            text = reading.decode(await read_bounded(request, reading.MAX_BYTES))
        else:
            form = await PasteForm.read(request)
            zone, name, pasted = form.zone, "", form.csv
            if not form.csv.strip():
                raise Invalid({"file": "Choose a file, or paste its rows."})  # noqa: TRY301 - one place shows what is wrong
            text = reading.decode(form.csv.encode())
        kept = await keeping.rehearse(
            request.state.db, actor, means_of(request), name=name or "Pasted rows", content=text, zone=zone
        )
    except TooLarge:
        return await _show(request, {"file": "A file may have 1 MB. Split it."}, zone, pasted)
    except (Invalid, UnderWay) as error:
        await request.state.db.rollback()
        errors = error.fields if isinstance(error, Invalid) else {}
        return await _show(request, errors or {"file": str(error)}, zone, pasted)
    return RedirectResponse(f"/calendar/import/{kept}", status_code=303)


async def look(request: Request) -> Response:
    """Show what would become of the rows, or what became of them."""
    return await _look(request)


async def carry_out(request: Request) -> Response:
    """Plan what was shown: all of it, or nothing."""
    await Form.read(request)
    import_id: UUID = request.path_params["import_id"]
    try:
        done = await keeping.carry_out(request.state.db, current_actor(request), means_of(request), import_id)
    except Differs as error:
        return await _look(request, differs=error)
    await tell_of(request, done.verdicts)
    return RedirectResponse(f"/calendar/import/{import_id}", status_code=303)


async def _show(request: Request, errors: dict[str, str] | None = None, zone: str = "", pasted: str = "") -> Response:
    actor = current_actor(request)
    require(actor, Verb.PUBLISH, actor)
    return render(
        request,
        "publishing/import.html",
        status=422 if errors else 200,
        errors=errors or {},
        pasted=pasted,
        zone=zone or _zone(request),
        zones=sorted(zones()),
        max_rows=reading.MAX_ROWS,
        max_bytes=reading.MAX_BYTES,
    )


async def _look(request: Request, *, differs: Differs | None = None) -> Response:
    shown = await keeping.find(request.state.db, current_actor(request), request.path_params["import_id"])
    asked = request.query_params.get("rows", "")
    picked = {
        "refused": [each for each in shown.verdicts if each.fate is Fate.REFUSED],
        "warned": [each for each in shown.verdicts if each.warns],
        "skipped": [each for each in shown.verdicts if each.fate is Fate.SKIPPED],
    }
    return render(
        request,
        "publishing/import_rows.html",
        status=409 if differs is not None else 200,
        shown=shown,
        rows=picked.get(asked, shown.verdicts),
        asked=asked if asked in picked else "",
        counts=count(shown.verdicts),
        picked={name: len(rows) for name, rows in picked.items()},
        differing=frozenset(differs.rows) if differs is not None else frozenset(),
        Fate=Fate,
    )


def _zone(request: Request) -> str:
    """Return the zone of whoever looks."""
    found = zone_of(request)
    return found.key if isinstance(found, ZoneInfo) and found.key in zones() else "UTC"


_ONE: Final = "/calendar/import/{import_id:uuid}"
routes: Final = [
    Route("/calendar/import", show, methods=["GET"]),
    Route("/calendar/import", bring, methods=["POST"]),
    Route("/calendar/import/template", template, methods=["GET"]),
    Route(_ONE, look, methods=["GET"]),
    Route(_ONE, carry_out, methods=["POST"]),
]

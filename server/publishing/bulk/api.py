"""Imports for programs: `/api/v1/publications/import`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from starlette.requests import Request

from server.documents.models import utc_now
from server.errors import Conflict
from server.publishing.bulk import importing, keeping, reading
from server.publishing.bulk.shapes import Imported, ImportWanted
from server.publishing.bulk.verdicts import Fate, Verdict, digest
from server.publishing.planning.api import means_of
from server.publishing.planning.planning import EVENT
from server.web.operations import AnyOperation, Call, NoQuery, Operation, Reply
from server.web.operations import routes as routes_of
from server.workspaces.access import Verb, require
from server.workspaces.middleware import current_actor

# JSON writes a quotation mark or a line end with two characters.
_MAX_BODY_BYTES: Final = 2 * reading.MAX_BYTES + 4096
_SOON: Final = timedelta(minutes=2)


async def import_publications(call: Call[NoQuery, ImportWanted]) -> Reply[Imported]:
    """Plan a publication for each row of a spreadsheet, or say what would become of each; admins and schedulers may.

    Rows that are refused are left out; all others are planned together, or none. A row that was planned before is left
    out, too, so that the same file twice is as once; one whose `id` names a planned publication moves it. 409 if
    `as_shown` is given and something changed since, or while another import of the workspace works. At most 1,000 rows.
    """
    request, body = call.request, call.body
    db, actor = request.state.db, current_actor(request)
    require(actor, Verb.PUBLISH, actor)
    sheet = reading.read(reading.decode(body.csv.encode()))
    verdicts = await importing.examine(db, actor, means_of(request), sheet, body.zone)
    answer = Imported.of(verdicts, list(sheet.ignored), dry_run=body.dry_run)
    if body.dry_run:
        await db.rollback()
        return Reply(answer)
    if body.as_shown is not None and body.as_shown != digest(verdicts):
        await db.rollback()
        raise Conflict("Something changed since the dry run, so nothing was planned. Make another one.")
    await keeping.settle(db, verdicts)
    await db.commit()
    await tell_of(request, verdicts)
    return Reply(answer)


async def tell_of(request: Request, verdicts: Sequence[Verdict]) -> None:
    """Let pages and workers know of what was planned. Call it after the commit."""
    done = [each for each in verdicts if each.fate in {Fate.PLANNED, Fate.MOVED}]
    if not done:
        return
    state = request.app.state
    if any(each.at is not None and each.at <= utc_now() + _SOON for each in done):
        await state.queue.enqueue("publish_due")
    # Once for all of them: every page that shows any reads itself again.
    await state.events.publish(current_actor(request).workspace_id, EVENT, {})


OPERATIONS: Final[Sequence[AnyOperation]] = (
    Operation(
        name="importPublications",
        method="POST",
        path="/api/v1/publications/import",
        summary="Plan publications from a spreadsheet, or try it",
        handle=import_publications,
        query=NoQuery,
        body=ImportWanted,
        answer=Imported,
        max_body_bytes=_MAX_BODY_BYTES,
        refusals=(403, 409),
    ),
)

routes: Final = routes_of(OPERATIONS)

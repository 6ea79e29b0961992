"""A rehearsal of every workspace in lines of text, for the command line."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import select
from sqlmodel import col

from server import db as database
from server.assets.storage import open_store
from server.publishing.publisher.pace import Pace
from server.publishing.registry import open_reach
from server.publishing.rehearsal.reading import Means
from server.publishing.rehearsal.rehearsing import Rehearsal, rehearse_workspace
from server.publishing.rehearsal.scene import Severity
from server.publishing.rehearsal.words import SEVERITY_WORDS
from server.settings import Settings
from server.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class Report:
    """What is printed, and whether something will fail."""

    lines: tuple[str, ...]
    fails: bool


async def report(settings: Settings, days: int) -> Report:
    """Rehearse the next days of every workspace. Remarks are left to the page. Raises as the database does."""
    engine = database.create_engine(settings.database_url)
    redis = database.create_redis(settings.redis_url)
    sessions = database.create_sessions(engine)
    store = open_store(settings)
    reach = open_reach(settings, sessions, store)
    lines: list[str] = []
    fails = False
    try:
        async with sessions() as db:
            found = await db.execute(
                select(col(Workspace.id), col(Workspace.name)).order_by(col(Workspace.created_at), col(Workspace.id))
            )
            workspaces = found.all()
        for workspace_id, name in workspaces:
            async with sessions() as db:
                rehearsal = await rehearse_workspace(db, Means(reach, store, Pace(redis)), workspace_id, days=days)
            fails = fails or bool(rehearsal.counts[Severity.WILL_FAIL])
            lines += _lines(name, rehearsal, days)
    finally:
        await reach.http.client.aclose()
        await redis.aclose()
        await engine.dispose()
    return Report(tuple(lines) or ("There is no workspace yet.",), fails)


def _lines(name: str, rehearsal: Rehearsal, days: int) -> Iterator[str]:
    span = "day" if days == 1 else f"{days} days"
    if not rehearsal.planned:
        yield f"{name}: nothing is planned for the next {span}."
        return
    yield f"{name}: of {rehearsal.planned} planned for the next {span}, {rehearsal.goes_out} will go out as they are."
    if rehearsal.is_cut:
        yield "  More is planned than is rehearsed at once; ask for fewer days."
    for finding in rehearsal.findings:
        if finding.severity is Severity.REMARK:
            continue
        at = finding.at.astimezone(UTC)
        who = ", ".join(person.name for person in finding.who[:3])
        yield (
            f"  {SEVERITY_WORDS[finding.severity]}, {at:%Y-%m-%d %H:%M} UTC, {finding.account_name}, "
            f"“{finding.play.name}”: {finding.sentence} {finding.deed}{f' ({who})' if who else ''}"
        )

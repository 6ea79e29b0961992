"""Telling people beforehand: what a rehearsal of the next days finds, to whoever can act, once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import anyio
import structlog
from sqlalchemy import select
from sqlmodel import col

from server.db import Sessions, transaction
from server.documents.access import who_sees
from server.notifications.models import Kind
from server.notifications.noting import Notice, note
from server.publishing.models import Publication
from server.publishing.rehearsal.reading import Means
from server.publishing.rehearsal.rehearsing import Rehearsal, rehearse_workspace
from server.publishing.rehearsal.scene import Finding, Rule, Severity
from server.publishing.states import OPEN

DAYS_AHEAD: Final = 7
# What does not come to its turn by then is told tomorrow.
RUN_SECONDS: Final = 300
MOST_NOTICES: Final = 200
# What passes by itself, or is told already when it happens.
_SILENT: Final = frozenset({Rule.ACCOUNT_RESTS, Rule.ACCOUNT_FAILING, Rule.OVERDUE})
_OF_DOCUMENTS: Final = frozenset({Rule.HELD, Rule.UNAPPROVED})

log = structlog.get_logger(__name__)


async def foretell(sessions: Sessions, means: Means, now: datetime) -> frozenset[UUID]:
    """Rehearse the next days of every workspace and note what people should do. Returns whom that is news for.

    Twice is as once: what was said of a finding is not said again, unless it comes of something new.
    """
    until = now + timedelta(days=DAYS_AHEAD)
    async with sessions() as db:
        planned = select(col(Publication.workspace_id)).where(
            col(Publication.state).in_([state.value for state in OPEN]), col(Publication.due_at) < until
        )
        workspace_ids = (await db.scalars(planned.distinct())).all()
    people: frozenset[UUID] = frozenset()
    stop = anyio.current_time() + RUN_SECONDS
    for workspace_id in workspace_ids:
        if anyio.current_time() > stop:
            log.warning("not every workspace was rehearsed in time")
            break
        try:
            people |= await _foretell(sessions, means, workspace_id, now)
        except Exception:
            # A defect with one must not leave the others without a word.
            log.exception("workspace not rehearsed", workspace_id=str(workspace_id))
    return people


async def _foretell(sessions: Sessions, means: Means, workspace_id: UUID, now: datetime) -> frozenset[UUID]:
    async with sessions() as db:
        rehearsal = await rehearse_workspace(db, means, workspace_id, days=DAYS_AHEAD, now=now)
    groups = grouped(rehearsal)
    people: frozenset[UUID] = frozenset()
    async with transaction(sessions) as db:
        of_documents = [each[0] for each in groups if each[0].rule in _OF_DOCUMENTS]
        documents = {each.play.document_id for each in of_documents if each.play.document_id is not None}
        sees = await who_sees(db, documents, {person.id for each in of_documents for person in each.who})
        for found in groups:
            people |= await note(db, _notice(workspace_id, found, sees))
    return people


def grouped(rehearsal: Rehearsal) -> Sequence[Sequence[Finding]]:
    """Return what is worth a notice, together what one deed mends; the most urgent first, and not without end."""
    by_deed: dict[tuple[Rule, str], list[Finding]] = {}
    for finding in rehearsal.findings:
        if finding.severity is not Severity.REMARK and finding.rule not in _SILENT and finding.who:
            by_deed.setdefault((finding.rule, finding.subject), []).append(finding)
    return list(by_deed.values())[:MOST_NOTICES]


def _notice(workspace_id: UUID, found: Sequence[Finding], sees: Mapping[UUID, frozenset[UUID]]) -> Notice:
    first = found[0]
    who = [person.id for person in first.who]
    if first.rule in _OF_DOCUMENTS and first.play.document_id is not None:
        seen_by = sees.get(first.play.document_id, frozenset())
        who = [each for each in who if each in seen_by]
    others = {finding.play.id for finding in found} - {first.play.id}
    more = f" It concerns {len(others)} more that {'is' if len(others) == 1 else 'are'} planned." if others else ""
    return Notice(
        kind=Kind.FORESEEN,
        to=who,
        workspace_id=workspace_id,
        document_id=first.play.document_id,
        actor_id=None,
        title=first.play.name,
        text=f"{first.sentence} {first.deed}{more}",
        path=first.link,
        dedupe_key=f"foreseen:{first.rule.value}:{first.subject}",
    )

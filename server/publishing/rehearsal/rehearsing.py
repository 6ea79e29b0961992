"""The rehearsal itself: a scene is walked through, and what is found is sorted for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from sqlalchemy.ext.asyncio import AsyncSession

from server.documents.models import utc_now
from server.publishing.rehearsal.concerns import LOOKS
from server.publishing.rehearsal.reading import Means, read_scene
from server.publishing.rehearsal.scene import Finding, Rule, Scene, Severity
from server.publishing.rehearsal.walking import walk
from server.workspaces.access import Actor, Verb, require

DAYS: Final = 30
MOST_DAYS: Final = 90
# Of each process: who asks while another scene is walked through waits.
_one_at_once: RunVar[CapacityLimiter] = RunVar("rehearsals")
_SEVERITIES: Final = list(Severity)
_RULES: Final = list(Rule)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came out of it. `findings` by day, the worst first. `planned`: how many publications were looked at.

    `counts`: of how many publications that is the worst that was found. `is_cut`: more are planned than were looked at.
    """

    since: datetime
    until: datetime
    planned: int
    findings: Sequence[Finding]
    counts: Mapping[Severity, int]
    is_cut: bool

    @property
    def goes_out(self) -> int:
        """How many go out as they were meant to."""
        return self.planned - self.counts[Severity.WILL_FAIL] - self.counts[Severity.AT_RISK]


async def rehearse(
    db: AsyncSession, means: Means, actor: Actor, *, days: int = DAYS, now: datetime | None = None
) -> Rehearsal:
    """Rehearse the next days of the actor's workspace, as far as they may see it. Raises Forbidden.

    Reads, and changes nothing. The session holds no connection while it is computed.
    """
    require(actor, Verb.CREATE, actor)
    now = now or utc_now()
    scene = await read_scene(
        db, means, actor.workspace_id, now=now, until=now + timedelta(days=min(days, MOST_DAYS)), actor=actor
    )
    await db.commit()
    return await play(scene)


async def rehearse_workspace(
    db: AsyncSession, means: Means, workspace_id: UUID, *, days: int, now: datetime | None = None
) -> Rehearsal:
    """Rehearse all of a workspace, for nobody in particular."""
    now = now or utc_now()
    scene = await read_scene(db, means, workspace_id, now=now, until=now + timedelta(days=min(days, MOST_DAYS)))
    await db.commit()
    return await play(scene)


async def play(scene: Scene) -> Rehearsal:
    """Walk through a scene in a thread, one scene at once: live editing needs this process meanwhile."""
    return await to_thread.run_sync(reviewed, scene, limiter=_limiter())


def reviewed(scene: Scene) -> Rehearsal:
    """Walk through a scene, and return what is to be known of it, by day, the worst first."""
    fates = walk(scene)
    found = [finding for look in LOOKS for finding in look(scene, fates) if finding.play.is_visible]
    worst: dict[UUID, Severity] = {}
    for finding in found:
        before = worst.get(finding.play.id, finding.severity)
        worst[finding.play.id] = min(before, finding.severity, key=_SEVERITIES.index)
    counts = {severity: sum(each is severity for each in worst.values()) for severity in Severity}
    visible = sum(play.is_visible for play in scene.plays)
    return Rehearsal(scene.now, scene.until, visible, sorted(found, key=_order), counts, scene.is_cut)


def _order(finding: Finding) -> tuple[object, ...]:
    return (finding.at, _SEVERITIES.index(finding.severity), _RULES.index(finding.rule), finding.play.id)


def _limiter() -> CapacityLimiter:
    try:
        return _one_at_once.get()
    except LookupError:
        limiter = CapacityLimiter(1)
        _one_at_once.set(limiter)
        return limiter

"""The rehearsal itself: a scene is walked through, and what is found is sorted for people."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from anyio import Semaphore, fail_after, to_thread
from anyio.lowlevel import RunVar
from sqlalchemy.ext.asyncio import AsyncSession

from server.documents.models import utc_now
from server.errors import Unavailable
from server.publishing.rehearsal.concerns import LOOKS
from server.publishing.rehearsal.reading import Means, read_scene
from server.publishing.rehearsal.scene import Finding, Rule, Scene, Severity
from server.publishing.rehearsal.spans import DAYS, MOST_DAYS
from server.publishing.rehearsal.walking import walk
from server.workspaces.access import Actor, Verb, require

# Counting the characters of thousands of posts takes seconds of a process that others write in: one at once in each.
_one_at_once: RunVar[Semaphore] = RunVar("rehearsals")
WAIT_SECONDS: Final = 30
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

    Reads, and changes nothing. The session holds no connection while others rehearse, or while it is computed. Raises
    Unavailable if others do for long.
    """
    require(actor, Verb.CREATE, actor)
    return await _rehearse(db, means, actor.workspace_id, days=days, now=now or utc_now(), actor=actor)


async def rehearse_workspace(
    db: AsyncSession, means: Means, workspace_id: UUID, *, days: int, now: datetime | None = None
) -> Rehearsal:
    """Rehearse all of a workspace, for nobody in particular."""
    return await _rehearse(db, means, workspace_id, days=days, now=now or utc_now())


async def _rehearse(
    db: AsyncSession, means: Means, workspace_id: UUID, *, days: int, now: datetime, actor: Actor | None = None
) -> Rehearsal:
    until = now + timedelta(days=min(days, MOST_DAYS))
    await db.commit()
    async with _turn():
        scene = await read_scene(db, means, workspace_id, now=now, until=until, actor=actor)
        await db.commit()
        return await to_thread.run_sync(reviewed, scene)


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


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    """Wait until no other rehearsal goes on in this process. Raises Unavailable."""
    try:
        turn = _one_at_once.get()
    except LookupError:
        turn = Semaphore(1)
        _one_at_once.set(turn)
    try:
        with fail_after(WAIT_SECONDS):
            await turn.acquire()
    except TimeoutError as error:
        raise Unavailable("Others rehearse at this moment. Try again in a minute.") from error
    try:
        yield
    finally:
        turn.release()

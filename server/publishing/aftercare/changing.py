"""What people do with published posts: bring them up to what is approved now, take them down, or let it be.

A change is written down here and carried out by a worker (`carrying`). A post has one that waits at a time; taking it
down comes before any update. Locks are taken in one order everywhere: the publication, then its change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents.models import utc_now
from server.errors import Conflict, Invalid, NotFound
from server.publishing import posts
from server.publishing.aftercare.knowing import NotKnown, is_known
from server.publishing.aftercare.models import Change, Deed, Standing
from server.publishing.channel import Problem, Replaying
from server.publishing.models import Publication
from server.publishing.planning import planning, scheduling
from server.publishing.planning.planning import Means, Newest
from server.publishing.planning.scheduling import UnderWay
from server.publishing.states import State
from server.workspaces.access import Actor, Verb, require

# So many of the changes of a post are shown.
MOST_SHOWN: Final = 20


class NotOut(Conflict):
    """There is nothing out there that could be changed."""

    sentence = "This is not published, so there is nothing to change or to take down."


class ChannelCannot(Conflict):
    """The channel does not do such a thing."""


class NothingNewer(Conflict):
    """What is out is what is approved."""

    sentence = "What is published already says what is approved now."


class ShownOtherwise(Conflict):
    """The person looked at something else."""

    sentence = "Something else was approved in the meantime. Look at the difference again."


@dataclass(frozen=True, slots=True)
class Proposed:
    """What an update would bring: the newest, what its channel says against it, and whether it is anything new.

    `is_in_doubt`: the last update may have brought something else, so the same text may be sent again.
    """

    newest: Newest
    problems: tuple[Problem, ...]
    is_new: bool
    is_in_doubt: bool

    @property
    def blocks(self) -> bool:
        """Whether the channel would refuse it."""
        return any(each.blocks for each in self.problems)


async def waiting(db: AsyncSession, publication_id: UUID) -> Change | None:
    """Return the change of a publication that waits to be carried out."""
    found: Change | None = await db.scalar(
        select(Change).where(col(Change.publication_id) == publication_id, col(Change.state) == Standing.WAITING.value)
    )
    return found


async def newest_change(db: AsyncSession, publication_id: UUID) -> Change | None:
    """Return what was last asked for, and what became of it."""
    found: Change | None = await db.scalar(
        select(Change)
        .where(col(Change.publication_id) == publication_id, col(Change.state) != Standing.LEFT.value)
        .order_by(col(Change.created_at).desc())
        .limit(1)
    )
    return found


async def propose(db: AsyncSession, actor: Actor, means: Means, publication: Publication) -> Proposed:
    """Return what is approved now as the publication's account would get it.

    Raises as `planning.newest` does: NotApproved if nothing is approved.
    """
    newest = await planning.newest(db, actor, means, publication)
    as_sent = Publication(
        id=publication.id,
        workspace_id=publication.workspace_id,
        content_hash=newest.content.content_hash,
        post=posts.pack(newest.post),
        wall_time=publication.wall_time,
        zone=publication.zone,
        due_at=publication.due_at,
        next_at=publication.next_at,
        edition=publication.edition,
    )
    problems = scheduling.check(newest.channel, newest.account, as_sent)
    is_new = _said(posts.pack(newest.post)) != _said(publication.post)
    return Proposed(newest, tuple(problems), is_new, await _is_in_doubt(db, publication))


async def ask_update(
    db: AsyncSession,
    actor: Actor,
    means: Means,
    publication_id: UUID,
    *,
    shown: str | None = None,
    version: int | None = None,
    now: datetime | None = None,
) -> Change:
    """Ask for a published post to say what is approved now.

    `shown`: the content hash, in hexadecimal, of what the person looked at. Raises Forbidden, NotFound, Invalid with
    what the channel would refuse, and Conflict: NotOut, ChannelCannot, NothingNewer, ShownOtherwise, UnderWay.
    """
    now = now or utc_now()
    publication = await _out(db, actor, publication_id, version=version)
    before = await _free(db, publication, now)
    if before is not None and before.deed == Deed.TAKE_DOWN:
        raise Conflict("It is being taken down. Leave that first, if it shall stay.")
    proposed = await propose(db, actor, means, publication)
    channel = proposed.newest.channel
    if not channel.capabilities.updates:
        raise ChannelCannot(f"{channel.name} lets nobody change what was published. Take it down and publish it anew.")
    content_hash = proposed.newest.content.content_hash
    if shown is not None and shown != content_hash.hex():
        raise ShownOtherwise
    # After an update whose end is not known, the same text is sent again: then it surely is there.
    if not proposed.is_new and not proposed.is_in_doubt:
        raise NothingNewer
    blocking = {each.where: each.sentence for each in reversed(proposed.problems) if each.blocks}
    if blocking:
        raise Invalid(blocking, "The channel would refuse this post as it is.")
    change = Change(
        publication_id=publication.id,
        deed=Deed.UPDATE.value,
        post=posts.pack(proposed.newest.post),
        content_hash=content_hash,
        revision_id=proposed.newest.content.revision_id,
        next_at=now,
        asked_by=actor.user_id,
        created_at=now,
    )
    return await _written_down(db, publication, change, instead_of=before)


async def ask_take_down(
    db: AsyncSession,
    actor: Actor,
    means: Means,
    publication_id: UUID,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Change:
    """Ask for a published post to be taken down; an update that waits is left.

    Raises Forbidden, NotFound, and Conflict: NotOut, ChannelCannot, UnderWay.
    """
    now = now or utc_now()
    publication = await _out(db, actor, publication_id, version=version)
    before = await _free(db, publication, now)
    if before is not None and before.deed == Deed.TAKE_DOWN:
        return before
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    channel = means.reach.channels.get(seen.entry.channel or "")
    if channel is None or not channel.capabilities.deletes:
        name = channel.name if channel is not None else "This channel"
        raise ChannelCannot(f"{name} takes nothing back. Take it down there by hand.")
    change = Change(
        publication_id=publication.id,
        deed=Deed.TAKE_DOWN.value,
        next_at=now,
        asked_by=actor.user_id,
        created_at=now,
    )
    return await _written_down(db, publication, change, instead_of=before)


async def ask_replay(
    db: AsyncSession,
    actor: Actor,
    means: Means,
    publication_id: UUID,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Change:
    """Ask for a published post to be sent once more, as the same: for a receiver that lost it.

    Raises Forbidden, NotFound, and Conflict: NotOut, ChannelCannot, UnderWay, and if another change waits.
    """
    now = now or utc_now()
    publication = await _out(db, actor, publication_id, version=version)
    before = await _free(db, publication, now)
    if before is not None:
        if before.deed == Deed.REPLAY:
            return before
        raise Conflict("Another change of this waits. Let it be made, or leave it, first.")
    seen = await planning.find(db, actor, publication_id, Verb.PUBLISH)
    channel = means.reach.channels.get(seen.entry.channel or "")
    if not isinstance(channel, Replaying):
        name = channel.name if channel is not None else "This channel"
        raise ChannelCannot(f"{name} keeps what it took; nothing is sent there twice.")
    change = Change(
        publication_id=publication.id, deed=Deed.REPLAY.value, next_at=now, asked_by=actor.user_id, created_at=now
    )
    return await _written_down(db, publication, change, instead_of=None)


async def leave(db: AsyncSession, actor: Actor, publication_id: UUID, *, now: datetime | None = None) -> None:
    """Let a change that waits not be made. Raises Forbidden, NotFound, UnderWay, Conflict if it may be made already."""
    now = now or utc_now()
    publication = await _locked(db, actor, publication_id)
    change = await _free(db, publication, now)
    if change is None:
        raise Conflict("Nothing is waiting to be changed here.")
    # To send once more what is there already makes no difference there.
    if change.called_at is not None and change.deed != Deed.REPLAY:
        raise Conflict("It may be carried out already; no answer came. It is tried until that is known.")
    _end(change, now)
    publication.version += 1
    await db.flush()


def _said(packed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people see of a packed post."""
    return {name: value for name, value in packed.items() if name not in {"shape", "wished"}}


async def _out(db: AsyncSession, actor: Actor, publication_id: UUID, *, version: int | None) -> Publication:
    """Return a publication that people can see, held until the transaction ends."""
    publication = await _locked(db, actor, publication_id)
    if version is not None and publication.version != version:
        raise Conflict("Somebody changed this in the meantime. Look at it again.")
    if publication.taken_down_at is not None:
        raise NotOut("This was taken down already.")
    if publication.state != State.PUBLISHED:
        raise NotOut
    if not is_known(publication):
        raise NotKnown
    return publication


async def _locked(db: AsyncSession, actor: Actor, publication_id: UUID) -> Publication:
    publication: Publication | None = await db.get(
        Publication, publication_id, with_for_update=True, populate_existing=True
    )
    if publication is None:
        raise NotFound
    require(actor, Verb.PUBLISH, publication)
    return publication


async def _free(db: AsyncSession, publication: Publication, now: datetime) -> Change | None:
    """Return the change that waits, if any. Raises UnderWay if a worker is at it."""
    change: Change | None = await db.scalar(
        select(Change)
        .where(col(Change.publication_id) == publication.id, col(Change.state) == Standing.WAITING.value)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if change is not None and change.lease_until is not None and change.lease_until > now:
        raise UnderWay("It is being changed right now. Wait a minute and look again.")
    return change


async def _is_in_doubt(db: AsyncSession, publication: Publication) -> bool:
    """Whether the last update may have brought something else than what the publication says."""
    last: Change | None = await db.scalar(
        select(Change)
        .where(col(Change.publication_id) == publication.id, col(Change.deed) == Deed.UPDATE.value)
        .order_by(col(Change.created_at).desc())
        .limit(1)
    )
    return last is not None and last.state != Standing.DONE.value and last.called_at is not None


async def _written_down(
    db: AsyncSession, publication: Publication, change: Change, *, instead_of: Change | None
) -> Change:
    if instead_of is not None:
        _end(instead_of, change.created_at)
        # The index that lets one wait at a time is looked at by each statement.
        await db.flush()
    db.add(change)
    publication.version += 1
    await db.flush()
    return change


def _end(change: Change, now: datetime) -> None:
    change.state = Standing.LEFT.value
    change.ended_at = now
    change.lease_until = None
    # A worker that slept finds another number.
    change.fence += 1

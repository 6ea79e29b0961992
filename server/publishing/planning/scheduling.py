"""What people do with publications: plan, move, change, cancel, try again, and say what nobody else can find out.

A person's change always wins over a worker that has not begun to make something visible: it takes the row's lock, and
the fence, so that the worker finds out. While a worker is at it, for a minute or so, people are told to wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.documents.models import utc_now
from server.errors import Conflict, Invalid, NotFound
from server.publishing import posts, recording
from server.publishing.channel import Account, Channel, Post, Problem, Stage
from server.publishing.models import ChannelAccount, Publication
from server.publishing.posts import FrozenPost
from server.publishing.publisher.deciding import state_of
from server.publishing.publisher.delivering import LEAD, read_handle
from server.publishing.rules import timetables
from server.publishing.states import MOVABLE, State
from server.publishing.wall_time import Moment, moment
from server.workspaces.access import Actor, Verb, require

# A plan for a moment ago means now: people read, think and press.
GRACE: Final = timedelta(minutes=2)
FURTHEST: Final = timedelta(days=5 * 366)
# The same text on the same account within so long is likely a slip.
LIKELY_A_SLIP: Final = timedelta(hours=24)
MAX_LINK_CHARACTERS: Final = 2000


class UnderWay(Conflict):
    """A worker is at it: it may be visible in a moment."""

    sentence = "This is being sent right now. Wait a minute and look again."


class OutOfHand(Conflict):
    """It has gone too far to be changed here."""

    sentence = "This cannot be changed any more: it was sent, or may have been."


class Finding(StrEnum):
    """What a person has found out about a publication whose outcome is unknown."""

    LIVE = "live"
    NOT_LIVE = "not_live"
    LOOK_AGAIN = "look_again"


@dataclass(frozen=True, slots=True)
class When:
    """A time as somebody said it: what the clock shows (naive), where, and of a time that comes twice, which."""

    wall_time: datetime
    zone: str
    later: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A publication that was planned or changed. `warnings` do not stop it; `moment` says what its time means."""

    publication: Publication
    moment: Moment
    warnings: tuple[Problem, ...] = ()


async def plan(
    db: AsyncSession,
    actor: Actor,
    channel: Channel,
    account: ChannelAccount,
    *,
    document_id: UUID,
    revision_id: UUID | None,
    content_hash: bytes,
    post: FrozenPost,
    when: When,
    is_queued: bool = False,
    series_id: UUID | None = None,
    now: datetime | None = None,
) -> Planned:
    """Plan a post of approved content. The caller has made sure that `content_hash` is approved.

    `is_queued`: `when` is a slot of the account that was free. What rules of the account another time breaks is in the
    warnings.

    Raises Forbidden, NotFound, Invalid: with what the channel would refuse, or a time that is over.
    """
    require(actor, Verb.PUBLISH, account)
    if account.disconnected_at is not None:
        raise NotFound
    now = now or utc_now()
    at = time_of(when, now)
    publication = Publication(
        workspace_id=account.workspace_id,
        document_id=document_id,
        account_id=account.id,
        revision_id=revision_id,
        content_hash=content_hash,
        post=posts.pack(post),
        wall_time=when.wall_time,
        zone=when.zone,
        due_at=at.at,
        next_at=at.at - LEAD,
        is_queued=is_queued,
        series_id=series_id,
        created_by=actor.user_id,
    )
    problems = check(channel, account, publication)
    _refuse(problems)
    db.add(publication)
    await db.flush()
    await recording.planned(db, publication, actor.user_id)
    slips = await _likely_slips(db, publication)
    against = () if is_queued else await _broken(db, publication, now)
    return Planned(publication, at, (*(each for each in problems if not each.blocks), *slips, *against))


async def move(
    db: AsyncSession,
    actor: Actor,
    publication_id: UUID,
    when: When,
    *,
    version: int | None,
    is_queued: bool = False,
    now: datetime | None = None,
) -> Planned:
    """Give a publication another time. `version`: the one that was looked at; None moves whichever it is.

    `is_queued`: it takes a slot of its account. Else it leaves the queue, and the warnings say which rules it breaks.

    Raises Forbidden, NotFound, Invalid, UnderWay, OutOfHand, Conflict if it is another version by now.
    """
    now = now or utc_now()
    publication = await _in_hand(db, actor, publication_id, version=version, now=now)
    at, before = time_of(when, now), publication.due_at
    publication.wall_time, publication.zone = when.wall_time, when.zone
    publication.due_at, publication.next_at = at.at, at.at - LEAD
    publication.overdue_told_at = None
    publication.is_queued = is_queued
    _reopen(publication)
    await db.flush()
    await recording.moved(db, publication, actor.user_id, before)
    return Planned(publication, at, () if is_queued else await _broken(db, publication, now))


async def change(
    db: AsyncSession,
    actor: Actor,
    channel: Channel,
    publication_id: UUID,
    *,
    post: FrozenPost,
    content_hash: bytes,
    revision_id: UUID | None,
    version: int | None,
    now: datetime | None = None,
) -> Planned:
    """Let a publication send another post, of content that is approved. Raises as `move` and `plan` do."""
    publication = await _in_hand(db, actor, publication_id, version=version, now=now or utc_now())
    if publication.url is not None:
        # The first part of a thread can be seen: what follows must be its own.
        raise OutOfHand
    publication.post, publication.content_hash, publication.revision_id = posts.pack(post), content_hash, revision_id
    # What was prepared for the old post is left where it is: nobody sees it, and its key is not this one's.
    publication.edition += 1
    publication.handle = publication.remote_id = None
    account = await db.get_one(ChannelAccount, publication.account_id)
    problems = check(channel, account, publication)
    _refuse(problems)
    _reopen(publication)
    await db.flush()
    await recording.changed(db, publication, actor.user_id)
    at = moment(publication.wall_time, publication.zone)
    return Planned(publication, at, tuple(each for each in problems if not each.blocks))


async def cancel(
    db: AsyncSession, actor: Actor, publication_id: UUID, *, version: int | None = None, now: datetime | None = None
) -> Publication:
    """Let a publication not go out. One that is cancelled stays so. Raises as `move` does."""
    publication = await _locked(db, actor, publication_id)
    if publication.state == State.CANCELLED:
        return publication
    publication = await _in_hand(db, actor, publication_id, version=version, now=now or utc_now())
    publication.state = State.CANCELLED.value
    # Its slot is somebody else's from now on, also if it is sent after all.
    publication.is_queued = False
    _touch(publication)
    await db.flush()
    await recording.cancelled(db, publication, actor.user_id)
    return publication


async def try_again(
    db: AsyncSession,
    actor: Actor,
    publication_id: UUID,
    *,
    instead: tuple[Channel, FrozenPost] | None = None,
    now: datetime | None = None,
) -> Publication:
    """Send what failed, or was cancelled, now: from where it stopped. Raises Forbidden, NotFound, OutOfHand.

    `instead`: another post of the same content for its channel, for what failed: from the beginning. Raises Invalid.
    """
    now = now or utc_now()
    publication = await _locked(db, actor, publication_id)
    if publication.state not in {State.FAILED, State.CANCELLED} or publication.called_at is not None:
        raise OutOfHand("Only what failed or was cancelled can be sent again.")
    if instead is not None:
        channel, post = instead
        signed, revision_id = publication.content_hash, publication.revision_id
        await change(
            db,
            actor,
            channel,
            publication_id,
            post=post,
            content_hash=signed,
            revision_id=revision_id,
            version=None,
            now=now,
        )
    publication.next_at = now
    _reopen(publication)
    await db.flush()
    await recording.tried_again(db, publication, actor.user_id)
    return publication


async def settle_unknown(
    db: AsyncSession,
    actor: Actor,
    publication_id: UUID,
    finding: Finding,
    *,
    link: str | None = None,
    now: datetime | None = None,
) -> Publication:
    """Take a person's word for what nobody else could find out. `link`: where they saw it.

    Raises Forbidden, NotFound, Invalid for a link that is none, OutOfHand if the outcome is known.
    """
    now = now or utc_now()
    publication = await _locked(db, actor, publication_id)
    if publication.state != State.UNKNOWN:
        raise OutOfHand("What became of this is known by now.")
    match finding:
        case Finding.LIVE:
            publication.url = checked_link(link) or publication.url
            publication.published_at = publication.called_at or now
            publication.called_at = None
            publication.state = State.PUBLISHED.value
            publication.remedy, publication.problem = None, ""
            _touch(publication)
        case Finding.NOT_LIVE:
            publication.called_at = None
            publication.next_at = now
            _reopen(publication)
        case Finding.LOOK_AGAIN:
            publication.next_at = now
            _reopen(publication)
    await db.flush()
    await recording.settled(db, publication, actor.user_id, finding.value)
    return publication


def check(channel: Channel, account: ChannelAccount, publication: Publication) -> list[Problem]:
    """Return what the channel would say about a publication's post, without asking it."""
    return [named(each) for each in channel.validate(_as_sent(publication), closed(account))]


def named(problem: Problem) -> Problem:
    """Return a problem of one picture with the picture named in its sentence: there it may stand among others."""
    if not problem.where.startswith("picture "):
        return problem
    return replace(problem, sentence=f"{problem.where.capitalize()}: {problem.sentence}")


def _as_sent(publication: Publication) -> Post:
    async def unread(key: str) -> bytes:
        raise AssertionError(key)

    return posts.post_of(publication, unread)


def closed(account: ChannelAccount) -> Account:
    """Return an account without its secrets: enough to ask what it takes."""
    return Account(
        id=account.id,
        channel=account.channel,
        name=account.name,
        base_url=account.base_url,
        remote_id=account.remote_id,
        facts=account.facts,
    )


def time_of(when: When, now: datetime) -> Moment:
    """Return the instant of a plan. Raises Invalid for one that is over, or too far away."""
    at = moment(when.wall_time, when.zone, later=when.later)
    if at.at < now - GRACE:
        raise Invalid({"time": "This time is over. Choose one to come, or publish now."})
    if at.at > now + FURTHEST:
        raise Invalid({"time": "This is more than five years from now."})
    return at


async def _locked(db: AsyncSession, actor: Actor, publication_id: UUID) -> Publication:
    publication: Publication | None = await db.get(
        Publication, publication_id, with_for_update=True, populate_existing=True
    )
    if publication is None:
        raise NotFound
    require(actor, Verb.PUBLISH, publication)
    return publication


async def _in_hand(
    db: AsyncSession, actor: Actor, publication_id: UUID, *, version: int | None, now: datetime
) -> Publication:
    """Return a publication that nobody sends now and nobody has seen, held until the transaction ends."""
    publication = await _locked(db, actor, publication_id)
    if version is not None and publication.version != version:
        raise Conflict("Somebody changed this in the meantime. Look at it again.")
    if publication.lease_until is not None and publication.lease_until > now:
        raise UnderWay
    if publication.called_at is not None or publication.state not in MOVABLE:
        raise OutOfHand
    return publication


def _reopen(publication: Publication) -> None:
    """Give a publication back to the workers, from where it stands on its channel."""
    handle = publication.handle
    stands = State.SCHEDULED if handle is None else state_of(read_handle(handle))
    if handle is not None and read_handle(handle).stage is Stage.PREPARING:
        stands = State.SCHEDULED
    publication.state = stands.value
    publication.tries = 0
    publication.remedy, publication.problem, publication.evidence = None, "", ""
    _touch(publication)


def _touch(publication: Publication) -> None:
    publication.version += 1
    # Whoever claimed it before, and slept, must find another number.
    publication.fence += 1
    publication.lease_until = None


def _refuse(problems: Sequence[Problem]) -> None:
    blocking = {each.where: each.sentence for each in reversed(problems) if each.blocks}
    if blocking:
        raise Invalid(blocking, "The channel would refuse this post as it is.")


async def _broken(db: AsyncSession, publication: Publication, now: datetime) -> tuple[Problem, ...]:
    """Say which rules of its account a publication's time breaks."""
    account_id = publication.account_id
    if account_id is None:
        return ()
    table = await timetables.read(db, publication.workspace_id, [account_id], now, besides=[publication.id])
    return tuple(table.broken(account_id, publication.due_at))


async def _likely_slips(db: AsyncSession, publication: Publication) -> tuple[Problem, ...]:
    text = publication.post["text"]
    near = await db.scalar(
        select(func.count())
        .select_from(Publication)
        .where(
            col(Publication.account_id) == publication.account_id,
            col(Publication.id) != publication.id,
            col(Publication.state) != State.CANCELLED.value,
            col(Publication.due_at).between(publication.due_at - LIKELY_A_SLIP, publication.due_at + LIKELY_A_SLIP),
            col(Publication.post)["text"].astext == text,
        )
    )
    if not near:
        return ()
    return (Problem("text", "The same text goes to this account within a day of it, too.", blocks=False),)


def checked_link(link: str | None) -> str | None:
    """Return a link that leads to a web page, None for none. Raises Invalid for the field `link`."""
    if not link:
        return None
    link = link.strip()
    try:
        parts = urlsplit(link)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"https", "http"} or not parts.hostname or len(link) > MAX_LINK_CHARACTERS:
        raise Invalid({"link": "Paste the address of the post, beginning with https://."})
    return link

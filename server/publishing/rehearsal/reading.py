"""Reading a scene: what is planned in a workspace and all that it hangs on, in a few questions however much it is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import anyio
import structlog
from anyio import to_thread
from obstore.store import ObjectStore
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.assets import storage
from server.documents.access import shared_with
from server.documents.models import Document, utc_now
from server.errors import Unavailable
from server.publishing.accounts.accounts import Reach
from server.publishing.accounts.sending import sent_by
from server.publishing.channel import Channel
from server.publishing.models import ChannelAccount, Health, Publication
from server.publishing.planning import scheduling
from server.publishing.planning.approving import approved_contents, why_stopped
from server.publishing.publisher.pace import Pace
from server.publishing.rehearsal.scene import Paper, Person, Place, Play, Scene
from server.publishing.rules import rules
from server.publishing.states import OPEN, State
from server.review.awaiting import waited_for
from server.review.models import Standing
from server.workspaces.access import ALLOWED, Actor, Verb, can
from server.workspaces.models import Member, Role

MOST_PLAYS: Final = 2000
# Whole posts are in the memory of a process for as many at once.
A_PORTION: Final = 100
MOST_PICTURES: Final = 500
PICTURES_AT_ONCE: Final = 8
PICTURE_SECONDS: Final = 10
# Of so many documents those are named who have to decide about them.
MOST_AWAITED: Final = 50
MOST_NAME_CHARACTERS: Final = 80

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes besides the database: the channels, the store with the pictures, and which accounts rest."""

    reach: Reach
    store: ObjectStore
    pace: Pace


async def read_scene(
    db: AsyncSession, means: Means, workspace_id: UUID, *, now: datetime, until: datetime, actor: Actor | None = None
) -> Scene:
    """Read what is due in a workspace before `until`, late ones too. `actor`: whose eyes it is for; None: nobody's."""
    accounts = await _accounts(db, workspace_id)
    plays, sizes, is_cut = await _plays(db, means.reach.channels, workspace_id, accounts, until)
    document_ids = {play.document_id for play in plays if play.document_id is not None}
    people, publishers = await _people(db, workspace_id)
    plays, papers = await _papers(db, plays)
    if actor is not None and not can(actor, Verb.PUBLISH, actor):
        seen = await _seen_by(db, actor, document_ids)
        plays = [_veiled(play, is_visible=play.document_id in seen) for play in plays]
    used = {play.account_id for play in plays if play.account_id is not None}
    places = await _places(db, means, workspace_id, [accounts[each] for each in used if each in accounts], now)
    return Scene(
        now=now,
        until=until,
        plays=plays,
        places=places,
        papers=papers,
        publishers=publishers,
        people=people,
        missing_pictures=await missing(means.store, sizes),
        is_cut=is_cut,
    )


async def missing(store: ObjectStore, sizes: Mapping[str, int]) -> frozenset[str]:
    """Return which pictures are not in the store, whole. Those that cannot be looked for in time are taken as there."""
    gone: set[str] = set()
    slots = anyio.CapacityLimiter(PICTURES_AT_ONCE)

    async def look(key: str, size_bytes: int) -> None:
        async with slots:
            try:
                if not await storage.holds(store, key, size_bytes=size_bytes):
                    gone.add(key)
            except Unavailable:
                log.warning("a picture could not be looked for", key=key)

    with anyio.move_on_after(PICTURE_SECONDS):
        async with anyio.create_task_group() as tasks:
            for key, size_bytes in list(sizes.items())[:MOST_PICTURES]:
                tasks.start_soon(look, key, size_bytes)
    return frozenset(gone)


async def _accounts(db: AsyncSession, workspace_id: UUID) -> dict[UUID, ChannelAccount]:
    rows = await db.scalars(select(ChannelAccount).where(col(ChannelAccount.workspace_id) == workspace_id))
    return {row.id: row for row in rows}


async def _plays(
    db: AsyncSession,
    channels: Mapping[str, Channel],
    workspace_id: UUID,
    accounts: Mapping[UUID, ChannelAccount],
    until: datetime,
) -> tuple[list[Play], dict[str, int], bool]:
    """Return the plays, the sizes of their pictures by key, and whether there were more. Posts are read in portions."""
    found = (
        select(Publication, col(Document.title))
        .outerjoin(Document, col(Document.id) == col(Publication.document_id))
        .where(
            col(Publication.workspace_id) == workspace_id,
            col(Publication.state).in_([state.value for state in OPEN]),
            col(Publication.due_at) < until,
        )
        .order_by(col(Publication.due_at), col(Publication.id))
        .limit(MOST_PLAYS + 1)
        .execution_options(yield_per=A_PORTION)
    )
    plays: list[Play] = []
    sizes: dict[str, int] = {}
    rows = await db.stream(found)
    async for portion in rows.partitions():
        # Counting characters takes time, which other requests shall have meanwhile.
        plays += await to_thread.run_sync(_read, channels, accounts, [(row[0], row[1]) for row in portion])
        for publication, _ in portion:
            sizes |= {each["key"]: each["size_bytes"] for each in publication.post["pictures"]}
            db.expunge(publication)
    return plays[:MOST_PLAYS], sizes, len(plays) > MOST_PLAYS


def _read(
    channels: Mapping[str, Channel],
    accounts: Mapping[UUID, ChannelAccount],
    rows: Iterable[tuple[Publication, str | None]],
) -> list[Play]:
    return [_play(channels, accounts, publication, title or "") for publication, title in rows]


def _play(
    channels: Mapping[str, Channel], accounts: Mapping[UUID, ChannelAccount], row: Publication, title: str
) -> Play:
    post: Mapping[str, Any] = row.post
    account = accounts.get(row.account_id) if row.account_id is not None else None
    channel = channels.get(account.channel) if account is not None else None
    name = post["title"] or title or " ".join(str(post["text"]).split()) or "Untitled"
    is_begun = row.url is not None or row.called_at is not None
    return Play(
        id=row.id,
        document_id=row.document_id,
        account_id=row.account_id,
        name=name if len(name) <= MOST_NAME_CHARACTERS else name[: MOST_NAME_CHARACTERS - 1] + "…",
        wall_time=row.wall_time,
        zone=row.zone,
        due_at=row.due_at,
        next_at=row.next_at,
        version=row.version,
        content_hash=row.content_hash,
        state=State(row.state),
        tries=row.tries,
        problem=row.problem,
        planned_by=row.created_by,
        series_id=row.series_id,
        # What can be seen in part already is not refused any more.
        problems=tuple(scheduling.check(channel, account, row)) if channel and account and not is_begun else (),
        posts=1 + len(post["replies"]),
        pictures=tuple(each["key"] for each in post["pictures"]),
        is_begun=is_begun,
    )


def _veiled(play: Play, *, is_visible: bool) -> Play:
    return play if is_visible else replace(play, is_visible=False)


async def _seen_by(db: AsyncSession, actor: Actor, document_ids: Collection[UUID]) -> frozenset[UUID]:
    seen = select(col(Document.id)).where(col(Document.id).in_(document_ids), shared_with(actor).is_not(None))
    return frozenset(await db.scalars(seen))


async def _people(db: AsyncSession, workspace_id: UUID) -> tuple[dict[UUID, Person], dict[UUID, Person]]:
    """Return the members who can sign in, and those of them who may publish, by id and in order of their names."""
    rows = await db.execute(
        select(col(User.id), col(User.name), col(Member.role))
        .join(Member, col(Member.user_id) == col(User.id))
        .where(col(Member.workspace_id) == workspace_id, col(User.disabled_at).is_(None))
        .order_by(func.lower(col(User.name)), col(User.id))
    )
    people: dict[UUID, Person] = {}
    publishers: dict[UUID, Person] = {}
    for user_id, name, role in rows:
        people[user_id] = Person(user_id, name)
        if Verb.PUBLISH in ALLOWED[Role(role)]:
            publishers[user_id] = people[user_id]
    return people, publishers


async def _papers(db: AsyncSession, plays: Sequence[Play]) -> tuple[list[Play], dict[UUID, Paper]]:
    """Return the plays with why they are stopped, and what they are of, by id."""
    document_ids = {play.document_id for play in plays if play.document_id is not None}
    rows = (
        await db.execute(
            select(Document, Standing)
            .outerjoin(Standing, col(Standing.document_id) == col(Document.id))
            .where(col(Document.id).in_(document_ids))
        )
    ).all()
    known = {document.id: (document, standing) for document, standing in rows}
    approved = await approved_contents(db, document_ids)

    def why(play: Play) -> str | None:
        document, standing = known.get(play.document_id, (None, None)) if play.document_id is not None else (None, None)
        return why_stopped(document, standing, is_approved=(play.document_id, play.content_hash) in approved)

    # What can be seen in part already is seen to its end.
    plays = [replace(play, stopped=None if play.is_begun else why(play)) for play in plays]
    awaited = {play.document_id: None for play in plays if play.stopped is not None and play.document_id in known}
    deciders = await waited_for(db, [each for each in awaited if each is not None][:MOST_AWAITED])
    papers = {
        document.id: Paper(
            title=document.title,
            content_hash=document.content_hash,
            approved_hash=standing.approved_hash if standing is not None else None,
            is_trashed=document.trashed_at is not None,
            is_held=standing is not None and standing.held_at is not None,
            held_by=standing.held_by if standing is not None else None,
            held_at=standing.held_at if standing is not None else None,
            waited_for=tuple(Person(each.id, each.name) for each in deciders.get(document.id, ())),
        )
        for document, standing in rows
    }
    return plays, papers


async def _places(
    db: AsyncSession, means: Means, workspace_id: UUID, accounts: Collection[ChannelAccount], now: datetime
) -> dict[UUID, Place]:
    ids = [account.id for account in accounts]
    known = await rules.read(db, workspace_id, ids)
    sent = await sent_by(db, ids, now)
    return {
        account.id: Place(
            account=scheduling.closed(account),
            channel=means.reach.channels.get(account.channel),
            health=Health(account.health),
            sentence=account.health_sentence,
            since=account.health_since,
            is_connected=account.disconnected_at is None,
            expires_at=account.expires_at,
            responsible_id=account.responsible_id,
            rules=known[account.id],
            rests_until=await means.pace.resting_until(account.id),
            sent=tuple(sent[account.id]),
        )
        for account in accounts
    }


async def count_planned(db: AsyncSession, workspace_id: UUID, days: int) -> int:
    """Return how many publications a rehearsal of so many days would play."""
    found = select(func.count()).where(
        col(Publication.workspace_id) == workspace_id,
        col(Publication.state).in_([state.value for state in OPEN]),
        col(Publication.due_at) < utc_now() + timedelta(days=days),
    )
    return min(await db.scalar(found) or 0, MOST_PLAYS)

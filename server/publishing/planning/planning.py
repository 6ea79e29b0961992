"""Publications as people and programs plan and see them: of which document, where, when, and what came of it.

Admins and schedulers see all of a workspace; everybody else those of documents that they see.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Group
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.accounts.models import User
from server.documents.access import shared_with
from server.documents.models import Document, utc_now
from server.documents.variants import MAX_ACCOUNTS, is_full
from server.errors import Conflict, Invalid, NotFound
from server.publishing import posts
from server.publishing.accounts import accounts
from server.publishing.accounts.accounts import Reach
from server.publishing.channel import Channel, Limits, Problem
from server.publishing.models import Attempt, ChannelAccount, Publication
from server.publishing.planning import composing, scheduling
from server.publishing.planning.composing import ApprovedContent
from server.publishing.planning.scheduling import Planned, When
from server.publishing.posts import Additions, FrozenPost
from server.publishing.publisher.delivering import LEAD
from server.publishing.rules import timetables
from server.publishing.rules.timetables import Timetable
from server.publishing.states import MOVABLE, OPEN, State
from server.publishing.wall_time import Moment, moment, wall_at, zone_named
from server.workspaces.access import Actor, Verb, can, require

EVENT: Final = "publications"
MAX_WORDS: Final = 120
MAX_TAGS: Final = 30
MAX_TAG_CHARACTERS: Final = 100
MOST_TAGS_SHOWN: Final = 24

# Returns what is approved of a document now, None if nothing is.
FindApproved = Callable[[AsyncSession, UUID], Awaitable[ApprovedContent | None]]


class NotApproved(Conflict):
    """Only what was approved goes out."""

    sentence = "This document is not approved yet. Ask for a review; once it is approved, it can be published."


@dataclass(frozen=True, slots=True)
class Entry:
    """A publication as lists show it: without its text. `words` are the first of it."""

    id: UUID
    state: State
    wall_time: datetime
    zone: str
    due_at: datetime
    version: int
    title: str
    words: str
    document_id: UUID | None
    document_title: str | None
    account_id: UUID | None
    account_name: str | None
    channel: str | None
    url: str | None
    problem: str
    published_at: datetime | None
    called_at: datetime | None
    changed_at: datetime | None
    taken_down_at: datetime | None
    # Since when its channel, for reasons of its own, shows it no longer.
    gone_since: datetime | None
    created_at: datetime
    link: str | None
    tags: Sequence[str]
    options: Mapping[str, str]
    # Of a sandbox: whose limits it has.
    plays: str | None = None
    series_id: UUID | None = None

    @property
    def is_movable(self) -> bool:
        """Whether people may still move it."""
        return self.state in MOVABLE and self.called_at is None

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.title or self.document_title or self.words or "Untitled"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which publications are asked for; None: all. Times are instants, `until` is exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    states: frozenset[State] | None = None
    account_id: UUID | None = None
    document_id: UUID | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `next_cursor` asks for the part after it, None at the end."""

    entries: Sequence[Entry]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A publication with all that is known of it."""

    entry: Entry
    publication: Publication
    attempts: Sequence[Attempt]
    planned_by: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A post as it would go out on an account, and what its channel says about it.

    `shown`: where its pictures lie here, by their names in it.
    """

    account: ChannelAccount
    channel: Channel
    post: FrozenPost
    limits: Limits
    problems: Sequence[Problem]
    moment: Moment | None = None
    shown: Mapping[str, str] = field(default_factory=dict)

    @property
    def blocks(self) -> bool:
        """Whether something must be mended first."""
        return any(each.blocks for each in self.problems)


@dataclass(frozen=True, slots=True)
class Newest:
    """What is approved of a publication's document now, as its account would get it."""

    content: ApprovedContent
    account: ChannelAccount
    channel: Channel
    post: FrozenPost


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes to plan: the channels, and who knows what is approved."""

    reach: Reach
    approved: FindApproved


@dataclass(frozen=True, slots=True)
class NextSlot:
    """The next free slot of an account after an instant; None: after now."""

    after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A document on an account. `when` None: now."""

    document_id: UUID
    account_id: UUID
    when: When | NextSlot | None = None
    additions: Additions = field(default_factory=Additions)


async def listed(
    db: AsyncSession, actor: Actor, wanted: Wanted, *, limit: int, cursor: str | None = None, newest_first: bool = False
) -> Page:
    """Return publications of the actor's workspace by time. Raises Invalid for a foreign cursor."""
    require(actor, Verb.VIEW, actor)
    place = tuple_(col(Publication.due_at), col(Publication.id))
    found = _entries(actor).where(*_conditions(wanted))
    if cursor is not None:
        after = tuple_(*_read_cursor(cursor))
        found = found.where(place < after if newest_first else place > after)
    order = [col(Publication.due_at), col(Publication.id)]
    found = found.order_by(*(each.desc() if newest_first else each for each in order)).limit(limit + 1)
    entries = [_entry(row) for row in (await db.execute(found)).all()]
    more = len(entries) > limit
    entries = entries[:limit]
    return Page(entries, _write_cursor(entries[-1]) if more else None)


async def count_states(db: AsyncSession, actor: Actor, wanted: Wanted) -> dict[State, int]:
    """Return how many publications there are in each state."""
    require(actor, Verb.VIEW, actor)
    found = (
        select(col(Publication.state), func.count())
        .outerjoin(Document, col(Document.id) == col(Publication.document_id))
        .where(_visible(actor), *_conditions(wanted))
        .group_by(col(Publication.state))
    )
    return {State(state): number for state, number in await db.execute(found)}


async def tags_in_use(db: AsyncSession, actor: Actor, wanted: Wanted) -> list[str]:
    """Return the tags of the publications that are asked for, in small letters, by name: those that most have."""
    require(actor, Verb.VIEW, actor)
    tags = func.jsonb_array_elements_text(col(Publication.tag_keys)).table_valued("value").lateral("tags")
    found = (
        select(tags.c.value)
        .select_from(Publication)
        .outerjoin(Document, col(Document.id) == col(Publication.document_id))
        .join(tags, true())
        .where(_visible(actor), *_conditions(wanted))
        .group_by(tags.c.value)
        .order_by(func.count().desc(), tags.c.value)
        .limit(MOST_TAGS_SHOWN)
    )
    return sorted(await db.scalars(found))


async def by_id(db: AsyncSession, actor: Actor, ids: Group[UUID]) -> dict[UUID, Entry]:
    """Return those of these publications that the actor sees."""
    require(actor, Verb.VIEW, actor)
    rows = await db.execute(_entries(actor).where(col(Publication.id).in_(ids)))
    return {entry.id: entry for entry in map(_entry, rows)}


async def find(db: AsyncSession, actor: Actor, publication_id: UUID, verb: Verb = Verb.VIEW) -> Seen:
    """Return a publication with its attempts, oldest first. Raises NotFound, Forbidden."""
    require(actor, Verb.VIEW, actor)
    row = (await db.execute(_entries(actor).where(col(Publication.id) == publication_id))).one_or_none()
    if row is None:
        raise NotFound
    publication = await db.get_one(Publication, publication_id, populate_existing=True)
    require(actor, verb, publication)
    attempts = await db.scalars(
        select(Attempt).where(col(Attempt.publication_id) == publication_id).order_by(col(Attempt.begun_at))
    )
    person = await db.get(User, publication.created_by) if publication.created_by is not None else None
    return Seen(_entry(row), publication, attempts.all(), person.name if person is not None else None)


async def approved_content(db: AsyncSession, actor: Actor, means: Means, document_id: UUID) -> ApprovedContent:
    """Return what may go out of a document. Raises NotFound, Forbidden, and NotApproved if nothing may yet."""
    require(actor, Verb.PUBLISH, actor)
    document = await db.scalar(
        select(Document).where(
            col(Document.id) == document_id,
            col(Document.workspace_id) == actor.workspace_id,
            shared_with(actor).is_not(None),
        )
    )
    if document is None:
        raise NotFound
    if document.trashed_at is not None:
        raise Conflict("This document is in the trash. Restore it first.")
    content = await means.approved(db, document_id)
    if content is None:
        raise NotApproved
    return content


async def draft(
    db: AsyncSession,
    actor: Actor,
    means: Means,
    content: ApprovedContent,
    wish: Wish,
    *,
    table: Timetable | None = None,
) -> Draft:
    """Return what would go out, and all that stands against it, without planning it. Raises NotFound, Invalid.

    `table`: with the account in it, if it was read already. Raises NothingFree if a slot is wished for in vain.
    """
    account, channel = await _account(db, actor, means.reach, wish.account_id)
    post, left_out, shown = await _compose(db, content, account, channel, wish.additions)
    now = utc_now()
    table = table or await timetables.read(db, actor.workspace_id, [account.id], now)
    at = scheduling.time_of(_said(wish.when, account.id, table, now), now)
    publication = Publication(
        id=uuid4(),
        workspace_id=actor.workspace_id,
        content_hash=content.content_hash,
        post=posts.pack(post),
        wall_time=at.wall,
        zone="UTC",
        due_at=at.at,
        next_at=at.at,
    )
    against = [] if isinstance(wish.when, NextSlot) else table.broken(account.id, at.at)
    problems = [*scheduling.check(channel, account, publication), *left_out, *against]
    return Draft(account, channel, post, channel.limits(scheduling.closed(account)), problems, at, shown)


async def plan(
    db: AsyncSession,
    actor: Actor,
    means: Means,
    wish: Wish,
    *,
    content: ApprovedContent | None = None,
    series_id: UUID | None = None,
) -> Planned:
    """Plan what is approved of a document. Raises as `approved_content` and `scheduling.plan` do.

    `content`: what `approved_content` returned in this transaction, for those who plan a document many times.
    Whoever wishes for a slot gets it alone: others wait until this transaction ends. Raises NothingFree.
    """
    content = content or await approved_content(db, actor, means, wish.document_id)
    account, channel = await _account(db, actor, means.reach, wish.account_id)
    post, left_out, _ = await _compose(db, content, account, channel, wish.additions)
    now = utc_now()
    if isinstance(wish.when, NextSlot):
        table = await timetables.read(db, actor.workspace_id, [account.id], now, hold=True)
        when = _said(wish.when, account.id, table, now)
    else:
        when = wish.when or this_moment("UTC", now)
    planned = await scheduling.plan(
        db,
        actor,
        channel,
        account,
        document_id=wish.document_id,
        revision_id=content.revision_id,
        content_hash=content.content_hash,
        post=post,
        when=when,
        is_queued=isinstance(wish.when, NextSlot),
        series_id=series_id,
        now=now,
    )
    return replace(planned, warnings=(*planned.warnings, *left_out))


async def copy(
    db: AsyncSession, actor: Actor, means: Means, publication_id: UUID, *, account_id: UUID, when: When
) -> Planned:
    """Plan what is approved of a publication's document once more, on an account at a time.

    On the same account with what it had besides the text. Raises as `plan` does, Conflict if its document is gone.
    """
    seen = await find(db, actor, publication_id, Verb.PUBLISH)
    if seen.entry.document_id is None:
        raise Conflict("The document of this publication is gone, so it cannot be planned once more.")
    before = posts.unpack(seen.publication.post).wished
    additions = before if account_id == seen.entry.account_id else replace(before, options=None)
    return await plan(db, actor, means, Wish(seen.entry.document_id, account_id, when, additions))


async def newest(
    db: AsyncSession, actor: Actor, means: Means, publication: Publication, additions: Additions | None = None
) -> Newest:
    """Return what a publication would send if it sent what is approved now. `additions` None: as before.

    Raises as `approved_content` does, Conflict if its document or account is gone, Invalid.
    """
    before = posts.unpack(publication.post)
    if publication.document_id is None or publication.account_id is None:
        raise Conflict("The document or the account of this publication is gone. Cancel it and plan another.")
    content = await approved_content(db, actor, means, publication.document_id)
    account, channel = await _account(db, actor, means.reach, publication.account_id)
    post, _, _ = await _compose(db, content, account, channel, additions or before.wished)
    return Newest(content, account, channel, post)


async def renew(
    db: AsyncSession,
    actor: Actor,
    means: Means,
    publication_id: UUID,
    *,
    additions: Additions | None,
    version: int | None,
) -> Planned:
    """Let a publication send what is approved now. `additions` None: as before. Raises as `plan` and `move` do."""
    seen = await find(db, actor, publication_id, Verb.PUBLISH)
    found = await newest(db, actor, means, seen.publication, additions)
    return await scheduling.change(
        db,
        actor,
        found.channel,
        publication_id,
        post=found.post,
        content_hash=found.content.content_hash,
        revision_id=found.content.revision_id,
        version=version,
    )


async def try_again(
    db: AsyncSession, actor: Actor, means: Means, publication_id: UUID, *, options: Mapping[str, str] | None = None
) -> Publication:
    """Send what failed, or was cancelled, now. `options`: what its channel asks for from now on; None: as before.

    Its text stays the one that it was planned with. Raises as `scheduling.try_again` does.
    """
    seen = await find(db, actor, publication_id, Verb.PUBLISH)
    before = posts.unpack(seen.publication.post)
    if options is None or seen.publication.account_id is None:
        return await scheduling.try_again(db, actor, publication_id)
    _, channel = await _account(db, actor, means.reach, seen.publication.account_id)
    given = checked(channel, Additions(before.link, before.tags, options)).options or {}
    if given == (before.options or {}):
        return await scheduling.try_again(db, actor, publication_id)
    post = replace(before, options=given, wished=replace(before.wished, options=options))
    return await scheduling.try_again(db, actor, publication_id, instead=(channel, post))


async def move_as_shown(
    db: AsyncSession, actor: Actor, publication_id: UUID, to: datetime, shown_in: str, *, version: int | None
) -> Planned:
    """Move a publication to a wall time of the zone that a calendar shows; it keeps its own zone.

    Raises as `scheduling.move` does.
    """
    seen = await find(db, actor, publication_id, Verb.PUBLISH)
    there = moment(to, shown_in).at.astimezone(zone_named(seen.entry.zone))
    when = When(there.replace(tzinfo=None, fold=0), seen.entry.zone, later=there.fold == 1)
    planned = await scheduling.move(db, actor, publication_id, when, version=version)
    shown = moment(to, shown_in)
    return planned if planned.moment.rule else replace(planned, moment=shown)


def _said(wished: When | NextSlot | None, account_id: UUID, table: Timetable, now: datetime) -> When:
    if not isinstance(wished, NextSlot):
        return wished or this_moment("UTC", now)
    [slot] = table.next(account_id, max(now, wished.after or now))
    return When(slot.wall, slot.zone)


def this_moment(zone: str, now: datetime) -> When:
    """Return the time of this moment as a plan says it. Raises Invalid for an unknown zone."""
    local = now.astimezone(zone_named(zone))
    return When(wall_at(now, zone).replace(fold=0), zone, later=local.fold == 1)


def is_due(publication: Publication, now: datetime) -> bool:
    """Whether a worker may take it up at once, or nearly."""
    return publication.state in OPEN and publication.next_at <= now + LEAD


async def _account(db: AsyncSession, actor: Actor, reach: Reach, account_id: UUID) -> tuple[ChannelAccount, Channel]:
    try:
        account = await accounts.find(db, actor, account_id, Verb.PUBLISH)
    except NotFound:
        raise Invalid({"account_id": "There is no such account here. Connect it first."}) from None
    channel = reach.channels.get(account.channel)
    if channel is None:
        raise Invalid({"account_id": f"This installation has no channel “{account.channel}”."})
    return account, channel


async def _compose(
    db: AsyncSession, content: ApprovedContent, account: ChannelAccount, channel: Channel, additions: Additions
) -> tuple[FrozenPost, list[Problem], Mapping[str, str]]:
    """Return the post that an account gets, what does not go out with it, and where its pictures lie here.

    Raises Invalid.
    """
    if is_full(content.variants) and str(account.id) not in content.variants:
        # Its own text may be among those that were not read: the document's must not go out in its place.
        raise Conflict(
            f"This document has texts of their own for {MAX_ACCOUNTS} accounts; no more are read. "
            "Take back those that nobody needs, and have it reviewed again."
        )
    said = content.on(account.id)
    assets = composing.signed(content, await composing.pictures_of(db, content.workspace_id, said))
    post = composing.compose(said, channel, assets, checked(channel, composing.added(said, channel, additions)))
    left_out = composing.left_out(said, channel, assets)
    return replace(post, wished=additions), left_out, composing.shown(said, channel, assets)


def checked(channel: Channel, additions: Additions) -> Additions:
    """Return what a post has besides the text, cleaned. Raises Invalid."""
    asked = {each.name: each for each in channel.options}
    given = {name: value.strip() for name, value in (additions.options or {}).items() if value.strip()}
    errors = {name: f"{channel.name} does not ask for this." for name in given if name not in asked}
    for name, option in asked.items():
        if option.required and name not in given:
            errors[name] = f"Fill this in: {option.label}."
        elif option.choices and name in given and given[name] not in dict(option.choices):
            errors[name] = "Choose one of the values."
    tags = tuple(dict.fromkeys(tag for each in additions.tags or () if (tag := each.strip().lstrip("#").strip())))
    if len(tags) > MAX_TAGS or any(len(tag) > MAX_TAG_CHARACTERS for tag in tags):
        errors["tags"] = f"Use at most {MAX_TAGS} tags of at most {MAX_TAG_CHARACTERS} characters each."
    link = None
    try:
        link = scheduling.checked_link(additions.link)
    except Invalid as error:
        errors |= error.fields
    if errors:
        raise Invalid(errors)
    return Additions(link, tags, given)


def _visible(actor: Actor) -> ColumnElement[bool]:
    here = col(Publication.workspace_id) == actor.workspace_id
    return here if can(actor, Verb.PUBLISH, actor) else here & shared_with(actor).is_not(None)


def _entries(actor: Actor) -> Select[Any]:
    return (
        select(
            col(Publication.id),
            col(Publication.state),
            col(Publication.wall_time),
            col(Publication.zone),
            col(Publication.due_at),
            col(Publication.version),
            col(Publication.post)["title"].astext.label("title"),
            func.left(col(Publication.post)["text"].astext, MAX_WORDS + 1).label("words"),
            col(Publication.document_id),
            col(Document.title).label("document_title"),
            col(Publication.account_id),
            col(ChannelAccount.name).label("account_name"),
            col(ChannelAccount.channel),
            col(Publication.url),
            col(Publication.problem),
            col(Publication.published_at),
            col(Publication.called_at),
            col(Publication.changed_at),
            col(Publication.taken_down_at),
            col(Publication.gone_since),
            col(Publication.created_at),
            col(Publication.post)["link"].astext.label("link"),
            col(Publication.post)["tags"].label("tags"),
            col(Publication.post)["options"].label("options"),
            col(ChannelAccount.facts)["plays"].astext.label("plays"),
            col(Publication.series_id),
        )
        .outerjoin(Document, col(Document.id) == col(Publication.document_id))
        .outerjoin(ChannelAccount, col(ChannelAccount.id) == col(Publication.account_id))
        .where(_visible(actor))
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(col(Publication.due_at) >= wanted.since)
    if wanted.until is not None:
        found.append(col(Publication.due_at) < wanted.until)
    if wanted.states is not None:
        found.append(col(Publication.state).in_(sorted(wanted.states)))
    if wanted.account_id is not None:
        found.append(col(Publication.account_id) == wanted.account_id)
    if wanted.document_id is not None:
        found.append(col(Publication.document_id) == wanted.document_id)
    if wanted.tag is not None:
        # Postgres knows no such letter, and no tag has it.
        found.append(col(Publication.tag_keys).op("?")(func.lower(wanted.tag.replace("\0", ""))))
    return found


def _entry(row: Any) -> Entry:  # noqa: ANN401 - a row of `_entries`
    values: Mapping[str, Any] = row._mapping  # noqa: SLF001 - its public way to read a row by name
    return Entry(**{**values, "state": State(values["state"]), "words": _first_words(values["words"] or "")})


def _first_words(text: str) -> str:
    """Return the beginning of a text in one line, and that it goes on if it does."""
    shown = " ".join(text[:MAX_WORDS].split())
    return f"{shown}…" if len(text) > MAX_WORDS else shown


def _write_cursor(entry: Entry) -> str:
    return urlsafe_b64encode(json.dumps([entry.due_at.isoformat(), str(entry.id)]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        when, publication_id = json.loads(urlsafe_b64decode(cursor.encode()))
        written = datetime.fromisoformat(when)
        read = written.astimezone(UTC), UUID(publication_id)
    except (NotBase64, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Invalid({"cursor": "This cursor is not one of ours."}) from error
    return read

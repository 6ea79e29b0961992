"""A post as it would go out on an account, before anybody plans it: its texts, how full they are, and how it looks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.assets.models import Asset
from server.assets.storage import digest_of
from server.documents.freezing import Words
from server.documents.variants import Whole, whole
from server.errors import Invalid
from server.publishing import posts
from server.publishing.channel import Account, Channel, Post, Problem
from server.publishing.channels.sandbox import Sandbox
from server.publishing.counting import count, graphemes
from server.publishing.models import ChannelAccount, Publication
from server.publishing.planning import composing, looks, planning, scheduling
from server.publishing.planning.planning import Draft
from server.publishing.posts import Additions, FrozenPost

# Whatever is counted is counted as if it went out now.
_NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Meter:
    """How full something is. `most` None: there is no limit that is known."""

    name: str
    used: int
    most: int | None
    unit: str

    @property
    def is_over(self) -> bool:
        """Whether it is more than the channel takes."""
        return self.most is not None and self.used > self.most


@dataclass(frozen=True, slots=True)
class Preview:
    """What goes out. `parts`: the texts, one for each post that is made. `html`: how it looks there, safe."""

    meters: Sequence[Meter]
    problems: Sequence[Problem]
    parts: Sequence[str]
    html: Markup

    @property
    def blocks(self) -> bool:
        """Whether something must be mended first."""
        return any(each.blocks for each in self.problems)


@dataclass(frozen=True, slots=True)
class OnAccount:
    """What a document says on an account, and what its channel says about it. `is_own`: another than the document's."""

    account: ChannelAccount
    said: Whole
    is_own: bool
    parts: Sequence[str]
    meters: Sequence[Meter]
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the accounts; `next_after` is the last of them if there are more."""

    accounts: Sequence[OnAccount]
    next_after: UUID | None


async def listed(
    db: AsyncSession,
    workspace_id: UUID,
    words: Words,
    channels: Mapping[str, Channel],
    *,
    limit: int,
    after: UUID | None = None,
    only_own: bool = False,
) -> Page:
    """Return what a document says on connected accounts, by channel and name, from behind the account `after` on.

    `only_own`: on those alone for which somebody wrote another text than the document's.
    """
    place = tuple_(col(ChannelAccount.channel), col(ChannelAccount.name), col(ChannelAccount.id))
    wanted = (
        select(ChannelAccount)
        .where(
            col(ChannelAccount.workspace_id) == workspace_id,
            col(ChannelAccount.disconnected_at).is_(None),
            col(ChannelAccount.channel).in_(channels),
        )
        .order_by(col(ChannelAccount.channel), col(ChannelAccount.name), col(ChannelAccount.id))
        .limit(limit + 1)
    )
    before = await db.get(ChannelAccount, after) if after is not None else None
    if before is not None:
        wanted = wanted.where(place > tuple_(before.channel, before.name, before.id))
    if only_own:
        wanted = wanted.where(col(ChannelAccount.id).in_([UUID(each) for each in words.variants]))
    rows = list(await db.scalars(wanted))
    placed = [
        (row, scheduling.closed(row), whole(words.title, words.body, words.variants.get(str(row.id))))
        for row in rows[:limit]
    ]
    assets = await composing.pictures_of(db, workspace_id, *(said for _, _, said in placed))
    await db.commit()

    def look() -> list[OnAccount]:
        return [
            _on_account(words, row, channels[row.channel], said, _composed(said, closed, channels[row.channel], assets))
            for row, closed, said in placed
        ]

    return Page(await asyncio.to_thread(look), rows[limit - 1].id if len(rows) > limit else None)


def _on_account(words: Words, row: ChannelAccount, channel: Channel, said: Whole, composed: _Composed) -> OnAccount:
    closed = scheduling.closed(row)
    return OnAccount(
        account=row,
        said=said,
        is_own=str(row.id) in words.variants,
        parts=channel.said(composed.post, closed),
        meters=meters_of(channel, closed, composed.post),
        problems=composed.problems,
    )


async def preview(
    db: AsyncSession, workspace_id: UUID, said: Whole, account: ChannelAccount, channel: Channel
) -> Preview:
    """Return how a text would go out on an account. Nothing is kept, and the channel is not asked."""
    assets = await composing.pictures_of(db, workspace_id, said)
    closed = scheduling.closed(account)
    # While it is composed, no connection waits.
    await db.commit()
    return await asyncio.to_thread(_preview, said, closed, channel, assets)


def of_draft(draft: Draft) -> Preview:
    """Return how a post looks that somebody is about to plan. Use a thread."""
    return _seen(draft.channel, scheduling.closed(draft.account), _as_post(draft.post), draft.problems, draft.shown)


async def of_publication(
    db: AsyncSession, publication: Publication, account: ChannelAccount, channel: Channel
) -> Markup:
    """Return how a planned or published post looks on its account. Pictures that are gone from here are left out."""
    frozen = posts.unpack(publication.post)
    digests = {each.name: digest for each in frozen.pictures if (digest := digest_of(each.key)) is not None}
    rows = await db.execute(
        select(col(Asset.sha256), col(Asset.id)).where(
            col(Asset.workspace_id) == publication.workspace_id, col(Asset.sha256).in_(set(digests.values()))
        )
    )
    here = {sha256: f"/assets/{asset_id}" for sha256, asset_id in rows}
    shown = {name: here[digest] for name, digest in digests.items() if digest in here}
    # Under its own name and time: of a webhook the event is shown as it is sent.
    post = posts.as_post(frozen, publication.id, key="preview", due_at=publication.due_at, read=_unread)
    return await asyncio.to_thread(looks.draw, channel, scheduling.closed(account), post, shown)


def meters_of(channel: Channel, account: Account, post: Post) -> list[Meter]:
    """Return how full the parts of a post are, as the channel counts."""
    # What a sandbox plays has no title if that has none.
    can = (channel.plays(account) if isinstance(channel, Sandbox) else channel).capabilities
    limits = channel.limits(account)
    found = []
    if can.titles and limits.title is not None:
        found.append(Meter("Title", len(post.title.strip()), limits.title, "characters"))
    besides = sum(graphemes(post.options.get(option.name, "").strip()) for option in channel.options if option.counts)
    for number, text in enumerate(channel.said(post, account), start=1):
        name = "Text" if number == 1 else f"Post {number}"
        found.append(Meter(name, count(text, limits.counting) + besides, limits.text, "characters"))
        if limits.text_bytes is not None and len(text.encode()) > limits.text_bytes:
            found.append(Meter(name, len(text.encode()), limits.text_bytes, "bytes"))
    if post.tags or limits.tags is not None:
        found.append(Meter("Tags", len(post.tags), limits.tags, "tags"))
    if can.pictures:
        found.append(Meter("Pictures", len(post.pictures), limits.pictures, "pictures"))
    return found


@dataclass(frozen=True, slots=True)
class _Composed:
    post: Post
    problems: Sequence[Problem]
    shown: Mapping[str, str]


def _preview(said: Whole, account: Account, channel: Channel, assets: Mapping[UUID, Asset]) -> Preview:
    composed = _composed(said, account, channel, assets)
    return _seen(channel, account, composed.post, composed.problems, composed.shown)


def _composed(said: Whole, account: Account, channel: Channel, assets: Mapping[UUID, Asset]) -> _Composed:
    additions = composing.added(said, channel, Additions())
    amiss: Mapping[str, str] = {}
    try:
        additions = planning.checked(channel, additions)
    except Invalid as error:
        amiss = error.fields
    post = _as_post(composing.compose(said, channel, assets, additions))
    problems = [scheduling.named(each) for each in channel.validate(post, account)]
    named = {each.where for each in problems}
    problems += [Problem(where, sentence) for where, sentence in amiss.items() if where not in named]
    problems += composing.left_out(said, channel, assets)
    return _Composed(post, problems, composing.shown(said, channel, assets))


def _seen(
    channel: Channel, account: Account, post: Post, problems: Sequence[Problem], shown: Mapping[str, str]
) -> Preview:
    html = looks.draw(channel, account, post, shown)
    return Preview(meters_of(channel, account, post), problems, channel.said(post, account), html)


def _as_post(frozen: FrozenPost) -> Post:
    return posts.as_post(frozen, _NOBODY, key="preview", due_at=datetime.now(UTC), read=_unread)


async def _unread(key: str) -> bytes:
    raise AssertionError(key)

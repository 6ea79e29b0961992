"""What people read of a site, looked up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.publishing.models import ChannelAccount
from server.publishing.site.models import SiteGone, SitePost, SiteSlug

PER_PAGE: Final = 12
IN_FEED: Final = 30
# As many as one sitemap may name.
IN_SITEMAP: Final = 50_000


@dataclass(frozen=True, slots=True)
class SiteSeen:
    """A site that is switched on."""

    account_id: UUID
    address: str
    name: str
    description: str
    language: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Some pages of a site, newest first. `number` counts from 1."""

    posts: Sequence[SitePost]
    number: int
    last: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A page's place and when it changed, for the sitemap."""

    slug: str
    modified_at: datetime


async def find_site(db: AsyncSession, address: str) -> SiteSeen | None:
    """Return the site at an address, if it is switched on."""
    account: ChannelAccount | None = await db.scalar(
        select(ChannelAccount).where(
            col(ChannelAccount.channel) == "site",
            col(ChannelAccount.remote_id) == address,
            col(ChannelAccount.disconnected_at).is_(None),
        )
    )
    if account is None:
        return None
    description, language = account.facts.get("description", ""), account.facts.get("language", "en")
    return SiteSeen(account.id, address, account.name, str(description), str(language))


async def addresses_on(db: AsyncSession) -> Sequence[str]:
    """Return the addresses of all sites that are switched on and have a page."""
    found = select(col(ChannelAccount.remote_id)).where(
        col(ChannelAccount.channel) == "site",
        col(ChannelAccount.disconnected_at).is_(None),
        exists().where(col(SitePost.account_id) == col(ChannelAccount.id)),
    )
    return (await db.scalars(found.order_by(col(ChannelAccount.remote_id)).limit(IN_SITEMAP))).all()


async def newest(db: AsyncSession, site: SiteSeen, *, number: int = 1, size: int = PER_PAGE) -> Listing:
    """Return one page of the list of a site's pages; beyond the last, an empty one."""
    count = await db.scalar(
        select(func.count()).select_from(SitePost).where(col(SitePost.account_id) == site.account_id)
    )
    last = max(1, -(-(count or 0) // size))
    if not 1 <= number <= last:
        return Listing([], number, last)
    found = (
        select(SitePost)
        .where(col(SitePost.account_id) == site.account_id)
        .order_by(col(SitePost.published_at).desc(), col(SitePost.id))
        .offset((number - 1) * size)
        .limit(size)
    )
    return Listing((await db.scalars(found)).all(), number, last)


async def entries(db: AsyncSession, site: SiteSeen) -> Sequence[Entry]:
    """Return where all pages of a site are, newest first."""
    found = (
        select(col(SitePost.slug), col(SitePost.modified_at))
        .where(col(SitePost.account_id) == site.account_id)
        .order_by(col(SitePost.published_at).desc(), col(SitePost.id))
        .limit(IN_SITEMAP - 1)
    )
    return [Entry(slug, modified_at) for slug, modified_at in await db.execute(found)]


async def find_post(db: AsyncSession, site: SiteSeen, slug: str) -> SitePost | None:
    """Return the page at an address; one that stood there before has another `slug`."""
    post: SitePost | None = await db.scalar(
        select(SitePost).where(col(SitePost.account_id) == site.account_id, col(SitePost.slug) == slug)
    )
    if post is not None:
        return post
    moved: SitePost | None = await db.scalar(
        select(SitePost)
        .join(SiteSlug, col(SiteSlug.post_id) == col(SitePost.id))
        .where(col(SiteSlug.account_id) == site.account_id, col(SiteSlug.slug) == slug)
    )
    return moved


async def is_gone(db: AsyncSession, site: SiteSeen, slug: str) -> bool:
    """Whether a page stood there that was taken down."""
    found = exists().where(col(SiteGone.account_id) == site.account_id, col(SiteGone.slug) == slug)
    return bool(await db.scalar(select(found)))


async def find_picture(db: AsyncSession, site: SiteSeen, page_id: UUID) -> SitePost | None:
    """Return the page of a picture, if it is one of the site's."""
    post: SitePost | None = await db.get(SitePost, page_id)
    return post if post is not None and post.account_id == site.account_id else None


async def neighbours(db: AsyncSession, post: SitePost) -> tuple[SitePost | None, SitePost | None]:
    """Return the page that came before, and the one that came after."""
    same = col(SitePost.account_id) == post.account_id
    before = await db.scalar(
        select(SitePost)
        .where(same, col(SitePost.published_at) < post.published_at)
        .order_by(col(SitePost.published_at).desc())
        .limit(1)
    )
    after = await db.scalar(
        select(SitePost)
        .where(same, col(SitePost.published_at) > post.published_at)
        .order_by(col(SitePost.published_at))
        .limit(1)
    )
    return before, after

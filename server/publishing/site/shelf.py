"""Pages in Postgres, and the files of their pictures in the store."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final
from uuid import UUID

import obstore
import structlog
from obstore.exceptions import BaseError as StoreError
from obstore.store import ObjectStore
from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from server.assets import storage
from server.db import Sessions, transaction
from server.errors import Unavailable
from server.publishing.models import ChannelAccount
from server.publishing.remedies import ChannelError, Remedy
from server.publishing.site.models import SiteGone, SitePost, SiteSlug
from server.publishing.site.pages import Page, Shown, picture_key

# More pages than these of one title are told apart by their publication.
_NUMBERED: Final = 50

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PostgresShelf:
    """See server.publishing.site.pages.Shelf."""

    sessions: Sessions
    store: ObjectStore

    async def put(self, page: Page, *, now: datetime) -> str:
        """See Shelf."""
        async with _asking(lost=Remedy.UNKNOWN), transaction(self.sessions) as db:
            # Two pages of one title at the same moment would find the same slug free.
            await _hold(db, page.account_id)
            slug = await _write(db, page, now)
        await self._clear(page, {file for picture in page.pictures for file in picture.files()})
        return slug

    async def find(self, page_id: UUID) -> str | None:
        """See Shelf."""
        async with _asking(), self.sessions() as db:
            slug: str | None = await db.scalar(select(col(SitePost.slug)).where(col(SitePost.id) == page_id))
            return slug

    async def remove(self, page_id: UUID) -> None:
        """See Shelf."""
        async with _asking(lost=Remedy.UNKNOWN), transaction(self.sessions) as db:
            gone = await _take_away(db, page_id)
        if gone is not None:
            await self._clear(Page(page_id, gone, "", "", "", ""), set())

    async def keep(self, account_id: UUID, page_id: UUID, files: Mapping[str, bytes]) -> None:
        """See Shelf."""
        try:
            for name, data in files.items():
                await storage.put(self.store, picture_key(account_id, page_id, name), BytesIO(data))
        except Unavailable as error:
            raise ChannelError(Remedy.RETRY, "The store with the pictures does not answer.") from error

    async def _clear(self, page: Page, named: set[str]) -> None:
        """Remove files that a page does not name. What stays, as the store does not answer, nobody can read."""
        prefix = picture_key(page.account_id, page.id, "")
        try:
            async for listed in obstore.list(self.store, prefix=prefix):
                for each in listed:
                    if each["path"].rpartition("/")[2] not in named:
                        await storage.delete(self.store, each["path"])
        except (StoreError, OSError, Unavailable):
            log.warning("files of a page stay in the store", prefix=prefix)


async def _take_away(db: AsyncSession, page_id: UUID) -> UUID | None:
    """Remove a page, and note where it stood. Returns its account; None if it is not there."""
    account_id: UUID | None = await db.scalar(select(col(SitePost.account_id)).where(col(SitePost.id) == page_id))
    if account_id is None:
        return None
    await _hold(db, account_id)
    stood = select(col(SitePost.account_id), col(SitePost.slug), col(SitePost.id), func.now()).where(
        col(SitePost.id) == page_id
    )
    stood_before = select(col(SiteSlug.account_id), col(SiteSlug.slug), col(SiteSlug.post_id), func.now()).where(
        col(SiteSlug.post_id) == page_id
    )
    noted = insert(SiteGone).from_select(["account_id", "slug", "post_id", "gone_at"], stood.union_all(stood_before))
    await db.execute(noted.on_conflict_do_nothing())
    # Where it stood before goes with it.
    await db.execute(delete(SitePost).where(col(SitePost.id) == page_id))
    return account_id


async def _hold(db: AsyncSession, account_id: UUID) -> None:
    """Let one change of a site's pages happen at a time."""
    await db.execute(select(col(ChannelAccount.id)).where(col(ChannelAccount.id) == account_id).with_for_update())


async def _write(db: AsyncSession, page: Page, now: datetime) -> str:
    before: SitePost | None = await db.get(SitePost, page.id)
    if before is None and await db.scalar(select(exists().where(col(SiteGone.post_id) == page.id))):
        # A call that was thought lost must not bring back what somebody took down meanwhile.
        raise ChannelError(Remedy.FIX_CONTENT, "This page was taken down. Publish the document anew.")
    stays = before is not None and page.slug in {"", before.slug}
    slug = before.slug if before is not None and stays else await _free(db, page)
    await db.execute(delete(SiteGone).where(col(SiteGone.account_id) == page.account_id, col(SiteGone.slug) == slug))
    content: dict[str, Any] = {
        "title": page.title,
        "summary": page.summary,
        "html": page.html,
        "language": page.language,
        "tags": list(page.tags),
        "pictures": [pack(each) for each in page.pictures],
    }
    if before is None:
        blank = {"id": page.id, "account_id": page.account_id, "slug": slug, **content}
        await db.execute(insert(SitePost).values(**blank, published_at=now, modified_at=now))
        return slug
    if slug != before.slug:
        # A page that comes back to where it was needs no leading on from there.
        await db.execute(delete(SiteSlug).where(_at(SiteSlug, page.account_id, slug)))
        led = {"account_id": page.account_id, "slug": before.slug, "post_id": page.id}
        await db.execute(insert(SiteSlug).values(**led).on_conflict_do_nothing())
        before.slug = slug
    if any(getattr(before, name) != value for name, value in content.items()):
        for name, value in content.items():
            setattr(before, name, value)
        before.modified_at = now
    await db.flush()
    return slug


async def _free(db: AsyncSession, page: Page) -> str:
    """Return the wanted slug, or the next one that no other page has or had."""
    wanted = page.slug or page.id.hex[:8]
    for number in range(1, _NUMBERED):
        slug = wanted if number == 1 else f"{wanted}-{number}"
        taken = select(
            exists().where(_at(SitePost, page.account_id, slug), col(SitePost.id) != page.id)
            | exists().where(_at(SiteSlug, page.account_id, slug), col(SiteSlug.post_id) != page.id)
        )
        if not await db.scalar(taken):
            return slug
    return f"{wanted}-{page.id.hex[:8]}"


def _at(table: type[SitePost] | type[SiteSlug], account_id: UUID, slug: str) -> ColumnElement[bool]:
    return (col(table.account_id) == account_id) & (col(table.slug) == slug)


def pack(picture: Shown) -> dict[str, Any]:
    """Return a picture as JSON for its row, and for a handle."""
    return {**asdict(picture), "widths": list(picture.widths)}


def unpack(packed: Mapping[str, Any]) -> Shown:
    """Read what `pack` wrote."""
    return Shown(**{**packed, "widths": tuple(packed["widths"])})


@asynccontextmanager
async def _asking(*, lost: Remedy = Remedy.RETRY) -> AsyncIterator[None]:
    """Turn what the database answers into ChannelError. `lost`: what helps if it broke off, maybe after a commit."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise ChannelError(lost, "The database did not answer.", evidence=type(error).__name__) from error

"""Ending what is open when a link expires: nobody does anything at that moment, so somebody has to look at the clock.

Whatever is asked of a document after its time is refused by itself. This is for those who are in it and ask nothing: a
socket that only listens would otherwise hear on until it is next asked about, half a minute later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import anyio
import structlog
from sqlalchemy import select, union
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from server.db import Sessions
from server.documents.models import ReviewGuest, ShareLink, utc_now

LOOK_SECONDS: Final = 3.0

log = structlog.get_logger(__name__)


class Open(Protocol):
    """The live documents of this process."""

    async def access_changed(self, document_ids: list[UUID]) -> None:
        """See `server.documents.live.editing.Live`."""
        ...


async def expired(sessions: Sessions, after: datetime, until: datetime) -> Collection[UUID]:
    """Return the documents of which a link, or the time of a guest, ended between two moments."""
    of_guests = select(col(ReviewGuest.document_id)).where(
        col(ReviewGuest.expires_at) > after, col(ReviewGuest.expires_at) <= until
    )
    of_links = select(col(ShareLink.document_id)).where(
        col(ShareLink.expires_at) > after, col(ShareLink.expires_at) <= until
    )
    async with sessions() as db:
        return (await db.scalars(union(of_guests, of_links))).all()


@asynccontextmanager
async def expiring(sessions: Sessions, live: Open) -> AsyncIterator[None]:
    """Have everybody asked about again who is in a document when a link to it expires, while the block lasts."""

    async def watch() -> None:
        after = utc_now()
        while True:
            await anyio.sleep(LOOK_SECONDS)
            now = utc_now()
            try:
                ended = await expired(sessions, after, now)
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                # What ended meanwhile is found with the next look.
                log.info("cannot look which links expired", reason=type(error).__name__)
                continue
            after = now
            if ended:
                await live.access_changed(list(ended))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()

"""Work on documents for later. Safe to run at any time, any number of times."""

from __future__ import annotations

from typing import Any

import asyncpg

from server.documents.live import compact


async def compact_documents(pool: asyncpg.Pool[Any], *, most: int = 100) -> int:
    """Fold the logs that have grown long, the longest first. Returns how many were folded."""
    return await compact(pool, most=most)

"""Work on revisions for later. Safe to run at any time, any number of times."""

from __future__ import annotations

from typing import Final

from server import db
from server.revisions import recording, retention

# A log is folded from 200 on (realtime.compaction).
_MANY_UPDATES: Final = 150


async def record_revisions(sessions: db.Sessions) -> int:
    """Make the revisions that are due. Returns how many documents were looked at."""
    return await recording.record_due(sessions)


async def record_before_folding(sessions: db.Sessions) -> int:
    """Make the revisions of documents whose log may be folded now. Returns how many documents were looked at.

    What the rows of a log tell of their writers goes with them.
    """
    return await recording.record_due(sessions, updates=_MANY_UPDATES)


async def thin_revisions(sessions: db.Sessions) -> int:
    """Remove the revisions that nobody asked for and that are old. Returns how many."""
    return await retention.thin(sessions)

"""Work on revisions for later. Safe to run at any time, any number of times."""

from __future__ import annotations

from server import db
from server.revisions import recording, retention


async def record_revisions(sessions: db.Sessions) -> int:
    """Make the revisions that are due. Returns how many documents were looked at."""
    return await recording.record_due(sessions)


async def thin_revisions(sessions: db.Sessions) -> int:
    """Remove the revisions that nobody asked for and that are old. Returns how many."""
    return await retention.thin(sessions)

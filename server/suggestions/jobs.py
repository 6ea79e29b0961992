"""What a worker does for suggestions. Safe to run at any time, any number of times."""

from __future__ import annotations

from server.db import Sessions
from server.events import Events
from server.notifications.noting import EVENT
from server.suggestions import news


async def tell_suggestions(sessions: Sessions, events: Events) -> int:
    """Tell those whom it concerns what was suggested and decided. Returns how many people heard something."""
    noted = await news.tell_due(sessions)
    for user_id in noted:
        await events.publish_to(user_id, EVENT, {})
    return len(noted)

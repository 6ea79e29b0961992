"""Whose the Yjs clients of a room are: of the person who first wrote or showed themselves under each.

Yjs tells letters apart by client and clock, and takes the first that come for a place. So whoever writes under another
person's client makes what that one writes next, or has written while away, be passed over by everybody: it would be
acknowledged and lost.
"""

import json
from collections.abc import Iterable

from realtime.awareness import GONE, Entry

# Who only shows themselves leaves nothing in the document that bounds how many there are.
_MOST_SHOWN = 20_000


class Owners:
    """The owners of a room's clients, by the ids of people."""

    __slots__ = ("of",)

    def __init__(self) -> None:
        self.of: dict[int, object] = {}

    def wrote(self, client: int, person: object) -> None:
        """Bind a client to whoever wrote under it, if it is nobody's yet."""
        self.of.setdefault(client, person)

    def showed(self, entries: Iterable[Entry], person: object) -> None:
        """Bind clients to whoever showed themselves under them, if they are nobody's yet."""
        for entry in entries:
            if entry.state != GONE and len(self.of) < _MOST_SHOWN:
                self.of.setdefault(entry.client, person)

    def showed_elsewhere(self, entries: Iterable[Entry]) -> None:
        """Bind clients that people showed themselves under in another process, which has signed who they are."""
        for entry in entries:
            if entry.client not in self.of and (person := _signed_by(entry.state)) is not None:
                self.showed([entry], person)


def _signed_by(state: str) -> object:
    try:
        user = json.loads(state)["user"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return user.get("id") if isinstance(user, dict) else None

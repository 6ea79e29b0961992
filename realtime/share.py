"""What all connections of one person have together: whoever opens more of them is not given more.

What a person has used up is remembered until it is paid back, so that coming back is no way to begin anew.
"""

from dataclasses import dataclass, field
from typing import Protocol

from realtime.outbox import LARGE_FRAME_BYTES
from realtime.pace import Allowance


class Loaded(Protocol):
    """A connection that was sent something large."""

    @property
    def unsent_bytes(self) -> int:
        """What waits for it, the network's own buffers aside."""
        ...


@dataclass(slots=True, eq=False)
class Share:
    """One person's. `work`: seconds of the processor. `connections`: how many are open."""

    work: Allowance
    limit_bytes: int
    connections: int = 0
    _loaded: set[Loaded] = field(default_factory=set)

    def load(self, connection: Loaded) -> bool:
        """Say whether a connection may be sent something large: not while more than `limit_bytes` wait for all."""
        loaded = {each: unsent for each in self._loaded if (unsent := each.unsent_bytes) > LARGE_FRAME_BYTES}
        self._loaded = set(loaded)
        if sum(loaded.values()) > self.limit_bytes:
            return False
        self._loaded.add(connection)
        return True


class Shares:
    """The shares of all people who are here, or were a moment ago. `rate`, `burst`: see Allowance."""

    def __init__(self, *, rate: float, burst: float, limit_bytes: int) -> None:
        self._rate = rate
        self._burst = burst
        self._limit_bytes = limit_bytes
        self._shares: dict[object, Share] = {}

    def take(self, person: object, now: float) -> Share:
        """Count one more connection of a person. Returns what it shares with the others."""
        share = self._shares.get(person)
        if share is None:
            share = self._shares[person] = Share(Allowance(self._rate, self._burst, now), self._limit_bytes)
        share.connections += 1
        return share

    def sweep(self, now: float) -> None:
        """Forget who is gone and owes nothing."""
        gone = [who for who, share in self._shares.items() if not share.connections and share.work.is_whole(now)]
        for who in gone:
            del self._shares[who]

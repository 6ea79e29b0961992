"""Walking through a scene as the publisher would: each account's posts in turn, on a clock that runs ahead.

What follows from a failure is the publisher's own verdict (`publisher.deciding`), and so are its waits. A call takes no
time here, and everything that is not known to fail goes well.
"""

import heapq
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from server.publishing.channel import Handle, Stage
from server.publishing.publisher.advancing import Progress, begun
from server.publishing.publisher.deciding import judge
from server.publishing.rehearsal.scene import Fate, Play, Scene, Trouble
from server.publishing.rehearsal.troubles import CAUSES, Moment
from server.publishing.remedies import Remedy
from server.publishing.states import State

_READY = Progress(Handle(Stage.READY))


@dataclass
class _Way:
    """A play on its way. `troubles`: what was in it so far, each rule once."""

    play: Play
    tries: int
    troubles: list[Trouble] = field(default_factory=list)

    def met(self, trouble: Trouble) -> None:
        if all(each.rule is not trouble.rule for each in self.troubles):
            self.troubles.append(trouble)


def walk(scene: Scene) -> Mapping[UUID, Fate]:
    """Return what becomes of each play, by id."""
    fates: dict[UUID, Fate] = {}
    rests = {key: place.rests_until for key, place in scene.places.items() if place.rests_until is not None}
    sent = {key: list(place.sent) for key, place in scene.places.items()}
    ways = {play.id: _Way(play, play.tries) for play in scene.plays}
    queue = [(play.next_at, play.id) for play in scene.plays]
    heapq.heapify(queue)
    while queue:
        next_at, play_id = heapq.heappop(queue)
        way, now = ways[play_id], max(next_at, scene.now)
        play = way.play
        rest = rests.get(play.account_id) if play.account_id is not None else None
        if rest is not None and rest > now:
            heapq.heappush(queue, (rest, play_id))
            continue
        if now < play.due_at:
            # What nobody sees is sent a little before; the visible call waits for its time.
            heapq.heappush(queue, (play.due_at, play_id))
            continue
        history = sent.get(play.account_id, []) if play.account_id is not None else []
        first = _meet(way, Moment(scene, play, now, history))
        if first is None:
            for _ in range(play.posts):
                insort(history, now)
            fates[play_id] = Fate(State.PUBLISHED, now, tuple(way.troubles))
            continue
        fate = _follow(way, first, now, rests, queue)
        if fate is not None:
            fates[play_id] = fate
    return fates


def _meet(way: _Way, moment: Moment) -> Trouble | None:
    """Note all that is in the way now, and return what the publisher meets first."""
    found = [trouble for cause in CAUSES if (trouble := cause(moment)) is not None]
    for trouble in found:
        way.met(trouble)
    return found[0] if found else None


def _follow(
    way: _Way, trouble: Trouble, now: datetime, rests: dict[UUID, datetime], queue: list[tuple[datetime, UUID]]
) -> Fate | None:
    """Return where a trouble ends a play; None: it is tried again, and stands in the queue."""
    error = trouble.error
    if error is None:
        return Fate(State.SCHEDULED, None, tuple(way.troubles))
    # Refused before the account was known to work, nothing was begun; a quota is met by the visible call itself.
    at_call = begun(_READY, now) if trouble.remedy is Remedy.QUOTA else _READY
    verdict = judge(error, before=_READY, begun=at_call, tries=way.tries, now=now)
    if verdict.is_for_people:
        return Fate(verdict.state, now, tuple(way.troubles))
    way.tries = verdict.tries
    if verdict.rest_until is not None and way.play.account_id is not None:
        rests[way.play.account_id] = verdict.rest_until
    heapq.heappush(queue, (verdict.next_at, way.play.id))
    return None

"""Walking through a scene as the publisher would: each account's posts in turn, on a clock that runs ahead.

What follows from a failure is the publisher's own verdict (`publisher.deciding`), and so are its waits. A call takes no
time here, and everything that is not known to fail goes well.
"""

import heapq
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from server.publishing.channel import Handle, Stage
from server.publishing.publisher.advancing import Progress
from server.publishing.publisher.deciding import judge
from server.publishing.rehearsal.scene import Fate, Play, Scene, Trouble
from server.publishing.rehearsal.troubles import CAUSES, FIRST, Cause, Moment, quota
from server.publishing.states import State

_READY = Progress(Handle(Stage.READY))


@dataclass
class _Way:
    """A play on its way. `troubles`: what was in it so far, each rule once."""

    play: Play
    troubles: list[Trouble] = field(default_factory=list)

    def met(self, trouble: Trouble) -> None:
        if all(each.rule is not trouble.rule for each in self.troubles):
            self.troubles.append(trouble)


def walk(scene: Scene) -> Mapping[UUID, Fate]:
    """Return what becomes of each play, by id."""
    fates: dict[UUID, Fate] = {}
    sent = {key: list(place.sent) for key, place in scene.places.items()}
    ways = {play.id: _Way(play) for play in scene.plays}
    queue = [(play.next_at, play.id) for play in scene.plays]
    heapq.heapify(queue)
    while queue:
        next_at, play_id = heapq.heappop(queue)
        way, now = ways[play_id], max(next_at, scene.now)
        play = way.play
        place = scene.place_of(play)
        if place is not None and place.rests_until is not None and place.rests_until > now:
            heapq.heappush(queue, (place.rests_until, play_id))
            continue
        history = sent.get(play.account_id, []) if play.account_id is not None else []
        here = Moment(scene, play, now, history)
        # A little before its time, to send what nobody sees yet; the visible call waits for it.
        first = _meet(way, here, FIRST if now < play.due_at else CAUSES)
        if first is None and now < play.due_at:
            heapq.heappush(queue, (play.due_at, play_id))
        elif first is None:
            for _ in range(play.posts):
                insort(history, now)
            fates[play_id] = Fate(State.PUBLISHED, now, tuple(way.troubles))
        elif first.until is not None:
            heapq.heappush(queue, (first.until, play_id))
        else:
            # It ends here; people shall know all that is in its way.
            _meet(way, replace(here, at=max(now, play.due_at)), [cause for cause in CAUSES if cause is not quota])
            fates[play_id] = _end(way, first, now)
    return fates


def _meet(way: _Way, moment: Moment, causes: Sequence[Cause]) -> Trouble | None:
    """Note all that is in the way now, and return what the publisher meets first."""
    found = [trouble for cause in causes if (trouble := cause(moment)) is not None]
    for trouble in found:
        way.met(trouble)
    return found[0] if found else None


def _end(way: _Way, trouble: Trouble, now: datetime) -> Fate:
    """Return where a trouble ends a play, by the publisher's verdict about it."""
    error = trouble.error
    if error is None:
        return Fate(State.SCHEDULED, None, tuple(way.troubles))
    verdict = judge(error, before=_READY, begun=_READY, tries=way.play.tries, now=now)
    return Fate(verdict.state, now, tuple(way.troubles))

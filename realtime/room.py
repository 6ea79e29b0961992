"""A live document: content, presence and peers of one document in this process. It decides, and sends nothing.

The life of an edit here: `receive` reads what the update brings and lets it wait; `begin_flush` merges all that wait,
applies them once and names what must be committed; `relay` puts the merged bytes, framed once, into the outboxes of the
peers; `committed` tells the senders that their edits are durable. Whoever owns the sockets and the log calls these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from pycrdt import Doc

from realtime import awareness, close, wire
from realtime.audience import Audience, Peer, User
from realtime.close import Close, Refused
from realtime.document import Document, find_harmful, is_core_failure, merged
from realtime.effort import Effort, NeedsFlush, NeedsTrial, needs_trial, without_known_deletions
from realtime.outbox import LARGE_FRAME_BYTES
from realtime.ports import Committed, DocumentId, Epoch, Rights, Stored
from realtime.structs import Id
from realtime.update import Reach, read_reach
from realtime.vetting import Checked, NeedsChecking, NeedsMeasuring, Vetting, pairs_of

# Larger documents are read into the core on a thread, so that opening or first editing one holds up nobody else.
LARGE_BYTES = 64 * 1024
NOTHING_YET = b"\x00"
"""The state vector of somebody who has nothing."""
# Asking the core for the state after each flush would be dear for what it is needed for.
_RELAYS_TO_NOTE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one room allows. Sizes in bytes, times in seconds."""

    document_bytes: int = 64 * 1024 * 1024
    peers: int = 200
    peers_per_person: int = 50
    unsaved_bytes: int = 32 * 1024 * 1024
    presence_seconds: float = 30.0


@dataclass(slots=True)
class Flush:
    """What one flush merged. `update` is empty when nothing was new; `refused` are peers whose updates cannot be.

    `senders`: how many updates of each peer are in it. `effort`: by person, their share of what it may have cost.
    `hosts`: for whom the host made what it put in, None for itself. `waiting`: the peers with a question, and what they
    have.
    """

    waiting: dict[Peer, bytes]
    update: bytes = b""
    senders: dict[Peer, int] = field(default_factory=dict)
    hosts: list[User | None] = field(default_factory=list)
    effort: dict[object, int] = field(default_factory=dict)
    refused: list[tuple[Peer, Close]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Built:
    """A document in the CRDT core's own form, and where its characters of two code units are."""

    doc: "Doc[Any]"
    pairs: set[Id]


class NeedsJudging(Exception):
    """The peer may only suggest: whether it does is for a judge to say (`realtime.judging`). Nothing was taken."""


class BrokenRoom(Exception):
    """The document in memory cannot be trusted any more. What was acknowledged is in the log."""

    def __init__(self, suspects: set[Peer]) -> None:
        super().__init__("the CRDT core failed while applying updates")
        self.suspects = suspects


class Room:
    """The state of one live document. Not for use from two threads or tasks at once."""

    def __init__(self, document_id: DocumentId, stored: Stored, limits: Limits) -> None:
        """Make the room of what the log has: never of nothing, which is a ValueError.

        A large document is not ready for edits until it is built (`build`, `adopt`). Raises ValueError if the log of
        a small one cannot be read.
        """
        self.document_id = document_id
        self.epoch: Epoch = stored.epoch
        self.seq = stored.seq
        self.limits = limits
        self.audience = Audience(
            most=limits.peers, most_of_one=limits.peers_per_person, presence_seconds=limits.presence_seconds
        )
        self.peers = self.audience.peers
        self.document = Document(stored.updates)
        self.vetting = Vetting(self.document)
        self.effort = Effort()
        self.size_bytes = sum(map(len, stored.updates))
        self.unsaved_bytes = 0
        self.newest = stored.seq
        """The newest place of the log that is known of; `seq` is the newest up to which all is held."""
        self.authors: dict[int, User] = {}
        """By Yjs client, who brought something new of it; whoever wants to know takes this and puts an empty one."""
        self.unheard: list[bytes] | None = None
        """What was taken since the judge was told last; None while there is no judge."""
        self._held: set[int] = set()
        self._pending: list[tuple[Peer | None, bytes]] = []
        self._hosts: list[User | None] = []
        # Which of them were checked apart: they are applied as they are.
        self._checked: set[int] = set()
        # Whether something that waits might stop the core half-way.
        self._rehearse = False
        # Whether something that waits brings text for certain; repeats and deletions may bring nothing.
        self._news = False
        # By peer the newest question, which is answered after a flush.
        self._waiting: dict[Peer, bytes] = {}
        self._relays = 0
        self._known: dict[int, int] = {}
        self._flushing = False
        # Peers that are asked what they have once we know what we have.
        self._to_ask: set[Peer] = set()
        self.ready = False
        if self.size_bytes <= LARGE_BYTES:
            self.adopt(self.build())

    def build(self) -> Built:
        """Read the stored document into the CRDT core. May run on a thread: it changes nothing here."""
        return Built(self.document.copy(), pairs_of(self.document.parts()))

    def adopt(self, built: Built) -> None:
        """Be ready for edits."""
        self.document.adopt(built.doc)
        self.vetting.pairs = built.pairs
        self.audience.told = state_vector = self.document.state_vector()
        self._known = wire.read_state_vector(state_vector)
        self.ready = True

    # Peers

    def join(self, peer: Peer) -> None:
        """Take a peer in. Raises Refused(ROOM_FULL, TOO_MANY_OWN)."""
        self.audience.join(peer)

    def leave(self, peer: Peer) -> list[awareness.Entry]:
        """Let a peer go; edits of its that wait are kept. Returns the presence that ends with it."""
        self._waiting.pop(peer, None)
        self._to_ask.discard(peer)
        return self.audience.leave(peer)

    # What peers send

    def receive_step_1(self, peer: Peer, state_vector: bytes) -> None:
        """Answer what a peer lacks, at once or, if edits wait to be committed, after them."""
        wire.read_state_vector(state_vector)
        if self._pending or self.unsaved_bytes or not (self.ready or state_vector == NOTHING_YET):
            self._waiting[peer] = state_vector
        else:
            self._answer(peer, state_vector)

    def ask(self, peer: Peer) -> None:
        """Ask what a peer has that could only read until now: until it answers, it cannot know that all is here."""
        if peer.has is not None and not peer.early.asked:
            self._ask(peer)

    def receive_update(
        self,
        peer: Peer,
        message: wire.Update,
        reach: Reach | None = None,
        *,
        tried: int | None = None,
        judged: bool = False,
        checked: Checked | None = None,
    ) -> bool:
        """Let an update wait for the next flush. Returns whether there is something to flush.

        An update whose history is missing is kept until the peer has answered our step 1.
        `reach`: what the update brings, if that was read elsewhere (large updates are read off the event loop).
        Raises MalformedFrame, or Refused for a peer that may not write, history that stays missing, or a limit; and
        NeedsTrial unless it was `tried` when so much had come (`effort.grown`), and little since; NeedsFlush;
        NeedsMeasuring; NeedsChecking if it was `checked` too long ago; NeedsJudging unless it was `judged`.
        """
        if reach is None:
            reach = read_reach(message.update)
        if reach.empty:
            peer.acknowledge(1)
        elif peer.rights is Rights.READ:
            # A reader tells what it has, all of which came from here: as the answer to our step 1, and unasked, as
            # providers do with what the browser kept since the last visit.
            if reach.brings_structs(self._known) or (not message.answer and self._deletes_more(message.update, reach)):
                raise Refused(close.FORBIDDEN)
            peer.acknowledge(1)
        elif reach.fits(self._known):
            self._admit(peer, message.update, reach, tried=tried, judged=judged, checked=checked)
        elif message.answer:
            raise Refused(close.MISSING_HISTORY)
        else:
            peer.early.keep(message.update, reach)
            if not peer.early.asked:
                self._ask(peer)
        if message.answer:
            # Sent after all that is kept, so that it brings whatever that builds on.
            peer.early.asked = False
            for update, its_reach in peer.early.take():
                self._admit_early(peer, update, its_reach)
        return bool(self._pending)

    def _deletes_more(self, update: bytes, reach: Reach) -> bool:
        """Whether an update deletes what is not deleted yet."""
        return bool(reach.deletions and without_known_deletions(reach, update, self.document.deletions()).deletions)

    def edit(self, update: bytes, user: User | None = None) -> None:
        """Let an update that the host makes, for somebody or for itself, wait for the next flush.

        Raises as `receive_update`.
        """
        reach = read_reach(update)
        if not reach.fits(self._known):
            raise Refused(close.MISSING_HISTORY)
        self._admit(None, update, reach, user=user)
        self._hosts.append(user)

    def vet(self, peer: Peer, update: bytes, reach: Reach, checked: Checked | None = None) -> bool:
        """Make sure that the core of a judge can take an update. Returns False while that cannot be told.

        `checked`: what was found out about it elsewhere. Raises MalformedFrame or Refused.
        """
        self.check_owners(peer, reach)
        if checked is not None and not self._still_holds(checked):
            checked = None
        if checked is None and self._pending and reach.needs_rehearsal(self._known):
            return False
        try:
            self.vetting.admit(update, reach, self._known, person=peer.user.get("id"), counts=False, checked=checked)
        except NeedsMeasuring:
            # It was measured before, and others came in between.
            raise Refused(close.TRY_LATER) from None
        if checked is None:
            self.vetting.check(update, reach, self._known)
        return True

    def to_check(self, update: bytes, reach: Reach) -> Callable[[], Checked] | None:
        """Return what finds out, on a thread, whether the core can take an update; None if nobody doubts it."""
        known = dict(self._known)
        doubtful = reach.needs_rehearsal(known) or reach.may_hold_pairs or self.vetting.pairs
        if not doubtful or not reach.brings_structs(known) or not reach.fits(known):
            return None
        parts = self.to_try_on() if reach.stands_elsewhere else []
        return partial(self.vetting.check_apart, update, reach, known, parts)

    def is_dear(self, reach: Reach) -> bool:
        """Whether an update needs a trial before it is taken."""
        return needs_trial(reach, self._known, self.size_bytes)

    def to_try_on(self) -> list[bytes]:
        """The document with all that waits, as updates: what an update is tried on."""
        return [*self.document.parts(), *(update for _, update in self._pending)]

    def overdue(self, now: float) -> list[Peer]:
        """Return the peers that owe the history of their updates for too long."""
        return [peer for peer in self.peers if peer.early.is_overdue(now)]

    def _admit_early(self, peer: Peer, update: bytes, reach: Reach) -> None:
        if peer.rights is Rights.READ:
            # It could write when it sent them.
            raise Refused(close.FORBIDDEN)
        if not reach.fits(self._known):
            raise Refused(close.MISSING_HISTORY)
        try:
            self._admit(peer, update, reach)
        except (NeedsTrial, NeedsFlush, NeedsMeasuring, NeedsJudging):
            # When it comes back it brings all of it in one update.
            raise Refused(close.TRY_LATER) from None

    def _admit(
        self,
        peer: Peer | None,
        update: bytes,
        reach: Reach,
        *,
        tried: int | None = None,
        judged: bool = False,
        checked: Checked | None = None,
        user: User | None = None,
    ) -> None:
        vetting = self.vetting
        if checked is not None and not self._still_holds(checked):
            raise NeedsChecking
        if peer is not None:
            self.check_owners(peer, reach)
        # Nearly all are one struct behind their client's last, of which any number may wait.
        weighs = reach.placed or reach.structs != 1 or reach.deletions
        if peer is not None and (weighs or reach.nesting or peer.rights is not Rights.WRITE):
            self._check_needs(peer, update, reach, tried=tried, judged=judged)
        if reach.firsts or reach.nesting or reach.may_hold_pairs or vetting.pairs:
            person = peer.user.get("id") if peer is not None else None
            vetting.admit(update, reach, self._known, person=person, checked=checked)
        self._admit_bytes(len(update))
        for client in reach.ends:
            if client not in self.authors:
                self._note_author(client, reach, peer.user if peer is not None else user)
        if weighs:
            self.effort.add(reach, peer.user.get("id") if peer is not None else None)
        doubtful, news = reach.extend(self._known)
        self._rehearse = self._rehearse or doubtful
        self._news = self._news or news
        if checked is not None:
            self._checked.add(id(update))
        self._pending.append((peer, update))
        if self.unheard is not None:
            self.unheard.append(update)

    def _still_holds(self, checked: Checked) -> bool:
        return all(self._known.get(client, 0) == at for client, at in checked.clocks.items())

    def _check_needs(self, peer: Peer, update: bytes, reach: Reach, *, tried: int | None, judged: bool) -> None:
        """Raise what an update needs before it may wait, if it needs anything."""
        several = reach.structs != 1 or reach.deletions
        if several and (self.is_dear(reach) if tried is None else self.effort.is_outdated(reach, tried)):
            raise NeedsTrial
        self.vetting.check_nesting(update, reach)
        if not judged:
            self.effort.check(reach, self._known, self.size_bytes, person=peer.user.get("id"))
            if peer.rights is not Rights.WRITE:
                raise NeedsJudging

    def _note_author(self, client: int, reach: Reach, user: User | None) -> None:
        # What is told again is somebody's who wrote it before.
        if user is not None and reach.ends[client] > self._known.get(client, 0):
            self.authors[client] = user
            self.audience.owners.wrote(client, user.get("id"))

    def check_owners(self, peer: Peer, reach: Reach) -> None:
        """Raise Refused if a peer brings something new under another person's client.

        Who may write also brings what others wrote and the server has lost; but not of somebody who is here, and brings
        it themselves in a moment.
        """
        owners, person = self.audience.owners.of, peer.user.get("id")
        for client, end in reach.ends.items():
            if owners.get(client, person) == person or end <= self._known.get(client, 0):
                continue
            if peer.rights is not Rights.WRITE:
                raise Refused(close.SUGGESTIONS_ONLY)
            if self.audience.is_shown_by_another(client, person):
                raise Refused(close.TRY_LATER)

    def without_owner(self, reach: Reach) -> list[int]:
        """Return the clients that an update brings something new of, that wrote before, and are nobody's here."""
        owners, known = self.audience.owners.of, self._known
        return [client for client, end in reach.ends.items() if client not in owners and 0 < known.get(client, 0) < end]

    def _admit_bytes(self, length: int) -> None:
        if self.size_bytes + length > self.limits.document_bytes:
            raise Refused(close.DOCUMENT_TOO_LARGE)
        if self.unsaved_bytes + length > self.limits.unsaved_bytes:
            # The bound on what waits for a database that does not answer.
            raise Refused(close.NOT_SAVING)
        self.size_bytes += length
        self.unsaved_bytes += length

    # Flushing

    @property
    def has_pending(self) -> bool:
        """Whether a flush would do something."""
        return bool(self._pending or self._waiting or self._to_ask)

    def begin_flush(self) -> Flush:
        """Merge and apply all that waits. Raises BrokenRoom if the document in memory was harmed."""
        pending, self._pending = self._pending, []
        waiting, self._waiting = self._waiting, {}
        flush = Flush(waiting, effort=self.effort.take(), hosts=self._hosts)
        self._hosts = []
        self._flushing = True
        if not pending:
            return flush
        taken, senders = 0, flush.senders
        for peer, update in pending:
            taken += len(update)
            if peer is not None:
                senders[peer] = senders.get(peer, 0) + 1
        try:
            update, changed = self._apply(pending, flush)
        except BaseException as error:
            if not is_core_failure(error):
                raise
            harmful = find_harmful(self.document, [update for _, update in pending])
            suspects = {peer for peer, update in pending if peer is not None and update in harmful}
            raise BrokenRoom(suspects) from error
        if changed:
            flush.update = update
            self.unsaved_bytes += len(update) - taken
        else:
            # Nothing was new: said again by a peer that came back. There is nothing to commit and nobody to tell.
            self.unsaved_bytes -= taken
            self.size_bytes -= taken
        return flush

    def relay(self, flush: Flush) -> int:
        """Queue a flush for the peers, and answer those who waited for it. Returns how many peers are told of it."""
        told = 0
        if flush.update:
            # The only sender of a flush has all of it; with two senders each lacks the other's.
            sole_sender = next(iter(flush.senders)) if len(flush.senders) == 1 else None
            told = self.audience.broadcast(wire.sync_update(flush.update), but=sole_sender)
        self._flushing = False
        self._note_relayed()
        while self._to_ask:
            self._ask(self._to_ask.pop())
        for peer, state_vector in flush.waiting.items():
            if peer in self.peers:
                self._answer(peer, state_vector)
        return told

    def saved(self, length: int) -> None:
        """Count bytes as durable."""
        self.unsaved_bytes -= length

    def acknowledge(self, senders: Mapping[Peer, int]) -> None:
        """Tell the senders, each with its number of updates, that their edits are durable."""
        for peer, count in senders.items():
            if peer in self.peers:
                peer.acknowledge(count)

    def place(self, seq: int) -> None:
        """Count a place of the log as held here."""
        self.newest = max(self.newest, seq)
        if seq == self.seq + 1 and not self._held:
            self.seq = seq
            return
        self._held.add(seq)
        while self.seq + 1 in self._held:
            self.seq += 1
            self._held.remove(self.seq)

    @property
    def lacks(self) -> bool:
        """Whether the log has places that were not read here."""
        return self.newest > self.seq

    def receive_committed(self, message: Committed) -> int:
        """Take an update that another process has committed, and pass it on. Returns how many peers are told."""
        if message.seq <= self.seq or message.seq in self._held:
            return 0
        if message.update:
            reach = read_reach(message.update)
            if reach.fits(self._applied()):
                told = self._take(message.update, reach)
                self.place(message.seq)
                return told
        # Too big for the bus, or ahead of what it builds on: the core would keep it aside, and the peers never hear of
        # it. The place is known, the content stands in the log.
        self.newest = max(self.newest, message.seq)
        return 0

    def catch_up(self, stored: Stored) -> None:
        """Take what the log has beyond our place. Raises ValueError if it cannot be read."""
        for update in stored.updates:
            self._take(update, read_reach(update))
        self._held = {seq for seq in self._held if seq > stored.seq}
        self.seq = max(self.seq, stored.seq)
        self.place(self.seq)
        self._held.discard(self.seq)

    def state(self) -> bytes:
        """The whole document as one update."""
        return self.document.whole()

    # A peer that did not read

    def resync(self, peer: Peer, has: bytes | None) -> None:
        """Queue one difference to what it has, and everybody's presence, in place of the frames that were dropped."""
        # While it waited for this, it was told newer things that it cannot use yet: it has no more than before.
        peer.has = has
        self._tell_difference(peer, has or NOTHING_YET)
        self.audience.tell_presence(peer)

    # Inside

    def _apply(self, pending: list[tuple[Peer | None, bytes]], flush: Flush) -> tuple[bytes, bool]:
        """Apply all that waits. Returns its merge, and whether that changed anything.

        Bytes that the core cannot read end their sender only.
        """
        rehearsed, self._rehearse = self._rehearse, False
        news, self._news = self._news, False
        checked, self._checked = self._checked, set()
        # What was checked elsewhere is not merged with what was not, and so not looked into again.
        groups = [list(group) for _, group in groupby((u for _, u in pending), lambda u: id(u) in checked and id(u))]
        try:
            parts = [merged(group) for group in groups]
            for update in parts:
                if rehearsed and id(update) not in checked:
                    # In the bytes that are applied: two updates may tell of one clock differently.
                    self.vetting.check(update, read_reach(update), wire.read_state_vector(self.document.state_vector()))
                if news:
                    self.document.apply(update)
                else:
                    news = self.document.apply_watched(update)
            return merged(parts), news
        except ValueError:
            before = self.document.whole()
            update = self._apply_one_by_one(pending, flush)
            return update, bool(update) and self.document.whole() != before

    def _apply_one_by_one(self, pending: list[tuple[Peer | None, bytes]], flush: Flush) -> bytes:
        """Find whose update the core refuses. Returns the merge of the others."""
        good = []
        for peer, update in pending:
            why = self._apply_alone(update)
            if why is None:
                good.append(update)
            elif peer is not None:
                flush.refused.append((peer, why))
        # The refused ones may have claimed clocks that no one will bring.
        self._known = wire.read_state_vector(self.document.state_vector())
        return merged(good) if good else b""

    def _apply_alone(self, update: bytes) -> Close | None:
        """Apply one update. Returns why it is refused, if it is."""
        known = wire.read_state_vector(self.document.state_vector())
        try:
            reach = read_reach(update)
            if not reach.fits(known):
                # It builds on what was just refused.
                return close.MISSING_HISTORY
            self.vetting.check(update, reach, known)
            self.document.apply_watched(update)
        except ValueError:
            return close.MALFORMED
        return None

    def _applied(self) -> dict[int, int]:
        """What is in the document: client id -> next clock. `_known` counts what waits for a flush, too."""
        return wire.read_state_vector(self.document.state_vector()) if self._pending else self._known

    def _take(self, update: bytes, reach: Reach) -> int:
        """Apply an update that is in the log already, and pass it on if it was news. Returns to how many peers."""
        if not self.document.apply_watched(update):
            return 0
        reach.extend(self._known)
        self.effort.grown += reach.structs
        self.vetting.note(update, reach)
        if self.unheard is not None:
            self.unheard.append(update)
        self.size_bytes += len(update)
        told = self.audience.broadcast(wire.sync_update(update))
        if not self._flushing:
            self._note_relayed()
        return told

    def _note_relayed(self) -> None:
        # Any state that a peer has had serves to find out what it lacks; a newer one only makes the answer smaller.
        self._relays += 1
        if self._relays % _RELAYS_TO_NOTE == 0:
            self.audience.told = self.document.state_vector()

    def _answer(self, peer: Peer, state_vector: bytes) -> None:
        if self.size_bytes > LARGE_FRAME_BYTES and not peer.outbox.has_room():
            # What waits there makes another answer senseless; asked again later, it is about what is here then.
            peer.question, peer.outbox.postponed = state_vector, True
            return
        peer.has = state_vector
        self._tell_difference(peer, state_vector)
        if peer.rights is not Rights.READ:
            self._ask(peer)
        self.audience.tell_presence(peer)

    def _tell_difference(self, peer: Peer, state_vector: bytes) -> None:
        # Whoever has nothing of this is sent all of it, in the very bytes that everybody else is sent.
        has = wire.read_state_vector(state_vector)
        shares = any(clock and client in self._known for client, clock in has.items())
        difference = self.document.difference(state_vector) if shares else self.state()
        if len(difference) > LARGE_FRAME_BYTES:
            peer.outbox.put_large(peer.prefix + wire.sync_step_2_head(len(difference)), difference)
        else:
            peer.put(wire.sync_step_2(difference))

    def _ask(self, peer: Peer) -> None:
        peer.early.asked = True
        if not self.ready:
            self._to_ask.add(peer)
            return
        peer.outbox.put_question(peer.prefix, peer.prefix + wire.sync_step_1(self.document.state_vector()))

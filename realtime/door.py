"""The door: what the endpoint needs of its host, what a connection may do, and the way into a document.

Who may come in is for the host to say (`Access`). Here it is asked, and asked again if that changes on the way.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from starlette.requests import HTTPConnection

from realtime import close
from realtime.audience import Peer
from realtime.close import Close, Refused
from realtime.dialects import Seat
from realtime.hub import Hub
from realtime.outbox import Outbox
from realtime.ports import Access, Clock, Credentials, DocumentId

# Where access changes all the time, whoever comes is asked about so often, and comes back later then.
_MOST_QUESTIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one connection may do. Sizes in bytes, times in seconds.

    `messages` are frames of any kind; too many are refused. `work` is processor time, in seconds, for reading what it
    sends and for what it asks; whoever goes beyond is read more slowly. A person at work needs a thousandth of it.
    `person`: what all connections of one person may do together; while more bytes wait for them, no answer is made.
    """

    frame_bytes: int = 8 * 1024 * 1024
    outbox_bytes: int = 4 * 1024 * 1024
    messages_per_second: float = 1000
    messages_burst: float = 5000
    work_per_second: float = 0.25
    work_burst: float = 2.0
    person_work_per_second: float = 0.5
    person_work_burst: float = 4.0
    person_outbox_bytes: int = 64 * 1024 * 1024
    documents: int = 32
    authentication_seconds: float = 10
    send_seconds: float = 30
    keepalive_seconds: float = 15
    recheck_seconds: float = 30

    @property
    def beat_seconds(self) -> float:
        """How often every connection is looked at: the shortest of what is waited for, in four steps."""
        return min(self.authentication_seconds, self.send_seconds, self.keepalive_seconds) / 4


class Observer(Protocol):
    """Is told of connections, for logs and metrics."""

    def opened(self, path: str) -> None:
        """A connection was opened on a path."""
        ...

    def closed(self, path: str, code: int, seconds: float) -> None:
        """It ended with this code after so many seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the endpoint needs of its host.

    `cookie` finds the session cookie's value in a handshake; `origins` the origins (scheme://host[:port]) whose pages
    may connect to the address that was asked for.
    """

    hub: Hub
    access: Access
    clock: Clock
    cookie: Callable[[HTTPConnection], str | None]
    origins: Callable[[HTTPConnection], Collection[str]]
    observer: Observer
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)


@dataclass(slots=True, eq=False)
class Entering:
    """Somebody on the way into a document. `outdated`: who may do what in it has changed since it was asked."""

    document_id: DocumentId
    outdated: bool = False


class Doorway:
    """The way into the documents of this process, and who is on it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._entering: set[Entering] = set()

    def outdate(self, document_id: DocumentId) -> None:
        """Have everybody on the way into a document asked about again."""
        for entering in self._entering:
            if entering.document_id == document_id:
                entering.outdated = True

    async def enter(
        self,
        document_id: str,
        credentials: Credentials,
        *,
        epoch: str | None,
        outbox: Outbox,
        prefix: bytes,
        send_away: Callable[[Close], None],
    ) -> Seat:
        """Bring somebody into a document. None is loaded before its peer is admitted.

        `epoch`: the lineage that they have, if they say so. `send_away` is called if the hub ends the peer's stay.
        Raises Refused.
        """
        # Before the database is asked, and in the one form in which rooms are keyed.
        entering = Entering(_canonical(document_id))
        self._entering.add(entering)
        try:
            for _ in range(_MOST_QUESTIONS):
                seat = await self._try(
                    entering, credentials, epoch=epoch, outbox=outbox, prefix=prefix, send_away=send_away
                )
                if seat is not None:
                    return seat
        finally:
            self._entering.remove(entering)
        raise Refused(close.TRY_LATER)

    async def _try(
        self,
        entering: Entering,
        credentials: Credentials,
        *,
        epoch: str | None,
        outbox: Outbox,
        prefix: bytes,
        send_away: Callable[[Close], None],
    ) -> Seat | None:
        """Ask, and take a seat. Returns None if the answer may be out of date by then."""
        hub, document_id = self._door.hub, entering.document_id
        entering.outdated = False
        before = hub.room_of(document_id)
        admission = await self._door.access.admit(document_id, credentials)
        if epoch is not None and epoch != admission.epoch:
            raise Refused(close.OTHER_LINEAGE)
        peer = Peer(
            outbox=outbox, user=admission.user, rights=admission.rights, prefix=prefix, acknowledged=bool(prefix)
        )
        room = await hub.join(document_id, peer, send_away=send_away)
        # What other processes say of a document is heard only once its room is there.
        if entering.outdated or not (room is before or hub.is_alone()):
            hub.part(room, peer)
            return None
        if room.epoch != admission.epoch:
            hub.part(room, peer)
            raise Refused(close.TRY_LATER)
        return Seat(room, peer, credentials)


def _canonical(document_id: str) -> DocumentId:
    try:
        return DocumentId(str(UUID(document_id)))
    except ValueError:
        raise Refused(close.NOT_FOUND) from None

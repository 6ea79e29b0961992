"""What the host supplies: who may do what, a log that lasts, a way to the other processes, the time.

Each port has two implementations or more (`memory`, `redis_bus`, the host's own) and one contract suite
(tests/contracts) that runs on every one of them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, NewType, Protocol

DocumentId = NewType("DocumentId", str)
"""A document's UUID in its canonical form of 36 characters."""
Epoch = NewType("Epoch", str)
"""The UUID of a document's lineage. Updates of one lineage never fit another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a connection brought: the value of the host's session cookie and a bearer token, as they came."""

    cookie: str | None
    bearer: str | None


class Rights(StrEnum):
    """What somebody may do in a document; the words are the scopes of the Hocuspocus dialect."""

    READ = "readonly"
    SUGGEST = "suggest"
    WRITE = "read-write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """One person may enter one document. `user` is what others see: id, name, colour."""

    user: Mapping[str, object]
    rights: Rights
    epoch: Epoch


class Access(Protocol):
    """Who is this, and may they enter?"""

    async def admit(self, document_id: DocumentId, credentials: Credentials) -> Admission:
        """Admit a connection to a document. Raises Refused with the close code that tells why not."""
        ...


class Judge(Protocol):
    """Knows one document, and whether people who may only suggest do. It may be slow: use a thread."""

    def take(self, update: bytes) -> None:
        """Know what somebody has written. Raises ValueError for what cannot be read."""
        ...

    def allows(self, update: bytes, user: Mapping[str, object]) -> bool:
        """Say whether the user may change this; if so, it is known from then on, else the judge is spent."""
        ...


OpenJudge = Callable[[Sequence[bytes]], Judge]
"""Makes the judge of a document out of updates that are its state."""


Whose = Callable[[DocumentId, Sequence[int]], Awaitable[Mapping[int, object]]]
"""Says by Yjs client whose it is, of those that somebody is known for. Raises LogUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A document as the log has it. Merged in order, `updates` are the whole state; `seq` is the newest place."""

    epoch: Epoch
    seq: int
    updates: Sequence[bytes]


class Append(NamedTuple):
    """One document's new update. It is written only if the document still has this epoch.

    `by`: the id of the one person whose it is; None where several people's came together, or the host's.
    """

    document_id: DocumentId
    epoch: Epoch
    update: bytes
    by: str | None = None


class LogUnavailable(Exception):
    """The log did not answer; nothing is known to be written. Try again."""


class UpdateLog(Protocol):
    """The append-only updates of every document. Places (`seq`) of a document are 1, 2, 3 … without a gap."""

    async def load(self, document_id: DocumentId) -> Stored | None:
        """The whole document, or None if there is none. Raises LogUnavailable."""
        ...

    async def append(self, entries: Sequence[Append]) -> list[int | None]:
        """Write all entries in one transaction; when it returns they are durable.

        Returns the place of each, or None for a document that is gone or has another epoch now. A document comes at
        most once. Raises LogUnavailable; then it may still have been written, and writing it again does no harm.
        """
        ...

    async def since(self, document_id: DocumentId, seq: int) -> Stored | None:
        """What came after place `seq`; a snapshot in its stead if the log was folded past it. Raises LogUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """An update that stands in the log at `seq`; or, with an empty update, word that there is something there."""

    document_id: DocumentId
    seq: int
    update: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """An awareness update (already signed) of the peers of another process."""

    document_id: DocumentId
    node: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """Everybody is to leave the document, with this close code."""

    document_id: DocumentId
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChanged:
    """Who may do what in the document has changed: everybody in it is to be asked about again."""

    document_id: DocumentId


@dataclass(frozen=True, slots=True)
class Missed:
    """The bus was away and messages may be gone: read the log."""


BusMessage = Committed | Presence | Shut | AccessChanged


class Bus(Protocol):
    """Word between processes. It may lose messages: the log is what counts. It never returns one's own."""

    def is_alone(self) -> bool:
        """Whether nobody would hear a message: then it need not be made.

        Ask only with something to tell: the bus has whoever comes later read the log.
        """
        ...

    async def publish(self, messages: Sequence[BusMessage]) -> None:
        """Tell the other processes. Never raises for a bus that is away; the others will read the log."""
        ...

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[BusMessage | Missed]]:
        """Hear the other processes, for the documents that are watched."""
        ...

    async def watch(self, document_id: DocumentId) -> None:
        """From now on, hear of this document."""
        ...

    async def unwatch(self, document_id: DocumentId) -> None:
        """Hear no more of it."""
        ...


class Clock(Protocol):
    """Seconds that only rise, from any origin."""

    def now(self) -> float:
        """The time in seconds."""
        ...

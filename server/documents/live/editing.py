"""Reading a document as it is now, and editing it as one peer among others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

from pycrdt import Doc, TransactionEvent

from realtime import close
from realtime.close import Refused
from realtime.document import merged
from realtime.hub import Hub
from realtime.ports import DocumentId, LogUnavailable
from server.errors import Conflict, NotFound, TooLarge, Unavailable

Change = Callable[["Doc[Any]"], None]
Permission = Callable[[], Awaitable[None]]


class Live:
    """The documents of this process and, through the log and the bus, of every process."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def read(self, document_id: UUID) -> bytes:
        """A document's whole state as one Yjs update. Raises NotFound, Unavailable."""
        try:
            _, state = await self.hub.state(DocumentId(str(document_id)))
        except Refused as refusal:
            raise _error(refusal) from refusal
        return state

    async def edit(
        self, document_id: UUID, change: Change, *, by: UUID | None = None, still: Permission | None = None
    ) -> int:
        """Make a forward edit that everybody with the document open sees.

        `change` is called on a thread with a copy of the document and changes it in one transaction or several; what it
        did is merged with what people type meanwhile. `by`: whose edit it is. `still` is asked when the change has been
        worked out, which may have taken seconds, and raises if it may not be made any more. Returns the newest place in
        the log, when the edit is durable.
        Raises NotFound, TooLarge, Conflict, Unavailable.
        """
        state = await self.read(document_id)
        update = await asyncio.to_thread(_update_of, state, change)
        if not update:
            return 0
        if still is not None:
            await still()
        try:
            user = {"id": str(by)} if by is not None else None
            return await self.hub.edit(DocumentId(str(document_id)), update, user)
        except Refused as refusal:
            raise _error(refusal) from refusal
        except (LogUnavailable, TimeoutError) as error:
            raise Unavailable from error

    async def settle(self, document_id: UUID) -> None:
        """Bring a document's title and first words in lists up to date now, as far as this process has changed it."""
        await self.hub.settle(DocumentId(str(document_id)))

    async def access_changed(self, document_ids: Iterable[UUID]) -> None:
        """Ask again about everybody in these documents, in every process. Call it after the commit."""
        for document_id in document_ids:
            await self.hub.access_changed(DocumentId(str(document_id)))

    async def close(self, document_id: UUID) -> None:
        """Send everybody out of a document that went to the trash, in every process."""
        await self.hub.shut(DocumentId(str(document_id)), close.TRASHED)


def _update_of(state: bytes, change: Change) -> bytes:
    """What `change` does to a document, as one update; empty if it does nothing."""
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    updates: list[bytes] = []

    def keep(event: TransactionEvent) -> None:
        updates.append(event.update)

    subscription = doc.observe(keep)
    try:
        change(doc)
    finally:
        doc.unobserve(subscription)
    return merged(updates) if updates else b""


def _error(refusal: Refused) -> Exception:
    match refusal.close:
        case close.NOT_FOUND:
            return NotFound()
        case close.DOCUMENT_TOO_LARGE:
            return TooLarge()
        case close.OTHER_LINEAGE | close.MISSING_HISTORY:
            return Conflict()
        case _:
            return Unavailable()

"""The text of documents for those who read it by a link: made once for all of them, every few seconds at most.

Hundreds may read what one person writes. What they cost must not grow with them, nor be felt by whoever writes.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import anyio

from server.documents import content
from server.documents.write_html import write_html

EVERY_SECONDS: Final = 3.0
# Of one process. Past either, what was asked for the longest ago goes, and is made again when somebody asks.
MAX_TEXTS: Final = 200
MAX_CHARACTERS: Final = 32 * 1024 * 1024
_LANES: Final = 16


@dataclass(frozen=True, slots=True)
class Text:
    """What a document says, without what is only suggested. `version` is another whenever `title` or `html` is."""

    title: str
    html: str
    version: str


@dataclass(frozen=True, slots=True)
class _Kept:
    text: Text
    seq: int
    made_at: float


class Readings:
    """The newest texts that this process has made."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._characters = 0
        # Whoever asks for the same text at the same time waits for the one who makes it.
        self._lanes = [anyio.Lock() for _ in range(_LANES)]

    async def of(
        self,
        document_id: UUID,
        seq: int,
        read: Callable[[UUID], Awaitable[bytes]],
        *,
        within_seconds: float = EVERY_SECONDS,
    ) -> Text:
        """Return what a document says whose log has come to `seq`; behind by at most `within_seconds`.

        `read` gives its state. The caller has asked whether it may be seen, and holds no connection meanwhile.
        """
        known = self._known(document_id, seq, within_seconds)
        if known is not None:
            return known
        async with self._lanes[hash(document_id) % _LANES]:
            known = self._known(document_id, seq, within_seconds)
            if known is not None:
                return known
            text = await asyncio.to_thread(_text, await read(document_id))
            self._keep(document_id, _Kept(text, seq, self._clock()))
            return text

    def _known(self, document_id: UUID, seq: int, within_seconds: float) -> Text | None:
        kept = self._kept.get(document_id)
        if kept is None or (kept.seq < seq and self._clock() - kept.made_at >= within_seconds):
            return None
        self._kept.move_to_end(document_id)
        return kept.text

    def _keep(self, document_id: UUID, kept: _Kept) -> None:
        self._drop(document_id)
        self._kept[document_id] = kept
        self._characters += len(kept.text.html)
        while len(self._kept) > MAX_TEXTS or (self._characters > MAX_CHARACTERS and len(self._kept) > 1):
            self._drop(next(iter(self._kept)))

    def _drop(self, document_id: UUID) -> None:
        gone = self._kept.pop(document_id, None)
        if gone is not None:
            self._characters -= len(gone.text.html)


def _text(state: bytes) -> Text:
    read = content.load(state)
    html = str(write_html(read.node))
    return Text(read.title, html, hashlib.sha256(f"{read.title}\n{html}".encode()).hexdigest()[:32])

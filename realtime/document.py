"""The content of one document in memory: bytes until somebody needs more, then the CRDT core's own form.

Reading a large document into the core takes several times as long as handing its bytes on, and whoever only opens it
needs no more than the bytes.
"""

from collections.abc import Sequence
from typing import Any

from pycrdt import Doc, TransactionEvent, merge_updates

_MERGED_AT_ONCE = 64


class Document:
    """A document. Any method may raise what the CRDT core raises, ValueError for bytes that it cannot read."""

    __slots__ = ("__weakref__", "_doc", "_state_vector", "_updates", "_whole")

    def __init__(self, updates: Sequence[bytes]) -> None:
        """Make it of updates that are all of it; they are not looked into. Raises ValueError if there is none."""
        if not updates:
            raise ValueError("a stored document has no updates")
        self._updates = updates
        self._doc: Doc[Any] | None = None
        # Kept until the document changes: after a restart everybody asks for all of it.
        self._whole: bytes | None = None
        self._state_vector: bytes | None = None

    @property
    def is_built(self) -> bool:
        """Whether it is in the core's own form."""
        return self._doc is not None

    def copy(self) -> "Doc[Any]":
        """Another document with the same content, in the core's own form.

        Takes some ten milliseconds a megabyte. May be called on a thread while the document is not built.
        """
        doc: Doc[Any] = Doc()
        for update in self.parts():
            doc.apply_update(update)
        return doc

    def parts(self) -> Sequence[bytes]:
        """All of it, as the updates that it was made of if it is not built."""
        return self._updates or [self.whole()]

    def adopt(self, copy: "Doc[Any]") -> None:
        """Use a copy that was made elsewhere as the core's own form."""
        self._doc, self._updates = copy, ()

    def _built(self) -> "Doc[Any]":
        doc = self._doc
        if doc is None:
            doc = self.copy()
            self.adopt(doc)
        return doc

    def state_vector(self) -> bytes:
        """What it has: client id -> next clock, as a state vector."""
        if self._state_vector is None:
            self._state_vector = self._built().get_state()
        return self._state_vector

    def whole(self) -> bytes:
        """All of it as one update."""
        if self._whole is None:
            self._whole = self._doc.get_update() if self._doc is not None else merged(self._updates)
        return self._whole

    def difference(self, state_vector: bytes) -> bytes:
        """What a state vector lacks, as one update."""
        return self.whole() if state_vector == b"\x00" else self._built().get_update(state_vector)

    def deletions(self) -> bytes:
        """All that was ever deleted of it, as an update without structs."""
        return self._built().get_update(self.state_vector())

    def apply(self, update: bytes) -> None:
        """Take an update that is known to bring something."""
        self._built().apply_update(update)
        self._whole = self._state_vector = None

    def apply_watched(self, update: bytes) -> bool:
        """Take an update. Returns whether it changed anything; costs several times as much as `apply`."""
        doc = self._built()
        flag = _ChangeFlag()
        subscription = doc.observe(flag)
        try:
            doc.apply_update(update)
        finally:
            doc.unobserve(subscription)
        if flag.up:
            self._whole = self._state_vector = None
        return flag.up


class _ChangeFlag:
    """Goes up when a transaction changes the document."""

    def __init__(self) -> None:
        self.up = False

    def __call__(self, event: TransactionEvent) -> None:
        del event
        self.up = True


def merged(updates: Sequence[bytes]) -> bytes:
    """Make one update of several, without a document.

    Not of all at once: the core looks at every update for each that it takes, 2 s for 20,000 of them and 0.03 s so.
    """
    while len(updates) > _MERGED_AT_ONCE:
        groups = range(0, len(updates), _MERGED_AT_ONCE)
        updates = [merge_updates(*updates[start : start + _MERGED_AT_ONCE]) for start in groups]
    return merge_updates(*updates) if len(updates) > 1 else updates[0]


def find_harmful(document: Document, updates: Sequence[bytes]) -> list[bytes]:
    """Find out, on copies, on which updates the core fails. None, if that cannot be told."""
    harmful: list[bytes] = []
    copy: Doc[Any] | None = None
    for update in updates:
        try:
            if copy is None:
                copy = document.copy()
        except BaseException as error:
            if not is_core_failure(error):
                raise
            return harmful
        try:
            copy.apply_update(update)
        except BaseException as error:
            if not is_core_failure(error):
                raise
            copy = None
            harmful.append(update)
    return harmful


def is_core_failure(error: BaseException) -> bool:
    """Whether the CRDT core failed: an exception, or a panic, which is none so that it ends a program unawares."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"

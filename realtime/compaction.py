"""When and how the log of a document is folded into a snapshot.

Folding is for space and for opening fast; nothing depends on it. The rule weighs the log against the snapshot, so that
the bytes rewritten stay in proportion to the bytes that came.
"""

from collections.abc import Sequence
from typing import Any

from pycrdt import Doc

# Below this, opening reads the log in well under a millisecond and folding would only rewrite it.
FEWEST_UPDATES = 200
# A log of few large updates (imports, pastes) is folded once it is as long as the snapshot, but never for less.
FEWEST_BYTES = 256 * 1024


def is_due(*, updates: int, log_bytes: int, snapshot_bytes: int) -> bool:
    """Whether a log of so many updates and bytes behind a snapshot of so many bytes is worth folding."""
    return updates >= FEWEST_UPDATES or log_bytes >= max(FEWEST_BYTES, snapshot_bytes)


def fold(updates: Sequence[bytes]) -> bytes:
    """Fold updates, in any order and with repeats, into one update that holds the same document.

    Applied to a document and read back, not merely merged: what was deleted leaves its bytes behind only this way.
    Raises ValueError if an update cannot be read.
    """
    doc: Doc[Any] = Doc()
    with doc.transaction():
        for update in updates:
            doc.apply_update(update)
    return doc.get_update()

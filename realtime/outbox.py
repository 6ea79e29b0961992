"""What one connection still has to be sent: bounded in bytes, presence merged.

The outbox never refuses and never grows past its bound. A peer that does not read has its queue dropped and is marked
`behind`; when it drains, the room replaces what was dropped by one difference.
"""

from collections import Counter, deque
from collections.abc import Callable

from realtime import awareness, wire

_SAVED = wire.sync_status(saved=True)


class Outbox:
    """The frames and the presence that wait for one connection.

    `limit_bytes`: beyond it the queue is dropped. `wake` is called when something to send has come.
    """

    def __init__(self, *, limit_bytes: int, wake: Callable[[], None]) -> None:
        self._limit_bytes = limit_bytes
        self._wake = wake
        self._frames: deque[bytes] = deque()
        self._questions: dict[bytes, bytes] = {}
        self._saved: Counter[bytes] = Counter()
        self._presence: dict[bytes, dict[int, bytes]] = {}
        self.waiting_bytes = 0
        self.behind = False
        self.dropped = 0

    def __bool__(self) -> bool:
        """Whether something is still owed; what was dropped is, until the difference is queued."""
        return self.behind or bool(self._frames or self._questions or self._saved or self._presence)

    def put(self, frame: bytes) -> None:
        """Queue a frame. While the connection is behind, frames are not kept: a difference will replace them."""
        if self.behind:
            return
        if self._frames and self.waiting_bytes + len(frame) > self._limit_bytes:
            # The bound. Everything queued is in the document, so nothing is lost with the queue. A single frame is
            # taken whatever its size: it may be the whole of a large document, and there is nothing smaller to send.
            self.dropped += 1
            self.behind = True
            self._frames.clear()
            self.waiting_bytes = 0
        else:
            self._frames.append(frame)
            self.waiting_bytes += len(frame)
        self._wake()

    def put_question(self, prefix: bytes, frame: bytes) -> None:
        """Queue our step 1, the newest per document. Never dropped: no difference would replace it."""
        self._questions[prefix] = frame
        self._wake()

    def put_saved(self, prefix: bytes, count: int) -> None:
        """Queue so many acknowledgements. Never dropped: a client that waits for one would say "Saving" for ever."""
        self._saved[prefix] += count
        self._wake()

    def put_presence(self, prefix: bytes, entries: dict[int, bytes]) -> None:
        """Queue presence, newest entry per client. Not counted: it is bounded by the clients of the room."""
        waiting = self._presence.get(prefix)
        if waiting is None:
            self._presence[prefix] = dict(entries)
        else:
            waiting.update(entries)
        self._wake()

    def forget(self, prefix: bytes) -> None:
        """Drop what is not frames of a document that the connection has left."""
        self._saved.pop(prefix, None)
        self._questions.pop(prefix, None)
        self._presence.pop(prefix, None)

    def take(self) -> list[bytes]:
        """Take all that waits: frames, then questions and acknowledgements, presence last."""
        frames = [*self._frames, *self._questions.values()]
        for prefix, count in self._saved.items():
            frames += [prefix + _SAVED] * count
        self._frames.clear()
        self._questions.clear()
        self._saved.clear()
        self.waiting_bytes = 0
        for prefix, entries in self._presence.items():
            frames.append(prefix + wire.awareness(awareness.encode(entries.values())))
        self._presence.clear()
        return frames

"""What one connection still has to be sent, in the frames in which it goes out: bounded in bytes, presence merged.

The outbox never refuses and never grows past its bound. A peer that does not read has its queue dropped and is marked
`behind`; when it drains, the room replaces what was dropped by one difference.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from realtime import awareness, websocket, wire

_SAVED = wire.sync_status(saved=True)
# Sending more is work that whoever has asked for it pays for, when it is taken out of the queue.
LARGE_FRAME_BYTES = 16 * 1024
# About a millisecond of copying into the network.
_LARGE_BYTES_A_TURN = 2 * 1024 * 1024


class Outbox:
    """The frames and the presence that wait for one connection.

    `limit_bytes`: beyond it the queue is dropped. `wake` is called when something to send has come to an outbox that
    had nothing. What few connections ever need is made when it is needed: there are many connections.
    `write`: where a frame goes at once if none waits, while the connection takes what it is given; else None.
    """

    dropped_by_all: ClassVar[int] = 0
    """How many queues this process has dropped, those of connections that are gone included."""

    __slots__ = (
        "_frames",
        "_limit_bytes",
        "_presence",
        "_questions",
        "_saved",
        "_wake",
        "awake",
        "behind",
        "dropped",
        "is_crowded",
        "postponed",
        "spoke",
        "waiting_bytes",
        "write",
    )

    def __init__(self, *, limit_bytes: int, wake: Callable[[], None]) -> None:
        self._limit_bytes = limit_bytes
        self._wake = wake
        self.write: Callable[[bytes], object] | None = None
        self.spoke = False
        """Whether something was sent since whoever asks has last set this to False."""
        self.awake = False
        """Whether something was queued since all of it was last taken."""
        self._frames: list[bytes] = []
        self._questions: dict[bytes, bytes] | None = None
        self._saved: dict[bytes, int] | None = None
        # By prefix: the newest entry of each client, and the frame that says just these, if there is one.
        self._presence: dict[bytes, tuple[Mapping[int, bytes], bytes | None]] | None = None
        self.waiting_bytes = 0
        self.behind = False
        self.dropped = 0
        self.is_crowded: Callable[[], bool] | None = None
        """Whether more waits for the connection, or for its person, than stands here."""
        self.postponed = False
        """Whether an answer was not given because it had no room; whoever sends has it asked for again."""

    def put(self, message: bytes) -> None:
        """Send or queue a message."""
        self.put_frame(websocket.frame(message))

    def put_frame(self, frame: bytes) -> None:
        """Send or queue a frame, which others may be sent, too.

        While the connection is behind, none is kept: a difference will replace them.
        """
        if self.write is not None and not self.awake and len(frame) <= LARGE_FRAME_BYTES:
            self.spoke = True
            self.write(frame)
            return
        if not self.behind:
            self._queue([frame], len(frame))

    def _queue(self, parts: list[bytes], length: int) -> None:
        waiting_bytes = self.waiting_bytes + length
        if self._frames and waiting_bytes > self._limit_bytes:
            # The bound. Everything queued is in the document, so nothing is lost with the queue. A single message is
            # taken whatever its size: it may be the whole of a large document, and there is nothing smaller to send.
            self.dropped += 1
            Outbox.dropped_by_all += 1
            self.behind = True
            self._frames.clear()
            self.waiting_bytes = 0
        else:
            self._frames += parts
            self.waiting_bytes = waiting_bytes
        self._rouse()

    def put_large(self, head: bytes, body: bytes) -> None:
        """Queue one message in two parts, without a copy of its body: many are sent the same large document."""
        if self.behind:
            return
        start = websocket.frame_head(len(head) + len(body)) + head
        self._queue([start, body], len(start) + len(body))

    def has_room(self) -> bool:
        """Whether something large may come now: one thing at a time."""
        return self.waiting_bytes <= LARGE_FRAME_BYTES and (self.is_crowded is None or not self.is_crowded())

    def put_question(self, prefix: bytes, message: bytes) -> None:
        """Queue our step 1, the newest per document. Never dropped: no difference would replace it."""
        if self._questions is None:
            self._questions = {}
        self._questions[prefix] = message
        self._rouse()

    def put_saved(self, prefix: bytes, count: int) -> None:
        """Queue so many acknowledgements. Never dropped: a client that waits for one would say "Saving" for ever."""
        if self._saved is None:
            self._saved = {}
        self._saved[prefix] = self._saved.get(prefix, 0) + count
        self._rouse()

    def put_presence(self, prefix: bytes, entries: Mapping[int, bytes], frame: bytes | None = None) -> None:
        """Queue presence, the newest entry per client. Not counted: it is bounded by the clients of the room.

        `frame`: what says just these entries, if it was made already.
        """
        if frame is not None and not self.awake:
            # Nothing waits, and mostly this will not either.
            self.put_frame(frame)
            return
        if self._presence is None:
            self._presence = {}
        waiting = self._presence.get(prefix)
        self._presence[prefix] = (entries, frame) if waiting is None else ({**waiting[0], **entries}, None)
        self._rouse()

    def forget(self, prefix: bytes) -> None:
        """Drop what is not text of a document that the connection has left."""
        for kind in (self._saved, self._questions, self._presence):
            if kind is not None:
                kind.pop(prefix, None)

    def take(self) -> list[bytes]:
        """Take all that waits, as bytes to be sent one after another.

        First what was put, then questions and acknowledgements, presence last.
        """
        frames, self._frames = self._frames, []
        self.waiting_bytes = 0
        self.awake = False
        self.spoke = True
        if self._questions:
            frames += [websocket.frame(question) for question in self._questions.values()]
            self._questions = None
        if self._saved:
            for prefix, count in self._saved.items():
                frames += [websocket.frame(prefix + _SAVED)] * count
            self._saved = None
        if self._presence:
            for prefix, (entries, frame) in self._presence.items():
                frames.append(frame or websocket.frame(prefix + wire.awareness(awareness.encode(entries.values()))))
            self._presence = None
        return frames

    def _rouse(self) -> None:
        if not self.awake:
            self.awake = True
            self._wake()


class Sender(Protocol):
    """A connection that sends what its outbox holds."""

    @property
    def waiting_bytes(self) -> int:
        """How much that is, presence and acknowledgements aside."""
        ...

    def deliver(self) -> None:
        """Send it, if the connection takes it now."""
        ...


class Deliveries:
    """The connections with something to send. They send together: at the end of a turn of the loop, or when told to.

    What is large goes out some at a time: while fifty people are sent a large document, others type.
    """

    def __init__(self, at_the_end_of_the_turn: Callable[[Callable[[], None]], object]) -> None:
        self._later = at_the_end_of_the_turn
        self._due: list[Sender] = []
        self._large: deque[Sender] = deque()

    def add(self, sender: Sender) -> None:
        """Let a connection send."""
        if not self._due:
            self._later(self.run)
        self._due.append(sender)

    def run(self) -> None:
        """Let all of them send now."""
        due, self._due = self._due, []
        for sender in due:
            if sender.waiting_bytes <= LARGE_FRAME_BYTES:
                sender.deliver()
            else:
                self._large.append(sender)
                if len(self._large) == 1:
                    self._later(self._run_large)

    def _run_large(self) -> None:
        """Let those with much send a part of it all, and the others in later turns."""
        left = _LARGE_BYTES_A_TURN
        while self._large and left > 0:
            sender = self._large.popleft()
            left -= sender.waiting_bytes
            sender.deliver()
        if self._large:
            self._later(self._run_large)
